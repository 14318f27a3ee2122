"""One tokenizer call: texts and options; and what comes back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

Text = str | Sequence[str]
Rows = dict[str, list[Any]]
"""Field -> rows; ``overflow_to_sample_mapping`` -> one sample a row; ``decoded`` -> the texts of the first rows."""

FIELDS = (
    "input_ids",
    "token_type_ids",
    "attention_mask",
    "special_tokens_mask",
    "offset_mapping",
    "word_ids",
    "sequence_ids",
    "tokens",
    "overflow_to_sample_mapping",
    "decoded",
)

ROWS_DECODED = 2
"""Of each call the first rows are also decoded, with and without special tokens."""


class Refused(Exception):  # noqa: N818, an outcome that is compared, as rows are
    """The tokenizer refused the call; the message is its own."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a call, with transformers' names and defaults."""

    add_special_tokens: bool = True
    padding: bool | str = False
    truncation: bool | str | None = None
    max_length: int | None = None
    stride: int = 0
    is_split_into_words: bool = False
    pad_to_multiple_of: int | None = None
    padding_side: str | None = None
    return_overflowing_tokens: bool = False
    split_special_tokens: bool = False

    def keywords(self) -> dict[str, Any]:
        """The options that differ from the defaults, as keyword arguments."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default or field.name == "truncation"
        }

    @property
    def strategy(self) -> str | None:
        """The truncation strategy that the options come to, as transformers reads them without a ``model_max_length``:
        nothing is truncated without ``max_length``, and ``max_length`` alone truncates unless rows are padded.
        """
        if self.max_length is None:
            return None
        if self.truncation is True or (self.truncation is None and self.padding is False):
            return "longest_first"
        return None if self.truncation in (None, False, "do_not_truncate") else str(self.truncation)


@dataclass(frozen=True, slots=True)
class Call:
    """A call on a batch; ``single`` makes it a call on its one text alone."""

    texts: tuple[Text, ...]
    pairs: tuple[Text, ...] | None = None
    options: Options = Options()
    single: bool = False

    def arguments(self) -> tuple[Any, Any]:
        """``text`` and ``text_pair`` as they are handed to a tokenizer."""
        texts, pairs = [_argument(text) for text in self.texts], None
        if self.pairs is not None:
            pairs = [_argument(text) for text in self.pairs]
        if self.single:
            return texts[0], None if pairs is None else pairs[0]
        return texts, pairs

    def row(self, index: int) -> "Call":
        """The same call on one of its texts."""
        pairs = None if self.pairs is None else self.pairs[index : index + 1]
        return Call(self.texts[index : index + 1], pairs, self.options, self.single)

    def __str__(self) -> str:
        text, pair = self.arguments()
        shown = [ascii(text)] + ([ascii(pair)] if pair is not None else [])
        shown += [f"{name}={value!r}" for name, value in self.options.keywords().items()]
        return f"tokenizer({', '.join(shown)})"


def decoded(rows: Rows, decode: Callable[[list[int], bool], str]) -> list[str]:
    """The texts of the first rows, by ``decode(ids, skip_special_tokens)``."""
    return [decode(ids, skip) for ids in rows["input_ids"][:ROWS_DECODED] for skip in (False, True)]


def _argument(text: Text) -> str | list[str]:
    return text if isinstance(text, str) else list(text)


def first_difference(expected: Mapping[str, list[Any]], actual: Mapping[str, list[Any]]) -> str | None:
    """The first field and row that differ, in words; ``None`` where all fields of ``actual`` are equal."""
    for field in FIELDS:
        if field not in actual or expected[field] == actual[field]:
            continue
        if len(expected[field]) != len(actual[field]):
            return f"{field}: expected {len(expected[field])} rows, got {len(actual[field])}"
        for row, (wanted, got) in enumerate(zip(expected[field], actual[field], strict=True)):
            if wanted != got:
                return f"{field}, row {row}:\n    expected {wanted!a}\n    got      {got!a}"
    return None
