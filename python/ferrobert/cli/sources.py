"""Texts at the prompt, and the text files that stand for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from ferrobert.errors import ConfigError, DataError, FerrobertError, row_named_by

# An argument of one word with such an ending was meant as a file, so that a slip is not tagged as a text.
TEXT_FILES = (".txt", ".text", ".md", ".html", ".htm", ".log")
# A file with such an ending has rows, which are no one text.
TABLE_FILES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".conll")
STDIN = "-"

Texts = Annotated[
    list[str],
    typer.Argument(
        help="Texts, or text files (UTF-8): an argument that is an existing file is read; - reads stdin.",
        metavar="TEXT|FILE",
        show_default=False,
    ),
]


@contextmanager
def named_rows(places: Sequence[str]) -> Iterator[None]:
    """Errors that name a row of what a pipeline was given name its place in the file, one of ``places``.

    Raises:
        DataError: such an error.
    """
    try:
        yield
    except (FerrobertError, UnicodeEncodeError) as error:
        message, row = row_named_by(error)
        if row is None or int(row[1]) >= len(places):
            raise
        raise DataError(message[: row.start()] + places[int(row[1])] + message[row.end() :]) from error


class Source(NamedTuple):
    """A text and the file that it came from (``None`` for a text at the prompt)."""

    name: str | None
    text: str

    @property
    def shown(self) -> str:
        """What stands for it in a table: a file's name, or the text."""
        return self.text if self.name is None else self.name

    @property
    def file(self) -> dict[str, str]:
        """What a JSON object says of its file."""
        return {} if self.name is None else {"file": self.name}


def read_sources(arguments: list[str]) -> list[Source]:
    """The texts of the arguments.

    Raises:
        FileNotFoundError: an argument that looks like a text file and is none.
        DataError: a file that is not UTF-8, or a text of nothing but white space.
        ConfigError: stdin more than once; a table.
    """
    if arguments.count(STDIN) > 1:
        raise ConfigError("- reads stdin, which can be read once")
    sources = []
    for argument in arguments:
        if len(argument.split()) == 1 and argument.lower().endswith(TABLE_FILES):
            raise ConfigError(f"{argument} is a table by its ending; ferrobert predict reads its rows")
        if argument == STDIN:
            source = Source("stdin", _decoded(sys.stdin.buffer.read(), "stdin"))
        # False also for texts that are too long for a name.
        elif os.path.isfile(argument):  # noqa: PTH113
            source = Source(argument, _decoded(Path(argument).read_bytes(), argument))
        elif len(argument.split()) == 1 and argument.lower().endswith(TEXT_FILES):
            raise FileNotFoundError(f"no such file: {argument}")
        else:
            source = Source(None, argument)
        if not source.text.strip():
            raise DataError(f"{'the text' if source.name is None else source.name} is empty")
        sources.append(source)
    return sources


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}, line {line}: not UTF-8 (byte 0x{content[error.start]:02x})") from None
