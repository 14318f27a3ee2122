"""The options of one call that every task has, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count
from ferrobert.pipelines.progress import RowBar

__all__ = ["WITHOUT_EFFECT", "CallOptions", "check_progress", "shared_options"]

TOKENIZER_OPTIONS = (
    "truncation",
    "max_length",
    "padding",
    "pad_to_multiple_of",
    "padding_side",
    "stride",
    "add_special_tokens",
    "return_token_type_ids",
    "return_attention_mask",
)
# Padding changes no score, only the time it takes: rows are padded here, to the longest of their batch.
WITHOUT_EFFECT = ("padding", "pad_to_multiple_of", "padding_side", "return_attention_mask")


@dataclass(frozen=True, slots=True)
class CallOptions:
    """Options that every task has; a task adds its own in a subclass.

    Attributes:
        batch_size: at most this many rows in a batch, and this many read ahead from a stream.
        tokenizer: options for the tokenizer.
        progress: whether to show a bar of the rows; or the bar, which other calls may share.
    """

    batch_size: int | None = None
    tokenizer: dict[str, Any] = field(default_factory=dict)
    progress: bool | RowBar = False

    @property
    def truncates(self) -> bool:
        """Whether the tokenizer cuts long texts."""
        return self.tokenizer.get("truncation") not in (None, False, "do_not_truncate")


def shared_options(options: Mapping[str, Any], own: Sequence[str]) -> dict[str, Any]:
    """The fields of `CallOptions`, out of a call's options without the task's ``own``.

    Raises:
        ConfigError: an unknown option (the message lists the task's and the shared ones), a batch size below 1, or
            what `check_progress` refuses.
    """
    tokenizer = dict(options)
    batch_size = tokenizer.pop("batch_size", None)
    progress = check_progress(tokenizer.pop("progress", False))
    tokenizer.pop("num_workers", None)  # the tokenizer has its own threads
    unknown = sorted(set(tokenizer) - set(TOKENIZER_OPTIONS))
    if unknown:
        known = ", ".join((*own, "batch_size", "progress", *TOKENIZER_OPTIONS))
        raise ConfigError(f"unknown option {unknown[0]!r}; the options are {known}")
    if batch_size is not None:
        check_count("batch_size", batch_size, 1)
    return {"batch_size": batch_size, "tokenizer": tokenizer, "progress": progress}


def check_progress(progress: Any) -> bool | RowBar:
    """``True``, ``False`` or a bar, or ConfigError."""
    if not isinstance(progress, (bool, RowBar)):
        raise ConfigError(f"progress must be True or False, got {progress!r}")
    return progress
