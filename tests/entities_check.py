"""Entities of random logits, compared with transformers' pipeline: 10,000 cases for each strategy.

    python -m tests.entities_check [--cases N] [--seed N]      # exit status 1 where anything differs

A case is a text, a vocabulary, a set of labels and logits. Both sides get the same; entity, index, word, start and
end must be equal, scores within 1e-6. Where the two differ on purpose, the difference has a name (`TOLERANCES`),
transformers' side is given what ferrobert decides by, and the rest must still be equal: nothing is skipped. Only of two
labels that are equally probable either is right, which is counted too. Every tenth case is read in windows as well.

The texts are made here; the vocabularies are the published ones where they are ($FERROBERT_DATA), else the tests' own.
"""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tests.conftest import PIECES, SPECIAL, data_folder
from transformers.pipelines.token_classification import AggregationStrategy

import ferrobert as fb

STRATEGIES = ("none", "simple", "first", "average", "max")
SCORES_WITHIN = 1e-6
#: Two labels are equally probable below this: transformers compares float32, ferrobert exact sums.
TIE = 1e-6

TOLERANCES = {
    "words": "transformers tells subwords by the lengths of token and slice (WordPiece) or by spaces (other models), "
    "and takes every [UNK] for a word; here words are the encoding's. Its is_subword is replaced by the word ids.",
    "places": "transformers takes E-PER, S-PER, L-PER and U-PER for types of their own; here they are places in PER. "
    "Its side gets the same labels written with B- and I-.",
    "hyphens": "transformers cuts a label without prefix at its first hyphen (`work-of-art` -> `of-art`); here it is a "
    "name. Its side gets another character for the hyphen.",
    "white space": "offsets of SentencePiece tokens take the space before a word along; here spans are without it.",
    "equal tokens": "windows whose overlap shows a part of several equal tokens of one character do not tell which.",
    "ties": "two labels whose probabilities differ by less than 1e-6: rounding decides.",
}

LABEL_SETS = {
    "BIO": ["O", *(f"{place}-{kind}" for kind in ("PER", "LOC", "ORG", "MISC") for place in "BI")],
    "IO": ["O", "I-PER", "I-LOC"],
    "BIOES": ["O", *(f"{place}-{kind}" for kind in ("PER", "LOC") for place in "BIES")],
    "BILOU": ["O", *(f"{place}-{kind}" for kind in ("PER", "work-of-art") for place in "BILU")],
    "parts of speech": ["NOUN", "VERB", "ADJ", "PUNCT", "O"],
    "hyphens": ["O", "work-of-art", "B-work-of-art", "I-work-of-art", "X-ray"],
    "prefixes and names": ["O", "PER", "B-PER", "I-PER", "LABEL_4"],
}
WORDS = """
the cat sat on the mat Elon Musk founded Tesla in California unaffable resumes Zürich naïve café São Łódź
Ångström state-of-the-art U.S. don't (plays) end. 1,234.5 e-mail a/b #tag @user http://x.org/?q=1 …
— « » 'tis rock'n'roll İstanbul ΟΔΟΣ ﬁne ½ ℡ ㎏ Straße coöperate é è 中国人 東京タワー 한국어 서울 日本 ไทย हिन्दी
العربية עברית Москва България 🙂 👩‍👩‍👧 🇩🇪 ❤️ x🙂y antidisestablishmentarianism qzxjkv ab\u200bcd
\u00ad no\u0301 [MASK] [UNK] <mask> _x_ ▁ Ġ 𝔘𝔫𝔦 \ufdfa
""".split()
SPACES = (" ", " ", " ", " ", " ", "  ", "\n", "\t ", "", "\u3000", "\u00a0", "-")


@dataclass(frozen=True)
class Subject:
    """A vocabulary on both sides."""

    name: str
    tokenizer: Any
    theirs: Any
    """transformers' pipeline over the same tokenizer."""


