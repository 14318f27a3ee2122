"""The flat columns of a batch: one array a property, all tokens of all rows, no padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert import _core
from ferrobert.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Columns", "FlatColumns"]


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
            self._lengths = _core.row_lengths(self.row_splits)
        return self._lengths

    @property
    def can_align(self) -> bool:
        """Whether offsets and word ids are there or can be computed: not where rows were made of tokens."""
        return self._places.offsets is not None or self._align is not None

    def align(self) -> None:
        """Computes offsets and word ids, unless they are there."""
        align = self._align  # another thread may be here too
        if self._places.offsets is None and align is not None:
            self._places = align()
        self._align = None

    def _aligned(self, name: str) -> NDArray[np.int32]:
        self.align()
        column: NDArray[np.int32] | None = getattr(self._places, name)
        if column is None:
            raise ConfigError(f"{name} are not there: these rows were made of tokens, and their texts are not kept")
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
        self.align()
        places = {name: getattr(self._places, name) for name in ("offsets", "word_ids")}
        columns = {name: self[name] for name in self.keys() if name not in places}
        return Columns, (FlatColumns(**columns, **places),)
