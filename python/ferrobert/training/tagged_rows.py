"""One row of words with tags, or of a text with spans, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ferrobert.errors import AlignmentError, DataError
from ferrobert.tables import word_list
from ferrobert.tables.conll import TAG

# Start and end in characters, half-open, and the type of the entity.
Span = tuple[int, int, str]
KEYS = ("start", "end", "label")


@dataclass(frozen=True, slots=True)
class TagColumns:
    """Names of the columns that hold the examples: words and their tags, or texts and their spans."""

    tokens: str = "tokens"
    tags: str = "tags"
    text: str = "text"
    spans: str = "spans"

    def of_kind(self, there: Iterable[Any]) -> tuple[str, str]:
        """The pair of columns that a source with these names has: words where it has a column of them."""
        return (self.tokens, self.tags) if self.tokens in there or self.text not in there else (self.text, self.spans)


def words_and_tags(
    row: Mapping[str, Any],
    columns: TagColumns,
    place: str,
    where_word: Callable[[int], str],
    names: Sequence[str] | None = None,
) -> tuple[list[str], list[str]]:
    """The words and tags of one row, checked.

    Args:
        row: the values of its columns.
        columns: the names of those that hold words and tags.
        place: the row's place for a message.
        where_word: the place of one of its words.
        names: names of tags 0, 1, ..., for tags that are numbers.

    Raises:
        DataError: no lists of strings; a tag of no scheme.
        AlignmentError: words and tags differ in number.
    """
    words = word_list(row.get(columns.tokens), columns.tokens, place)
    tags = _tag_names(row.get(columns.tags), columns.tags, place, where_word, names)
    if len(words) != len(tags):
        raise AlignmentError(f"{place}: {len(words)} {columns.tokens} and {len(tags)} {columns.tags}; give one a word")
    for position, tag in enumerate(tags):
        if tag != "O" and TAG.fullmatch(tag) is None:
            raise DataError(
                f"{where_word(position)}: unknown tag {tag!r:.80} in column {columns.tags!r}; a tag is O, or one of "
                "the letters B I E S L U, a hyphen and the type of an entity, such as B-PER"
            )
    return words, tags


def text_and_spans(row: Mapping[str, Any], columns: TagColumns, place: str) -> tuple[str, list[Span]]:
    """The text and the spans of one row, checked.

    Raises:
        DataError: no text, no list of spans, a span of another form.
        AlignmentError: a span that is empty, outside of the text or over another.
    """
    text: Any = row.get(columns.text)
    spans: Any = row.get(columns.spans)
    if not isinstance(text, str):
        raise DataError(f"{place}: column {columns.text!r} must hold a string, holds {_kind(text)}")
    if hasattr(spans, "tolist"):
        spans = spans.tolist()
    if isinstance(spans, Mapping) and all(isinstance(spans.get(key), (list, tuple)) for key in KEYS):
        # How older versions of datasets give a sequence of dicts.
        spans = [dict(zip(KEYS, values, strict=True)) for values in zip(*(spans[key] for key in KEYS), strict=True)]
    if not isinstance(spans, (list, tuple)):
        raise DataError(f"{place}: column {columns.spans!r} must hold a list of spans, holds {_kind(spans)}")
    found: list[Span] = []
    for number, span in enumerate(spans):
        parts = tuple(span.get(key) for key in KEYS) if isinstance(span, Mapping) else span
        if not isinstance(parts, (tuple, list)) or len(parts) != 3:
            raise DataError(f'{place}, span {number} must have "start", "end" and "label", got {span!r:.80}')
        start, end, label = parts
        if not all(isinstance(value, (int, np.integer)) and not isinstance(value, bool) for value in (start, end)):
            raise DataError(f"{place}, span {number}: start and end must be whole numbers, got {start!r} and {end!r}")
        if not isinstance(label, str) or not label or label == "O" or label[:2] in ("B-", "I-"):
            raise DataError(f"{place}, span {number}: label must be the type of an entity, such as PER, got {label!r}")
        if not 0 <= start < end <= len(text):
            raise AlignmentError(
                f"{place}, span {number}: {start} to {end} must lie in the text of {len(text)} characters and hold one"
            )
        if not text[start:end].strip():
            raise AlignmentError(f"{place}, span {number}: {start} to {end} holds nothing but white space")
        found.append((int(start), int(end), label))
    order = sorted(range(len(found)), key=found.__getitem__)
    for before, after in pairwise(order):
        if found[after][0] < found[before][1]:
            raise AlignmentError(f"{place}, span {max(before, after)} overlaps span {min(before, after)}")
    return text, found


def _tag_names(
    tags: Any, column: str, place: str, where_word: Callable[[int], str], names: Sequence[str] | None
) -> list[str]:
    """Tags as names; numbers are looked up."""
    if hasattr(tags, "tolist"):
        tags = tags.tolist()
    if not isinstance(tags, (list, tuple)) or not tags or isinstance(tags[0], str):
        return word_list(tags, column, place)
    found = []
    for position, tag in enumerate(tags):
        if not isinstance(tag, (int, np.integer)) or isinstance(tag, bool):
            raise DataError(f"{where_word(position)}: a tag must be a name or a number, got {tag!r:.80}")
        if names is None:
            raise DataError(f"{place}: column {column!r} holds numbers; label_names= names tags 0, 1, ...")
        if not 0 <= tag < len(names):
            raise DataError(f"{where_word(position)}: unknown tag {tag}; there are names for 0 to {len(names) - 1}")
        found.append(str(names[int(tag)]))
    return found


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
