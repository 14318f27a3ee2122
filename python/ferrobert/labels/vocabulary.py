"""The labels that there are: label2id, id2label, and the labels of entity types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ferrobert import _core
from ferrobert.errors import ConfigError

__all__ = ["SCHEMES", "id2label_of", "label_list", "label_vocab", "scheme_of"]

#: Prefixes of the labels of a type, in the order in which label lists have them.
SCHEMES = {"IOB1": "BI", "BIO": "BI", "BIOES": "BIES", "BILOU": "BILU"}


def scheme_of(name: Any, argument: str = "scheme") -> str:
    """The name of a scheme, in capitals; IOB2 is BIO.

    Raises:
        ConfigError: there is no such scheme.
    """
    scheme = str(name).upper()
    scheme = "BIO" if scheme == "IOB2" else scheme
    if scheme not in SCHEMES:
        raise ConfigError(f"{argument} must be IOB1, BIO (IOB2), BIOES or BILOU, got {name!r}")
    return scheme


def label_list(types: Iterable[str], scheme: str = "BIO") -> list[str]:
    """All labels of some entity types, in a scheme: ``"O"``, then those of each type.

    Args:
        types: Entity types, such as ``["LOC", "PER"]``; their order is kept.
        scheme: ``"BIO"`` (also ``"IOB2"``), ``"IOB1"``, ``"BIOES"`` or ``"BILOU"``.

    Raises:
        ConfigError: there is no such scheme; a type is no string, empty, or given twice.

    Example:
        >>> from ferrobert import label_list
        >>> label_list(["LOC", "PER"])
        ['O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER']
        >>> {label: id for id, label in enumerate(label_list(["LOC"], "BIOES"))}
        {'O': 0, 'B-LOC': 1, 'I-LOC': 2, 'E-LOC': 3, 'S-LOC': 4}
    """
    prefixes = SCHEMES[scheme_of(scheme)]
    if isinstance(types, (str, bytes)):
        raise ConfigError(f"types must be a list of entity types, got {types!r}")
    names: list[Any] = list(types)
    for place, name in enumerate(names):
        if not (isinstance(name, str) and name):
            raise ConfigError(f"types[{place}] must be the name of an entity type, got {name!r}")
        if name in names[:place]:
            raise ConfigError(f"types has {name!r} twice")
    return ["O", *(f"{prefix}-{name}" for name in names for prefix in prefixes)]


def label_vocab(label2id: Any) -> _core.LabelVocab | None:
    """``label2id`` as the core has it.

    Args:
        label2id: Label -> id; or the labels alone, in the order of their ids; or ``None``.

    Raises:
        ConfigError: it is none of these, or has labels that are no strings, or ids that are no ints from 0.
    """
    return None if label2id is None else _core.LabelVocab(list(labels_and_ids(label2id).items()))


def labels_and_ids(label2id: Any) -> dict[str, int]:
    """``label2id`` with its labels and ids checked; see :func:`label_vocab`."""
    if isinstance(label2id, Mapping):
        pairs = list(label2id.items())
    elif isinstance(label2id, (list, tuple)):
        pairs = [(label, id) for id, label in enumerate(label2id)]
        if len({label for label, _ in pairs}) < len(pairs):
            raise ConfigError(f"label2id has a label twice: {list(label2id)}")
    else:
        raise ConfigError(f"label2id must map labels to ids, got {type(label2id).__name__}")
    if not pairs:
        raise ConfigError("label2id is empty; it must say the id of each label")
    for label, id in pairs:
        if not isinstance(label, str) or isinstance(id, bool) or not isinstance(id, (int, np.integer)):
            raise ConfigError(f"label2id must map labels (str) to ids (int), got {label!r}: {id!r}")
        if not 0 <= id < 2**20:
            raise ConfigError(f"label2id gives {label!r} the id {id}; ids of labels are 0 to 2^20 - 1")
    return {label: int(id) for label, id in pairs}


def id2label_of(id2label: Any) -> dict[int, str] | None:
    """``id2label`` with ints as keys: configs that were JSON have strings.

    Args:
        id2label: Id -> label; or the labels alone, in the order of their ids; or ``None``.

    Raises:
        ConfigError: it is none of these.
    """
    if id2label is None:
        return None
    try:
        pairs = id2label.items() if isinstance(id2label, Mapping) else enumerate(id2label)
        names = {int(id): label for id, label in pairs}
    except (TypeError, ValueError) as error:
        raise ConfigError(f"id2label must map ids to labels, got {id2label!r:.200}") from error
    for id, label in names.items():
        if not isinstance(label, str):
            raise ConfigError(f"id2label must map ids to labels (str), got {id}: {label!r}")
    return names
