"""Batches of rows that are alike in length, under a budget of tokens.

A padded batch costs its longest row times its rows. On texts of mixed length, batches in the order of arrival spend
most of that on padding; rows sorted by length spend almost none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import ConfigError

Indices = NDArray[np.int64]


def token_batches(
    lengths: Sequence[int] | NDArray[np.integer], batch_tokens: int, *, max_rows: int | None = None
) -> list[Indices]:
    """Split rows into batches of similar length, longest rows first.

    A batch's longest row times its rows stays within ``batch_tokens``; a row longer than that is a batch of its own.
    Longest first, so that a batch that does not fit in memory is met at once. Cost: a sort of n lengths.

    Args:
        lengths: tokens of each row, ``(rows,)``.
        batch_tokens: the budget, padding included.
        max_rows: also at most this many rows in a batch.

    Returns:
        Row positions of each batch, int64; each row is in exactly one batch.

    Raises:
        ConfigError: a budget below 1.

    Example:
        >>> [batch.tolist() for batch in token_batches([3, 9, 4, 3], 9)]
        [[1], [2, 0], [3]]
    """
    if batch_tokens < 1:
        raise ConfigError(f"batch_tokens must be at least 1, got {batch_tokens!r}")
    if max_rows is not None and max_rows < 1:
        raise ConfigError(f"the rows of a batch must be at least 1, got {max_rows!r}")
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        rows = max(1, batch_tokens // max(1, int(sizes[order[start]])))
        if max_rows is not None:
            rows = min(rows, max_rows)
        batches.append(order[start : start + rows])
        start += rows
    return batches
