"""The model on token rows, in batches of similar length: without padding where that can be, else padded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.batching import token_batches
from ferrobert.errors import CheckpointError
from ferrobert.models.checkpoint import Head
from ferrobert.models.masked_lm import masked_logits, vocabulary_logits
from ferrobert.models.unpadded import Read, unpadded
from ferrobert.pipelines.rows import TokenRows

__all__ = ["Forward"]

#: Vectors ``(hidden,)`` of a row's hidden states ``(tokens, hidden)``.
POOLING: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "cls": lambda states: states[0],
    "mean": lambda states: states.mean(dim=0),
    "max": lambda states: states.amax(dim=0),
}


@dataclass(frozen=True, slots=True)
class Forward:
    """A model, and how rows are batched for it.

    Attributes:
        model: the model, in evaluation mode.
        head: what is read of its output, for messages.
        device: where it is.
        pad_id: what rows are padded with.
        batch_tokens: tokens of a batch, padding included.
        max_rows: the most rows of a batch.
    """

    model: Any
    head: Head
    device: torch.device
    pad_id: int
    batch_tokens: int
    max_rows: int | None = None

    def of_rows(self, rows: TokenRows) -> NDArray[np.float32]:
        """Logits of each row, ``(rows, labels)``.

        Raises:
            CheckpointError: the model's output has no logits.
        """
        alone = unpadded(self.model)
        results: NDArray[np.float32] | None = None
        for batch in self._batches(rows):
            with torch.inference_mode():
                if alone is None:
                    output = self.model(**self._padded(rows, batch))
                else:
                    output = alone(*rows.together(batch), Read.FIRST)
                logits = self._field(output, "logits").float().cpu().numpy()
            if results is None:
                results = np.empty((len(rows), *logits.shape[1:]), dtype=np.float32)
            results[batch] = logits
        return self._nothing() if results is None else results

    def of_tokens(self, rows: TokenRows, fields: Sequence[str]) -> list[NDArray[np.float32]]:
        """Outputs of every token, ``(tokens, ...)`` for each of the fields of the model's output.

        Raises:
            CheckpointError: the model's output lacks a field.
        """
        alone = unpadded(self.model)
        results: list[NDArray[np.float32]] = []
        for batch in self._batches(rows):
            with torch.inference_mode():
                if alone is None:
                    tensors = self._padded(rows, batch)
                    at = tensors["attention_mask"].bool()
                    output = self.model(**tensors)
                    found = [self._field(output, field)[at] for field in fields]
                else:
                    output = alone(*rows.together(batch))
                    found = [self._field(output, field)[0] for field in fields]
            parts = [one.float().cpu().numpy() for one in found]
            source = rows.places(batch)
            if not results:
                results = [np.empty((len(rows.ids), *part.shape[1:]), np.float32) for part in parts]
            for result, part in zip(results, parts, strict=True):
                result[source] = part
        return results or [self._nothing() for _ in fields]

    def of_texts(self, rows: TokenRows, pooling: str) -> NDArray[np.float32]:
        """Hidden states of the last layer, pooled: ``(rows, hidden)``.

        Args:
            rows: the rows.
            pooling: "cls", the first token's; or "mean" or "max" of all.

        Raises:
            CheckpointError: the model's output has no hidden states.
        """
        alone = unpadded(self.model)
        parts: list[NDArray[np.float32]] = []
        order: list[NDArray[np.int64]] = []
        for batch in self._batches(rows):
            with torch.inference_mode():
                lengths = rows.lengths[batch].tolist()
                if alone is None:
                    states = self._field(self.model(**self._padded(rows, batch)), "last_hidden_state").float()
                    of_rows = [row[:length] for row, length in zip(states, lengths, strict=True)]
                else:
                    read = Read.FIRST if pooling == "cls" else Read.ALL
                    states = alone.hidden(*rows.together(batch), read).float()
                    of_rows = list(torch.split(states, [1] * len(batch) if pooling == "cls" else lengths))
                pooled = [POOLING[pooling](row) for row in of_rows]
                parts.append(torch.stack(pooled).cpu().numpy())
                order.append(batch)
        results = np.concatenate(parts)
        results[np.concatenate(order)] = results.copy()
        return results

    @torch.inference_mode()
    def of_masks(self, rows: TokenRows, masks: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], torch.Tensor]]:
        """Logits of the vocabulary at some tokens, in parts.

        Args:
            rows: the rows.
            masks: positions in their flat ids, rising, ``(masks,)``.

        Yields:
            Which of the masks, ``(n,)``, and their logits ``(n, vocabulary)`` in the model's precision.

        Raises:
            CheckpointError: the model has no masked-language-model head.
        """
        alone = unpadded(self.model)
        number = np.full(len(rows.ids), -1)
        number[masks] = np.arange(len(masks))
        for batch in self._batches(rows):
            numbers = number[rows.places(batch)]  # row by row, as in a padded batch
            if alone is None:
                tensors = self._padded(rows, batch)
                at = tensors["attention_mask"].bool()
                at[at.clone()] = torch.from_numpy(numbers >= 0).to(self.device)
                parts = masked_logits(self.model, tensors, at)
            else:
                read = torch.from_numpy(np.flatnonzero(numbers >= 0))
                parts = vocabulary_logits(self.model, alone.hidden(*rows.together(batch), read))
            places = numbers[numbers >= 0]
            start = 0
            for logits in parts:
                yield places[start : start + len(logits)], logits
                start += len(logits)

    def _batches(self, rows: TokenRows) -> list[NDArray[np.int64]]:
        batches = token_batches(rows.lengths, self.batch_tokens, max_rows=self.max_rows)
        return [batch for batch in batches if rows.lengths[batch].any()]

    def _padded(self, rows: TokenRows, batch: NDArray[np.int64]) -> dict[str, torch.Tensor]:
        return {name: tensor.to(self.device) for name, tensor in rows.padded(batch, self.pad_id).items()}

    def _field(self, output: Any, name: str) -> torch.Tensor:
        if not hasattr(output, name):
            raise CheckpointError(f"{type(self.model).__name__} has no {self.head.name}; {self.head.advice}")
        found: torch.Tensor = getattr(output, name)
        return found

    def _nothing(self) -> NDArray[np.float32]:
        return np.empty((0, self.model.config.num_labels), dtype=np.float32)
