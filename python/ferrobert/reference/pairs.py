"""Sentence pairs and packed sentences in readable Python: the twin of ``ferrobert.pairs``, draw for draw.

Sources: google-research/bert, ``create_pretraining_data.py`` (Devlin et al., arXiv:1810.04805); Lan et al., *ALBERT*
(arXiv:1909.11942); Liu et al., *RoBERTa* (arXiv:1907.11692).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ferrobert.encoding import BatchEncoding
from ferrobert.encoding.columns import FlatColumns
from ferrobert.errors import DataError
from ferrobert.pairs.documents import check_documents
from ferrobert.pairs.packing import packed_by
from ferrobert.pairs.pairing import BLOCK_DOCUMENTS, BLOCK_TOKENS, pair_settings, pairs_by
from ferrobert.reference.random import PAIRS, Draws, threshold

__all__ = ["pack_sentences", "sentence_pairs"]

Document = list[list[int]]
Template = Sequence[tuple[str, int, int]]
#: ids, sentence splits, document splits, number of the first document.
Columns = tuple[Any, Any, Any, int]

ROWS_OF_A_DOCUMENT = 2**24


def sentence_pairs(
    documents: Iterable[Any],
    tokenizer: Any,
    *,
    max_length: int = 512,
    short_seq_prob: float = 0.1,
    next_sentence_prob: float = 0.5,
    objective: str = "next-sentence",
    seed: int = 0,
    epoch: int = 0,
    block_documents: int = BLOCK_DOCUMENTS,
    block_tokens: int = BLOCK_TOKENS,
) -> Iterator[BatchEncoding]:
    """:func:`ferrobert.sentence_pairs` in pure Python: same arguments, same pairs."""
    settings = pair_settings(
        tokenizer,
        max_length,
        short_seq_prob,
        next_sentence_prob,
        objective,
        seed,
        epoch,
        block_documents,
        block_tokens,
    )
    return pairs_by(pairs_of_block, check_documents(documents), settings)


def pack_sentences(
    documents: Iterable[Any],
    tokenizer: Any,
    *,
    max_length: int = 512,
    cross_documents: bool = True,
    block_documents: int = BLOCK_DOCUMENTS,
    block_tokens: int = BLOCK_TOKENS,
) -> Iterator[BatchEncoding]:
    """:func:`ferrobert.pack_sentences` in pure Python: same arguments, same rows."""
    return packed_by(pack_block, documents, tokenizer, max_length, cross_documents, block_documents, block_tokens)


def pairs_of_block(
    block: Columns,
    others: Columns | None,
    *,
    template: Template,
    max_length: int,
    short_seq_prob: float,
    next_sentence_prob: float,
    sentence_order: bool,
    seed: int,
    epoch: int,
) -> tuple[FlatColumns, Any]:
    """What ``_core.sentence_pairs`` does."""
    documents = numbered_documents(block)
    room = max_length - sum(kind == "special" for kind, *_ in template)
    elsewhere = [document for _, document in numbered_documents(others)] if others is not None else []
    if not sentence_order and len(documents) == 1 and not elsewhere:
        raise DataError(
            "the corpus has one document with tokens; a random next sentence comes from another document: give at "
            'least two, or objective="sentence-order"'
        )
    rows = Rows(template)
    labels = []
    draws = Draws(seed, epoch, PAIRS)
    short, label_1 = threshold(short_seq_prob), threshold(next_sentence_prob)
    for place, (number, document) in enumerate(documents):
        draws.start(number)
        target = 2 + draws.below(room - 1) if draws.under(short) else room
        if sentence_order:
            pairs = order_pairs(document, target, label_1, draws)
        else:
            candidates = elsewhere or [other for at, (_, other) in enumerate(documents) if at != place]
            pairs = next_pairs(document, candidates, target, label_1, draws)
        for row, (a, b, label) in enumerate(pairs):
            rows.add(number * ROWS_OF_A_DOCUMENT + row, truncated(a, b, room, draws))
            labels.append(label)
    return rows.columns(), np.array(labels, np.int64)


def next_pairs(
    document: Document, candidates: list[Document], target: int, label_1: int, draws: Draws
) -> Iterator[tuple[list[int], list[int], int]]:
    """A, B and the label of each chunk, not truncated."""
    start = 0
    while start < len(document):
        chunk = chunk_at(document, start, target)
        in_a = 1 if len(chunk) == 1 else 1 + draws.below(len(chunk) - 1)
        a = joined(chunk[:in_a])
        if len(chunk) > 1 and not draws.under(label_1):
            yield a, joined(chunk[in_a:]), 0
            start += len(chunk)
            continue
        other = candidates[draws.below(len(candidates))]
        b: list[int] = []
        for sentence in other[draws.below(len(other)) :]:
            b += sentence
            if len(b) >= target - len(a):
                break
        yield a, b, 1
        start += in_a  # the rest of the chunk was not used


def order_pairs(
    document: Document, target: int, label_1: int, draws: Draws
) -> Iterator[tuple[list[int], list[int], int]]:
    """A, B and whether they are swapped, of each chunk, not truncated."""
    start = 0
    while start < len(document):
        chunk = chunk_at(document, start, target)
        start += len(chunk)
        if len(chunk) == 1:
            [tokens] = chunk
            if len(tokens) == 1:
                continue
            cut = 1 + draws.below(len(tokens) - 1)
            a, b = tokens[:cut], tokens[cut:]
        else:
            in_a = 1 + draws.below(len(chunk) - 1)
            a, b = joined(chunk[:in_a]), joined(chunk[in_a:])
        yield (b, a, 1) if draws.under(label_1) else (a, b, 0)


def chunk_at(document: Document, start: int, target: int) -> Document:
    """Sentences from one on, until they have so many tokens or the document ends."""
    chunk: Document = []
    length = 0
    for sentence in document[start:]:
        chunk.append(sentence)
        length += len(sentence)
        if length >= target:
            break
    return chunk


def truncated(a: list[int], b: list[int], room: int, draws: Draws) -> list[list[int]]:
    """A and B cut to the room: token by token from the longer one, B where they are equal."""
    lengths = [len(a), len(b)]
    while sum(lengths) > room:
        lengths[0 if lengths[0] > lengths[1] else 1] -= 1
    return [shortened(tokens, len(tokens) - length, draws) for tokens, length in zip((a, b), lengths, strict=True)]


def shortened(tokens: list[int], excess: int, draws: Draws) -> list[int]:
    """Tokens without ``excess`` of them, each from the front or the back by a bit of a draw, lowest bits first."""
    bits = sum(draws.next() << taken for taken in range(0, excess, 32)) % 2**excess
    front = bits.bit_count()
    return tokens[front : len(tokens) - (excess - front)]


def pack_block(
    block: Columns,
    open_row: Any,
    first_row: int,
    is_last: bool,
    *,
    template: Template,
    max_length: int,
    separator: int | None,
) -> tuple[FlatColumns, Any]:
    """What ``_core.pack_sentences`` does."""
    room = max_length - sum(kind == "special" for kind, *_ in template)
    rows = Rows(template)
    row: list[int] = open_row.tolist()

    def end_row() -> None:
        if row:
            rows.add(first_row + len(rows.sample_ids), [list(row)])
            row.clear()

    for _, document in numbered_documents(block):
        for place, sentence in enumerate(document):
            between = [separator] if separator is not None and place == 0 and row else []
            if len(row) + len(between) + len(sentence) > room:
                end_row()
            else:
                row += between
            rest = sentence
            while len(rest) > room:
                row += rest[:room]
                rest = rest[room:]
                end_row()
            row += rest
        if separator is None:
            end_row()
    if is_last:
        end_row()
    return rows.columns(), np.array(row, np.int32)


def numbered_documents(block: Columns) -> list[tuple[int, Document]]:
    """The documents that have tokens, with their numbers in the corpus; sentences without tokens are left out."""
    ids, sentence_splits, document_splits, first = block
    tokens = ids.tolist()
    sentences = [tokens[start:end] for start, end in pairwise(sentence_splits.tolist())]
    documents = (sentences[start:end] for start, end in pairwise(document_splits.tolist()))
    filled = ((number, [sentence for sentence in document if sentence]) for number, document in enumerate(documents))
    return [(first + number, document) for number, document in filled if document]


def joined(sentences: Document) -> list[int]:
    """All tokens of sentences."""
    return [token for sentence in sentences for token in sentence]


class Rows:
    """Rows that grow one by one, as columns."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._ids: list[int] = []
        self._type_ids: list[int] = []
        self._sequence_ids: list[int] = []
        self._splits = [0]
        self.sample_ids: list[int] = []

    def add(self, sample_id: int, sequences: list[list[int]]) -> None:
        """A row: sequences with the special tokens of the template around them."""
        for kind, value, type_id in self._template:
            tokens = [value] if kind == "special" else sequences[value]
            self._ids += tokens
            self._type_ids += [type_id] * len(tokens)
            self._sequence_ids += [-1 if kind == "special" else value] * len(tokens)
        self._splits.append(len(self._ids))
        self.sample_ids.append(sample_id)

    def columns(self) -> FlatColumns:
        """All rows."""
        return FlatColumns(
            ids=np.array(self._ids, np.int32),
            type_ids=np.array(self._type_ids, np.int32),
            sequence_ids=np.array(self._sequence_ids, np.int32),
            offsets=None,
            word_ids=None,
            row_splits=np.array(self._splits, np.int64),
            sample_ids=np.array(self.sample_ids, np.int64),
        )
