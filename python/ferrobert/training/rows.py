"""Labelled token rows as data sets that give padded batches, in an order of batches alike in length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from ferrobert.batching import pad_rows
from ferrobert.pipelines.rows import TokenRows

# A group of this many batches is sorted by length: short padding, and still a fresh mix each epoch.
BATCHES_PER_GROUP = 50
# Label of what is not to be predicted, as torch's cross entropy has it.
IGNORED = -100


class LabelledRows(Dataset[dict[str, torch.Tensor]]):
    """Token rows with label ids; a list of positions gives one padded batch.

    Args:
        rows: the token rows.
        labels: id of each row's label, ``(rows,)``.
        pad_id: what fills short rows.
    """

    def __init__(self, rows: TokenRows, labels: NDArray[np.int64], pad_id: int) -> None:
        self.rows = rows
        self.labels = labels
        self.pad_id = pad_id

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        batch = self.rows.padded(indices, self.pad_id)  # (len(indices), longest)
        return {**batch, "labels": torch.from_numpy(self._labels(indices))}

    def _labels(self, indices: Sequence[int]) -> NDArray[np.int64]:
        return self.labels[list(indices)]


class LabelledTokens(LabelledRows):
    """Token rows with a label id for each token; a list of positions gives one padded batch.

    Args:
        rows: the token rows.
        labels: the labels of their tokens, int64 ``(tokens,)``; `IGNORED` for none, and for padding.
        pad_id: what fills short rows.
    """

    def _labels(self, indices: Sequence[int]) -> NDArray[np.int64]:
        return pad_rows(self.labels, self.rows.row_splits, indices, IGNORED)  # (len(indices), longest)


def as_batch(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The collator: the data sets already give batches."""
    return batch


class LengthGroups(Sampler[int]):
    """Row positions, shuffled anew each epoch; where they are sorted each batch holds rows of similar length.

    The order is a function of (seed, epoch) alone, so that a resumed run sees the rows that an uninterrupted one sees.

    Args:
        lengths: tokens of each row.
        batch_size: rows of a batch.
        seed: seed of the order.
        sort: whether batches hold rows of similar length.
    """

    def __init__(self, lengths: NDArray[np.int64], batch_size: int, seed: int, *, sort: bool = True) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.sort = sort
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.Generator(np.random.Philox([self.seed, self.epoch]))
        order = generator.permutation(len(self.lengths))
        if not self.sort:
            return iter(order.tolist())
        # Small sets in at least four groups: one group would put the same rows together in every epoch.
        size = self.batch_size * max(1, min(BATCHES_PER_GROUP, len(order) // (4 * self.batch_size)))
        batches = []
        for start in range(0, len(order), size):
            group = order[start : start + size]
            group = group[np.argsort(-self.lengths[group], kind="stable")]
            batches += [group[at : at + self.batch_size] for at in range(0, len(group), self.batch_size)]
        # A short batch stays last: the sampler's consumer cuts the order into full batches.
        last = [batches.pop()] if batches and len(batches[-1]) < self.batch_size else []
        shuffled = [batches[index] for index in generator.permutation(len(batches))] + last
        return iter(np.concatenate(shuffled).tolist() if shuffled else [])