@dataclass(frozen=True)
class Case:
    """What both sides get."""

    text: str
    labels: list[str]
    logits: NDArray[np.float32]
    """``(tokens, labels)``."""
    ignored: list[str]


@cache
def subjects() -> list[Subject]:
    """The vocabularies."""
    data = data_folder()
    if data is None:
        vocab = {token: id for id, token in enumerate(dict.fromkeys(SPECIAL + PIECES))}
        tokenizers = {"the tests' own": fb.BertTokenizer(vocab)}
    else:
        names = [path.name for path in sorted((data / "vocab").iterdir()) if path.is_dir()]
        tokenizers = {name: fb.AutoTokenizer.from_pretrained(data / "vocab" / name) for name in names}
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
    )
    model = transformers.BertForTokenClassification(config)
    made = []
    for name, tokenizer in tokenizers.items():
        theirs = transformers.pipeline(
            "token-classification", model=model, tokenizer=tokenizer.as_transformers(), device="cpu"
        )
        made.append(Subject(name, tokenizer, theirs))
    return made


def random_text(draw: random.Random) -> str:
    """Words of many scripts, and what stands between them."""
    return "".join(draw.choice(WORDS) + draw.choice(SPACES) for _ in range(draw.randint(0, 12)))


def random_case(draw: random.Random, subject: Subject, labels: list[str]) -> Case:
    """Logits that are even, sure, or mostly O."""
    text = random_text(draw)
    tokens = len(subject.tokenizer(text)["input_ids"])
    numbers = np.random.default_rng(draw.getrandbits(32))
    logits = numbers.normal(0, draw.choice([0.3, 1.0, 4.0, 20.0]), (tokens, len(labels)))
    if draw.random() < 0.3:
        logits[numbers.random(tokens) < 0.8, 0] += 15
    if draw.random() < 0.1:
        logits = np.round(logits).clip(-30, 30)  # many equal ones
    ignored = draw.choice([["O"], ["O"], ["O"], [], ["PER"], ["O", "B-PER"]])
    return Case(text, labels, logits.astype(np.float32), ignored)


# --- the two sides ------------------------------------------------------------------------------------------------


def theirs(subject: Subject, case: Case, strategy: str, named: Counter[str]) -> list[dict[str, Any]]:
    """transformers' entities; what is different on purpose is replaced, and counted."""
    pipe = subject.theirs
    [inputs] = pipe.preprocess(case.text, is_split_into_words=False)
    ids = inputs["input_ids"][0].tolist()
    encoding = subject.tokenizer(case.text)
    if ids != encoding["input_ids"]:
        raise AssertionError(f"{case.text!r}: the tokens differ")
    names = case.labels
    if any(is_hyphened(label, case.labels) for label in case.labels):
        named["hyphens"] += 1
        kept = [2 if label[:2] in ("B-", "I-") else 0 for label in names]
        names = [label[:end] + label[end:].replace("-", "\u2011") for label, end in zip(names, kept, strict=True)]
    pipe.model.config.id2label = dict(enumerate(names))
    chosen = AggregationStrategy[strategy.upper()]
    exponents = np.exp(case.logits - case.logits.max(axis=-1, keepdims=True))
    before = pipe.gather_pre_entities(
        case.text,
        inputs["input_ids"][0],
        exponents / exponents.sum(axis=-1, keepdims=True),
        inputs["offset_mapping"][0],
        inputs["special_tokens_mask"][0].numpy(),
        chosen,
    )
    words = encoding.word_ids()
    subword = {token: token > 0 and words[token - 1] == word for token, word in enumerate(words)}
    if strategy in ("first", "average", "max"):
        named["words"] += any(one["is_subword"] != subword[one["index"]] for one in before[1:])
    before = [{**one, "is_subword": subword[one["index"]]} for one in before]
    ends = [label[:2] in ("E-", "S-", "L-", "U-") and label not in map(plain, case.labels) for label in case.labels]
    places = any(ends) and all(label == "O" or label[1:2] == "-" for label in case.labels)
    if not places or strategy == "none":
        found = pipe.aggregate(before, chosen)
    else:
        named["places"] += 1
        single = AggregationStrategy.NONE
        labelled = pipe.aggregate(before, single) if strategy == "simple" else pipe.aggregate_words(before, chosen)
        found = pipe.group_entities(as_bio(labelled))
    for entity in found:
        key = "entity" if strategy == "none" else "entity_group"
        entity[key] = entity[key].replace("\u2011", "-")
    return [one for one in found if not {one.get("entity"), one.get("entity_group")} & set(case.ignored)]


