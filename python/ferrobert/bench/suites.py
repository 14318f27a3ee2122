"""The suites by name: one file each, named like the job of the house that it measures."""

from __future__ import annotations

from collections.abc import Sequence

from ferrobert.bench import wordpiece
from ferrobert.bench.job import Job
from ferrobert.errors import ConfigError

SUITES: dict[str, tuple[Job, ...]] = {"wordpiece": wordpiece.JOBS}


def chosen_jobs(suite: str | None, names: Sequence[str]) -> list[Job]:
    """The jobs to measure.

    Args:
        suite: A suite, or ``None`` for all.
        names: Jobs of it; all where none is named.

    Raises:
        ConfigError: there is no such suite or job.

    Example:
        >>> [job.name for job in chosen_jobs("wordpiece", ["single", "ids"])]
        ['ids', 'single']
    """
    if suite is not None and suite not in SUITES:
        raise ConfigError(f"no suite {suite!r}; there are {', '.join(SUITES)}")
    jobs = [job for name, jobs in SUITES.items() if suite in (None, name) for job in jobs]
    for name in names:
        if name not in {job.name for job in jobs}:
            raise ConfigError(f"no job {name!r}; there are {', '.join(job.name for job in jobs)}")
    return [job for job in jobs if not names or job.name in names]
