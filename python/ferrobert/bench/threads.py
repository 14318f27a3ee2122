"""ferrobert with several numbers of threads: a pool keeps its size, so each number gets a process of its own."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

import ferrobert
from ferrobert.bench.job import Job, Work
from ferrobert.bench.process import ProcessRunner
from ferrobert.bench.subject import Runner, Setting, Subject


class Threads(Subject):
    """ferrobert in a process with a number of threads of its own, whatever the run's is."""

    package: ClassVar[str] = "ferrobert"

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.name = f"{threads} thread{'s' if threads > 1 else ''}"

    def version(self) -> str:
        """The version of this package."""
        return ferrobert.__version__

    def cannot(self, job: Job, setting: Setting) -> str:
        """It can."""
        return ""

    def runner(self, job: Job, work: Work, setting: Setting) -> Runner:
        """The process."""
        package = str(Path(ferrobert.__file__).resolve().parents[1])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        return ProcessRunner(
            [sys.executable, "-m", "ferrobert.bench.served"],
            {"job": asdict(job), "docs": work.docs, "bytes": work.bytes},
            work,
            replace(setting, threads=self.threads),
            {"PYTHONPATH": os.pathsep.join(paths)},
        )
