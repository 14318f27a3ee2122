"""The model on token rows, in batches of similar length: without padding where that can be, else padded.

A batch that does not fit into memory is run again as two, and the budget of those behind it is half as large.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.batching import token_batches
from ferrobert.errors import CheckpointError
from ferrobert.models.checkpoint import check_ids
from ferrobert.models.masked_lm import masked_logits, vocabulary_logits
from ferrobert.models.unpadded import Read, unpadded
from ferrobert.pipelines.options import CallOptions
from ferrobert.pipelines.progress import RowBar
from ferrobert.pipelines.rows import TokenRows

if TYPE_CHECKING:
    from ferrobert.pipelines.base import Pipeline

__all__ = ["Forward"]

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Batch = NDArray[np.int64]

#: Vectors ``(hidden,)`` of a row's hidden states ``(tokens, hidden)``.
POOLING: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "cls": lambda states: states[0],
    "mean": lambda states: states.mean(dim=0),
    "max": lambda states: states.amax(dim=0),
}


class Forward:
    """The model of a pipeline on token rows.

    Args:
        pipe: the pipeline: its model, device, tokenizer and ``batch_tokens``, which is less after a batch that did not
            fit into memory.
        chosen: the options of the call: the most rows of a batch, and the bar that is told what is done.
        inputs: how many inputs the rows are, for the bar. An input counts by its share of the tokens: rows run in the
            order of their length, and what a bar foresees is time.
    """

    def __init__(self, pipe: Pipeline, chosen: CallOptions, inputs: int) -> None:
        pipe.model.eval()  # whoever holds the model may have trained it since
        self.pipe = pipe
        self.max_rows = chosen.batch_size
        self.bar = chosen.progress if isinstance(chosen.progress, RowBar) else None
        self.inputs = inputs
        self.unpadded = pipe.onnx or unpadded(pipe.model)

    def of_rows(self, rows: TokenRows) -> NDArray[np.float32]:
        """Logits of each row, ``(rows, labels)``.

        Raises:
            CheckpointError: the model's output has no logits.
        """

        def logits_of(batch: Batch) -> NDArray[np.float32]:
            if self.unpadded is None:
                output = self._outputs(self._padded(rows, batch))
            else:
                output = self.unpadded(*rows.together(batch), Read.FIRST)
            logits: NDArray[np.float32] = self._field(output, "logits").float().cpu().numpy()
            if logits.ndim != 2:
                raise self._no_head()
            return logits

        return self._in_order(rows, logits_of)

    def of_tokens(self, rows: TokenRows, fields: Sequence[str]) -> list[NDArray[np.float32]]:
        """Outputs of every token, ``(tokens, ...)`` for each of the fields of the model's output.

        Raises:
            CheckpointError: the model's output lacks a field.
        """

        def outputs_of(batch: Batch) -> list[NDArray[np.float32]]:
            if self.unpadded is None:
                tensors = self._padded(rows, batch)
                at = tensors["attention_mask"].bool()
                output = self._outputs(tensors)
                found = [self._field(output, name) for name in fields]
                if any(one.shape[:2] != at.shape for one in found):
                    raise self._no_head()
                found = [one[at] for one in found]
            else:
                output = self.unpadded(*rows.together(batch))
                found = [self._field(output, name)[0] for name in fields]
            if any(one.shape[:1] != (int(rows.lengths[batch].sum()),) for one in found):
                raise self._no_head()
            return [one.float().cpu().numpy() for one in found]

        results: list[NDArray[np.float32]] = []
        for batch, parts in self._in_batches(rows, outputs_of):
            if not results:
                results = [np.empty((len(rows.ids), *part.shape[1:]), np.float32) for part in parts]
            places = rows.places(batch)
            for result, part in zip(results, parts, strict=True):
                result[places] = part
        return results or [self._nothing() for _ in fields]

    def of_texts(self, rows: TokenRows, pooling: str, read: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Hidden states of the last layer, pooled: ``(rows, hidden)``.

        Args:
            rows: the rows.
            pooling: "cls", the first token's; or "mean" or "max" of all.
            read: which tokens those are that "mean" and "max" are of, ``(tokens,)``; at least one of each row.

        Raises:
            CheckpointError: the model's output has no hidden states.
        """

        def vectors_of(batch: Batch) -> NDArray[np.float32]:
            lengths = rows.lengths[batch].tolist()
            if self.unpadded is None:
                states = self._field(self._outputs(self._padded(rows, batch)), "last_hidden_state")
                of_rows = [row[:length] for row, length in zip(states, lengths, strict=True)]
            elif pooling == "cls":
                of_rows = list(self.unpadded.hidden(*rows.together(batch), Read.FIRST)[:, None])
            else:
                of_rows = list(torch.split(self.unpadded.hidden(*rows.together(batch)), lengths))
            if read is not None and pooling != "cls":
                are_read = np.split(read[rows.places(batch)], np.cumsum(lengths)[:-1])
                of_rows = [
                    row if these.all() else row[torch.from_numpy(np.flatnonzero(these)).to(row.device)]
                    for row, these in zip(of_rows, are_read, strict=True)
                ]
            return torch.stack([POOLING[pooling](row.float()) for row in of_rows]).cpu().numpy()

        return self._in_order(rows, vectors_of)

    def of_masks(
        self, rows: TokenRows, masks: NDArray[np.int64], best_of: Callable[[torch.Tensor], Result]
    ) -> Iterator[tuple[NDArray[np.int64], Result]]:
        """What is best of the vocabulary at some tokens, in parts.

        Args:
            rows: the rows.
            masks: positions in their flat ids, ``(masks,)``.
            best_of: what is kept of logits ``(n, vocabulary)`` in the model's precision.

        Yields:
            Which of the masks, ``(n,)``, and what is kept of their logits.

        Raises:
            CheckpointError: the model has no masked-language-model head.
        """
        number = np.full(len(rows.ids), -1)
        number[masks] = np.arange(len(masks))

        def best_of_batch(batch: Batch) -> list[tuple[int, Result]]:
            # Here, and not where they are read, so that logits which do not fit into memory halve the batch.
            return [(len(logits), best_of(logits)) for logits in logits_of(batch)]

        def logits_of(batch: Batch) -> Iterator[torch.Tensor]:
            is_mask = number[rows.places(batch)] >= 0  # row by row, as in a padded batch
            if self.unpadded is None:
                tensors = self._padded(rows, batch)
                at = tensors["attention_mask"].bool()
                at[at.clone()] = torch.from_numpy(is_mask).to(self.pipe.device)
                return masked_logits(self.pipe.model, tensors, at)
            read = torch.from_numpy(np.flatnonzero(is_mask))
            return vocabulary_logits(self.pipe.model, self.unpadded.hidden(*rows.together(batch), read))

        for batch, parts in self._in_batches(rows, best_of_batch):
            numbers = number[rows.places(batch)]
            numbers = numbers[numbers >= 0]
            start = 0
            for count, best in parts:
                yield numbers[start : start + count], best
                start += count

    def _in_order(self, rows: TokenRows, work: Callable[[Batch], NDArray[np.float32]]) -> NDArray[np.float32]:
        """The results of batches, one a row, in the order of the rows: ``(rows, ...)``."""
        results: NDArray[np.float32] | None = None
        for batch, part in self._in_batches(rows, work):
            if results is None:
                results = np.empty((len(rows), *part.shape[1:]), dtype=np.float32)
            results[batch] = part
        return self._nothing() if results is None else results

    def _in_batches(self, rows: TokenRows, work: Callable[[Batch], Result]) -> Iterator[tuple[Batch, Result]]:
        """The results of batches, which hold each row that has tokens, the longest first.

        Raises:
            ConfigError: an id that the model has no embedding for.
        """
        check_ids(self.pipe.model, rows.ids)
        waiting = self._batches(rows, np.flatnonzero(rows.lengths))
        while waiting:
            batch = waiting.pop()
            try:
                with torch.inference_mode():
                    result = work(batch)
            except (RuntimeError, MemoryError) as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
                result = None
            if result is not None:
                yield batch, result
                if self.bar is not None:
                    self.bar.advance(self.inputs * int(rows.lengths[batch].sum()) / len(rows.ids))
                continue
            # Outside of the handler, which keeps what the batch has taken.
            tokens = int(rows.lengths[batch[0]]) * len(batch)
            self.pipe.batch_tokens = max(1, tokens // 2)
            logger.warning(
                "a batch of %d tokens did not fit into memory: going on with %d", tokens, self.pipe.batch_tokens
            )
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            waiting = self._batches(rows, np.concatenate([batch, *waiting[::-1]]))

    def _batches(self, rows: TokenRows, these: NDArray[np.int64]) -> list[Batch]:
        """Batches of some of the rows, the shortest rows first."""
        batches = token_batches(rows.lengths[these], self.pipe.batch_tokens, max_rows=self.max_rows)
        return [these[places] for places in batches[::-1]]

    def _padded(self, rows: TokenRows, batch: Batch) -> dict[str, torch.Tensor]:
        pad_id = self.pipe.tokenizer.pad_token_id
        tensors = rows.padded(batch, 0 if pad_id is None else pad_id)
        return {name: tensor.to(self.pipe.device) for name, tensor in tensors.items()}

    def _outputs(self, tensors: dict[str, torch.Tensor]) -> Any:
        # A config may ask for plain tuples.
        named = {} if getattr(self.pipe.model.config, "return_dict", True) else {"return_dict": True}
        return self.pipe.model(**tensors, **named)

    def _field(self, output: Any, name: str) -> torch.Tensor:
        if not hasattr(output, name):
            raise self._no_head()
        found: torch.Tensor = getattr(output, name)
        return found

    def _no_head(self) -> CheckpointError:
        head = self.pipe.head
        return CheckpointError(f"{type(self.pipe.model).__name__} has no {head.name}; {head.advice}")

    def _nothing(self) -> NDArray[np.float32]:
        return np.empty((0, self.pipe.model.config.num_labels), dtype=np.float32)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch could not get the memory that it asked for, of a GPU or of the machine."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)
