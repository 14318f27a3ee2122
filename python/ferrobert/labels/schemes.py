"""The same entities in another scheme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ferrobert import _core
from ferrobert.errors import ConfigError
from ferrobert.labels.vocabulary import scheme_of

__all__ = ["ConvertRows", "convert_scheme", "converted_by"]

#: Converts rows of labels between schemes: the core's function, or its pure-Python twin's.
ConvertRows = Callable[[list[Any], str, str], list[list[str]]]


def convert_scheme(labels: Any, *, source: str, target: str) -> list[Any]:
    """Labels in another scheme: IOB1, BIO (IOB2), BIOES, BILOU.

    Entities are read as ``conlleval`` reads them (CoNLL 2000): one begins with ``B-``, ``S-`` or ``U-``, behind ``O``
    or a word that ends one, or where the type changes. So ``I-`` without a beginning begins an entity, and the result
    is always well-formed; converting to the same scheme repairs labels.

    Args:
        labels: The labels of one sentence, or a list of such lists.
        source: Scheme of the labels: ``"IOB1"``, ``"BIO"``, ``"IOB2"``, ``"BIOES"`` or ``"BILOU"``.
        target: Scheme of the result.

    Returns:
        A new list, or list of lists, of strings.

    Raises:
        AlignmentError: a label has no prefix, or one that ``source`` does not know; row and word are named.
        ConfigError: there is no such scheme.

    Example:
        >>> from ferrobert import convert_scheme
        >>> convert_scheme(["I-PER", "I-PER", "B-PER", "O"], source="IOB1", target="BIOES")
        ['B-PER', 'E-PER', 'S-PER', 'O']
    """
    return converted_by(_core.convert_scheme, labels, source, target)


def converted_by(convert: ConvertRows, labels: Any, source: str, target: str) -> list[Any]:
    """Labels in another scheme; ``convert`` is the core's function or its twin's."""
    source, target = scheme_of(source, "source"), scheme_of(target, "target")
    if isinstance(labels, (str, bytes, dict)) or not hasattr(labels, "__iter__"):
        raise ConfigError(f"labels must be a list of labels, or of lists of them, got {type(labels).__name__}")
    rows = list(labels)
    single = bool(rows) and isinstance(rows[0], str)
    listed = []
    for row, sentence in enumerate([rows] if single else rows):
        if isinstance(sentence, (str, bytes, dict)) or not hasattr(sentence, "__iter__"):
            raise ConfigError(f"labels[{row}] must be a list of labels, got {type(sentence).__name__}")
        listed.append(sentence if type(sentence) is list else list(sentence))
    converted = convert(listed, source, target)
    return converted[0] if single else converted
