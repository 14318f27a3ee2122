"""Spans of characters -> labels of tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert import _core
from ferrobert.encoding import Ragged
from ferrobert.errors import AlignmentError, ConfigError
from ferrobert.labels.alignment import check_index
from ferrobert.labels.vocabulary import label_list, label_vocab, scheme_of
from ferrobert.labels.words import WordRows, finer_words, offsets_of, word_rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AlignSpans", "Spans", "align_span_rows", "align_spans", "spans_aligned_by"]


class Spans(NamedTuple):
    """Entities of samples."""

    bounds: NDArray[np.int64]
    """Start and end of each in turn, half-open, characters, ``(2 * spans,)``."""
    kind_ids: list[int]
    """Type of each, an index of ``kinds``."""
    kinds: list[str]
    """The types, sorted."""
    splits: NDArray[np.int64]
    """First span of each sample and, last, the number of spans, ``(samples + 1,)``."""


#: Labels of tokens of the words, offsets, texts, spans, scheme, label2id, label_all_tokens and ignore_index: by the
#: core,
#: or by its pure-Python twin.
AlignSpans = Callable[[WordRows, "NDArray[np.int32]", Any, Spans, str, Any, bool, int], "NDArray[np.int64]"]


def align_spans(
    enc: Any,
    spans: Any,
    *,
    scheme: str = "BIO",
    label2id: Any = None,
    ignore_index: int = -100,
    label_all_tokens: bool = False,
) -> Ragged:
    """Spans of characters as labels of tokens: words are labelled in a scheme, and aligned as by :func:`align_labels`.

    The words are those of the tokenizer: punctuation stands alone, and with BERT's vocabularies an ideograph is a word.
    White space at the ends of a span does not matter; a span that begins or ends inside a word is an error, as no label
    can say that. Spans behind what truncation cut off are not used. Cost: O(tokens + spans) in the core; with Unigram
    vocabularies (ALBERT), whose words are made to end at punctuation too, a loop over the tokens in Python.

    Args:
        enc: An encoding of texts (not of words), of one or of a batch, with windows or not; of a tokenizer of
            ferrobert, or of a fast one of transformers.
        spans: A row a sample: mappings with ``"start"``, ``"end"`` and ``"label"`` (or ``"entity_group"``,
            ``"entity"``, as pipelines return them), or tuples of these three. Half-open, in characters of the text, in
            any order. For one text also its spans alone.
        scheme: ``"BIO"`` (also ``"IOB2"``), ``"IOB1"``, ``"BIOES"`` or ``"BILOU"``.
        label2id: Label -> id, or the labels in the order of their ids. By default ``label_list(types, scheme)`` of the
            types of these spans, sorted; give it where several calls are to agree.
        ignore_index: As for :func:`align_labels`.
        label_all_tokens: As for :func:`align_labels`; ``S-``, ``U-``, ``E-`` and ``L-`` are repeated.

    Returns:
        Ragged: int64 label ids, ``(tokens,)``; a row for each row of ``enc``, without its padding.

    Raises:
        AlignmentError: a span cuts a word, overlaps another one, is empty, without a word, or outside of its text (row
            and span are named); another number of rows than samples; a label that is not in ``label2id``; the encoding
            is of words or of pairs.
        ConfigError: an argument has a value that is not allowed; a span that is none.

    Example:
        >>> from ferrobert import BertTokenizer, align_spans
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "mu": 3, "##sk": 4, "met": 5, "tesla": 6})
        >>> enc = tokenizer("Musk met Tesla")
        >>> align_spans(enc, [{"start": 0, "end": 4, "label": "PER"}, (9, 14, "ORG")])[0].tolist()
        [-100, 3, -100, 0, 1, -100]
    """
    return spans_aligned_by(align_span_rows, enc, spans, scheme, label2id, ignore_index, label_all_tokens)


def spans_aligned_by(
    align: AlignSpans,
    enc: Any,
    spans: Any,
    scheme: str,
    label2id: Any,
    ignore_index: int,
    label_all_tokens: bool,
) -> Ragged:
    """Aligned spans; ``align`` is the core's function or its twin's."""
    scheme, ignore_index = scheme_of(scheme), check_index(ignore_index)
    words = word_rows_of(enc)
    offsets, texts = offsets_of(enc)
    words = finer_words(enc, words, offsets)
    flat = spans_of(spans, words.samples)
    label2id = label_list(flat.kinds, scheme) if label2id is None else label2id
    labels = align(words, offsets, texts, flat, scheme, label2id, bool(label_all_tokens), ignore_index)
    return Ragged(labels, words.row_splits)


def align_span_rows(
    words: WordRows,
    offsets: NDArray[np.int32],
    texts: Any,
    spans: Spans,
    scheme: str,
    label2id: Any,
    label_all_tokens: bool,
    ignore_index: int,
) -> NDArray[np.int64]:
    """Label ids of tokens by the core, ``(tokens,)``."""
    vocab = label2id if isinstance(label2id, _core.LabelVocab) else label_vocab(label2id)
    assert vocab is not None
    if label_all_tokens:
        vocab.check_scheme()
    ids, splits = _core.label_spans(words, offsets, texts, spans, scheme, vocab)
    return _core.align_labels(
        words._replace(counts=None, whole=False), ids, splits, vocab if label_all_tokens else None, ignore_index
    )


_LABEL_KEYS = ("label", "entity_group", "entity")


def spans_of(given: Any, samples: int) -> Spans:
    """Rows of spans as columns.

    Raises:
        ConfigError: something is no span.
    """
    if isinstance(given, (str, bytes, Mapping)) or not hasattr(given, "__iter__"):
        raise ConfigError(f"spans must be rows of spans, a row a sample, got {type(given).__name__}")
    rows = list(given)
    if samples == 1 and (not rows or _is_span(rows[0])):
        rows = [rows]
    bounds: list[int] = []
    labels: list[str] = []
    splits = [0]
    for row, spans in enumerate(rows):
        if isinstance(spans, (str, bytes, Mapping)) or not hasattr(spans, "__iter__"):
            raise ConfigError(f"spans[{row}] must be a list of spans, got {type(spans).__name__}")
        for place, span in enumerate(spans):
            start, end, label = _parts(span, row, place)
            bounds += [start, end]
            labels.append(label)
        splits.append(len(labels))
    kinds = sorted(set(labels))
    ids = {kind: id for id, kind in enumerate(kinds)}
    return Spans(np.array(bounds, np.int64), [ids[label] for label in labels], kinds, np.array(splits, np.int64))


def _is_span(given: Any) -> bool:
    return isinstance(given, Mapping) or (
        isinstance(given, (tuple, list)) and len(given) > 0 and isinstance(given[0], (int, np.integer))
    )


def _parts(span: Any, row: int, place: int) -> tuple[int, int, str]:
    if isinstance(span, Mapping):
        key = next((key for key in _LABEL_KEYS if key in span), "label")
        parts: Any = (span.get("start"), span.get("end"), span.get(key))
    else:
        parts = span
    if not isinstance(parts, (tuple, list)) or len(parts) != 3:
        raise ConfigError(f'span {place} of row {row} must have "start", "end" and "label", got {span!r:.200}')
    start, end, label = parts
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or abs(int(value)) >= 2**62:
            raise ConfigError(f"span {place} of row {row} must have an int as {name}, got {value!r}")
    if not isinstance(label, str) or not label:
        raise ConfigError(f"span {place} of row {row} must have a label, the type of an entity, got {label!r}")
    if label == "O" or label[:2] in ("B-", "I-"):
        raise AlignmentError(
            f"span {place} of row {row} has the label {label!r}: give the type of an entity (PER), not a label of words"
        )
    return int(start), int(end), label
