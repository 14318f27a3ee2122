"""The value of a key: flat columns and padding as a matrix, as lists, as a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert import _core
from ferrobert.errors import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ferrobert.encoding.columns import Columns

__all__ = ["Padding", "as_tensor", "is_uneven", "lists_of", "matrix_of"]


@dataclass(frozen=True, slots=True)
class Padding:
    """How rows become a matrix."""

    width: int | None
    """Columns that shorter rows are padded to; ``None`` for no padding."""
    side: str
    pad_id: int
    pad_type_id: int

    def around(self, length: int) -> tuple[int, int]:
        """Padding on the left and on the right of a row of so many tokens."""
        missing = max((self.width or 0) - length, 0)
        return (missing, 0) if self.side == "left" else (0, missing)


def is_uneven(columns: Columns, padding: Padding) -> bool:
    """Whether the padded rows differ in length."""
    shortest, longest = (max(length, padding.width or 0) for length in columns.row_lengths)
    return shortest != longest


def matrix_of(key: str, columns: Columns, padding: Padding) -> NDArray[np.int64]:
    """The value of a key where all rows have the same width."""
    splits = columns.row_splits
    width = max(columns.row_lengths[1], padding.width or 0)
    match key:
        case "input_ids":
            return _core.pad(columns.ids, splits, width, padding.pad_id, padding.side)
        case "token_type_ids" if columns.all_types_are_zero and padding.pad_type_id == 0:
            return np.zeros((len(splits) - 1, width), np.int64)
        case "token_type_ids":
            return _core.pad(columns.type_ids, splits, width, padding.pad_type_id, padding.side)
        case "attention_mask":
            return _core.attention_mask(splits, width, padding.side)
        case "special_tokens_mask":
            mask = (columns.sequence_ids < 0).astype(np.int32)
            return _core.pad(mask, splits, width, 1, padding.side)
        case "offset_mapping":
            offsets = columns.offsets
            sides = (
                _core.pad(np.ascontiguousarray(offsets[:, side]), splits, width, 0, padding.side) for side in (0, 1)
            )
            return np.stack(tuple(sides), axis=-1)
        case "length":
            lengths: NDArray[np.int64] = np.maximum(np.diff(splits), padding.width or 0)
            return lengths
        case _:
            samples: NDArray[np.int64] = columns.sample_ids
            return samples


def lists_of(key: str, columns: Columns, padding: Padding) -> list[Any]:
    """The value of a key as lists."""
    match key:
        case "input_ids":
            return _row_lists(columns, padding, columns.ids, padding.pad_id)
        case "token_type_ids":
            return _row_lists(columns, padding, columns.type_ids, padding.pad_type_id)
        case "attention_mask":
            return _row_lists(columns, padding, np.ones(len(columns.ids), np.int32), 0)
        case "special_tokens_mask":
            return _row_lists(columns, padding, (columns.sequence_ids < 0).astype(np.int32), 1)
        case "offset_mapping":
            spans = [tuple(span) for span in columns.offsets.tolist()]
            rows = []
            for start, end in pairwise(columns.row_splits.tolist()):
                left, right = padding.around(end - start)
                rows.append([(0, 0)] * left + spans[start:end] + [(0, 0)] * right)
            return rows
        case "length":
            lengths: list[Any] = np.maximum(np.diff(columns.row_splits), padding.width or 0).tolist()
            return lengths
        case _:
            samples: list[Any] = columns.sample_ids.tolist()
            return samples


def _row_lists(columns: Columns, padding: Padding, values: NDArray[np.int32], fill: int) -> list[Any]:
    return _core.lists(values, columns.row_splits, padding.width or 0, fill, padding.side)


def as_tensor(value: Any, kind: str, key: str) -> Any:
    """Lists or arrays as ``"np"`` array or ``"pt"`` tensor; of int64 where they are empty.

    Raises:
        ConfigError: the kind is not known, or rows of different lengths cannot be a tensor.
        MissingDependencyError: torch is not installed.
    """
    if kind == "np":
        if isinstance(value, list) and value and isinstance(value[0], list) and len({len(row) for row in value}) > 1:
            ragged = np.empty(len(value), dtype=object)
            ragged[:] = [np.asarray(row) for row in value]
            return ragged
        return np.asarray(value, dtype=np.int64 if np.size(value) == 0 else None)
    if kind != "pt":
        raise ConfigError(f'return_tensors must be None, "np" or "pt", got {kind!r}')
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError('return_tensors="pt" needs torch: pip install "ferrobert[torch]"') from error
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray) and value.dtype != object:
        return torch.from_numpy(value)
    rows = value if isinstance(value, (list, tuple, np.ndarray)) else ()
    lengths = {len(row) for row in rows if isinstance(row, (list, np.ndarray))}
    if len(lengths) > 1:
        raise ConfigError(
            f"{key} has rows of {min(lengths)} to {max(lengths)} tokens, which one tensor cannot hold: "
            "pass padding=True and truncation=True"
        )
    tensor = torch.tensor(value)
    return tensor if tensor.numel() else tensor.to(torch.int64)
