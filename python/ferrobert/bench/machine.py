"""The machine and the versions: what a figure means nothing without."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ferrobert import __version__

PACKAGES = ("transformers", "tokenizers", "numpy", "torch")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run was made.

    Args:
        processor: Its model.
        cores: Those that this process may use.
        system: Operating system and its version.
        architecture: Of the instruction set.
        python: Version of the interpreter.
    """

    processor: str
    cores: int
    system: str
    architecture: str
    python: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.processor}, {self.cores} cores, {self.system}, Python {self.python}"


def this_machine() -> Machine:
    """The machine that this runs on."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        system=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        python=platform.python_version(),
    )


def installed_versions() -> dict[str, str]:
    """Package -> version, of those that decide about the figures and are installed."""
    versions = {"ferrobert": __version__}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
