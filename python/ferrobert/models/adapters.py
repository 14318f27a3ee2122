"""LoRA adapters: a low-rank addition and a head, in peft's format, without the encoder that they belong to.

A folder holds ``adapter_config.json`` and ``adapter_model.safetensors`` as peft writes them, and the ``config.json`` of
the whole model, which knows the labels and the SHA-256 of the encoder's weights. `finetune` with ``lora=`` writes one.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferrobert import hub
from ferrobert.errors import CheckpointError
from ferrobert.hub import ENCODER, TOKENIZER_FILES, where_is
from ferrobert.models.encoder import check_weights, folder_of, sha256_of
from ferrobert.models.folder import CONFIG, WEIGHTS, check_config, json_object, labels_by_id, write_folder

if TYPE_CHECKING:
    import torch

    from ferrobert.models.checkpoint import Head, LoadedModel

__all__ = [
    "ADAPTER_CONFIG",
    "base_of",
    "check_whole",
    "is_adapter",
    "load_adapter",
    "merged",
    "quiet_peft",
    "save_adapter",
    "tokenizer_of",
]

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
BASE_SHA256 = "base_model_sha256"
PREFIX = "base_model.model."


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no weights of a whole model."""
    return (folder / ADAPTER_CONFIG).is_file() and not any((folder / weights).is_file() for weights in WEIGHTS)


