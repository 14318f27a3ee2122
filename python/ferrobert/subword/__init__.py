"""Tokenizers of the families that do not use BERT's WordPiece, on the tokenizers package."""

from ferrobert.subword.tokenizer import TokenizersTokenizer

__all__ = ["TokenizersTokenizer"]
