"""A million short texts through a pipeline, in flat memory: ``make stream-check``.

A generator of texts of 3 to 20 words, a text-classification pipeline with a random model of two layers of 32. Resident
memory is read after every 10,000 results; what the process grows by after the first 50,000 is shown, and must stay
below 10 MB. Then a generator that raises in the middle: every result of what it gave before must come first.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import REVIEW_PIECES, write_tokenizer
from tests.made_checkpoints import made_model

import ferrobert as fb

WARM = 50_000
STEP = 10_000
MOST_GROWTH = 10_000_000
WORDS = [word for word in REVIEW_PIECES.split() if word.isalpha()]


def resident() -> int:
    """Bytes of memory that the process holds."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def texts(count: int) -> Iterator[str]:
    """Texts of 3 to 20 random words, each with one of 10,000 numbers."""
    draw = random.Random(0)
    for number in range(count):
        yield f"{' '.join(draw.choices(WORDS, k=draw.randint(3, 20)))} {number % 10_000}"


class BrokenError(Exception):
    """What the generator raises."""


def broken(count: int) -> Iterator[str]:
    yield from texts(count)
    raise BrokenError


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(Path(folder))
        tokenizer = fb.AutoTokenizer.from_pretrained(folder)
    model = made_model("BertForSequenceClassification", vocab_size=len(tokenizer))
    pipe = fb.pipeline("text-classification", model, tokenizer, device="cpu")

    begun = time.monotonic()
    held: list[int] = []
    count = 0
    for count, _ in enumerate(pipe(texts(options.rows)), start=1):
        if count % STEP == 0 and count >= WARM:
            held.append(resident())
    if count != options.rows:
        raise SystemExit(f"{options.rows:,} texts gave {count:,} results")
    first, peak, last = held[0], max(held), held[-1]
    print(
        f"{count:,} texts in {time.monotonic() - begun:.0f} s; resident memory after {WARM:,} {first / 1e6:.1f} MB, "
        f"at most {peak / 1e6:.1f}, at the end {last / 1e6:.1f}: grown by {(peak - first) / 1e6:.1f} MB"
    )

    given = options.rows // 20 + 7
    results: list[object] = []
    try:
        results.extend(pipe(broken(given)))
    except BrokenError:
        print(f"a generator that raises after {given:,} texts: {len(results):,} results come before its error")
    if len(results) != given:
        raise SystemExit("results are lost")
    if peak - first > MOST_GROWTH:
        raise SystemExit(f"memory has grown by more than {MOST_GROWTH / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
