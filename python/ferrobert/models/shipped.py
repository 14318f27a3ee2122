"""What a pipeline without ``model=`` runs: adapters that come with this package, on the encoder of `models.encoder`."""

from __future__ import annotations

import logging
from pathlib import Path

from ferrobert.errors import CheckpointError, ConfigError
from ferrobert.hub import ENCODER, where_is
from ferrobert.models import encoder
from ferrobert.models.adapters import ADAPTER_CONFIG
from ferrobert.tasks import task_name

__all__ = ["ADAPTERS", "FOLDER", "TASKS", "adapter_folder", "announce", "default_model", "describe"]

#: Holds the adapters, a folder a task.
FOLDER = Path(__file__).resolve().parent.parent / "data" / "adapters"
#: The tasks that have one.
ADAPTERS = (
    "text-classification",
    "token-classification",
    "question-answering",
    "zero-shot-classification",
    "fill-mask",
)
#: The tasks that run without a model of the user's: the last one is the encoder alone.
TASKS = (*ADAPTERS, "feature-extraction")

logger = logging.getLogger("ferrobert")
# Tasks whose model this process was told.
_told: set[str] = set()


def adapter_folder(task: str) -> Path:
    """The folder of the adapter that ships for a task; its README.md is the model card.

    Args:
        task: one of `ADAPTERS`, or its alias.

    Raises:
        ConfigError: another task.
        CheckpointError: this copy of the package lacks it.

    Example:
        >>> adapter_folder("fill-mask").name  # doctest: +SKIP
        'fill-mask'
    """
    task = task_name(task)
    if task not in ADAPTERS:
        raise ConfigError(f"no adapter ships for {task!r}; those that do are for {', '.join(ADAPTERS)}")
    folder = FOLDER / task
    if not (folder / ADAPTER_CONFIG).is_file():
        raise CheckpointError(
            f"this copy of ferrobert lacks its adapter for {task} ({folder} has no {ADAPTER_CONFIG}); give a model"
        )
    return folder


def describe(task: str) -> str:
    """Which model a task runs when it is given none, in one line.

    Args:
        task: one of `TASKS`, or its alias.

    Raises:
        ConfigError: another task.

    Example:
        >>> describe("feature-extraction")
        'feature-extraction: sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)'
    """
    task = task_name(task)
    if task not in TASKS:
        raise ConfigError(f"no model ships for {task!r}; those that do are for {', '.join(TASKS)}")
    adapter = " with ferrobert's adapter" if task in ADAPTERS else ""
    return f"{task}: {ENCODER}{adapter} (Apache-2.0)"


def default_model(task: str) -> str:
    """Where the model is loaded from that a task runs when it is given none: an adapter's folder, or the encoder's.

    Args:
        task: one of `TASKS`.

    Raises:
        ConfigError: another task.
        CheckpointError: this copy of the package lacks the adapter; the encoder alone has other weights than those of
            `ENCODER_SHA256` (with an adapter they are compared when that is loaded).
        MissingDependencyError: the encoder's package is not installed, and the hub does not give it.
    """
    if task != "feature-extraction":
        return str(adapter_folder(task))
    folder = encoder.folder_of(where_is(ENCODER))
    encoder.check_weights(folder, encoder.ENCODER_SHA256, f"{ENCODER} has other weights")
    return str(folder)


def announce(task: str) -> None:
    """Log which model a task runs when it is given none: once in a process, as a warning."""
    if task not in _told:
        _told.add(task)
        logger.warning("no model was given, taking the default of %s", describe(task))
