"""The folder of a training run: what it holds decides whether a run begins, goes on, or is refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers.trainer_utils import get_last_checkpoint

from ferrobert.errors import ConfigError
from ferrobert.models.adapters import ADAPTER_CONFIG

CHECKPOINTS = "checkpoints"
ADAPTER = "adapter"
RUN = "run.json"
FINISHED = "finished"


def check_unused(folder: Path, *, resume: bool, overwrite: bool) -> str | None:
    """The last checkpoint of a folder that a run may use.

    Raises:
        ConfigError: it is a file, or holds an adapter; it holds checkpoints of an unfinished run and neither ``resume``
            nor ``overwrite`` is set.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"output_dir {folder} is a file; it must be a folder")
    if (folder / ADAPTER_CONFIG).is_file():
        raise ConfigError(f"output_dir {folder} holds an adapter ({ADAPTER_CONFIG}); choose another folder")
    checkpoints = folder / CHECKPOINTS
    last: str | None = get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    if last is not None and not resume and not overwrite:
        raise ConfigError(
            f"{checkpoints} holds checkpoints of an unfinished run; resume=True goes on, overwrite=True starts again"
        )
    return last


def drop(folder: Path) -> None:
    """Remove a folder, if it is there; it is renamed first, so that nobody takes half of it for the whole."""
    beside = folder.with_name(f".dropped-{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    if folder.exists():
        os.replace(folder, beside)
        shutil.rmtree(beside, ignore_errors=True)


def prepare_run(folder: Path, settings: Mapping[str, Any], report: str, *, resume: bool, overwrite: bool) -> str | None:
    """Make the folder for checkpoints; what to resume from, if anything.

    Args:
        folder: where the run writes.
        settings: what decides the result; a run resumes only under the same ones.
        report: name of the file that a finished run leaves, with its settings.
        resume: go on from the last checkpoint.
        overwrite: begin again where there are checkpoints or a model.

    Returns:
        A checkpoint; `FINISHED` where the run that is to be resumed has ended; ``None`` for a new run.

    Raises:
        ConfigError: see `check_unused`; the checkpoints are of a run with other settings; there is a model already.
    """
    last = check_unused(folder, resume=resume, overwrite=overwrite)
    checkpoints = folder / CHECKPOINTS
    settings = json.loads(json.dumps(settings))
    if resume and last is None and (folder / report).is_file():
        before = json.loads((folder / report).read_text(encoding="utf-8"))
        if before.get("settings") == settings:
            return FINISHED
    if last is not None and resume:
        before = json.loads((checkpoints / RUN).read_text(encoding="utf-8"))
        differ = sorted(name for name in settings if before.get(name) != settings[name])
        if differ:
            told = ", ".join(f"{name} {before.get(name)!r} -> {settings[name]!r}" for name in differ)
            raise ConfigError(f"{checkpoints} belongs to a run with other settings ({told}); it cannot be resumed")
        return last
    if (folder / "config.json").is_file() and not overwrite:
        raise ConfigError(f"{folder} holds a model already; overwrite=True replaces it, or choose another output_dir")
    if os.environ.get("RANK", "0") != "0":
        return None  # under torchrun the first process makes the folder
    drop(checkpoints)
    checkpoints.mkdir(parents=True)
    (checkpoints / RUN).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return None
