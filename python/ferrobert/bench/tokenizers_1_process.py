"""tokenizers 1.0 at work: runs in that package's own environment, so it imports nothing of ferrobert.

The other end of :mod:`ferrobert.bench.process`; its digests are those of :func:`ferrobert.bench.results.row_digests`.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any

# Before the first pass, where the library would import it.
import numpy as np

DIGEST_BYTES = 8
SHORTEST_SECONDS = 0.05
REPEATS = 20


def digests(rows: list[Any]) -> list[str]:
    """Of rows of ids that are all that a result has."""
    return [
        blake2b(b"input_ids" + np.asarray(row, dtype="<i8").tobytes(), digest_size=DIGEST_BYTES).hexdigest()
        for row in rows
    ]


class Runner:
    """The jobs ``ids``, ``single`` and ``single-read``."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.path = str(Path(request["folder"]) / "tokenizer.json")
        [self.texts] = json.loads(Path(request["work"]).read_text("ascii"))
        self.kind = request["kind"]
        self.calls = request["calls"]
        self.call: Any = None
        self.repeats = 1

    def loaded(self) -> Any:
        """The job as a call, by a fresh tokenizer."""
        tokenizers: Any = importlib.import_module("tokenizers")
        tokenizer, texts = tokenizers.Tokenizer.from_file(self.path), self.texts
        if self.kind == "ids":
            return lambda: [encoding.ids_array for encoding in tokenizer.encode_batch(texts)]
        if self.kind == "single-read":
            return lambda: tokenizer.encode(texts).ids
        return lambda: tokenizer.encode(texts)

    def first(self, compare: bool) -> dict[str, Any]:
        """Seconds of the first call, and digests."""
        self.call = None
        call = self.loaded()
        gc.collect()
        started = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - started
        rows = result if self.kind == "ids" else [result.ids if self.kind == "single" else result]
        self.call = call
        self.repeats = max(1, min(REPEATS, int(SHORTEST_SECONDS / max(seconds, 1e-9))))
        return {"seconds": seconds, "rows": digests(rows) if compare else []}

    def warm(self) -> dict[str, Any]:
        """Seconds of a call, the mean of some where one takes no time."""
        call = self.call
        gc.collect()
        if self.calls > 1:
            started = time.perf_counter()
            for _ in range(self.calls):
                call()
            return {"seconds": (time.perf_counter() - started) / self.calls}
        total = 0.0
        for _ in range(self.repeats):
            started = time.perf_counter()
            result = call()
            total += time.perf_counter() - started
            del result
        return {"seconds": total / self.repeats}


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    runner: Runner | None = None
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        try:
            if runner is None:
                runner = Runner(request)
                answer = {}
            elif request["do"] == "first":
                answer = runner.first(request["compare"])
            else:
                answer = runner.warm()
        except Exception as error:  # noqa: BLE001 - the other end reports it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
