"""The settings of a pretraining run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count, check_number

# [CLS] A [SEP] B [SEP] with a token on each side.
SHORTEST = 5
NUMBERS = (
    "mlm_probability",
    "mask_replace_prob",
    "random_replace_prob",
    "short_seq_prob",
    "next_sentence_prob",
    "held_out",
    "learning_rate",
    "warmup_ratio",
    "weight_decay",
    "adam_beta2",
    "adam_epsilon",
    "max_grad_norm",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings that decide which weights come out; a run resumes only under the same ones."""

    model: str | None
    config: Any
    objective: str
    max_length: int
    mlm_probability: float
    mask_replace_prob: float
    random_replace_prob: float
    whole_word_mask: bool
    exact: bool
    max_span_length: int | None
    short_seq_prob: float
    next_sentence_prob: float
    epochs: int
    max_steps: int | None
    batch_size: int
    gradient_accumulation_steps: int
    learning_rate: float
    warmup_ratio: float
    weight_decay: float
    adam_beta2: float
    adam_epsilon: float
    max_grad_norm: float
    held_out: float
    dropout: float | None
    lora: Any
    seed: int

    def __post_init__(self) -> None:
        check_count("max_length", self.max_length, SHORTEST)
        for name in ("epochs", "batch_size", "gradient_accumulation_steps"):
            check_count(name, getattr(self, name), 1)
        if self.max_steps is not None:
            check_count("max_steps", self.max_steps, 1)
        for name in NUMBERS:
            check_number(name, getattr(self, name))
        if self.dropout is not None:
            check_number("dropout", self.dropout)
        for name in ("mask_replace_prob", "random_replace_prob", "short_seq_prob", "next_sentence_prob"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} must lie in [0, 1], got {getattr(self, name)!r}")
        if not 0.0 < self.mlm_probability <= 1.0:
            raise ConfigError(f"mlm_probability must lie in (0, 1], got {self.mlm_probability!r}")
        if not 0.0 <= self.held_out < 1.0:
            raise ConfigError(f"held_out must lie in [0, 1), got {self.held_out!r}")
        for name in ("max_grad_norm", "weight_decay"):
            if not getattr(self, name) >= 0.0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)!r}")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(f"learning_rate must lie between 0 and 1, got {self.learning_rate!r}")
        if not 0.0 <= self.warmup_ratio < 1.0:
            raise ConfigError(f"warmup_ratio must lie in [0, 1), got {self.warmup_ratio!r}")
        if not 0.0 <= self.adam_beta2 < 1.0:
            raise ConfigError(f"adam_beta2 must lie in [0, 1), got {self.adam_beta2!r}")
        if not self.adam_epsilon > 0.0:
            raise ConfigError(f"adam_epsilon must be positive, got {self.adam_epsilon!r}")
        if self.dropout is not None and not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"dropout must be None or lie in [0, 1), got {self.dropout!r}")
        if self.lora is not None and self.model is None:
            raise ConfigError("lora= adds to the weights of a checkpoint; name it with model=")
        if self.lora is not None and self.objective != "mlm":
            raise ConfigError(f"lora= learns masked tokens alone, objective='mlm', not {self.objective!r}")
        check_count("seed", self.seed, 0)
        if self.seed >= 1 << 32:
            raise ConfigError(f"seed must be below 4294967296, got {self.seed!r}")

    def settings(self, processes: int, bf16: bool, data: str) -> dict[str, Any]:
        """What a resumed run must have in common with the one it goes on with.

        The number of processes is free as long as the global batch is the same one.
        """
        found = asdict(self)
        per_process = found.pop("batch_size") * found.pop("gradient_accumulation_steps")
        return {**found, "global_batch": per_process * processes, "bf16": bf16, "data": data}
