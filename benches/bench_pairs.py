"""Sentence pairs: the core, its twin, and what google-research/bert's script does, on the same tokenized documents.

    pytest benches/bench_pairs.py --benchmark-enable --benchmark-only
    python benches/bench_pairs.py [--corpus FILE] [--vocab FOLDER] [--max-length N] [--rounds N]   # ratios of one run

Results are compared before anything is timed: the core's pairs are the twin's, and its shares are those of the script,
whose random numbers are others. One thread. What is timed makes ids, type ids and labels of all pairs: the script as
lists that it keeps, the core as columns that it gives out block by block.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("RAYON_NUM_THREADS", "1")

import ferrobert as fb
from ferrobert import BertTokenizer, Ragged, reference
from ferrobert.bench.subject import REPEATS, SHORTEST_SECONDS
from ferrobert.bench.texts import read_corpus, vocabulary
from ferrobert.bench.timing import Timing
from ferrobert.pairs import TokenizedDocuments

Document = list[list[int]]
PARAGRAPHS = 10
"""Of a document."""
FEW = 40
"""Documents that the twin does."""
TEXTS = 2000


@dataclass(slots=True)
class Instance:
    """A pair as the script keeps it."""

    tokens: list[int]
    segment_ids: list[int]
    is_random_next: bool


@dataclass(slots=True)
class Masks:
    """A masked pair as the script keeps it."""

    tokens: list[int]
    positions: list[int]
    labels: list[int]


def script_pairs(
    documents: list[Document], max_length: int, cls: int, sep: int, rng: random.Random, token_by_token: bool = True
) -> list[Instance]:
    """What ``create_pretraining_data.py`` of google-research/bert does for each document, without masking.

    Written anew after its semantics: lists of tokens, one generator for everything, rows built token by token. Without
    ``token_by_token`` rows are built by joining lists, which the script could do as well.
    """
    instances: list[Instance] = []
    room = max_length - 3
    for index, document in enumerate(documents):
        target = rng.randint(2, room) if rng.random() < 0.1 else room
        chunk: Document = []
        length = place = 0
        while place < len(document):
            chunk.append(document[place])
            length += len(document[place])
            if place == len(document) - 1 or length >= target:
                in_a = rng.randint(1, len(chunk) - 1) if len(chunk) > 1 else 1
                a: list[int] = []
                b: list[int] = []
                for sentence in chunk[:in_a]:
                    a.extend(sentence)
                is_random = len(chunk) == 1 or rng.random() < 0.5
                if is_random:
                    for _ in range(10):
                        other = rng.randint(0, len(documents) - 1)
                        if other != index:
                            break
                    start = rng.randint(0, len(documents[other]) - 1)
                    for sentence in documents[other][start:]:
                        b.extend(sentence)
                        if len(b) >= target - len(a):
                            break
                    place -= len(chunk) - in_a
                else:
                    for sentence in chunk[in_a:]:
                        b.extend(sentence)
                while len(a) + len(b) > room:
                    longer = a if len(a) > len(b) else b
                    if rng.random() < 0.5:
                        del longer[0]
                    else:
                        longer.pop()
                if token_by_token:
                    tokens, segment_ids = [cls], [0]
                    for token in a:
                        tokens.append(token)
                        segment_ids.append(0)
                    tokens.append(sep)
                    segment_ids.append(0)
                    for token in b:
                        tokens.append(token)
                        segment_ids.append(1)
                    tokens.append(sep)
                    segment_ids.append(1)
                else:
                    tokens = [cls, *a, sep, *b, sep]
                    segment_ids = [0] * (len(a) + 2) + [1] * (len(b) + 1)
                instances.append(Instance(tokens, segment_ids, is_random))
                chunk, length = [], 0
            place += 1
    return instances


def script_masks(instances: list[Instance], tokenizer: BertTokenizer, rng: random.Random) -> list[Masks]:
    """What the script then does with each pair: an exact 15 % of the tokens, in the order of a shuffle."""
    cls, sep, mask = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id
    last = len(tokenizer) - 1
    made = []
    for instance in instances:
        candidates = [[place] for place, token in enumerate(instance.tokens) if token not in (cls, sep)]
        rng.shuffle(candidates)
        tokens = list(instance.tokens)
        wanted = max(1, round(len(tokens) * 0.15))
        chosen: list[tuple[int, int]] = []
        covered: set[int] = set()
        for unit in candidates:
            if len(chosen) >= wanted:
                break
            if len(chosen) + len(unit) > wanted or any(place in covered for place in unit):
                continue
            for place in unit:
                covered.add(place)
                label = instance.tokens[place]
                if rng.random() < 0.8:
                    tokens[place] = mask
                elif rng.random() >= 0.5:
                    tokens[place] = rng.randint(0, last)
                chosen.append((place, label))
        chosen.sort()
        made.append(Masks(tokens, [place for place, _ in chosen], [label for _, label in chosen]))
    return made


def core_pairs(documents: Any, tokenizer: BertTokenizer, max_length: int, module: Any = fb) -> list[fb.BatchEncoding]:
    """All pairs."""
    return list(module.sentence_pairs(documents, tokenizer, max_length=max_length))


def read_pairs(documents: Any, tokenizer: BertTokenizer, max_length: int, module: Any = fb) -> int:
    """Goes through all pairs, block by block, type ids made; how many there are."""
    pairs = 0
    for encoding in module.sentence_pairs(documents, tokenizer, max_length=max_length):
        _ = encoding.columns.type_ids
        pairs += len(encoding["next_sentence_label"])
    return pairs


def mask_pairs(documents: Any, tokenizer: BertTokenizer, max_length: int) -> int:
    """Goes through all pairs and masks an exact number of their tokens; how many are masked."""
    masked = 0
    for encoding in fb.sentence_pairs(documents, tokenizer, max_length=max_length):
        _ = encoding.columns.type_ids
        _, labels = fb.mask_tokens(encoding, tokenizer, exact=True, sample_ids=encoding.columns.sample_ids)
        masked += labels.values[-1] != -100
    return masked


def sentences_of(documents: list[Document]) -> int:
    """How many there are."""
    return sum(map(len, documents))


@dataclass(frozen=True, slots=True)
class Documents:
    """The same tokenized documents in several forms."""

    flat: TokenizedDocuments
    ragged: list[Ragged]
    arrays: list[list[np.ndarray]]
    lists: list[Document]


def tokenized(texts: list[str], tokenizer: BertTokenizer) -> Documents:
    """Documents of ten paragraphs; a sentence ends with a full stop."""
    ragged = []
    for first in range(0, len(texts), PARAGRAPHS):
        sentences = [part for text in texts[first : first + PARAGRAPHS] for part in text.split(". ") if part.strip()]
        columns = tokenizer(sentences, add_special_tokens=False, verbose=False).columns
        splits = np.unique(columns.row_splits)  # the script knows no empty sentences
        if len(splits) > 1:
            ragged.append(Ragged(columns.ids, splits))
    arrays = [list(document) for document in ragged]
    lengths = np.concatenate([np.zeros(1, np.int64), *(np.diff(document.row_splits) for document in ragged)])
    flat = TokenizedDocuments(
        np.concatenate([document.values for document in ragged]),
        np.cumsum(lengths),
        np.cumsum([0, *map(len, ragged)]),
    )
    return Documents(flat, ragged, arrays, [[sentence.tolist() for sentence in document] for document in arrays])


def shares(rows: list[tuple[int, int]]) -> tuple[int, float, float]:
    """Of (length, label): rows, mean length, share of label 1."""
    lengths, labels = np.array(rows).T
    return len(rows), float(lengths.mean()), float(labels.mean())


def core_shares(encodings: list[fb.BatchEncoding]) -> tuple[int, float, float]:
    """Those of encodings."""
    return shares(
        [
            (int(length), int(label))
            for encoding in encodings
            for length, label in zip(np.diff(encoding.columns.row_splits), encoding["next_sentence_label"], strict=True)
        ]
    )


def check(documents: Documents, tokenizer: BertTokenizer, max_length: int) -> list[tuple[int, float, float]]:
    """Compares the core with its twin and with the script; the shares of the core and of the script.

    Raises:
        ValueError: they differ.
    """
    few = documents.lists[:FEW]
    for mine, twin in zip(
        core_pairs(few, tokenizer, max_length), core_pairs(few, tokenizer, max_length, reference), strict=True
    ):
        for name in ("ids", "type_ids", "row_splits", "sample_ids"):
            if not np.array_equal(mine.columns[name], twin.columns[name]):
                raise ValueError(f"the core's {name} are not the twin's")
    by_form = [
        core_pairs(form, tokenizer, max_length)
        for form in (documents.flat, documents.ragged, documents.arrays, documents.lists)
    ]
    for other in by_form[1:]:
        for mine, theirs in zip(by_form[0], other, strict=True):
            if not np.array_equal(mine.columns.ids, theirs.columns.ids):
                raise ValueError("lists and arrays give other pairs")
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    script = script_pairs(documents.lists, max_length, cls, sep, random.Random(0))
    found = [
        core_shares(by_form[0]),
        shares([(len(instance.tokens), int(instance.is_random_next)) for instance in script]),
    ]
    # Both are samples of one distribution: 5 standard errors of rows that depend on each other in part.
    for mine, theirs, allowed in zip(*found, (0.05, 0.03, 0.04), strict=True):
        if abs(mine / theirs - 1) > allowed + 10 / found[0][0] ** 0.5:
            raise ValueError(f"rows, mean length, share of random next: {found[0]}, the script's {found[1]}")
    return found


def subjects(documents: Documents, tokenizer: BertTokenizer, max_length: int) -> dict[str, Callable[[], Any]]:
    """Who is measured."""
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    few = documents.lists[:FEW]
    return {
        "ferrobert, flat": lambda: read_pairs(documents.flat, tokenizer, max_length),
        "ferrobert, Ragged": lambda: read_pairs(documents.ragged, tokenizer, max_length),
        "ferrobert, arrays": lambda: read_pairs(documents.arrays, tokenizer, max_length),
        "ferrobert, lists": lambda: read_pairs(documents.lists, tokenizer, max_length),
        "script": lambda: script_pairs(documents.lists, max_length, cls, sep, random.Random(0)),
        "script, lists joined": lambda: script_pairs(
            documents.lists, max_length, cls, sep, random.Random(0), token_by_token=False
        ),
        "ferrobert, flat, masked": lambda: mask_pairs(documents.flat, tokenizer, max_length),
        "script, masked": lambda: script_masks(
            script_pairs(documents.lists, max_length, cls, sep, random.Random(0)), tokenizer, random.Random(0)
        ),
        "ferrobert, Ragged, few": lambda: read_pairs(documents.ragged[:FEW], tokenizer, max_length),
        "twin, few": lambda: read_pairs(few, tokenizer, max_length, reference),
    }


NOTHING = Documents(TokenizedDocuments([], [0], [0]), [], [], [])
NAMES = list(subjects(NOTHING, BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[MASK]": 3}), 128))


@pytest.fixture(scope="module")
def setting() -> tuple[Documents, BertTokenizer]:
    """The default text, checked."""
    tokenizer = BertTokenizer.from_pretrained(vocabulary(None)[0], model_max_length=None)
    documents = tokenized(read_corpus(None).texts[:TEXTS], tokenizer)
    check(documents, tokenizer, 128)
    return documents, tokenizer


@pytest.mark.parametrize("name", NAMES)
def bench_pairs(benchmark: Any, setting: tuple[Documents, BertTokenizer], name: str) -> None:
    """Pairs of at most 128 tokens."""
    documents, tokenizer = setting
    benchmark.group = "pairs, few documents" if name.endswith("few") else "pairs"
    benchmark(subjects(documents, tokenizer, 128)[name])


def timed(call: Callable[[], Any]) -> float:
    """Seconds of a call; of short ones the mean of several, as ``ferrobert bench`` times them. Freeing is not timed."""
    total, calls = 0.0, 0
    while not calls or (total < SHORTEST_SECONDS and calls < REPEATS):
        started = time.perf_counter()
        result = call()
        total += time.perf_counter() - started
        calls += 1
        del result
    return total / calls


def main() -> None:
    """Everybody in turns; the ratios of one run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--vocab")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    tokenizer = BertTokenizer.from_pretrained(vocabulary(options.vocab)[0], model_max_length=None)
    documents = tokenized(read_corpus(options.corpus).texts, tokenizer)
    mine, script = check(documents, tokenizer, options.max_length)
    tokens = sum(len(document.values) for document in documents.ragged)
    print(f"{len(documents.ragged)} documents, {tokens} tokens, max_length {options.max_length}, 1 thread")
    for who, (rows, length, share) in (("ferrobert", mine), ("script", script)):
        print(f"{who:10} {rows} pairs, mean length {length:.1f}, {100 * share:.1f} % random next")
    who = subjects(documents, tokenizer, options.max_length)
    seconds: dict[str, list[float]] = {name: [] for name in who}
    gc.disable()  # the script's instances are many objects: it would pay for looking through them
    for turn in range(options.rounds):
        for name in (*NAMES[turn % len(NAMES) :], *NAMES[: turn % len(NAMES)]):
            gc.collect()
            seconds[name].append(timed(who[name]))
    timings = {name: Timing(tuple(values)) for name, values in seconds.items()}
    sentences = sentences_of(documents.lists)
    few_tokens = sum(len(document.values) for document in documents.ragged[:FEW])
    for name, timing in timings.items():
        few = name.endswith("few")
        work, units = (few_tokens, sentences_of(documents.lists[:FEW])) if few else (tokens, sentences)
        print(
            f"{name:24} {timing.median * 1e3:9.1f} ms {work / timing.median / 1e6:8.2f} M tokens/s "
            f"{units / timing.median / 1e3:10,.0f} k sentences/s"
        )
    for name, base in [(f"ferrobert, {form}", "script") for form in ("flat", "Ragged", "arrays", "lists")] + [
        ("ferrobert, flat", "script, lists joined"),
        ("ferrobert, flat, masked", "script, masked"),
        ("ferrobert, Ragged, few", "twin, few"),
    ]:
        ratio = timings[base].over(timings[name])
        print(f"{name} against {base}: {ratio.median:.0f}x ({ratio.low:.0f}-{ratio.high:.0f})")


if __name__ == "__main__":
    main()
