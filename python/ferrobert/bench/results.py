"""Results of different libraries made comparable: one digest a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Two of a million different rows agree by chance once in 10^8 runs.
DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Flat:
    """Rows in one array: row i is ``values[splits[i] : splits[i + 1]]``."""

    values: NDArray[Any]
    splits: NDArray[Any]


def row_digests(result: Mapping[str, Any]) -> list[str]:
    """One digest a row, over the names and integers of all values.

    Args:
        result: name -> matrix or tensor ``(rows, ...)``, :class:`Flat`, or list of rows; all of the same rows.

    Returns:
        Hexadecimal digests; equal rows have equal digests whatever type and width of integer they came in. The numbers
        of a row are hashed as little-endian int64 after the name, names in alphabetical order.

    Example:
        >>> import numpy as np
        >>> row_digests({"ids": [[1, 2]]}) == row_digests({"ids": np.array([[1, 2]], dtype=np.uint32)})
        True
    """
    names = sorted(result)
    columns = [_rows(result[name]) for name in names]
    digests = []
    for row in zip(*columns, strict=True):
        digest = blake2b(digest_size=DIGEST_BYTES)
        for name, values in zip(names, row, strict=True):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(values, dtype="<i8").tobytes())
        digests.append(digest.hexdigest())
    return digests


def equal_rows(rows: Sequence[str], expected: Sequence[str]) -> tuple[int, int]:
    """How many rows are equal, of how many (of the longer side, where one has more)."""
    return sum(map(str.__eq__, rows, expected)), max(len(rows), len(expected))


def row_slices(flat: Flat) -> Iterator[NDArray[Any]]:
    """The rows of one array, as views."""
    splits = flat.splits.tolist()
    return (flat.values[start:end] for start, end in pairwise(splits))


def _rows(value: Any) -> Iterable[Any]:
    if isinstance(value, Flat):
        return row_slices(value)
    if isinstance(value, (list, np.ndarray)):
        return value
    return np.asarray(value)
