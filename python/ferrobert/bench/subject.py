"""Who is measured: libraries in this process, and how a job is run by one."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import importlib.util
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.results import row_digests

# A call that is over sooner is repeated until this much time is timed, at most REPEATS times.
SHORTEST_SECONDS = 0.05
REPEATS = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for all subjects of a run.

    Args:
        folder: vocab.txt, tokenizer.json and tokenizer_config.json, the same for everybody.
        threads: Threads that each subject may use.
    """

    folder: Path
    threads: int = 1


class Runner(Protocol):
    """One subject at one job."""

    def first(self, compare: bool) -> tuple[float, list[str]]:
        """Load a fresh tokenizer, call it once: seconds of the call, and digests of the rows where asked for."""

    def warm(self) -> float:
        """Seconds of one call of the tokenizer that :meth:`first` has loaded."""

    def close(self) -> None:
        """Let go of everything."""


class Subject(ABC):
    """A library that takes part."""

    name: str
    """What tables and the command line call it."""
    package: ClassVar[str]
    """Its name on PyPI, and that of its version."""
    few: ClassVar[bool] = False
    """Whether it is so slow that it does the first texts only."""
    note: ClassVar[str] = ""
    """What a reader must know about its figures."""
    own_environment: ClassVar[bool] = False
    """Whether it cannot be imported beside the others: it takes part where it is named, or all are."""

    @property
    def install(self) -> str:
        """The command that makes it available."""
        return f"pip install {self.package}"

    def version(self) -> str | None:
        """The installed version, ``None`` where it is not installed."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None

    @abstractmethod
    def cannot(self, job: Job, setting: Setting) -> str:
        """Why it cannot do the job; empty where it can."""

    @abstractmethod
    def runner(self, job: Job, work: Work, setting: Setting) -> Runner:
        """The subject at the job."""


class Library(Subject):
    """A subject that is imported into this process."""

    can: ClassVar[Collection[Kind]]
    """The kinds of jobs that it can do."""
    module: ClassVar[str]
    """What is imported."""

    def version(self) -> str | None:
        """The installed version, ``None`` where it is not installed or cannot be imported."""
        try:
            importlib.import_module(self.module)
        except (ImportError, OSError):  # OSError: a library of another architecture
            return None
        return super().version()

    def cannot(self, job: Job, setting: Setting) -> str:
        """Why it cannot do the job; empty where it can."""
        if job.kind not in self.can:
            return "no such call"
        return "torch is not installed" if job.kind is Kind.TENSORS and not has_torch() else ""

    @abstractmethod
    def load(self, setting: Setting) -> Any:
        """A fresh tokenizer that has never seen a text."""

    @abstractmethod
    def call(self, tokenizer: Any, job: Job, work: Work, setting: Setting) -> Callable[[], Any]:
        """The job as a call without arguments, in the fastest way that the library documents."""

    def named(self, result: Any, tokenizer: Any, job: Job) -> Mapping[str, Any]:
        """The result of a call by name, as transformers calls its values; not timed."""
        named: Mapping[str, Any] = result
        return named

    def runner(self, job: Job, work: Work, setting: Setting) -> Runner:
        """The library at the job."""
        return LibraryRunner(self, job, work, setting)


class LibraryRunner:
    """A library at a job, in this process."""

    def __init__(self, library: Library, job: Job, work: Work, setting: Setting) -> None:
        self.library = library
        self.job = job
        self.work = work
        self.setting = setting
        self.call: Callable[[], Any] | None = None
        self.repeats = 1

    def first(self, compare: bool) -> tuple[float, list[str]]:
        """See :meth:`Runner.first`; of short calls, the first one alone."""
        self.call = None
        tokenizer = self.library.load(self.setting)
        call = self.library.call(tokenizer, self.job, self.work, self.setting)
        gc.collect()
        started = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - started
        digests = row_digests(self.library.named(result, tokenizer, self.job)) if compare else []
        self.call = call
        self.repeats = max(1, min(REPEATS, int(SHORTEST_SECONDS / max(seconds, 1e-9))))
        return seconds, digests

    def warm(self) -> float:
        """See :meth:`Runner.warm`; the mean of some calls, where one takes no time. Freeing results is not timed."""
        call = self.call
        if call is None:
            raise RuntimeError("warm() before first()")
        gc.collect()
        if self.work.calls > 1:
            calls = range(self.work.calls)
            started = time.perf_counter()
            for _ in calls:
                call()
            return (time.perf_counter() - started) / self.work.calls
        total = 0.0
        for _ in range(self.repeats):
            started = time.perf_counter()
            result = call()
            total += time.perf_counter() - started
            del result
        return total / self.repeats

    def close(self) -> None:
        """Drop the tokenizer."""
        self.call = None


def has_torch() -> bool:
    """Whether torch can be imported."""
    if "torch" in sys.modules:
        return sys.modules["torch"] is not None
    return importlib.util.find_spec("torch") is not None
