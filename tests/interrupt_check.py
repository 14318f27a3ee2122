"""Ctrl-C at random moments of ``ferrobert predict -o FILE``: ``make interrupt-check``.

MiniLM with a random head on sentences of SST-2. How long the command takes from SIGINT to its end; that its exit code
is 130, that it leaves nothing but the finished rows, and that these are the first rows of the file with the answers
that the whole run gives.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from tests.conftest import data_folder
from tests.pipelines_check import FOLDER, model_of

import ferrobert as fb
from ferrobert.tables import Table, TableWriter


def started(rows: Path, model: Path, output: Path) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "ferrobert", "predict", str(rows), "-m", str(model), "-o", str(output)]
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})


def answers(path: Path) -> list[dict[str, Any]]:
    return [row.values for row in Table(path)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--interrupts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what runs in the background ignore it
    data = data_folder()
    if data is None:
        raise SystemExit("the real data is not here (FERROBERT_DATA)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model_of("ForSequenceClassification", ["negative", "positive"]).save_pretrained(folder / "model")
        fb.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(folder / "model")
        table = Table(data / "sentiment" / "sst2" / "train.tsv")
        text = table.columns[1]
        sentences = [row.values[text] for row in islice(table, options.rows)]
        with TableWriter(folder / "rows.jsonl") as writer:
            writer.write([{"text": sentence} for sentence in sentences])

        begun = time.monotonic()
        with started(folder / "rows.jsonl", folder / "model", folder / "all.jsonl") as process:
            process.communicate()
        seconds = time.monotonic() - begun
        expected = answers(folder / "all.jsonl")
        print(f"{len(expected):,} rows in {seconds:.1f} s without an interrupt", flush=True)

        draw = random.Random(options.seed)
        taken, kept = [], []
        number = 0
        while len(taken) < options.interrupts:
            number += 1
            output = folder / f"{number}" / "out.jsonl"
            output.parent.mkdir()
            output.write_text("what was there before")
            with started(folder / "rows.jsonl", folder / "model", output) as process:
                time.sleep(draw.uniform(0.05, 0.95) * seconds)
                begun = time.monotonic()
                process.send_signal(signal.SIGINT)
                _, message = process.communicate()
                ended = time.monotonic()
            if "rows written to" in message and answers(output) == expected:
                continue  # the run was quicker than the first one, and at its end
            taken.append(ended - begun)
            found = [file for file in output.parent.iterdir() if file != output]
            rows = [row for file in found for row in answers(file)]
            kept.append(len(rows))
            print(f"  {taken[-1] * 1000:4.0f} ms, {len(rows):,} rows kept", flush=True)
            problems = {
                f"exit code {process.returncode}: {message}": process.returncode != 130,
                f"the target has changed: {message}": output.read_text() != "what was there before",
                f"files are left: {found}": len(found) > 1,
                f"stderr does not tell of the rows: {message!r}": bool(rows)
                != (f"{len(rows):,} rows are in" in message),
                "rows are not those of the whole run": rows != expected[: len(rows)],
            }
            for problem, is_there in problems.items():
                if is_there:
                    raise SystemExit(f"interrupt {number}: {problem}")
    print(
        f"{len(taken)} interrupts: from SIGINT to the end {statistics.median(taken) * 1000:.0f} ms in the median, "
        f"{max(taken) * 1000:.0f} at most; rows kept {min(kept):,} to {max(kept):,}"
    )


if __name__ == "__main__":
    main()
