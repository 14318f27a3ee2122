"""The command line: ``python -m tests.parity [corpus] [scalars] [random]``."""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice
from typing import Protocol

from tests.parity import corpus, random_calls, scalars
from tests.parity.compare import Report
from tests.parity.subjects import SUBJECTS

PARTS = ("corpus", "scalars", "random")
DIFFERENCES_SHOWN = 10
TASKS_A_LINE = 25


class Task(Protocol):
    """A piece of work for one process."""

    def run(self) -> Report:
        """Compares, and counts what was compared."""


def main() -> int:
    """Runs the comparison; 0 without differences, 1 with any."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"out of {', '.join(PARTS)}; all of them by default")
    parser.add_argument("--subject", choices=SUBJECTS, default="package", help="the tokenizer under test")
    parser.add_argument("--texts", type=int, default=1_000_000, help="random texts")
    parser.add_argument("--seed", type=int, default=None, help="of the random texts; a new one by default")
    parser.add_argument("--every", type=int, default=1, help="one in EVERY corpus tasks and of the higher scalars")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}: choose out of {', '.join(PARTS)}")
    seed = int(time.time()) if arguments.seed is None else arguments.seed

    differs = False
    for part in arguments.parts or PARTS:
        if part == "corpus" and (reason := corpus.missing_data()):
            print(f"corpus: skipped, {reason}")
            continue
        if part == "random":
            print(f"random: seed {seed}")
        work: dict[str, Iterator[Task]] = {
            "corpus": corpus.tasks(arguments.subject, arguments.every),
            "scalars": scalars.tasks(arguments.subject, arguments.every),
            "random": random_calls.tasks(arguments.subject, arguments.texts, seed),
        }
        began = time.monotonic()
        report = run(list(work[part]), arguments.jobs)
        print(f"{part}: {report}, {time.monotonic() - began:.0f} s", flush=True)
        differs |= bool(report.differences)
    return int(differs)


def run(tasks: Sequence[Task], jobs: int) -> Report:
    """Runs the tasks in ``jobs`` processes; prints the first differences as they are found.

    Progress goes to stderr, in one line where that is a terminal.
    """
    # One process a core, one thread a process: the threads of both tokenizers would fight for the cores.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    report = Report()
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        remaining = iter(tasks)
        running = {pool.submit(task.run) for task in islice(remaining, 2 * jobs)}
        done = 0
        while running:
            future = next(as_completed(running))
            running.remove(future)
            found = future.result()
            for difference in found.differences[: max(0, DIFFERENCES_SHOWN - len(report.differences))]:
                print(difference, flush=True)
            report += found
            done += 1
            running |= {pool.submit(task.run) for task in islice(remaining, 1)}
            if sys.stderr.isatty():
                print(f"\r{done} of {len(tasks)} tasks, {report}", end="", file=sys.stderr, flush=True)
            elif done % TASKS_A_LINE == 0:
                print(f"{done} of {len(tasks)} tasks, {report}", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return report


if __name__ == "__main__":
    sys.exit(main())
