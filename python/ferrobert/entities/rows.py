"""Where the tokens of an encoding stand in its texts, and which logits are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert.encoding import BatchEncoding
from ferrobert.encoding.fast import fast_rows
from ferrobert.errors import ConfigError, DecodeError
from ferrobert.logits import first_tokens, floats_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AlignedRows", "TokenLogits", "aligned_rows", "logits_of"]

_PAIRS = "the rows are pairs of texts: entities are decoded of single texts, so encode one text a row"


class AlignedRows(NamedTuple):
    """Rows of tokens, without padding, and the texts that they are of."""

    ids: NDArray[np.int32]
    """``(tokens,)``."""
    offsets: NDArray[np.int32]
    """Half-open spans of characters of the text, ``(tokens, 2)``."""
    word_ids: NDArray[np.int32]
    """``(tokens,)``, -1 for special tokens."""
    row_splits: NDArray[np.int64]
    """``(rows + 1,)``."""
    sample_ids: NDArray[np.int64]
    """``(rows,)``."""
    texts: list[str]
    """One a sample; words are joined."""
    words: list[int] | None
    """Number of words of each sample, where words were encoded."""
    width: int | None
    """Columns of the padded rows; ``None`` where they are ragged."""
    side: str
    """Where padding goes."""
    longest: int
    """Tokens of the longest row."""


class TokenLogits(NamedTuple):
    """Logits of tokens."""

    values: NDArray[Any]
    """float32 or float64, ``(tokens, labels)``; padding may be among the tokens."""
    row_starts: NDArray[np.int64]
    """Place of the first token of each row, ``(rows,)``."""


# --- the rows -----------------------------------------------------------------------------------------------------


def aligned_rows(encoding: Any, texts: Sequence[Any] | None = None, delimiter: str = " ") -> AlignedRows:
    """The rows of an encoding of ferrobert's tokenizers, or of transformers' fast ones.

    Args:
        encoding: What a tokenizer returned; windows are told by ``overflow_to_sample_mapping``.
        texts: The texts (lists of words, where words were encoded), where the encoding does not keep them.
        delimiter: What stands between words that were encoded as words, in their text.

    Raises:
        ConfigError: pairs; an encoding without offsets or texts; texts that are not those of the encoding.
    """
    if isinstance(encoding, BatchEncoding) and encoding.is_fast:
        return _of_ours(encoding, texts, delimiter)
    if getattr(encoding, "encodings", None):
        return _of_transformers(encoding, texts, delimiter)
    raise ConfigError(
        "decoding needs the offsets and word ids of the tokens: give the encoding that a tokenizer returned (of "
        f"transformers, a fast one), got {type(encoding).__name__} without them"
    )


def _of_ours(encoding: BatchEncoding, texts: Any, delimiter: str) -> AlignedRows:
    columns = encoding.columns
    if encoding.text_pairs is not None:
        raise ConfigError(_PAIRS)
    if not columns.can_align:
        raise ConfigError("decoding needs offsets and word ids: these rows were made of tokens, and have none")
    padding = encoding.matrix_padding
    kept = encoding.texts
    of_words = len(kept) > 0 and not isinstance(kept[0], str)
    rows = AlignedRows(
        columns.ids,
        columns.offsets,
        columns.word_ids,
        columns.row_splits,
        columns.sample_ids,
        # A tokenizer has looked at its own texts.
        texts=[] if of_words or texts is not None else list(kept),
        words=None,
        width=None if padding is None else padding.width,
        side=encoding.padding_side,
        longest=columns.row_lengths[1],
    )
    if of_words or texts is not None:
        return _with_texts(rows, kept if texts is None else _given(texts, len(kept)), of_words, delimiter)
    return rows


def _of_transformers(encoding: Any, texts: Any, delimiter: str) -> AlignedRows:
    if texts is None:
        raise ConfigError("an encoding of transformers does not keep its texts: pass texts=, a text a sample")
    made = encoding.encodings
    if any(row.n_sequences > 1 for row in made):
        raise ConfigError(_PAIRS)
    samples = encoding.get("overflow_to_sample_mapping")
    given = _given(texts, None)
    if samples is None and len(given) == 1:
        samples = [0] * len(made)
    elif samples is None:
        if len(given) != len(made):
            raise ConfigError(
                f"texts has {len(given)}, the encoding {len(made)} rows and no overflow_to_sample_mapping that tells "
                "their samples"
            )
        samples = range(len(made))
    flat = fast_rows(made)
    rows = AlignedRows(
        flat.column("ids"),
        flat.column("offsets", 2),
        flat.column("word_ids"),
        flat.row_splits,
        np.array([int(sample) for sample in samples], np.int64),
        texts=[],
        words=None,
        width=flat.width,
        side=flat.side,
        longest=int(np.diff(flat.row_splits).max(initial=0)),
    )
    of_words = bool(given) and not isinstance(given[0], str)
    return _with_texts(rows, given, of_words, delimiter)


def _given(texts: Any, samples: int | None) -> list[Any]:
    """The texts of a call, one a sample."""
    given = [texts] if isinstance(texts, str) else list(texts)
    if samples == 1 and given and isinstance(given[0], str) and len(given) > 1:
        given = [given]  # the words of one sample
    if samples is not None and len(given) != samples:
        raise ConfigError(f"texts must be {samples}, one a sample of the encoding, got {len(given)}")
    return given


def _with_texts(rows: AlignedRows, texts: Sequence[Any], of_words: bool, delimiter: str) -> AlignedRows:
    """The rows with their texts; offsets of words become those of the joined text."""
    if not of_words:
        found = list(texts)
        for sample, text in enumerate(found):
            if not isinstance(text, str):
                raise ConfigError(f"texts[{sample}] must be a str, got {type(text).__name__}")
        return rows._replace(texts=found)
    lists: list[list[str]] = []
    for sample, given in enumerate(texts):
        words = [] if isinstance(given, str) else list(given)
        if isinstance(given, str) or not all(isinstance(word, str) for word in words):
            raise ConfigError(f"texts[{sample}] must be a list of words, as the encoding is one of words")
        lists.append(words)
    counts = [len(words) for words in lists]
    joined = [delimiter.join(words) for words in lists]
    offsets = _shifted(rows, lists, counts, len(delimiter))
    return rows._replace(offsets=offsets, texts=joined, words=counts)


def _shifted(rows: AlignedRows, lists: list[list[str]], counts: list[int], delimiter: int) -> NDArray[np.int32]:
    """Offsets in joined texts instead of in words; 0 for special tokens."""
    samples = np.repeat(rows.sample_ids, np.diff(rows.row_splits))
    is_word = rows.word_ids >= 0
    beyond = np.flatnonzero(is_word & (rows.word_ids >= np.array(counts, np.int64)[samples]))
    if len(beyond):
        sample = int(samples[beyond[0]])
        raise ConfigError(
            f"texts[{sample}] has {counts[sample]} words, the encoding has a word {rows.word_ids[beyond[0]]}: texts "
            "must be those that were encoded"
        )
    # The first character of each word, of all samples one after the other.
    starts = np.array([0, *accumulate(len(word) + delimiter for words in lists for word in words)], np.int64)
    first = np.cumsum([0, *counts])[:-1][samples]
    shift = starts[first + np.where(is_word, rows.word_ids, 0)] - starts[first]
    return np.where(is_word[:, None], rows.offsets + shift[:, None], 0).astype(np.int32)


# --- their logits -------------------------------------------------------------------------------------------------


def logits_of(logits: Any, rows: AlignedRows) -> TokenLogits:
    """Logits in any of their forms, as one matrix of all tokens.

    Args:
        logits: ``(rows, width, labels)``, padded as the rows are; or ``(tokens, labels)`` of all rows without
            padding; or a list of ``(tokens of the row, labels)``. Arrays or tensors of floats.
        rows: The rows.

    Raises:
        DecodeError: another shape, or no floats.
    """
    if isinstance(logits, (list, tuple)):
        return _of_list([floats_of(one) for one in logits], rows)
    values = floats_of(logits)
    splits, count = rows.row_splits, len(rows.sample_ids)
    if values.ndim == 2 and len(values) == splits[-1]:
        return TokenLogits(np.ascontiguousarray(values), splits[:-1])
    shape = values.shape
    if values.ndim == 2 and count == 1 and len(values) == rows.width:
        values = values[None]
    given, width = values.shape[:2] if values.ndim == 3 else (-1, -1)
    if given != count or (width != rows.width if rows.width is not None else width < rows.longest):
        padded = f"{count} rows padded to {rows.width} tokens"
        ragged = f"{count} rows of up to {rows.longest} tokens, {splits[-1]} in all"
        raise DecodeError(
            f"the logits have shape {shape}, the encoding has {ragged if rows.width is None else padded}: give "
            f"logits of shape ({count}, {rows.width or rows.longest}, labels), ({splits[-1]}, labels) without padding, "
            "or a list of (tokens of a row, labels)"
        )
    starts = first_tokens(np.full(count, width), np.diff(splits), rows.side)
    return TokenLogits(np.ascontiguousarray(values.reshape(count * width, values.shape[2])), starts)


def _of_list(logits: list[NDArray[Any]], rows: AlignedRows) -> TokenLogits:
    lengths = np.diff(rows.row_splits)
    if len(logits) != len(lengths):
        raise DecodeError(f"the logits are a list of {len(logits)}, the encoding has {len(lengths)} rows")
    for row, (values, length) in enumerate(zip(logits, lengths.tolist(), strict=True)):
        if values.ndim != 2 or len(values) not in (length, rows.width) or values.shape[1] != logits[0].shape[1]:
            raise DecodeError(
                f"the logits of row {row} have shape {values.shape}, the row has {length} tokens: give "
                f"({length}, {logits[0].shape[-1]})"
            )
    starts = first_tokens(np.array([len(values) for values in logits], np.int64), lengths, rows.side)
    if not logits:
        return TokenLogits(np.zeros((0, 0), np.float32), starts)
    return TokenLogits(np.ascontiguousarray(np.concatenate(logits)), starts)
