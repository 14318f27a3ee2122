"""Masked-language-model inputs: what is predicted, and what the model sees in its place."""

from ferrobert.masking.collator import DataCollatorForLanguageModeling
from ferrobert.masking.tokens import mask_tokens

__all__ = ["DataCollatorForLanguageModeling", "mask_tokens"]
