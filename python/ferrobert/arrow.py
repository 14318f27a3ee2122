"""Arrow in, Arrow out: columns of texts that never become Python strings, encodings as Arrow tables.

Reading takes the Arrow PyCapsule interface, which pyarrow, polars, pandas, nanoarrow and others share; none of them
is imported here. Writing needs pyarrow.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert._core import TextColumn
from ferrobert.errors import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ferrobert.encoding.columns import Columns

__all__ = ["array_of", "column_of", "flat_column", "list_array", "table_of"]

Sequence.register(TextColumn)

_INT32_MAX = 2**31 - 1


def column_of(data: Any, name: str) -> TextColumn | None:
    """The texts of a column, in its own memory; ``None`` for anything that is no such column.

    Takes whatever has ``__arrow_c_stream__`` or ``__arrow_c_array__`` (arrays and chunked arrays of pyarrow, series
    of polars and of pandas where their dtype is not ``object``) and columns of ``datasets``: string, large_string,
    string_view and dictionaries of these, or lists of them (words). Also numpy arrays of ``StringDType``: these alone
    are copied, as numpy may move them. The owner of the buffers must not change them while the column is in use: texts
    are checked once, here.

    Args:
        data: What a call of a tokenizer was given.
        name: The argument that it was given for, named in errors.

    Raises:
        TextTypeError: a column of another type, a table, or a row that is null.
        UnicodeDecodeError: a row that is not UTF-8.
        DataError: data that break the Arrow C data interface.

    Example:
        >>> import pyarrow as pa
        >>> column = column_of(pa.chunked_array([["one", "two"], ["three"]]), "text")
        >>> len(column), column[2], column.tolist()
        (3, 'three', ['one', 'two', 'three'])
    """
    if isinstance(data, TextColumn):
        return data
    if _is_of_module(data, "datasets"):
        data = _chunks_of_dataset(data)
    if type(data) is np.ndarray:
        # Missing values that are strings are numpy's own to fill in.
        is_column = data.dtype.char == "T" and data.ndim == 1
        is_column = is_column and not isinstance(getattr(data.dtype, "na_object", None), str)
        return TextColumn(data, name) if is_column else None
    if not (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
        return None
    if _is_of_module(data, "pandas") and isinstance(getattr(data, "dtype", None), np.dtype):
        return None  # objects, which may be anything, and pandas converts them one by one
    try:
        return TextColumn(data, name)
    except ImportError:
        return None  # pandas exports through pyarrow


def _is_of_module(data: Any, package: str) -> bool:
    return type(data).__module__.partition(".")[0] == package


def _chunks_of_dataset(column: Any) -> Any:
    """The Arrow data behind ``dataset["text"]``; the column itself where only iteration gives its values."""
    source: Any = getattr(column, "source", None)
    name = getattr(column, "column_name", None)
    form = getattr(source, "format", None)
    # A transform ("custom") may do anything with a row, and an iterable or nested column has no table.
    if not isinstance(form, dict) or form.get("type") == "custom" or not hasattr(source, "with_format"):
        return column
    return source.select_columns([name]).with_format("arrow")[:].column(name)


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingDependencyError('to_arrow needs pyarrow: pip install "ferrobert[tables]"') from error
    return pa


def list_array(values: NDArray[Any], row_splits: NDArray[np.int64]) -> Any:
    """Rows as ``pyarrow.ListArray`` over the memory of ``values``; a ``LargeListArray`` from 2^31 values on.

    Args:
        values: ``(n,)`` numbers, or ``(n, k)`` for lists of k numbers.
        row_splits: int64 ``(rows + 1,)``.

    Raises:
        MissingDependencyError: pyarrow is not installed.

    Example:
        >>> import numpy as np
        >>> list_array(np.array([1, 2, 3], np.int32), np.array([0, 1, 3])).to_pylist()
        [[1], [2, 3]]
    """
    pa = _pyarrow()
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    if values.ndim == 2:
        flat = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    if len(values) > _INT32_MAX:
        return pa.LargeListArray.from_arrays(pa.array(row_splits), flat)
    return pa.ListArray.from_arrays(pa.array(row_splits.astype(np.int32)), flat)


_VALUE_TYPES = {
    "input_ids": np.int32,
    "token_type_ids": np.int32,
    "attention_mask": np.int8,
    "special_tokens_mask": np.int8,
    "offset_mapping": np.int32,
}


def flat_column(key: str, flat: Columns) -> Any:
    """The unpadded values of a key as an array, over the memory of the flat columns where it has the values.

    Args:
        key: One of the keys of a tokenizer's encoding.
        flat: Its columns.
    """
    splits = flat.row_splits
    match key:
        case "input_ids":
            return list_array(flat.ids, splits)
        case "token_type_ids":
            return list_array(flat.type_ids, splits)
        case "attention_mask":
            return list_array(np.ones(len(flat.ids), np.int8), splits)
        case "special_tokens_mask":
            return list_array((flat.sequence_ids < 0).astype(np.int8), splits)
        case "offset_mapping":
            return list_array(flat.offsets, splits)
        case "length":
            return _pyarrow().array(np.diff(splits))
        case _:
            return _pyarrow().array(flat.sample_ids)


def array_of(key: str, value: Any) -> Any:
    """The value of a key as an array of as many rows: lists, matrices, tensors, ragged rows.

    Args:
        key: Names the type of the numbers where it is one of a tokenizer's keys.
        value: Rows.

    Raises:
        ConfigError: the value is no column.
    """
    pa = _pyarrow()
    if hasattr(value, "to_arrow"):
        return value.to_arrow()
    if "torch" in sys.modules and hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        if isinstance(value, np.ndarray) and value.dtype != object and value.ndim in (2, 3):
            rows, width = value.shape[:2]
            flat = value.reshape(rows * width, *value.shape[2:]).astype(_VALUE_TYPES.get(key, value.dtype), copy=False)
            return list_array(flat, np.arange(rows + 1, dtype=np.int64) * width)
        if key not in _VALUE_TYPES:
            return pa.array(value)
        number = pa.from_numpy_dtype(_VALUE_TYPES[key])
        return pa.array(value, pa.list_(pa.list_(number, 2) if key == "offset_mapping" else number))
    except (pa.ArrowException, OverflowError) as error:
        raise ConfigError(f"the value of {key!r} is no column: {error}") from error


def table_of(columns: dict[str, Any]) -> Any:
    """Arrays by name as ``pyarrow.Table``.

    Raises:
        ConfigError: they differ in length.
    """
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ConfigError(f"a table needs columns of one length, got {lengths}")
    return _pyarrow().table(columns)
