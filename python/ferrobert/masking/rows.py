"""Rows of token ids in the several forms that they come in, as flat columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding, Ragged
from ferrobert.encoding.values import Padding
from ferrobert.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["IGNORED", "Rows", "aligned", "narrow", "rows_of", "sample_ids_of", "words_of", "words_of_row"]


#: Label of a token that is not predicted: what torch's cross entropy ignores.
IGNORED = -100


class Rows(NamedTuple):
    """Rows of token ids, all of one batch."""

    ids: NDArray[Any]
    """int32 or int64, ``(tokens,)``."""
    row_splits: NDArray[np.int64]
    """``(rows + 1,)``."""
    word_ids: NDArray[np.int32] | None = None
    """``(tokens,)``, -1 for none."""
    special: NDArray[np.int64] | None = None
    """``(tokens,)``, not 0 for tokens that are not to be selected."""
    shape: tuple[int, ...] | None = None
    """Shape of the array that the rows are; ``None`` for ragged rows."""
    padding: Padding | None = None
    """How ragged rows become a matrix; ``None`` where they stay."""
    device: Any = None
    """Device of the tensor that the result is; ``None`` for an array."""

    @property
    def number(self) -> int:
        """How many rows there are."""
        return len(self.row_splits) - 1


def rows_of(given: Any, *, words: bool) -> Rows:
    """Rows of an encoding, an array, a tensor, or lists.

    Raises:
        ConfigError: anything else, or floats.
    """
    if isinstance(given, np.ndarray) and given.dtype != object:
        return _rows_of_array(given, "input_ids")
    if isinstance(given, Ragged):
        if given.values.ndim != 1:
            raise ConfigError(f"input_ids must be rows of ints, got values of shape {given.values.shape}")
        return Rows(_integers(given.values, "input_ids"), given.row_splits)
    if isinstance(given, Mapping) or hasattr(given, "word_ids"):
        return _rows_of_encoding(given, words)
    if hasattr(given, "detach"):
        rows = _rows_of_array(given.detach().cpu().numpy(), "input_ids")
        return rows._replace(device=given.device)
    if isinstance(given, (list, tuple, np.ndarray)):
        lists: list[Any] = list(given)
        if lists and isinstance(lists[0], (int, np.integer)):
            raise ConfigError("input_ids must be rows of token ids, got one row of int: wrap it in a list")
        return Rows(*_core.flatten(lists, "input_ids"))
    raise ConfigError(
        f"input_ids must be an encoding, a Ragged, an array or tensor of ints, or lists, got {type(given).__name__}"
    )


def _rows_of_encoding(encoding: Any, words: bool) -> Rows:
    if isinstance(encoding, BatchEncoding) and encoding.is_untouched:
        columns = encoding.columns
        return Rows(
            columns.ids,
            columns.row_splits,
            words_of(columns) if words and columns.can_align else None,
            padding=encoding.matrix_padding,
            device="cpu" if encoding.tensor_type == "pt" else None,
        )
    if "input_ids" not in encoding:
        raise ConfigError(f"an encoding to mask needs input_ids; it has {', '.join(map(str, encoding)) or 'nothing'}")
    ids = encoding["input_ids"]
    single = isinstance(ids, (list, tuple)) and len(ids) > 0 and isinstance(ids[0], int)
    if single and not isinstance(encoding, BatchEncoding):
        raise ConfigError("input_ids must be rows of token ids, got one row of int: encode a list of texts")
    ids = [ids] if single else ids
    rows = rows_of(ids, words=False)
    special = encoding.get("special_tokens_mask")
    if special is not None:
        flat_special = rows_of([special] if single else special, words=False)
        if not np.array_equal(flat_special.row_splits, rows.row_splits):
            raise ConfigError("special_tokens_mask and input_ids differ in their rows")
        rows = rows._replace(special=flat_special.ids.astype(np.int64))
    if not words:
        return rows
    if "word_ids" in encoding:
        return _with_words(rows, list(encoding["word_ids"]))
    if callable(getattr(encoding, "word_ids", None)) and getattr(encoding, "is_fast", False):
        return _with_words(rows, [words_of_row(encoding, row) for row in range(rows.number)])
    return rows


def _with_words(rows: Rows, words: list[Any]) -> Rows:
    return rows._replace(word_ids=narrow(aligned("word_ids", words, rows.row_splits, -1), "word_ids"))


def aligned(name: str, rows: list[Any], row_splits: NDArray[np.int64], none: int | None = None) -> NDArray[np.int64]:
    """Rows of ints as one column, of the lengths that the rows of ids have; ``none`` takes the place of ``None``.

    Raises:
        ConfigError: a row that is no row of ints, or of another length.
    """
    values, splits = _core.flatten(rows, name, none)
    if len(splits) != len(row_splits):
        raise ConfigError(f"{name} has {len(splits) - 1} rows, input_ids {len(row_splits) - 1}")
    if not np.array_equal(splits, row_splits):
        given, expected = np.diff(splits), np.diff(row_splits)
        row = int(np.flatnonzero(given != expected)[0])
        raise ConfigError(f"{name}[{row}] has {given[row]} values, input_ids[{row}] has {expected[row]}")
    return values


def words_of_row(encoding: Any, row: int) -> list[int | None]:
    """Word ids of text and pair, told apart."""
    words, sequences = encoding.word_ids(row), encoding.sequence_ids(row)
    return [None if word is None else 2 * word + (side or 0) for word, side in zip(words, sequences, strict=True)]


def words_of(columns: Any) -> NDArray[np.int32]:
    """The word ids of flat columns, those of text and pair told apart."""
    words: NDArray[np.int32] = columns.word_ids
    if columns.all_types_are_zero and not (columns.sequence_ids > 0).any():
        return words
    told_apart: NDArray[np.int32] = np.where(words < 0, words, 2 * words + (columns.sequence_ids > 0))
    return told_apart.astype(np.int32)


def _rows_of_array(array: NDArray[Any], name: str) -> Rows:
    if array.ndim not in (1, 2):
        raise ConfigError(f"{name} must have shape (rows, width) or (tokens,), got {array.shape}")
    rows, width = (1, len(array)) if array.ndim == 1 else array.shape
    flat = _integers(array, name).reshape(-1)
    splits = np.arange(0, rows * width + 1, width) if width else np.zeros(rows + 1, np.int64)
    return Rows(flat, splits, shape=array.shape)


def _integers(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind not in "iu":
        raise ConfigError(f"{name} must be ints, got an array of {array.dtype}")
    if array.dtype == np.uint64 and array.size and int(array.max()) >= 2**63:
        raise ConfigError(f"{name} must be ints of 64 bits, got {array.max()}")
    kind = array.dtype if array.dtype in (np.int32, np.int64) else np.dtype(np.int64)
    flags = array.flags
    if kind is array.dtype and flags.c_contiguous and flags.aligned:
        return array
    return np.require(array, kind, ["C", "A"])


def narrow(ints: NDArray[np.int64], name: str) -> NDArray[np.int32]:
    """The same as int32, as columns are.

    Raises:
        ConfigError: one does not fit.
    """
    if ints.size and not -(2**31) <= int(ints.min()) <= int(ints.max()) < 2**31:
        raise ConfigError(f"{name} must be ints of 32 bits, got {ints.min()} to {ints.max()}")
    return ints.astype(np.int32)


def sample_ids_of(given: Sequence[int] | NDArray[np.integer] | None, rows: int) -> NDArray[np.int64]:
    """One id for each row, by default its number.

    Raises:
        ConfigError: another number of them, or other values than ints that are not negative.
    """
    if given is None:
        return np.arange(rows, dtype=np.int64)
    array = np.asarray(given.cpu() if hasattr(given, "cpu") else given)
    if array.ndim != 1 or len(array) != rows:
        raise ConfigError(f"sample_ids must be {rows} ints, one a row, got shape {array.shape}")
    if rows == 0:
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iu":
        raise ConfigError(f"sample_ids must be ints, got an array of {array.dtype}")
    if int(array.min()) < 0 or int(array.max()) >= 2**63:
        row = int(np.flatnonzero((array < 0) | (array >= 2**63))[0])
        raise ConfigError(f"sample_ids must lie in 0 to 2^63 - 1, got {array[row]} (row {row})")
    return array.astype(np.int64)
