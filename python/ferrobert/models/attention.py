"""Attention within each row of a batch that has no padding: rows of one length together, on a GPU all at once."""

from __future__ import annotations

from contextlib import suppress
from itertools import accumulate, groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ferrobert.models.layers import Layer

varlen_attn: Any = None
with suppress(ImportError):
    from torch.nn.attention import varlen

    varlen_attn = varlen.varlen_attn

__all__ = ["Rows", "Run", "attention", "flat_rows", "varlen_attn"]

# Scores of attention held at once in bfloat16: 2 MB, which the cache of a core holds.
SCORES = 1 << 20


class Run(NamedTuple):
    """Rows of one length that follow each other."""

    start: int  # of its first token
    rows: int
    length: int


class Rows(NamedTuple):
    """Where the rows of a batch are in its tokens."""

    starts: Tensor  # of each row that has tokens, int64, (rows,)
    splits: Tensor  # the same and the end, int32, (rows + 1,)
    longest: int
    runs: list[Run]


def flat_rows(lengths: list[int], device: torch.device) -> Rows:
    """Rows of these lengths, one behind the other; each has tokens."""
    runs = []
    start = 0
    for length, of_one in groupby(lengths):
        runs.append(Run(start, sum(1 for _ in of_one), length))
        start += runs[-1].rows * length
    splits = torch.tensor([0, *accumulate(lengths)], device=device)
    return Rows(splits[:-1], splits.int(), max(lengths, default=0), runs)


def attention(query: Tensor, key: Tensor, value: Tensor, rows: Rows, heads: int, layer: Layer) -> Tensor:
    """Each row's queries over its own keys and values: ``(queries, hidden)``, where the keys are ``(tokens, hidden)``.

    The queries are those of all tokens, or of the first of each row.
    """
    if query.device.type == "cuda":
        return attention_on_gpu(query, key, value, rows, heads, layer.scaling)
    runs = rows.runs
    whole = len(query) == len(key)
    parts = []
    first = 0
    for run in runs:
        last = first + run.rows * (run.length if whole else 1)
        tokens = slice(run.start, run.start + run.rows * run.length)
        asked, keys, values = (
            flat.view(run.rows, -1, heads, flat.shape[1] // heads).transpose(1, 2)  # (rows, heads, length, head size)
            for flat in (query[first:last], key[tokens], value[tokens])
        )
        mixed = _attend(asked, keys, values, layer.scaling, layer.attention_dropout)
        parts.append(mixed.transpose(1, 2).reshape(last - first, -1))
        first = last
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def attention_on_gpu(query: Tensor, key: Tensor, value: Tensor, rows: Rows, heads: int, scaling: float) -> Tensor:
    """`attention` in one call of torch's, which takes rows of any lengths; without dropout."""
    asked, keys, values = (
        flat.view(len(flat), heads, -1) for flat in (query, key, value)
    )  # (tokens, heads, head size)
    whole = len(query) == len(key)
    splits = rows.splits if whole else torch.arange(len(rows.splits), dtype=torch.int32, device=query.device)
    longest = rows.longest if whole else 1
    mixed: Tensor = varlen_attn(asked, keys, values, splits, rows.splits, longest, rows.longest, scale=scaling)
    return mixed.reshape(len(query), -1)


def _attend(query: Tensor, key: Tensor, value: Tensor, scaling: float, dropped: float) -> Tensor:
    """Attention of ``(rows, heads, length, head size)``.

    torch's own is made for float32 on the CPU; in bfloat16 its products do not use the instructions for that type, and
    those of ``matmul`` do.
    """
    if query.dtype != torch.bfloat16:
        return functional.scaled_dot_product_attention(query, key, value, dropout_p=dropped, scale=scaling)
    rows = max(1, SCORES // (query.shape[1] * query.shape[2] * key.shape[2]))
    query = query * scaling
    parts = []
    for some, keys, values in zip(*(torch.split(one, rows) for one in (query, key, value)), strict=True):
        shares = torch.softmax(torch.matmul(some, keys.transpose(-1, -2)), dim=-1)
        parts.append(torch.matmul(functional.dropout(shares, dropped, training=dropped > 0), values))
    return parts[0] if len(parts) == 1 else torch.cat(parts)
