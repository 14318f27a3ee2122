"""The published checkpoints of the families: their shape and exact size, from the config, without weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferrobert.errors import CheckpointError
from ferrobert.hub import checkpoint_files
from ferrobert.models.checkpoint import position_limit, quiet_transformers, require_torch
from ferrobert.models.folder import CONFIG, check_config, labels_by_id

__all__ = ["PUBLISHED", "ModelSize", "config_of", "model_size"]

#: The checkpoints that people start with -> class of their config, and what it has other than by default.
PUBLISHED: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "bert-base-uncased": ("BertConfig", {}),
    "bert-large-uncased": (
        "BertConfig",
        {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096},
    ),
    "distilbert-base-uncased": ("DistilBertConfig", {}),
    "roberta-base": ("RobertaConfig", {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}),
    "albert-base-v2": ("AlbertConfig", {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}),
}


#: What a config must say.
SHAPE = ("num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size")


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What a checkpoint is made of.

    Attributes:
        name: the checkpoint.
        family: its ``model_type``.
        layers, hidden_size, heads: of the encoder.
        vocab_size: rows of the table of words.
        max_tokens: the most tokens of a row; ``None`` where the model sets no limit.
        parameters: of the encoder, without a head.
        head_parameters: of the head of ``AutoModelForSequenceClassification``: what learns where the encoder is frozen.
    """

    name: str
    family: str
    layers: int
    hidden_size: int
    heads: int
    vocab_size: int
    max_tokens: int | None
    parameters: int
    head_parameters: int


def config_of(name: str | os.PathLike[str]) -> Any:
    """The config of a published checkpoint, of a checkpoint folder, or of a model on the hub.

    Args:
        name: one of `PUBLISHED`, whose configs are known here; a folder; the id of a model on the hub.

    Raises:
        CheckpointError: there is no such checkpoint, or its config.json is broken.
        MissingDependencyError: transformers is not installed.

    Example:
        >>> config_of("roberta-base").vocab_size
        50265
    """
    require_torch("reading a config")
    import transformers

    if name in PUBLISHED and not Path(name).exists():
        class_name, settings = PUBLISHED[os.fspath(name)]
        return getattr(transformers, class_name)(**settings)
    with quiet_transformers():
        path = checkpoint_files(name, [CONFIG]).get(CONFIG)
        if path is None:
            raise CheckpointError(f"{name} is a file; a checkpoint is a folder with {CONFIG}")
        id2label = check_config(path).get("id2label")
        if id2label is not None:
            labels_by_id(id2label, path)
        try:
            return transformers.AutoConfig.from_pretrained(str(path.parent), local_files_only=True)
        except MemoryError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(
                f"{path} is not the config of a model that transformers knows: {reason[:200]}"
            ) from error


def model_size(name: str | os.PathLike[str], labels: int = 2) -> ModelSize:
    """Shape and exact number of parameters of a checkpoint, from its config: no weights are read or made.

    Args:
        name: as for `config_of`.
        labels: of the classification head.

    Raises:
        CheckpointError: see `config_of`; a model that is no encoder with a classification head.
        MissingDependencyError: torch or transformers is not installed.

    Example:
        >>> size = model_size("bert-base-uncased")
        >>> f"{size.parameters:,} + {size.head_parameters:,}"
        '109,482,240 + 1,538'
    """
    config = config_of(name)
    import torch
    import transformers

    if config.is_encoder_decoder:
        raise CheckpointError(f"{name} is no encoder: {config.model_type} models have a decoder too")
    shape = {key: getattr(config, key, None) for key in SHAPE}
    small = [f"{key} {size}" for key, size in shape.items() if isinstance(size, int) and size < 1]
    if small:
        raise CheckpointError(f"{name}: its config must have at least 1 of each, has {', '.join(small)}")
    config.num_labels = labels
    try:
        with torch.device("meta"), quiet_transformers():
            model = transformers.AutoModelForSequenceClassification.from_config(config)
            encoder = transformers.AutoModel.from_config(config)
    except MemoryError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"{name} is no encoder with a classification head: {reason[:120]}") from error
    unsaid = [key for key, size in shape.items() if not isinstance(size, int)]
    if unsaid:
        raise CheckpointError(f"{name}: the config of {config.model_type} models has no {', '.join(unsaid)}")
    own = f"{model.base_model_prefix}."
    return ModelSize(
        name=os.fspath(name),
        family=config.model_type,
        layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        heads=config.num_attention_heads,
        vocab_size=config.vocab_size,
        max_tokens=position_limit(encoder),
        parameters=sum(weights.numel() for weights in encoder.parameters()),
        head_parameters=sum(weights.numel() for key, weights in model.named_parameters() if not key.startswith(own)),
    )
