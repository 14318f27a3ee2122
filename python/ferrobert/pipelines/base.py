"""What the pipelines share: a model on a device, token rows, and logits for them in the order of the input."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.batching import token_batches
from ferrobert.errors import ConfigError, DecodeError
from ferrobert.inputs import check_count
from ferrobert.models.checkpoint import LoadedModel, position_limit

BATCH_TOKENS_CPU = 4_096
BATCH_TOKENS_GPU = 32_768


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Unpadded token rows in flat columns.

    Attributes:
        ids: token ids of all rows, ``(tokens,)``.
        type_ids: segment ids, ``(tokens,)``; ``None`` for models without them.
        row_splits: where each row starts, and the end, int64 ``(rows + 1,)``.
    """

    ids: NDArray[np.integer]
    type_ids: NDArray[np.integer] | None
    row_splits: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row, ``(rows,)``."""
        return np.diff(self.row_splits)

    def padded(self, rows: Sequence[int] | NDArray[np.int64], pad_id: int) -> dict[str, torch.Tensor]:
        """int64 tensors ``(len(rows), longest)`` of these rows, padded on the right."""
        positions = np.asarray(rows, dtype=np.int64)
        starts = self.row_splits[positions]
        lengths = self.row_splits[positions + 1] - starts
        columns = np.arange(int(lengths.max(initial=0)))
        mask = columns < lengths[:, None]  # (rows, longest)
        source = (starts[:, None] + columns)[mask]  # (tokens of these rows,)
        ids = np.full(mask.shape, pad_id, dtype=np.int64)
        ids[mask] = self.ids[source]
        tensors = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
        if self.type_ids is not None:
            type_ids = np.zeros(mask.shape, dtype=np.int64)
            type_ids[mask] = self.type_ids[source]
            tensors["token_type_ids"] = torch.from_numpy(type_ids)
        return tensors


def token_rows(encoding: Any) -> TokenRows:
    """The rows of an unpadded batch encoding, by its flat columns where it has them."""
    with_types = "token_type_ids" in encoding
    columns = getattr(encoding, "columns", None)
    if columns is not None:
        return TokenRows(columns.ids, columns.type_ids if with_types else None, columns.row_splits)
    rows = encoding["input_ids"]
    splits = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=splits[1:])
    return TokenRows(
        _flat(rows, int(splits[-1])), _flat(encoding["token_type_ids"], int(splits[-1])) if with_types else None, splits
    )


def _flat(rows: Sequence[Sequence[int]], total: int) -> NDArray[np.int64]:
    return np.fromiter((value for row in rows for value in row), dtype=np.int64, count=total)


def find_device(device: int | str | torch.device | None) -> torch.device:
    """The device that an argument names; by default the first accelerator, else the CPU.

    Raises:
        ConfigError: torch does not know it, or this machine does not have it.
    """
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if isinstance(device, int) and not isinstance(device, bool):
        device = "cpu" if device < 0 else f"cuda:{device}"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError, ValueError):
        raise ConfigError(f"device must be like 'cpu', 'cuda', 'cuda:1' or a number, got {device!r}") from None
    if found.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (found.index or 0) >= count:
            raise ConfigError(f"device {str(device)!r} is not there: torch sees {count} CUDA devices")
    return found


def find_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """The precision that an argument names; ``None`` or "auto" leaves the checkpoint's own.

    Raises:
        ConfigError: it is not a floating-point type of torch.
    """
    if dtype is None or dtype == "auto":
        return None
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ConfigError(f"dtype must be 'float32', 'float16', 'bfloat16', 'float64' or 'auto', got {dtype!r}")
    return found


class Pipeline:
    """A model and its tokenizer on a device; each task is a subclass with its own ``__call__``.

    Attributes:
        task: the task's name.
        model: the transformers model, in evaluation mode.
        tokenizer: what encodes the texts.
        device: where the model runs.
        batch_tokens: tokens of a batch, padding included.
        max_tokens: the most tokens of one row that the model can read; ``None`` where it sets no limit.
    """

    task: str

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        device: int | str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        batch_tokens: int | None = None,
    ) -> None:
        precision = find_dtype(dtype)
        self.device = find_device(device)
        if isinstance(model, (str, os.PathLike)):
            source = os.fspath(model)
            loaded = self._load(source, precision).model
            tokenizer = source if tokenizer is None else tokenizer
        else:
            loaded = model
            if tokenizer is None:
                raise ConfigError("a model that is already loaded needs tokenizer= beside it")
            if precision is not None:
                loaded = loaded.to(precision)
        self.model = loaded.to(self.device).eval()
        if isinstance(tokenizer, (str, os.PathLike)):
            from ferrobert import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(os.fspath(tokenizer))
        self.tokenizer = tokenizer
        default = BATCH_TOKENS_CPU if self.device.type == "cpu" else BATCH_TOKENS_GPU
        self.batch_tokens = default if batch_tokens is None else check_count("batch_tokens", batch_tokens, 1)
        self.max_tokens = position_limit(self.model)

    @classmethod
    def _load(cls, source: str, dtype: torch.dtype | None) -> LoadedModel:
        raise NotImplementedError

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the model's weights."""
        found: torch.dtype = self.model.dtype
        return found

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Save model and tokenizer as a folder that `pipeline` and transformers load."""
        from ferrobert.models.saving import save_model

        save_model(self.model, self.tokenizer, Path(directory))

    def _logits(self, rows: TokenRows, *, max_rows: int | None = None) -> NDArray[np.float32]:
        """First output of the model for each row, ``(rows, labels)``, in the order of the rows.

        Raises:
            DecodeError: a logit is NaN.
        """
        results: NDArray[np.float32] | None = None
        for batch, logits in self._batches(rows, max_rows):
            if results is None:
                results = np.empty((len(rows), *logits.shape[1:]), dtype=np.float32)
            results[batch] = logits
        if results is None:
            return np.empty((0, self.model.config.num_labels), dtype=np.float32)
        bad = np.flatnonzero(np.isnan(results).reshape(len(rows), -1).any(axis=1))
        if len(bad):
            raise DecodeError(f"the model's logits for row {bad[0]} are NaN ({len(bad)} of {len(rows)} rows)")
        return results

    def _batches(
        self, rows: TokenRows, max_rows: int | None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        pad_id = self.tokenizer.pad_token_id
        for batch in token_batches(rows.lengths, self.batch_tokens, max_rows=max_rows):
            tensors = rows.padded(batch, 0 if pad_id is None else pad_id)
            with torch.inference_mode():
                output = self.model(**{name: tensor.to(self.device) for name, tensor in tensors.items()})
            yield batch, output.logits.float().cpu().numpy()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={type(self.model).__name__}, device={str(self.device)!r})"
