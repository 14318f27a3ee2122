"""The model that is pretrained: a new one by its size, or one that goes on from a checkpoint."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from ferrobert.errors import CheckpointError, ConfigError, MissingDependencyError
from ferrobert.models.adapters import check_whole
from ferrobert.models.checkpoint import LoadedModel, checked_source, position_limit, quiet_transformers

# Layers and hidden size of Google's BERT models (Devlin et al. 2018, Turc et al. 2019); a head reads 64 dimensions.
SIZES = {
    "tiny": (2, 128),
    "mini": (4, 256),
    "small": (4, 512),
    "medium": (8, 512),
    "base": (12, 768),
    "large": (24, 1024),
}
HEAD_SIZE = 64
POSITIONS = 512
# What each family can learn beside masked tokens.
OBJECTIVES = {
    "mlm+nsp": "masked tokens, and whether B follows A",
    "mlm+sop": "masked tokens, and whether A and B are in order",
    "mlm": "masked tokens alone",
}
PAIR_FAMILIES = {"mlm+nsp": ("bert",), "mlm+sop": ("bert", "albert"), "mlm": ()}


def new_config(config: str | os.PathLike[str] | Mapping[str, Any] | Any, tokenizer: Any) -> Any:
    """The configuration of a new model, with the tokenizer's vocabulary.

    Args:
        config: a size ("tiny", "mini", "small", "medium", "base", "large"); a dict of settings, of BERT's unless it
            has a ``model_type``; a config.json or the folder of one; or a configuration of transformers.
        tokenizer: the tokenizer.

    Raises:
        ConfigError: an unknown size or setting; a vocabulary that is smaller than the tokenizer's.
    """
    settings = settings_of(config)
    asked = settings.get("vocab_size", len(tokenizer))
    if asked < len(tokenizer):
        raise ConfigError(f"config has vocab_size {asked}, the tokenizer has {len(tokenizer)} tokens")
    made = {**settings, "pad_token_id": tokenizer.pad_token_id, "vocab_size": asked}
    family = made.pop("model_type", "bert")
    try:
        with quiet_transformers():
            return transformers.AutoConfig.for_model(family, **made)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"config is refused by transformers: {' '.join(str(error).split())[:300]}") from None


def settings_of(config: str | os.PathLike[str] | Mapping[str, Any] | Any) -> Mapping[str, Any]:
    """The settings that a configuration names; see `new_config`."""
    if isinstance(config, str) and config in SIZES:
        layers, width = SIZES[config]
        return {
            "num_hidden_layers": layers,
            "hidden_size": width,
            "num_attention_heads": width // HEAD_SIZE,
            "intermediate_size": 4 * width,
            "max_position_embeddings": POSITIONS,
        }
    if isinstance(config, (str, os.PathLike)):
        return _read_config(Path(config).expanduser())
    if isinstance(config, Mapping):
        return config
    if hasattr(config, "to_dict"):
        settings: Mapping[str, Any] = config.to_dict()
        return settings
    raise ConfigError(f"config must be a size, a dict or the path of a config.json, got {type(config).__name__}")


def family_of(config: Any) -> str:
    """The family of a configuration: its ``model_type``, or BERT's."""
    return str(settings_of(config).get("model_type", "bert"))


def _read_config(path: Path) -> Mapping[str, Any]:
    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        sizes = ", ".join(repr(size) for size in SIZES)
        raise ConfigError(f"config {str(path)!r} is neither a size ({sizes}) nor a file")
    try:
        settings = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ConfigError(f"config {file} is not JSON: {error}") from None
    if not isinstance(settings, dict):
        raise ConfigError(f"config {file} must hold a JSON object, holds {type(settings).__name__}")
    return settings


def choose_objective(objective: str | None, family: str, *, lora: bool = False) -> str:
    """The objective that was asked for, or by default the family's own: "mlm+nsp" for BERT, "mlm" for others.

    With LoRA it is "mlm" by default.

    Raises:
        ConfigError: unknown, or the family has no head for it.
    """
    if objective is None:
        return "mlm+nsp" if family == "bert" and not lora else "mlm"
    if objective not in OBJECTIVES:
        allowed = ", ".join(repr(name) for name in OBJECTIVES)
        raise ConfigError(f"objective must be one of {allowed}, got {objective!r}")
    families = PAIR_FAMILIES[objective]
    if families and family not in families:
        raise ConfigError(f"objective {objective!r} needs a head that {family} models do not have; use objective='mlm'")
    return objective


