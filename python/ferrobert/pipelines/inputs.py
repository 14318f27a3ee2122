"""What a pipeline may be given: one text, a list, a stream; texts and pairs of texts in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ferrobert.errors import ConfigError, TextTypeError

__all__ = ["check_text", "is_finite", "rows_of_table", "stream_of", "text_and_pair"]


def is_finite(inputs: Any) -> bool:
    """Whether the whole input is at hand: then the result is a list, else an iterator.

    Raises:
        TextTypeError: a table, which has texts in one of its columns.
    """
    if isinstance(inputs, (list, tuple)):
        return True
    names = getattr(inputs, "column_names", None) or getattr(inputs, "columns", None)
    if names is not None and hasattr(inputs, "__getitem__") and not hasattr(inputs, "features"):
        shown = ", ".join(map(repr, names))
        raise TextTypeError(f"inputs is a {type(inputs).__name__} with the columns {shown}; give one column of texts")
    if hasattr(inputs, "to_pylist"):  # of Arrow
        return True
    if isinstance(inputs, np.ndarray) and inputs.ndim == 0:
        raise TextTypeError(
            f"inputs is an array of no dimension; give an array of texts, (texts,), or {inputs.item()!r:.50}"
        )
    return isinstance(inputs, np.ndarray) or type(inputs).__name__ in ("Series", "Column", "ChunkedArray")


def stream_of(inputs: Any) -> Iterator[Any]:
    """The rows of an iterable, or of a data set that is read by index.

    Raises:
        TextTypeError: it is neither, or one value that is no text.
    """
    if not isinstance(inputs, (bytes, bytearray)):
        if hasattr(inputs, "__iter__"):
            return iter(inputs)
        if hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__"):
            return (inputs[index] for index in range(len(inputs)))
    raise TextTypeError(f"inputs must be texts, pairs or an iterable of them, got {type(inputs).__name__}")


def rows_of_table(inputs: Any) -> Any:
    """The rows of a table of Arrow or pandas as dictionaries; anything else as it is."""
    if hasattr(inputs, "to_pylist") and hasattr(inputs, "column_names"):
        return inputs.to_pylist()
    if hasattr(inputs, "to_dict") and hasattr(inputs, "columns"):
        return inputs.to_dict("records")
    return inputs


def text_and_pair(value: Any, row: int) -> tuple[str, str | None]:
    """The text and the second text of one row, a ``str`` or a ``{"text": ..., "text_pair": ...}``.

    Raises:
        ConfigError: another key, no text, or a pair that is not a dictionary.
        TextTypeError: a text that is not a ``str``.
    """
    pair = None
    value = value.as_py() if hasattr(value, "as_py") else value  # of Arrow
    if isinstance(value, Mapping):
        extra = sorted(map(str, set(value) - {"text", "text_pair"}))
        if "text" not in value or extra:
            keys = ", ".join(repr(key) for key in value) or "none"
            raise ConfigError(f"row {row}: a dict must have the key 'text' and may have 'text_pair', has {keys}")
        value, pair = value["text"], value.get("text_pair")
    elif isinstance(value, (list, tuple)):
        raise ConfigError(
            f"row {row} is a {type(value).__name__}; a pair of texts is a dict: "
            '{"text": "first", "text_pair": "second"}'
        )
    return check_text(value, row), None if pair is None else check_text(pair, row)


def check_text(text: Any, row: int) -> str:
    """The text of a row, or TextTypeError."""
    text = text.as_py() if hasattr(text, "as_py") else text  # of Arrow
    if not isinstance(text, str):
        raise TextTypeError(f"row {row}: a text must be a str, got {type(text).__name__}")
    return text
