"""The long checks of pretraining, on fresh processes: ``make pretrain-check``.

1. Runs that are killed with SIGKILL at random moments, and resumed until they end, have the weights and the log of an
   unbroken run, bit for bit.
2. Two processes have the losses and the metrics of one with twice the batch.
3. The SHA-256 of what is trained on is the same for 0, 1 and 4 workers, and after kills.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.pretraining_runs import CONFIG, assert_equal_weights, log_of, masks_by_step, write_corpus

SETTINGS = {"max_steps": 60, "save_every": 7, "evaluate_every": 15, "log_every": 5, "batch_size": 8, "config": CONFIG}
# From the first import to a run of its own: kills fall on every part of it.
LONGEST_LIFE = 12.0
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def start(corpus: Path, folder: Path, settings: dict[str, Any], processes: int = 1) -> subprocess.Popen[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [
        sys.executable,
        *launcher,
        "-m",
        "tests.pretraining_runs",
        str(corpus),
        str(folder),
        json.dumps(settings),
    ]
    log = folder.with_suffix(".stderr").open("a")
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=log, text=True)


def finish(corpus: Path, folder: Path, settings: dict[str, Any], processes: int = 1) -> None:
    code = start(corpus, folder, settings, processes).wait()
    if code:
        sys.exit(f"{folder.name} failed with {code}:\n{folder.with_suffix('.stderr').read_text()}")


def killed_until_done(corpus: Path, folder: Path, settings: dict[str, Any], draw: random.Random) -> int:
    """Starts a run again and again and kills it after a random time, until one ends; the number of kills."""
    kills = 0
    life = LONGEST_LIFE
    while True:
        run = start(corpus, folder, {**settings, "resume": True})
        try:
            code = run.wait(timeout=draw.uniform(0.15, 1.0) * life)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            kills += 1
            life *= 1.03  # a slow machine must come to an end too
            continue
        if code:
            sys.exit(f"{folder.name} failed with {code}:\n{folder.with_suffix('.stderr').read_text()}")
        return kills


def check(rounds: int, seed: int, place: Path) -> None:
    draw = random.Random(seed)
    corpus = write_corpus(place / "corpus.txt", documents=60)
    whole = place / "whole"
    began = time.monotonic()
    masks = place / "masks-whole"
    finish(corpus, whole, {**SETTINGS, "record": str(masks)})
    unbroken = masks_by_step(masks.with_suffix(".0"))
    print(f"unbroken run: {SETTINGS['max_steps']} steps in {time.monotonic() - began:.0f} s", flush=True)
    for number in range(rounds):
        folder, masks = place / f"killed{number}", place / f"masks-killed{number}"
        kills = killed_until_done(corpus, folder, {**SETTINGS, "record": str(masks)}, draw)
        assert_equal_weights(whole, folder)
        assert log_of(whole) == log_of(folder)
        seen = masks_by_step(masks.with_suffix(".0"))
        assert seen.keys() == unbroken.keys()
        assert all(set(digests) == set(unbroken[step]) for step, digests in seen.items())
        print(f"killed {kills} times: weights, log and masks equal bit for bit", flush=True)
    for workers in (1, 4):
        masks = place / f"masks-workers{workers}"
        finish(corpus, place / f"workers{workers}", {**SETTINGS, "workers": workers, "record": str(masks)})
        assert masks_by_step(masks.with_suffix(".0")) == unbroken
        assert_equal_weights(whole, place / f"workers{workers}")
        print(f"{workers} workers: masks and weights equal bit for bit", flush=True)
    config = {**CONFIG, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    settings = {**SETTINGS, "config": config, "max_steps": 20, "log_every": 1}
    finish(corpus, place / "one", settings)
    finish(corpus, place / "two", {**settings, "batch_size": SETTINGS["batch_size"] // 2}, processes=2)
    worst = 0.0
    for ours, theirs in zip(log_of(place / "one"), log_of(place / "two"), strict=True):
        assert ours.keys() == theirs.keys()
        worst = max(worst, *(abs(ours[name] - theirs[name]) / max(abs(ours[name]), 1e-9) for name in ours))
    assert worst < 1e-4, worst
    print(f"2 processes: losses of one with twice the batch, largest relative difference {worst:.1e}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        check(options.rounds, options.seed, Path(folder))
