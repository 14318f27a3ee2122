"""The options of decoding, checked."""

from __future__ import annotations

from typing import Any, NamedTuple

from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count, check_flag, check_number

__all__ = ["DecodingOptions", "options_of"]

RANKINGS = ("logits", "probability")
#: The highest number that counts may be.
MOST = (1 << 31) - 1


class DecodingOptions(NamedTuple):
    """How logits become answers; see `ferrobert.decode_answers`."""

    top_k: int
    n_best: int
    max_answer_length: int
    rank_by: str
    null_threshold: float | None
    """How much more than the best answer no answer has to reach; ``None`` where there must be one."""
    align_to_words: bool
    details: bool


def options_of(
    top_k: Any,
    n_best: Any,
    max_answer_length: Any,
    handle_impossible_answer: Any,
    null_score_diff_threshold: Any,
    rank_by: Any,
    align_to_words: Any,
    details: Any,
) -> DecodingOptions:
    """The options, checked.

    Raises:
        ConfigError: a value that is not allowed.
    """
    if rank_by not in RANKINGS:
        raise ConfigError(f'rank_by must be "logits" or "probability", got {rank_by!r}')
    threshold = check_number("null_score_diff_threshold", null_score_diff_threshold)
    if threshold and rank_by == "probability":
        raise ConfigError(
            'null_score_diff_threshold is a difference of logits: it needs rank_by="logits", and is 0 for "probability"'
        )
    return DecodingOptions(
        check_count("top_k", top_k, 1, MOST),
        check_count("n_best", n_best, 1, MOST),
        check_count("max_answer_length", max_answer_length, 1, MOST),
        rank_by,
        threshold if check_flag("handle_impossible_answer", handle_impossible_answer) else None,
        check_flag("align_to_words", align_to_words),
        check_flag("details", details),
    )
