"""Labels in the several forms that they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert.arrow import column_of
from ferrobert.encoding import Ragged
from ferrobert.errors import ConfigError, TextTypeError

if TYPE_CHECKING:
    from ferrobert._core import TextColumn

__all__ = ["label_rows"]


def label_rows(labels: Any, samples: int, name: str = "word_labels") -> list[Any] | TextColumn | Ragged:
    """A row a sample: lists, tuples or arrays of labels, or columns of them; of one text also its labels alone.

    Raises:
        ConfigError: these are no rows of labels.
    """
    if type(labels) is list:
        rows = labels
    elif isinstance(labels, Ragged):
        return labels if labels.values.dtype.kind in "iu" and labels.values.ndim == 1 else list(labels)
    elif isinstance(labels, np.ndarray) and labels.ndim == 2:
        rows = list(labels)
    elif (arrow := _of_arrow(labels, name)) is not None:
        return arrow
    elif isinstance(labels, (str, bytes, dict, set)) or not hasattr(labels, "__iter__"):
        raise ConfigError(f"{name} must be rows of labels, a row a sample, got {type(labels).__name__}")
    else:
        rows = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if samples == 1 and (not rows or isinstance(rows[0], (str, int, np.integer))):
        return [rows]
    if rows and isinstance(rows[0], (str, int, np.integer)):
        raise ConfigError(f"{name} must be rows of labels, a row a sample, got one row of {type(rows[0]).__name__}")
    return rows


def _of_arrow(labels: Any, name: str) -> list[Any] | TextColumn | Ragged | None:
    """A column of lists: of strings where it is, of ints over the same memory where it is in one piece."""
    try:
        column = column_of(labels, name)
    except TextTypeError:
        import pyarrow as pa

        array = pa.chunked_array(labels) if hasattr(labels, "__arrow_c_stream__") else pa.array(labels)
        if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)) or array.null_count:
            raise ConfigError(f"{name} must be a column of lists of labels, none null, got {array.type}") from None
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        values = array.flatten()
        if not pa.types.is_integer(values.type) or values.null_count:
            raise ConfigError(f"{name} must be lists of ints or strings, none null, got {array.type}") from None
        return Ragged(values.to_numpy(), array.offsets.to_numpy().astype(np.int64) - array.offsets[0].as_py())
    if column is None or column.is_split_into_words:
        return column
    return [column.tolist()]
