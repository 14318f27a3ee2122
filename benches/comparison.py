"""Times several ways to the same result: compared first, then timed in turns, reported as ratios of one run."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


class ResultsDifferError(AssertionError):
    """Two ways gave different results, so there is nothing to time."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each round of one way."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median round."""
        return statistics.median(self.seconds)

    def over(self, other: Timing) -> tuple[float, float, float]:
        """Median, lowest and highest ratio of the rounds of this to those of the other, round by round."""
        ratios = [mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True)]
        return statistics.median(ratios), min(ratios), max(ratios)


def check_equal(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse to time what differs.

    Args:
        results: way -> key -> array or list.

    Raises:
        ResultsDifferError: a way has other keys or values than the first; says which.
    """
    (first, expected), *others = results.items()
    for name, got in others:
        if got.keys() != expected.keys():
            raise ResultsDifferError(f"{name} gives {list(got)}, {first} gives {list(expected)}")
        for key, value in expected.items():
            if not np.array_equal(np.asarray(got[key]), np.asarray(value)):
                raise ResultsDifferError(f"{key} of {name} differs from that of {first}")


def timed_in_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Run every way once in each round, so that a slow minute of the machine falls on all of them.

    The first round warms caches and is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for counted in range(rounds + 1):
        for name, way in ways.items():
            gc.collect()
            started = time.perf_counter()
            way()
            if counted:
                seconds[name].append(time.perf_counter() - started)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def surroundings() -> str:
    """Versions, machine and thread settings: what a figure means nothing without."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("ferrobert", "transformers", "tokenizers", "numpy"))
    threads = ", ".join(
        f"{name}={os.environ[name]}" for name in ("RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM") if name in os.environ
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{packages}; Python {platform.python_version()}\n"
        f"{_processor()}, {cores} cores, {platform.system()}; threads: {threads or 'all cores'}"
    )


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
