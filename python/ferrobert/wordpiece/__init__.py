"""Text -> ids, offsets, word ids: BERT's tokenizer, in Rust."""

from ferrobert.wordpiece.tokenizer import BertTokenizer

__all__ = ["BertTokenizer"]