def _class_for(objective: str, config: Any) -> Any:
    """transformers' class that has the heads of an objective."""
    if objective != "mlm":
        return {"bert": transformers.BertForPreTraining, "albert": transformers.AlbertForPreTraining}[config.model_type]
    try:
        return transformers.MODEL_FOR_MASKED_LM_MAPPING[type(config)]
    except KeyError:
        raise ConfigError(f"{config.model_type} models have no masked-language-model head in transformers") from None


def make_model(config: Any, objective: str) -> Any:
    """A new model with random weights, in float32; torch's random state decides them."""
    try:
        return _class_for(objective, config)(config)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ConfigError(f"config is refused by transformers: {' '.join(str(error).split())[:300]}") from None


def checkpoint_config(source: str | os.PathLike[str]) -> Any:
    """The configuration of a checkpoint: a folder, or the id of a model on the hub.

    Raises:
        CheckpointError: it is not there or incomplete, or an adapter; `UnsafeCheckpointError` where its weights are a
            pickle, or it names what is not to be loaded.
    """
    check_whole(Path(source).expanduser())
    name = checked_source(os.fspath(source))
    try:
        with quiet_transformers():
            return transformers.AutoConfig.from_pretrained(name, trust_remote_code=False)
    except Exception as error:
        raise CheckpointError(
            f"{name}: its config.json cannot be used: {' '.join(str(error).split())[:300]}"
        ) from error


def load_model(source: str | os.PathLike[str], config: Any, objective: str) -> LoadedModel:
    """A checkpoint's model with the heads of an objective, in float32.

    A head that the checkpoint lacks starts at random, with a warning that names it.

    Raises:
        CheckpointError: part of the encoder is missing, or the weights do not fit config.json.
    """
    name = str(Path(source).expanduser()) if Path(source).expanduser().exists() else os.fspath(source)
    try:
        with quiet_transformers():
            model, info = _class_for(objective, config).from_pretrained(
                name, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
    except (MemoryError, ConfigError):
        raise
    except ImportError as error:
        raise MissingDependencyError(f"loading {name} needs a package that is not installed: {error}") from error
    except Exception as error:
        raise CheckpointError(
            f"{name} cannot be loaded for pretraining: {' '.join(str(error).split())[:400]}"
        ) from error
    fresh = set(info["missing_keys"]) | {key for key, *_ in info["mismatched_keys"]}
    prefix = f"{model.base_model_prefix}."
    encoder = sorted(key for key in fresh if key.startswith(prefix) and ".pooler." not in key)
    if encoder:
        raise CheckpointError(
            f"{name} lacks {len(encoder)} parameters of the {config.model_type} encoder, such as {encoder[0]}; "
            "is its model_type right, and are all its files there?"
        )
    if fresh:
        warnings.warn(
            f"{name} has no {', '.join(sorted({key.rsplit('.', 1)[0] for key in fresh}))}: these parts of "
            f"{type(model).__name__} start at random",
            stacklevel=4,
        )
    return LoadedModel(model, frozenset(fresh))


def check_positions(config: Any, max_length: int) -> None:
    """Check a configuration for rows of this length, before any work is done for the model; `check_fit` is exact.

    Raises:
        ConfigError: the model would have fewer positions.
    """
    limit = settings_of(config).get("max_position_embeddings")
    if isinstance(limit, int) and max_length > limit:
        raise ConfigError(f"max_length {max_length} is more than the {limit} tokens that the model can read")


def check_fit(model: Any, tokenizer: Any, max_length: int, *, own_tokenizer: bool) -> None:
    """Check that a model can read the tokenizer's ids and rows of this length.

    Raises:
        ConfigError: it cannot; the message has both numbers.
    """
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows or (len(tokenizer) != rows and not own_tokenizer):
        raise ConfigError(f"the tokenizer has {len(tokenizer)} tokens, the model has embeddings for {rows}")
    limit = position_limit(model)
    if limit is not None and max_length > limit:
        raise ConfigError(f"max_length {max_length} is more than the {limit} tokens that the model can read")
    if tokenizer.mask_token_id is None:
        raise ConfigError("the tokenizer has no mask token; masked-language modelling needs one")
