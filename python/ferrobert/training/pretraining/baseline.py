"""What a model that knows only how frequent tokens are would lose on held-out text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.training.pretraining.objective import IGNORED
from ferrobert.training.pretraining.rows import EncodedRows


def unigram_loss(counts: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Mean of ``-ln p`` of the labels under the distribution of the counts with add-one smoothing, in nats.

    Args:
        counts: occurrences of each id in training text, ``(vocabulary,)``; special tokens, which are never masked, 0.
        labels: ids that were masked, ``(n,)``.

    Example:
        >>> round(unigram_loss(np.array([0, 3, 1]), np.array([1, 1])), 4)  # p = (3 + 1) / (4 + 3)
        0.5596
    """
    logarithms = np.log(counts + 1.0) - np.log(counts.sum() + len(counts))
    return float(-logarithms[labels].mean())


def held_out_baseline(
    train_rows: EncodedRows,
    held_out: EncodedRows,
    batches: Sequence[Sequence[int]],
    mask: Callable[[list[dict[str, Any]]], Any],
    vocab_size: int,
    special_ids: Sequence[int],
) -> float:
    """`unigram_loss` of the tokens that are masked in an evaluation, under the counts of the training rows."""
    counts = train_rows.token_counts(vocab_size)
    counts[list(special_ids)] = 0
    labels = [np.asarray(mask(held_out.__getitems__(list(batch)))["labels"]).ravel() for batch in batches]
    flat = np.concatenate(labels)
    return unigram_loss(counts, flat[flat != IGNORED])
