"""What the options of a call come to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert.encoding.values import Padding
from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count, check_side, check_tensors, chosen
from ferrobert.tokenizer.backend import Backend
from ferrobert.tokenizer.options import LONGEST_LIMIT, NO_MAX_LENGTH

if TYPE_CHECKING:
    from ferrobert.tokenizer.vocabulary import Vocabulary

__all__ = ["Lengths", "Plan", "lengths_of", "pad_id_of", "plan_of"]

_LONGEST_ROW = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options of a call come to: checked once, used for every call with the same."""

    arguments: dict[str, Any]
    """Those of :meth:`Backend.encode`."""
    keys: tuple[str, ...]
    strategy: str | None
    """``"longest"`` or ``"max_length"`` padding, or none."""
    multiple: int
    padding: Padding
    tensors: str | None
    longest_row: int
    """Longer rows are warned of."""
    warning: str | None
    encode_text: Callable[[str], dict[str, list[int]]] | None
    """Makes the values of a single text, where they are all lists."""


def plan_of(
    tokenizer: Vocabulary,
    backend: Backend,
    padding: Any,
    truncation: Any,
    max_length: Any,
    pad_to_multiple_of: Any,
    padding_side: Any,
    return_tensors: Any,
    add_special_tokens: Any,
    truncation_side: Any,
    stride: Any,
    return_overflowing_tokens: Any,
    is_split_into_words: Any,
    split_special_tokens: Any,
    return_offsets_mapping: Any,
    return_token_type_ids: Any,
    return_attention_mask: Any,
    return_special_tokens_mask: Any,
    return_length: Any,
    verbose: Any,
) -> Plan:
    """Checks the options of a call, those of :meth:`Tokenizer.__call__`.

    Raises:
        ConfigError: options that are not allowed, cannot be met or contradict each other.
    """
    lengths = lengths_of(tokenizer, padding, truncation, max_length, pad_to_multiple_of)
    strategy, cut, max_length = lengths.strategy, lengths.truncation, lengths.max_length
    stride = check_count("stride", stride, 0)
    if not isinstance(add_special_tokens, (bool, np.bool_)):
        raise ConfigError(f"add_special_tokens must be True or False, got {add_special_tokens!r}")
    names = tokenizer.model_input_names
    keys = ["input_ids"]
    keys += ["token_type_ids"] * chosen(return_token_type_ids, "token_type_ids" in names)
    keys += ["attention_mask"] * chosen(return_attention_mask, "attention_mask" in names)
    keys += ["special_tokens_mask"] * bool(return_special_tokens_mask)
    keys += ["offset_mapping"] * bool(return_offsets_mapping)
    keys += ["length"] * bool(return_length)
    keys += ["overflow_to_sample_mapping"] * bool(return_overflowing_tokens)
    text_arguments: dict[str, Any] = {
        "add_special_tokens": bool(add_special_tokens),
        "truncation": cut,
        "max_length": min(max_length, sys.maxsize) if cut and max_length is not None else None,
        "truncation_side": check_side(
            "truncation_side", tokenizer.truncation_side if truncation_side is None else truncation_side
        ),
        "split_special_tokens": bool(chosen(split_special_tokens, tokenizer.split_special_tokens)),
    }
    plan = Plan(
        arguments={
            **text_arguments,
            "stride": stride,
            "overflow": bool(return_overflowing_tokens),
            "is_split_into_words": bool(is_split_into_words),
        },
        keys=tuple(keys),
        strategy=strategy,
        multiple=pad_to_multiple_of or 1,
        padding=Padding(
            lengths.width,
            check_side("padding_side", tokenizer.padding_side if padding_side is None else padding_side),
            pad_id_of(tokenizer, strategy),
            tokenizer.pad_token_type_id,
        ),
        tensors=check_tensors(return_tensors),
        longest_row=tokenizer.model_max_length if verbose and max_length is None else NO_MAX_LENGTH,
        warning=lengths.warning,
        encode_text=None,
    )
    is_plain = strategy is plan.tensors is None and not is_split_into_words and stride == 0
    text_encoder = getattr(backend, "text_encoder", None)
    if text_encoder is None or not is_plain or not {*keys} <= {"input_ids", "token_type_ids", "attention_mask"}:
        return plan
    lists = {key: key in keys for key in ("token_type_ids", "attention_mask")}
    return replace(plan, encode_text=text_encoder(**text_arguments, **lists))


class Lengths(NamedTuple):
    """What padding and truncation come to."""

    strategy: str | None
    """``"longest"`` or ``"max_length"`` padding, or none."""
    width: int | None
    """That of ``"max_length"``."""
    truncation: str | None
    max_length: int | None
    warning: str | None


def lengths_of(tokenizer: Vocabulary, padding: Any, truncation: Any, max_length: Any, multiple: Any) -> Lengths:
    """Checks what decides how long rows are.

    Raises:
        ConfigError: options that are not allowed, cannot be met or contradict each other.
    """
    warning = None
    padding, truncation = (getattr(option, "value", option) for option in (padding, truncation))
    if max_length is not None:
        max_length = check_count("max_length", max_length, 0)
    if multiple is not None:
        multiple = check_count("pad_to_multiple_of", multiple, 1)
    if max_length is not None and padding is False and truncation is None:
        truncation = "longest_first"
    strategies = {False: None, None: None, "do_not_pad": None, True: "longest", "longest": "longest"}
    strategies |= {"max_length": "max_length"}
    cuts = {False: None, None: None, "do_not_truncate": None, True: "longest_first"}
    cuts |= {name: name for name in ("longest_first", "only_first", "only_second")}
    if not isinstance(padding, (bool, str, type(None))) or padding not in strategies:
        raise ConfigError(f'padding must be True, False, "longest", "max_length" or "do_not_pad", got {padding!r}')
    if not isinstance(truncation, (bool, str, type(None))) or truncation not in cuts:
        raise ConfigError(
            'truncation must be True, False, "longest_first", "only_first", "only_second" or '
            f'"do_not_truncate", got {truncation!r}'
        )
    strategy, cut = strategies[padding], cuts[truncation]
    if padding is True and max_length is not None and cut is None:
        warning = (
            'max_length is ignored where padding=True and nothing is truncated; pass padding="max_length" to pad to it'
        )
    if max_length is None and (strategy == "max_length" or cut is not None):
        if tokenizer.model_max_length > LONGEST_LIMIT:
            strategy = None if strategy == "max_length" else strategy
            cut = None
        else:
            max_length = tokenizer.model_max_length
    if strategy is not None and tokenizer.pad_token is None:
        raise ConfigError("padding needs a pad token: build the tokenizer with pad_token=...")
    if cut and strategy and multiple and max_length is not None and max_length % multiple:
        raise ConfigError(
            f"max_length {max_length} must be a multiple of pad_to_multiple_of {multiple} "
            "where rows are both truncated and padded"
        )
    width = max_length if strategy == "max_length" else None
    for name, value in (("max_length", width), ("pad_to_multiple_of", multiple)):
        if value is not None and value > _LONGEST_ROW:
            raise ConfigError(f"{name} {value} is more than a row can have: at most {_LONGEST_ROW} tokens")
    return Lengths(strategy, width, cut, max_length, warning)


def pad_id_of(tokenizer: Vocabulary, strategy: str | None) -> int:
    """Id of the pad token; 0 where nothing is padded and there may be none."""
    return 0 if strategy is None else int(tokenizer.pad_token_id)
