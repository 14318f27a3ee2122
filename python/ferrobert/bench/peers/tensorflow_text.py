"""tensorflow-text's FastBertTokenizer."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.peers.framed import NOTE, framed, misses_frame, vocab_of
from ferrobert.bench.results import Flat, row_slices
from ferrobert.bench.subject import Library, Setting


@contextmanager
def quiet() -> Iterator[None]:
    """Without what native code writes to stderr: no setting silences TensorFlow."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


class TensorflowText(Library):
    """FastBertTokenizer: a ragged tensor of ids."""

    name = "tensorflow-text"
    package = "tensorflow-text"
    module = "tensorflow_text"
    can = (Kind.IDS,)
    note = NOTE

    def version(self) -> str | None:
        """The installed version; importing it, without the log that it starts on stderr."""
        with quiet():
            return super().version()

    def cannot(self, job: Job, setting: Setting) -> str:
        """Its rows must be comparable."""
        return super().cannot(job, setting) or misses_frame(setting.folder)

    def load(self, setting: Setting) -> Any:
        """A tokenizer of the vocabulary, and the vocabulary for the comparison."""
        tensorflow = importlib.import_module("tensorflow")
        try:
            tensorflow.config.threading.set_intra_op_parallelism_threads(setting.threads)
            tensorflow.config.threading.set_inter_op_parallelism_threads(setting.threads)
        except RuntimeError:
            pass  # it has started its threads, and was told before
        vocab = vocab_of(setting.folder)
        with quiet():
            return self._tokenizer(tensorflow, vocab, setting), vocab

    def _tokenizer(self, tensorflow: Any, vocab: dict[str, int], setting: Setting) -> Any:
        tensorflow.constant("")  # starts what TensorFlow starts with its first tensor
        normalizer = json.loads((setting.folder / "tokenizer.json").read_text("utf-8"))["normalizer"]
        return importlib.import_module(self.module).FastBertTokenizer(
            vocab=sorted(vocab, key=vocab.__getitem__),
            token_out_type=tensorflow.int32,
            lower_case_nfd_strip_accents=bool(normalizer["lowercase"]),
        )

    def call(self, tokenizer: Any, job: Job, work: Work, setting: Setting) -> Callable[[], Any]:
        """Its batch call, with the strings made a tensor: users have lists of strings."""
        encoder, _ = tokenizer
        [texts] = work.arguments
        constant = importlib.import_module("tensorflow").constant
        return lambda: encoder.tokenize(constant(texts))

    def named(self, result: Any, tokenizer: Any, job: Job) -> Mapping[str, Any]:
        """Rows of ids."""
        _, vocab = tokenizer
        return {"input_ids": framed(row_slices(Flat(result.values.numpy(), result.row_splits.numpy())), vocab)}
