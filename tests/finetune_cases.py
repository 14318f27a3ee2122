"""What the tests of fine-tuning share: texts with labels, quick settings, readers of what a run leaves."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from ferrobert.tables import TableWriter

GOOD = ["a great film", "a nice book", "i love this room", "unbelievably good food", "the film was great", "not bad !"]
BAD = ["an awful film", "a dull book", "i hate this room", "very bad food", "the film was awful", "not good ."]
TRAIN = [(text, "good") for text in GOOD] * 4 + [(text, "bad") for text in BAD] * 4
CHECK = [("a great book", "good"), ("an awful room", "bad"), ("nice food", "good"), ("dull film", "bad")]
FAST = {"epochs": 2, "learning_rate": 1e-3, "batch_size": 8, "device": "cpu", "progress": False}
LONGER = {**FAST, "epochs": 8, "learning_rate": 5e-3}


def report_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "training_report.json").read_text(encoding="utf-8")))


def weights_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


def assert_equal_weights(one: Path, other: Path) -> None:
    ours, theirs = weights_of(one), weights_of(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def data_as(kind: str, columns: dict[str, list[Any]], folder: Path) -> Any:
    """Columns as one of the sources that training reads: of Python, or a file in the folder."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    if kind == "dicts":
        return rows
    if kind == "columns":
        return columns
    if kind == "dataset":
        return pytest.importorskip("datasets").Dataset.from_dict(columns)
    if kind == "frame":
        return pytest.importorskip("pandas").DataFrame(columns)
    path = folder / f"train.{kind}"
    if kind in ("csv", "tsv"):
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(columns), delimiter="," if kind == "csv" else "\t")
            table.writeheader()
            table.writerows(rows)
        return path
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    with TableWriter(path) as writer:
        writer.write(rows)
    return path


class StopAfter(transformers.TrainerCallback):
    """Pulls the plug after an epoch's checkpoint."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if round(state.epoch) == self.epoch:
            raise KeyboardInterrupt


@contextmanager
def stopped(trainer_class: Any, epoch: int) -> Iterator[None]:
    """A run in here is pulled the plug after an epoch's checkpoint."""
    original = trainer_class.__init__

    def stops(self: Any, **arguments: Any) -> None:
        original(self, **{**arguments, "callbacks": [*arguments["callbacks"], StopAfter(epoch)]})

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trainer_class, "__init__", stops)
        with pytest.raises(KeyboardInterrupt):
            yield
