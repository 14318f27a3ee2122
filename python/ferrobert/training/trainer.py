"""transformers.Trainer over flat token rows: batches alike in length, weighted loss, an order that resumes exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler
from transformers import Trainer

from ferrobert.pipelines.rows import TokenRows

# A group of this many batches is sorted by length: short padding, and still a fresh mix each epoch.
BATCHES_PER_GROUP = 50


class LabelledRows(Dataset[dict[str, torch.Tensor]]):
    """Token rows with label ids; a list of positions gives one padded batch.

    Args:
        rows: the token rows.
        labels: id of each row's label, ``(rows,)``.
        pad_id: what fills short rows.
    """

    def __init__(self, rows: TokenRows, labels: NDArray[np.int64], pad_id: int) -> None:
        self.rows = rows
        self.labels = torch.from_numpy(labels)
        self.pad_id = pad_id

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        batch = self.rows.padded(indices, self.pad_id)  # (len(indices), longest)
        return {**batch, "labels": self.labels[list(indices)]}


def as_batch(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The collator: `LabelledRows` already gives batches."""
    return batch


class LengthGroups(Sampler[int]):
    """Row positions, shuffled anew each epoch, such that each batch holds rows of similar length.

    The order is a function of (seed, epoch) alone, so that a resumed run sees the rows that an uninterrupted one sees.

    Args:
        lengths: tokens of each row.
        batch_size: rows of a batch.
        seed: seed of the order.
    """

    def __init__(self, lengths: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.Generator(np.random.Philox([self.seed, self.epoch]))
        order = generator.permutation(len(self.lengths))
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


class ClassifierTrainer(Trainer):
    """Trainer with cross entropy, weighted by class where weights are given.

    Args:
        class_weight: weight of each label, ``(labels,)``, or ``None``.
        **settings: for transformers.Trainer.
    """

    # The loss is the mean of one batch, so Trainer divides it by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(self, *, class_weight: torch.Tensor | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.class_weight = class_weight
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean loss of a batch, and the model's outputs where they are asked for."""
        labels = inputs["labels"]  # (batch,)
        outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
        logits = outputs.logits.float()  # (batch, labels)
        weight = None if self.class_weight is None else self.class_weight.to(logits.device)
        loss = torch.nn.functional.cross_entropy(logits, labels, weight=weight)
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroups:
        rows = self.train_dataset if train_dataset is None else train_dataset
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroups(rows.rows.lengths, batch, self.args.seed)
