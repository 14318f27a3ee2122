"""What a call of a tokenizer may be given: texts in their several forms, rows to pad, options."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from ferrobert._core import TextColumn
from ferrobert.arrow import column_of
from ferrobert.errors import ConfigError, TextTypeError

__all__ = [
    "EPOCH_BITS",
    "batch_of",
    "check_count",
    "check_counter",
    "check_flag",
    "check_number",
    "check_side",
    "check_tensors",
    "chosen",
    "columns_of",
    "encodable",
    "filled",
    "rows_of",
]


#: What is left for the epoch in a word of the draws' counter, beside the purpose.
EPOCH_BITS = 29


def batch_of(text: Any, pair: Any, words: bool) -> tuple[Sequence[Any], Sequence[Any] | None, bool]:
    """Texts, pairs, and whether they came as a batch."""
    text, pair = _listed(text, "text"), _listed(pair, "text_pair") if pair is not None else None
    if words:
        if isinstance(text, str):
            raise TextTypeError("text is one string; is_split_into_words=True asks for a list of words")
        batched = len(text) > 0 and not isinstance(text[0], str)
        batched = batched and isinstance(_listed(text[0], "text[0]"), (list, tuple, TextColumn))
    else:
        batched = not isinstance(text, str)
    if not batched:
        if pair is not None and not words and not isinstance(pair, str):
            raise TextTypeError("text_pair must be str, as text is one")
        if pair is not None and words and (isinstance(pair, str) or (pair and not isinstance(pair[0], str))):
            raise TextTypeError("text_pair must be a list of words, as text is one")
        # An empty pair counts as none, as in the reference.
        return _copied([text], "text", words), _copied([pair], "text_pair", words) if pair else None, False
    if pair is None:
        if not _is_pair(text, words):
            return _copied(text, "text", words), None, True
        text, pair = _unzip(text)
    if isinstance(pair, str):
        raise TextTypeError("text is a batch, so text_pair must be one too, got a string")
    if len(text) != len(pair):
        raise ConfigError(f"batch length of text is {len(text)}, of text_pair {len(pair)}; they must be equal")
    return _copied(text, "text", words), _copied(pair, "text_pair", words), True


def _copied(samples: Sequence[Any], name: str, words: bool) -> Sequence[Any]:
    """A copy: what the caller does to the lists later must not change the encoding. Columns never change."""
    if isinstance(samples, TextColumn) and samples.is_split_into_words == words:
        return samples
    if not words:
        return list(samples)
    # Most rows are lists: their place is not spelled out for nothing.
    rows = [sample if type(sample) is list else _listed(sample, f"{name}[{row}]") for row, sample in enumerate(samples)]
    return TextColumn.of_words(rows, name)


def _listed(text: Any, name: str) -> Any:
    """Strings, lists and tuples as they are; columns in their own memory; other iterables (arrays) as lists."""
    if isinstance(text, (str, list, tuple)):
        return text
    column = column_of(text, name)
    if column is not None:
        return column
    if hasattr(text, "as_py"):  # a scalar of pyarrow
        return _listed(text.as_py(), name)
    if text is None or isinstance(text, (bytes, bytearray, Mapping, set)) or not hasattr(text, "__iter__"):
        raise TextTypeError(f"{name} must be str or a list of str, got {type(text).__name__}")
    return text.tolist() if isinstance(text, np.ndarray) else list(text)


def _is_pair(text: Sequence[Any], words: bool) -> bool:
    if not text:
        return False
    if words:
        return len(text[0]) > 0 and isinstance(text[0][0], (list, tuple))
    return isinstance(text[0], (list, tuple))


def _unzip(pairs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    for row, pair in enumerate(pairs):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise TextTypeError(f"text[{row}] must be a pair of texts, as text[0] is one, got {pair!r:.100}")
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def rows_of(encoded: Any) -> Any:
    """A list of mappings, or one mapping with a single row."""
    if isinstance(encoded, Mapping):
        rows = dict(encoded.items())
        ids = rows.get("input_ids")
        if ids is None:
            raise ConfigError(f"rows to pad need input_ids; they have {', '.join(map(str, rows)) or 'nothing'}")
        if len(ids) and not hasattr(ids[0], "__len__"):
            return rows
        return [{key: values[row] for key, values in rows.items()} for row in range(len(ids))]
    return [dict(row.items()) for row in encoded]


def columns_of(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows of values as key -> column, or ConfigError where keys differ."""
    if not rows:
        return {}
    for index, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise ConfigError(f"row {index} has keys {sorted(row)}, row 0 has {sorted(rows[0])}")
    return {key: [_listed_ids(row[key]) for row in rows] for key in rows[0]}


def _listed_ids(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def filled(row: Sequence[int], width: int, fill: int, side: str) -> list[int]:
    """A row padded to a width; a longer one is left as it is."""
    padding = [fill] * max(width - len(row), 0)
    return [*row, *padding] if side == "right" else [*padding, *row]


def check_counter(name: str, value: Any, bits: int = 64) -> int:
    """A seed or, of `EPOCH_BITS`, an epoch as int.

    Raises:
        ConfigError: no int, or outside of 0 to 2^bits - 1.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ConfigError(f"{name} must be an int, got {value!r}")
    if not 0 <= value < 2**bits:
        raise ConfigError(f"{name} must lie in 0 to 2^{bits} - 1, got {value}")
    return int(value)


def check_side(name: str, side: str) -> str:
    """``"left"`` or ``"right"``, or ConfigError."""
    if side not in ("left", "right"):
        raise ConfigError(f'{name} must be "left" or "right", got {side!r}')
    return side


def check_count(name: str, value: Any, least: int, most: int | None = None) -> int:
    """An integer of at least ``least`` and, where that is given, at most ``most``, or ConfigError."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name} must be an integer of at least {least}, got {value!r}")
    if most is not None and value > most:
        raise ConfigError(f"{name} must be at most {most:,}, got {value}")
    return int(value)


def check_number(name: str, value: Any) -> float:
    """A number that is not NaN, or ConfigError."""
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise ConfigError(f"{name} must be a number, got {value!r}")
    return float(value)


def check_flag(name: str, value: Any) -> bool:
    """``True`` or ``False``, or ConfigError."""
    if not isinstance(value, (bool, np.bool_)):
        raise ConfigError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def encodable(texts: Iterable[tuple[str, str]]) -> None:
    """Raise UnicodeEncodeError where a text, given with its name, holds a lone surrogate; the name is in the reason."""
    for name, text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UnicodeEncodeError(
                error.encoding, text, error.start, error.end, f"{name} holds a lone surrogate"
            ) from None


def check_tensors(option: Any) -> str | None:
    """``None``, ``"np"`` or ``"pt"``, or ConfigError."""
    option = getattr(option, "value", option)
    if option not in (None, "np", "pt"):
        raise ConfigError(f'return_tensors must be None, "np" or "pt", got {option!r}')
    return option  # type: ignore[no-any-return]


def chosen(option: bool | None, default: bool) -> bool:
    """What a call says, or the default."""
    return default if option is None else bool(option)
