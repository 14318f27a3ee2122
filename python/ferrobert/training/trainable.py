"""Which parameters learn: all of them, the head alone, or a low-rank addition (LoRA); and what is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ferrobert.errors import ConfigError, MissingDependencyError
from ferrobert.models.checkpoint import LoadedModel

# The rank, scale and dropout of LoRA's paper for text classification (Hu et al. 2021, GLUE).
LORA_DEFAULTS: dict[str, Any] = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.1}


def set_dropout(model: nn.Module, share: float) -> None:
    """Let every dropout of a model drop this share; that of attention reads its share from such a module too."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share


def freeze_encoder(loaded: LoadedModel) -> None:
    """Let only the head learn, and what the checkpoint did not hold (a pooler that is still random)."""
    base = f"{loaded.model.base_model_prefix}."
    for name, parameter in loaded.model.named_parameters():
        parameter.requires_grad = not name.startswith(base) or name in loaded.fresh


def add_lora(
    loaded: LoadedModel,
    lora: bool | int | Mapping[str, Any] | Any,
    task_type: str = "SEQ_CLS",
    dropout: float | None = None,
) -> Any:
    """Put a low-rank addition on the attention's projections; they, the head and fresh parameters learn.

    Args:
        loaded: the model.
        lora: ``True`` for rank 8; the rank; settings of ``peft.LoraConfig``; or a ``LoraConfig``.
        task_type: peft's name of the task.
        dropout: of the low-rank addition, where ``lora`` does not say it; by default 0.1.

    Returns:
        The peft model around it; `merged` gives back a plain one.

    Raises:
        ConfigError: settings that peft refuses.
        MissingDependencyError: peft is not installed.
    """
    try:
        import peft
    except ImportError:
        raise MissingDependencyError('lora= needs peft: pip install "ferrobert[torch]"') from None
    if isinstance(lora, peft.LoraConfig):
        config = lora
    else:
        settings = LORA_DEFAULTS | ({} if dropout is None else {"lora_dropout": dropout})
        if isinstance(lora, Mapping):
            settings |= lora
        elif lora is not True:
            if not isinstance(lora, int) or lora < 1:
                raise ConfigError(f"lora must be True, a rank from 1, a dict or a LoraConfig, got {lora!r}")
            settings |= {"r": lora, "lora_alpha": 2 * lora}
        base = f"{loaded.model.base_model_prefix}."
        learn = {name.rsplit(".", 1)[0] for name in loaded.fresh if name.startswith(base)}
        learn |= {name for name, _ in loaded.model.named_children() if f"{name}." != base and name != "dropout"}
        settings.setdefault("modules_to_save", sorted(learn))
        try:
            config = peft.LoraConfig(task_type=task_type, **settings)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"lora: {error}") from None
    try:
        return peft.get_peft_model(loaded.model, config)
    except ValueError as error:
        raise ConfigError(f"lora does not fit {type(loaded.model).__name__}: {error}") from None


def merged(model: Any) -> Any:
    """The plain model, a low-rank addition folded into its weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
