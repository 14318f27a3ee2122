"""Masking: the core, its twin, transformers' collator, and numpy on a ready array.

    pytest benches/bench_masking.py --benchmark-enable --benchmark-only
    python benches/bench_masking.py [--corpus FILE] [--vocab FOLDER] [--rounds N]   # ratios of one run

Results are compared before anything is timed: the core's masks are the twin's, draw for draw; what is not masked is as
transformers has it; shares agree. Everybody has the threads that it takes by itself, as in training.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

import ferrobert as fb
from ferrobert import BertTokenizer, reference
from ferrobert.bench.texts import read_corpus, vocabulary
from ferrobert.bench.timing import calls_in_turns

SIZES = ((32, 128), (64, 512), (128, 512), (256, 512))
PARAGRAPHS = 8
"""Of a row, so that every row is full."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The same rows in every form."""

    rows: list[dict[str, Any]]
    encoding: fb.BatchEncoding
    matrix: NDArray[np.int64]
    special: torch.Tensor
    """Which tokens of the matrix are special, as transformers' kernel takes it."""

    @property
    def tokens(self) -> int:
        """All of them, padding included."""
        return self.matrix.size


def batch_of(tokenizer: BertTokenizer, texts: list[str], rows: int, length: int) -> Batch:
    """Rows of some paragraphs each, cut at ``length`` tokens."""
    joined = [" ".join(texts[start : start + PARAGRAPHS]) for start in range(0, rows * PARAGRAPHS, PARAGRAPHS)]
    encoding, read = (tokenizer(joined, truncation=True, max_length=length) for _ in range(2))
    matrix = tokenizer(joined, truncation=True, max_length=length, padding="max_length", return_tensors="np")
    lists = {key: read[key] for key in read}
    return Batch(
        [{key: lists[key][row] for key in lists} for row in range(rows)],
        encoding,
        matrix["input_ids"],
        torch.from_numpy(np.isin(matrix["input_ids"], tokenizer.all_special_ids)),
    )


