"""Labels against the loop over ``word_ids()`` on real data, and against their twin on random cases.

    python -m tests.labels_check [--cases N]      # some minutes; exit status 1 where something differs

The loop runs on transformers' tokenizer. Where the real data is not ($FERROBERT_DATA), only random cases are checked.
"""

from __future__ import annotations

import argparse
import random
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from tests.conftest import data_folder
from tests.labels_cases import FILES, VOCABULARIES, loop, outcome, random_case, read_conll

import ferrobert as fb
from ferrobert import _core
from ferrobert.labels import alignment, spans
from ferrobert.reference import labels as twin

#: Name of a way to encode -> options of the call.
WAYS: dict[str, dict[str, Any]] = {
    "whole": {},
    "cut at 16": {"truncation": True, "max_length": 16},
    "windows of 24, 6 shared": {
        "truncation": True,
        "max_length": 24,
        "stride": 6,
        "return_overflowing_tokens": True,
    },
    "windows of 12, none shared": {"truncation": True, "max_length": 12, "return_overflowing_tokens": True},
}


def compare_with_the_loop(data: Path, name: str, files: tuple[str, ...] = FILES, sentences: int | None = None) -> int:
    """Rows of all files that were compared with the loop, for one vocabulary.

    Raises:
        AssertionError: something differs.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # blank lines of vocabularies
        tokenizer = fb.AutoTokenizer.from_pretrained(data / "vocab" / name, model_max_length=10_000)
        theirs = tokenizer.as_transformers()
    rows = 0
    for file in files:
        words, tags = read_conll(data / "ner" / f"{file}.conll")
        words, tags = words[:sentences], tags[:sentences]
        label2id = {label: id for id, label in enumerate(sorted({tag for row in tags for tag in row}))}
        id2label = {id: label for label, id in label2id.items()}
        for way, options in WAYS.items():
            encoding = theirs(words, is_split_into_words=True, **options)
            samples = encoding.get("overflow_to_sample_mapping", range(len(words)))
            ours = tokenizer(words, is_split_into_words=True, return_offsets_mapping=True, **options)
            for everything in (False, True):
                expected = [
                    loop(encoding.word_ids(row), tags[sample], label2id, everything)
                    for row, sample in enumerate(samples)
                ]
                arguments: dict[str, Any] = {"label2id": label2id, "label_all_tokens": everything}
                for given in (ours, encoding):
                    made = fb.align_labels(given, tags, **arguments)
                    assert [row.tolist() for row in made] == expected, (name, file, way)
            rows += len(expected)
            back = fb.word_labels(ours, fb.align_labels(ours, tags, label2id=label2id), id2label=id2label)
            seen: list[set[int]] = [set() for _ in words]
            for row, sample in enumerate(samples):
                seen[sample].update(word for word in encoding.word_ids(row) if word is not None)
            for sample, labels in enumerate(tags):
                assert back[sample] == [label if word in seen[sample] else "O" for word, label in enumerate(labels)]
        padded = theirs(words, is_split_into_words=True, padding=True, return_tensors="pt")
        padded["labels"] = torch.tensor(
            [loop(padded.word_ids(row), labels, label2id) for row, labels in enumerate(tags)]
        )
        features = [{"tokens": row, "ner_tags": labels} for row, labels in zip(words, tags, strict=True)]
        for one in (tokenizer, theirs):
            batch = fb.DataCollatorForTokenClassification(one, label2id=label2id, truncation=False)(features)
            assert set(batch) == set(padded), (name, file)
            assert all(torch.equal(batch[key], padded[key]) for key in padded), (name, file)
    return rows


def compare_with_the_twin(cases: int, seed: int = 0) -> Counter[str]:
    """How many random cases gave labels, and how many which error, equal to the twin's.

    Raises:
        AssertionError: something differs.
    """
    generator = random.Random(seed)
    told: Counter[str] = Counter()
    for number in range(cases):
        case = random_case(generator)
        calls: dict[str, tuple[Any, Any, tuple[Any, ...]]] = {
            "labels": (
                alignment.align_rows,
                twin.align_rows,
                (case.words, case.labels, case.label2id, case.label_all_tokens, -100),
            ),
            "words": (alignment.first_tokens, twin.first_tokens, (case.words,)),
            "spans": (
                spans.align_span_rows,
                twin.align_span_rows,
                (
                    case.words,
                    case.offsets,
                    case.texts,
                    case.spans,
                    case.scheme,
                    case.label2id,
                    case.label_all_tokens,
                    -100,
                ),
            ),
        }
        named = [[label for label in row if isinstance(label, str)] for row in case.labels]
        for target in ("IOB1", "BIO", "BIOES", "BILOU"):
            calls[f"to {target}"] = _core.convert_scheme, twin.convert_rows, (named, case.scheme, target)
        for name, (core, reference, arguments) in calls.items():
            ours, expected = outcome(core, *arguments), outcome(reference, *arguments)
            assert ours == expected, (number, name, arguments, ours, expected)
            told[f"{name}: {ours[0] if isinstance(ours, tuple) else 'labels'}"] += 1
    return told


def main() -> None:
    """Prints every figure; ends with 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.perf_counter()
    told = compare_with_the_twin(options.cases, options.seed)
    print(f"{options.cases:,} random cases, equal to the twin ({time.perf_counter() - started:.0f} s):")
    for kind, number in sorted(told.items()):
        print(f"  {kind:40} {number:8,}")
    data = data_folder()
    if data is None:
        print("the real data is not here (FERROBERT_DATA): the loop was not compared")
        return
    for name in VOCABULARIES:
        started = time.perf_counter()
        rows = compare_with_the_loop(data, name)
        print(f"{name:30} {rows:8,} rows equal to the loop ({time.perf_counter() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
