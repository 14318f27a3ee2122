"""Batching in plain Python: the twin of `ferrobert.batching`."""

from __future__ import annotations

from collections.abc import Sequence


def token_batches(lengths: Sequence[int], batch_tokens: int, *, max_rows: int | None = None) -> list[list[int]]:
    """Positions of rows in batches of similar length, longest rows first.

    Example:
        >>> token_batches([3, 9, 4, 3], 9)
        [[1], [2, 0], [3]]
    """
    batches: list[list[int]] = []
    longest = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        most = len(lengths) if max_rows is None else max_rows
        if batches and len(batches[-1]) < most and (len(batches[-1]) + 1) * longest <= batch_tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
            longest = max(1, lengths[row])
    return batches


def gather_rows(values: Sequence[int], row_splits: Sequence[int], rows: Sequence[int]) -> list[int]:
    """The values of some rows, one row behind the other.

    Example:
        >>> gather_rows([5, 6, 7], [0, 2, 3], [1, 0])
        [7, 5, 6]
    """
    return [value for row in rows for value in values[row_splits[row] : row_splits[row + 1]]]


def pad_rows(values: Sequence[int], row_splits: Sequence[int], rows: Sequence[int], padding: int) -> list[list[int]]:
    """The values of some rows, padded on the right to the longest of them.

    Example:
        >>> pad_rows([5, 6, 7], [0, 2, 3], [1, 0], 0)
        [[7, 0], [5, 6]]
    """
    picked = [list(values[row_splits[row] : row_splits[row + 1]]) for row in rows]
    longest = max(map(len, picked), default=0)
    return [row + [padding] * (longest - len(row)) for row in picked]
