"""What tokenization returns: flat columns, and the dictionary of rows that models take.

Nothing is kept per token but numpy columns; lists, matrices and tensors are made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from ferrobert import _core
from ferrobert.arrow import array_of, flat_column, list_array, table_of
from ferrobert.errors import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ferrobert.tokenizer import Tokenizer

__all__ = ["BatchEncoding", "CharSpan", "Columns", "Ragged", "TokenSpan"]


class CharSpan(NamedTuple):
    """Half-open span of characters in the original text."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Half-open span of tokens in a row."""

    start: int
    end: int


class Ragged:
    """Rows of different lengths: one flat array and the places where rows begin.

    Indexing and iteration give views, never copies.

    Args:
        values: ``(n,)``, any dtype.
        row_splits: int64 ``(rows + 1,)``, from 0 to n, never decreasing.

    Raises:
        ConfigError: ``row_splits`` do not describe ``values``.

    Example:
        >>> import numpy as np
        >>> rows = Ragged(np.array([1, 2, 3]), np.array([0, 1, 3]))
        >>> len(rows), rows[1].tolist(), rows.to_padded(0).tolist()
        (2, [2, 3], [[1, 0], [2, 3]])
    """

    __slots__ = ("row_splits", "values")

    def __init__(self, values: NDArray[Any], row_splits: NDArray[np.int64]) -> None:
        row_splits = np.asarray(row_splits, dtype=np.int64)
        values = np.asarray(values)
        if (
            row_splits.ndim != 1
            or not len(row_splits)
            or row_splits[0] != 0
            or row_splits[-1] != len(values)
            or (np.diff(row_splits) < 0).any()
        ):
            raise ConfigError(f"row_splits must rise from 0 to {len(values)}, the number of values, got {row_splits}")
        self.values = values
        self.row_splits = row_splits

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        rows = len(self)
        if not -rows <= row < rows:
            raise IndexError(f"row {row} is out of range: there are {rows} rows")
        row %= rows
        return self.values[self.row_splits[row] : self.row_splits[row + 1]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        return f"Ragged(rows={len(self)}, values={len(self.values)}, dtype={self.values.dtype})"

    def to_padded(self, fill: float) -> NDArray[Any]:
        """Rows as a matrix ``(rows, longest)`` of the same dtype; short rows end with ``fill``."""
        lengths = np.diff(self.row_splits)
        padded = np.full((len(self), int(lengths.max(initial=0))), fill, dtype=self.values.dtype)
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = self.values
        return padded

    def to_arrow(self) -> Any:
        """Rows as a ``pyarrow.ListArray`` over the same memory (``LargeListArray`` from 2^31 values on).

        Raises:
            MissingDependencyError: pyarrow is not installed.
        """
        return list_array(self.values, self.row_splits)

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """The Arrow PyCapsule interface: ``pyarrow.array(rows)``, ``polars.Series(rows)``; needs pyarrow."""
        capsules: tuple[Any, Any] = self.to_arrow().__arrow_c_array__(requested_schema)
        return capsules


class FlatColumns(NamedTuple):
    """What a backend returns: the flat columns as arrays. ``_core.Encodings`` has the same attributes."""

    ids: NDArray[np.int32]
    type_ids: NDArray[np.int32]
    sequence_ids: NDArray[np.int32]
    offsets: NDArray[np.int32] | None
    word_ids: NDArray[np.int32] | None
    row_splits: NDArray[np.int64]
    sample_ids: NDArray[np.int64]

    @property
    def all_types_are_zero(self) -> bool:
        """Whether no token has another type than 0."""
        return not self.type_ids.any()


class Columns:
    """A batch of token rows as flat numpy columns; no padding. Also indexed by name: ``columns["ids"]``.

    ``offsets`` and ``word_ids`` are computed at first access where the call did not ask for them.

    Example:
        >>> from ferrobert import BertTokenizer
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "hello": 3})
        >>> columns = tokenizer(["hello", "hello hello"]).columns
        >>> columns.ids, columns.row_splits
        (array([1, 3, 2, 1, 3, 3, 2], dtype=int32), array([0, 3, 7]))
    """

    __slots__ = ("_align", "_flat", "_lengths", "_made", "_places")

    def __init__(
        self, flat: FlatColumns | _core.Encodings, align: Callable[[], FlatColumns | _core.Encodings] | None = None
    ) -> None:
        self._flat = flat
        # Offsets and word ids may come later; the ids stay those that users may have changed.
        self._places = flat
        self._align = align
        self._lengths: tuple[int, int] | None = None
        # Arrays that the core makes anew each time it is asked.
        self._made: dict[str, NDArray[np.int32]] = {}

    @property
    def ids(self) -> NDArray[np.int32]:
        """Token ids, ``(tokens,)``."""
        return self._flat.ids

    @property
    def type_ids(self) -> NDArray[np.int32]:
        """Token type ids, ``(tokens,)``."""
        return self._once("type_ids")

    @property
    def sequence_ids(self) -> NDArray[np.int32]:
        """0 for the text, 1 for its pair, -1 for special tokens that were added, ``(tokens,)``."""
        return self._once("sequence_ids")

    @property
    def offsets(self) -> NDArray[np.int32]:
        """Half-open spans of characters of the original text (of the word, for words), ``(tokens, 2)``."""
        return self._aligned("offsets")

    @property
    def word_ids(self) -> NDArray[np.int32]:
        """Word of each token, -1 for special tokens that were added, ``(tokens,)``."""
        return self._aligned("word_ids")

    @property
    def row_splits(self) -> NDArray[np.int64]:
        """First token of each row and, last, the number of tokens, ``(rows + 1,)``."""
        return self._flat.row_splits

    @property
    def sample_ids(self) -> NDArray[np.int64]:
        """Index of the sample that each row is a window of, ``(rows,)``."""
        return self._flat.sample_ids

    @property
    def all_types_are_zero(self) -> bool:
        """Whether no token has another type than 0, without making the column where the core did the work."""
        return self._flat.all_types_are_zero

    @property
    def row_lengths(self) -> tuple[int, int]:
        """Tokens of the shortest and of the longest row; 0 and 0 without rows."""
        if self._lengths is None:
            lengths = np.diff(self.row_splits)
            self._lengths = (int(lengths.min()), int(lengths.max())) if len(lengths) else (0, 0)
        return self._lengths

    def align(self) -> None:
        """Computes offsets and word ids, unless they are there."""
        align = self._align  # another thread may be here too
        if self._places.offsets is None and align is not None:
            self._places = align()
        self._align = None

    def _aligned(self, name: str) -> NDArray[np.int32]:
        self.align()
        column: NDArray[np.int32] = getattr(self._places, name)
        return column

    def _once(self, name: str) -> NDArray[np.int32]:
        if name not in self._made:
            self._made[name] = getattr(self._flat, name)
        return self._made[name]

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.keys():
            raise KeyError(f"{name!r}: columns are {', '.join(self.keys())}")
        column: NDArray[Any] = getattr(self, name)
        return column

    def keys(self) -> tuple[str, ...]:
        """Names of the columns."""
        return FlatColumns._fields

    def __repr__(self) -> str:
        return f"Columns(rows={len(self.sample_ids)}, tokens={len(self.ids)})"

    def __reduce__(self) -> tuple[Any, ...]:
        # What is left to compute is computed before the tokenizer may be far away.
        return Columns, (FlatColumns(*(self[name] for name in self.keys())),)


@dataclass(frozen=True, slots=True)
class Padding:
    """How rows become a matrix."""

    width: int | None
    """Columns that shorter rows are padded to; ``None`` for no padding."""
    side: str
    pad_id: int
    pad_type_id: int


@dataclass(frozen=True, slots=True)
class Source:
    """What was encoded: kept so that spans are slices of what the user wrote."""

    texts: Sequence[Any]
    pairs: Sequence[Any] | None
    is_split_into_words: bool


class BatchEncoding(MutableMapping[str, Any]):
    """Encoded rows under the names that models take, as transformers returns them.

    Values are lists of int, or int64 numpy arrays / torch tensors of shape ``(rows, width)`` where
    ``return_tensors`` asked for them (``offset_mapping``: ``(rows, width, 2)``). They are made at first
    access. ``encoding["input_ids"]`` and ``encoding.input_ids`` are the same; more keys may be set.

    The accessors (:meth:`word_ids`, :meth:`char_to_token`, ...) count rows and tokens as the values do,
    padding included; positions are characters of the original text.

    Example:
        >>> from ferrobert import BertTokenizer
        >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "hello": 5})
        >>> encoding = tokenizer("Hello")
        >>> encoding["input_ids"], encoding.word_ids(), encoding.columns.offsets.tolist()
        ([2, 5, 3], [None, 0, None], [[0, 0], [0, 5], [0, 0]])
    """

    __slots__ = ("_batched", "_columns", "_encode", "_padding", "_source", "_tensors", "_tokenizer", "_values")

    _columns: Columns | None
    _encode: tuple[Callable[..., BatchEncoding], Any, str] | None
    _tokenizer: Tokenizer
    _source: Source
    _padding: Padding
    _tensors: str | None
    _batched: bool

    def __init__(self, data: Mapping[str, Any] | None = None, *, tensor_type: str | None = None) -> None:
        """Values as they are: of a collator, of ``tokenizer.pad``. The accessors need an encoding of a tokenizer."""
        self._values: dict[str, Any] = dict(data or {})
        self._columns = None
        self._encode = None
        self._tensors = None
        self.convert_to_tensors(tensor_type)

    @classmethod
    def of_text(cls, values: dict[str, Any], encode: tuple[Callable[..., BatchEncoding], Any, str]) -> Self:
        """The lists of one text; ``function, plan, text`` encode it once more where anything else is asked for."""
        encoding = cls.__new__(cls)
        encoding._values = values
        encoding._columns = None
        encoding._encode = encode
        return encoding

    @classmethod
    def of_columns(
        cls,
        columns: Columns,
        *,
        tokenizer: Tokenizer,
        source: Source,
        keys: Sequence[str],
        padding: Padding,
        tensors: str | None,
        batched: bool,
    ) -> Self:
        """What a tokenizer returns: values are made of the columns when they are asked for."""
        encoding = cls(dict.fromkeys(keys, _PENDING))
        encoding._columns = columns
        encoding._tokenizer = tokenizer
        encoding._source = source
        encoding._padding = padding
        encoding._tensors = tensors
        encoding._batched = batched
        if tensors == "pt" or (tensors is not None and encoding._is_uneven()):
            # Errors of a missing torch or of uneven rows belong to the call, not to the first access.
            for key in keys:
                encoding[key]
        return encoding

    # --- the mapping -------------------------------------------------------------------------------

    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, slice):
            return {name: self[name][key] for name in self._values}
        if not isinstance(key, str):
            raise KeyError(
                f"{key!r}: keys are {', '.join(self._values)}; rows are read with tokens(i), word_ids(i), ..."
            )
        value = self._values[key]
        if value is _PENDING:
            value = self._values[key] = self._value(key)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; its keys are {', '.join(self)}")
        return self[name]

    def __repr__(self) -> str:
        return repr(self.data)

    def __getstate__(self) -> dict[str, Any]:
        if self._encode is not None:
            self.columns  # noqa: B018 - what is left to compute is computed before the tokenizer may be far away
        state = {name: getattr(self, name) for name in self.__slots__ if hasattr(self, name)}
        return {**state, "_values": self.data, "_encode": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    @property
    def data(self) -> dict[str, Any]:
        """All values, in a dictionary of their own."""
        return {key: self[key] for key in self}

    def to(self, device: Any, *, non_blocking: bool = False) -> Self:
        """Moves every tensor to a torch device, in place, and returns the same encoding."""
        for key in self:
            if hasattr(self[key], "to"):
                self[key] = self[key].to(device=device, non_blocking=non_blocking)
        return self

    def convert_to_tensors(self, tensor_type: str | None = None) -> Self:
        """Turns all values into ``"np"`` arrays or ``"pt"`` tensors, in place."""
        if tensor_type is not None:
            for key in self:
                self[key] = as_tensor(self[key], str(getattr(tensor_type, "value", tensor_type)), key)
        return self

    def to_arrow(self) -> Any:
        """The values as ``pyarrow.Table``, a column a key, a row a row of tokens.

        Lists of int32 (masks: int8, offsets: pairs of int32). Ids, type ids and offsets without padding lie in the
        memory of the flat columns. What :meth:`datasets.Dataset.map` with ``batched=True`` may return.

        Raises:
            MissingDependencyError: pyarrow is not installed.
            ConfigError: a value is no column, or has another number of rows than the rest.

        Example:
            >>> from ferrobert import BertTokenizer
            >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "hello": 4})
            >>> tokenizer(["hello", "hello hello"]).to_arrow()["input_ids"].to_pylist()
            [[2, 4, 3], [2, 4, 4, 3]]
        """
        return table_of({key: self._arrow(key) for key in self})

    def _arrow(self, key: str) -> Any:
        value = self._values[key]
        if value is _PENDING:
            if self._padding.width is None:
                return flat_column(key, self.columns)
            return array_of(key, self._lists(key) if self._is_uneven() else self._matrix(key))
        if self.is_fast:
            self.columns  # noqa: B018 - tells whether the values of one text are a single row
        single = self.is_fast and not self._batched and isinstance(value, list)
        return array_of(key, [value] if single and key not in ("length", "overflow_to_sample_mapping") else value)

    # --- what was encoded --------------------------------------------------------------------------

    @property
    def columns(self) -> Columns:
        """The flat columns of all rows, without padding.

        Raises:
            ConfigError: this encoding was made of values, not by a tokenizer.
        """
        if self._columns is None and self._encode is not None:
            function, plan, text = self._encode
            whole = function(plan, [text])
            for name in ("_padding", "_source", "_tensors", "_tokenizer", "_batched"):
                setattr(self, name, getattr(whole, name))
            self._columns = whole._columns
        if self._columns is None:
            raise ConfigError(
                "this encoding was made of values, not by a tokenizer: it has no columns, words or offsets; "
                f"its keys are {', '.join(self) or 'none'}"
            )
        return self._columns

    @property
    def texts(self) -> Sequence[Any]:
        """The texts that were encoded (lists of words, for words), one a sample."""
        return self._from().texts

    @property
    def text_pairs(self) -> Sequence[Any] | None:
        """The second texts of pairs."""
        return self._from().pairs

    @property
    def is_fast(self) -> bool:
        """Whether offsets and word ids are there: where a tokenizer made the encoding."""
        return self._columns is not None or self._encode is not None

    @property
    def n_sequences(self) -> int:
        """1 for texts, 2 for pairs."""
        return 1 if self._from().pairs is None else 2

    # --- a row -------------------------------------------------------------------------------------

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a row, as the vocabulary writes them."""
        row = self._row(batch_index)
        ids = self.columns.ids[row.tokens].tolist()
        tokens = self._tokenizer.tokens_of(ids, lambda token: self._slice(row, token))
        pad = self._tokenizer.pad_token or ""
        return [pad] * row.left + tokens + [pad] * row.right

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """The word of each token, ``None`` for added special tokens and padding."""
        return self._optional(batch_index, self.columns.word_ids)

    def words(self, batch_index: int = 0) -> list[int | None]:
        """The same as :meth:`word_ids`."""
        return self.word_ids(batch_index)

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """0 for the text, 1 for its pair, ``None`` for added special tokens and padding."""
        return self._optional(batch_index, self.columns.sequence_ids)

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The sequence of a token: ``token_to_sequence(row, token)``, or of row 0 ``(token)``."""
        batch, token = self._place(batch_or_token_index, token_index)
        return self.sequence_ids(batch)[token]

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The word of a token: ``token_to_word(row, token)``, or of row 0 ``(token)``."""
        batch, token = self._place(batch_or_token_index, token_index)
        return self.word_ids(batch)[token]

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """The characters of a token, ``None`` for special tokens: ``(row, token)``, or of row 0 ``(token)``."""
        batch, token = self._place(batch_or_token_index, token_index)
        row = self._row(batch)
        place = range(-row.left, row.length + row.right)[token]
        if not 0 <= place < row.length or self.columns.sequence_ids[row.start + place] < 0:
            return None
        return CharSpan(*self.columns.offsets[row.start + place].tolist())

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token over a character: ``(row, character)``, or of row 0 ``(character)``; ``None`` for white space."""
        batch, char = (0, batch_or_char_index) if char_index is None else (batch_or_char_index, char_index)
        row = self._row(batch)
        tokens = self._sequence(row, sequence_index)
        offsets = self.columns.offsets[row.start + tokens.start : row.start + tokens.stop]
        found = np.flatnonzero((offsets[:, 0] <= char) & (char < offsets[:, 1]))
        return row.left + tokens.start + int(found[0]) if len(found) else None

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """The tokens of a word: ``(row, word)``, or of row 0 ``(word)``; ``None`` where it is not in the row."""
        batch, word = (0, batch_or_word_index) if word_index is None else (batch_or_word_index, word_index)
        row = self._row(batch)
        tokens = self._sequence(row, sequence_index)
        words = self.columns.word_ids[row.start + tokens.start : row.start + tokens.stop]
        found = np.flatnonzero(words == word)
        if not len(found):
            return None
        first = row.left + tokens.start
        return TokenSpan(first + int(found[0]), first + int(found[-1]) + 1)

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """The characters of a word: ``(row, word)``, or of row 0 ``(word)``."""
        span = self.word_to_tokens(batch_or_word_index, word_index, sequence_index)
        if span is None:
            return None
        row = self._row(0 if word_index is None else batch_or_word_index)
        first = row.start - row.left
        offsets = self.columns.offsets
        return CharSpan(int(offsets[first + span.start, 0]), int(offsets[first + span.end - 1, 1]))

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word over a character: ``(row, character)``, or of row 0 ``(character)``."""
        token = self.char_to_token(batch_or_char_index, char_index, sequence_index)
        if token is None:
            return None
        return self.word_ids(0 if char_index is None else batch_or_char_index)[token]

    # --- inside ------------------------------------------------------------------------------------

    def _from(self) -> Source:
        self.columns  # noqa: B018 - refuses encodings without a source
        return self._source

    @property
    def _rows(self) -> int:
        return len(self.columns.row_splits) - 1

    def _row(self, index: int) -> _Row:
        if not -self._rows <= index < self._rows:
            raise IndexError(f"row {index} is out of range: there are {self._rows} rows")
        index %= self._rows
        start, end = self.columns.row_splits[index : index + 2].tolist()
        padding = max((self._padding.width or 0) - (end - start), 0)
        left = padding if self._padding.side == "left" else 0
        return _Row(index, start, end - start, left, padding - left)

    def _place(self, batch_or_index: int, index: int | None) -> tuple[int, int]:
        return (0, batch_or_index) if index is None else (batch_or_index, index)

    def _sequence(self, row: _Row, sequence: int) -> range:
        """Tokens of a sequence of a row; all where there is no such sequence, as in the reference."""
        if sequence >= self.n_sequences:
            return range(row.length)
        found = np.flatnonzero(self.columns.sequence_ids[row.tokens] == sequence)
        return range(int(found[0]), int(found[-1]) + 1) if len(found) else range(0)

    def _optional(self, index: int, column: NDArray[np.int32]) -> list[int | None]:
        row = self._row(index)
        values = [None if value < 0 else value for value in column[row.tokens].tolist()]
        return [None] * row.left + values + [None] * row.right

    def _slice(self, row: _Row, token: int) -> str:
        """What the user wrote for a token of a row."""
        columns = self.columns
        place = row.start + token
        texts = self._source.pairs if columns.sequence_ids[place] == 1 else self._source.texts
        text = (texts or [""])[int(columns.sample_ids[row.index])]
        if self._source.is_split_into_words:
            text = text[int(columns.word_ids[place])]
        start, end = columns.offsets[place].tolist()
        return str(text[start:end])

    def _is_uneven(self) -> bool:
        shortest, longest = (max(length, self._padding.width or 0) for length in self.columns.row_lengths)
        return shortest != longest

    def _value(self, key: str) -> Any:
        if self._tensors is not None and not self._is_uneven():
            return as_tensor(self._matrix(key), self._tensors, key)
        value = self._lists(key)
        if self._tensors is not None:
            return as_tensor(value, self._tensors, key)
        single = not self._batched and key not in ("length", "overflow_to_sample_mapping")
        return value[0] if single else value

    def _matrix(self, key: str) -> NDArray[np.int64]:
        """The value of a key where all rows have the same width."""
        splits, padding = self.columns.row_splits, self._padding
        width = max(self.columns.row_lengths[1], padding.width or 0)
        match key:
            case "input_ids":
                return _core.pad(self.columns.ids, splits, width, padding.pad_id, padding.side)
            case "token_type_ids" if self.columns.all_types_are_zero and padding.pad_type_id == 0:
                return np.zeros((len(splits) - 1, width), np.int64)
            case "token_type_ids":
                return _core.pad(self.columns.type_ids, splits, width, padding.pad_type_id, padding.side)
            case "attention_mask":
                return _core.attention_mask(splits, width, padding.side)
            case "special_tokens_mask":
                mask = (self.columns.sequence_ids < 0).astype(np.int32)
                return _core.pad(mask, splits, width, 1, padding.side)
            case "offset_mapping":
                offsets = self.columns.offsets
                sides = (
                    _core.pad(np.ascontiguousarray(offsets[:, side]), splits, width, 0, padding.side) for side in (0, 1)
                )
                return np.stack(tuple(sides), axis=-1)
            case "length":
                lengths: NDArray[np.int64] = np.maximum(np.diff(splits), padding.width or 0)
                return lengths
            case _:
                samples: NDArray[np.int64] = self.columns.sample_ids
                return samples

    def _lists(self, key: str) -> list[Any]:
        """The value of a key as lists."""
        pad = self._padding
        match key:
            case "input_ids":
                return self._row_lists(self.columns.ids, pad.pad_id)
            case "token_type_ids":
                return self._row_lists(self.columns.type_ids, pad.pad_type_id)
            case "attention_mask":
                return self._row_lists(np.ones(len(self.columns.ids), np.int32), 0)
            case "special_tokens_mask":
                return self._row_lists((self.columns.sequence_ids < 0).astype(np.int32), 1)
            case "offset_mapping":
                spans = [tuple(span) for span in self.columns.offsets.tolist()]
                rows = [self._row(index) for index in range(self._rows)]
                return [[(0, 0)] * row.left + spans[row.tokens] + [(0, 0)] * row.right for row in rows]
            case "length":
                lengths: list[Any] = np.maximum(np.diff(self.columns.row_splits), pad.width or 0).tolist()
                return lengths
            case _:
                samples: list[Any] = self.columns.sample_ids.tolist()
                return samples

    def _row_lists(self, values: NDArray[np.int32], fill: int) -> list[Any]:
        return _core.lists(values, self.columns.row_splits, self._padding.width or 0, fill, self._padding.side)


_PENDING: Any = object()


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the columns and the padding around it."""

    index: int
    start: int
    length: int
    left: int
    right: int

    @property
    def tokens(self) -> slice:
        return slice(self.start, self.start + self.length)


def as_tensor(value: Any, kind: str, key: str) -> Any:
    """Lists or arrays as ``"np"`` array or ``"pt"`` tensor of int64.

    Raises:
        ConfigError: the kind is not known, or rows of different lengths cannot be a tensor.
        MissingDependencyError: torch is not installed.
    """
    if kind == "np":
        if isinstance(value, list) and value and isinstance(value[0], list) and len({len(row) for row in value}) > 1:
            ragged = np.empty(len(value), dtype=object)
            ragged[:] = [np.asarray(row) for row in value]
            return ragged
        return np.asarray(value, dtype=np.int64 if np.size(value) == 0 else None)
    if kind != "pt":
        raise ConfigError(f'return_tensors must be None, "np" or "pt", got {kind!r}')
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError('return_tensors="pt" needs torch: pip install "ferrobert[torch]"') from error
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray) and value.dtype != object:
        return torch.from_numpy(value)
    lengths = {len(row) for row in value if isinstance(row, (list, np.ndarray))}
    if len(lengths) > 1:
        raise ConfigError(
            f"{key} has rows of {min(lengths)} to {max(lengths)} tokens, which one tensor cannot hold: "
            "pass padding=True and truncation=True"
        )
    return torch.tensor(value, dtype=torch.int64)
