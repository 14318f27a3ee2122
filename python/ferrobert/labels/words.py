"""The words of the tokens of an encoding, of ferrobert or of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding
from ferrobert.errors import AlignmentError, ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WordRows", "word_rows_of"]


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
