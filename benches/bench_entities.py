"""Decoding of entities: the core, its twin, and the postprocess of transformers' pipeline.

    pytest benches/bench_entities.py --benchmark-enable --benchmark-only
    python benches/bench_entities.py [--corpus FILE] [--vocab FOLDER] [--rounds N]   # ratios of one run

Results are compared before anything is timed: every entity of the core is transformers', on words that both see alike.
Decoding begins with logits and an encoding whose offsets are there, and ends with the dictionaries.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
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

SIZES = ((1, 128), (1, 512), (32, 128))
LABELS = ["O", *(f"{place}-{kind}" for kind in ("PER", "LOC", "ORG", "MISC") for place in "BI")]
LOGITS = ("mostly O", "random")
STRATEGIES = ("none", "simple", "first", "average", "max")
PARAGRAPHS = 24
"""Of a row, so that every row is full."""


@dataclass(frozen=True, slots=True)
class Job:
    """The same logits for both."""

    encoding: fb.BatchEncoding
    logits: NDArray[np.float32]
    """``(rows, width, labels)``."""
    theirs: Any
    """transformers' pipeline."""
    outputs: list[list[dict[str, Any]]]
    """What its model hands to its postprocess, a list a text."""

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.logits.shape[0] * self.logits.shape[1]


def logits_of(kind: str, rows: int, width: int) -> NDArray[np.float32]:
    """Even ones; or those of a model: sure, and a mention of one to four tokens in every twenty."""
    draws = np.random.default_rng(6)
    logits = draws.normal(0, 1, (rows, width, len(LABELS)))
    if kind == "random":
        return logits.astype(np.float32)
    logits[:, :, 0] += 8
    for row in range(rows):
        for start in range(draws.integers(1, 20), width, 20):
            begin, length = 1 + 2 * draws.integers(0, 4), draws.integers(1, 5)
            mention = logits[row, start : start + length]
            mention[:, 0] -= 8
            mention[0, begin] += 8
            mention[1:, begin + 1] += 8
    return logits.astype(np.float32)


def job_of(tokenizer: BertTokenizer, texts: list[str], rows: int, length: int, kind: str) -> Job:
    """Rows of some paragraphs each, cut at ``length`` tokens."""
    joined = [" ".join(texts[start : start + PARAGRAPHS]) for start in range(0, rows * PARAGRAPHS, PARAGRAPHS)]
    encoding = tokenizer(joined, truncation=True, max_length=length, padding=True, return_offsets_mapping=True)
    their_tokenizer = tokenizer.as_transformers()
    their_tokenizer.model_max_length = length
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
    )
    config.id2label = dict(enumerate(LABELS))
    model = transformers.BertForTokenClassification(config)
    theirs = transformers.pipeline("token-classification", model=model, tokenizer=their_tokenizer, device="cpu")
    logits = logits_of(kind, rows, length)
    outputs = []
    for text, of_text in zip(joined, logits, strict=True):
        [inputs] = theirs.preprocess(text, is_split_into_words=False)
        inputs["logits"] = torch.from_numpy(of_text[None, : inputs["input_ids"].shape[1]])
        outputs.append([inputs])
    return Job(encoding, logits[:, : len(encoding["input_ids"][0])], theirs, outputs)


def subjects(job: Job, strategy: str) -> dict[str, Callable[[], Any]]:
    """Who does it -> the call; the core first."""
    chosen = transformers.pipelines.token_classification.AggregationStrategy[strategy.upper()]
    return {
        "ferrobert": lambda: fb.decode_entities(job.logits, job.encoding, LABELS, aggregation_strategy=strategy),
        "transformers": lambda: [
            job.theirs.postprocess(outputs, aggregation_strategy=chosen) for outputs in job.outputs
        ],
        "twin": lambda: reference.decode_entities(job.logits, job.encoding, LABELS, aggregation_strategy=strategy),
    }


def compare(job: Job, strategy: str) -> None:
    """Whether everybody finds the same."""
    ours, theirs, twins = (call() for call in subjects(job, strategy).values())
    count = 0
    for row, (mine, their, twin) in enumerate(zip(ours, theirs, twins, strict=True)):
        if [{**one, "score": round(one["score"], 12)} for one in mine] != [
            {**one, "score": round(one["score"], 12)} for one in twin
        ]:
            raise SystemExit(f"{strategy}: the core and its twin differ in row {row}")
        if len(mine) != len(their):
            raise SystemExit(f"{strategy}: {len(mine)} entities in row {row}, transformers has {len(their)}")
        for one, other in zip(mine, their, strict=True):
            same = all(one[key] == other[key] for key in one if key not in ("score", "word"))
            if not same or abs(one["score"] - float(other["score"])) > 1e-6:
                raise SystemExit(f"{strategy}: {one} in row {row}, transformers has {other}")
        count += len(mine)
    if not count:
        raise SystemExit(f"{strategy}: nobody finds anything")


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
    print(f"{'rows x tokens':>14}  {'logits':9} {'strategy':9} {'us a call':>10}  {'transformers':>13}  ratio (range)")
    texts = list(corpus.texts) * (1 + SIZES[-1][0] * PARAGRAPHS // len(corpus.texts))
    for rows, length in SIZES:
        for kind in LOGITS:
            job = job_of(tokenizer, texts, rows, length, kind)
            for strategy in STRATEGIES:
                compare(job, strategy)
                calls = subjects(job, strategy)
                del calls["twin"]
                measured = calls_in_turns(calls, options.rounds)
                ours, theirs = measured["ferrobert"], measured["transformers"]
                ratio = theirs.over(ours)
                print(
                    f"{f'{rows} x {length}':>14}  {kind:9} {strategy:9} {ours.median * 1e6:10.1f}  "
                    f"{theirs.median * 1e6:13.1f}  {ratio.median:6.0f}x ({ratio.low:.0f} to {ratio.high:.0f})",
                    flush=True,
                )


# --- the same under pytest-benchmark ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def job() -> Job:
    """A text of 128 tokens, mostly O; results are compared first."""
    tokenizer = BertTokenizer.from_pretrained(vocabulary(None)[0])
    texts = list(read_corpus(None).texts)
    made = job_of(tokenizer, texts * (1 + PARAGRAPHS // len(texts)), 1, 128, "mostly O")
    for strategy in STRATEGIES:
        compare(made, strategy)
    return made


@pytest.mark.parametrize("name", ["ferrobert", "transformers", "twin"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def bench_entities(benchmark: Any, job: Job, strategy: str, name: str) -> None:
    """One strategy by one subject."""
    benchmark.group = f"entities, {strategy}"
    benchmark(subjects(job, strategy)[name])


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
