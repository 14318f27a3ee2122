"""Where the tokens of contexts stand in features, and which logits are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert.encoding import BatchEncoding, Ragged
from ferrobert.encoding.fast import fast_rows
from ferrobert.errors import ConfigError, DecodeError
from ferrobert.logits import first_tokens, floats_of
from ferrobert.wordpiece.tokenizer import BertTokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ContextRows", "SpanLogits", "context_rows", "span_logits_of"]

LAST_WHITE_SPACE = 0x3000
_PAIRS = "answers are decoded of features: rows of a question and a window of its context, encoded as pairs"


class ContextRows(NamedTuple):
    """Rows of a question and a window of its context, without padding."""

    offsets: NDArray[np.int32]
    """Half-open spans of characters, ``(tokens, 2)``."""
    word_ids: NDArray[np.int32]
    """``(tokens,)``, -1 for special tokens."""
    row_splits: NDArray[np.int64]
    """``(rows + 1,)``."""
    sample_ids: NDArray[np.int64]
    """``(rows,)``."""
    spans: NDArray[np.int64]
    """First token of the context in each row, and the one behind its last, ``(rows, 2)``."""
    contexts: list[str]
    """One a sample."""
    width: int | None
    """Columns of the padded rows; ``None`` where they are ragged."""
    side: str
    """Where padding goes."""

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        """What the core reads: row splits, sample ids, spans, word ids, offsets."""
        word_ids, offsets = np.ascontiguousarray(self.word_ids), np.ascontiguousarray(self.offsets)
        return self.row_splits, self.sample_ids, self.spans, word_ids, offsets


class SpanLogits(NamedTuple):
    """Logits of starts and ends of tokens."""

    starts: NDArray[Any]
    """float32 or float64, ``(tokens,)``; padding may be among the tokens."""
    ends: NDArray[Any]
    """Likewise."""
    row_starts: NDArray[np.int64]
    """Place of the first token of each row, ``(rows,)``."""


# --- the rows -----------------------------------------------------------------------------------------------------


def context_rows(features: Any, contexts: Sequence[str] | str | None = None) -> ContextRows:
    """The rows of an encoding of pairs, of ferrobert's tokenizers or of transformers' fast ones.

    Args:
        features: What `ferrobert.encode_questions` or a tokenizer returned; windows are told by
            ``overflow_to_sample_mapping``.
        contexts: The contexts, one a sample, where the encoding does not keep them.

    Raises:
        ConfigError: no pairs; an encoding without offsets or contexts; contexts that are not those of the encoding.
    """
    if isinstance(features, BatchEncoding) and features.is_fast:
        return _of_ours(features, contexts)
    if getattr(features, "encodings", None):
        return _of_transformers(features, contexts)
    raise ConfigError(
        "decoding needs the offsets of the tokens: give the features that encode_questions or a tokenizer returned (of "
        f"transformers, a fast one), got {type(features).__name__} without them"
    )


def _of_ours(features: BatchEncoding, contexts: Any) -> ContextRows:
    columns, kept = features.columns, features.text_pairs
    if kept is None:
        raise ConfigError(_PAIRS)
    if not columns.can_align:
        raise ConfigError("decoding needs offsets and word ids: these rows were made of tokens, and have none")
    padding = features.matrix_padding
    rows = ContextRows(
        columns.offsets,
        columns.word_ids,
        columns.row_splits,
        columns.sample_ids,
        _spans(columns.sequence_ids == 1, columns.row_splits),
        _texts(kept if contexts is None else contexts, len(kept)),
        width=None if padding is None else padding.width,
        side=features.padding_side,
    )
    # WordPiece splits at white space first.
    return rows if isinstance(features._encoded().tokenizer, BertTokenizer) else _without_spaces(rows)


def _of_transformers(features: Any, contexts: Any) -> ContextRows:
    if contexts is None:
        raise ConfigError("an encoding of transformers does not keep its texts: pass contexts=, one a sample")
    made = features.encodings
    if any(row.n_sequences != 2 for row in made):
        raise ConfigError(_PAIRS)
    samples = features.get("overflow_to_sample_mapping")
    if samples is None:
        alone = isinstance(contexts, str) or len(contexts) == 1
        samples = [0] * len(made) if alone else range(len(made))
    flat = fast_rows(made)
    sample_ids = np.array([int(sample) for sample in samples], np.int64)
    rows = ContextRows(
        flat.column("offsets", 2),
        flat.column("word_ids"),
        flat.row_splits,
        sample_ids,
        _spans(flat.column("sequence_ids") == 1, flat.row_splits),
        _texts(contexts, int(sample_ids.max(initial=-1)) + 1),
        width=flat.width,
        side=flat.side,
    )
    return _without_spaces(rows)


def _without_spaces(rows: ContextRows) -> ContextRows:
    """The rows with tokens that begin behind white space; some vocabularies (DeBERTa's, ModernBERT's) count it to them.

    A token of white space alone keeps it.
    """
    if not rows.contexts:
        return rows
    visible = _next_visible(rows.contexts)
    firsts = np.cumsum([0, *(len(context) + 1 for context in rows.contexts[:-1])])
    # Where the text of each token begins among all; an offset that its text does not have is the core's to refuse.
    lengths = np.diff(rows.row_splits)
    base = np.repeat(firsts[rows.sample_ids], lengths)
    place = np.arange(len(base)) - np.repeat(rows.row_splits[:-1], lengths)
    first, last = (np.repeat(side, lengths) for side in rows.spans.T)
    starts, ends = rows.offsets.T
    begins = visible[np.minimum(base + starts, len(visible) - 1)] - base
    moved = (first <= place) & (place < last) & (starts < begins) & (begins < ends)
    if not moved.any():
        return rows
    return rows._replace(offsets=np.stack([np.where(moved, begins, starts), ends], axis=1).astype(rows.offsets.dtype))


def _next_visible(texts: list[str]) -> NDArray[np.int64]:
    """For each character of texts, a separator behind each, the first from there on that is no white space."""
    codes = np.frombuffer("\0".join([*texts, ""]).encode("utf-32-le", "surrogatepass"), np.uint32)
    places = np.where(np.isin(codes, _white_space()), len(codes), np.arange(len(codes)))
    found: NDArray[np.int64] = np.minimum.accumulate(places[::-1])[::-1]
    return found


@cache
def _white_space() -> NDArray[np.uint32]:
    return np.array([code for code in range(LAST_WHITE_SPACE + 1) if chr(code).isspace()], np.uint32)


def _spans(of_context: NDArray[np.bool_], splits: NDArray[np.int64]) -> NDArray[np.int64]:
    """First token of the context in each row, and the one behind its last."""
    places = np.flatnonzero(of_context)
    begin, end = np.searchsorted(places, splits[:-1]), np.searchsorted(places, splits[1:])
    spans = np.zeros((len(splits) - 1, 2), np.int64)
    some = end > begin
    spans[some, 0] = places[begin[some]] - splits[:-1][some]
    spans[some, 1] = places[end[some] - 1] + 1 - splits[:-1][some]
    apart = np.flatnonzero(spans[:, 1] - spans[:, 0] != end - begin)
    if len(apart):
        raise ConfigError(f"the context of row {apart[0]} is not in one piece")
    return spans


def _texts(contexts: Any, samples: int) -> list[str]:
    texts = [contexts] if isinstance(contexts, str) else list(contexts)
    if len(texts) != samples:
        raise ConfigError(f"contexts must be {samples}, one a sample of the features, got {len(texts)}")
    for sample, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigError(f"contexts[{sample}] must be a str, got {type(text).__name__}")
    return texts


# --- their logits -------------------------------------------------------------------------------------------------


def span_logits_of(start_logits: Any, end_logits: Any, rows: ContextRows) -> SpanLogits:
    """Logits in any of their forms, as two columns of all tokens.

    Args:
        start_logits, end_logits: Both ``(rows, width)``, padded as the rows are; or ``(tokens,)`` of all rows without
            padding; or lists or a `Ragged` of ``(tokens of the row,)``. Arrays or tensors of floats.
        rows: The rows.

    Raises:
        DecodeError: another shape, or no floats; starts and ends of different shapes.
    """
    starts, row_starts = _column(start_logits, rows, "start_logits")
    ends, others = _column(end_logits, rows, "end_logits")
    if not np.array_equal(row_starts, others):
        raise DecodeError("start_logits are padded and end_logits are not, or the other way round: give both alike")
    if starts.dtype != ends.dtype:
        starts, ends = starts.astype(np.float64), ends.astype(np.float64)
    return SpanLogits(starts, ends, row_starts)


def _column(logits: Any, rows: ContextRows, name: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if isinstance(logits, Ragged):
        logits = list(logits)
    splits = rows.row_splits
    number, lengths = len(splits) - 1, np.diff(splits)
    if isinstance(logits, (list, tuple)) and not (logits and np.isscalar(logits[0])):
        return _of_list([floats_of(one) for one in logits], lengths, rows, name)
    values = floats_of(logits)
    if values.shape == (splits[-1],):
        return np.ascontiguousarray(values), splits[:-1]
    shape = values.shape
    if values.ndim == 1 and number == 1 and len(values) == rows.width:
        values = values[None]
    longest = int(lengths.max(initial=0))
    given, width = values.shape if values.ndim == 2 else (-1, -1)
    if given != number or (width != rows.width if rows.width is not None else width < longest):
        padded = f"{number} rows padded to {rows.width} tokens"
        ragged = f"{number} rows of up to {longest} tokens, {splits[-1]} in all"
        raise DecodeError(
            f"{name} have shape {shape}, the features are {ragged if rows.width is None else padded}: give shape "
            f"({number}, {rows.width or longest}), ({splits[-1]},) without padding, or a list of (tokens of a row,)"
        )
    starts = first_tokens(np.full(number, width), lengths, rows.side)
    return np.ascontiguousarray(values).reshape(-1), starts


def _of_list(
    logits: list[NDArray[Any]], lengths: NDArray[np.int64], rows: ContextRows, name: str
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if len(logits) != len(lengths):
        raise DecodeError(f"{name} are a list of {len(logits)}, the features have {len(lengths)} rows")
    for row, (values, length) in enumerate(zip(logits, lengths.tolist(), strict=True)):
        if values.ndim != 1 or len(values) not in (length, rows.width):
            raise DecodeError(
                f"{name} of row {row} have shape {values.shape}, the row has {length} tokens: give ({length},)"
            )
    starts = first_tokens(np.array([len(values) for values in logits], np.int64), lengths, rows.side)
    return (np.concatenate(logits) if logits else np.zeros(0, np.float32)), starts
