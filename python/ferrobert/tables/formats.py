"""The formats of tables, by the ending of the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferrobert.errors import ConfigError, MissingDependencyError

# A .txt file says nothing of what it holds: it needs format=.
READ_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".json": "squad",
    ".conll": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
}
WRITE_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".conll": "conll"}


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


def parquet_module() -> Any:
    """pyarrow's reader and writer of Parquet; MissingDependencyError without pyarrow."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingDependencyError('Parquet needs pyarrow: pip install "ferrobert[tables]"') from None
    return pyarrow.parquet
