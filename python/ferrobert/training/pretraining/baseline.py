"""What can be had on held-out text without reading it: token frequencies alone, and the more frequent label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.masking.rows import IGNORED
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


@dataclass(frozen=True, slots=True)
class Baselines:
    """What can be had on held-out text without reading it.

    Attributes:
        unigram_loss: loss of masked tokens by token frequencies alone, in nats.
        pair_share: share of the pairs that have the more frequent label, the accuracy of always giving that one;
            ``None`` where rows are no pairs.
    """

    unigram_loss: float
    pair_share: float | None

    @property
    def metrics(self) -> dict[str, float]:
        """As metrics of the report."""
        pairs = {} if self.pair_share is None else {"majority_nsp_accuracy": self.pair_share}
        return {"unigram_loss": self.unigram_loss, **pairs}


def held_out_baselines(
    train_rows: EncodedRows,
    held_out: EncodedRows,
    batches: Sequence[Sequence[int]],
    mask: Callable[[list[dict[str, Any]]], Any],
    vocab_size: int,
    special_ids: Sequence[int],
) -> Baselines:
    """The baselines of the rows of an evaluation.

    Args:
        train_rows: their tokens are counted, in one pass over all of them.
        held_out, batches, mask: what is evaluated, how it is batched and masked.
        vocab_size: number of ids.
        special_ids: ids that are never masked.
    """
    counts = train_rows.token_counts(vocab_size)
    counts[list(special_ids)] = 0
    labels, pairs = [], []
    for batch in batches:
        items = held_out.__getitems__(list(batch))
        labels.append(np.asarray(mask(items)["labels"]).ravel())
        pairs += [item["next_sentence_label"] for item in items if "next_sentence_label" in item]
    flat = np.concatenate(labels)
    share = max(np.mean(pairs), 1 - np.mean(pairs)) if pairs else None
    return Baselines(unigram_loss(counts, flat[flat != IGNORED]), None if share is None else float(share))
