"""nanotoken: WordPiece ids in Rust, with caches that a tokenizer keeps."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.results import Flat
from ferrobert.bench.subject import Library, Setting


class NanoToken(Library):
    """nanotoken: its own batch calls, and its wrapper where users get transformers' values."""

    name = "nanotoken"
    package = "nanotoken"
    module = "nanotoken"
    can = (Kind.IDS, Kind.ARRAYS, Kind.TENSORS, Kind.LISTS, Kind.SINGLE, Kind.SINGLE_READ)

    def load(self, setting: Setting) -> Any:
        """A tokenizer from the folder, with caches of its own."""
        return importlib.import_module(self.module).Tokenizer(str(setting.folder))

    def call(self, tokenizer: Any, job: Job, work: Work, setting: Setting) -> Callable[[], Any]:
        """On the calling thread where one thread is allowed, as its README says."""
        [texts] = work.arguments
        parallel = setting.threads > 1
        if job.kind is Kind.IDS:
            return lambda: tokenizer.encode_batch(texts, parallel=parallel)
        if job.kind is Kind.ARRAYS:
            return lambda: tokenizer.encode_batch_padded(texts, max_length=job.max_length, parallel=parallel)
        if job.kind is Kind.TENSORS:
            torch = importlib.import_module("torch")

            def tensors() -> Any:
                arrays = tokenizer.encode_batch_padded(texts, max_length=job.max_length, parallel=parallel)
                return {name: torch.from_numpy(value) for name, value in arrays.items()}

            return tensors
        wrapper = tokenizer.as_hf()
        if job.kind is Kind.SINGLE_READ:
            return lambda: wrapper(texts)["input_ids"]
        return lambda: wrapper(texts)

    def named(self, result: Any, tokenizer: Any, job: Job) -> Mapping[str, Any]:
        """Its names are transformers'."""
        match job.kind:
            case Kind.IDS:
                return {"input_ids": Flat(result.ids, result.offsets)}
            case Kind.SINGLE:
                return {"input_ids": [result["input_ids"]]}
            case Kind.SINGLE_READ:
                return {"input_ids": [result]}
            case _:
                return dict(result)
