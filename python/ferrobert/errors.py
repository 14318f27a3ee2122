"""Every error that ferrobert raises on purpose.

Each class is also the builtin that a caller would expect, so ``except ValueError`` keeps working.
A message says what was given, what is allowed, and where (row, line, file).
"""

from __future__ import annotations

import re


class FerrobertError(Exception):
    """Base class of all errors of this package."""


class ConfigError(FerrobertError, ValueError):
    """An option or argument has a value that is not allowed."""


class TextTypeError(FerrobertError, TypeError, ValueError):
    """Something other than text was given where text is expected.

    Both builtins, because transformers raises ``ValueError`` for a single input and ``TypeError`` in a batch.
    """


class VocabError(FerrobertError, ValueError):
    """A vocabulary or tokenizer file cannot be used."""


class AlignmentError(FerrobertError, ValueError):
    """Labels or spans do not fit the encoding they are aligned with."""


class DecodeError(FerrobertError, ValueError):
    """Model output cannot be turned into an answer: NaN, wrong shape, ids out of range."""


class CheckpointError(FerrobertError, ValueError):
    """A checkpoint is missing, incomplete or does not fit the task."""


class UnsafeCheckpointError(CheckpointError):
    """A checkpoint would run code when it is loaded (pickle)."""


class DataError(FerrobertError, ValueError):
    """A data file lacks a column, or one of its rows cannot be read."""


class MissingDependencyError(FerrobertError, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


class InternalError(FerrobertError, RuntimeError):
    """A defect of ferrobert itself (a caught panic): please report it."""


def row_named_by(error: Exception) -> tuple[str, re.Match[str] | None]:
    """The message of an error, and where it names a row of what a call was given: "row 7"."""
    message = error.reason if isinstance(error, UnicodeEncodeError) else str(error)
    return message, re.search(r"\brow (\d+)\b", message)
