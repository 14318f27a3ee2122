"""Readable pure-Python twins of the Rust jobs: the oracle of the tests and the baseline of the benchmarks."""

from ferrobert import wordpiece as _wordpiece
from ferrobert.reference import answers, batching
from ferrobert.reference.answers import decode_answers, encode_questions
from ferrobert.reference.entities import decode_entities
from ferrobert.reference.labels import (
    DataCollatorForTokenClassification,
    align_labels,
    align_spans,
    convert_scheme,
    word_labels,
)
from ferrobert.reference.masking import DataCollatorForLanguageModeling, mask_tokens
from ferrobert.reference.pairs import pack_sentences, sentence_pairs
from ferrobert.reference.wordpiece import WordPiece

__all__ = [
    "BertTokenizer",
    "DataCollatorForLanguageModeling",
    "DataCollatorForTokenClassification",
    "align_labels",
    "align_spans",
    "answers",
    "batching",
    "convert_scheme",
    "decode_answers",
    "decode_entities",
    "encode_questions",
    "mask_tokens",
    "pack_sentences",
    "sentence_pairs",
    "word_labels",
]


class BertTokenizer(_wordpiece.BertTokenizer):
    """:class:`ferrobert.BertTokenizer` with the tokenization itself in pure Python: same calls, same results.

    Example:
        >>> from ferrobert import reference
        >>> reference.BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "hello": 3})("Hello")["input_ids"]
        [1, 3, 2]
    """

    _backend_class = WordPiece