def plain(label: str) -> str:
    """A label that is no place in an entity."""
    return label if label[1:2] != "-" else ""


def is_hyphened(label: str, labels: list[str]) -> bool:
    """Whether transformers would cut a label that is a name."""
    scheme = all(other == "O" or other[:2] in ("B-", "I-", "E-", "S-", "L-", "U-") for other in labels)
    return "-" in label and not (label[:2] in ("B-", "I-") or scheme)


def as_bio(entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with B- where an entity begins and I- where it goes on."""
    made, ended = [], False
    for entity in entities:
        label = entity["entity"]
        if label != "O":
            begins = label[0] in "BSU" or ended
            made.append({**entity, "entity": ("B-" if begins else "I-") + label[2:]})
        else:
            made.append(entity)
        ended = label[:2] in ("E-", "L-", "S-", "U-")
    return made


def ours(subject: Subject, case: Case, strategy: str, *, compat: bool = True, **options: Any) -> list[dict[str, Any]]:
    """ferrobert's entities."""
    encoding = subject.tokenizer(case.text)
    [found] = fb.decode_entities(
        case.logits,
        encoding,
        case.labels,
        aggregation_strategy=strategy,
        ignore_labels=case.ignored,
        compat=compat,
        tokenizer=subject.tokenizer,
        **options,
    )
    return found


def difference(one: list[dict[str, Any]], other: list[dict[str, Any]], text: str, named: Counter[str]) -> str | None:
    """What is different in ferrobert's and in transformers' entities; a named tolerance is counted."""
    if len(one) != len(other):
        return f"{len(one)} entities, transformers has {len(other)}"
    for mine, their in zip(one, other, strict=True):
        if list(mine) != list(their):
            return f"keys {list(mine)}, transformers has {list(their)}"
        for key in mine:
            if key == "score":
                if not abs(mine[key] - float(their[key])) <= SCORES_WITHIN:
                    return f"score {mine[key]}, transformers has {their[key]} in {their}"
            elif mine[key] != their[key]:
                slice = text[their["start"] : their["end"]]
                if key in ("start", "end") and slice.strip() and slice != slice.strip():
                    start = their["start"] + len(slice) - len(slice.lstrip())
                    if (mine["start"], mine["end"]) == (start, start + len(slice.strip())):
                        named["white space"] += key == "start" or mine["start"] == their["start"]
                        continue
                return f"{key} {mine[key]!r}, transformers has {their[key]!r} in {their}"
    return None


def has_tie(subject: Subject, case: Case, strategy: str) -> bool:
    """Whether rounding decides which label of a token or word is the best, or which token speaks for a word."""
    exponents = np.exp(case.logits.astype(float) - case.logits.max(axis=-1, keepdims=True))
    scores = exponents / exponents.sum(axis=-1, keepdims=True)
    if strategy == "average":
        words = np.array([-1 if word is None else word for word in subject.tokenizer(case.text).word_ids()])
        scores = np.stack([scores[words == word].mean(axis=0) for word in np.unique(words)])
    ordered = np.sort(scores, axis=-1)
    close = ordered[:, -1] - ordered[:, -2] < TIE
    if strategy == "max":
        best = np.sort(ordered[:, -1])
        return bool(close.any() or (np.diff(best) < TIE).any())
    return bool(close.any())


# --- windows ------------------------------------------------------------------------------------------------------


def windows_differ(subject: Subject, draw: random.Random, strategy: str, named: Counter[str]) -> str | None:
    """Whether windows give other entities than transformers has for the whole text; logits follow tokens alone."""
    text = " ".join(filter(None, (random_text(draw) for _ in range(4))))
    labels = LABEL_SETS["BIO"]
    whole = subject.tokenizer(text)
    table = np.random.default_rng(draw.getrandbits(32)).normal(0, 3, (len(subject.tokenizer) + 1, len(labels)))
    case = Case(text, labels, table[whole["input_ids"]].astype(np.float32), ["O"])
    room = draw.randint(4, 40)
    stride = draw.randint(0, room - 1)
    windows = subject.tokenizer(
        [text],
        truncation=True,
        max_length=room + subject.tokenizer.num_special_tokens_to_add(),
        stride=stride,
        return_overflowing_tokens=True,
    )
    [found] = fb.decode_entities(
        table[windows.columns.ids].astype(np.float32),
        windows,
        labels,
        aggregation_strategy=strategy,
        compat=True,
        tokenizer=subject.tokenizer,
    )
    unnamed: Counter[str] = Counter()
    differs = difference(found, theirs(subject, case, strategy, unnamed), text, unnamed)
    if differs is not None and is_ambiguous(whole, room, stride):
        named["equal tokens"] += 1
        return None
    return differs and f"windows: {differs}"


def is_ambiguous(whole: fb.BatchEncoding, room: int, stride: int) -> bool:
    """Whether all overlaps, and what is beside them, are equal tokens."""
    columns = whole.columns
    tokens = [(word, *span) for word, span in zip(columns.word_ids, columns.offsets.tolist(), strict=True) if word >= 0]
    starts = range(room - stride, len(tokens) - stride, room - stride)
    return all(len(set(tokens[start - 1 : start + stride + 1])) < stride + 2 for start in starts)


def check(cases: int, seed: int) -> Iterator[tuple[str, int, Counter[str], list[str]]]:
    """Of each strategy: its name, cases, what was tolerated, what differs."""
    warnings.simplefilter("ignore")
    everyone = subjects()
    for strategy in STRATEGIES:
        draw = random.Random(f"{seed} {strategy}")
        named: Counter[str] = Counter()
        failures = []
        for number in range(cases):
            subject = everyone[number % len(everyone)]
            labels = draw.choice(list(LABEL_SETS.values()))
            case = random_case(draw, subject, labels)
            tolerated: Counter[str] = Counter()
            mine, their = ours(subject, case, strategy), theirs(subject, case, strategy, tolerated)
            differs = difference(mine, their, case.text, tolerated)
            if differs is not None and has_tie(subject, case, strategy):
                tolerated["ties"] += 1
                differs = None
            for entity in ours(subject, case, strategy, compat=False):
                if entity["word"] != case.text[entity["start"] : entity["end"]]:
                    differs = f"word {entity['word']!r} is not the slice of the text"
            if number % 10 == 0:
                differs = differs or windows_differ(subject, draw, strategy, tolerated)
            if differs is not None:
                failures.append(f"{subject.name}, {strategy}, {case.text!r}: {differs}")
            named.update(name for name, count in tolerated.items() if count)
        yield strategy, cases, named, failures


def main() -> None:
    """Prints a line a strategy."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=10_000, help="of each strategy")
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{', '.join(subject.name for subject in subjects())}; transformers {transformers.__version__}")
    failed = False
    for strategy, cases, named, failures in check(options.cases, options.seed):
        told = ", ".join(f"{name}: {named[name]}" for name in TOLERANCES if named[name])
        print(
            f"{strategy:8} {cases} cases, {len(failures)} differ; cases with a named difference: {told or 'none'}",
            flush=True,
        )
        for failure in failures[:10]:
            print(f"    {failure}")
        failed |= bool(failures)
    for name, reason in TOLERANCES.items():
        print(f"{name}: {reason}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