def check_whole(folder: Path) -> None:
    """Raise CheckpointError where a folder that is to be trained on holds an adapter."""
    if is_adapter(folder):
        raise CheckpointError(f"{folder} holds a LoRA adapter, which is not trained on: save the model of its pipeline")


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
        CheckpointError: the adapter is broken, incomplete, of another task, or belongs to another encoder; it holds
            parameters that have no place in it, or in its head; its encoder cannot be loaded.
        MissingDependencyError: peft is not installed, or the encoder's package is not and the hub does not give it.
    """
    from ferrobert.models.checkpoint import LoadedModel, listed, load_model, quiet_transformers, require

    require("an adapter", ("peft", "safetensors"), "torch")
    import peft
    import torch
    from safetensors import SafetensorError, safe_open

    for name in (CONFIG, ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"{folder} has no {name}; an adapter holds {ADAPTER_CONFIG}, {ADAPTER_WEIGHTS} and the {CONFIG} of the "
                "model, which knows its labels"
            )
    config = check_config(folder / CONFIG)
    kind = head.auto_class.removeprefix("AutoModel")
    [architecture, *_] = config.get("architectures") or [""]
    if not kind or not architecture.endswith(kind):
        advice = head.advice if kind else f"give the encoder that it belongs to, {base_of(folder)}"
        raise CheckpointError(
            f"{folder} is an adapter of {architecture or 'no class'}, it has no {head.name}; {advice}"
        )
    base = base_of(folder)
    if is_adapter(Path(base).expanduser()):
        raise CheckpointError(f"{folder} is an adapter of {base}, which is an adapter itself and no encoder")
    expected = config.get(BASE_SHA256)
    if expected is not None:
        base_folder = folder_of(base)
        check_weights(base_folder, str(expected), f"{folder} was trained on another encoder")
        base = str(base_folder)  # of the hub's model the very files that were checked
    settings = {name: config[name] for name in ("id2label", "label2id", "problem_type") if config.get(name) is not None}
    if "id2label" in settings:
        settings["id2label"] = labels_by_id(settings["id2label"], folder / CONFIG)
        settings["num_labels"] = len(settings["id2label"])
    loaded = load_model(base, head, new_head=True, settings=settings, allow_pickle=allow_pickle)
    try:
        with safe_open(folder / ADAPTER_WEIGHTS, "np") as weights:
            held = {key.removeprefix(PREFIX) for key in weights.keys()}  # noqa: SIM118  it is no dict
    except SafetensorError as error:
        raise CheckpointError(f"{folder / ADAPTER_WEIGHTS} is no file of safetensors: {error}") from None
    parameters = loaded.model.state_dict(keep_vars=True)
    # A parameter may have two names: the bias of BERT's decoder is that of its predictions.
    known = {id(one) for name, one in parameters.items() if name in held or name not in loaded.fresh}
    missing = sorted(name for name in loaded.fresh - held if id(parameters[name]) not in known)
    if missing:
        raise CheckpointError(f"{folder} lacks parameters that its encoder has not either: {', '.join(missing)}")
    of_encoder = set(map(id, loaded.model.base_model.parameters()))
    # peft leaves out what it misses and overlooks what it does not know, but for a parameter of the whole model.
    of_head = {name for name, one in parameters.items() if id(one) not in of_encoder} | loaded.fresh
    try:
        with quiet_transformers(), quiet_peft():
            warnings.filterwarnings("ignore", "Found missing adapter keys")  # they are named below
            added = peft.PeftModel.from_pretrained(loaded.model, str(folder))
            wanted = {
                key.removeprefix(PREFIX) for key in peft.get_peft_model_state_dict(added, save_embedding_layers=False)
            }
            model = merged(added)
    except MemoryError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{folder}: the adapter does not fit {base}: {reason[:300]}") from error
    lacks, left_over = sorted(wanted - held), sorted(held - wanted - of_head)
    said = [f"lacks {len(lacks)} parameters that {ADAPTER_CONFIG} speaks of ({listed(lacks)})"] if lacks else []
    if left_over:
        said.append(f"holds {len(left_over)} that have no place in an adapter ({listed(left_over)})")
    if said:
        raise CheckpointError(f"{folder} {', '.join(said)}")
    model.config.architectures = [architecture]
    model.requires_grad_(True)
    if dtype is not None and dtype != "auto":
        model = model.to(getattr(torch, dtype) if isinstance(dtype, str) else dtype)
    return LoadedModel(model.eval(), frozenset())


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Silence peft where it asks transformers for a name that transformers has renamed; what else it warns of is said.

    Filters of warnings that are added inside end with it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def merged(model: Any) -> Any:
    """The plain model, a low-rank addition folded into its weights."""
    if not hasattr(model, "merge_and_unload"):
        return model
    tied = getattr(model.config, "tie_word_embeddings", None)
    with warnings.catch_warnings():
        # peft would untie the config of a checkpoint that has two matrices; transformers then misses the output bias.
        warnings.filterwarnings("ignore", "Input and output embeddings are no longer tied")
        plain = model.merge_and_unload()
    if tied is not None:
        plain.config.tie_word_embeddings = tied
    return plain


def save_adapter(model: Any, folder: Path) -> None:
    """Write the low-rank addition and the head of a peft model; the folder is complete or not there.

    A matrix of the head that is the encoder's as well, as a tied decoder is, is left out.

    Args:
        model: the peft model, its encoder loaded from a folder or from the hub.
        folder: where to.
    """
    from ferrobert.models.checkpoint import quiet_transformers

    config = model.peft_config["default"]
    source = Path(model.config.name_or_path)
    with write_folder(folder) as beside, quiet_transformers():
        model.save_pretrained(beside)
        _add_rest_of_head(model.get_base_model(), beside / ADAPTER_WEIGHTS)
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


def _add_rest_of_head(model: Any, file: Path) -> None:
    """Add the parameters of a head that peft has not written, as they belong to no module that learns as a whole.

    Such is the bias of a tied decoder. peft puts what it finds under a parameter's own name in its place.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper
    from safetensors.torch import load_file, save_file

    of_encoder = set(map(id, model.base_model.parameters()))
    written = tuple(
        f"{name}."
        for name, module in model.named_modules()
        if isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper)
    )
    rest = {
        PREFIX + name: parameter.detach()
        for name, parameter in model.named_parameters()
        if id(parameter) not in of_encoder and not name.startswith(written)
    }
    if rest:
        save_file(load_file(file) | rest, file, metadata={"format": "pt"})


def _name_of(source: Path, name: str) -> str:
    """How an adapter names its base: by the hub's name where that is known, else a folder by its whole path."""
    installed = hub.installed_encoder()
    if installed is not None and source.exists() and source.resolve() == installed.resolve():
        return ENCODER
    return str(source.resolve()) if source.exists() else os.fspath(name)
