"""Writing tables a row at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ferrobert.errors import DataError
from ferrobert.files import check_target, interrupts_wait, kept_file, partial_file, publish
from ferrobert.tables.conll import sentence_lines
from ferrobert.tables.formats import WRITE_FORMATS, format_of, parquet_module


class TableWriter:
    """Writes rows to a JSONL, Parquet or CoNLL file that appears only when it is complete.

    The rows go to a file beside ``path``; leaving the ``with`` block renames it, an exception removes it and leaves
    what was at ``path`` before. Ctrl-C leaves that too, and keeps the rows as a file of their own
    (``out.partial.jsonl``), which a note of the KeyboardInterrupt names.

    Args:
        path: the file to write; ``.jsonl``, ``.parquet`` or ``.conll``.

    Attributes:
        rows: how many rows are written.
        examples: (Parquet) for columns whose first values may be empty lists, a value that shows their type.

    Raises:
        ConfigError: another ending.
        DataError: (Parquet) a later row does not fit the columns and types of the first ones; (CoNLL) a row is more
            than tokens and what each of them has, or could not be read back.
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
            parquet_module()
        check_target(self.path)
        self._file, self._partial = partial_file(self.path)
        self.examples: Mapping[str, Any] = {}
        self._parquet: Any = None
        self.rows = 0

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows, all or none of them where Ctrl-C comes; in Parquet the first call decides columns and types."""
        if not rows:
            return
        with interrupts_wait():
            if self.format == "jsonl":
                for row in rows:
                    self._file.write(json.dumps(row, ensure_ascii=False, default=str).encode("utf-8") + b"\n")
            elif self.format == "conll":
                for position, row in enumerate(rows, start=self.rows + 1):
                    self._file.write(sentence_lines(row, f"{self.path}, sentence {position}").encode("utf-8"))
            else:
                self._write_parquet(rows)
            self.rows += len(rows)

    def _write_parquet(self, rows: Sequence[Mapping[str, Any]]) -> None:
        import pyarrow

        try:
            if self._parquet is None:
                table = pyarrow.Table.from_pylist([*rows, {**rows[0], **self.examples}])[: len(rows)]
                self._parquet = parquet_module().ParquetWriter(self._file, table.schema)
            else:
                unknown = sorted({name for row in rows for name in row} - set(self._parquet.schema.names))
                if unknown:
                    raise DataError(
                        f"{self.path}: a row after {self.rows} has the new column {unknown[0]!r}; Parquet's columns "
                        "are those of the first rows (write .jsonl instead)"
                    )
                table = pyarrow.Table.from_pylist(list(rows), schema=self._parquet.schema)
            self._parquet.write_table(table)
        except pyarrow.ArrowException as error:
            raise DataError(
                f"{self.path}: rows after {self.rows} do not fit the columns of the first ones "
                f"(write .jsonl instead): {str(error).splitlines()[0]}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with interrupts_wait():
            self._close(error)

    def _close(self, error: BaseException | None) -> None:
        try:
            if error is None and self.format == "parquet" and self._parquet is None:
                import pyarrow

                self._parquet = parquet_module().ParquetWriter(self._file, pyarrow.schema([]))
            if self._parquet is not None:
                self._parquet.close()
            self._file.close()
            if error is None:
                publish(self._partial, self.path)
            elif isinstance(error, KeyboardInterrupt) and self.rows:
                kept = kept_file(self.path)
                publish(self._partial, kept)
                error.add_note(f"{self.rows:,} rows are in {kept}")
        finally:
            with suppress(FileNotFoundError):
                self._partial.unlink()
