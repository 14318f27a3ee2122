"""transformers' BertTokenizer over the tokenizers package: the reference."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from typing import Any

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.peers.ferrobert import NO_LIMIT
from ferrobert.bench.subject import Library, Setting


class Transformers(Library):
    """transformers 5 and the tokenizers package that it uses."""

    name = "transformers"
    package = "transformers"
    module = "transformers"
    can = tuple(Kind)

    def version(self) -> str | None:
        """Both versions: the work is done by tokenizers."""
        version = super().version()
        return version and f"{version} (tokenizers {importlib.metadata.version('tokenizers')})"

    def load(self, setting: Setting) -> Any:
        """A tokenizer from the folder."""
        tokenizer = importlib.import_module(self.module).BertTokenizer.from_pretrained(setting.folder)
        tokenizer.model_max_length = NO_LIMIT
        return tokenizer

    def call(self, tokenizer: Any, job: Job, work: Work, setting: Setting) -> Callable[[], Any]:
        """Its call; flat ids by the quicker call of the tokenizers package that keeps no offsets."""
        arguments, options = work.arguments, job.options
        if job.kind is Kind.IDS:
            [texts] = arguments
            encode = tokenizer.backend_tokenizer.encode_batch_fast
            return lambda: [encoding.ids for encoding in encode(texts)]
        if job.kind is Kind.OFFSETS:

            def offsets() -> Any:
                encoding = tokenizer(*arguments, **options)
                return encoding, [encoding.word_ids(row) for row in range(len(encoding["input_ids"]))]

            return offsets
        if job.kind is Kind.SINGLE:
            [text] = arguments
            return lambda: tokenizer(text)
        if job.kind is Kind.SINGLE_READ:
            [text] = arguments
            return lambda: tokenizer(text)["input_ids"]
        return lambda: tokenizer(*arguments, **options)

    def named(self, result: Any, tokenizer: Any, job: Job) -> Mapping[str, Any]:
        """Its own names."""
        match job.kind:
            case Kind.IDS:
                return {"input_ids": result}
            case Kind.OFFSETS:
                encoding, words = result
                word_ids = [[-1 if word is None else word for word in row] for row in words]
                named = {name: encoding[name] for name in ("input_ids", "offset_mapping")}
                return {**named, "word_ids": word_ids}
            case Kind.SINGLE:
                return {"input_ids": [result["input_ids"]]}
            case Kind.SINGLE_READ:
                return {"input_ids": [result]}
            case _:
                return dict(result)
