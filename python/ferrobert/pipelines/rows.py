"""Token rows as the pipelines and the training loops hold them: flat columns, padded only when a batch is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.batching import gather_rows, pad_rows

__all__ = ["TokenRows", "joined", "paired", "samples_of", "token_rows", "window_stride"]

#: Most tokens that windows share: every token then has 64 on either side, but at the ends of the text.
LARGEST_STRIDE = 128


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

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions in the columns of the tokens of these rows, one row behind the other."""
        starts = self.row_splits[rows]
        lengths = self.row_splits[rows + 1] - starts
        ends = np.cumsum(lengths)
        places: NDArray[np.int64] = np.arange(lengths.sum()) + np.repeat(starts - (ends - lengths), lengths)
        return places

    def in_order(self, order: NDArray[np.int64]) -> TokenRows:
        """The rows in another order, ``(rows,)`` positions."""
        splits = np.zeros(len(order) + 1, dtype=np.int64)
        np.cumsum(self.lengths[order], out=splits[1:])
        type_ids = None if self.type_ids is None else gather_rows(self.type_ids, self.row_splits, order)
        return TokenRows(gather_rows(self.ids, self.row_splits, order), type_ids, splits)

    def together(self, rows: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor | None, list[int]]:
        """These rows without padding: ids and segment ids, int64 ``(tokens of these rows,)``, and the lengths."""
        picked = self.in_order(rows)
        type_ids = None if picked.type_ids is None else torch.from_numpy(picked.type_ids)
        return torch.from_numpy(picked.ids), type_ids, picked.lengths.tolist()

    def padded(self, rows: Sequence[int] | NDArray[np.int64], pad_id: int) -> dict[str, torch.Tensor]:
        """int64 tensors ``(len(rows), longest)`` of these rows, padded on the right."""
        positions = np.asarray(rows, dtype=np.int64)
        lengths = self.row_splits[positions + 1] - self.row_splits[positions]
        ids = pad_rows(self.ids, self.row_splits, positions, pad_id)
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        tensors = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
        if self.type_ids is not None:
            tensors["token_type_ids"] = torch.from_numpy(pad_rows(self.type_ids, self.row_splits, positions, 0))
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


def joined(parts: Sequence[TokenRows]) -> TokenRows:
    """The rows of one or more parts, one after the other."""
    before = np.cumsum([0, *(len(part.ids) for part in parts)])
    splits = [part.row_splits[:-1] + start for part, start in zip(parts, before, strict=False)]
    types = [part.type_ids for part in parts if part.type_ids is not None]
    return TokenRows(
        np.concatenate([part.ids for part in parts]),
        np.concatenate(types) if len(types) == len(parts) else None,
        np.concatenate([*splits, before[-1:]]),
    )


def paired(tokenizer: Any, pairs: Sequence[tuple[str, str]]) -> TokenRows | None:
    """Token rows of pairs of texts, as the tokenizer gives them, each different text encoded once.

    ``None`` where what the tokenizer puts around the texts of a pair cannot be told: it has no token for a plain text.
    """
    template = _pair_template(tokenizer)
    if template is None:
        return None
    specials, types = template
    sides = []
    order = [np.full(len(pairs), row) for row in (0, 0, 1, 0, 2)]
    start = len(specials)
    for side, place in ((0, 1), (1, 3)):
        numbers = {text: number for number, text in enumerate(dict.fromkeys(pair[side] for pair in pairs))}
        rows = token_rows(tokenizer(list(numbers), add_special_tokens=False, verbose=False))
        typed = None if types is None else np.full(len(rows.ids), types[side])
        sides.append(TokenRows(rows.ids, typed, rows.row_splits))
        order[place] = np.array([numbers[pair[side]] for pair in pairs], dtype=np.int64) + start
        start += len(rows)
    parts = joined([specials, *sides]).in_order(np.stack(order, axis=1).ravel())
    return TokenRows(parts.ids, parts.type_ids, parts.row_splits[:: len(order)])


def _pair_template(tokenizer: Any) -> tuple[TokenRows, tuple[int, int] | None] | None:
    """What stands before, between and behind the texts of a pair, three rows; and the segment ids of the texts."""
    encoding = tokenizer(["a"], ["a"], return_special_tokens_mask=True, verbose=False)
    rows = token_rows(encoding)
    special = np.array(encoding["special_tokens_mask"][0], dtype=bool)
    at = np.flatnonzero(~special)
    gaps = np.flatnonzero(np.diff(at) > 1)
    if len(gaps) != 1:
        return None
    before, between, behind = at[0], at[gaps[0]] + 1, at[-1] + 1
    runs = [np.arange(before), np.arange(between, at[gaps[0] + 1]), np.arange(behind, len(special))]
    splits = np.cumsum([0, *(len(run) for run in runs)])
    places = np.concatenate(runs)
    if rows.type_ids is None:
        return TokenRows(rows.ids[places], None, splits), None
    types = int(rows.type_ids[at[0]]), int(rows.type_ids[at[-1]])
    return TokenRows(rows.ids[places], rows.type_ids[places], splits), types


def samples_of(encoding: Any, rows: int) -> NDArray[np.int64]:
    """Which of the inputs each row of an encoding is a window of, ``(rows,)``."""
    columns = getattr(encoding, "columns", None)
    samples = encoding.get("overflow_to_sample_mapping") if columns is None else columns.sample_ids
    return np.arange(rows) if samples is None else np.asarray(samples, np.int64)


def window_stride(room: int) -> int:
    """Tokens that windows share by default, of ``room`` tokens of the text in each: a quarter, at most 128."""
    return max(0, min(LARGEST_STRIDE, room // 4))


def _flat(rows: Sequence[Sequence[int]], total: int) -> NDArray[np.int64]:
    return np.fromiter((value for row in rows for value in row), dtype=np.int64, count=total)
