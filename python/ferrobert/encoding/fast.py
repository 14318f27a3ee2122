"""Rows of transformers' fast tokenizers (``encoding.encodings``) as flat columns without padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FastRows", "fast_rows"]


class FastRows(NamedTuple):
    """Rows of the tokenizers package, and which of their places are tokens."""

    rows: Sequence[Any]
    """``tokenizers.Encoding``, one a row."""
    kept: list[NDArray[np.int64]]
    """Places of each row that are no padding."""
    row_splits: NDArray[np.int64]
    """``(rows + 1,)``."""
    width: int | None
    """Columns of the padded rows; ``None`` where they are ragged."""
    side: str
    """Where padding goes."""

    def column(self, name: str, *shape: int) -> NDArray[np.int32]:
        """A property of all tokens, ``(tokens, *shape)``; -1 for ``None``."""
        parts = []
        for row, tokens in zip(self.rows, self.kept, strict=True):
            values = [-1 if value is None else value for value in getattr(row, name)]
            parts.append(np.array(values, np.int32).reshape(-1, *shape)[tokens])
        return np.concatenate(parts) if parts else np.zeros((0, *shape), np.int32)


def fast_rows(rows: Sequence[Any]) -> FastRows:
    """The rows, by their attention masks."""
    kept = [np.flatnonzero(row.attention_mask) for row in rows]
    splits = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(tokens) for tokens in kept], out=splits[1:])
    widths = {len(row.ids) for row in rows}
    padded = len(widths) == 1 and any(len(tokens) < len(row.ids) for tokens, row in zip(kept, rows, strict=True))
    left = any(len(tokens) and tokens[0] > 0 for tokens in kept)
    return FastRows(rows, kept, splits, widths.pop() if padded else None, "left" if left else "right")
