"""Loading a checkpoint for a task: safetensors only, every parameter accounted for.

transformers fills what a checkpoint lacks with random numbers and logs a line. Here a checkpoint that leaves part of
the encoder, or the head that a task reads, at random is an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import ERROR
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferrobert.errors import CheckpointError, ConfigError, MissingDependencyError, UnsafeCheckpointError
from ferrobert.hub import checkpoint_files, where_is
from ferrobert.models.adapters import ADAPTER_CONFIG, check_whole, is_adapter, load_adapter
from ferrobert.models.folder import CONFIG, INDICES, PICKLED, check_config, check_folder, check_shards, labels_by_id

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

# Positions as old checkpoints hold them: numbers that are counted, not learned.
COUNTED = (".position_ids", ".token_type_ids")
# Names of parameters that a message lists; it counts the others.
LISTED = 6


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model and what its checkpoint did not hold.

    Attributes:
        model: the model, in evaluation mode, on the CPU.
        fresh: names of the parameters that the checkpoint lacks, which are therefore random (a new head).
    """

    model: PreTrainedModel
    fresh: frozenset[str]


@dataclass(frozen=True, slots=True)
class Head:
    """What a task reads besides the encoder.

    Attributes:
        auto_class: the class of transformers that loads encoder and head.
        name: what the head is called in messages.
        advice: what to do about a checkpoint without it.
    """

    auto_class: str
    name: str
    advice: str


ENCODER = Head("AutoModel", "encoder", "give a checkpoint of BERT's family")
CLASSIFIER = Head("AutoModelForSequenceClassification", "classification head", "train one with ferrobert.finetune")
TOKEN_CLASSIFIER = Head(
    "AutoModelForTokenClassification", "token-classification head", "train one with ferrobert.finetune"
)
QUESTION_ANSWERER = Head(
    "AutoModelForQuestionAnswering", "question-answering head", "give one that was fine-tuned on questions, as on SQuAD"
)
MASKED_LM = Head("AutoModelForMaskedLM", "masked-language-model head", "give a checkpoint as it comes from pretraining")
NEXT_SENTENCE = Head(
    "AutoModelForNextSentencePrediction",
    "next-sentence head",
    "give a BERT checkpoint as it comes from pretraining (RoBERTa, DistilBERT and ALBERT do not learn this task)",
)


def require_torch(what: str) -> None:
    """Raise `MissingDependencyError`, naming the extra to install, where torch or transformers is missing."""
    require(what, ("torch", "transformers"), "torch")


def require(what: str, packages: Sequence[str], extra: str) -> None:
    """Raise `MissingDependencyError`, naming the extra to install, where a package is missing."""
    for package in packages:
        try:
            __import__(package)
        except ImportError as error:
            raise MissingDependencyError(
                f'{what} needs {package}: pip install "ferrobert[{extra}]" ({error})'
            ) from None


def load_sequence_classifier(
    source: str | os.PathLike[str],
    *,
    dtype: str | torch.dtype | None = None,
    labels: list[str] | None = None,
    allow_pickle: bool = False,
) -> LoadedModel:
    """Load a model that gives one row of logits, ``(batch, labels)``, per text.

    Args:
        source: a checkpoint folder, or the id of a model on the hub (loaded by ``transformers``).
        dtype: precision of the weights; by default that of the checkpoint.
        labels: give the model a head for these labels, new (random) unless the checkpoint's own has as many;
            by default the checkpoint must hold its head.
        allow_pickle: also load ``pytorch_model.bin``, a pickle, which torch restricts to tensors.

    Raises:
        CheckpointError: the folder or one of its files is missing or broken; the head is missing, or does not fit
            the labels in config.json; part of the encoder is missing.
        UnsafeCheckpointError: the weights are a pickle and ``allow_pickle`` is not given.
        MissingDependencyError: torch or transformers is not installed.
    """
    settings = {} if labels is None else {**_label_settings(labels), "problem_type": "single_label_classification"}
    return load_model(
        source, CLASSIFIER, dtype=dtype, allow_pickle=allow_pickle, new_head=labels is not None, settings=settings
    )


def load_token_classifier(
    source: str | os.PathLike[str],
    *,
    dtype: str | torch.dtype | None = None,
    labels: list[str] | None = None,
    allow_pickle: bool = False,
) -> LoadedModel:
    """Load a model that gives logits for each token, ``(batch, tokens, labels)``.

    Arguments and errors are those of `load_sequence_classifier`.
    """
    settings = {} if labels is None else _label_settings(labels)
    return load_model(
        source, TOKEN_CLASSIFIER, dtype=dtype, allow_pickle=allow_pickle, new_head=labels is not None, settings=settings
    )


