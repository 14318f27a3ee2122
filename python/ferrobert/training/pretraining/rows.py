"""The encoded corpus as a data set of torch, and the order in which an epoch reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from ferrobert.errors import ConfigError
from ferrobert.training.pretraining.shards import Rows, ShardFolder, open_shard

# Indices that are handed out at a time: a permutation of a large corpus never becomes a list of Python numbers.
ORDER_CHUNK = 1 << 16


class EncodedRows(Dataset[dict[str, Any]]):
    """Rows of the shards, read through memory maps.

    An item is ``{"input_ids", "token_type_ids", "next_sentence_label", "sample_id", "epoch"}``; the first two are int32
    views of ``(tokens,)``, and they and the label of pairs are what a data collator masks and pads. Rows without pairs
    have no type ids and no label. Pickling takes the names of the files along, not their contents; copies in data
    loader workers open the files themselves.

    Args:
        shards: the folder.
        split: "train" or "held_out".
    """

    def __init__(self, shards: ShardFolder, split: str) -> None:
        listed = shards.shards(split)
        self.files = [(shards.folder / shard.file, shard.bytes) for shard in listed]
        self.starts = np.zeros(len(listed) + 1, dtype=np.int64)
        np.cumsum([shard.rows for shard in listed], out=self.starts[1:])
        # In shared memory: workers that outlive an epoch see the next one's number.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]
        self._opened: list[Rows] | None = None
        self._types = np.zeros(0, dtype=np.int32)

    @property
    def epoch(self) -> int:
        """The epoch that items carry."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, which decides the masks; data loader workers see it too."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Items of these rows."""
        where = np.asarray(indices, dtype=np.int64)
        if len(where) and not (where.min() >= 0 and where.max() < len(self)):
            raise IndexError(f"rows are 0 to {len(self) - 1}, asked for {where.min()} to {where.max()}")
        shards = np.searchsorted(self.starts, where, side="right") - 1
        epoch = self.epoch
        return [
            self._item(int(shard), int(row - self.starts[shard]), int(row), epoch)
            for shard, row in zip(shards, where, strict=True)
        ]

    def _item(self, shard: int, row: int, sample_id: int, epoch: int) -> dict[str, Any]:
        rows = self._shards()[shard]
        start, end = int(rows.row_splits[row]), int(rows.row_splits[row + 1])
        item: dict[str, Any] = {"input_ids": rows.ids[start:end]}
        if rows.labels is not None:
            item["token_type_ids"] = self._type_ids(int(rows.first_lengths[row]), end - start)
            item["next_sentence_label"] = int(rows.labels[row])
        item["sample_id"] = sample_id
        item["epoch"] = epoch
        return item

    def _type_ids(self, zeros: int, length: int) -> NDArray[np.int32]:
        """Zeros and then ones, as a view of a longer such array."""
        half = len(self._types) // 2
        if half < length:
            half = 2 * length
            self._types = np.repeat(np.array([0, 1], dtype=np.int32), half)
        return self._types[half - zeros : half - zeros + length]

    def _shards(self) -> list[Rows]:
        if self._opened is None:
            self._opened = [open_shard(Path(path), size) for path, size in self.files]
        return self._opened

    def token_counts(self, vocab_size: int) -> NDArray[np.int64]:
        """How often each id occurs, ``(vocab_size,)``: one pass over all shards.

        Raises:
            ConfigError: an id that is not below ``vocab_size``.
        """
        counts = np.zeros(vocab_size, dtype=np.int64)
        for rows in self._shards():
            found = np.bincount(rows.ids, minlength=vocab_size)
            if len(found) > vocab_size:
                raise ConfigError(
                    f"the corpus holds id {len(found) - 1}, the model's vocabulary has {vocab_size} tokens"
                )
            counts += found
        return counts

    def tokens(self) -> int:
        """Tokens of all rows."""
        return sum(len(rows.ids) for rows in self._shards())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None, "_types": np.zeros(0, dtype=np.int32)}


class EpochOrder(Sampler[int]):
    """Row positions, shuffled anew each epoch, cut to whole global batches.

    The order is a function of (seed, epoch) alone, the epoch is the data set's own. A last batch that would be smaller
    than the others is left out, another one in each epoch: so one process and several, and any split of a global batch
    into accumulated ones, read the same rows in the same step.

    Args:
        rows: the data set.
        global_batch: rows of an optimizer step, over all processes and accumulated batches.
        seed: seed of the order.

    Raises:
        ConfigError: there are fewer rows than one global batch.
    """

    def __init__(self, rows: EncodedRows, global_batch: int, seed: int) -> None:
        if len(rows) < global_batch:
            raise ConfigError(
                f"the corpus gives {len(rows)} rows for training, fewer than one batch of {global_batch}; "
                "lower batch_size, gradient_accumulation_steps or max_length, or bring more text"
            )
        self.rows = rows
        self.seed = seed
        self.global_batch = global_batch
        self.length = len(rows) // global_batch * global_batch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, of the data set too."""
        self.rows.set_epoch(epoch)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        generator = np.random.Generator(np.random.Philox([self.seed, self.rows.epoch]))
        order = generator.permutation(len(self.rows))[: self.length]
        for start in range(0, len(order), ORDER_CHUNK):
            yield from order[start : start + ORDER_CHUNK].tolist()
