"""A row of an encoding: its tokens, and what each of them is of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert.encoding.columns import Columns
from ferrobert.encoding.values import Padding
from ferrobert.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ferrobert.tokenizer import Tokenizer

__all__ = ["CharSpan", "Encoded", "EncodedRow", "TokenSpan"]


class CharSpan(NamedTuple):
    """Half-open span of characters in the original text."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Half-open span of tokens in a row."""

    start: int
    end: int


@dataclass(slots=True)
class Encoded:
    """What a call of a tokenizer made, and of what: spans are slices of what the user wrote."""

    columns: Columns
    tokenizer: Tokenizer
    texts: Sequence[Any]
    pairs: Sequence[Any] | None
    is_split_into_words: bool
    padding: Padding
    tensors: str | None
    """``"np"``, ``"pt"``, or none for lists."""
    batched: bool
    """Whether the values are rows even where there is one."""
    whole: bool
    """Whether the rows hold all of the texts: none was cut, or all windows are there."""

    def __len__(self) -> int:
        return len(self.columns.row_splits) - 1


class EncodedRow:
    """A row of a batch, ``encoding[i]``: what ``tokenizers.Encoding`` says of it, made when it is asked for.

    Tokens are counted as the values of the batch count them, padding included; positions are characters of the
    original text (of the word, where words were encoded). What was done to the values since is not seen here.

    Example:
        >>> from ferrobert import BertTokenizer
        >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "hello": 4})
        >>> row = tokenizer(["hello", "Hello hello"])[1]
        >>> row.tokens, row.offsets[1:3], row.char_to_token(6)
        (['[CLS]', 'hello', 'hello', '[SEP]'], [(0, 5), (6, 11)], 2)
    """

    __slots__ = ("_encoded", "_left", "_length", "_right", "_start", "index")

    _start: int
    _length: int
    index: int
    """Its place in the batch."""

    def __init__(self, encoded: Encoded, index: int) -> None:
        """The row at ``index``, from the end where it is negative.

        Raises:
            IndexError: there is no such row.
        """
        rows = len(encoded)
        if not -rows <= index < rows:
            raise IndexError(f"row {index} is out of range: there are {rows} rows")
        index %= rows
        start, end = encoded.columns.row_splits[index : index + 2].tolist()
        self._encoded = encoded
        self.index = index
        self._start = start
        self._length = end - start
        self._left, self._right = encoded.padding.around(end - start)

    def __len__(self) -> int:
        return self._left + self._length + self._right

    def __repr__(self) -> str:
        return f"EncodedRow(index={self.index}, tokens={len(self)})"

    @property
    def ids(self) -> list[int]:
        """Token ids."""
        return self._padded(self._encoded.columns.ids, self._encoded.padding.pad_id)

    @property
    def type_ids(self) -> list[int]:
        """Token type ids."""
        return self._padded(self._encoded.columns.type_ids, self._encoded.padding.pad_type_id)

    @property
    def attention_mask(self) -> list[int]:
        """1 for tokens, 0 for padding."""
        return [0] * self._left + [1] * self._length + [0] * self._right

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for added special tokens and padding."""
        return self._padded((self._encoded.columns.sequence_ids < 0).astype(np.int32), 1)

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Half-open spans of characters, ``(0, 0)`` for added special tokens and padding."""
        spans = [tuple(span) for span in self._encoded.columns.offsets[self._tokens].tolist()]
        return [(0, 0)] * self._left + spans + [(0, 0)] * self._right

    @property
    def tokens(self) -> list[str]:
        """Tokens as the vocabulary writes them."""
        tokenizer = self._encoded.tokenizer
        tokens = tokenizer.tokens_of(self._encoded.columns.ids[self._tokens].tolist(), self._written)
        pad = tokenizer.pad_token or ""
        return [pad] * self._left + tokens + [pad] * self._right

    @property
    def word_ids(self) -> list[int | None]:
        """The word of each token, ``None`` for added special tokens and padding."""
        return self._optional(self._encoded.columns.word_ids)

    @property
    def sequence_ids(self) -> list[int | None]:
        """0 for the text, 1 for its pair, ``None`` for added special tokens and padding."""
        return self._optional(self._encoded.columns.sequence_ids)

    @property
    def n_sequences(self) -> int:
        """1 for texts, 2 for pairs."""
        return 1 if self._encoded.pairs is None else 2

    @property
    def overflowing(self) -> list[EncodedRow]:
        """Of the first window of a text the others; none of the rest.

        Raises:
            ConfigError: texts were cut and their windows not kept.
        """
        if not self._encoded.whole:
            raise ConfigError("what was cut off was not kept: pass return_overflowing_tokens=True for all windows")
        samples = self._encoded.columns.sample_ids
        first, end = np.searchsorted(samples, samples[self.index] + np.arange(2)).tolist()
        return [EncodedRow(self._encoded, index) for index in range(first + 1, end)] if self.index == first else []

    def token_to_sequence(self, token_index: int) -> int | None:
        """The sequence of a token."""
        return self.sequence_ids[token_index]

    def token_to_word(self, token_index: int) -> int | None:
        """The word of a token."""
        return self.word_ids[token_index]

    def token_to_chars(self, token_index: int) -> CharSpan | None:
        """The characters of a token, ``None`` for special tokens."""
        place = range(-self._left, self._length + self._right)[token_index]
        columns = self._encoded.columns
        if not 0 <= place < self._length or columns.sequence_ids[self._start + place] < 0:
            return None
        return CharSpan(*columns.offsets[self._start + place].tolist())

    def char_to_token(self, char_pos: int, sequence_index: int = 0) -> int | None:
        """The token over a character, ``None`` for white space."""
        tokens = self._sequence(sequence_index)
        offsets = self._encoded.columns.offsets[self._start + tokens.start : self._start + tokens.stop]
        found = np.flatnonzero((offsets[:, 0] <= char_pos) & (char_pos < offsets[:, 1]))
        return self._left + tokens.start + int(found[0]) if len(found) else None

    def char_to_word(self, char_pos: int, sequence_index: int = 0) -> int | None:
        """The word over a character."""
        token = self.char_to_token(char_pos, sequence_index)
        return None if token is None else self.word_ids[token]

    def word_to_tokens(self, word_index: int, sequence_index: int = 0) -> TokenSpan | None:
        """The tokens of a word, ``None`` where it is not in the row."""
        tokens = self._sequence(sequence_index)
        words = self._encoded.columns.word_ids[self._start + tokens.start : self._start + tokens.stop]
        found = np.flatnonzero(words == word_index)
        if not len(found):
            return None
        first = self._left + tokens.start
        return TokenSpan(first + int(found[0]), first + int(found[-1]) + 1)

    def word_to_chars(self, word_index: int, sequence_index: int = 0) -> CharSpan | None:
        """The characters of a word."""
        span = self.word_to_tokens(word_index, sequence_index)
        if span is None:
            return None
        first = self._start - self._left
        offsets = self._encoded.columns.offsets
        return CharSpan(int(offsets[first + span.start, 0]), int(offsets[first + span.end - 1, 1]))

    @property
    def _tokens(self) -> slice:
        return slice(self._start, self._start + self._length)

    def _padded(self, column: NDArray[np.int32], fill: int) -> list[int]:
        values: list[int] = column[self._tokens].tolist()
        return [fill] * self._left + values + [fill] * self._right

    def _optional(self, column: NDArray[np.int32]) -> list[int | None]:
        values = [None if value < 0 else value for value in column[self._tokens].tolist()]
        return [None] * self._left + values + [None] * self._right

    def _sequence(self, sequence: int) -> range:
        """Tokens of a sequence; all where there is no such sequence, as in the reference."""
        if sequence >= self.n_sequences:
            return range(self._length)
        found = np.flatnonzero(self._encoded.columns.sequence_ids[self._tokens] == sequence)
        return range(int(found[0]), int(found[-1]) + 1) if len(found) else range(0)

    def _written(self, token: int) -> str:
        """What the user wrote for a token."""
        encoded, columns = self._encoded, self._encoded.columns
        if not encoded.texts:
            return ""  # rows that were made of tokens
        place = self._start + token
        texts = encoded.pairs if columns.sequence_ids[place] == 1 else encoded.texts
        text = (texts or [""])[int(columns.sample_ids[self.index])]
        if encoded.is_split_into_words:
            text = text[int(columns.word_ids[place])]
        start, end = columns.offsets[place].tolist()
        return str(text[start:end])
