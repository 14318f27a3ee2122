"""Training: `pretrain` from raw text, `finetune` for the tasks, and the metrics that say how good the result is."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from ferrobert.errors import ConfigError
from ferrobert.models.checkpoint import require_torch
from ferrobert.tasks import task_name
from ferrobert.training.pretraining import pretrain

__all__ = ["TASKS", "finetune", "pretrain"]

# Task -> module whose `finetune` trains it. A task is listed once it is built.
TASKS = {
    "text-classification": "ferrobert.training.text_classification",
    "token-classification": "ferrobert.training.token_classification",
    "question-answering": "ferrobert.training.question_answering",
}


def finetune(
    task: str,
    model: Any,
    train: Any,
    validation: Any = None,
    *,
    output_dir: str | os.PathLike[str],
    epochs: int = 3,
    learning_rate: float = 2e-5,
    batch_size: int = 16,
    warmup_ratio: float = 0.1,
    max_grad_norm: float = 1.0,
    weight_decay: float = 0.01,
    freeze_encoder: bool = False,
    lora: Any = None,
    class_weight: Any = None,
    seed: int = 42,
    resume: bool = False,
    **settings: Any,
) -> Any:
    """Train a model for a task, save it, and return a pipeline with it.

    Args:
        task: "text-classification" or its alias "sentiment-analysis"; "token-classification" or its alias "ner";
            "question-answering".
        model: the checkpoint to start from: a folder or the id of a model on the hub.
        train: the examples, texts with labels, words with tags (also texts with spans), or questions with contexts and
            answers: a path to CSV, TSV, JSONL, Parquet, CoNLL for tags, a file of SQuAD for questions; a list of
            ``(text, label)``, ``(words, tags)`` or dicts; a dict of columns; a DataFrame; a `datasets.Dataset`.
        validation: likewise, or a share of ``train`` to set aside, such as 0.1.
        output_dir: where the trained model and ``training_report.json`` go.
        epochs, learning_rate, batch_size, warmup_ratio, max_grad_norm, weight_decay, seed: the optimisation: AdamW
            with linear warm-up and decay.
        freeze_encoder: train the head alone.
        lora: train a low-rank addition: ``True``, a rank, or settings of ``peft.LoraConfig``.
        class_weight: "balanced", or a weight for each label.
        resume: go on from the last checkpoint in ``output_dir``.
        **settings: those of the task, see `ferrobert.training.text_classification.finetune`,
            `ferrobert.training.token_classification.finetune` and `ferrobert.training.question_answering.finetune`:
            names of columns and labels, ``max_length``, ``early_stopping_patience``, ``calibrate``, ...

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
    name = task_name(task, TASKS, "the tasks that can be trained")
    require_torch("finetune")
    trainer = import_module(TASKS[name])
    unknown = sorted(set(settings) - set(trainer.finetune.__kwdefaults__))
    if unknown:
        known = ", ".join(setting for setting in trainer.finetune.__kwdefaults__)
        raise ConfigError(f"unknown setting {unknown[0]!r}; the settings are {known}")
    return trainer.finetune(
        model,
        train,
        validation,
        output_dir=output_dir,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        warmup_ratio=warmup_ratio,
        max_grad_norm=max_grad_norm,
        weight_decay=weight_decay,
        freeze_encoder=freeze_encoder,
        lora=lora,
        class_weight=class_weight,
        seed=seed,
        resume=resume,
        **settings,
    )
