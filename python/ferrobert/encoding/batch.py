"""The dictionary of rows that models take, made of the flat columns when it is asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any, Self, overload

from ferrobert.arrow import array_of, flat_column, table_of
from ferrobert.encoding.columns import Columns
from ferrobert.encoding.row import CharSpan, Encoded, EncodedRow, TokenSpan
from ferrobert.encoding.values import Padding, as_tensor, is_uneven, lists_of, matrix_of
from ferrobert.errors import ConfigError

__all__ = ["BatchEncoding"]

_PENDING: Any = object()
# Values that are lists even for a single text.
_LISTS_OF_ROWS = ("length", "overflow_to_sample_mapping")


class BatchEncoding(MutableMapping[str, Any]):
    """Encoded rows under the names that models take, as transformers returns them.

    Values are lists of int, or int64 numpy arrays / torch tensors of shape ``(rows, width)`` where
    ``return_tensors`` asked for them (``offset_mapping``: ``(rows, width, 2)``). They are made at first
    access. ``encoding["input_ids"]`` and ``encoding.input_ids`` are the same; more keys may be set.

    The accessors (:meth:`word_ids`, :meth:`char_to_token`, ...) count rows and tokens as the values do,
    padding included; positions are characters of the original text. ``encoding[i]`` is row i, with the same
    accessors (:class:`EncodedRow`).

    Args:
        data: Values as they are: of a collator, of ``tokenizer.pad``. The accessors need an encoding of a tokenizer.
        tensor_type: Turns them into ``"np"`` arrays or ``"pt"`` tensors.
        prepend_batch_axis: Makes each value a batch of one, where ``tensor_type`` is given.

    Example:
        >>> from ferrobert import BertTokenizer
        >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "hello": 5})
        >>> encoding = tokenizer("Hello")
        >>> encoding["input_ids"], encoding.word_ids(), encoding.columns.offsets.tolist()
        ([2, 5, 3], [None, 0, None], [[0, 0], [0, 5], [0, 0]])
    """

    __slots__ = ("_encode", "_made", "_values")

    _values: dict[str, Any]
    _made: Encoded | None
    _encode: tuple[Callable[..., BatchEncoding], Any, str] | None

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        tensor_type: str | None = None,
        prepend_batch_axis: bool = False,
    ) -> None:
        self._values = dict(data or {})
        self._made = None
        self._encode = None
        self.convert_to_tensors(tensor_type, prepend_batch_axis)

    @classmethod
    def of_text(cls, values: dict[str, Any], encode: tuple[Callable[..., BatchEncoding], Any, str]) -> Self:
        """The lists of one text; ``function, plan, text`` encode it once more where anything else is asked for."""
        encoding = cls.__new__(cls)
        encoding._values = values
        encoding._made = None
        encoding._encode = encode
        return encoding

    @classmethod
    def of_columns(cls, made: Encoded, keys: Sequence[str]) -> Self:
        """What a tokenizer returns: values are made of the columns when they are asked for."""
        encoding = cls(dict.fromkeys(keys, _PENDING))
        encoding._made = made
        if made.tensors == "pt" or (made.tensors is not None and is_uneven(made.columns, made.padding)):
            # Errors of a missing torch or of uneven rows belong to the call, not to the first access.
            for key in keys:
                encoding[key]
        return encoding

    # --- the mapping -------------------------------------------------------------------------------

    @overload
    def __getitem__(self, key: str) -> Any: ...

    @overload
    def __getitem__(self, key: int) -> EncodedRow: ...

    @overload
    def __getitem__(self, key: slice) -> dict[str, Any]: ...

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            value = self._values[key]
            if value is _PENDING:
                value = self._values[key] = self._value(key)
            return value
        if isinstance(key, slice):
            return {name: self[name][key] for name in self._values}
        if isinstance(key, int) and self.is_fast:
            return self._row(key)
        raise KeyError(
            f"{key!r}: keys are {', '.join(self._values)}; rows are read with a number where a tokenizer made them"
        )

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
        if name.startswith("_"):
            raise AttributeError(name)  # may be asked for before there are values
        if name not in self._values:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; its keys are {', '.join(self)}")
        return self[name]

    def __repr__(self) -> str:
        return repr(self.data)

    def __getstate__(self) -> dict[str, Any]:
        # What is left to compute is computed before the tokenizer may be far away.
        return {"_values": self.data, "_made": self._encoded() if self.is_fast else None, "_encode": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    @property
    def data(self) -> dict[str, Any]:
        """All values, in a dictionary of their own."""
        return {key: self[key] for key in self}

    def copy(self) -> Self:
        """An encoding with keys of its own and the same values."""
        return copy.copy(self)

    def to(self, device: Any, *, non_blocking: bool = False) -> Self:
        """Moves every tensor to a torch device, in place, and returns the same encoding."""
        for key in self:
            if hasattr(self[key], "to"):
                self[key] = self[key].to(device=device, non_blocking=non_blocking)
        return self

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> Self:
        """Turns all values into ``"np"`` arrays or ``"pt"`` tensors, in place; into none without ``tensor_type``.

        Args:
            tensor_type: ``"np"``, ``"pt"`` or ``None``.
            prepend_batch_axis: Make each value a batch of one: ``(tokens,)`` becomes ``(1, tokens)``.

        Raises:
            ConfigError: another type, or rows of different lengths, which no tensor can hold.
            MissingDependencyError: ``"pt"`` without torch.

        Example:
            >>> from ferrobert import BatchEncoding
            >>> BatchEncoding({"input_ids": [2, 5, 3]}).convert_to_tensors("np", prepend_batch_axis=True).input_ids
            array([[2, 5, 3]])
        """
        if tensor_type is not None:
            kind = str(getattr(tensor_type, "value", tensor_type))
            for key in self:
                tensor = as_tensor(self[key], kind, key)
                self[key] = tensor[None] if prepend_batch_axis else tensor
        return self

    def to_arrow(self) -> Any:
        """The values as ``pyarrow.Table``, a column a key, a row a row of tokens.

        Lists of int32 (masks: int8, offsets: pairs of int32). Ids, type ids and offsets without padding lie in the
        memory of the flat columns: what changes one changes the other. What :meth:`datasets.Dataset.map` with
        ``batched=True`` may return.

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

    # --- what was encoded --------------------------------------------------------------------------

    @property
    def columns(self) -> Columns:
        """The flat columns of all rows, without padding.

        :meth:`to_arrow` gives a table over the same memory: what changes one changes the other.

        Raises:
            ConfigError: this encoding was made of values, not by a tokenizer.
        """
        return self._encoded().columns

    @property
    def texts(self) -> Sequence[Any]:
        """The texts that were encoded (lists of words, for words), one a sample."""
        return self._encoded().texts

    @property
    def text_pairs(self) -> Sequence[Any] | None:
        """The second texts of pairs."""
        return self._encoded().pairs

    @property
    def matrix_padding(self) -> Padding | None:
        """How the rows became a matrix, width included; ``None`` where the values are ragged lists."""
        made = self._encoded()
        width = max(made.columns.row_lengths[1], made.padding.width or 0)
        if is_uneven(made.columns, made.padding) or (made.tensors is None and made.padding.width is None):
            return None
        return made.padding if made.padding.width == width else replace(made.padding, width=width)

    @property
    def padding_side(self) -> str:
        """``"right"`` or ``"left"``: where padding goes, or would go."""
        return self._encoded().padding.side

    @property
    def is_untouched(self) -> bool:
        """Whether no value of the tokenizer was read or set yet, so that the columns say what they are."""
        keys = ("input_ids", "token_type_ids", "attention_mask", "special_tokens_mask")
        return self._made is not None and all(self._values.get(key, _PENDING) is _PENDING for key in keys)

    @property
    def tensor_type(self) -> str | None:
        """``"np"`` or ``"pt"``; ``None`` for lists."""
        return self._encoded().tensors

    @property
    def is_fast(self) -> bool:
        """Whether offsets and word ids are there: where a tokenizer made the encoding."""
        return self._made is not None or self._encode is not None

    @property
    def n_sequences(self) -> int:
        """1 for texts, 2 for pairs."""
        return 1 if self.text_pairs is None else 2

    @property
    def encodings(self) -> list[EncodedRow] | None:
        """All rows; ``None`` where no tokenizer made the encoding."""
        return [self._row(index) for index in range(len(self._encoded()))] if self.is_fast else None

    # --- a row: what EncodedRow says, of row 0 where a call names none -------------------------------

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a row, as the vocabulary writes them."""
        return self._row(batch_index).tokens

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """The word of each token, ``None`` for added special tokens and padding."""
        return self._row(batch_index).word_ids

    def words(self, batch_index: int = 0) -> list[int | None]:
        """The same as :meth:`word_ids`."""
        return self.word_ids(batch_index)

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """0 for the text, 1 for its pair, ``None`` for added special tokens and padding."""
        return self._row(batch_index).sequence_ids

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The sequence of a token: ``token_to_sequence(row, token)``, or of row 0 ``(token)``."""
        row, token = self._row_and(batch_or_token_index, token_index)
        return row.token_to_sequence(token)

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The word of a token: ``token_to_word(row, token)``, or of row 0 ``(token)``."""
        row, token = self._row_and(batch_or_token_index, token_index)
        return row.token_to_word(token)

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """The characters of a token, ``None`` for special tokens: ``(row, token)``, or of row 0 ``(token)``."""
        row, token = self._row_and(batch_or_token_index, token_index)
        return row.token_to_chars(token)

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token over a character: ``(row, character)``, or of row 0 ``(character)``; ``None`` for white space."""
        row, char = self._row_and(batch_or_char_index, char_index)
        return row.char_to_token(char, sequence_index)

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """The tokens of a word: ``(row, word)``, or of row 0 ``(word)``; ``None`` where it is not in the row."""
        row, word = self._row_and(batch_or_word_index, word_index)
        return row.word_to_tokens(word, sequence_index)

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """The characters of a word: ``(row, word)``, or of row 0 ``(word)``."""
        row, word = self._row_and(batch_or_word_index, word_index)
        return row.word_to_chars(word, sequence_index)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word over a character: ``(row, character)``, or of row 0 ``(character)``."""
        row, char = self._row_and(batch_or_char_index, char_index)
        return row.char_to_word(char, sequence_index)

    # --- inside ------------------------------------------------------------------------------------

    def _encoded(self) -> Encoded:
        if self._made is None and self._encode is not None:
            function, plan, text = self._encode
            self._made = function(plan, [text])._made
        if self._made is None:
            raise ConfigError(
                "this encoding was made of values, not by a tokenizer: it has no columns, words or offsets; "
                f"its keys are {', '.join(self) or 'none'}"
            )
        return self._made

    def _row(self, index: int) -> EncodedRow:
        return EncodedRow(self._encoded(), index)

    def _row_and(self, batch_or_index: int, index: int | None) -> tuple[EncodedRow, int]:
        return (self._row(0), batch_or_index) if index is None else (self._row(batch_or_index), index)

    def _value(self, key: str) -> Any:
        made = self._encoded()
        if made.tensors is not None and not is_uneven(made.columns, made.padding):
            return as_tensor(matrix_of(key, made.columns, made.padding), made.tensors, key)
        value = lists_of(key, made.columns, made.padding)
        if made.tensors is not None:
            return as_tensor(value, made.tensors, key)
        return value if made.batched or key in _LISTS_OF_ROWS else value[0]

    def _arrow(self, key: str) -> Any:
        value = self._values[key]
        if value is _PENDING:
            columns, padding = self._encoded().columns, self._encoded().padding
            if padding.width is None:
                return flat_column(key, columns)
            make = lists_of if is_uneven(columns, padding) else matrix_of
            return array_of(key, make(key, columns, padding))
        single = self.is_fast and not self._encoded().batched and isinstance(value, list)
        return array_of(key, [value] if single and key not in _LISTS_OF_ROWS else value)
