"""Labels: words and labels to tensors, and alignment alone; the core, its twin, and the loop that everybody copies.

    pytest benches/bench_labels.py --benchmark-enable --benchmark-only
    python benches/bench_labels.py [--conll FILE] [--vocab FOLDER] [--rounds N]   # ratios of one run

The loop is that of notebooks: transformers' tokenizer with ``is_split_into_words=True``, ``word_ids()``, -100, tensors.
Results are compared before anything is timed; batches are dropped one by one, as a training loop drops them. Everybody
has the threads that it takes by itself.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import random
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ferrobert as fb
from ferrobert import BertTokenizer, reference
from ferrobert.bench.texts import read_corpus, vocabulary
from ferrobert.bench.timing import calls_in_turns

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.conftest import data_folder
from tests.labels_cases import read_conll

ROWS = (32, 256, 100_000)
"""Rows of a call."""

Sentences = tuple[list[list[str]], list[list[str]]]
Calls = dict[str, Callable[[], Any]]


def sentences_of(file: Path | None) -> tuple[str, Sentences]:
    """Words and tags of a file, by default of WNUT17; without the real data, of the texts that come along."""
    data = data_folder()
    if file is None and data is not None:
        file = data / "ner" / "wnut17_train.conll"
    if file is not None:
        return file.name, read_conll(file)
    generator = random.Random(17)
    words = [text.split() for text in read_corpus(None).texts]
    tags = [[generator.choice(["O"] * 9 + ["B-X", "I-X"]) for _ in row] for row in words]
    return "the texts that come along, labels at random", (words, tags)


def loop(word_ids: list[int | None], labels: list[str], label2id: dict[str, int]) -> list[int]:
    """The loop of the notebooks, for one row."""
    previous, made = None, []
    for word in word_ids:
        if word is None:
            made.append(-100)
        elif word != previous:
            made.append(label2id[labels[word]])
        else:
            made.append(-100)
        previous = word
    return made


def to_tensors(
    tokenizer: BertTokenizer, theirs: Any, sentences: Sentences, label2id: dict[str, int], rows: int
) -> Calls:
    """Who makes tensors of words and labels, in calls of so many rows -> iterators over batches; the core first."""
    words, tags = sentences
    batches = [(words[start : start + rows], tags[start : start + rows]) for start in range(0, len(words), rows)]
    features = [[{"tokens": row, "ner_tags": labels} for row, labels in zip(*batch, strict=True)] for batch in batches]
    collator = fb.DataCollatorForTokenClassification(tokenizer, label2id=label2id)

    def copied(batch: Sentences) -> Any:
        encoding = theirs(batch[0], is_split_into_words=True, truncation=True, padding=True, return_tensors="pt")
        labels = [loop(encoding.word_ids(row), given, label2id) for row, given in enumerate(batch[1])]
        encoding["labels"] = torch.tensor(labels)
        return encoding

    return {
        "ferrobert": lambda: map(collator, features),
        "the loop": lambda: map(copied, batches),
    }


def dropped(calls: Calls) -> Calls:
    """Calls that make all batches, and keep none."""
    return {name: lambda call=call: deque(call(), maxlen=0) for name, call in calls.items()}


def alone(tokenizer: BertTokenizer, theirs: Any, sentences: Sentences, label2id: dict[str, int]) -> Calls:
    """Who aligns labels with an encoding that is there -> the call; the core first, of lists and of a column of ids."""
    words, tags = sentences
    encoding = tokenizer(words, is_split_into_words=True, return_offsets_mapping=True)
    copied = theirs(words, is_split_into_words=True)
    columns = fb.Ragged(
        np.array([label2id[tag] for row in tags for tag in row], np.int64), np.cumsum([0, *map(len, tags)])
    )
    return {
        "ferrobert": lambda: fb.align_labels(encoding, tags, label2id=label2id),
        "  columns": lambda: fb.align_labels(encoding, columns),
        "the loop": lambda: [loop(copied.word_ids(row), given, label2id) for row, given in enumerate(tags)],
        "twin": lambda: reference.align_labels(encoding, tags, label2id=label2id),
    }


def back(tokenizer: BertTokenizer, theirs: Any, sentences: Sentences, label2id: dict[str, int]) -> Calls:
    """Who makes labels of words of those of tokens -> the call; the core first."""
    words, tags = sentences
    id2label = {id: label for label, id in label2id.items()}
    encoding = tokenizer(words, is_split_into_words=True, return_offsets_mapping=True)
    copied = theirs(words, is_split_into_words=True)
    labels = fb.align_labels(encoding, tags, label2id=label2id)
    lists = [row.tolist() for row in labels]

    def loop_back() -> list[list[str]]:
        made = []
        for row, ids in enumerate(lists):
            previous, found = None, []
            for word, id in zip(copied.word_ids(row), ids, strict=True):
                if word is not None and word != previous:
                    found.append(id2label[id])
                previous = word
            made.append(found)
        return made

    return {"ferrobert": lambda: fb.word_labels(encoding, labels, id2label=id2label), "the loop": loop_back}


def compare(calls: Calls) -> None:
    """Whether everybody does the same job."""
    results = [as_lists(call()) for call in calls.values()]
    for name, result in zip(calls, results, strict=True):
        if result != results[0]:
            raise SystemExit(f"{name} and the core differ")


def as_lists(made: Any) -> Any:
    """Results in a form that can be compared."""
    if hasattr(made, "keys"):
        return {key: made[key].tolist() for key in sorted(made)}
    return [as_lists(part) if hasattr(part, "keys") else list(part) for part in made]


def main() -> None:
    """Ratios of one run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--conll", type=Path, help="a word and a tag a line; by default WNUT17's train set")
    parser.add_argument("--vocab", help="folder, vocab.txt, tokenizer.json or hub id")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    name, sentences = sentences_of(options.conll)
    data = data_folder()
    bert = options.vocab or (data / "vocab" / "bert-base-uncased" if data else vocabulary(None)[0])
    tokenizer = BertTokenizer.from_pretrained(bert, model_max_length=512)
    theirs = tokenizer.as_transformers()
    label2id = {label: id for id, label in enumerate(sorted({tag for row in sentences[1] for tag in row}))}
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("transformers", "tokenizers"))
    number, words = len(sentences[0]), sum(map(len, sentences[0]))
    print(f"{name}: {number:,} sentences, {words:,} words; ferrobert {fb.__version__}, {versions}")
    print(f"{'job':44} {'who':10} {'sentences/s':>12} {'ns a word':>10}  times as long as ferrobert (range)")
    jobs: dict[str, Calls] = {}
    for rows in ROWS:
        calls = to_tensors(tokenizer, theirs, sentences, label2id, rows)
        compare(calls)
        jobs[f"words -> tensors, {min(rows, number):,} rows a call"] = dropped(calls)
    for job, make in (("alignment alone", alone), ("labels of tokens -> labels of words", back)):
        jobs[job] = make(tokenizer, theirs, sentences, label2id)
        compare(jobs[job])
    for job, calls in jobs.items():
        measured = calls_in_turns(calls, options.rounds)
        for who, timing in measured.items():
            ratio = timing.over(measured["ferrobert"])
            print(
                f"{job:44} {who:10} {number / timing.median:12,.0f} {timing.median / words * 1e9:10.1f}"
                + ("" if who == "ferrobert" else f"  {ratio.median:6.1f}x ({ratio.low:.1f} to {ratio.high:.1f})"),
                flush=True,
            )


# --- the same under pytest-benchmark --------------------------------------------------------------------


@pytest.fixture(scope="module")
def job() -> tuple[BertTokenizer, Any, Sentences, dict[str, int]]:
    """The texts that come along, with labels at random."""
    tokenizer = BertTokenizer.from_pretrained(vocabulary(None)[0], model_max_length=512)
    words = [text.split() for text in read_corpus(None).texts][:256]
    tags = [["B-X" if place % 7 == 0 else "O" for place, _ in enumerate(row)] for row in words]
    return tokenizer, tokenizer.as_transformers(), (words, tags), {"O": 0, "B-X": 1}


@pytest.mark.parametrize("name", ["ferrobert", "the loop"])
def bench_words_to_tensors(benchmark: Any, job: Any, name: str) -> None:
    """Words and labels to padded tensors."""
    calls = to_tensors(*job, 256)
    compare(calls)
    benchmark(dropped(calls)[name])


@pytest.mark.parametrize("name", ["ferrobert", "the loop", "twin"])
def bench_alignment_alone(benchmark: Any, job: Any, name: str) -> None:
    """Labels of words to labels of tokens, of an encoding that is there."""
    calls = alone(*job)
    compare(calls)
    benchmark(calls[name])


if __name__ == "__main__":
    main()
