"""Examples as token rows with a label for each token; long ones in windows, each word labelled in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import AlignmentError
from ferrobert.labels import align_labels, align_spans
from ferrobert.labels.alignment import first_tokens
from ferrobert.labels.words import finer_words, offsets_of, word_rows_of
from ferrobert.pipelines.rows import TokenRows, token_rows, window_stride
from ferrobert.training.rows import IGNORED
from ferrobert.training.tagged_examples import Tagged, TaggedTexts


@dataclass(frozen=True, slots=True)
class TokenLabels:
    """Encoded examples.

    Attributes:
        rows: their token rows; a row an example, or several windows of it.
        labels: label id of each token, int64 ``(tokens,)``; `IGNORED` for none.
        long_examples: how many examples take more than one row.
        words_without_tokens: how many words the tokenizer makes nothing of (empty, or of characters that it removes),
            whose tags cannot be learned.
        first_tokens: the token that speaks for each word, -1 for none, int64 ``(words,)``.
        word_splits: the first word of each example and, last, the number of words, ``(examples + 1,)``.
    """

    rows: TokenRows
    labels: NDArray[np.int64]
    long_examples: int
    words_without_tokens: int
    first_tokens: NDArray[np.int64]
    word_splits: NDArray[np.int64]

    def words(self, names: Sequence[str], token_ids: NDArray[np.int64]) -> list[list[str]]:
        """One label a word, of label ids of tokens ``(tokens,)``: that of the word's first token.

        Of a long example each word is read in the window that shows most of what is around it. Words without tokens,
        and those of tokens without label, are "O".
        """
        table = np.array([*names, "O"], dtype=object)
        ids = np.append(token_ids, -1)[self.first_tokens]  # (words,); -1 is the last place of both
        flat: list[str] = table[np.where(ids < 0, -1, ids)].tolist()
        return [flat[start:end] for start, end in pairwise(self.word_splits.tolist())]


def encode_tagged(
    examples: Tagged,
    tokenizer: Any,
    names: Sequence[str],
    *,
    scheme: str,
    longest: int | None,
    stride: int | None,
    label_all_tokens: bool,
) -> TokenLabels:
    """Encode examples and align their labels.

    Args:
        examples: words with tags, or texts with spans; checked.
        tokenizer: of ferrobert, or a fast one of transformers.
        names: the labels in the order of their ids.
        scheme: the scheme that spans are written in.
        longest: tokens of the longest row; ``None`` for no limit.
        stride: tokens that the windows of a long example share; ``None`` for those of the pipeline.
        label_all_tokens: label all tokens of a word, not the first alone.

    Raises:
        AlignmentError: a span that cuts a word; the message names its place.
        ConfigError: a stride that leaves no room.
    """
    encoding = _encode(examples.inputs, tokenizer, longest, stride)
    words = word_rows_of(encoding)
    chosen: dict[str, Any] = {"label2id": list(names), "label_all_tokens": label_all_tokens, "ignore_index": IGNORED}
    if isinstance(examples, TaggedTexts):
        try:
            labels = align_spans(encoding, examples.labels, scheme=scheme, **chosen).values
        except AlignmentError:
            raise _placed(examples, tokenizer, longest, stride, {"scheme": scheme, **chosen}) from None
        words = finer_words(encoding, words, offsets_of(encoding)[0])
    else:
        labels = align_labels(encoding, examples.labels, **chosen).values
        # Also words behind the last one with a token count.
        words = words._replace(counts=np.array([len(tags) for tags in examples.labels], dtype=np.int64))
    places, splits = first_tokens(words)
    windows = np.bincount(words.sample_ids, minlength=words.samples)
    if len(words.sample_ids) > words.samples:
        labels = np.where(_is_read_here(words, places, splits), labels, IGNORED)
    return TokenLabels(
        rows=token_rows(encoding),
        labels=labels,
        long_examples=int((windows > 1).sum()),
        words_without_tokens=int((places < 0).sum()),
        first_tokens=places,
        word_splits=splits,
    )


def _encode(inputs: Sequence[Any], tokenizer: Any, longest: int | None, stride: int | None) -> Any:
    options: dict[str, Any] = {
        "is_split_into_words": not isinstance(inputs[0], str),
        "return_offsets_mapping": True,
        "verbose": False,
    }
    if longest is not None:
        room = longest - tokenizer.num_special_tokens_to_add()
        options |= {"truncation": True, "max_length": longest, "return_overflowing_tokens": True}
        options["stride"] = window_stride(room) if stride is None else stride
    return tokenizer(inputs, **options)


def _is_read_here(words: Any, places: NDArray[np.int64], splits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each token stands in the window that its word is read in, ``(tokens,)``."""
    row_of_token = np.repeat(np.arange(len(words.row_splits) - 1), np.diff(words.row_splits))
    word = splits[words.sample_ids[row_of_token]] + words.word_ids
    # Special tokens have no word; they have no label either.
    has_word = words.word_ids >= 0
    result = np.zeros(len(row_of_token), dtype=bool)
    result[has_word] = row_of_token[places[word[has_word]]] == row_of_token[has_word]
    return result


def _placed(
    examples: TaggedTexts, tokenizer: Any, longest: int | None, stride: int | None, chosen: dict[str, Any]
) -> AlignmentError:
    """The error of the first text whose spans do not fit, with its place in the source."""
    for row, (text, spans) in enumerate(zip(examples.inputs, examples.labels, strict=True)):
        try:
            align_spans(_encode([text], tokenizer, longest, stride), [spans], **chosen)
        except AlignmentError as error:
            return AlignmentError(f"{examples.where(row)}: {str(error).replace(' of row 0', '', 1)}")
    return AlignmentError("the spans do not fit their texts")
