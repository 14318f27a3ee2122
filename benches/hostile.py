"""Hostile texts: how many times as long as English they take per byte.

    python benches/hostile.py [--corpus FILE] [--vocab FOLDER] [--megabytes N] [--rounds N]

Texts that are made to miss whatever a tokenizer remembers, or to walk its slowest paths: random words of several
kinds, words whose look-ups collide, runs of combining marks. In each round everybody runs once, one thread, ids only;
the ratio is taken round by round. The first pass of a fresh tokenizer over English is among them: friendly text that
is new.
"""

from __future__ import annotations

import argparse
import os
import random
import string
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

os.environ.setdefault("RAYON_NUM_THREADS", "1")

import ferrobert as fb
from ferrobert.bench.job import size
from ferrobert.bench.texts import read_corpus, vocabulary
from ferrobert.bench.timing import Timing

WORDS_A_TEXT = 90
ACCENTED = "éèêëàâäôöûüçñáíóúßæøåčšžřő"
# Those of rust/core/src/wordpiece/key.rs and word_table.rs.
HASH_LOW, HASH_HIGH = 0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344
SLOTS, PROBES = 1 << 18, 8
FLOODED_GROUPS = 64
FLOOD_WORDS = 4_000
# Texts of each kind whose ids are compared with the pure-Python twin's before anything is timed.
COMPARED = 3


def places(words: np.ndarray) -> np.ndarray:
    """First slot of each word of 8 bytes, given as little-endian numbers: ``(words,)`` uint64."""
    low = words ^ np.uint64(HASH_LOW)
    high = (8 << 56) ^ HASH_HIGH
    mask = np.uint64(0xFFFF_FFFF)
    a, b = low >> np.uint64(32), low & mask
    c, d = np.uint64(high >> 32), np.uint64(high & 0xFFFF_FFFF)
    # The upper half of the product of 128 bits, by parts of 32.
    middle = a * d + ((b * d) >> np.uint64(32))
    upper = a * c + (middle >> np.uint64(32)) + ((b * c + (middle & mask)) >> np.uint64(32))
    folded = (low * np.uint64(high)) ^ upper
    folded ^= folded >> np.uint64(29)
    return folded & np.uint64(SLOTS - 1)


def colliding_words(rng: random.Random) -> list[str]:
    """Words that all belong to a few groups of slots."""
    generator = np.random.default_rng(rng.randrange(1 << 32))
    found: list[str] = []
    while len(found) < FLOOD_WORDS:
        letters = generator.integers(ord("a"), ord("z") + 1, (1 << 18, 8), np.uint8)
        words = letters.view("<u8")[:, 0]
        flooded = places(words) // PROBES < FLOODED_GROUPS
        found += [bytes(word).decode() for word in letters[flooded]]
    return found[:FLOOD_WORDS]


def kinds(rng: random.Random) -> dict[str, Callable[[], str]]:
    """Name -> a word of that kind."""
    flood = colliding_words(rng)

    def letters(alphabet: str, least: int, most: int) -> str:
        return "".join(rng.choices(alphabet, k=rng.randint(least, most)))

    def scalars(first: int, last: int, count: int) -> str:
        return "".join(chr(rng.randrange(first, last)) for _ in range(count))

    return {
        "random words": lambda: letters(string.ascii_lowercase, 4, 12),
        "random long words": lambda: letters(string.ascii_lowercase, 16, 60),
        "colliding words": lambda: rng.choice(flood),
        "random numbers": lambda: letters(string.digits, 6, 12),
        "random accented words": lambda: letters(string.ascii_lowercase + 2 * ACCENTED, 4, 12),
        "punctuation": lambda: letters(".,!-()[]{}/*+", 9, 9),
        "random ideographs": lambda: scalars(0x4E00, 0x9FFF, 12),
        "random Hangul": lambda: scalars(0xAC00, 0xD7A3, 6),
        "stacked marks": lambda: letters(string.ascii_lowercase, 1, 1) + scalars(0x300, 0x36F, 4),
        "control characters": lambda: letters(string.ascii_lowercase + "\x01\x02\x7f", 4, 12),
        "one endless word": lambda: letters(string.ascii_lowercase, 5_000, 5_000),
    }


def texts_of(word: Callable[[], str]) -> Iterator[str]:
    """Texts of such words, without end."""
    while True:
        yield " ".join(word() for _ in range(WORDS_A_TEXT))


def first(texts: Iterable[str], wanted: int) -> list[str]:
    """So many of the texts that they have ``wanted`` bytes, if there are as many."""
    taken = []
    for text in texts:
        taken.append(text)
        wanted -= len(text.encode())
        if wanted <= 0:
            break
    return taken


def main() -> None:
    """Prints a line a kind: the ratio to English (median and range) and the speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=None, help="UTF-8 text; Python's language reference by default")
    parser.add_argument("--vocab", default=None, help="checkpoint folder or vocab.txt (default: bert-base-uncased's)")
    parser.add_argument("--megabytes", type=float, default=4.0, help="of each kind")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.megabytes <= 0:
        parser.error(f"--rounds and --megabytes must be above 0, got {arguments.rounds} and {arguments.megabytes}")
    warnings.filterwarnings("ignore", "a row has")
    wanted = int(arguments.megabytes * 1e6)
    rng = random.Random(5)
    english = rng.sample(paragraphs := read_corpus(arguments.corpus).texts, len(paragraphs))
    samples = {"English": first(english, wanted)}
    samples |= {name: first(texts_of(word), wanted) for name, word in kinds(rng).items()}
    lengths = {name: size(texts) for name, texts in samples.items()}

    vocab, _ = vocabulary(arguments.vocab)
    tokenizers = {name: fb.BertTokenizer.from_pretrained(vocab) for name in samples}
    twin = fb.reference.BertTokenizer.from_pretrained(vocab)
    for name, tokenizer in tokenizers.items():
        few = samples[name][:COMPARED]
        if tokenizer(few)["input_ids"] != twin(few)["input_ids"]:
            raise SystemExit(f"{name}: the ids differ from the twin's")

    def seconds_a_byte(tokenizer: fb.BertTokenizer, name: str) -> float:
        began = time.perf_counter()
        encoding = tokenizer(samples[name], return_attention_mask=False, return_token_type_ids=False)
        _ = encoding.columns.ids
        return (time.perf_counter() - began) / lengths[name]

    times: dict[str, list[float]] = {"English": [], "English, first pass": []} | {name: [] for name in samples}
    for name, tokenizer in tokenizers.items():
        seconds_a_byte(tokenizer, name)
    for _ in range(arguments.rounds):
        times["English, first pass"].append(seconds_a_byte(fb.BertTokenizer.from_pretrained(vocab), "English"))
        for name, tokenizer in tokenizers.items():
            times[name].append(seconds_a_byte(tokenizer, name))
    print(f"per byte, times English (median and range of {arguments.rounds} rounds), one thread, warm unless said")
    timings = {name: Timing(tuple(seconds)) for name, seconds in times.items()}
    for name, timing in timings.items():
        ratio = timing.over(timings["English"])
        print(f"{name:22} {ratio.median:5.1f}x ({ratio.low:.1f}-{ratio.high:.1f}) {1e-6 / timing.median:6.0f} MB/s")


if __name__ == "__main__":
    main()
