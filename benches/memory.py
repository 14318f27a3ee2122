"""Memory: the peak of a batch call over the size of its output, and the growth over a million calls.

    python benches/memory.py [--corpus FILE] [--lines N] [--calls N]

Each figure comes from a fresh process. The peak is that of the resident set during the call, less what was resident
before it; the texts, the tokenizer and its threads are there before. It can be below the size of the output: an array
of zeros that the system has given and nobody has written (type ids) is not resident.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import resource
import subprocess
import sys
from pathlib import Path

SHORT_TEXT = "The cat sat on the mat."
LENGTHS = (128, 512)
CALLS = 1_000_000
SAMPLES = 10
# Linux counts in KiB, macOS in bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def resident() -> int:
    """Bytes resident now; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def reset_peak() -> bool:
    """Forget the highest resident set so far (Linux alone can)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def give_back_free_memory() -> None:
    """Let glibc return what it keeps, so that the call cannot use it unseen."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another libc
            ctypes.CDLL(None).malloc_trim(0)


def peak() -> int:
    """The highest resident set so far, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def batch(corpus: str | None, vocab: str | None, lines: int, max_length: int) -> dict[str, float]:
    """One call on all texts: bytes of its arrays, and the peak over what was resident before."""
    from ferrobert import BertTokenizer
    from ferrobert.bench.texts import read_corpus, vocabulary

    texts = read_corpus(Path(corpus) if corpus else None).sample(lines).texts
    tokenizer = BertTokenizer.from_pretrained(vocabulary(vocab)[0])
    options = {"padding": True, "truncation": True, "max_length": max_length, "return_tensors": "np"}
    # Starts the threads; few, as what a call frees may stay resident and be used again.
    dict(tokenizer(texts[:8], **options))
    gc.collect()
    give_back_free_memory()
    reset_peak()
    before = resident() or peak()
    encoding = tokenizer(texts, **options)
    output = sum(encoding[key].nbytes for key in encoding)
    return {"output": output, "peak": peak() - before}


def calls(vocab: str | None, count: int) -> list[int]:
    """Bytes resident after each tenth of the calls of one short text."""
    from ferrobert import BertTokenizer
    from ferrobert.bench.texts import vocabulary

    tokenizer = BertTokenizer.from_pretrained(vocabulary(vocab)[0])
    after = []
    for _ in range(SAMPLES):
        for _ in range(count // SAMPLES):
            tokenizer(SHORT_TEXT)["input_ids"]
        after.append(resident() or peak())
    return after


def in_a_fresh_process(arguments: list[str]) -> object:
    """What this script answers to these arguments, as JSON."""
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", help="UTF-8 text, a paragraph a line (default: Python's language reference)")
    parser.add_argument("--vocab", help="checkpoint folder or vocab.txt (default: bert-base-uncased's)")
    parser.add_argument("--lines", type=int, default=0, help="paragraphs to use; 0 for all")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--do", choices=("batch", "calls"), help=argparse.SUPPRESS)
    parser.add_argument("--max-length", type=int, default=LENGTHS[0], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.calls < SAMPLES:
        parser.error(f"--calls must be at least {SAMPLES}, got {arguments.calls}")
    if arguments.do == "batch":
        print(json.dumps(batch(arguments.corpus, arguments.vocab, arguments.lines, arguments.max_length)))
        return
    if arguments.do == "calls":
        print(json.dumps(calls(arguments.vocab, arguments.calls)))
        return
    for length in LENGTHS:
        found = in_a_fresh_process([*sys.argv[1:], "--do", "batch", "--max-length", str(length)])
        assert isinstance(found, dict)
        print(
            f"list[str] -> padded int64 arrays, m={length}: output {found['output'] / 1e6:.1f} MB, "
            f"peak {found['peak'] / 1e6:.1f} MB, {found['peak'] / found['output']:.2f} times the output"
        )
    after = in_a_fresh_process([*sys.argv[1:], "--do", "calls"])
    assert isinstance(after, list)
    print(
        f"{arguments.calls:,} calls of one short text: resident {after[0] / 1e6:.1f} MB after the first tenth, "
        f"{after[-1] / 1e6:.1f} MB at the end, {(after[-1] - after[0]) / 1e3:+.0f} kB"
    )


if __name__ == "__main__":
    main()
