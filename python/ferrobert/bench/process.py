"""A subject in a process of its own (another environment or number of threads), taking its turns like the rest."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ferrobert.bench.job import Work
from ferrobert.bench.subject import Setting


class ProcessError(RuntimeError):
    """A measuring process has ended, or has said what went wrong."""


def thread_environment(threads: int) -> dict[str, str]:
    """The variables that tokenizers, rayon, OpenMP and MKL read once, when they start their threads."""
    return {
        "RAYON_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
    }


class ProcessRunner:
    """A runner (:class:`ferrobert.bench.subject.Runner`) at the other end of a pipe.

    The process reads one JSON line a request and answers with one: first ``{"folder", "work", ...}``, where ``work`` is
    a JSON file of the arguments; then ``{"do": "first", "compare": ...}`` -> ``{"seconds", "rows"}`` and
    ``{"do": "warm"}`` -> ``{"seconds"}``. ``{"error"}`` may be the answer to each of them.

    Args:
        command: Starts the process.
        job: What the process is told to do.
        work: The arguments.
        setting: Folder and threads.
        environment: Further variables.
    """

    def __init__(
        self,
        command: Sequence[str],
        job: Mapping[str, Any],
        work: Work,
        setting: Setting,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._room = tempfile.TemporaryDirectory(prefix="ferrobert-bench-")
        room = Path(self._room.name)
        self._errors = (room / "stderr.txt").open("w+", encoding="utf-8", errors="replace")
        texts = room / "work.json"
        texts.write_text(json.dumps(work.arguments), "ascii")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **thread_environment(setting.threads), **(environment or {})},
            text=True,
            encoding="utf-8",
        )
        self._ask({"folder": str(setting.folder), "work": str(texts), "threads": setting.threads, **job})

    def first(self, compare: bool) -> tuple[float, list[str]]:
        """See :meth:`Runner.first`."""
        answer = self._ask({"do": "first", "compare": compare})
        return float(answer["seconds"]), list(answer["rows"])

    def warm(self) -> float:
        """See :meth:`Runner.warm`."""
        return float(self._ask({"do": "warm"})["seconds"])

    def close(self) -> None:
        """End the process: it leaves when its input ends."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._errors.close()
        self._room.cleanup()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines()
            raise ProcessError(f"its process ended: {said[-1] if said else 'it said nothing'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ProcessError(answer["error"])
        return answer
