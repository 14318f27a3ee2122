"""Reading tables a row at a time."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ferrobert.errors import ConfigError, DataError
from ferrobert.tables.conll import TAGS, TOKENS, sentences
from ferrobert.tables.formats import READ_FORMATS, format_of, parquet_module
from ferrobert.tables.squad import COLUMNS, squad_document, squad_rows
from ferrobert.tables.values import word_list

# Rows of Parquet decoded at a time: a few MB of text.
PARQUET_ROWS = 8192


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        number: the line where the row starts (CSV, TSV, JSONL, CoNLL) or its position (Parquet, SQuAD), from 1.
        values: the value of each column; strings only in CSV and TSV, lists of strings in CoNLL.
    """

    number: int
    values: dict[str, Any]


class Table:
    """A table file, opened for reading: its columns are known, its rows are read when they are asked for.

    Args:
        path: the file.
        columns: names of the columns of a CSV or TSV file *without* a header line.
        format: "csv", "tsv", "jsonl", "parquet", "conll" or "squad"; by default what the file's ending says.

    Raises:
        ConfigError: an ending or format that is not one of these; ``columns`` for another format than CSV and TSV.
        DataError: no header, a column name twice, not UTF-8, a broken line or file.
        FileNotFoundError: there is no such file.
        MissingDependencyError: Parquet without pyarrow.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "reviews.csv"
        >>> _ = path.write_text("text,label\\nA joy.,good\\n", encoding="utf-8")
        >>> table = Table(path)
        >>> table.columns
        ['text', 'label']
        >>> [row.values["label"] for row in table]
        ['good']
    """

    path: Path
    columns: list[str]

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        columns: Sequence[str] | None = None,
        format: str | None = None,
    ) -> None:
        self.path = Path(path)
        self.format = format_of(self.path, READ_FORMATS) if format is None else format
        if self.format not in set(READ_FORMATS.values()):
            raise ConfigError(f"format must be csv, tsv, jsonl, parquet, conll or squad, got {format!r}")
        if self.path.is_dir():
            raise DataError(f"{self.path} is a folder; a table is one file")
        if not self.path.exists():
            raise FileNotFoundError(f"no such file: {self.path}")
        self.unit = {"parquet": "row", "squad": "question"}.get(self.format, "line")
        self._done = self._questions = 0
        self._header = columns is None
        if columns is not None and self.format not in ("csv", "tsv"):
            raise ConfigError(f"columns= names the columns of CSV and TSV files; {self.path} is {self.format}")
        self.columns = self._read_columns() if columns is None else list(columns)
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise DataError(f"{self.path}: column names must differ, {twice[0]!r} is there more than once")

    def require(self, *names: str | None) -> None:
        """Check that the table has these columns (``None`` is skipped).

        Raises:
            DataError: one is missing; the message lists the columns there are.
        """
        for name in names:
            if name is not None and name not in self.columns:
                there = ", ".join(repr(column) for column in self.columns) or "none"
                raise DataError(f"{self.path} has no column {name!r}; its columns are {there}")

    def text_of(self, row: Row, column: str) -> str:
        """The text in a column of a row.

        Raises:
            DataError: the row has no such value, or it is not a string.
        """
        value = row.values.get(column)
        if isinstance(value, str):
            return value
        given = "nothing" if value is None else type(value).__name__
        raise DataError(f"{self.where(row)}: column {column!r} must hold a string, holds {given}")

    def words_of(self, row: Row, column: str) -> list[str]:
        """The words, or their tags, in a column of a row.

        Raises:
            DataError: the row has no such value, or it is not a list of strings.
        """
        return word_list(row.values.get(column), column, self.where(row))

    def share_read(self) -> float:
        """How much of the file the last iteration has read, from 0 to 1."""
        if self.format == "squad":
            return self._done / self._questions if self._questions else 1.0
        parquet = self.format == "parquet"
        total = self._parquet_file().metadata.num_rows if parquet else self.path.stat().st_size
        return min(1.0, self._done / total) if total else 1.0

    def where(self, row: Row) -> str:
        """The place of a row for a message: ``reviews.csv, line 7``."""
        return f"{self.path}, {self.unit} {row.number}"

    def where_word(self, row: Row, word: int) -> str:
        """The place of one of a row's words, counted from 0: in CoNLL its line."""
        if self.format == "conll":
            return f"{self.path}, line {row.number + word}"
        return f"{self.where(row)}, word {word}"

    def __iter__(self) -> Iterator[Row]:
        """Rows in the order of the file; each call of ``iter`` starts at the top again."""
        if self.format == "jsonl":
            return self._jsonl_rows()
        if self.format == "parquet":
            return self._parquet_rows()
        if self.format == "conll":
            return self._conll_rows()
        if self.format == "squad":
            return self._squad_rows()
        return self._delimited_rows()

    def _read_columns(self) -> list[str]:
        if self.format == "parquet":
            return [str(name) for name in self._parquet_file().schema_arrow.names]
        if self.format == "squad":
            squad_document(self.path)
            return list(COLUMNS)
        if self.format == "jsonl":
            first = next(self._jsonl_rows(), None)
            return [] if first is None else list(first.values)
        if self.format == "conll":
            sentence = next(self._conll_rows(), None)
            if sentence is None:
                raise DataError(f"{self.path} holds no sentences; a CoNLL file has a token and its tag on each line")
            return list(sentence.values)
        with self.path.open("rb") as file:
            for fields in self._fields(file):
                if fields:
                    return fields
        raise DataError(f"{self.path} is empty; the first line must name the columns")

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        self._done = 0
        for number, line in enumerate(file, start=1):
            self._done += len(line)
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{self.path}, line {number}: not UTF-8 (byte 0x{line[error.start]:02x} at position {error.start})"
                ) from None
            yield text.removeprefix("\ufeff") if number == 1 else text

    def _fields(self, file: BinaryIO) -> Iterator[list[str]]:
        # The default limit of 128 KiB is shorter than a long document.
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        if self.format == "tsv":
            return (line.rstrip("\r\n").split("\t") if line.strip("\r\n") else [] for line in self._lines(file))
        return csv.reader(self._lines(file), strict=True)

    def _delimited_rows(self) -> Iterator[Row]:
        header = self._header
        with self.path.open("rb") as file:
            reader = self._fields(file)
            number = 1
            try:
                for position, fields in enumerate(reader, start=1):
                    start, number = number, getattr(reader, "line_num", position) + 1
                    if not fields:
                        continue
                    if header:
                        header = False
                        continue
                    if len(fields) != len(self.columns):
                        raise DataError(
                            f"{self.path}, line {start}: {len(fields)} values for {len(self.columns)} columns "
                            f"({', '.join(self.columns)})"
                        )
                    yield Row(start, dict(zip(self.columns, fields, strict=True)))
            except csv.Error as error:
                raise DataError(f"{self.path}, line {number}: {error}") from None

    def _jsonl_rows(self) -> Iterator[Row]:
        with self.path.open("rb") as file:
            for number, line in enumerate(self._lines(file), start=1):
                if not line.strip():
                    continue
                try:
                    values = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"{self.path}, line {number}: not JSON: {error}") from None
                if not isinstance(values, dict):
                    raise DataError(
                        f"{self.path}, line {number}: a line must be a JSON object, got {type(values).__name__}"
                    )
                yield Row(number, values)

    def _conll_rows(self) -> Iterator[Row]:
        with self.path.open("rb") as file:
            for number, tokens, tags in sentences(self._lines(file), str(self.path)):
                yield Row(number, {TOKENS: tokens} if tags is None else {TOKENS: tokens, TAGS: tags})

    def _squad_rows(self) -> Iterator[Row]:
        rows = list(squad_rows(squad_document(self.path), str(self.path)))
        self._questions = len(rows)
        for self._done, values in enumerate(rows, start=1):
            yield Row(self._done, values)

    def _parquet_file(self) -> Any:
        parquet = parquet_module()
        import pyarrow

        try:
            return parquet.ParquetFile(self.path)
        except pyarrow.ArrowException as error:
            raise DataError(f"{self.path} is not a Parquet file: {str(error).splitlines()[0]}") from None

    def _parquet_rows(self) -> Iterator[Row]:
        number = 0
        with self._parquet_file() as file:
            for batch in file.iter_batches(batch_size=PARQUET_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    self._done = number
                    yield Row(number, values)


def chunks(rows: Iterable[Row], size: int, characters: int | None = None) -> Iterator[list[Row]]:
    """Consecutive lists of up to ``size`` rows; a list also ends with the row that makes it hold ``characters``."""
    chunk: list[Row] = []
    held = 0
    for row in rows:
        chunk.append(row)
        if characters is not None:
            held += sum(map(_characters, row.values.values()))
        if len(chunk) == size or (characters is not None and held >= characters):
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def _characters(value: Any) -> int:
    """Characters of a value that is a text or a list of words."""
    if isinstance(value, list):
        return sum(len(word) for word in value if isinstance(word, str))
    return len(value) if isinstance(value, str) else 0
