"""The words of the tokens of an encoding, of ferrobert or of transformers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding
from ferrobert.errors import AlignmentError, ConfigError
from ferrobert.masking.vocabulary import vocabulary_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WordRows", "finer_words", "offsets_of", "word_rows_of"]


class WordRows(NamedTuple):
    """The words that tokens belong to, in rows without padding."""

    word_ids: NDArray[np.int32]
    """Word of each token within its sample, -1 for none, ``(tokens,)``."""
    row_splits: NDArray[np.int64]
    """First token of each row and, last, the number of tokens, ``(rows + 1,)``."""
    sample_ids: NDArray[np.int64]
    """Sample of each row, ``(rows,)``; rows of one sample are its windows."""
    samples: int
    """Number of samples."""
    counts: NDArray[np.int64] | None
    """Words of each sample, ``(samples,)``; ``None`` where only their tokens are known."""
    whole: bool
    """Whether the rows hold all of the texts, so that each word has a token, where ``counts`` is ``None``."""


def word_rows_of(encoding: Any) -> WordRows:
    """The words of an encoding's tokens.

    Args:
        encoding: A :class:`ferrobert.BatchEncoding`, or one of transformers' fast tokenizers.

    Raises:
        ConfigError: it is no encoding, or has no words.
        AlignmentError: it is an encoding of pairs.
    """
    if isinstance(encoding, BatchEncoding):
        return _of_ferrobert(encoding)
    if getattr(encoding, "is_fast", False) and getattr(encoding, "encodings", None) is not None:
        return _of_transformers(encoding)
    raise ConfigError(
        "labels are aligned with the encoding of a tokenizer of ferrobert, or of a fast one of transformers: it knows "
        f"which word a token belongs to; got {type(encoding).__name__}"
    )


def _of_ferrobert(encoding: BatchEncoding) -> WordRows:
    columns, made = encoding.columns, encoding._encoded()
    if made.pairs is not None:
        raise AlignmentError("labels belong to the words of one text, but the encoding is of pairs of texts")
    counts = None
    if made.is_split_into_words and isinstance(made.texts, _core.TextColumn):
        counts = _core.word_counts(made.texts)
    return WordRows(columns.word_ids, columns.row_splits, columns.sample_ids, len(made.texts), counts, made.whole)


def _of_transformers(encoding: Any) -> WordRows:
    words, splits = [], [0]
    for row in encoding.encodings:
        # The tokenizers package pads the rows themselves; their words are None there too.
        ids, mask = row.word_ids, row.attention_mask
        if row.n_sequences > 1:
            raise AlignmentError("labels belong to the words of one text, but the encoding is of pairs of texts")
        words += [-1 if id is None else id for id, token in zip(ids, mask, strict=True) if token]
        splits.append(len(words))
    samples = encoding.get("overflow_to_sample_mapping")
    if samples is None:
        samples = range(len(splits) - 1)
    sample_ids = np.asarray(samples.tolist() if hasattr(samples, "tolist") else samples, np.int64)
    number = int(sample_ids.max(initial=-1)) + 1
    return WordRows(np.array(words, np.int32), np.array(splits, np.int64), sample_ids, number, None, False)


def offsets_of(encoding: Any) -> tuple[NDArray[np.int32], Any]:
    """Start and end of each token in characters, ``(tokens, 2)``, without padding; and the texts, where they are kept.

    Of an encoding that :func:`word_rows_of` takes.

    Raises:
        AlignmentError: the encoding is of words, whose offsets count from the beginning of each.
    """
    if isinstance(encoding, BatchEncoding):
        made = encoding._encoded()
        if made.is_split_into_words:
            raise AlignmentError("spans count characters of a text, but the encoding is of words: encode the text")
        return np.ascontiguousarray(made.columns.offsets, np.int32), made.texts
    spans = [
        span for row in encoding.encodings for span, token in zip(row.offsets, row.attention_mask, strict=True) if token
    ]
    return np.array(spans, np.int32).reshape(-1, 2), None


def finer_words(encoding: Any, words: WordRows, offsets: NDArray[np.int32]) -> WordRows:
    """The same words or, of a Unigram tokenizer of ferrobert, words that end at punctuation too.

    Its own words are runs between white space (``Apple,``), which spans would cut. Equal for all windows of a sample.
    """
    made = encoding._encoded() if isinstance(encoding, BatchEncoding) else None
    if made is None or getattr(getattr(made.tokenizer, "_backend", None), "model", None) != "Unigram":
        return words
    classes = vocabulary_of(made.tokenizer).word_classes
    if classes is None:
        return words
    first, last = classes
    ids, spans, old = made.columns.ids.tolist(), offsets.tolist(), words.word_ids.tolist()
    splits, samples = words.row_splits.tolist(), words.sample_ids.tolist()
    rows = [[token for token in range(start, end) if old[token] >= 0] for start, end in pairwise(splits)]
    finer = [-1] * len(old)
    # Windows in the order of the text, so that each goes on where another has begun.
    order = sorted(range(len(rows)), key=lambda row: (samples[row], spans[rows[row][0]] if rows[row] else []))
    known: dict[tuple[int, ...], int] = {}
    counts = [0] * words.samples
    before, sample_before = -1, -1
    for row in order:
        sample = samples[row]
        before = before if sample == sample_before else -1
        for token in rows[row]:
            place = (sample, old[token], *spans[token], ids[token])
            if place not in known:
                joined = before >= 0 and old[before] == old[token] and 0 != first[ids[token]] == last[ids[before]]
                known[place] = finer[before] if joined else counts[sample]
                counts[sample] += not joined
            finer[token] = known[place]
            before = token
        sample_before = sample
    return words._replace(word_ids=np.array(finer, np.int32))
