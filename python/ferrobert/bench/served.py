"""ferrobert in a process of its own, the other end of :mod:`ferrobert.bench.process`: ``-m ferrobert.bench.served``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.peers.ferrobert import Ferrobert
from ferrobert.bench.subject import Runner, Setting


def runner_of(request: dict[str, Any]) -> Runner:
    """The runner that a first request describes."""
    job = Job(**{**request["job"], "kind": Kind(request["job"]["kind"])})
    arguments = json.loads(Path(request["work"]).read_text("ascii"))
    work = Work(tuple(arguments), request["docs"], request["bytes"])
    return Ferrobert().runner(job, work, Setting(Path(request["folder"]), request["threads"]))


def main() -> None:
    """Answer until the input ends."""
    # What a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    runner: Runner | None = None
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        try:
            if runner is None:
                runner = runner_of(request)
                answer = {}
            elif request["do"] == "first":
                seconds, rows = runner.first(request["compare"])
                answer = {"seconds": seconds, "rows": rows}
            else:
                answer = {"seconds": runner.warm()}
        except Exception as error:  # noqa: BLE001 - the other end reports it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
