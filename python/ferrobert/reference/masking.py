"""Masked-language-model inputs, in pure Python: the same choices as the core's, draw for draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert import masking
from ferrobert.errors import ConfigError
from ferrobert.masking.rows import IGNORED, Rows
from ferrobert.masking.tokens import masked_by
from ferrobert.masking.vocabulary import MaskingOptions, MaskingVocabulary, options_of
from ferrobert.reference.random import MASKING, REPLACEMENT, SPAN_LENGTH, Draws, scale, threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DataCollatorForLanguageModeling", "mask_tokens"]

#: How likely a span of one word more is not to go on: SpanBERT's.
_STOP = 0.2


def mask_tokens(
    input_ids: Any,
    tokenizer: Any,
    *,
    mlm_probability: float = 0.15,
    mask_replace_prob: float = 0.8,
    random_replace_prob: float = 0.1,
    whole_word_mask: bool = False,
    exact: bool = False,
    max_span_length: int | None = None,
    seed: int = 0,
    epoch: int = 0,
    sample_ids: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[Any, Any]:
    """:func:`ferrobert.mask_tokens` in pure Python: same call, same result.

    Example:
        >>> from ferrobert import BertTokenizer, reference
        >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "hello": 5})
        >>> masked, labels = reference.mask_tokens(tokenizer(["hello hello"]), tokenizer, mlm_probability=1.0)
        >>> labels[0].tolist()
        [-100, 5, 5, -100]
    """
    options = options_of(
        mlm_probability, mask_replace_prob, random_replace_prob, whole_word_mask, exact, max_span_length
    )
    return masked_by(mask_rows, input_ids, tokenizer, options, seed, epoch, sample_ids)


class DataCollatorForLanguageModeling(masking.DataCollatorForLanguageModeling):
    """:class:`ferrobert.DataCollatorForLanguageModeling` with the masking itself in pure Python."""

    _mask_rows = staticmethod(lambda *columns: mask_rows(*columns))


def mask_rows(
    rows: Rows,
    vocabulary: MaskingVocabulary,
    options: MaskingOptions,
    seed: int,
    epoch: int,
    sample_ids: NDArray[np.int64],
) -> tuple[Any, Any]:
    """Masked ids and labels: flat ``(tokens,)``, or ``(rows, width)`` where the rows have a padding."""
    masker = _Masker(vocabulary, options, seed, epoch)
    ids, splits = rows.ids.tolist(), rows.row_splits.tolist()
    words = None if vocabulary.ids_tell_words or rows.word_ids is None else rows.word_ids.tolist()
    special = None if rows.special is None else rows.special.tolist()
    pad_id = vocabulary.pad_id if rows.padding is None else rows.padding.pad_id
    masked_rows: list[list[Any]] = []
    label_rows: list[list[int]] = []
    for row, sample_id in enumerate(sample_ids.tolist()):
        place = slice(splits[row], splits[row + 1])
        masked, labels = masker.mask(
            row, ids[place], words and words[place], special and special[place], sample_id, pad_id
        )
        if rows.padding is not None:
            fill = (rows.padding.width or 0) - len(masked)
            left, right = (fill, 0) if rows.padding.side == "left" else (0, fill)
            masked_rows.append([pad_id] * left + masked + [pad_id] * right)
            label_rows.append([IGNORED] * left + labels + [IGNORED] * right)
        else:
            masked_rows.append(masked)
            label_rows.append(labels)
    if rows.padding is not None:
        shape = rows.number, rows.padding.width or 0
        return np.array(masked_rows, np.int64).reshape(shape), np.array(label_rows, np.int64).reshape(shape)
    return np.array([*chain(*masked_rows)], np.int64), np.array([*chain(*label_rows)], np.int64)


class _Masker:
    """Masks row after row."""

    def __init__(self, vocabulary: MaskingVocabulary, options: MaskingOptions, seed: int, epoch: int) -> None:
        self.vocabulary = vocabulary
        self.options = options
        self.special_ids = set(vocabulary.special_ids)
        never = self.special_ids | set(vocabulary.not_drawn)
        self.random_ids = [id for id in range(vocabulary.size) if id not in never]
        if options.random_replace_prob > 0 and not self.random_ids:
            raise ConfigError("random_replace_prob is above 0, but the vocabulary has no token to draw")
        self.draws = {purpose: Draws(seed, epoch, purpose) for purpose in (MASKING, REPLACEMENT, SPAN_LENGTH)}

    def mask(
        self,
        number: int,
        ids: list[int],
        words: list[int] | None,
        special: list[int] | None,
        sample_id: int,
        pad_id: int | None,
    ) -> tuple[list[int], list[int]]:
        """Masked ids and labels of a row."""
        size = self.vocabulary.size
        for position, id in enumerate(ids):
            if not 0 <= id < size:
                raise ConfigError(
                    f"token id {id} (row {number}, position {position}) is outside of the vocabulary of {size} tokens: "
                    f"ids are 0 to {size - 1}"
                )
        masked, labels = list(ids), [IGNORED] * len(ids)
        if self.options.mlm_probability == 0:
            return masked, labels
        tokens = [place for place, id in enumerate(ids) if id != pad_id]
        self.padding = (tokens[0], len(ids) - tokens[-1] - 1) if tokens else (len(ids), 0)
        self.length = len(ids)
        allowed = [id not in self.special_ids and not (special and special[place]) for place, id in enumerate(ids)]
        units = list(self._units(ids, words, allowed))
        ranked = self.options.exact or self.options.max_span_length is not None
        draws = self._row_draws(REPLACEMENT if ranked else MASKING, sample_id)
        # A selected draw is still uniform below the threshold that selected it: it also replaces.
        below = 2**32 if ranked else threshold(self.options.mlm_probability)
        for unit in self._ranked(units, sample_id) if ranked else self._selected(units, draws):
            self._replace(unit, draws, below, masked, labels)
        return masked, labels

    def _row_draws(self, purpose: int, sample_id: int) -> list[int]:
        """One draw a position; padding at the ends has none."""
        left, right = self.padding
        draws = self.draws[purpose]
        draws.start(sample_id)
        return [0] * left + [draws.next() for _ in range(self.length - left - right)] + [0] * right

    def _units(self, ids: list[int], words: list[int] | None, allowed: list[bool]) -> Iterator[range]:
        """Tokens, or words, that may be selected."""
        if not self.options.words:
            yield from (range(place, place + 1) for place, may in enumerate(allowed) if may)
            return
        classes = self.vocabulary.word_classes
        if words is None and classes is None:
            raise ConfigError("whole words need word ids: the tokens of this vocabulary do not tell where words begin")

        def continues(place: int) -> bool:
            if words is not None:
                return words[place] == words[place - 1]
            assert classes is not None
            first, last = classes[0][ids[place]], classes[1][ids[place - 1]]
            return first != 0 and first == last

        start = 0
        while start < len(ids):
            end = start + 1
            if allowed[start]:
                while end < len(ids) and allowed[end] and continues(end):
                    end += 1
                if words is None or words[start] >= 0:
                    yield range(start, end)
            start = end

    def _selected(self, units: list[range], draws: list[int]) -> Iterator[range]:
        """Each unit on its own."""
        limit = threshold(self.options.mlm_probability)
        return (unit for unit in units if draws[unit.start] < limit)

    def _ranked(self, units: list[range], sample_id: int) -> list[range]:
        """An exact number of tokens: units in the order of their draws, or spans that grow from them."""
        draws = self._row_draws(MASKING, sample_id)
        lengths = self._row_draws(SPAN_LENGTH, sample_id) if self.options.max_span_length is not None else None
        left = max(1, round(sum(map(len, units)) * self.options.mlm_probability))
        order = sorted(range(len(units)), key=lambda number: (draws[units[number].start], number))
        taken = [False] * len(units)
        spans = []
        for first in order:
            if left == 0:
                break
            start = end = units[first].start
            words = self._span_length(lengths[start]) if lengths else 1
            for number in range(first, min(first + words, len(units))):
                unit = units[number]
                if taken[number] or unit.start != end or len(unit) > left:
                    break
                taken[number] = True
                left -= len(unit)
                end = unit.stop
            if end > start:
                spans.append(range(start, end))
        if not spans and order:
            spans.append(units[order[0]])
        return spans

    def _span_length(self, draw: int) -> int:
        """Length n has weight 0.2 * 0.8^(n-1)."""
        longest = min(self.options.max_span_length or 1, 200)
        weight, total, sums = _STOP, 0.0, []
        for _ in range(longest):
            total += weight
            weight *= 1 - _STOP
            sums.append(total)
        return next((n for n, part in enumerate(sums, 1) if draw < threshold(part / total)), longest)

    def _replace(self, unit: range, draws: list[int], below: int, masked: list[int], labels: list[int]) -> None:
        """The draw at the first token decides for all; further random tokens come of their own draws."""
        mask = min(round(below * self.options.mask_replace_prob), below)
        random = min(round(below * (self.options.mask_replace_prob + self.options.random_replace_prob)), below)
        draw = draws[unit.start]
        for place in unit:
            labels[place] = masked[place]
            if draw < mask:
                assert self.vocabulary.mask_id is not None
                masked[place] = self.vocabulary.mask_id
            elif draw < random:
                choices = len(self.random_ids)
                first = place == unit.start
                share = (choices << 32) // (random - mask)
                choice = (draw - mask) * share >> 32 if first else scale(draws[place], choices)
                masked[place] = self.random_ids[choice]
