"""kitoken: ids of many kinds of tokenizers in Rust."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.peers.framed import NOTE, framed, misses_frame, vocab_of
from ferrobert.bench.subject import Library, Setting


class Kitoken(Library):
    """kitoken: lists of ids."""

    name = "kitoken"
    package = "kitoken"
    module = "kitoken"
    can = (Kind.IDS, Kind.SINGLE, Kind.SINGLE_READ)
    note = NOTE

    def cannot(self, job: Job, setting: Setting) -> str:
        """Its rows must be comparable."""
        return super().cannot(job, setting) or misses_frame(setting.folder)

    def load(self, setting: Setting) -> Any:
        """An encoder from tokenizer.json, and the vocabulary for the comparison."""
        kitoken = importlib.import_module(self.module).Kitoken
        return kitoken.from_tokenizers_file(str(setting.folder / "tokenizer.json")), vocab_of(setting.folder)

    def call(self, tokenizer: Any, job: Job, work: Work, setting: Setting) -> Callable[[], Any]:
        """Its batch call; for one text its call. Special tokens in the text count, as they do elsewhere."""
        encoder, _ = tokenizer
        [texts] = work.arguments
        encode = encoder.encode_all if job.kind is Kind.IDS else encoder.encode
        return lambda: encode(texts, True)

    def named(self, result: Any, tokenizer: Any, job: Job) -> Mapping[str, Any]:
        """Rows of ids."""
        _, vocab = tokenizer
        return {"input_ids": framed(result if job.kind is Kind.IDS else [result], vocab)}