def _label_settings(labels: list[str]) -> dict[str, Any]:
    """Values of config.json for a head with these labels, which may be new."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: index for index, label in enumerate(labels)},
    }


def load_model(
    source: str | os.PathLike[str],
    head: Head,
    *,
    dtype: str | torch.dtype | None = None,
    allow_pickle: bool = False,
    new_head: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> LoadedModel:
    """Load an encoder with the head of a task.

    Args:
        source: a checkpoint folder, that of an adapter, or the id of a model on the hub (loaded by ``transformers``).
        head: what the checkpoint must hold besides the encoder.
        dtype: precision of the weights; by default that of the checkpoint.
        allow_pickle: also load ``pytorch_model.bin``, a pickle, which torch restricts to tensors.
        new_head: the head may be missing, and is then random: it is going to be trained.
        settings: values that take the place of those in config.json.

    Raises:
        CheckpointError: the folder or one of its files is missing or broken; the head is missing, or the model's
            family has none; part of the encoder is missing.
        UnsafeCheckpointError: the weights are a pickle and ``allow_pickle`` is not given.
        MissingDependencyError: torch or transformers is not installed.
    """
    require_torch("loading a model")
    import transformers

    name = where_is(source)
    if not name:
        raise CheckpointError("the name of the checkpoint is empty: give a folder or the id of a model on the hub")
    folder = Path(name).expanduser()
    try:
        holds_adapter = is_adapter(folder)
    except OSError as error:  # a text in the place of a name is too long for one
        raise CheckpointError(f"{name[:60]!r}...: no such file or folder ({error.strerror})") from None
    if holds_adapter:
        if new_head:
            check_whole(folder)
        return load_adapter(folder, head, dtype=dtype, allow_pickle=allow_pickle)
    name = checked_source(name, allow_pickle=allow_pickle)
    try:
        with quiet_transformers():
            model, info = getattr(transformers, head.auto_class).from_pretrained(
                name,
                dtype="auto" if dtype is None else dtype,
                use_safetensors=None if allow_pickle else True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are named below, all at once
                **(settings or {}),
            )
    except MemoryError:
        raise
    except Exception as error:
        raise _loading_error(name, head, error) from error
    if head in (CLASSIFIER, TOKEN_CLASSIFIER):
        labels_by_id(model.config.id2label, name)
    other_shapes = {key: (tuple(theirs), tuple(wanted)) for key, theirs, wanted in info["mismatched_keys"]}
    fresh = frozenset(info["missing_keys"]) | frozenset(other_shapes)
    other = _other_classifier(model, head)
    if other is not None and not new_head:
        raise CheckpointError(f"{name} is a {other}, it has no {head.name}; {head.advice}")
    if other is not None:
        fresh |= _renew_head(model, getattr(transformers, head.auto_class))
    _check_complete(name, model, fresh, other_shapes, info["unexpected_keys"], head, new_head=new_head)
    model.eval()
    return LoadedModel(model, fresh)


def checked_source(source: str, *, allow_pickle: bool = False) -> str:
    """The name by which transformers loads a whole checkpoint, whose files are checked before.

    Args:
        source: a checkpoint folder, or the id of a model on the hub.
        allow_pickle: see `load_model`.

    Raises:
        CheckpointError: see `check_folder`; there is an adapter beside a whole model, or on the hub in the place of
            one: transformers would add it.
        UnsafeCheckpointError: see `check_folder`.
    """
    folder = Path(source).expanduser()
    if folder.exists():
        check_folder(folder, allow_pickle=allow_pickle)
        if (folder / ADAPTER_CONFIG).is_file():
            raise CheckpointError(
                f"{folder} holds a whole model and an adapter ({ADAPTER_CONFIG}), which need a folder each"
            )
        return str(folder)
    with quiet_transformers():
        found = checkpoint_files(source, [CONFIG, ADAPTER_CONFIG, *INDICES])
    if ADAPTER_CONFIG in found:
        raise CheckpointError(
            f"{source} on the hub holds an adapter ({ADAPTER_CONFIG}), which is loaded from a folder: "
            f"hf download {source} --local-dir FOLDER"
        )
    if CONFIG in found:
        check_config(found[CONFIG])
    for index in INDICES:
        if index in found:
            check_shards(found[index], pickled=index.startswith(PICKLED))
    return source


def position_limit(model: PreTrainedModel) -> int | None:
    """The most tokens that the model's position embeddings can number; ``None`` where it has no such table.

    RoBERTa's family counts positions from ``padding_idx + 1``, which takes that many rows off its table.
    """
    import torch

    limits = [
        table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
        for name, table in model.named_modules()
        if name.endswith(("position_embeddings", "embed_positions")) and isinstance(table, torch.nn.Embedding)
    ]
    return min(limits, default=None)


def check_ids(model: Any, ids: NDArray[np.integer]) -> None:
    """Check that a model has embeddings for all ids that a tokenizer gave.

    Args:
        model: any model; one that does not say its table of tokens is not checked.
        ids: ids of tokens, of any shape.

    Raises:
        ConfigError: an id that is not below the number of the model's embeddings.
    """
    try:
        rows = getattr(model.get_input_embeddings(), "num_embeddings", None)
    except (AttributeError, NotImplementedError):
        return
    largest = int(ids.max(initial=-1))
    if rows is not None and largest >= rows:
        raise ConfigError(
            f"the tokenizer gives id {largest}, the model has embeddings for ids below {rows}: they do not belong "
            "together"
        )


def _other_classifier(model: PreTrainedModel, head: Head) -> str | None:
    """The class of a checkpoint that classifies texts where tokens are wanted, or the other way round, else ``None``.

    The parameters of both have the same names, so that transformers takes one for the other.
    """
    found: str = (model.config.architectures or [""])[0]
    kinds = tuple(one.auto_class.removeprefix("AutoModel") for one in (CLASSIFIER, TOKEN_CLASSIFIER))
    wanted = head.auto_class.removeprefix("AutoModel")
    return found if wanted in kinds and found.endswith(kinds) and not found.endswith(wanted) else None


def _renew_head(model: PreTrainedModel, auto_class: Any) -> frozenset[str]:
    """Give a model a new (random) head; the names of its parameters."""
    import torch

    new = dict(auto_class.from_config(model.config).named_parameters())
    base = f"{model.base_model_prefix}."
    renewed = []
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if not key.startswith(base):
                parameter.copy_(new[key])
                renewed.append(key)
    return frozenset(renewed)


def _check_complete(
    name: str,
    model: PreTrainedModel,
    fresh: frozenset[str],
    other_shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]],
    left_over: Iterable[str],
    head: Head,
    *,
    new_head: bool,
) -> None:
    """Raise CheckpointError, which names them all, where parameters would be random that are not going to be trained.

    So it does where the checkpoint's encoder has parameters, such as those of more layers, that would be left out.

    Args:
        name, model, head, new_head: what was loaded.
        fresh: parameters that the checkpoint lacks, or has in another shape.
        other_shapes: of those in another shape, the checkpoint's and the one that config.json says.
        left_over: what the checkpoint holds beside.
    """
    prefix = f"{model.base_model_prefix}."
    if head is ENCODER:
        # Features are the hidden states: no task reads a pooler that is not there.
        random = {key for key in fresh if not key.startswith("pooler.")}
        of_encoder = random
    else:
        # A checkpoint of masked-language modelling has no pooler: that part belongs to the head that training makes.
        random = {key for key in fresh if not new_head or (key.startswith(prefix) and ".pooler." not in key)}
        of_encoder = {key for key in random if key.startswith(prefix)}
    beside = sorted(left_over)
    parts = {name for name, _ in model.base_model.named_children()} - {"pooler"}
    lost = [key for key in beside if key.removeprefix(prefix).split(".")[0] in parts and not key.endswith(COUNTED)]
    if not random and not lost:
        return
    missing, wrong = sorted(random - set(other_shapes)), sorted(random & set(other_shapes))
    without_pooler = {key for key in of_encoder if ".pooler." not in key}  # heads of other tasks do without
    if not without_pooler and not wrong and not lost:
        raise CheckpointError(
            f"{name} has no {head.name} ({listed(missing)}), its answers would be random; {head.advice}"
        )
    said = []
    if missing:
        part = f"{model.config.model_type} encoder" if of_encoder else head.name
        said.append(f"lacks {len(missing)} parameters of the {part} ({listed(missing)})")
    if wrong:
        shapes = listed([f"{key} {other_shapes[key][0]} for {other_shapes[key][1]}" for key in wrong])
        said.append(f"has {len(wrong)} of another shape than config.json says ({shapes})")
    if beside:
        shown = lost or beside
        said.append(f"holds {len(shown)} that have no place in the model ({listed(shown)})")
    hint = "is its config.json right, and are all its files there?"
    raise CheckpointError(f"{name} {', '.join(said)}; {hint if of_encoder or lost else 'has the head other labels?'}")


def listed(names: Sequence[str]) -> str:
    """The first `LISTED` names, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _loading_error(name: str, head: Head, error: Exception) -> Exception:
    reason = " ".join(str(error).split())
    if isinstance(error, KeyError):
        reason = f"transformers does not know {reason}"
    if isinstance(error, ImportError):
        return MissingDependencyError(f"loading {name} needs a package that is not installed: {reason}")
    if "weights only load failed" in reason.lower():
        return UnsafeCheckpointError(
            f"{name}: its pickle is broken or holds something else than tensors, and is not loaded"
        )
    family = re.match(r"Unrecognized configuration class <class '[\w.]*?(\w+?)(?:Config)?'>", reason)
    if family:
        return CheckpointError(
            f"{name} has no {head.name}: transformers has none for {family[1]} models; {head.advice}"
        )
    return CheckpointError(f"{name} cannot be loaded with its {head.name}: {reason[:400]}")


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep progress bars, loading reports and retries off the screen: what goes wrong is said here, once."""
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging

    verbosity, bars, of_hub = logging.get_verbosity(), logging.is_progress_bar_enabled(), hub_logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    hub_logging.set_verbosity(ERROR)
    try:
        yield
    finally:
        hub_logging.set_verbosity(of_hub)
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
