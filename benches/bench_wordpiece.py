"""WordPiece: the Rust core, its pure-Python twin, and transformers' tokenizer, on the same texts.

    python benches/bench_wordpiece.py                                # the table of the README
    python benches/bench_wordpiece.py --corpus FILE --threads 1
    pytest benches --benchmark-enable --benchmark-only               # pytest-benchmark's statistics

Every result is compared before it is timed. Our encodings make their arrays when they are asked for, so each timed call
asks for all of them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

PADDED = {"padding": True, "truncation": True, "return_tensors": "np"}
# The twin takes about 10 ms a paragraph: it takes part with the first ones only.
TWIN_TEXTS = 40
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Job:
    """One call to measure."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    pairs: bool = False
    single: bool = False

    def calls(self, texts: list[str]) -> list[tuple[Any, ...]]:
        """Arguments of the calls that make up the job: one for a batch, one a text for single texts."""
        if self.single:
            return [(text,) for text in texts[:500]]
        return [(texts[::2], texts[1::2])] if self.pairs else [(texts,)]


JOBS = (
    Job("list[str] -> int64 arrays, max_length 128", {**PADDED, "max_length": 128}),
    Job("list[str] -> int64 arrays, max_length 512", {**PADDED, "max_length": 512}),
    Job("pairs -> int64 arrays, max_length 128", {**PADDED, "max_length": 128}, pairs=True),
    Job("with offsets, max_length 128", {**PADDED, "max_length": 128, "return_offsets_mapping": True}),
    Job("list[str] -> lists of ids, nothing cut", {}),
    Job("single texts, one call each", {"truncation": True, "max_length": 128}, single=True),
)


def run(tokenizer: Any, job: Job, texts: list[str]) -> dict[str, Any]:
    """Do the job and make every value; the last call's values are the result."""
    made: dict[str, Any] = {}
    for arguments in job.calls(texts):
        encoding = tokenizer(*arguments, **job.options)
        made = {key: encoding[key] for key in encoding}
    return made


def tokenizers_of(folder: Path) -> tuple[Any, Any, Any]:
    """Ours, transformers' and the twin."""
    import transformers

    import ferrobert as fb

    theirs = transformers.BertTokenizer.from_pretrained(folder)
    options = {"model_max_length": 10**9}
    theirs.model_max_length = options["model_max_length"]
    return (
        fb.BertTokenizer.from_pretrained(folder, **options),
        theirs,
        fb.reference.BertTokenizer.from_pretrained(folder, **options),
    )


def flattened(result: dict[str, Any]) -> dict[str, Any]:
    """Rows of different lengths as one array, so that they can be compared."""
    import numpy as np

    return {
        key: np.asarray([item for row in value for item in row])
        if isinstance(value, list) and value and isinstance(value[0], list)
        else value
        for key, value in result.items()
    }


def table(texts: list[str], folder: Path, rounds: int) -> Iterator[str]:
    """The lines of the report."""
    from benches.comparison import check_equal, timed_in_turns
    from benches.corpus import megabytes

    ours, theirs, twin = tokenizers_of(folder)
    few = texts[: 2 * TWIN_TEXTS]
    yield f"{'':44}{'ferrobert':>16}{'transformers':>16}{'faster':>9}{'(spread)':>16}{'than twin':>11}"
    for job in JOBS:
        used = texts[:500] if job.single else texts
        check_equal({"transformers": flattened(run(theirs, job, used)), "ferrobert": flattened(run(ours, job, used))})
        check_equal({"transformers": flattened(run(theirs, job, few)), "twin": flattened(run(twin, job, few))})
        ways = {"ours": bound(ours, job, used), "theirs": bound(theirs, job, used)}
        times = timed_in_turns(ways, rounds)
        on_few = timed_in_turns({"ours": bound(ours, job, few), "twin": bound(twin, job, few)}, 3)
        ratio, low, high = times["theirs"].over(times["ours"])
        of_twin, _, _ = on_few["twin"].over(on_few["ours"])
        size = megabytes(used)
        speeds = "".join(f"{size / times[name].median:11.2f} MB/s" for name in ("ours", "theirs"))
        yield f"{job.name:44}{speeds}{ratio:8.1f}x{f'({low:.1f}-{high:.1f})':>16}{of_twin:10.0f}x"


def bound(tokenizer: Any, job: Job, texts: list[str]) -> Callable[[], object]:
    """The job as a call without arguments."""
    return lambda: run(tokenizer, job, texts)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="UTF-8 text, a paragraph a line")
    parser.add_argument("--vocab", type=Path, help="checkpoint folder or vocab.txt (default: bert-base-uncased's)")
    parser.add_argument("--lines", type=int, default=4000, help="paragraphs to use; 0 for all")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, help="threads of each side; by default all cores")
    arguments = parser.parse_args()
    if arguments.threads:
        # Read once by either library, so set before the first of their calls.
        os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)
        os.environ["TOKENIZERS_PARALLELISM"] = "true" if arguments.threads > 1 else "false"

    from benches.comparison import surroundings
    from benches.corpus import corpus, megabytes, vocabulary

    texts, what = corpus(arguments.corpus)
    # Every n-th paragraph: neighbours come from one source.
    texts = texts[:: max(1, len(texts) // arguments.lines)][: arguments.lines] if arguments.lines else texts
    print(surroundings())
    print(
        f"{what}: {len(texts):,} paragraphs, {megabytes(texts):.2f} MB; {arguments.rounds} rounds in turns, medians; "
        "results compared first\n"
    )
    for line in table(texts, arguments.vocab or vocabulary(), arguments.rounds):
        print(line, flush=True)


# --- pytest-benchmark ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def subjects() -> dict[str, Any]:
    """The three tokenizers by name."""
    from benches.corpus import vocabulary

    ours, theirs, twin = tokenizers_of(vocabulary())
    return {"ferrobert": ours, "transformers": theirs, "twin": twin}


@pytest.mark.parametrize("who", ["ferrobert", "transformers", "twin"])
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def bench_wordpiece(benchmark: Any, subjects: dict[str, Any], job: Job, who: str) -> None:
    """One job by one tokenizer, on the texts that the twin can do in a second."""
    from benches.comparison import check_equal
    from benches.corpus import corpus

    texts = corpus()[0][: 2 * TWIN_TEXTS]
    results = {name: flattened(run(subjects[name], job, texts)) for name in ("transformers", who)}
    check_equal(results)
    benchmark.group = job.name
    benchmark.extra_info["texts"] = len(texts)
    benchmark(run, subjects[who], job, texts)


if __name__ == "__main__":
    main()
