"""Documents of sentences -> rows to pretrain on: sentence pairs, and full sentences packed into rows."""

from ferrobert.pairs.documents import TokenizedDocuments
from ferrobert.pairs.packing import pack_sentences
from ferrobert.pairs.pairing import sentence_pairs

__all__ = ["TokenizedDocuments", "pack_sentences", "sentence_pairs"]
