"""Real sentences, the loop that everybody copies, and random cases: what the checks of labels are made of."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ferrobert.labels.spans import Spans
from ferrobert.labels.words import WordRows

FILES = ("wnut17_train", "wnut17_dev", "wikigold", "btc", "uner_ewt_dev")
VOCABULARIES = (
    "bert-base-uncased",
    "bert-base-cased",
    "bert-base-chinese",
    "bert-base-multilingual-cased",
    "kcbert-base",
    "roberta-base",
    "albert-base",
)


def read_conll(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Words and tags of the sentences of a file."""
    words: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.strip():
            word, tag = line.split("\t")[:2]
            words[-1].append(word)
            tags[-1].append(tag)
        elif words[-1]:
            words.append([])
            tags.append([])
    return words[: len(words) - (not words[-1])], tags[: len(tags) - (not tags[-1])]


def loop(
    word_ids: list[int | None], labels: list[str], label2id: dict[str, int], label_all_tokens: bool = False
) -> list[int]:
    """The loop of transformers' run_ner.py and of the notebooks, for one row."""
    label_names = list(label2id)
    b_to_i_label = {}
    for name in label_names:
        is_begin = name.startswith("B-") and name.replace("B-", "I-") in label_names
        b_to_i_label[label2id[name]] = label2id[name.replace("B-", "I-") if is_begin else name]
    previous, made = None, []
    for word in word_ids:
        if word is None:
            made.append(-100)
        elif word != previous:
            made.append(label2id[labels[word]])
        elif label_all_tokens:
            made.append(b_to_i_label[label2id[labels[word]]])
        else:
            made.append(-100)
        previous = word
    return made


class Case(NamedTuple):
    """Words of tokens, and labels and spans that fit them or do not."""

    words: WordRows
    offsets: Any
    texts: list[str]
    labels: list[Any]
    token_labels: list[list[int]]
    spans: Spans
    label2id: dict[str, int]
    scheme: str
    label_all_tokens: bool


LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "E-PER", "S-PER", "L-LOC", "U-LOC", "B-X", "NOUN")


def random_case(generator: random.Random) -> Case:
    """A batch of up to four texts with windows, in which about every third has something wrong."""
    samples = generator.randint(0, 4)
    word_ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    splits, sample_ids, counts, texts = [0], [], [], []
    for sample in range(samples):
        words = generator.randint(0, 6)
        tokens, text = [], ""
        for word in range(words):
            if generator.random() < 0.12:
                continue  # a word without tokens
            text += " " * generator.randint(0, 2)
            for _ in range(generator.choice((1, 1, 1, 2, 3))):
                length = generator.choice((1, 2, 3, 3))
                tokens.append((word, len(text) - (generator.random() < 0.1 and text[-1:] == " "), len(text) + length))
                text += "x" * length
        texts.append(text)
        counts.append(words)
        room, stride = generator.randint(1, 6), generator.randint(0, 3)
        step = max(room - stride, 1)
        starts = list(range(0, max(len(tokens) - room + step, 1), step)) if generator.random() < 0.5 else [0]
        for start in starts:
            row = tokens[start : start + room] if len(starts) > 1 else tokens
            if len(starts) == 1 and generator.random() < 0.2:
                row = tokens[:room]
            specials = generator.random() < 0.8
            for word, first, end in [(-1, 0, 0)] * specials + row + [(-1, 0, 0)] * specials:
                word_ids.append(word)
                offsets.append((first, end))
            splits.append(len(word_ids))
            sample_ids.append(sample)
    known = generator.choice(("counts", "whole", "cut"))
    words_of = WordRows(
        np.array(word_ids, np.int32),
        np.array(splits, np.int64),
        np.array(sample_ids, np.int64),
        samples,
        np.array(counts, np.int64) if known == "counts" else None,
        known == "whole",
    )
    names = list(LABELS[: generator.choice((3, 5, 9, 10, 11))])
    generator.shuffle(names)
    label2id = {name: id for id, name in enumerate(names)}
    if generator.random() < 0.05:
        label2id[names[0]] = label2id[names[-1]]
    labels: list[Any] = []
    for count in counts:
        number = max(0, count + (generator.choice((-1, 1)) if generator.random() < 0.05 else 0))
        chosen: list[Any] = [generator.choice(names) for _ in range(number)]
        if generator.random() < 0.4:
            chosen = [
                generator.choice((label2id[name], -100) if generator.random() < 0.1 else (label2id[name],))
                for name in chosen
            ]
        if chosen and generator.random() < 0.03:
            chosen[generator.randrange(len(chosen))] = 77 if isinstance(chosen[0], int) else "B-NOWHERE"
        labels.append(chosen)
    if generator.random() < 0.02:
        labels.append([])
    bounds: list[int] = []
    kinds: list[str] = []
    span_splits = [0]
    for text in texts:
        cuts = [0, *(place for place in range(1, len(text)) if text[place - 1 : place + 1] in (" x", "x ")), len(text)]
        if generator.random() < 0.1:
            cuts = list(range(len(text) + 2))
        for start, end in pairwise(cuts):
            if generator.random() < 0.35 and (text[start:end].strip() or generator.random() < 0.05):
                bounds += [start, end]
                kinds.append(generator.choice(("PER", "LOC")))
        span_splits.append(len(kinds))
    names_of_kinds = sorted(set(kinds))
    spans = Spans(
        np.array(bounds, np.int64),
        [names_of_kinds.index(kind) for kind in kinds],
        names_of_kinds,
        np.array(span_splits, np.int64),
    )
    token_labels = [
        [generator.randrange(len(names)) for _ in range(splits[row], splits[row + 1])] for row in range(len(sample_ids))
    ]
    return Case(
        words_of,
        np.array(offsets, np.int32).reshape(-1, 2),
        texts,
        labels,
        token_labels,
        spans,
        label2id,
        generator.choice(("IOB1", "BIO", "BIOES", "BILOU")),
        generator.random() < 0.5,
    )


def outcome(call: Any, *arguments: Any) -> Any:
    """What a call gives, as lists, or the error that it raises."""
    try:
        made = call(*arguments)
    except ValueError as error:
        return type(error).__name__, str(error)
    if isinstance(made, tuple):
        return [part.tolist() for part in made]
    return made.tolist() if hasattr(made, "tolist") else made
