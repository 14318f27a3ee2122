"""tokenizers 1.0, the reference's next engine: ids only, and not beside transformers in one environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.process import ProcessRunner
from ferrobert.bench.subject import Runner, Setting, Subject

VERSION = "1.0.0rc3"
SCRIPT = Path(__file__).resolve().parent.parent / "tokenizers_1_process.py"


class Tokenizers1(Subject):
    """tokenizers 1.0 in an environment in the user's cache folder, made when it is asked for by name."""

    name = "tokenizers-1.0"
    package = "tokenizers"
    note = "in a process and an environment of its own"
    own_environment = True

    @property
    def install(self) -> str:
        """It makes its own environment."""
        return f"ferrobert bench --peer {self.name}"

    def version(self) -> str | None:
        """The version, ``None`` where its environment cannot be made."""
        try:
            environment_python()
        except (OSError, subprocess.CalledProcessError):
            return None
        return VERSION

    def cannot(self, job: Job, setting: Setting) -> str:
        """Ids are what it is for; it has no offsets, word ids, windows or words."""
        return "" if job.kind in (Kind.IDS, Kind.SINGLE, Kind.SINGLE_READ) else "only its ids are measured"

    def runner(self, job: Job, work: Work, setting: Setting) -> Runner:
        """The process in its environment."""
        command = [str(environment_python()), "-I", str(SCRIPT)]
        return ProcessRunner(command, {"kind": str(job.kind), "calls": work.calls}, work, setting)


def cache_folder() -> Path:
    """Where environments are kept between runs."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "ferrobert" / "bench"


def environment_python() -> Path:
    """The interpreter of the environment, which is made where it is not there; needs a package index then.

    Raises:
        CalledProcessError: the packages cannot be installed.
    """
    folder = cache_folder() / f"tokenizers-{VERSION}-py{sys.version_info.major}.{sys.version_info.minor}"
    if not python_of(folder).exists():
        beside = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            install(beside)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return python_of(folder)


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(folder: Path) -> None:
    """Make the environment, by uv where it is on the PATH."""
    packages = [f"tokenizers=={VERSION}", "numpy>=2"]
    uv = shutil.which("uv")
    python = str(python_of(folder))
    if uv is None:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([python, "-m", "pip", "install", "--quiet", "--pre", *packages])
    else:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        _run([uv, "pip", "install", "--quiet", "--prerelease", "allow", "--python", python, *packages])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
