"""What the files of a checkpoint folder must be before anything of them is loaded, and how they are written."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ferrobert.errors import CheckpointError, UnsafeCheckpointError
from ferrobert.files import publish

CONFIG = "config.json"
PICKLED = "pytorch_model.bin"
# In the order in which transformers looks for them.
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", PICKLED, f"{PICKLED}.index.json")
INDICES = (WEIGHTS[1], WEIGHTS[3])
LONGEST_NAME = 255  # bytes, of most file systems


def check_folder(folder: Path, *, allow_pickle: bool = False) -> None:
    """Check that a folder holds a config and safe weights.

    Raises:
        CheckpointError: it, its config.json or its weights are missing, or a JSON file of it is none.
        UnsafeCheckpointError: the weights are a pickle and ``allow_pickle`` is not given; or see `check_shards`.
    """
    if not folder.exists():
        raise CheckpointError(f"no such checkpoint folder: {folder}")
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; a checkpoint is a folder with config.json and model.safetensors")
    config = folder / CONFIG
    if not config.is_file():
        raise CheckpointError(f"{folder} has no config.json; a checkpoint holds config.json and model.safetensors")
    check_config(config)
    present = [weights for weights in WEIGHTS if (folder / weights).is_file()]
    if not present:
        raise CheckpointError(f"{folder} has no weights; expected {WEIGHTS[0]}")
    weights = present[0]  # the one that is loaded
    if weights.startswith(PICKLED) and not allow_pickle:
        raise UnsafeCheckpointError(
            f"{folder / weights} is a pickle, which can run code when it is loaded; where you trust it, convert it: "
            "ferrobert.pipeline(task, folder, allow_pickle=True).save_pretrained(another_folder)"
        )
    if weights in INDICES:
        index = folder / weights
        missing = [
            shard
            for shard in check_shards(index, pickled=weights.startswith(PICKLED))
            if not (folder / shard).is_file()
        ]
        if missing:
            raise CheckpointError(f"{folder} lacks files that {weights} names: {', '.join(missing)}")


def json_object(path: Path) -> dict[str, Any]:
    """The JSON object that a file of a checkpoint holds.

    Raises:
        CheckpointError: it is not JSON, or something else than an object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} must hold a JSON object, holds {type(found).__name__}")
    return found


def check_config(config: Path) -> dict[str, Any]:
    """The settings of a config.json, checked before transformers does what it says.

    Raises:
        CheckpointError: it is not a JSON object, or its ``architectures`` are no names.
        UnsafeCheckpointError: it names other files of weights, or attention whose code comes from the hub.
    """
    settings = json_object(config)
    classes = settings.get("architectures")
    if classes is not None and not (isinstance(classes, list) and all(isinstance(one, str) for one in classes)):
        raise CheckpointError(f"{config}: architectures must be a list of names of classes, got {classes!r:.200}")
    weights = settings.get("transformers_weights")
    if weights is not None and weights not in WEIGHTS:
        raise UnsafeCheckpointError(
            f"{config}: transformers_weights is {weights!r}, must be one of {', '.join(WEIGHTS)}"
        )
    for key in ("attn_implementation", "_attn_implementation"):
        if "/" in str(settings.get(key) or ""):
            raise UnsafeCheckpointError(f"{config}: {key} is {settings[key]!r}, code from the hub, which is never run")
    return settings


def labels_by_id(id2label: Any, where: str | Path) -> dict[int, Any]:
    """The labels of a config, with numbers for their ids.

    Args:
        id2label: as config.json has it.
        where: the file or the checkpoint, for the message.

    Raises:
        CheckpointError: it does not give each id from 0 on a label.
    """
    try:
        labels = {int(id): label for id, label in id2label.items()}
    except (AttributeError, ValueError):
        labels = {}
    if not labels or sorted(labels) != list(range(len(labels))) or None in labels.values():
        raise CheckpointError(f"{where}: id2label must give each id from 0 on a label, got {id2label!r:.200}")
    return labels


def check_shards(index: Path, *, pickled: bool) -> list[str]:
    """The files that hold a checkpoint's weights, by its index.

    Args:
        index: ``model.safetensors.index.json``, or that of pickles.
        pickled: whether it is that of pickles.

    Raises:
        CheckpointError: it is not a JSON object, names no file in its ``weight_map``, or has no ``metadata``.
        UnsafeCheckpointError: it names a file outside of its folder, or a pickle in an index of safetensors.
    """
    content = json_object(index)
    names = content.get("weight_map")
    if not isinstance(names, dict) or not names or not all(isinstance(shard, str) for shard in names.values()):
        raise CheckpointError(f"{index} must hold a weight_map from parameters to names of files")
    if not isinstance(content.get("metadata"), dict):  # transformers reads it
        raise CheckpointError(f"{index} must hold metadata beside its weight_map")
    shards = sorted(set(names.values()))
    for shard in shards:
        path, on_windows = PurePosixPath(shard), PureWindowsPath(shard)
        if "\0" in shard or len(shard.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
            raise CheckpointError(f"{index} names {shard!r:.100}, which is no name of a file")
        if path.is_absolute() or on_windows.anchor or ".." in (*path.parts, *on_windows.parts):
            raise UnsafeCheckpointError(f"{index} names {shard!r}, which is not in its folder")
        if not pickled and path.suffix != ".safetensors":
            raise UnsafeCheckpointError(f"{index} names {shard!r}, which is no file of safetensors")
    return shards


@contextmanager
def write_folder(folder: Path) -> Iterator[Path]:
    """A folder to write a model's files into, which are moved to ``folder`` when all of them are there.

    Raises:
        CheckpointError: ``folder`` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; a model is saved as a folder")
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    try:
        yield beside
        files = sorted((path for path in beside.iterdir()), key=lambda path: path.name == CONFIG)
        (folder / CONFIG).unlink(missing_ok=True)
        for path in files:
            publish(path, folder / path.name)  # safetensors makes its file private
    finally:
        shutil.rmtree(beside, ignore_errors=True)
