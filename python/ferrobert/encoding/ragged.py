"""Rows of different lengths in one array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert.arrow import list_array
from ferrobert.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ragged"]


class Ragged:
    """Rows of different lengths: one flat array and the places where rows begin.

    Indexing and iteration give views, never copies.

    Args:
        values: ``(n,)``, any dtype.
        row_splits: int64 ``(rows + 1,)``, from 0 to n, never decreasing.

    Raises:
        ConfigError: ``row_splits`` do not describe ``values``.

    Example:
        >>> import numpy as np
        >>> rows = Ragged(np.array([1, 2, 3]), np.array([0, 1, 3]))
        >>> len(rows), rows[1].tolist(), rows.to_padded(0).tolist()
        (2, [2, 3], [[1, 0], [2, 3]])
    """

    __slots__ = ("row_splits", "values")

    def __init__(self, values: NDArray[Any], row_splits: NDArray[np.int64]) -> None:
        row_splits = np.asarray(row_splits, dtype=np.int64)
        values = np.asarray(values)
        if (
            row_splits.ndim != 1
            or not len(row_splits)
            or row_splits[0] != 0
            or row_splits[-1] != len(values)
            or (np.diff(row_splits) < 0).any()
        ):
            raise ConfigError(f"row_splits must rise from 0 to {len(values)}, the number of values, got {row_splits}")
        self.values = values
        self.row_splits = row_splits

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        rows = len(self)
        if not -rows <= row < rows:
            raise IndexError(f"row {row} is out of range: there are {rows} rows")
        row %= rows
        return self.values[self.row_splits[row] : self.row_splits[row + 1]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        return f"Ragged(rows={len(self)}, values={len(self.values)}, dtype={self.values.dtype})"

    def to_padded(self, fill: float) -> NDArray[Any]:
        """Rows as a matrix ``(rows, longest)`` of the same dtype; short rows end with ``fill``."""
        lengths = np.diff(self.row_splits)
        padded = np.full((len(self), int(lengths.max(initial=0))), fill, dtype=self.values.dtype)
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = self.values
        return padded

    def to_arrow(self) -> Any:
        """Rows as a ``pyarrow.ListArray`` over the same memory (``LargeListArray`` from 2^31 values on).

        Raises:
            MissingDependencyError: pyarrow is not installed.
        """
        return list_array(self.values, self.row_splits)

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """The Arrow PyCapsule interface: ``pyarrow.array(rows)``, ``polars.Series(rows)``; needs pyarrow."""
        capsules: tuple[Any, Any] = self.to_arrow().__arrow_c_array__(requested_schema)
        return capsules
