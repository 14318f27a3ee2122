"""The rows that a collator is given, as flat columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding
from ferrobert.errors import ConfigError
from ferrobert.inputs import EPOCH_BITS, check_counter
from ferrobert.masking.rows import aligned, narrow, sample_ids_of, words_of, words_of_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Features", "features_of"]

#: Values of a row that do not become one of the batch.
_CONSUMED = frozenset(
    {
        *("input_ids", "token_type_ids", "attention_mask", "special_tokens_mask", "offset_mapping", "word_ids"),
        *("labels", "sample_id", "epoch", "length", "overflow_to_sample_mapping"),
    }
)

#: Values that are read of every row, each time.
_READ = frozenset({"input_ids", "token_type_ids", "attention_mask", "special_tokens_mask", "sample_id", "epoch"})

#: Makes an int64 matrix of a width; the other arguments are what fills short rows, and the side.
MakeMatrix = Callable[[int, int, str], "NDArray[np.int64]"]


class Features(NamedTuple):
    """Rows of a batch."""

    ids: NDArray[Any]
    """int32 or int64, ``(tokens,)``."""
    row_splits: NDArray[np.int64]
    """``(rows + 1,)``."""
    attention_mask: MakeMatrix
    token_type_ids: MakeMatrix | None
    other: dict[str, NDArray[Any]]
    """Further values, ``(rows, ...)``."""
    word_ids: NDArray[np.int32] | None = None
    special: NDArray[np.int64] | None = None
    sample_ids: NDArray[np.int64] | None = None
    epoch: int | None = None


def features_of(features: Any, *, words: bool) -> Features:
    """Rows of an encoding, or of a list of mappings or of ids; word ids only where ``words`` asks for them.

    Raises:
        ConfigError: no rows; rows with other keys than the first; values that do not fit.
    """
    if isinstance(features, BatchEncoding) and features.is_untouched:
        return _of_columns(features, words)
    if hasattr(features, "keys"):
        features = _rows_of_mapping(features, words)
    rows = list(features)
    if not rows:
        raise ConfigError("a batch needs at least one row")
    if not hasattr(rows[0], "keys"):
        ids, splits = _core.flatten(rows, "input_ids")
        return Features(ids, splits, _ones(splits), None, {})
    return _of_mappings(rows, words)


def _ones(row_splits: NDArray[np.int64]) -> MakeMatrix:
    return lambda width, _fill, side: _core.attention_mask(row_splits, width, side)


def _of_columns(encoding: BatchEncoding, words: bool) -> Features:
    columns = encoding.columns
    splits = columns.row_splits
    if len(splits) == 1:
        raise ConfigError("a batch needs at least one row")

    def types(width: int, fill: int, side: str) -> NDArray[np.int64]:
        if columns.all_types_are_zero and fill == 0:
            return np.zeros((len(splits) - 1, width), np.int64)
        return _core.pad(columns.type_ids, splits, width, fill, side)

    return Features(
        columns.ids,
        splits,
        _ones(splits),
        types if "token_type_ids" in encoding else None,
        {key: _stacked(key, encoding[key]) for key in encoding if key not in _CONSUMED},
        word_ids=words_of(columns) if words else None,
        sample_ids=sample_ids_of(encoding["sample_id"], len(splits) - 1) if "sample_id" in encoding else None,
        epoch=_epoch_of(encoding["epoch"]) if "epoch" in encoding else None,
    )


def _rows_of_mapping(encoding: Any, words: bool) -> list[dict[str, Any]]:
    """The rows of values that lie side by side, as an encoding has them."""
    if "input_ids" not in encoding:
        raise ConfigError(f"rows need input_ids; they have {', '.join(map(str, encoding.keys())) or 'nothing'}")
    number = len(encoding["input_ids"])
    values = {key: encoding[key] for key in encoding}
    if words and "word_ids" not in values and getattr(encoding, "is_fast", False):
        values["word_ids"] = [words_of_row(encoding, row) for row in range(number)]
    for key, value in values.items():
        if not hasattr(value, "__len__") or len(value) != number:
            raise ConfigError(f"{key} must have a value for each of the {number} rows")
    return [{key: value[row] for key, value in values.items()} for row in range(number)]


def _of_mappings(rows: list[Mapping[str, Any]], words: bool) -> Features:
    keys = rows[0].keys()
    # Rows as short as the first, that have all of its keys, have no other: that is seen when the values are read.
    if keys <= _READ and set(map(len, rows)) == {len(keys)}:
        try:
            return _of_equal_mappings(rows, words)
        except (KeyError, TypeError, IndexError):
            pass
    for number, row in enumerate(rows):
        if not hasattr(row, "keys"):
            raise ConfigError(f"row {number} must be a mapping, as row 0 is, got {type(row).__name__}")
        if row.keys() != keys:
            raise ConfigError(f"row {number} has keys {sorted(row)}, row 0 has {sorted(keys)}")
    return _of_equal_mappings(rows, words)


def _of_equal_mappings(rows: list[Mapping[str, Any]], words: bool) -> Features:
    keys = rows[0].keys()
    if "input_ids" not in keys:
        raise ConfigError(f"rows need input_ids; they have {', '.join(map(str, keys)) or 'nothing'}")
    ids, splits = _core.flatten([row["input_ids"] for row in rows], "input_ids")

    def matrix(name: str) -> MakeMatrix:
        return partial(_core.matrix_of_rows, [row[name] for row in rows], name, splits)

    def flat(name: str, none: int | None = None) -> NDArray[np.int64]:
        return aligned(name, [row[name] for row in rows], splits, none)

    return Features(
        ids,
        splits,
        matrix("attention_mask") if "attention_mask" in keys else _ones(splits),
        matrix("token_type_ids") if "token_type_ids" in keys else None,
        {key: _stacked(key, [row[key] for row in rows]) for key in keys if key not in _CONSUMED},
        word_ids=narrow(flat("word_ids", -1), "word_ids") if words and "word_ids" in keys else None,
        special=flat("special_tokens_mask") if "special_tokens_mask" in keys else None,
        sample_ids=sample_ids_of([row["sample_id"] for row in rows], len(rows)) if "sample_id" in keys else None,
        epoch=_epoch_of([row["epoch"] for row in rows]) if "epoch" in keys else None,
    )


def _epoch_of(given: Any) -> int:
    """The epoch of all rows."""
    epochs = {check_counter("epoch", epoch.item() if hasattr(epoch, "item") else epoch, EPOCH_BITS) for epoch in given}
    if len(epochs) != 1:
        raise ConfigError(f"the rows of a batch must be of one epoch, got {sorted(epochs)}")
    return epochs.pop()


def _stacked(key: str, values: Any) -> NDArray[Any]:
    try:
        stacked = np.asarray([np.asarray(value) for value in values])
    except ValueError as error:
        raise ConfigError(f"the values of {key} differ in shape from row to row; they cannot be one tensor") from error
    if stacked.dtype.kind not in "biuf":
        raise ConfigError(f"the values of {key} are no numbers; remove that column, or make numbers of it")
    if stacked.dtype == np.uint64:
        raise ConfigError(f"the values of {key} are too large for int64: {stacked.max()}")
    return stacked
