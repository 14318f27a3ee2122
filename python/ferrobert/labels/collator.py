"""Batches for token classification, made of rows of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ferrobert import _core
from ferrobert.arrow import column_of
from ferrobert.encoding import BatchEncoding, Ragged
from ferrobert.errors import AlignmentError, ConfigError, MissingDependencyError, TextTypeError
from ferrobert.inputs import check_count, check_side, check_tensors
from ferrobert.labels.alignment import AlignRows, align_rows, check_index
from ferrobert.labels.rows import label_rows
from ferrobert.labels.vocabulary import label_vocab
from ferrobert.labels.words import word_rows_of
from ferrobert.masking.features import features_of
from ferrobert.tokenizer import Tokenizer
from ferrobert.tokenizer.plan import lengths_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DataCollatorForTokenClassification"]

_WORDS = ("tokens", "words")
_LABELS = ("labels", "ner_tags", "tags", "label")
#: Columns that no model reaches: more would only fill the memory.
_WIDEST = 1 << 20


class _Padding(NamedTuple):
    """How rows become matrices."""

    side: str
    pad_id: int | None
    pad_type_id: int


@dataclass
class DataCollatorForTokenClassification:
    """Pads rows and their labels to one width; makes them of words and their labels where rows have these.

    Takes the place of ``transformers.DataCollatorForTokenClassification``: rows that are encoded, with ``"labels"``
    (one a token), give the same tensors. Rows of words (``"tokens"`` or ``"words"``) and labels (``"labels"``,
    ``"ner_tags"`` or ``"tags"``, one a word) are tokenized, aligned (see :func:`ferrobert.align_labels`) and padded in
    one call; other values of such rows are left out. ``transformers.Trainer`` drops the columns of words unless
    ``remove_unused_columns=False``.

    Args:
        tokenizer: A tokenizer of ferrobert or of transformers.
        padding: ``True`` or ``"longest"``, ``"max_length"``, ``False`` (rows must then be of one length).
        max_length: Width for ``padding="max_length"``, and where rows of words are cut; by default the model's.
        pad_to_multiple_of: Round the width up to a multiple.
        label_pad_token_id: Label of padding; of rows of words also that of special tokens and of tokens behind a word's
            first.
        return_tensors: ``"pt"`` or ``"np"``.
        label2id: Ids of labels that are strings: label -> id, or the labels in the order of their ids.
        label_all_tokens: Rows of words: label the other tokens of a word too.
        truncation: Rows of words: cut at ``max_length``; labels of words that are cut off are not used.

    Raises:
        ConfigError: an option is not allowed.

    Example:
        >>> from ferrobert import BertTokenizer, DataCollatorForTokenClassification
        >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "mu": 4, "##sk": 5, "met": 6})
        >>> labels = ["O", "B-PER", "I-PER"]
        >>> collator = DataCollatorForTokenClassification(tokenizer, return_tensors="np", label2id=labels)
        >>> batch = collator([{"tokens": ["Musk", "met"], "tags": ["B-PER", "O"]}, {"tokens": [], "tags": []}])
        >>> batch["input_ids"].tolist(), batch["labels"].tolist()
        ([[2, 4, 5, 6, 3], [2, 3, 0, 0, 0]], [[-100, 1, -100, 0, -100], [-100, -100, -100, -100, -100]])
    """

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    label_pad_token_id: int = -100
    return_tensors: str = "pt"
    label2id: Any = field(default=None, kw_only=True)
    label_all_tokens: bool = field(default=False, kw_only=True)
    truncation: bool = field(default=True, kw_only=True)

    _align_rows: ClassVar[AlignRows] = staticmethod(align_rows)
    #: Encodes and aligns at once, where a tokenizer of the core can; ``None`` for the twin.
    _encode_labelled: ClassVar[Any] = staticmethod(_core.encode_labelled)

    def __post_init__(self) -> None:
        check_tensors(self.return_tensors)
        self.label_pad_token_id = check_index(self.label_pad_token_id)
        self.padding = getattr(self.padding, "value", self.padding)
        if self.padding not in (True, False, "longest", "max_length", "do_not_pad"):
            raise ConfigError(f'padding must be True, False, "longest" or "max_length", got {self.padding!r}')
        if self.max_length is not None:
            self.max_length = check_count("max_length", self.max_length, 1)
        if self.pad_to_multiple_of is not None:
            self.pad_to_multiple_of = check_count("pad_to_multiple_of", self.pad_to_multiple_of, 1)
            if self.pad_to_multiple_of > _WIDEST:
                raise ConfigError(f"pad_to_multiple_of must be at most {_WIDEST}, got {self.pad_to_multiple_of}")
        self._vocab = label_vocab(self.label2id)
        if self.label_all_tokens:
            if self._vocab is None:
                raise AlignmentError("label_all_tokens needs label2id: it says which I- goes on with a B-")
            self._vocab.check_scheme()
        self._arguments: tuple[Any, dict[str, Any] | None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_vocab": None, "_arguments": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._vocab = label_vocab(self.label2id)

    def __call__(self, features: Sequence[Any] | Mapping[str, Any], return_tensors: str | None = None) -> BatchEncoding:
        """A batch of rows.

        Args:
            features: Rows: mappings with ``input_ids`` and ``labels`` (lists, arrays or tensors), all with the same
                keys; or of words and labels. Also a mapping of columns, such as an encoding with ``"labels"``.
            return_tensors: In place of the collator's own.

        Returns:
            BatchEncoding: ``input_ids``, ``attention_mask``, ``token_type_ids`` where the model takes them or rows have
            them, ``labels`` where rows have labels: int64 ``(rows, width)``.

        Raises:
            AlignmentError: words and labels differ in number; a label that is not in ``label2id``.
            ConfigError: no rows, rows with other keys than the first, values that do not fit.
        """
        kind = check_tensors(return_tensors) or self.return_tensors
        keys: Any = features if hasattr(features, "keys") else features[0] if len(features) else ()
        words = next((name for name in _WORDS if name in keys and "input_ids" not in keys), None)
        values = self._padded(features) if words is None else self._of_words(features, words, keys)
        return BatchEncoding(_tensors(values) if kind == "pt" else values)

    # --- rows that are encoded ---------------------------------------------------------------------------

    def _padded(self, features: Any) -> dict[str, NDArray[Any]]:
        given = features_of(_without_labels(features), words=False)
        padding = self._pad_settings()
        width = self._width(given.row_splits, padding)
        splits, side = given.row_splits, padding.side
        pad_id = padding.pad_id or 0
        values = {"input_ids": _matrix(given.ids, splits, width, pad_id, side)}
        if given.token_type_ids is not None:
            values["token_type_ids"] = given.token_type_ids(width, padding.pad_type_id, side)
        values["attention_mask"] = given.attention_mask(width, 0, side)
        values |= given.other
        name, labels = _labels_of(features)
        if labels is not None:
            values[name] = _core.matrix_of_rows(list(labels), name, splits, width, self.label_pad_token_id, side)
        return values

    def _width(self, row_splits: NDArray[np.int64], padding: _Padding) -> int:
        shortest, width = _core.row_lengths(row_splits)
        if self.padding in ("max_length",):
            width = max(width, self._max_length())
        if self.padding in (True, "longest", "max_length") and self.pad_to_multiple_of:
            width = -(-width // self.pad_to_multiple_of) * self.pad_to_multiple_of
        if width > shortest and self.padding in (False, "do_not_pad"):
            raise ConfigError(
                f"rows have {shortest} to {width} tokens, which one tensor cannot hold: pass padding=True"
            )
        if width > shortest and padding.pad_id is None:
            raise ConfigError("rows differ in length, and the tokenizer has no padding token: give it a pad_token")
        return width

    def _max_length(self) -> int:
        longest = self.tokenizer.model_max_length if self.max_length is None else self.max_length
        if longest > _WIDEST:
            raise ConfigError(
                'padding="max_length" needs a max_length: the tokenizer does not say what the model takes'
            )
        return int(longest)

    def _pad_settings(self) -> _Padding:
        tokenizer = self.tokenizer
        side = check_side("padding_side", tokenizer.padding_side)
        return _Padding(side, tokenizer.pad_token_id, getattr(tokenizer, "pad_token_type_id", 0))

    # --- rows of words ---------------------------------------------------------------------------------------

    def _of_words(self, features: Any, words: str, keys: Any) -> dict[str, NDArray[Any]]:
        name = next((name for name in _LABELS if name in keys), None)
        labels: Any = None
        if hasattr(features, "keys"):
            texts, labels = features[words], None if name is None else features[name]
        else:
            if not len(features):
                raise ConfigError("a batch needs at least one row")
            try:
                texts = [row[words] for row in features]
                labels = None if name is None else [row[name] for row in features]
            except (KeyError, TypeError):
                raise _other_keys(features, words, name) from None
        if not len(texts):
            raise ConfigError("a batch needs at least one row")
        fast = self._fast_arguments() if labels is not None else None
        if fast is not None:
            column = None if isinstance(texts, list) else column_of(texts, "words")
            texts = texts if column is None else column
            rows = label_rows(labels, len(texts))
            rows = list(rows) if isinstance(rows, Ragged) else rows
            ids, mask, aligned = type(self)._encode_labelled(
                self.tokenizer._backend, texts, rows, self._vocab, label_all_tokens=self.label_all_tokens, **fast
            )
            values = {"input_ids": ids}
            if "token_type_ids" in self.tokenizer.model_input_names:
                values["token_type_ids"] = np.zeros(ids.shape, np.int64)
            if "attention_mask" in self.tokenizer.model_input_names:
                values["attention_mask"] = mask
            return {**values, "labels": aligned}
        return self._encoded(texts, labels)

    def _encoded(self, texts: Any, labels: Any) -> dict[str, NDArray[Any]]:
        """The same in steps: for any tokenizer, for rows without labels, and for the twin."""
        tokenizer = self.tokenizer
        if isinstance(texts, list) and any(isinstance(words, str) for words in texts):
            row = next(row for row, words in enumerate(texts) if isinstance(words, str))
            raise TextTypeError(f"words[{row}] is one string; rows of words are lists")
        options: dict[str, Any] = {"is_split_into_words": True, "truncation": self.truncation}
        if self.truncation:
            options["max_length"] = self.max_length
        if labels is not None and isinstance(tokenizer, Tokenizer):
            options["return_offsets_mapping"] = True
        encoding = tokenizer(texts, **options)
        values = {key: encoding[key] for key in encoding if key != "offset_mapping"}
        if labels is not None:
            rows = word_rows_of(encoding)
            aligned = type(self)._align_rows(
                rows, label_rows(labels, rows.samples), self.label2id, self.label_all_tokens, self.label_pad_token_id
            )
            values["labels"] = list(Ragged(aligned, rows.row_splits))
        number = len(values["input_ids"])
        return self._padded([{key: value[row] for key, value in values.items()} for row in range(number)])

    def _fast_arguments(self) -> dict[str, Any] | None:
        """What the core needs to do all in one call; ``None`` where it cannot."""
        tokenizer = self.tokenizer
        if self._arguments is None or self._arguments[0] is not tokenizer:
            self._arguments = tokenizer, self._core_arguments()
        return self._arguments[1]

    def _core_arguments(self) -> dict[str, Any] | None:
        tokenizer = self.tokenizer
        if self._encode_labelled is None or not isinstance(getattr(tokenizer, "_backend", None), _core.WordPiece):
            return None
        is_plain = tokenizer(["x"]).columns.all_types_are_zero and tokenizer.pad_token_type_id == 0
        if not is_plain or tokenizer.pad_token_id is None or self.padding not in (True, "longest", "max_length"):
            return None
        lengths = lengths_of(tokenizer, False, self.truncation, self.max_length if self.truncation else None, None)
        return {
            "ignore_index": self.label_pad_token_id,
            "add_special_tokens": True,
            "truncation": lengths.truncation,
            "max_length": lengths.max_length if lengths.truncation else None,
            "truncation_side": tokenizer.truncation_side,
            "split_special_tokens": tokenizer.split_special_tokens,
            "width": self._max_length() if self.padding == "max_length" else 0,
            "multiple": self.pad_to_multiple_of or 1,
            "side": check_side("padding_side", tokenizer.padding_side),
            "pad_id": tokenizer.pad_token_id,
        }


def _tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError('return_tensors="pt" needs torch: pip install "ferrobert[torch]"') from error
    return {key: torch.from_numpy(array) for key, array in arrays.items()}


def _other_keys(features: Any, words: str, name: str | None) -> ConfigError:
    needed = [key for key in (words, name) if key is not None]
    for number, row in enumerate(features):
        if not hasattr(row, "keys"):
            return ConfigError(f"row {number} must be a mapping, as row 0 is, got {type(row).__name__}")
        if not all(key in row for key in needed):
            return ConfigError(f"row {number} has keys {sorted(map(str, row))}, but row 0 has {' and '.join(needed)}")
    return ConfigError(f"rows must be mappings with {' and '.join(needed)}")


def _without_labels(features: Any) -> Any:
    """Rows without labels, which are padded otherwise than other values."""
    if hasattr(features, "keys") or not len(features) or not hasattr(features[0], "keys"):
        return features
    return [
        {key: value for key, value in row.items() if key not in ("label", "labels")} if hasattr(row, "keys") else row
        for row in features
    ]


def _labels_of(features: Any) -> tuple[str, Any]:
    """The key of the labels, and their rows; of ``"label"`` and ``"labels"`` the first, as in transformers."""
    is_columns = hasattr(features, "keys")
    keys: Any = features if is_columns else features[0] if hasattr(features[0], "keys") else ()
    name = "label" if "label" in keys else "labels"
    if name not in keys:
        return name, None
    return name, features[name] if is_columns else [row[name] for row in features]


def _matrix(ids: NDArray[Any], splits: NDArray[np.int64], width: int, fill: int, side: str) -> NDArray[np.int64]:
    return _core.pad(ids if ids.dtype == np.int32 else ids.astype(np.int32), splits, width, fill, side)
