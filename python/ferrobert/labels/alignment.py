"""Labels of words -> labels of tokens, and back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding, Ragged
from ferrobert.errors import AlignmentError, ConfigError
from ferrobert.labels.rows import label_rows
from ferrobert.labels.vocabulary import id2label_of, label_vocab
from ferrobert.labels.words import WordRows, word_rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "AlignRows",
    "FirstTokens",
    "align_labels",
    "align_rows",
    "aligned_by",
    "check_index",
    "word_labels",
    "words_by",
]

#: Aligns rows of labels with the words of tokens: the core's function, or its pure-Python twin's.
AlignRows = Callable[[WordRows, Any, Any, bool, int], "NDArray[np.int64]"]
#: The token that speaks for each word, and the splits of the samples: likewise.
FirstTokens = Callable[[WordRows], tuple["NDArray[np.int64]", "NDArray[np.int64]"]]


def align_labels(
    enc: Any,
    word_labels: Any,
    *,
    label_all_tokens: bool = False,
    ignore_index: int = -100,
    label2id: Any = None,
) -> Ragged:
    """Labels of words as labels of tokens: that of its word for a word's first token, ``ignore_index`` for all others.

    Equal to the loop over ``word_ids()`` that notebooks copy, for each row. Rows of ``return_overflowing_tokens`` are
    windows of their samples: a window labels the first token that it has of each word. Labels of words that truncation
    cut off are not used. Cost: a pass over labels and tokens in the core; encode with ``return_offsets_mapping=True``,
    or the words of the tokens are computed here, by encoding the texts once more.

    Args:
        enc: An encoding of a tokenizer of ferrobert, or of a fast one of transformers: of texts or of words, of one or
            of a batch, padded or not.
        word_labels: A row a sample, a label a word: lists of strings or of ints, a :class:`ferrobert.Ragged`, arrays,
            an Arrow column of lists. For one text also its labels alone.
        label_all_tokens: Label the other tokens of a word too, ``B-X`` as ``I-X`` where ``label2id`` has it (as
            ``run_ner.py`` of transformers); every other label is repeated.
        ignore_index: Label of what is not to be predicted: special tokens, and tokens behind a word's first. As the
            label of a word it is taken as it is.
        label2id: Label -> id, or the labels in the order of their ids. Needed where labels are strings, and for
            ``label_all_tokens``; ids of ints are checked with it.

    Returns:
        Ragged: int64 label ids, ``(tokens,)``; a row for each row of ``enc``, without its padding.

    Raises:
        AlignmentError: a sample has more or fewer labels than words; a label or an id is not in ``label2id``; labels
            are strings and there is no ``label2id``; some labels belong to no scheme, but others do
            (``label_all_tokens``); the encoding is of pairs.
        ConfigError: an argument has a value that is not allowed.

    Example:
        >>> from ferrobert import BertTokenizer, align_labels
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "mu": 3, "##sk": 4, "founded": 5})
        >>> enc = tokenizer([["Musk", "founded"]], is_split_into_words=True)
        >>> align_labels(enc, [["B-PER", "O"]], label2id=["O", "B-PER", "I-PER"])[0].tolist()
        [-100, 1, -100, 0, -100]
        >>> align_labels(enc, [[1, 0]], label2id=["O", "B-PER", "I-PER"], label_all_tokens=True)[0].tolist()
        [-100, 1, 2, 0, -100]
    """
    return aligned_by(align_rows, enc, word_labels, label_all_tokens, ignore_index, label2id)


def aligned_by(
    align: AlignRows, enc: Any, word_labels: Any, label_all_tokens: bool, ignore_index: int, label2id: Any
) -> Ragged:
    """Aligned labels; ``align`` is the core's function or its twin's."""
    ignore_index = check_index(ignore_index)
    if label_all_tokens and label2id is None:
        raise AlignmentError("label_all_tokens needs label2id: it says which I- goes on with a B-")
    words = word_rows_of(enc)
    labels = label_rows(word_labels, words.samples)
    return Ragged(align(words, labels, label2id, bool(label_all_tokens), ignore_index), words.row_splits)


def align_rows(
    words: WordRows, labels: Any, label2id: Any, label_all_tokens: bool, ignore_index: int
) -> NDArray[np.int64]:
    """Label ids of tokens by the core, ``(tokens,)``."""
    vocab = label2id if isinstance(label2id, _core.LabelVocab) else label_vocab(label2id)
    if label_all_tokens and vocab is not None:
        vocab.check_scheme()
    if isinstance(labels, Ragged):
        ids, splits = np.ascontiguousarray(labels.values, np.int64), labels.row_splits
        if vocab is not None:
            vocab.check_ids(ids, splits, ignore_index)
    else:
        ids, splits = _core.flatten_labels(labels, vocab, ignore_index, "word_labels")
    return _core.align_labels(words, ids, splits, vocab if label_all_tokens else None, ignore_index)


def check_index(ignore_index: Any) -> int:
    """``ignore_index`` as int, or ConfigError."""
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, (int, np.integer)):
        raise ConfigError(f"ignore_index must be an int, got {ignore_index!r}")
    if not -(2**63) <= ignore_index < 2**63:
        raise ConfigError(f"ignore_index must be an int of 64 bits, got {ignore_index}")
    return int(ignore_index)


def word_labels(enc: Any, token_labels: Any, *, id2label: Any = None, ignore_index: int = -100) -> list[list[Any]]:
    """Labels of tokens as labels of words, the inverse of :func:`align_labels`: a word has that of its first token.

    Where a sample has several windows, a word is read in the window that holds it whole with the most tokens on the
    side that has fewer (maximal context; the earlier of equals); a word that no window holds whole, in the one that
    holds most of it. Words without a token have no prediction: empty strings, words of characters that the tokenizer
    removes (``"\\u200b"``), and what truncation cut off. They get ``"O"``, or ``ignore_index`` without ``id2label``.

    Args:
        enc: As for :func:`align_labels`.
        token_labels: A row for each row of ``enc``: ids or strings, padded as ``enc`` is or without padding. Lists, a
            :class:`ferrobert.Ragged`, an array or a tensor ``(rows, width)``.
        id2label: Id -> label, or the labels in the order of their ids. Without it ids stay ids.
        ignore_index: What stands for no label.

    Returns:
        A list of labels for each sample, one a word. Of how many words that is: those that were encoded or, where the
        encoding does not keep them (texts, transformers), up to the last that has a token.

    Raises:
        AlignmentError: rows that are not those of ``enc``; an id that is not in ``id2label``.
        ConfigError: an argument has a value that is not allowed.

    Example:
        >>> from ferrobert import BertTokenizer, word_labels
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "mu": 3, "##sk": 4, "founded": 5})
        >>> enc = tokenizer([["Musk", "founded", ""]], is_split_into_words=True)
        >>> word_labels(enc, [[0, 1, 2, 0, 0]], id2label=["O", "B-PER", "I-PER"])
        [['B-PER', 'O', 'O']]
    """
    return words_by(first_tokens, enc, token_labels, id2label, ignore_index)


def first_tokens(words: WordRows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The token that speaks for each word, -1 for none, ``(words,)``, and the splits of the samples, by the core."""
    return _core.first_tokens(words)


