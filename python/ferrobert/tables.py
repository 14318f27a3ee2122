"""Reading and writing tables a row at a time: CSV, TSV, JSONL and Parquet.

A table of any size passes through in bounded memory, and every error names the file and the line (CSV, TSV,
JSONL) or the row (Parquet), counted from 1 as an editor counts.

CSV is RFC 4180: values may be quoted and hold line breaks. TSV has no quoting, as in GLUE's files: a quotation mark
is a character like any other. JSONL holds one object a line. All four are UTF-8; a byte order mark is skipped.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from ferrobert.errors import ConfigError, DataError, MissingDependencyError

READ_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
WRITE_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

# Rows of Parquet decoded at a time: a few MB of text.
PARQUET_ROWS = 8192


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        number: the line where the row starts (CSV, TSV, JSONL) or its position (Parquet), from 1.
        values: the value of each column; strings only in CSV and TSV.
    """

    number: int
    values: dict[str, Any]


class Table:
    """A table file, opened for reading: its columns are known, its rows are read when they are asked for.

    Args:
        path: the file.
        columns: names of the columns of a CSV or TSV file *without* a header line.
        format: "csv", "tsv", "jsonl" or "parquet"; by default what the file's ending says.

    Raises:
        ConfigError: an ending or format that is not one of the four; ``columns`` for JSONL or Parquet.
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
            raise ConfigError(f"format must be csv, tsv, jsonl or parquet, got {format!r}")
        if self.path.is_dir():
            raise DataError(f"{self.path} is a folder; a table is one file")
        if not self.path.exists():
            raise FileNotFoundError(f"no such file: {self.path}")
        self.unit = "row" if self.format == "parquet" else "line"
        self._done = 0
        self._header = columns is None
        if columns is not None and self.format in ("jsonl", "parquet"):
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

    def share_read(self) -> float:
        """How much of the file the last iteration has read, from 0 to 1."""
        parquet = self.format == "parquet"
        total = self._parquet_file().metadata.num_rows if parquet else self.path.stat().st_size
        return min(1.0, self._done / total) if total else 1.0

    def where(self, row: Row) -> str:
        """The place of a row for a message: ``reviews.csv, line 7``."""
        return f"{self.path}, {self.unit} {row.number}"

    def __iter__(self) -> Iterator[Row]:
        """Rows in the order of the file; each call of ``iter`` starts at the top again."""
        if self.format == "jsonl":
            return self._jsonl_rows()
        if self.format == "parquet":
            return self._parquet_rows()
        return self._delimited_rows()

    def _read_columns(self) -> list[str]:
        if self.format == "parquet":
            return [str(name) for name in self._parquet_file().schema_arrow.names]
        if self.format == "jsonl":
            first = next(self._jsonl_rows(), None)
            return [] if first is None else list(first.values)
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

    def _parquet_file(self) -> Any:
        parquet = _parquet()
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


def chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Consecutive lists of up to ``size`` rows."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


class TableWriter:
    """Writes rows to a JSONL or Parquet file that appears only when it is complete.

    The rows go to a file beside ``path``; leaving the ``with`` block renames it, an exception removes it and leaves
    what was at ``path`` before.

    Args:
        path: the file to write; ``.jsonl`` or ``.parquet``.

    Raises:
        ConfigError: another ending.
        DataError: (Parquet) a later row does not fit the columns and types of the first ones.
        MissingDependencyError: Parquet without pyarrow.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.jsonl"
        >>> with TableWriter(path) as writer:
        ...     writer.write([{"text": "A joy.", "label": "good"}])
        >>> path.read_text(encoding="utf-8")
        '{"text": "A joy.", "label": "good"}\\n'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.format = format_of(self.path, WRITE_FORMATS)
        if self.format == "parquet":
            _parquet()
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"no such folder: {self.path.parent}")
        if self.path.is_dir():
            raise IsADirectoryError(f"{self.path} is a folder; the output is one file")
        handle, partial = tempfile.mkstemp(prefix=f".{self.path.name}.", suffix=".partial", dir=self.path.parent)
        self._partial = Path(partial)
        self._file = os.fdopen(handle, "wb")
        self._parquet: Any = None
        self._rows = 0

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows; in Parquet the first call decides columns and types."""
        if not rows:
            return
        if self.format == "jsonl":
            for row in rows:
                self._file.write(json.dumps(row, ensure_ascii=False, default=str).encode("utf-8") + b"\n")
        else:
            self._write_parquet(rows)
        self._rows += len(rows)

    def _write_parquet(self, rows: Sequence[Mapping[str, Any]]) -> None:
        import pyarrow

        try:
            if self._parquet is None:
                table = pyarrow.Table.from_pylist(list(rows))
                self._parquet = _parquet().ParquetWriter(self._file, table.schema)
            else:
                unknown = sorted({name for row in rows for name in row} - set(self._parquet.schema.names))
                if unknown:
                    raise DataError(
                        f"{self.path}: a row after {self._rows} has the new column {unknown[0]!r}; Parquet's columns "
                        "are those of the first rows (write .jsonl instead)"
                    )
                table = pyarrow.Table.from_pylist(list(rows), schema=self._parquet.schema)
            self._parquet.write_table(table)
        except pyarrow.ArrowException as error:
            raise DataError(
                f"{self.path}: rows after {self._rows} do not fit the columns of the first ones "
                f"(write .jsonl instead): {str(error).splitlines()[0]}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self.format == "parquet" and self._parquet is None:
                import pyarrow

                self._parquet = _parquet().ParquetWriter(self._file, pyarrow.schema([]))
            if self._parquet is not None:
                self._parquet.close()
            self._file.close()
            if kind is None:
                # mkstemp makes the file private; a result is as readable as any new file.
                umask = os.umask(0)
                os.umask(umask)
                self._partial.chmod(0o666 & ~umask)
                os.replace(self._partial, self.path)
        finally:
            with suppress(FileNotFoundError):
                self._partial.unlink()


def format_of(path: str | os.PathLike[str], formats: Mapping[str, str]) -> str:
    """The format that a file's ending names.

    Raises:
        ConfigError: the ending is none of ``formats``.
    """
    ending = Path(path).suffix.lower()
    if ending not in formats:
        given = repr(ending) if ending else "none"
        raise ConfigError(f"{path}: the file's ending must be one of {', '.join(formats)}, got {given}")
    return formats[ending]


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingDependencyError('Parquet needs pyarrow: pip install "ferrobert[tables]"') from None
    return pyarrow.parquet
