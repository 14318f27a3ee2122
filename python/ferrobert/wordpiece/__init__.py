"""Text -> ids, offsets, word ids: BERT's tokenizer, in Rust."""

from ferrobert.wordpiece.tokenizer import BertTokenizer

__all__ = ["BertTokenizer", "BertTokenizerFast"]

# One class under both names, as in transformers 5: code that asks for either needs nothing but another import.
BertTokenizerFast = BertTokenizer