class NumpyMasking:
    """The fastest way in numpy that we know: one draw of 32 bits a token decides all, as in the core."""

    def __init__(self, tokenizer: BertTokenizer) -> None:
        unused = [id for token, id in tokenizer.get_vocab().items() if token.startswith("[unused")]
        self.special = np.zeros(len(tokenizer), bool)
        self.special[tokenizer.all_special_ids] = True
        self.random_ids = np.setdiff1d(np.flatnonzero(~self.special), unused)
        self.mask_id = tokenizer.mask_token_id
        self.generator = np.random.Generator(np.random.SFC64(1))
        self.selected, self.masked, self.random = (round(2**32 * share) for share in (0.15, 0.12, 0.135))

    def __call__(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        draws = self.generator.integers(0, 2**32, size=ids.size, dtype=np.uint32)
        places = np.flatnonzero(draws < self.selected)
        flat = ids.reshape(-1)
        places = places[~self.special[flat[places]]]
        draws = draws[places]
        masked, labels = flat.copy(), np.full(ids.size, -100, np.int64)
        labels[places] = flat[places]
        masked[places[draws < self.masked]] = self.mask_id
        random = places[(draws >= self.masked) & (draws < self.random)]
        masked[random] = self.random_ids[self.generator.integers(0, len(self.random_ids), size=len(random))]
        return masked.reshape(ids.shape), labels.reshape(ids.shape)


def subjects(tokenizer: BertTokenizer, batch: Batch) -> dict[str, dict[str, Callable[[], Any]]]:
    """Job -> who does it -> the call; the core first."""
    theirs = tokenizer.as_transformers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whole words become [MASK] always
        their_words = transformers.DataCollatorForLanguageModeling(theirs, whole_word_mask=True)
    their_collator = transformers.DataCollatorForLanguageModeling(theirs)
    spans = [span for row in range(len(batch.rows)) for span in [batch.encoding[row].offsets]]
    with_offsets = [{**row, "offset_mapping": offsets} for row, offsets in zip(batch.rows, spans, strict=True)]
    width = max(len(row["input_ids"]) for row in batch.rows)
    for row in with_offsets:  # transformers pads everything but the offsets
        row["offset_mapping"] = [*row["offset_mapping"], *[(0, 0)] * (width - len(row["input_ids"]))]
    collator, words = (fb.DataCollatorForLanguageModeling(tokenizer, whole_word_mask=whole) for whole in (False, True))
    tensor, in_numpy = torch.from_numpy(batch.matrix), NumpyMasking(tokenizer)
    return {
        "rows of lists": {
            "ferrobert": lambda: collator(batch.rows),
            "transformers": lambda: their_collator([dict(row) for row in batch.rows]),
        },
        "rows of lists, whole words": {
            "ferrobert": lambda: words(batch.rows),
            "transformers": lambda: their_words([dict(row) for row in with_offsets]),
        },
        "an encoding (transformers: its rows)": {
            "ferrobert": lambda: collator(batch.encoding),
            "transformers": lambda: their_collator([dict(row) for row in batch.rows]),
        },
        "a ready array": {
            "ferrobert": lambda: fb.mask_tokens(batch.matrix, tokenizer),
            "transformers": lambda: their_collator.torch_mask_tokens(tensor.clone(), batch.special),
            "numpy": lambda: in_numpy(batch.matrix),
        },
    }


def compare(tokenizer: BertTokenizer, batch: Batch) -> None:
    """Whether everybody does the same job."""
    few = tokenizer.pad({"input_ids": [row["input_ids"] for row in batch.rows[:3]]}, return_tensors="np")["input_ids"]
    for options in ({}, {"whole_word_mask": True}, {"exact": True}, {"max_span_length": 10}):
        ours, twins = (package.mask_tokens(few, tokenizer, seed=3, **options) for package in (fb, reference))
        if not all(np.array_equal(one, other) for one, other in zip(ours, twins, strict=True)):
            raise SystemExit(f"the core and its twin differ: {options}")
    for job, calls in subjects(tokenizer, batch).items():
        for name, call in calls.items():
            made = call()
            ids, labels = made if isinstance(made, tuple) else (made["input_ids"], made["labels"])
            ids, labels = np.asarray(ids), np.asarray(labels)
            selected = labels != -100
            whole = np.where(selected, labels, ids)
            if not np.array_equal(whole, batch.matrix[:, : whole.shape[1]]):
                raise SystemExit(f"{job}: tokens that {name} did not select are not those of the input")
            share = selected.sum() / (~np.isin(whole, tokenizer.all_special_ids)).sum()
            if not 0.12 < share < 0.18:
                raise SystemExit(f"{job}: {name} selected {share:.1%} of the tokens")


def main() -> None:
    """Ratios of one run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, help="a paragraph a line; by default the texts that come along")
    parser.add_argument("--vocab", help="folder, vocab.txt, tokenizer.json or hub id")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    corpus = read_corpus(options.corpus)
    tokenizer = BertTokenizer.from_pretrained(options.vocab or vocabulary(None)[0])
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("transformers", "torch", "numpy"))
    print(f"{corpus.name}; ferrobert {fb.__version__}, {versions}; {torch.get_num_threads()} threads of torch")
    print(f"{'rows x tokens':>14}  {'job':38} {'who':14} {'ns a token':>10}  times as long as ferrobert (range)")
    texts = list(corpus.texts) * (1 + SIZES[-1][0] * PARAGRAPHS // len(corpus.texts))
    for rows, length in SIZES:
        batch = batch_of(tokenizer, texts, rows, length)
        compare(tokenizer, batch)
        for job, calls in subjects(tokenizer, batch).items():
            measured = calls_in_turns(calls, options.rounds)
            for name, timing in measured.items():
                ratio = timing.over(measured["ferrobert"])
                print(
                    f"{f'{rows} x {length}':>14}  {job:38} {name:14} {timing.median / batch.tokens * 1e9:10.2f}"
                    + ("" if name == "ferrobert" else f"  {ratio.median:6.1f}x ({ratio.low:.1f} to {ratio.high:.1f})"),
                    flush=True,
                )


# --- the same under pytest-benchmark --------------------------------------------------------------------

JOBS = ("rows of lists", "rows of lists, whole words", "an encoding (transformers: its rows)", "a ready array")


@pytest.fixture(scope="module")
def tokenizer() -> BertTokenizer:
    """A vocabulary that comes along or is installed."""
    return BertTokenizer.from_pretrained(vocabulary(None)[0])


@pytest.fixture(scope="module")
def batch(tokenizer: BertTokenizer) -> Batch:
    """32 rows of 128 tokens; every subject's results are compared first."""
    texts = list(read_corpus(None).texts)
    made = batch_of(tokenizer, texts * (1 + 32 * PARAGRAPHS // len(texts)), 32, 128)
    compare(tokenizer, made)
    return made


@pytest.mark.parametrize("name", ["ferrobert", "transformers", "numpy"])
@pytest.mark.parametrize("job", JOBS)
def bench_masking(benchmark: Any, tokenizer: BertTokenizer, batch: Batch, job: str, name: str) -> None:
    """One job by one subject."""
    calls = subjects(tokenizer, batch)[job]
    if name not in calls:
        pytest.skip("no such call")
    benchmark.group = job
    benchmark(calls[name])


def bench_masking_twin(benchmark: Any, tokenizer: BertTokenizer, batch: Batch) -> None:
    """The pure-Python twin on the ready array."""
    benchmark.group = "a ready array"
    benchmark(lambda: reference.mask_tokens(batch.matrix, tokenizer))


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
