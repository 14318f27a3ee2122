"""The data of the recipes: from the published sets to the files that `ferrobert train` and `pretrain` read, with their
SHA-256.

    python examples/recipes/prepare.py DATA OUT

DATA holds the sets as they are published (README.md of this folder names them); OUT gets a folder a task with ``train``
and ``test``, and ``sha256.txt``, which is compared with the one beside this file. Test files are never trained on.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
import sys
from collections.abc import Iterable
from pathlib import Path

SEED = 20
# Every fifth sentence of these is kept for the test.
NER_SPLIT = ("wikigold", "uner_ewt_dev")
TAGS = {"geo": "LOC", "per": "PER", "org": "ORG", "person": "PER", "location": "LOC", "corporation": "ORG"}
TYPES = ("PER", "ORG", "LOC", "MISC")
# Text to fill masks in: paragraphs of Wikipedia, and news, whose sentences are joined by this many.
PARAGRAPHS = ("squad1.1_train_17articles", "squadshifts_new_wiki_v1.0", "dev-v1.1")
NEWS_SENTENCES = 10
# Quotes and dashes of Windows-1252, which stand in the news as control characters.
WINDOWS = {0x91: "'", 0x92: "'", 0x93: '"', 0x94: '"', 0x96: "-", 0x97: "-"}

Sentence = list[tuple[str, str]]


def main() -> None:
    """Write all files."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data, out = map(Path, sys.argv[1:])
    sentiment(data / "sentiment", out / "text-classification")
    entities(data / "ner", out / "token-classification")
    answers(data / "squad", out / "question-answering")
    inference(data / "nli", out / "zero-shot-classification")
    masks(data, out / "fill-mask")
    sums = "".join(f"{digest(path)}  {path.relative_to(out)}\n" for path in sorted(out.glob("*/*")))
    (out / "sha256.txt").write_text(sums, "utf-8")
    expected = Path(__file__).with_name("sha256.txt")
    if expected.exists() and expected.read_text("utf-8") != sums:
        sys.exit(f"the files in {out} are not those of {expected}: another version of the sets?")
    print(sums, end="")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def table(path: Path, header: list[str], rows: Iterable[Iterable[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def sentiment(data: Path, out: Path) -> None:
    """SST-2's phrases and sentences; its development set is the test."""
    names = {"0": "NEGATIVE", "1": "POSITIVE"}
    for name, written in (("train", "train"), ("dev", "test")):
        lines = (data / "sst2" / f"{name}.tsv").read_text("utf-8").splitlines()[1:]
        pairs = (line.split("\t") for line in lines)
        table(out / f"{written}.csv", ["text", "label"], ((text, names[label]) for label, text in pairs))


def entities(data: Path, out: Path) -> None:
    """Persons, organisations, places and other names, of four sets."""
    draw = random.Random(SEED)
    train: list[Sentence] = []
    test: list[Sentence] = []
    for name in NER_SPLIT:
        for number, sentence in enumerate(sentences(data / f"{name}.conll")):
            (test if number % 5 == 4 else train).append(sentence)
    train += sentences(data / "btc.conll")
    draw.shuffle(train)
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("test", test)):
        text = "\n".join("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in rows)
        (out / f"{name}.conll").write_text(text, "utf-8")


def sentences(path: Path) -> list[Sentence]:
    """The sentences of a CoNLL file, with the tags of `TYPES` alone."""
    found: list[Sentence] = [[]]
    for line in path.read_text("utf-8").splitlines():
        if not line.strip():
            found.append([])
            continue
        word, tag = line.split("\t")
        prefix, _, kind = tag.partition("-")
        kind = TAGS.get(kind, kind)
        found[-1].append((word, f"{prefix}-{kind}" if kind in TYPES else "O"))
    return [sentence for sentence in found if sentence]


def answers(data: Path, out: Path) -> None:
    """Questions of 17 articles of SQuAD 1.1, of Wikipedia and of Reddit; SQuAD's development set is the test."""
    articles = []
    for name in ("squad1.1_train_17articles", "squadshifts_new_wiki_v1.0", "squadshifts_reddit_v1.0"):
        articles += json.loads((data / f"{name}.json").read_text("utf-8"))["data"]
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"version": "1.1", "data": articles}, ensure_ascii=False)
    (out / "train.json").write_text(text, "utf-8")
    (out / "test.json").write_bytes((data / "dev-v1.1.json").read_bytes())


def inference(data: Path, out: Path) -> None:
    """Pairs of MNLI's development sets and half of those of SNLI; the other half is the test."""
    rows = {
        name: list(csv.DictReader((data / f"{name}.csv").open(encoding="utf-8", newline="")))
        for name in ("mnli_dev", "snli_dev_half")
    }
    train, test = rows["mnli_dev"], []
    for number, row in enumerate(rows["snli_dev_half"]):
        (test if number % 2 else train).append(row)
    random.Random(SEED).shuffle(train)
    for name, some in (("train", train), ("test", test)):
        columns = ((row["premise"], row["hypothesis"], row["label"]) for row in some)
        table(out / f"{name}.csv", ["text", "text_pair", "label"], columns)


def masks(data: Path, out: Path) -> None:
    """Paragraphs of Wikipedia and of news, each once, a line each; every twentieth is the test."""
    texts: dict[str, None] = {}
    for name in PARAGRAPHS:
        for article in json.loads((data / "squad" / f"{name}.json").read_text("utf-8"))["data"]:
            texts.update((" ".join(paragraph["context"].split()), None) for paragraph in article["paragraphs"])
    news = [detokenized([word for word, _ in sentence]) for sentence in sentences(data / "ner" / "gmb_25k.conll")]
    news = list(dict.fromkeys(news))
    starts = range(0, len(news), NEWS_SENTENCES)
    texts.update((" ".join(news[start : start + NEWS_SENTENCES]), None) for start in starts)
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for number, text in enumerate(texts):
        lines["test" if number % 20 == 19 else "train"].append(f"{text}\n")
    out.mkdir(parents=True, exist_ok=True)
    for name, some in lines.items():
        (out / f"{name}.txt").write_text("".join(some), "utf-8")


def detokenized(words: list[str]) -> str:
    r"""A sentence of words as it is written: no space before punctuation, none within quotes or brackets.

    Example:
        >>> detokenized(["Iran", "'s", '"', "plan", '"', "would", "n't", "cost", "$", "40", "."])
        'Iran\'s "plan" wouldn\'t cost $40.'
    """
    text = " ".join(" ".join(words).translate(WINDOWS).split())
    text = re.sub(r'" (.+?) "(?= |$)', r'"\1"', text)
    text = re.sub(r" ([.,;:!?%)]|'(?:s|re|ve|ll|d|m)\b|n't\b|(?<=s )'(?= ))", r"\1", text)
    return re.sub(r"([($]) ", r"\1", text)


if __name__ == "__main__":
    main()
