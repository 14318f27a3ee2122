"""LoRA adapters: a low-rank addition and a head, in peft's format, without the encoder that they belong to.

A folder holds ``adapter_config.json`` and ``adapter_model.safetensors`` as peft writes them, and the ``config.json`` of
the whole model, which knows the labels and the SHA-256 of the encoder's weights. `finetune` with ``lora=`` writes one.
"""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferrobert.errors import CheckpointError
from ferrobert.hub import TOKENIZER_FILES
from ferrobert.models.encoder import ENCODER, check_weights, folder_of, installed_encoder, sha256_of, where_is
from ferrobert.models.folder import CONFIG, WEIGHTS, json_object, write_folder

if TYPE_CHECKING:
    import torch

    from ferrobert.models.checkpoint import Head, LoadedModel

__all__ = ["ADAPTER_CONFIG", "base_of", "is_adapter", "load_adapter", "save_adapter", "tokenizer_of"]

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
BASE_SHA256 = "base_model_sha256"
PREFIX = "base_model.model."


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no weights of a whole model."""
    return (folder / ADAPTER_CONFIG).is_file() and not any((folder / weights).is_file() for weights in WEIGHTS)


def base_of(folder: Path) -> str:
    """Where the encoder of an adapter is loaded from.

    Raises:
        CheckpointError: adapter_config.json does not say it.
    """
    base = json_object(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise CheckpointError(f"{folder / ADAPTER_CONFIG} does not name its base model (base_model_name_or_path)")
    return where_is(base)


def tokenizer_of(source: str) -> str:
    """Where the tokenizer of a checkpoint is: that of an adapter's encoder, unless it has one of its own."""
    folder = Path(source).expanduser()
    if is_adapter(folder) and not any((folder / name).is_file() for name in TOKENIZER_FILES if name != CONFIG):
        return base_of(folder)
    return where_is(source)


def load_adapter(
    folder: Path, head: Head, *, dtype: str | torch.dtype | None = None, allow_pickle: bool = False
) -> LoadedModel:
    """The encoder of an adapter with the adapter merged into its weights, and with its head.

    Args:
        folder: holds the adapter.
        head: what the task reads.
        dtype: precision of the weights, once they are merged; by default that of the encoder.
        allow_pickle: see `load_model`.

    Raises:
        CheckpointError: the adapter is incomplete, of another task, or belongs to another encoder; its encoder cannot
            be loaded.
        MissingDependencyError: peft is not installed, or the encoder's package is not and the hub does not give it.
    """
    from ferrobert.models.checkpoint import LoadedModel, load_model, quiet_transformers, require

    require("an adapter", ("peft", "safetensors"), "torch")
    import peft
    import torch
    from safetensors import safe_open

    for name in (CONFIG, ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"{folder} has no {name}; an adapter holds {ADAPTER_CONFIG}, {ADAPTER_WEIGHTS} and the {CONFIG} of the "
                "model, which knows its labels"
            )
    config = json_object(folder / CONFIG)
    kind = head.auto_class.removeprefix("AutoModel")
    [architecture, *_] = config.get("architectures") or [""]
    if not kind or not architecture.endswith(kind):
        raise CheckpointError(
            f"{folder} is an adapter of {architecture or 'no class'}, it has no {head.name}; {head.advice}"
        )
    base = base_of(folder)
    expected = config.get(BASE_SHA256)
    if isinstance(expected, str):
        base_folder = folder_of(base)
        check_weights(base_folder, expected, f"{folder} was trained on another encoder")
        base = str(base_folder)  # of the hub's model the very files that were checked
    settings = {name: config[name] for name in ("id2label", "label2id", "problem_type") if config.get(name) is not None}
    if "id2label" in settings:
        settings["id2label"] = {int(id): label for id, label in settings["id2label"].items()}
        settings["num_labels"] = len(settings["id2label"])
    loaded = load_model(base, head, new_head=True, settings=settings, allow_pickle=allow_pickle)
    with safe_open(folder / ADAPTER_WEIGHTS, "np") as weights:
        held = {key.removeprefix(PREFIX) for key in weights.keys()}  # noqa: SIM118  it is no dict
    missing = sorted(loaded.fresh - held)
    if missing:
        raise CheckpointError(f"{folder} lacks parameters that its encoder has not either: {', '.join(missing)}")
    try:
        with quiet_transformers(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a name that it has renamed
            model = peft.PeftModel.from_pretrained(loaded.model, str(folder)).merge_and_unload()
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{folder}: the adapter does not fit {base}: {reason[:300]}") from error
    model.config.architectures = [architecture]
    model.requires_grad_(True)
    if dtype is not None and dtype != "auto":
        model = model.to(getattr(torch, dtype) if isinstance(dtype, str) else dtype)
    return LoadedModel(model.eval(), frozenset())


def save_adapter(model: Any, folder: Path) -> None:
    """Write the low-rank addition and the head of a peft model; the folder is complete or not there.

    Args:
        model: the peft model, its encoder loaded from a folder or from the hub.
        folder: where to.
    """
    from ferrobert.models.checkpoint import quiet_transformers

    config = model.peft_config["default"]
    source = Path(model.config.name_or_path)
    with write_folder(folder) as beside, quiet_transformers():
        model.save_pretrained(beside)
        written = json_object(beside / ADAPTER_CONFIG)
        written["base_model_name_or_path"] = _name_of(source, config.base_model_name_or_path)
        (beside / ADAPTER_CONFIG).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
        (beside / "README.md").unlink(missing_ok=True)  # peft's empty model card
        settings = json.loads(model.config.to_json_string(use_diff=False))
        settings["architectures"] = [type(model.get_base_model()).__name__]
        settings.pop("_name_or_path", None)  # a place on this machine; adapter_config.json names the base
        weights = source / WEIGHTS[0]
        if weights.is_file():
            settings[BASE_SHA256] = sha256_of(weights)
        (beside / CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _name_of(source: Path, name: str) -> str:
    """How an adapter names its base: by the hub's name where that is known, else a folder by its whole path."""
    installed = installed_encoder()
    if installed is not None and source.exists() and source.resolve() == installed.resolve():
        return ENCODER
    return str(source.resolve()) if source.exists() else os.fspath(name)
