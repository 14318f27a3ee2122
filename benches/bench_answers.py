"""Answers: features of questions and contexts, and decoding; the core, its twin, and what people run today.

    pytest benches/bench_answers.py --benchmark-enable --benchmark-only
    python benches/bench_answers.py [--questions N] [--vocab FOLDER] [--rounds N]   # ratios of one run

Features are those of ``run_qa.py`` of transformers; decoding is its own (n_best 20) and that of transformers 4's
pipeline (top_k 1 and 20), all in plain form (`tests/answer_peers.py`). Results are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ferrobert as fb
from ferrobert import BertTokenizer, reference
from ferrobert.bench.texts import read_corpus, vocabulary
from ferrobert.bench.timing import calls_in_turns

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.answer_peers import pipeline_decode, postprocess_predictions, prepare_train_features
from tests.answers_check import logits_for, logits_of, questions_of
from tests.conftest import data_folder

LENGTHS = (384, 512)
PARAGRAPHS = 24
"""Of a context, where there is no real data."""

Calls = dict[str, Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Job:
    """The same features and logits for everybody."""

    contexts: list[str]
    features: fb.BatchEncoding
    samples: list[int]
    encodings: list[Any]
    """Of the tokenizers package, one a feature."""
    offsets: list[list[tuple[int, int] | None]]
    starts: NDArray[np.float32]
    ends: NDArray[np.float32]


def pairs_of(number: int) -> tuple[str, list[str], list[str]]:
    """Questions and contexts of SQuAD dev; without the real data, of the texts that come along."""
    if data_folder() is not None:
        return f"{number} questions of SQuAD dev", *questions_of(number, 7)
    texts = list(read_corpus(None).texts)
    contexts = [" ".join(texts[start : start + PARAGRAPHS]) for start in range(0, len(texts), PARAGRAPHS)]
    contexts = (contexts * (1 + number // len(contexts)))[:number]
    return "the texts that come along", [f"{context[:40]}?" for context in contexts], contexts


def decoding_job(
    tokenizer: BertTokenizer, questions: list[str], contexts: list[str], length: int, model: str | None = None
) -> Job:
    """Features of so many tokens, padded, and logits of a model, or such that rise around one place as theirs do."""
    options: dict[str, Any] = {
        "truncation": "only_second",
        "max_length": length,
        "stride": 128,
        "return_overflowing_tokens": True,
        "return_offsets_mapping": True,
        "padding": "max_length",
    }
    features = tokenizer(questions, contexts, **options)
    theirs = tokenizer.as_transformers()(questions, contexts, **options)
    samples = list(theirs["overflow_to_sample_mapping"])
    offsets = [
        [span if sequence == 1 else None for span, sequence in zip(row.offsets, row.sequence_ids, strict=True)]
        for row in theirs.encodings
    ]
    draws = np.random.Generator(np.random.Philox(8))
    if model is None:
        starts, ends = logits_for("trained", (len(samples), length), draws)
    else:
        pipe = fb.pipeline("question-answering", model, tokenizer, device="cpu")
        starts, ends = logits_of(pipe, features, length)
    return Job(contexts, features, samples, list(theirs.encodings), offsets, starts, ends)


def features_of(tokenizer: BertTokenizer, questions: list[str], contexts: list[str]) -> Calls:
    """Features for training -> the calls; the core first. The answer is some words of the context."""
    answers = []
    for context in contexts:
        start = context.index(" ", len(context) // 2) + 1 if " " in context[len(context) // 2 :] else 0
        answers.append({"text": [context[start : start + 20].rstrip()], "answer_start": [start]})
    theirs = tokenizer.as_transformers()
    return {
        "ferrobert": lambda: fb.encode_questions(questions, contexts, tokenizer, answers=answers),
        "run_qa.py": lambda: prepare_train_features(theirs, questions, contexts, answers),
        "twin": lambda: reference.encode_questions(questions, contexts, tokenizer, answers=answers),
    }


def compare_features(calls: Calls) -> int:
    """Whether everybody makes the same; the number of features."""
    ours, *others = (call() for call in calls.values())
    for other in others:
        for key in ("input_ids", "overflow_to_sample_mapping", "start_positions", "end_positions"):
            if [list(row) if isinstance(row, list) else row for row in ours[key]] != list(other[key]):
                raise SystemExit(f"{key} differ")
    return len(ours["start_positions"])


def run_qa(job: Job) -> Calls:
    """The n-best lists of ``run_qa.py`` -> the calls; the core first."""
    options: dict[str, Any] = {"top_k": 20, "details": True}
    return {
        "ferrobert": lambda: fb.decode_answers(job.starts, job.ends, job.features, **options),
        "run_qa.py": lambda: postprocess_predictions(job.contexts, job.samples, job.offsets, job.starts, job.ends),
        "twin": lambda: reference.decode_answers(job.starts, job.ends, job.features, **options),
    }


def predictions(job: Job) -> Calls:
    """The predictions of ``run_qa.py``, of which it makes n-best lists of 20 first -> the calls; the core first."""
    return {**run_qa(job), "ferrobert": lambda: fb.decode_answers(job.starts, job.ends, job.features)}


def pipeline(job: Job, top_k: int) -> Calls:
    """The answers of transformers 4's pipeline -> the calls; the core first."""
    options: dict[str, Any] = {
        "top_k": top_k,
        "max_answer_length": 15,
        "rank_by": "probability",
        "align_to_words": True,
    }
    return {
        "ferrobert": lambda: fb.decode_answers(job.starts, job.ends, job.features, **options),
        "pipeline of 4": lambda: pipeline_decode(
            job.contexts, job.samples, job.encodings, job.starts, job.ends, top_k=top_k
        ),
        "twin": lambda: reference.decode_answers(job.starts, job.ends, job.features, **options),
    }


