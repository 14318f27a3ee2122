"""What a run starts from: the model's length, its labels, its tokenizer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count
from ferrobert.models.checkpoint import LoadedModel, position_limit


def check_is_checkpoint(model: Any) -> None:
    """ConfigError where ``model`` is a loaded model: a run must be able to load it again when it resumes."""
    if hasattr(model, "parameters"):
        raise ConfigError("model must be a checkpoint folder or the id of a model on the hub, got a loaded model")


def labels_of_checkpoint(model: str | os.PathLike[str], architecture: str) -> list[str] | None:
    """Labels of a checkpoint's head, in the order of their ids; ``None`` where it has no such head.

    Args:
        model: a checkpoint folder; others are not looked at.
        architecture: how the names of classes with the head end, such as "ForSequenceClassification".
    """
    config = Path(model) / "config.json"
    if not config.is_file():
        return None
    settings = json.loads(config.read_text(encoding="utf-8"))
    architectures = settings.get("architectures") or [""]
    id2label = settings.get("id2label")
    if not id2label or not architectures[0].endswith(architecture):
        return None
    ordered = [str(id2label[key]) for key in sorted(id2label, key=int)]
    return ordered if len(set(ordered)) == len(ordered) else None


def tokenizer_of(model: str | os.PathLike[str], tokenizer: Any) -> Any:
    """The tokenizer that was given, or the model's own."""
    if tokenizer is not None:
        return tokenizer
    from ferrobert import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


def longest_row(loaded: LoadedModel, max_length: int | None) -> int | None:
    """Tokens of the longest row that is trained on: ``max_length``, or what the model reads; ``None`` without a limit.

    Raises:
        ConfigError: a length below 3, or more than the model reads.
    """
    limit = position_limit(loaded.model)
    if max_length is not None:
        check_count("max_length", max_length, 3)
    if max_length is not None and limit is not None and max_length > limit:
        raise ConfigError(f"max_length {max_length} is more than the {limit} tokens that the model can read")
    return max_length if max_length is not None else limit
