"""blingfire: automata in C++ with the vocabularies built in."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.peers.framed import NOTE, framed, vocab_of
from ferrobert.bench.subject import Library, Setting

# sha256 of a published vocab.txt -> blingfire's model of it.
MODELS = {
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3": "bert_base_tok.bin",
    "eeaa9875b23b04b4c54ef759d03db9d1ba1554838f8fb26c5d96fa551df93d02": "bert_base_cased_tok.bin",
    "fe0fda7c425b48c516fc8f160d594c8022a0808447475c1a7c6d6479763f310c": "bert_multi_cased.bin",
}
# A character becomes at most three: a Hangul syllable, decomposed.
TOKENS_A_CHARACTER = 3


class BlingFire(Library):
    """blingfire: an array of ids a text."""

    name = "blingfire"
    package = "blingfire"
    module = "blingfire"
    can = (Kind.IDS, Kind.SINGLE, Kind.SINGLE_READ)
    note = NOTE

    def cannot(self, job: Job, setting: Setting) -> str:
        """It has a few vocabularies of its own."""
        return super().cannot(job, setting) or ("" if model_of(setting.folder) else "it has no such vocabulary")

    def load(self, setting: Setting) -> Any:
        """Its automaton of the vocabulary."""
        blingfire = importlib.import_module(self.module)
        model = model_of(setting.folder)
        return blingfire.load_model(str(Path(str(blingfire.__file__)).parent / model)), vocab_of(setting.folder)

    def call(self, tokenizer: Any, job: Job, work: Work, setting: Setting) -> Callable[[], Any]:
        """One call a text: it has no batches."""
        model, vocab = tokenizer
        encode, unknown = importlib.import_module(self.module).text_to_ids, vocab["[UNK]"]
        [texts] = work.arguments
        if job.kind is not Kind.IDS:
            return lambda: encode(model, texts, TOKENS_A_CHARACTER * len(texts), unknown, True)
        return lambda: [encode(model, text, TOKENS_A_CHARACTER * len(text), unknown, True) for text in texts]

    def named(self, result: Any, tokenizer: Any, job: Job) -> Mapping[str, Any]:
        """Rows of ids."""
        _, vocab = tokenizer
        return {"input_ids": framed(result if job.kind is Kind.IDS else [result], vocab)}


def model_of(folder: Path) -> str:
    """The file of blingfire's own model of a vocabulary; empty where it has none."""
    vocab = folder / "vocab.txt"
    return MODELS.get(sha256(vocab.read_bytes()).hexdigest(), "") if vocab.is_file() else ""
