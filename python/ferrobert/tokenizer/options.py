"""What a tokenizer is set to."""

from __future__ import annotations

from dataclasses import dataclass

from ferrobert.inputs import check_side

__all__ = ["LONGEST_LIMIT", "NO_MAX_LENGTH", "SPECIAL_TOKEN_NAMES", "TokenizerOptions"]

SPECIAL_TOKEN_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
NO_MAX_LENGTH = int(1e30)
"""``model_max_length`` of a tokenizer without one, as in transformers."""
LONGEST_LIMIT = int(1e20)
"""A larger ``model_max_length`` is none."""


@dataclass(frozen=True, slots=True)
class TokenizerOptions:
    """What a tokenizer does where a call does not say otherwise."""

    model_max_length: int = NO_MAX_LENGTH
    padding_side: str = "right"
    truncation_side: str = "right"
    pad_token_type_id: int = 0
    model_input_names: tuple[str, ...] = ("input_ids", "token_type_ids", "attention_mask")
    clean_up_tokenization_spaces: bool = False
    split_special_tokens: bool = False
    name_or_path: str = ""

    def __post_init__(self) -> None:
        for name in ("padding_side", "truncation_side"):
            check_side(name, getattr(self, name))
