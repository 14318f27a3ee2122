"""tokie: ids of many kinds of tokenizers in Rust."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.results import Flat
from ferrobert.bench.subject import Library, Setting


class Tokie(Library):
    """tokie: ids in one buffer, from which numpy makes the padded arrays (quicker than its objects)."""

    name = "tokie"
    package = "tokie"
    module = "tokie"
    can = (Kind.IDS, Kind.ARRAYS, Kind.PAIRS, Kind.SINGLE, Kind.SINGLE_READ)

    def load(self, setting: Setting) -> Any:
        """A tokenizer from tokenizer.json."""
        return importlib.import_module(self.module).Tokenizer.from_json(str(setting.folder / "tokenizer.json"))

    def call(self, tokenizer: Any, job: Job, work: Work, setting: Setting) -> Callable[[], Any]:
        """Its batch call; for one text its call."""
        if job.kind is Kind.PAIRS:
            return pairs_call(tokenizer, job, *work.arguments)
        [texts] = work.arguments
        if job.kind is Kind.SINGLE:
            return lambda: tokenizer(texts)
        if job.kind is Kind.SINGLE_READ:
            return lambda: tokenizer(texts).ids
        if job.kind is Kind.IDS:
            return lambda: tokenizer.encode_batch_flat(texts)
        tokenizer.enable_truncation(job.max_length)
        pad_id = tokenizer.pad_token_id or 0

        def arrays() -> Any:
            ids, lengths = tokenizer.encode_batch_flat(texts)
            return padded(ids, lengths, pad_id)

        return arrays

    def named(self, result: Any, tokenizer: Any, job: Job) -> Mapping[str, Any]:
        """Ids and lengths as rows."""
        match job.kind:
            case Kind.IDS:
                ids, lengths = result
                return {"input_ids": Flat(ids, np.concatenate([[0], np.cumsum(lengths.astype(np.int64))]))}
            case Kind.SINGLE:
                return {"input_ids": [result.ids]}
            case Kind.SINGLE_READ:
                return {"input_ids": [result]}
            case _:
                named: Mapping[str, Any] = result
                return named


def pairs_call(tokenizer: Any, job: Job, firsts: list[str], seconds: list[str]) -> Callable[[], Any]:
    """One call a pair, and numpy for the arrays: it has no batches of pairs."""
    tokenizer.enable_truncation(job.max_length)
    pad_id = tokenizer.pad_token_id or 0
    encode = tokenizer.encode_pair

    def pairs() -> Any:
        rows = [encode(first, second) for first, second in zip(firsts, seconds, strict=True)]
        ids = [row.ids for row in rows]
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        arrays = padded(np.concatenate(ids), lengths, pad_id)
        type_ids = np.concatenate([row.type_ids for row in rows])
        return {**arrays, "token_type_ids": padded(type_ids, lengths, 0)["input_ids"]}

    return pairs


def padded(ids: NDArray[Any], lengths: NDArray[Any], pad_id: int) -> dict[str, NDArray[np.int64]]:
    """The three int64 arrays that a model takes, of flat ids ``(tokens,)`` and lengths ``(rows,)``."""
    width = int(lengths.max(initial=0))
    is_token = np.arange(width) < lengths.astype(np.int64)[:, None]
    input_ids = np.full(is_token.shape, pad_id, dtype=np.int64)
    input_ids[is_token] = ids
    return {
        "input_ids": input_ids,
        "token_type_ids": np.zeros_like(input_ids),
        "attention_mask": is_token.astype(np.int64),
    }
