"""Rounds in turns, and ratios of the rounds of one run."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ferrobert.bench.subject import Runner

# First passes need a fresh tokenizer each and cannot be repeated within one.
FIRST_PASSES = 3
# Seconds of a round of a short call.
ROUND = 0.05


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ratios of one run, round by round."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a call, one value a round.

    Example:
        >>> Timing((4.0, 6.0, 8.0)).over(Timing((2.0, 2.0, 2.0)))
        Ratio(median=3.0, low=2.0, high=4.0)
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median round."""
        return statistics.median(self.seconds)

    def over(self, other: Timing) -> Ratio:
        """How many times as long this takes as the other: each round against the other's same round."""
        ratios = [mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True)]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios))


@dataclass(slots=True)
class Measured:
    """What one runner did."""

    first: Timing
    warm: Timing
    rows: list[str] = field(repr=False)


def in_turns(
    runners: Mapping[str, Runner],
    rounds: int,
    *,
    required: str,
    watch: Callable[[str, str], None] = lambda _name, _what: None,
) -> tuple[dict[str, Measured], dict[str, str]]:
    """Run everyone once in each round, so that a slow minute of the machine falls on all of them.

    The first rounds load a fresh tokenizer each and time its first pass too. Who begins changes from round to round.

    Args:
        runners: Who takes part; they are closed at the end.
        rounds: Rounds, at least 1.
        required: Whose error is the caller's; of the others it is a result.
        watch: Called with a name and what it does next.

    Returns:
        What was measured, and why others failed.
    """
    first: dict[str, list[float]] = {name: [] for name in runners}
    warm: dict[str, list[float]] = {name: [] for name in runners}
    rows: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    names = list(runners)
    try:
        for turn in range(rounds):
            start = turn % len(names)
            for name in names[start:] + names[:start]:
                if name in failed:
                    continue
                try:
                    if turn < FIRST_PASSES:
                        watch(name, f"first pass {turn + 1} of {min(rounds, FIRST_PASSES)}")
                        seconds, digests = runners[name].first(compare=turn == 0)
                        first[name].append(seconds)
                        rows.setdefault(name, digests)
                    watch(name, f"round {turn + 1} of {rounds}")
                    warm[name].append(runners[name].warm())
                except Exception as error:  # a peer may fail in any way of its own; it is shown
                    if name == required:
                        raise
                    failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
                    runners[name].close()
    finally:
        for runner in runners.values():
            runner.close()
    measured = {
        name: Measured(Timing(tuple(first[name])), Timing(tuple(warm[name])), rows[name])
        for name in names
        if name not in failed
    }
    return measured, failed


def calls_in_turns(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, Timing]:
    """Time calls as `in_turns` times runners: everyone once a round, who begins changes.

    A round of a short call is the mean of as many as take 50 ms. Each call is made once before.

    Args:
        calls: Name -> what is timed.
        rounds: Rounds, at least 1.

    Returns:
        Seconds of a call.
    """
    repeats = {}
    for name, call in calls.items():
        call()
        repeats[name] = max(1, round(ROUND / _seconds_of(call, 3)))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            gc.collect()
            seconds[name].append(_seconds_of(calls[name], repeats[name]))
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def _seconds_of(call: Callable[[], Any], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - started) / repeats
