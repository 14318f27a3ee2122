"""What is measured: a job, and the texts that it works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SHORT_TEXT = "The cat sat on the mat."
# One call of microseconds cannot be timed alone.
SHORT_CALLS = 1000


class Kind(StrEnum):
    """What a job makes, which is what a peer can do or cannot do."""

    IDS = "ids"
    ARRAYS = "arrays"
    TENSORS = "tensors"
    OFFSETS = "offsets"
    PAIRS = "pairs"
    WORDS = "words"
    WINDOWS = "windows"
    LISTS = "lists"
    SINGLE = "single"
    SINGLE_READ = "single-read"


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to measure.

    Args:
        name: What the command line calls it.
        title: What tables and charts call it.
        kind: What it makes.
        max_length: Tokens that rows are cut at.
        stride: Tokens that windows share.
        threads: More than one value: ferrobert with each of these numbers of threads, against the first, no peers.
    """

    name: str
    title: str
    kind: Kind
    max_length: int | None = None
    stride: int = 0
    threads: tuple[int, ...] = ()

    @property
    def is_single(self) -> bool:
        """Whether the job is one short text a call: measured in time, not in bytes."""
        return self.kind in (Kind.SINGLE, Kind.SINGLE_READ)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of transformers' call that this job is, besides the texts."""
        rows: dict[str, Any] = {"padding": True, "truncation": True, "max_length": self.max_length}
        match self.kind:
            case Kind.TENSORS:
                return {**rows, "return_tensors": "pt"}
            case Kind.ARRAYS | Kind.PAIRS:
                return {**rows, "return_tensors": "np"}
            case Kind.WORDS:
                return {**rows, "return_tensors": "np", "is_split_into_words": True}
            case Kind.WINDOWS:
                return {**rows, "return_tensors": "np", "stride": self.stride, "return_overflowing_tokens": True}
            case Kind.OFFSETS:
                return {"return_offsets_mapping": True}
            case _:
                return {}

    def work(self, texts: Sequence[str]) -> Work:
        """The texts in the shape that this job takes them in."""
        if self.is_single:
            return Work((SHORT_TEXT,), 1, len(SHORT_TEXT.encode()), SHORT_CALLS)
        if self.kind is Kind.PAIRS:
            texts = texts[: len(texts) // 2 * 2]
            return Work((list(texts[::2]), list(texts[1::2])), len(texts) // 2, size(texts))
        if self.kind is Kind.WORDS:
            return Work(([text.split() for text in texts],), len(texts), size(texts))
        return Work((list(texts),), len(texts), size(texts))


@dataclass(frozen=True, slots=True)
class Work:
    """The arguments of a job's call.

    Args:
        arguments: Texts, lists of words, or two lists of texts.
        docs: Documents in one call.
        bytes: Their size in UTF-8.
        calls: Calls that are timed as one.
    """

    arguments: tuple[Any, ...] = field(repr=False)
    docs: int
    bytes: int
    calls: int = 1


def size(texts: Sequence[str]) -> int:
    """Bytes of texts in UTF-8."""
    return sum(len(text.encode()) for text in texts)
