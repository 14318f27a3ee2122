"""What a run has found, and its JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ferrobert.bench.job import Job
from ferrobert.bench.machine import Machine
from ferrobert.bench.timing import Ratio, Timing

# Raised when a key of the JSON changes its meaning or goes.
SCHEMA = 1


def three_digits(value: float) -> str:
    """A positive number with its first three digits at least, and never a power of ten.

    Example:
        >>> [three_digits(value) for value in (12_345.6, 99.96, 5.694, 0.00012345, 0)]
        ['12,346', '100', '5.69', '0.000123', '0']
    """
    value = float(f"{value:.2e}") if value < 100 else value
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.{2 - math.floor(math.log10(value))}f}"


def size_text(size: int) -> str:
    """A number of bytes in a unit that it fills.

    Example:
        >>> size_text(15), size_text(8_520), size_text(12_345_678)
        ('15 bytes', '8.52 kB', '12.3 MB')
    """
    if size < 1000:
        return f"{size} bytes"
    return f"{three_digits(size / 1e3)} kB" if size < 1e6 else f"{three_digits(size / 1e6)} MB"


@dataclass(frozen=True, slots=True)
class Result:
    """One subject at one job.

    Args:
        subject: Its name.
        docs: Documents in one call.
        bytes: Their size in UTF-8.
        first: Seconds of the first call of fresh tokenizers.
        warm: Seconds of later calls.
        behind_first: How many times as long as the leader's first call this first call takes.
        behind_warm: The same of later calls.
        over_reference: How many times as fast as the reference it is, warm, where both did the same texts.
        equal: Rows that are equal to the reference's.
        rows: Rows that were compared.
        compared_with: The reference's name.
    """

    subject: str
    docs: int
    bytes: int
    first: Timing
    warm: Timing
    behind_first: Ratio
    behind_warm: Ratio
    over_reference: Ratio | None
    equal: int
    rows: int
    compared_with: str

    @property
    def megabytes_per_second(self) -> float:
        """10^6 bytes of UTF-8 a second, warm."""
        return self.bytes / 1e6 / self.warm.median

    @property
    def first_megabytes_per_second(self) -> float:
        """The same, of the first call."""
        return self.bytes / 1e6 / self.first.median

    @property
    def docs_per_second(self) -> float:
        """Documents a second, warm."""
        return self.docs / self.warm.median


@dataclass(frozen=True, slots=True)
class JobReport:
    """Everybody at one job.

    Args:
        job: The job.
        leader: Whom the others are measured against.
        results: On all texts; the leader first.
        few: On the first texts alone, with the slow subjects; the leader first. Empty where there are none.
        cannot: Subject -> why it has no such call.
        failed: Subject -> its error.
    """

    job: Job
    leader: str
    results: list[Result]
    few: list[Result]
    cannot: dict[str, str]
    failed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for a whole run.

    Args:
        date: Day and time in UTC, ISO 8601.
        machine: Where.
        versions: Package -> version.
        corpus: What the texts are.
        corpus_sha256: Of the texts that were used.
        paragraphs: How many.
        bytes: Their size in UTF-8.
        vocabulary: What it is.
        threads: Of each subject.
        rounds: Warm calls.
        subjects: Name -> version, of those that took part.
        absent: Name -> how to install it.
        notes: Name -> what a reader must know of its figures.
    """

    date: str
    machine: Machine
    versions: Mapping[str, str]
    corpus: str
    corpus_sha256: str
    paragraphs: int
    bytes: int
    vocabulary: str
    threads: int
    rounds: int
    subjects: Mapping[str, str]
    absent: Mapping[str, str]
    notes: Mapping[str, str]

    def lines(self) -> list[str]:
        """For the head of a table: lines that are short enough for 80 columns, a subject each."""
        machine = self.machine
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        rounds = "1 round" if self.rounds == 1 else f"{self.rounds} rounds in turns, medians"
        longest = max(map(len, self.subjects))
        return [
            *(f"{name:{longest}}  {version}" for name, version in self.subjects.items()),
            f"{machine.processor}, {machine.cores} cores; {threads} each",
            f"{machine.system}, Python {machine.python}",
            f"{self.corpus}: {self.paragraphs:,} paragraphs, {size_text(self.bytes)}",
            f"vocabulary {self.vocabulary}; {rounds}",
        ]


@dataclass(frozen=True, slots=True)
class Report:
    """A run."""

    surroundings: Surroundings
    jobs: list[JobReport]

    def to_json(self) -> str:
        """All of it, a line feed at the end; times in seconds, one a round."""
        document = {
            "schema": SCHEMA,
            **asdict(self.surroundings),
            "jobs": [_job_json(job) for job in self.jobs],
        }
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _job_json(report: JobReport) -> dict[str, Any]:
    return {
        "name": report.job.name,
        "title": report.job.title,
        "max_length": report.job.max_length,
        "stride": report.job.stride,
        "leader": report.leader,
        "results": [_result_json(result) for result in report.results],
        "few": [_result_json(result) for result in report.few],
        "cannot": report.cannot,
        "failed": report.failed,
    }


def _result_json(result: Result) -> dict[str, Any]:
    return {
        **asdict(result),
        "first": list(result.first.seconds),
        "warm": list(result.warm.seconds),
        "megabytes_per_second": result.megabytes_per_second,
        "first_megabytes_per_second": result.first_megabytes_per_second,
        "docs_per_second": result.docs_per_second,
    }
