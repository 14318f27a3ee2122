"""Values of rows that are more than a text."""

from __future__ import annotations

from typing import Any

from ferrobert.errors import DataError


def word_list(value: Any, column: str, place: str) -> list[str]:
    """A list of words, or of their tags: a list, tuple or array of strings.

    Raises:
        DataError: it is something else; the message names the place, the column and the word.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        given = "nothing" if value is None else type(value).__name__
        raise DataError(f"{place}: column {column!r} must hold a list of strings, holds {given}")
    for position, word in enumerate(value):
        if not isinstance(word, str):
            raise DataError(f"{place}: column {column!r} must hold strings, holds {word!r:.80} at word {position}")
    return list(value)
