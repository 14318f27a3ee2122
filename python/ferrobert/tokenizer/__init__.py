"""transformers' call interface once, for every backend."""

from ferrobert.tokenizer.added_token import AddedToken
from ferrobert.tokenizer.tokenizer import Tokenizer

__all__ = ["AddedToken", "Tokenizer"]
