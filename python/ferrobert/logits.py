"""Logits as models give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert.errors import DecodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["first_tokens", "floats_of"]


def floats_of(logits: Any) -> NDArray[Any]:
    """An array of float32 or float64."""
    if hasattr(logits, "detach"):
        logits = logits.detach()
        # numpy has no bfloat16.
        if logits.is_floating_point() and logits.element_size() < 4:
            logits = logits.float()
        logits = logits.cpu().numpy()
    array = np.asarray(logits)
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    raise DecodeError(f"logits must be floats, got {array.dtype}")


def first_tokens(slots: NDArray[np.int64], lengths: NDArray[np.int64], side: str) -> NDArray[np.int64]:
    """Place of the first token of each row, ``(rows,)``, where rows of so many slots stand one behind the other.

    Args:
        slots: of each row, padding included, ``(rows,)``.
        lengths: its tokens, ``(rows,)``.
        side: where padding goes.
    """
    starts = np.cumsum(slots) - slots
    return starts + (slots - lengths) if side == "left" else starts
