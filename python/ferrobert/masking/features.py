"""The rows that a collator is given, as flat columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding
from ferrobert.errors import ConfigError
from ferrobert.inputs import check_counter
from ferrobert.masking.rows import sample_ids_of, words_of

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
    if isinstance(features, BatchEncoding):
        if features.is_fast:
            return _of_columns(features, words)
        features = [{key: features[key][row] for key in features} for row in range(len(features["input_ids"]))]
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
        {key: np.asarray(encoding[key]) for key in encoding if key not in _CONSUMED},
        word_ids=words_of(columns) if words else None,
    )


def _of_mappings(rows: list[Mapping[str, Any]], words: bool) -> Features:
    keys = rows[0].keys()
    for number, row in enumerate(rows):
        if row.keys() != keys:
            raise ConfigError(f"row {number} has keys {sorted(row)}, row 0 has {sorted(keys)}")
    if "input_ids" not in keys:
        raise ConfigError(f"rows need input_ids; they have {', '.join(map(str, keys)) or 'nothing'}")
    ids, splits = _core.flatten([row["input_ids"] for row in rows], "input_ids")

    def matrix(name: str) -> MakeMatrix:
        return partial(_core.matrix_of_rows, [row[name] for row in rows], name, splits)

    def flat(name: str, none: int | None = None) -> NDArray[np.int64]:
        values, others = _core.flatten([row[name] for row in rows], name, none)
        if not np.array_equal(others, splits):
            row = int(np.flatnonzero(np.diff(others) != np.diff(splits))[0])
            raise ConfigError(
                f"{name}[{row}] has {np.diff(others)[row]} values, input_ids[{row}] has {np.diff(splits)[row]}"
            )
        return values

    return Features(
        ids,
        splits,
        matrix("attention_mask") if "attention_mask" in keys else _ones(splits),
        matrix("token_type_ids") if "token_type_ids" in keys else None,
        {key: _stacked(key, [row[key] for row in rows]) for key in keys if key not in _CONSUMED},
        word_ids=flat("word_ids", -1).astype(np.int32) if words and "word_ids" in keys else None,
        special=flat("special_tokens_mask") if "special_tokens_mask" in keys else None,
        sample_ids=sample_ids_of([row["sample_id"] for row in rows], len(rows)) if "sample_id" in keys else None,
        epoch=_epoch_of(rows) if "epoch" in keys else None,
    )


def _epoch_of(rows: list[Mapping[str, Any]]) -> int:
    epochs = {int(row["epoch"]) for row in rows}
    if len(epochs) > 1:
        raise ConfigError(f"the rows of a batch must be of one epoch, got {sorted(epochs)}")
    return check_counter("epoch", epochs.pop())


def _stacked(key: str, values: list[Any]) -> NDArray[Any]:
    try:
        stacked = np.asarray([np.asarray(value) for value in values])
    except ValueError as error:
        raise ConfigError(f"the values of {key} differ in shape from row to row; they cannot be one tensor") from error
    if stacked.dtype.kind not in "biuf":
        raise ConfigError(f"the values of {key} are no numbers; remove that column, or make numbers of it")
    return stacked
