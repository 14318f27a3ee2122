"""How fast checkpoints run on this machine beside each other, and how much memory they take.

Weights are random: neither time nor memory depends on them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from ferrobert.bench.timing import Ratio, calls_in_turns
from ferrobert.errors import InternalError
from ferrobert.models.checkpoint import quiet_transformers
from ferrobert.models.families import config_of, model_size
from ferrobert.models.unpadded import unpadded

__all__ = ["ROWS", "TOKENS", "Measured", "measure"]

#: The batch that is timed.
ROWS = 8
TOKENS = 128
MEBIBYTE = 1 << 20
STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model takes on this machine.

    Attributes:
        rows_per_second: rows of `TOKENS` tokens (or what the shortest of the models reads), in batches of `ROWS`.
        speed: how many times as fast as the first of the models that were measured together.
        memory: MiB that a process takes more at its peak, when it has made the model and run a batch; on a GPU what
            torch has allocated there. ``None`` where the system does not tell (Linux does).
    """

    rows_per_second: float
    speed: Ratio
    memory: float | None


def measure(names: Sequence[str], *, device: torch.device, rounds: int = 5) -> dict[str, Measured]:
    """Time checkpoints in turns, in float32, and weigh each in a process of its own.

    Args:
        names: checkpoints, as for `config_of`; speeds are relative to the first. All of them are in memory at once.
        device: where they run.
        rounds: of each.

    Raises:
        CheckpointError: see `config_of`.
    """
    limits = [model_size(name).max_tokens for name in names]
    tokens = min([TOKENS, *(limit for limit in limits if limit is not None)])
    calls = {name: _batch_of(name, tokens, device) for name in names}
    timings = calls_in_turns(calls, rounds)
    first = timings[names[0]]
    return {
        name: Measured(ROWS / timing.median, first.over(timing), _memory_of(name, tokens, device))
        for name, timing in timings.items()
    }


def _batch_of(name: str, tokens: int, device: torch.device) -> Callable[[], Any]:
    """A call that runs a batch through a model with random weights, as the pipelines run it."""
    config = config_of(name)
    with quiet_transformers():
        model = transformers.AutoModel.from_config(config).eval().to(device)
    ids = torch.randint(config.vocab_size, (ROWS, tokens), generator=torch.Generator().manual_seed(0)).to(device)
    without_padding = unpadded(model)

    @torch.inference_mode()
    def run() -> None:
        if without_padding is None:
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
        else:
            without_padding.hidden(ids.flatten(), None, [tokens] * ROWS)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return run


def _memory_of(name: str, tokens: int, device: torch.device) -> float | None:
    """MiB of a model, in a process that has nothing else."""
    command = [sys.executable, "-W", "ignore", "-m", "ferrobert.models.measuring", name, str(tokens), str(device)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise InternalError(f"measuring the memory of {name} failed: {done.stderr.strip()[-400:]}")
    found: float | None = json.loads(done.stdout)
    return found


def _weigh(name: str, tokens: int, device: torch.device) -> float | None:
    if device.type == "cuda":
        _batch_of(name, tokens, device)()
        return torch.cuda.max_memory_allocated(device) / MEBIBYTE
    if not STATUS.exists():
        return None
    # What torch and transformers load when they first make a model is not the model's.
    small = transformers.BertConfig(num_hidden_layers=1, hidden_size=48, vocab_size=9)
    transformers.AutoModel.from_config(small)(input_ids=torch.zeros(1, 1, dtype=torch.long))
    before = _peak()
    _batch_of(name, tokens, device)()
    return _peak() - before


def _peak() -> float:
    """MiB that this process had at its peak."""
    # Not getrusage: on Linux that begins with the memory of the process that started this one.
    [line] = [line for line in STATUS.read_text("utf-8").splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_weigh(sys.argv[1], int(sys.argv[2]), torch.device(sys.argv[3]))))
