"""Small corpora and runs for the tests of pretraining; also run by torchrun: ``python -m tests.pretraining_runs``."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

import ferrobert as fb
from ferrobert.training.pretraining.trainer import PretrainingTrainer

ROOT = Path(__file__).resolve().parent.parent
WORDS = "the cat sat on a mat it was lazy afternoon in town who said hello to my old dog and then went home".split()
CONFIG = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
FAST = {
    "config": CONFIG,
    "vocab_size": 120,
    "max_length": 24,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "held_out": 0.1,
    "device": "cpu",
    "progress": False,
    "curve": False,
}


def write_corpus(path: Path, documents: int = 80, seed: int = 0) -> Path:
    """Documents in Google's format, each of three words: what is masked, and whether B follows A, can be learned."""
    draw = random.Random(seed)
    text = []
    for _ in range(documents):
        words = draw.sample(WORDS, 3)
        for _ in range(draw.randint(2, 5)):
            text.append(" ".join(draw.choices(words, k=draw.randint(3, 9))) + ".\n")
        text.append("\n")
    path.write_text("".join(text), "utf-8")
    return path


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def assert_equal_weights(one: Path, other: Path) -> None:
    first, second = weights_of(one), weights_of(other)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def log_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "pretraining_log.jsonl").read_text().splitlines()]


def pretrain(corpus: Path, folder: Path, **settings: Any) -> Any:
    torch.set_num_threads(1)
    return fb.pretrain(corpus, output_dir=folder, **{**FAST, **settings})


def dies_at(function: str, call: int) -> Any:
    """Kills this process with SIGKILL when a function of the trainer is called for the n-th time."""
    original = getattr(PretrainingTrainer, function)
    calls = 0

    def deadly(self: Any, *arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, *arguments, **keywords)

    return mock.patch.object(PretrainingTrainer, function, deadly)


def run_and_die(corpus: Path, folder: Path, function: str, call: int, **settings: Any) -> None:
    """A run in a process of its own that is killed on its way."""
    child = os.fork()
    if child == 0:
        try:
            with dies_at(function, call):
                pretrain(corpus, folder, **settings)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), status
    assert os.WTERMSIG(status) == signal.SIGKILL


@contextmanager
def recorded_masks(path: Path) -> Any:
    """Appends the SHA-256 of what each process trains on to a file, a line a batch: ``step digest``."""
    original = PretrainingTrainer.training_step

    def recorded(self: Any, model: Any, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
        digest = hashlib.sha256()
        for name in ("input_ids", "labels"):
            digest.update(inputs[name].cpu().numpy().tobytes())
        with path.with_suffix(f".{self.args.process_index}").open("a") as file:
            file.write(f"{self.state.global_step} {digest.hexdigest()}\n")
        return original(self, model, inputs, *arguments, **keywords)

    with mock.patch.object(PretrainingTrainer, "training_step", recorded):
        yield


def compare_two_processes(corpus: Path, folder: Path, rel: float, **settings: Any) -> Any:
    """One process, and two with half of its batch each, in ``folder / "one"`` and ``"two"``: their logs are compared.

    Returns:
        What `ferrobert.pretrain` gives for the one.
    """
    one = pretrain(corpus, folder / "one", **settings)
    arguments = [corpus, folder / "two", json.dumps({**settings, "batch_size": FAST["batch_size"] // 2})]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", __name__]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for ours, theirs in zip(log_of(folder / "one"), log_of(folder / "two"), strict=True):
        assert ours == pytest.approx(theirs, rel=rel, abs=rel / 100)
    return one


def masks_by_step(path: Path) -> dict[int, list[str]]:
    """The digests of each step; where a step was done twice, after a resume, both."""
    found: dict[int, list[str]] = {}
    for line in path.read_text().splitlines():
        step, digest = line.split()
        found.setdefault(int(step), []).append(digest)
    return found


def main() -> None:
    """``CORPUS FOLDER SETTINGS`` with settings as JSON; ``record`` is where `recorded_masks` writes."""
    corpus, folder = map(Path, sys.argv[1:3])
    settings = json.loads(sys.argv[3])
    record = settings.pop("record", None)
    with nullcontext() if record is None else recorded_masks(Path(record)):
        pretrain(corpus, folder, **settings)


if __name__ == "__main__":
    main()
