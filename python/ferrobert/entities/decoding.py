"""Decodes logits of tokens to entities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert.entities.compat import with_joined_words
from ferrobert.entities.options import DecodingOptions, decoder_of, options_of
from ferrobert.entities.result import Entities
from ferrobert.entities.rows import AlignedRows, TokenLogits, aligned_rows, logits_of
from ferrobert.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DecodeRows", "decode_entities", "decode_rows", "decoded_by", "label_words"]

#: The entities of each sample and, where asked for, places of their tokens in the columns and how many each has.
Found = tuple[list[list[dict[str, Any]]], "tuple[NDArray[np.int64], NDArray[np.int64]] | None"]
#: Decodes rows: the core's function, or its pure-Python twin's.
DecodeRows = Callable[[AlignedRows, TokenLogits, DecodingOptions, bool], Found]


def decode_entities(
    logits: Any,
    enc: Any,
    id2label: Mapping[Any, str] | Sequence[str],
    *,
    aggregation_strategy: str = "simple",
    constrained: bool = False,
    texts: Sequence[Any] | None = None,
    compat: bool = False,
    tokenizer: Any = None,
    ignore_labels: Iterable[str] | None = ("O",),
    delimiter: str = " ",
) -> list[Entities]:
    """Entities of logits: labels, grouped, with character spans of the original text.

    The strategies are those of transformers' token-classification pipeline, with the encoding's true words. Windows of
    a text are read as one text: each word from the window that shows most of what is around it.

    Cost: linear in the logits; no Python for each token.

    Args:
        logits: ``(rows, width, labels)`` padded as ``enc`` is, ``(tokens, labels)`` of all rows without padding, or a
            list of ``(tokens of the row, labels)``; arrays or tensors of float16, bfloat16, float32 or float64.
        enc: The encoding of ferrobert's tokenizers (or of transformers' fast ones, with ``texts``), of texts or words.
        id2label: Names of the labels by id, or in the order of the logits.
        aggregation_strategy: ``"none"`` for tokens; ``"simple"`` groups neighbouring tokens of one type; ``"first"``,
            ``"average"`` and ``"max"`` group words, labelled by their first token, by the mean over their tokens, or by
            the token that is most sure.
        constrained: Take the most probable labels that the scheme (BIO, BIOES, BILOU) allows, over tokens for
            ``"none"`` and ``"simple"``, else over words.
        texts: The texts that were encoded (lists of words for words), where ``enc`` does not keep them.
        compat: ``word`` is transformers' joined string of tokens instead of the slice of the text.
        tokenizer: What made the encoding; ``compat`` needs it.
        ignore_labels: Types (labels, for ``"none"``) that are left out; ``[]`` for none.
        delimiter: What joins words that were encoded as words to a text.

    Returns:
        For each sample a list of ``{"entity_group", "score", "word", "start", "end"}``, for ``"none"``
        ``{"entity", "score", "index", "word", "start", "end"}``. ``score`` is the softmax probability of the label, of
        a group the mean over its tokens or words; ``start`` and ``end`` are characters of the text, ``word`` their
        slice; ``index`` is the token's place in the text's tokens, special ones included.

    Raises:
        DecodeError: (a ValueError) logits that are NaN (row and token are named) or of another shape than the
            encoding; ``id2label`` of another number of labels.
        ConfigError: (a ValueError) an unknown strategy; ``constrained`` with labels of no scheme; an encoding without
            offsets, or of pairs.

    Example:
        >>> import numpy as np
        >>> from ferrobert import BertTokenizer, decode_entities
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "el", "##on", "mu", "##sk", "founded", "tesla"]
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> labels = ["O", "B-PER", "I-PER", "B-ORG"]
        >>> logits = np.eye(4)[[0, 1, 2, 2, 2, 0, 3, 0]] * 9  # [CLS] el ##on mu ##sk founded tesla [SEP]
        >>> for entity in decode_entities(logits, tokenizer("Elon Musk founded Tesla"), labels)[0]:
        ...     print(entity["entity_group"], entity["word"], entity["start"], entity["end"], round(entity["score"], 4))
        PER Elon Musk 0 9 0.9996
        ORG Tesla 18 23 0.9996
    """
    options = options_of(id2label, aggregation_strategy, constrained, ignore_labels)
    return decoded_by(decode_rows, logits, enc, options, texts, compat, tokenizer, delimiter)


def decoded_by(
    decode: DecodeRows,
    logits: Any,
    enc: Any,
    options: DecodingOptions,
    texts: Sequence[Any] | None,
    compat: bool,
    tokenizer: Any,
    delimiter: str,
) -> list[Entities]:
    """Entities of logits; ``decode`` is the core's function or its twin's."""
    if compat and tokenizer is None:
        raise ConfigError("compat=True joins tokens as the tokenizer does: pass tokenizer=")
    rows = aligned_rows(enc, texts, delimiter)
    found, tokens = decode(rows, logits_of(logits, rows), options, compat)
    if tokens is not None:
        with_joined_words(found, tokens, rows, options.strategy, tokenizer)
    return [Entities(entities, text) for entities, text in zip(found, rows.texts, strict=True)]


def decode_rows(rows: AlignedRows, logits: TokenLogits, options: DecodingOptions, with_tokens: bool) -> Found:
    """Entities by the core."""
    return decoder_of(options).decode(logits.values, _columns(rows, logits), rows.texts, with_tokens)


def label_words(
    logits: Any,
    enc: Any,
    id2label: Mapping[Any, str] | Sequence[str],
    *,
    constrained: bool = False,
    texts: Sequence[Any] | None = None,
) -> list[list[str]]:
    """One label a word, of an encoding of words: that of its first token.

    The only place where words get labels: of a text in windows, each word is read from the window that shows most of
    what is around it.

    Args:
        logits: As of :func:`decode_entities`.
        enc: An encoding of words.
        id2label: As of :func:`decode_entities`.
        constrained: Take the most probable labels that the scheme allows.
        texts: The words of each sample, where ``enc`` does not keep them.

    Returns:
        A list of names for each sample. A word that has no tokens (white space, control characters) is ``"O"``, or the
        first label where there is no ``"O"``.

    Raises:
        ConfigError: no encoding of words; otherwise as :func:`decode_entities`.
    """
    options = options_of(id2label, "first", constrained, None)
    rows = aligned_rows(enc, texts)
    if rows.words is None:
        if not len(rows.texts):
            return []
        raise ConfigError("labels of words need an encoding of words: encode with is_split_into_words=True")
    given = logits_of(logits, rows)
    words, labels, splits = decoder_of(options).label_words(given.values, _columns(rows, given), len(rows.texts))
    first = np.cumsum([0, *rows.words])
    names = np.array(options.labels, object)
    chosen = np.full(int(first[-1]), "O" if "O" in options.labels else options.labels[0], object)
    chosen[np.repeat(first[:-1], np.diff(splits)) + words] = names[labels]
    flat: list[str] = chosen.tolist()
    return [flat[start:end] for start, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True)]


def _columns(rows: AlignedRows, logits: TokenLogits) -> Any:
    return logits.row_starts, rows.row_splits, rows.sample_ids, rows.word_ids, rows.offsets
