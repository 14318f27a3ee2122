"""Token rows as the pipelines and the training loops hold them: flat columns, padded only when a batch is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["TokenRows", "joined", "samples_of", "token_rows", "window_stride"]

#: Most tokens that windows share: every token then has 64 on either side, but at the ends of the text.
LARGEST_STRIDE = 128


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Unpadded token rows in flat columns.

    Attributes:
        ids: token ids of all rows, ``(tokens,)``.
        type_ids: segment ids, ``(tokens,)``; ``None`` for models without them.
        row_splits: where each row starts, and the end, int64 ``(rows + 1,)``.
    """

    ids: NDArray[np.integer]
    type_ids: NDArray[np.integer] | None
    row_splits: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row, ``(rows,)``."""
        return np.diff(self.row_splits)

    def cells(self, rows: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Where the tokens of these rows stand: in a matrix padded on the right, and in the columns.

        Returns:
            Which cells of the matrix are tokens, ``(len(rows), longest)``; for each of them, row by row, its position
            in the columns, ``(tokens of these rows,)``.
        """
        positions = np.asarray(rows, dtype=np.int64)
        starts = self.row_splits[positions]
        lengths = self.row_splits[positions + 1] - starts
        columns = np.arange(int(lengths.max(initial=0)))
        mask = columns < lengths[:, None]
        return mask, (starts[:, None] + columns)[mask]

    def in_order(self, order: NDArray[np.int64]) -> tuple[TokenRows, NDArray[np.int64]]:
        """The rows in another order, ``(rows,)`` positions; and the position that each of their tokens had before."""
        lengths = self.lengths[order]
        splits = np.zeros(len(order) + 1, dtype=np.int64)
        np.cumsum(lengths, out=splits[1:])
        source = np.arange(splits[-1]) + np.repeat(self.row_splits[:-1][order] - splits[:-1], lengths)
        type_ids = None if self.type_ids is None else self.type_ids[source]
        return TokenRows(self.ids[source], type_ids, splits), source

    def padded(self, rows: Sequence[int] | NDArray[np.int64], pad_id: int) -> dict[str, torch.Tensor]:
        """int64 tensors ``(len(rows), longest)`` of these rows, padded on the right."""
        mask, source = self.cells(rows)
        ids = np.full(mask.shape, pad_id, dtype=np.int64)
        ids[mask] = self.ids[source]
        tensors = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
        if self.type_ids is not None:
            type_ids = np.zeros(mask.shape, dtype=np.int64)
            type_ids[mask] = self.type_ids[source]
            tensors["token_type_ids"] = torch.from_numpy(type_ids)
        return tensors


def token_rows(encoding: Any) -> TokenRows:
    """The rows of an unpadded batch encoding, by its flat columns where it has them."""
    with_types = "token_type_ids" in encoding
    columns = getattr(encoding, "columns", None)
    if columns is not None:
        return TokenRows(columns.ids, columns.type_ids if with_types else None, columns.row_splits)
    rows = encoding["input_ids"]
    splits = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=splits[1:])
    return TokenRows(
        _flat(rows, int(splits[-1])), _flat(encoding["token_type_ids"], int(splits[-1])) if with_types else None, splits
    )


def joined(first: TokenRows, second: TokenRows) -> TokenRows:
    """The rows of both, one after the other."""
    type_ids = None
    if first.type_ids is not None and second.type_ids is not None:
        type_ids = np.concatenate([first.type_ids, second.type_ids])
    splits = np.concatenate([first.row_splits, second.row_splits[1:] + len(first.ids)])
    return TokenRows(np.concatenate([first.ids, second.ids]), type_ids, splits)


def samples_of(encoding: Any, rows: int) -> NDArray[np.int64]:
    """Which of the inputs each row of an encoding is a window of, ``(rows,)``."""
    columns = getattr(encoding, "columns", None)
    samples = encoding.get("overflow_to_sample_mapping") if columns is None else columns.sample_ids
    return np.arange(rows) if samples is None else np.asarray(samples, np.int64)


def window_stride(room: int) -> int:
    """Tokens that windows share by default, of ``room`` tokens of the text in each: a quarter, at most 128."""
    return max(0, min(LARGEST_STRIDE, room // 4))


def _flat(rows: Sequence[Sequence[int]], total: int) -> NDArray[np.int64]:
    return np.fromiter((value for row in rows for value in row), dtype=np.int64, count=total)
