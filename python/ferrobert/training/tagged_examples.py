"""Words with tags, or texts with spans, for training: from lists, columns, data sets and files.

Everything is checked here, with the place of the first bad row and word, so that training does not fail after an hour.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, DataError
from ferrobert.tables import Row, Table
from ferrobert.training.tagged_rows import Span, TagColumns, text_and_spans, words_and_tags


@dataclass(frozen=True, slots=True)
class TaggedWords:
    """Sentences of words with a tag each.

    Attributes:
        inputs: the words of each sentence.
        labels: their tags.
        names: the names of tags 0, 1, ... where the source has them (``ClassLabel`` of `datasets`).
        where: the place of a row for a message.
        where_word: the place of a word of a row.
    """

    inputs: list[list[str]]
    labels: list[list[str]]
    names: list[str] | None
    where: Callable[[int], str]
    where_word: Callable[[int, int], str]

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, slots=True)
class TaggedTexts:
    """Texts with spans; attributes as those of `TaggedWords`, ``labels`` holds the spans of each text."""

    inputs: list[str]
    labels: list[list[Span]]
    where: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.inputs)


Tagged = TaggedWords | TaggedTexts


def read_tagged(
    source: Any,
    columns: TagColumns,
    what: str,
    *,
    names: Sequence[str] | None = None,
    file_format: str | None = None,
) -> Tagged:
    """Read words with tags or texts with spans.

    Args:
        source: a path to CoNLL, JSONL or Parquet; a list of ``(words, tags)`` or of dicts; a dict of columns; a
            DataFrame; a `datasets.Dataset`.
        columns: names of the columns, where the source has names.
        what: what the examples are, for messages: "train" or "validation".
        names: names of tags 0, 1, ..., for tags that are numbers.
        file_format: format of a file whose ending does not say it.

    Raises:
        DataError: no rows, a missing column, a value of another kind, a tag of no scheme.
        AlignmentError: words and tags differ in number; a span that is empty, outside of its text or over another.
        ConfigError: a source of another kind.
    """
    if isinstance(source, (str, os.PathLike)):
        examples = _from_file(source, columns, names, file_format)
    elif hasattr(source, "features") and hasattr(source, "column_names"):
        own = _names_of(source, columns)
        examples = _from_rows(source, columns, what, own or names, source.column_names)
        if own is not None and isinstance(examples, TaggedWords):
            examples = replace(examples, names=own)
    elif hasattr(source, "columns") and hasattr(source, "to_dict"):
        columns_of = {str(name): source[name].tolist() for name in source.columns}
        examples = _from_columns(columns_of, columns, what, names)
    elif isinstance(source, Mapping):
        examples = _from_columns(source, columns, what, names)
    elif isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray)):
        examples = _from_rows(source, columns, what, names)
    else:
        raise ConfigError(
            f"{what} must be a list of (words, tags), a list of dicts, a dict of columns, a Dataset or the path of a "
            f"file, got {type(source).__name__}"
        )
    if not len(examples):
        raise DataError(f"{what}: no examples in {source if isinstance(source, (str, os.PathLike)) else 'it'}")
    return examples


def select(examples: Tagged, rows: Sequence[int] | NDArray[np.int64]) -> Tagged:
    """The examples at these positions."""
    picked = [int(row) for row in rows]
    where = examples.where
    if isinstance(examples, TaggedTexts):
        texts, spans = [examples.inputs[row] for row in picked], [examples.labels[row] for row in picked]
        return TaggedTexts(texts, spans, lambda row: where(picked[row]))
    where_word = examples.where_word
    return TaggedWords(
        [examples.inputs[row] for row in picked],
        [examples.labels[row] for row in picked],
        examples.names,
        lambda row: where(picked[row]),
        lambda row, word: where_word(picked[row], word),
    )


def split(examples: Tagged, share: float, seed: int) -> tuple[Tagged, Tagged]:
    """Set aside a share of the sentences, chosen by the seed; the rest comes first. Both keep their order.

    Raises:
        ConfigError: a share that is not between 0 and 1.
        DataError: one row alone.
    """
    if not 0.0 < share < 1.0:
        raise ConfigError(f"validation as a share must lie between 0 and 1, got {share!r}")
    if len(examples) < 2:
        raise DataError("train has 1 row; a share for validation needs two")
    taken = min(max(1, round(share * len(examples))), len(examples) - 1)
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(examples))
    return select(examples, np.sort(order[taken:])), select(examples, np.sort(order[:taken]))


def _from_file(
    path: str | os.PathLike[str], columns: TagColumns, names: Sequence[str] | None, file_format: str | None
) -> Tagged:
    table = Table(path, format=file_format)
    kind = columns.of_kind(table.columns)
    if table.columns:
        table.require(*kind)
    numbers: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for row in table:
            numbers.append(row.number)
            yield row.values

    return _read(
        rows(),
        kind,
        columns,
        names,
        lambda row: table.where(Row(numbers[row], {})),
        lambda row, word: table.where_word(Row(numbers[row], {}), word),
    )


def _from_columns(source: Mapping[str, Any], columns: TagColumns, what: str, names: Sequence[str] | None) -> Tagged:
    kind = columns.of_kind(source)
    for name in kind:
        if name not in source:
            there = ", ".join(repr(str(column)) for column in source) or "none"
            raise DataError(f"{what} has no column {name!r}; its columns are {there}")
    first, second = (source[name] for name in kind)
    if len(first) != len(second):
        raise DataError(f"{what}: its columns differ in length: {kind[0]!r} {len(first)}, {kind[1]!r} {len(second)}")
    rows = (dict(zip(kind, values, strict=True)) for values in zip(first, second, strict=True))
    return _from_rows(rows, columns, what, names, kind)


def _from_rows(
    rows: Iterable[Any],
    columns: TagColumns,
    what: str,
    names: Sequence[str] | None,
    there: Iterable[str] | None = None,
) -> Tagged:
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return TaggedWords([], [], None, str, "{}, word {}".format)
    if there is None:
        there = list(first) if isinstance(first, Mapping) else [columns.tokens]
    kind = columns.of_kind(there)

    def mappings() -> Iterator[Mapping[str, Any]]:
        for number, row in enumerate(chain([first], iterator)):
            place = f"{what}: row {number}"
            if isinstance(row, Mapping):
                for name in kind:
                    if name not in row:
                        raise DataError(f"{place} has no {name!r}; it has {', '.join(map(repr, row)) or 'nothing'}")
                yield row
            elif isinstance(row, (tuple, list)) and len(row) == 2 and kind[0] == columns.tokens:
                yield dict(zip(kind, row, strict=True))
            else:
                raise DataError(f"{place} must be (words, tags) or a dict, got {row!r:.80}")

    return _read(
        mappings(),
        kind,
        columns,
        names,
        lambda row: f"{what}: row {row}",
        lambda row, word: f"{what}: row {row}, word {word}",
    )


def _read(
    rows: Iterable[Mapping[str, Any]],
    kind: tuple[str, str],
    columns: TagColumns,
    names: Sequence[str] | None,
    where: Callable[[int], str],
    where_word: Callable[[int, int], str],
) -> Tagged:
    """The examples of rows; ``kind`` tells the two columns that hold them."""
    if kind[0] == columns.tokens:
        inputs: list[list[str]] = []
        labels: list[list[str]] = []
        for number, row in enumerate(rows):
            words, tags = words_and_tags(row, columns, where(number), partial(where_word, number), names)
            inputs.append(words)
            labels.append(tags)
        return TaggedWords(inputs, labels, None, where, where_word)
    texts: list[str] = []
    spans: list[list[Span]] = []
    for number, row in enumerate(rows):
        text, found = text_and_spans(row, columns, where(number))
        texts.append(text)
        spans.append(found)
    return TaggedTexts(texts, spans, where)


def _names_of(dataset: Any, columns: TagColumns) -> list[str] | None:
    """Names of a data set's tags, where they are a sequence of ``ClassLabel``."""
    feature = (dataset.features or {}).get(columns.tags)
    names = getattr(getattr(feature, "feature", None), "names", None)
    return None if names is None else [str(name) for name in names]
