"""The settings of a fine-tuning run, checked before anything is loaded."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count, check_number

# Below this, a head or a LoRA that starts from nothing hardly moves in a few epochs.
SMALL_PART_RATE = 1e-4
# The generators of numpy take 32 bits.
MOST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings that decide which weights come out; a run resumes only under the same ones.

    A task with further settings adds them in a subclass.
    """

    # What the best epoch can be chosen by, besides the loss.
    scores: ClassVar[tuple[str, ...]] = ("accuracy", "f1")

    model: str
    epochs: int
    learning_rate: float
    batch_size: int
    gradient_accumulation_steps: int
    warmup_ratio: float
    max_grad_norm: float
    weight_decay: float
    dropout: float | None
    freeze_encoder: bool
    lora: Any
    class_weight: Any
    max_length: int | None
    group_by_length: bool
    label_names: list[str]
    early_stopping_patience: int | None
    select_best: str | None
    mixed_precision: str | None
    calibrate: bool
    seed: int
    data: str

    @classmethod
    def of(cls, arguments: Mapping[str, Any], *, validates: bool, **found: Any) -> Self:
        """The recipe of a call of a task's ``finetune``.

        Args:
            arguments: the arguments of the call by name, as ``locals()`` gives them at its beginning.
            validates: whether there is validation data.
            **found: settings that are not arguments, or take the place of one.

        Raises:
            ConfigError: a setting that is not allowed, or that lacks what it needs.
        """
        check_selection(
            arguments["early_stopping_patience"],
            arguments["select_best"],
            validates=validates,
            checkpoints=arguments["checkpoints"],
            resume=arguments["resume"],
        )
        settings = {**arguments, "model": os.fspath(arguments["model"]), **found}
        if settings["select_best"] is None and settings["early_stopping_patience"] is not None:
            settings["select_best"] = "loss"
        if settings["lora"] is False:
            settings["lora"] = None
        for name in ("lora", "class_weight"):
            settings[name] = plain(settings[name])
        return cls(**{field.name: settings[field.name] for field in fields(cls)})

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "gradient_accumulation_steps"):
            check_count(name, getattr(self, name), 1)
        check_count("seed", self.seed, 0, MOST_SEED)
        for name in ("learning_rate", "warmup_ratio", "max_grad_norm", "weight_decay"):
            check_number(name, getattr(self, name))
        if self.dropout is not None:
            check_number("dropout", self.dropout)
        for name in ("max_grad_norm", "weight_decay"):
            if not getattr(self, name) >= 0.0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)!r}")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(f"learning_rate must lie between 0 and 1, got {self.learning_rate!r}")
        if not 0.0 <= self.warmup_ratio < 1.0:
            raise ConfigError(f"warmup_ratio must lie in [0, 1), got {self.warmup_ratio!r}")
        if self.dropout is not None and not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"dropout must be None or lie in [0, 1), got {self.dropout!r}")
        for name in ("freeze_encoder", "group_by_length", "calibrate"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if self.freeze_encoder and self.lora is not None:
            raise ConfigError("freeze_encoder=True trains the head alone, lora= the attention too: choose one")
        if self.mixed_precision not in (None, "bf16", "fp16"):
            raise ConfigError(f"mixed_precision must be None, 'bf16' or 'fp16', got {self.mixed_precision!r}")
        if self.select_best not in (None, "loss", *self.scores):
            allowed = ", ".join(map(repr, ("loss", *self.scores[:-1])))
            raise ConfigError(f"select_best must be None, {allowed} or {self.scores[-1]!r}, got {self.select_best!r}")
        if self.early_stopping_patience is not None:
            check_count("early_stopping_patience", self.early_stopping_patience, 1)

    def warn_of_small_rate(self, *, stacklevel: int) -> None:
        """Say so where the learning rate is one for all weights and only a small part of them learns."""
        if (self.freeze_encoder or self.lora is not None) and self.learning_rate < SMALL_PART_RATE:
            warnings.warn(
                f"learning_rate {self.learning_rate:g} hardly moves {'a head' if self.freeze_encoder else 'a LoRA'} "
                f"in {self.epochs} epochs; try {'1e-3' if self.freeze_encoder else '5e-4'}",
                stacklevel=stacklevel + 1,
            )


def check_selection(
    early_stopping_patience: int | None, select_best: str | None, *, validates: bool, checkpoints: bool, resume: bool
) -> None:
    """Check that there is what early stopping, the choice of an epoch and resuming need.

    Raises:
        ConfigError: no validation data, or no checkpoints.
    """
    selects = early_stopping_patience is not None or select_best is not None
    if selects and not validates:
        raise ConfigError("early_stopping_patience and select_best need validation=")
    if not checkpoints and (resume or selects):
        raise ConfigError("resume, early_stopping_patience and select_best need checkpoints=True")


def plain(value: Any) -> Any:
    """A setting as JSON holds it."""
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    return json.loads(json.dumps(value, default=lambda one: sorted(one) if isinstance(one, set) else str(one)))


def fingerprint(*parts: Sequence[Any]) -> str:
    """What tells data from other data, to resume only with the same: a digest of the columns of each source.

    Args:
        *parts: the columns of train and of validation, as lists; no columns where there is no validation.
    """
    digest = hashlib.sha256()
    for columns in parts:
        digest.update(json.dumps(columns).encode())
    return digest.hexdigest()[:16]