def words_by(
    first_tokens: FirstTokens, enc: Any, token_labels: Any, id2label: Any, ignore_index: int
) -> list[list[Any]]:
    """Labels of words; ``first_tokens`` is the core's function or its twin's."""
    names, ignore_index = id2label_of(id2label), check_index(ignore_index)
    words = word_rows_of(enc)
    labels = _flat_labels(enc, token_labels, words)
    places, splits = first_tokens(words)
    picked: list[Any] = labels[places].tolist() if len(labels) else [None] * len(places)
    is_text = bool(picked) and isinstance(picked[0], str)
    none: Any = ignore_index if names is None and not is_text else "O"
    if names is not None and not is_text:
        known = {ignore_index: none, **names}
        try:
            picked = [known[id] for id in picked]
        except KeyError as error:
            raise AlignmentError(
                f"token_labels has the id {error.args[0]!r}, which is not in id2label: "
                f"{', '.join(f'{id}: {name}' for id, name in list(names.items())[:50])}"
            ) from None
    for place in np.flatnonzero(places < 0).tolist():
        picked[place] = none
    ends = splits.tolist()
    return [picked[start:end] for start, end in pairwise(ends)]


def _flat_labels(enc: Any, token_labels: Any, words: WordRows) -> NDArray[Any]:
    """Labels of tokens without padding, ``(tokens,)``."""
    rows = token_labels
    if hasattr(rows, "detach"):
        rows = rows.detach().cpu().numpy()
    splits = words.row_splits
    number, lengths = len(splits) - 1, np.diff(splits)
    if isinstance(rows, Ragged) and np.array_equal(rows.row_splits, splits):
        return rows.values
    if number == 1 and len(rows) and (isinstance(rows[0], str) or not hasattr(rows[0], "__len__")):
        rows = [rows]
    if len(rows) != number:
        raise AlignmentError(f"token_labels has {len(rows)} rows, the encoding {number}")
    left = _padding_side(enc) == "left"
    parts = []
    for row, (labels, length) in enumerate(zip(rows, lengths.tolist(), strict=True)):
        if len(labels) < length:
            raise AlignmentError(f"token_labels[{row}] has {len(labels)} labels, row {row} has {length} tokens")
        if len(labels) > length and _width(enc) != len(labels):
            raise AlignmentError(
                f"token_labels[{row}] has {len(labels)} labels, row {row} has {length} tokens"
                + (f", {_width(enc)} with padding" if _width(enc) else "")
            )
        parts.append(np.asarray(labels[len(labels) - length :] if left else labels[:length]))
    if not parts:
        return np.zeros(0, np.int64)
    flat = np.concatenate(parts)
    if flat.dtype.kind not in "iuUO" and flat.size:
        raise AlignmentError(f"token_labels must be ids or labels, got {flat.dtype}: take the argmax of logits first")
    return flat


def _padding_side(enc: Any) -> str:
    if isinstance(enc, BatchEncoding):
        return enc._encoded().padding.side
    masks = [row.attention_mask for row in enc.encodings]
    return "left" if any(mask and not mask[0] for mask in masks) else "right"


def _width(enc: Any) -> int | None:
    """Columns of padded rows."""
    if isinstance(enc, BatchEncoding):
        padding = enc.matrix_padding
        return None if padding is None else padding.width
    return max((len(row.ids) for row in enc.encodings), default=None)
