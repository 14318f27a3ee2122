"""Batches for masked language modeling, made of rows of a data set."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding
from ferrobert.encoding.values import Padding, as_tensor
from ferrobert.errors import ConfigError
from ferrobert.inputs import EPOCH_BITS, check_count, check_counter, check_side, check_tensors
from ferrobert.masking.features import Features, features_of
from ferrobert.masking.rows import IGNORED, Rows, narrow
from ferrobert.masking.tokens import MaskRows, mask_rows
from ferrobert.masking.vocabulary import MaskingOptions, MaskingVocabulary, options_of, vocabulary_of
from ferrobert.tokenizer import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DataCollatorForLanguageModeling"]

#: Columns that no model reaches: more would only fill the memory.
WIDEST = 1 << 20


@dataclass
class DataCollatorForLanguageModeling:
    """Pads rows to one width and masks them: inputs and labels of masked language modeling.

    Takes the place of ``transformers.DataCollatorForLanguageModeling``, for tokenizers of ferrobert and of
    transformers. What differs: whole words are true words, made 80 / 10 / 10 as tokens are; random tokens are never
    special and never a free place of the vocabulary; with a ``seed``, masks are a pure function of (seed, epoch, sample
    id, position), so that they do not change with the order of the rows, the number of loader workers or processes, or
    after a resume.

    A row's sample id is its value ``"sample_id"`` or, without one, the CRC-32 of its ids without padding: rows of equal
    content have equal masks. The epoch is the rows' value ``"epoch"`` or, without one, what :meth:`set_epoch` was given
    last; call that before each epoch, or masks stay the same. Without a ``seed`` each batch draws one of torch's
    generator (of numpy's for arrays).

    Args:
        tokenizer: A tokenizer of ferrobert or of transformers.
        mlm: ``False`` for causal language modeling: labels are the ids, -100 for padding.
        mlm_probability: Share of the tokens that are selected.
        whole_word_mask: Select words. Byte-level BPE needs rows with ``"word_ids"`` (-1 or ``None`` for none).
        mask_replace_prob: Share of the selected that become the mask token.
        random_replace_prob: Share of the selected that become a random token; the rest stays.
        pad_to_multiple_of: Round the width up to a multiple.
        return_tensors: ``"pt"`` or ``"np"``.
        seed: 0 to 2^64 - 1.
        exact: Select an exact number of tokens a row, see :func:`ferrobert.mask_tokens`.
        max_span_length: Select spans of words, see :func:`ferrobert.mask_tokens`.

    Raises:
        ConfigError: an option is not allowed, or the tokenizer has no mask token.

    Example:
        >>> from ferrobert import BertTokenizer, DataCollatorForLanguageModeling
        >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "hello": 5})
        >>> collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=1.0, return_tensors="np", seed=1)
        >>> batch = collator([{"input_ids": [2, 5, 5, 3]}, {"input_ids": [2, 5, 3]}])
        >>> batch["labels"].tolist(), batch["attention_mask"].tolist()
        ([[-100, 5, 5, -100], [-100, 5, -100, -100]], [[1, 1, 1, 1], [1, 1, 1, 0]])
    """

    tokenizer: Any
    mlm: bool = True
    mlm_probability: float = 0.15
    whole_word_mask: bool = False
    mask_replace_prob: float = 0.8
    random_replace_prob: float = 0.1
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"
    seed: int | None = None
    exact: bool = False
    max_span_length: int | None = None
    _epoch: Any = field(default=None, init=False, repr=False, compare=False)
    _pads: tuple[Any, tuple[int | None, str, int]] | None = field(default=None, init=False, repr=False, compare=False)

    _mask_rows: ClassVar[MaskRows] = staticmethod(mask_rows)

    def __post_init__(self) -> None:
        check_tensors(self.return_tensors)
        if self.seed is not None:
            check_counter("seed", self.seed)
        if self.mlm:
            self._vocabulary_and_options()
        elif self.whole_word_mask or self.exact or self.max_span_length is not None:
            raise ConfigError("whole_word_mask, exact and max_span_length say what is masked: they need mlm=True")
        if self.pad_to_multiple_of is not None:
            self.pad_to_multiple_of = check_count("pad_to_multiple_of", self.pad_to_multiple_of, 1)
            if self.pad_to_multiple_of > WIDEST:
                raise ConfigError(f"pad_to_multiple_of must be at most {WIDEST}, got {self.pad_to_multiple_of}")
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Other masks from here on, also in loader workers that already run (``"pt"``)."""
        epoch = check_counter("epoch", epoch, EPOCH_BITS)
        if self._epoch is None:
            self._epoch = np.zeros((), np.uint64)
            if self.return_tensors == "pt":
                # Memory that workers share: persistent ones keep their copy of this object.
                self._epoch = as_tensor(self._epoch.astype(np.int64), "pt", "epoch").share_memory_()
        self._epoch[...] = epoch

    def __call__(self, features: Sequence[Any] | Mapping[str, Any], return_tensors: str | None = None) -> BatchEncoding:
        """A batch of rows.

        Args:
            features: Rows: mappings with ``input_ids`` (lists, tuples, arrays or tensors of ints), or the ids
                alone; or an encoding of a ferrobert tokenizer, whose flat columns are used as they are. Further
                values are padded (``token_type_ids``, ``attention_mask``) or stacked.
            return_tensors: In place of the collator's own.

        Returns:
            BatchEncoding: ``input_ids``, ``attention_mask``, ``token_type_ids`` where rows have them, ``labels``: int64
            ``(rows, width)``; further values ``(rows, ...)``.

        Raises:
            ConfigError: no rows, rows with other keys than the first, values that do not fit, ids outside of the
                vocabulary.
        """
        kind = check_tensors(return_tensors) or self.return_tensors
        vocabulary, options = self._vocabulary_and_options() if self.mlm else (None, None)
        given = features_of(features, words=options is not None and options.words)
        padding = self._padding(given)
        width, side = padding.width or 0, padding.side
        if self.mlm:
            rows = Rows(given.ids, given.row_splits, given.word_ids, given.special, padding=padding)
            seed, epoch, sample_ids = self._counters(given, padding.pad_id, kind)
            masked, labels = type(self)._mask_rows(rows, vocabulary, options, seed, epoch, sample_ids)
        else:
            ids = narrow(given.ids, "input_ids")
            masked = _core.pad(ids, given.row_splits, width, padding.pad_id, side)
            labels = _core.pad(np.where(ids == padding.pad_id, IGNORED, ids), given.row_splits, width, IGNORED, side)
        values = {"input_ids": masked}
        if given.token_type_ids is not None:
            values["token_type_ids"] = given.token_type_ids(width, padding.pad_type_id, side)
        values["attention_mask"] = given.attention_mask(width, 0, side)
        values |= {"labels": labels, **given.other}
        return BatchEncoding(_tensors(values) if kind == "pt" else values)

    def _vocabulary_and_options(self) -> tuple[MaskingVocabulary, MaskingOptions]:
        options = options_of(
            self.mlm_probability,
            self.mask_replace_prob,
            self.random_replace_prob,
            self.whole_word_mask,
            self.exact,
            self.max_span_length,
        )
        return vocabulary_of(self.tokenizer), options

    def _padding(self, given: Features) -> Padding:
        pad_id, side, pad_type_id = self._pad_settings()
        shortest, width = _core.row_lengths(given.row_splits)
        if self.pad_to_multiple_of:
            width = -(-width // self.pad_to_multiple_of) * self.pad_to_multiple_of
        if pad_id is None:
            if width > shortest:
                raise ConfigError("rows differ in length, and the tokenizer has no padding token: give it a pad_token")
            pad_id = -1  # no id: nothing is padded
        return Padding(width, side, pad_id, pad_type_id)

    def _pad_settings(self) -> tuple[int | None, str, int]:
        tokenizer = self.tokenizer
        if self._pads is None or self._pads[0] is not tokenizer:
            settings = (
                tokenizer.pad_token_id,
                check_side("padding_side", tokenizer.padding_side),
                getattr(tokenizer, "pad_token_type_id", 0),
            )
            if not isinstance(tokenizer, Tokenizer):
                return settings  # may change
            self._pads = tokenizer, settings
        return self._pads[1]

    def _counters(self, given: Features, pad_id: int, kind: str) -> tuple[int, int, NDArray[np.int64]]:
        """Seed, epoch and sample ids: what the masks depend on."""
        rows = len(given.row_splits) - 1
        if self.seed is None:
            return _random_seed(kind), 0, np.arange(rows, dtype=np.int64)
        epoch = int(self._epoch) if given.epoch is None else given.epoch
        if given.sample_ids is not None:
            return self.seed, epoch, given.sample_ids
        ids, splits = given.ids.astype("<i8"), given.row_splits.tolist()
        checksums = [zlib.crc32(_without(pad_id, ids[start:end]).data) for start, end in pairwise(splits)]
        return self.seed, epoch, np.array(checksums, np.int64)


def _without(pad_id: int, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """A row without the padding at its ends."""
    if not len(ids) or pad_id not in (ids[0], ids[-1]):
        return ids
    tokens = np.flatnonzero(ids != pad_id)
    return ids[tokens[0] : tokens[-1] + 1] if len(tokens) else ids[:0]


def _tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    import torch

    return {key: torch.from_numpy(array) for key, array in arrays.items()}


def _random_seed(kind: str) -> int:
    """A seed of the generator that users of such tensors set: torch's or numpy's."""
    if kind == "np":
        return int(np.random.randint(2**63 - 1, dtype=np.int64))  # noqa: NPY002 - the generator of np.random.seed
    import torch

    return int(torch.randint(2**63 - 1, ()))
