"""Labelled texts for training, from whatever holds them: lists, columns, data sets, files.

Everything is checked here, with the place of the first bad row, so that training does not fail after an hour.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, DataError
from ferrobert.tables import Table


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns that hold the examples."""

    text: str = "text"
    text_pair: str | None = None
    label: str = "label"


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts with the labels as they were given.

    Attributes:
        texts: the texts, or the first of each pair.
        pairs: the second of each pair; ``None`` where the examples are single texts.
        labels: names, or numbers.
        names: the names of labels 0, 1, ... where the source has them (``ClassLabel`` of `datasets`).
        where: the place of a row for a message.
    """

    texts: list[str]
    pairs: list[str] | None
    labels: list[str | int]
    names: list[str] | None
    where: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int] | NDArray[np.int64]) -> Examples:
        """The examples at these positions."""
        picked = [int(row) for row in rows]
        where = self.where
        return Examples(
            [self.texts[row] for row in picked],
            None if self.pairs is None else [self.pairs[row] for row in picked],
            [self.labels[row] for row in picked],
            self.names,
            lambda row: where(picked[row]),
        )


def read_examples(source: Any, columns: Columns, what: str) -> Examples:
    """Read labelled texts.

    Args:
        source: a path to CSV, TSV, JSONL or Parquet; a list of ``(text, label)``, ``(text, text_pair, label)`` or of
            dicts; a dict of columns; a DataFrame; a `datasets.Dataset`.
        columns: names of the columns, where the source has names.
        what: what the examples are, for messages: "train" or "validation".

    Raises:
        DataError: no rows, a missing column, a row without text or label, columns of different length.
        ConfigError: a source of another kind.
    """
    if isinstance(source, (str, os.PathLike)):
        examples = _from_file(source, columns)
    elif hasattr(source, "features") and hasattr(source, "column_names"):
        examples = _from_dataset(source, columns, what)
    elif hasattr(source, "columns") and hasattr(source, "to_dict"):
        examples = _from_columns({str(name): source[name].tolist() for name in source.columns}, columns, what)
    elif isinstance(source, Mapping):
        examples = _from_columns(source, columns, what)
    elif isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray)):
        examples = _from_rows(source, columns, what)
    else:
        raise ConfigError(
            f"{what} must be a list of (text, label), a list of dicts, a dict of columns, a Dataset or the path of a "
            f"file, got {type(source).__name__}"
        )
    if not len(examples):
        raise DataError(f"{what}: no examples in {source if isinstance(source, (str, os.PathLike)) else 'it'}")
    return examples


def label_names(train: Examples, given: Sequence[str] | None, known: Sequence[str] | None = None) -> list[str]:
    """Names of the labels in the order of their ids.

    In this order: the names given; the source's own; those of the model (``known``) where the data has the same ones,
    or has the numbers 0 ... n-1; else the labels found, sorted, numbers by value.

    Raises:
        DataError: only one label in the data.
        ConfigError: names given twice, or fewer than two.
    """
    names = given if given is not None else train.names
    if names is not None:
        names = [str(name) for name in names]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ConfigError(f"label_names must be two or more different names, got {names}")
    found = set(train.labels)
    if len(found) < 2:
        raise DataError(f"train: all {len(train)} rows have the label {next(iter(found))!r}; a classifier needs two")
    if names is not None:
        return list(names)
    numbers = _numbers(found)
    if known is not None and (set(known) == found or numbers == list(range(len(known)))):
        return list(known)
    return [str(number) for number in numbers] if numbers else sorted(map(str, found))


def label_ids(examples: Examples, names: Sequence[str], what: str) -> NDArray[np.int64]:
    """Ids of the examples' labels, ``(rows,)``.

    A label is one of the names, or, where no name reads like it, its number.

    Raises:
        DataError: a label that is neither; the message names the row and the labels there are.
    """
    result = np.empty(len(examples), dtype=np.int64)
    for row, label in enumerate(examples.labels):
        index = label_id(label, names)
        if index is None:
            known = ", ".join(repr(name) for name in names[:20])
            raise DataError(f"{what}: {examples.where(row)}: unknown label {label!r}; the labels are {known}")
        result[row] = index
    return result


def label_id(label: str | int, names: Sequence[str]) -> int | None:
    """Id of a label given by name or, where no name reads like it, by number; ``None`` where it is neither."""
    name = str(label)
    if name in names:
        return names.index(name)
    return int(name) if name.isdecimal() and int(name) < len(names) else None


def split(examples: Examples, share: float, seed: int) -> tuple[Examples, Examples]:
    """Set aside a share of the examples, the same share of each label; the rest comes first.

    Raises:
        ConfigError: a share that is not between 0 and 1.
        DataError: too few rows of a label to have one on each side.
    """
    if not 0.0 < share < 1.0:
        raise ConfigError(f"validation as a share must lie between 0 and 1, got {share!r}")
    generator = np.random.Generator(np.random.Philox(seed))
    aside: list[int] = []
    for label, count in sorted(Counter(examples.labels).items(), key=lambda item: str(item[0])):
        if count < 2:
            raise DataError(f"train: label {label!r} has {count} row; a share for validation needs two of each")
        rows = np.flatnonzero([one == label for one in examples.labels])
        taken = min(max(1, round(share * count)), count - 1)
        aside.extend(generator.permutation(rows)[:taken].tolist())
    kept = sorted(set(range(len(examples))) - set(aside))
    return examples.select(kept), examples.select(sorted(aside))


def _numbers(labels: set[str | int]) -> list[int]:
    """The labels as sorted numbers, or nothing where one is not a number."""
    try:
        return sorted(int(label) for label in labels)
    except ValueError:
        return []


def _from_file(path: str | os.PathLike[str], columns: Columns) -> Examples:
    table = Table(path)
    pair_column = columns.text_pair or ("text_pair" if "text_pair" in table.columns else None)
    if table.columns:
        table.require(columns.text, pair_column, columns.label)
    texts, pairs, labels, numbers = [], [], [], []
    for row in table:
        texts.append(table.text_of(row, columns.text))
        if pair_column is not None:
            pairs.append(table.text_of(row, pair_column))
        labels.append(label_value(row.values.get(columns.label), table.where(row)))
        numbers.append(row.number)
    unit, place = table.unit, table.path
    return Examples(texts, pairs if pair_column else None, labels, None, lambda row: f"{place}, {unit} {numbers[row]}")


def _from_dataset(dataset: Any, columns: Columns, what: str) -> Examples:
    feature = dataset.features.get(columns.label) if dataset.features else None
    examples = _from_columns({name: dataset[name] for name in dataset.column_names}, columns, what)
    names = getattr(feature, "names", None)
    if names is not None:
        for row, label in enumerate(examples.labels):
            if label == -1:
                raise DataError(f"{what}: row {row} has no label (-1)")
    return Examples(examples.texts, examples.pairs, examples.labels, names, examples.where)


def _from_columns(source: Mapping[str, Any], columns: Columns, what: str) -> Examples:
    pair_column = columns.text_pair or ("text_pair" if "text_pair" in source else None)
    wanted = [name for name in (columns.text, pair_column, columns.label) if name is not None]
    for name in wanted:
        if name not in source:
            there = ", ".join(repr(str(column)) for column in source) or "none"
            raise DataError(f"{what} has no column {name!r}; its columns are {there}")
    lengths = {name: len(source[name]) for name in wanted}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} {count}" for name, count in lengths.items())
        raise DataError(f"{what}: its columns differ in length: {told}")
    return _from_rows(
        (dict(zip(wanted, values, strict=True)) for values in zip(*(source[name] for name in wanted), strict=True)),
        Columns(columns.text, pair_column, columns.label),
        what,
    )


def _from_rows(rows: Iterable[Any], columns: Columns, what: str) -> Examples:
    texts: list[str] = []
    pairs: list[str | None] = []
    labels: list[str | int] = []
    for number, row in enumerate(rows):
        place = f"{what}: row {number}"
        if isinstance(row, Mapping):
            for name in (columns.text, columns.text_pair, columns.label):
                if name is not None and name not in row:
                    raise DataError(f"{place} has no {name!r}; it has {', '.join(map(repr, row)) or 'nothing'}")
            pair = row.get(columns.text_pair or "text_pair")
            text, label = row[columns.text], row[columns.label]
        elif isinstance(row, (tuple, list)) and len(row) in (2, 3):
            text, label = row[0], row[-1]
            pair = row[1] if len(row) == 3 else None
        else:
            raise DataError(f"{place} must be (text, label), (text, text_pair, label) or a dict, got {row!r:.80}")
        for value in (text,) if pair is None else (text, pair):
            if not isinstance(value, str):
                raise DataError(f"{place}: a text must be a str, got {type(value).__name__}")
        texts.append(text)
        pairs.append(pair)
        labels.append(label_value(label, place))
    with_pair = [pair for pair in pairs if pair is not None]
    if with_pair and len(with_pair) < len(pairs):
        raise DataError(f"{what}: row {pairs.index(None)} has one text, others have two")
    return Examples(texts, with_pair or None, labels, None, lambda row: f"row {row}")


def is_missing(label: Any) -> bool:
    """Whether a label is what stands for none: None, NaN, or NA of pandas, which equals nothing."""
    return label is None or type(label).__name__ == "NAType" or bool(label != label)


def label_value(value: Any, place: str) -> str | int:
    """A label as a name or a number.

    Raises:
        DataError: there is none, or it is something else.
    """
    if hasattr(value, "item"):
        value = value.item()
    if is_missing(value) or value == "":
        raise DataError(f"{place} has no label; leave out rows without one")
    if isinstance(value, (str, int)):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise DataError(f"{place}: a label must be a name or a whole number, got {value!r:.80}")
