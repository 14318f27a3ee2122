"""Training: `finetune` for the tasks, and the metrics that say how good the result is."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ferrobert.errors import ConfigError
from ferrobert.models.checkpoint import require_torch

# Task -> module whose `finetune` trains it. A task is listed once it is built.
TASKS = {"text-classification": "ferrobert.training.text_classification"}
ALIASES = {"sentiment-analysis": "text-classification"}


def finetune(task: str, model: Any, train: Any, validation: Any = None, *, output_dir: Any, **settings: Any) -> Any:
    """Train a model for a task, save it, and return a pipeline with it.

    Args:
        task: "text-classification" or its alias "sentiment-analysis".
        model: the checkpoint to start from: a folder or the id of a model on the hub.
        train, validation, output_dir, **settings: see the task's own function,
            `ferrobert.training.text_classification.finetune`.

    Returns:
        The task's pipeline on the trained model.

    Raises:
        ConfigError: an unknown task or setting, or a value that is not allowed.
        DataError: data that cannot be trained on; the message names the row.
        CheckpointError: the model cannot be loaded.
        MissingDependencyError: torch or transformers is not installed.

    Example:
        >>> train = [("A joy from start to finish.", "positive"), ("I want my money back.", "negative")]
        >>> classifier = finetune("text-classification", "path/to/encoder", train, output_dir="out")  # doctest: +SKIP
        >>> classifier("A joy.")  # doctest: +SKIP
        [{'label': 'positive', 'score': 0.71}]
    """
    name = ALIASES.get(task, task)
    if name not in TASKS:
        known = ", ".join(repr(known) for known in [*TASKS, *ALIASES])
        raise ConfigError(f"unknown task {task!r}; the tasks that can be trained are {known}")
    require_torch("finetune")
    trainer = import_module(TASKS[name])
    unknown = sorted(set(settings) - set(trainer.finetune.__kwdefaults__))
    if unknown:
        known = ", ".join(setting for setting in trainer.finetune.__kwdefaults__)
        raise ConfigError(f"unknown setting {unknown[0]!r}; the settings are {known}")
    return trainer.finetune(model, train, validation, output_dir=output_dir, **settings)