def compare(calls: Calls, key: str) -> None:
    """Whether everybody finds the same best answers; the twin all of them."""
    ours, theirs, twins = (call() for call in calls.values())
    for mine, their, twin in zip(ours, theirs, twins, strict=True):
        mine, twin = (found if isinstance(found, list) else [found] for found in (mine, twin))
        if [(one["start"], one["end"]) for one in mine] != [(one["start"], one["end"]) for one in twin]:
            raise SystemExit("the core and its twin differ")
        value = mine[0]["score"] if key == "score" else mine[0]["start_logit"] + mine[0]["end_logit"]
        same = (mine[0]["start"], mine[0]["end"]) == (their[0]["start"], their[0]["end"])
        # "empty": run_qa.py kept no start and end that fit.
        if not same and not value > their[0][key] - 1e-6 and their[0]["answer"] != "empty":
            raise SystemExit(f"{their[0]} is better than {mine[0]}")


def main() -> None:
    """Ratios of one run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--vocab", help="folder, vocab.txt, tokenizer.json or hub id")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--model", help="decode the logits of this model, uncased")
    options = parser.parse_args()
    name, questions, contexts = pairs_of(options.questions)
    data = data_folder()
    bert = options.vocab or (data / "vocab" / "bert-base-uncased" if data else vocabulary(None)[0])
    tokenizer = BertTokenizer.from_pretrained(bert, model_max_length=512)
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("transformers", "tokenizers", "numpy")
    )
    print(f"{name}; ferrobert {fb.__version__}, {versions}")
    print(f"{'job':44} {'who':14} {'features/s':>11} {'us a feature':>13}  times as long as ferrobert (range)")
    calls = features_of(tokenizer, [question.lstrip() for question in questions], contexts)
    show("features with positions, 384 tokens", calls, compare_features(calls), options.rounds)
    for length in LENGTHS:
        job = decoding_job(tokenizer, questions, contexts, length, options.model)
        jobs = {
            f"predictions, {length} tokens": (predictions(job), None),
            f"n-best lists of 20, {length} tokens": (run_qa(job), "value"),
            f"pipeline's answer, {length} tokens": (pipeline(job, 1), "score"),
            f"pipeline's 20 answers, {length} tokens": (pipeline(job, 20), "score"),
        }
        for what, (calls, key) in jobs.items():
            if key is not None:  # predictions are the first of the lists
                compare(calls, key)
            show(what, calls, len(job.samples), options.rounds)


def show(what: str, calls: Calls, number: int, rounds: int) -> None:
    """Measure and print one job."""
    del calls["twin"]
    measured = calls_in_turns(calls, rounds)
    for who, timing in measured.items():
        ratio = timing.over(measured["ferrobert"])
        print(
            f"{what:44} {who:14} {number / timing.median:11,.0f} {timing.median / number * 1e6:13.2f}"
            + ("" if who == "ferrobert" else f"  {ratio.median:6.0f}x ({ratio.low:.0f} to {ratio.high:.0f})"),
            flush=True,
        )


# --- the same under pytest-benchmark ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def job() -> Job:
    """Some features of 384 tokens."""
    tokenizer = BertTokenizer.from_pretrained(vocabulary(None)[0], model_max_length=512)
    _, questions, contexts = pairs_of(16)
    return decoding_job(tokenizer, questions, contexts, 384)


@pytest.mark.parametrize("name", ["ferrobert", "run_qa.py", "twin"])
def bench_features(benchmark: Any, name: str) -> None:
    """Features of questions with the places of their answers."""
    _, questions, contexts = pairs_of(64)
    calls = features_of(BertTokenizer.from_pretrained(vocabulary(None)[0], model_max_length=512), questions, contexts)
    compare_features(calls)
    benchmark(calls[name])


@pytest.mark.parametrize("name", ["ferrobert", "run_qa.py", "twin"])
def bench_n_best_lists(benchmark: Any, job: Job, name: str) -> None:
    """20 answers of each example, by logits."""
    calls = run_qa(job)
    compare(calls, "value")
    benchmark(calls[name])


@pytest.mark.parametrize("name", ["ferrobert", "pipeline of 4", "twin"])
def bench_answers_of_the_pipeline(benchmark: Any, job: Job, name: str) -> None:
    """The best answer of each example, by probability."""
    calls = pipeline(job, 1)
    compare(calls, "score")
    benchmark(calls[name])


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
