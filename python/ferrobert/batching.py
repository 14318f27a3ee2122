"""Batches of rows that are alike in length, under a budget of tokens.

A padded batch costs its longest row times its rows. On texts of mixed length, batches in the order of arrival spend
most of that on padding; rows sorted by length spend almost none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert import _core
from ferrobert.inputs import check_count

__all__ = ["gather_rows", "pad_rows", "token_batches"]

Indices = NDArray[np.int64]


def token_batches(
    lengths: Sequence[int] | NDArray[np.integer], batch_tokens: int, *, max_rows: int | None = None
) -> list[Indices]:
    """Split rows into batches of similar length, longest rows first.

    A batch's longest row times its rows stays within ``batch_tokens``; a row longer than that is a batch of its own.
    Longest first, so that a batch that does not fit in memory is met at once; rows of one length keep their order.
    Cost: O(rows + longest row).

    Args:
        lengths: tokens of each row, ``(rows,)``.
        batch_tokens: the budget, padding included.
        max_rows: also at most this many rows in a batch.

    Returns:
        Row positions of each batch, int64; each row is in exactly one batch.

    Raises:
        ConfigError: a budget below 1; a length below 0.

    Example:
        >>> [batch.tolist() for batch in token_batches([3, 9, 4, 3], 9)]
        [[1], [2, 0], [3]]
    """
    check_count("batch_tokens", batch_tokens, 1)
    if max_rows is not None:
        check_count("max_rows", max_rows, 1)
    rows, splits = _core.token_batches(_int64(lengths), batch_tokens, max_rows)
    return np.split(rows, splits[1:-1]) if len(rows) else []


def gather_rows(
    values: NDArray[np.integer], row_splits: NDArray[np.integer], rows: Sequence[int] | NDArray[np.integer]
) -> NDArray[np.int64]:
    """The values of some rows, one row behind the other: what a model without padding takes.

    Args:
        values: of the tokens of all rows, ``(tokens,)``.
        row_splits: where rows begin, and the number of tokens, ``(all rows + 1,)``.
        rows: positions of the rows, ``(rows,)``.

    Returns:
        int64 ``(tokens of these rows,)``.

    Raises:
        ConfigError: splits that are not those of the values; a row that is not there.

    Example:
        >>> gather_rows(np.array([5, 6, 7]), np.array([0, 2, 3]), [1, 0]).tolist()
        [7, 5, 6]
    """
    return _core.gather_rows(_values(values), _int64(row_splits), _int64(rows))


def pad_rows(
    values: NDArray[np.integer],
    row_splits: NDArray[np.integer],
    rows: Sequence[int] | NDArray[np.integer],
    padding: int,
) -> NDArray[np.int64]:
    """The values of some rows as a matrix, padded on the right: what any other model takes.

    Args:
        values: of the tokens of all rows, ``(tokens,)``.
        row_splits: where rows begin, and the number of tokens, ``(all rows + 1,)``.
        rows: positions of the rows, ``(rows,)``.
        padding: what fills short rows.

    Returns:
        int64 ``(rows, longest of these)``.

    Raises:
        ConfigError: splits that are not those of the values; a row that is not there.

    Example:
        >>> pad_rows(np.array([5, 6, 7]), np.array([0, 2, 3]), [1, 0], 0).tolist()
        [[7, 0], [5, 6]]
    """
    return _core.pad_rows(_values(values), _int64(row_splits), _int64(rows), padding)


def _int64(values: Any) -> NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.int64)


def _values(values: Any) -> NDArray[Any]:
    array = np.ascontiguousarray(values)
    return array if array.dtype in (np.int32, np.int64) else array.astype(np.int64)
