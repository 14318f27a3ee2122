"""CoNLL files: a token and its tag a line, a blank line between sentences.

The token is the first column, the tag the last one; what is between them (part of speech, chunk) is not read. The
first line with a token decides the columns of all: TABs separate them where it has one, so that a token may hold
spaces, else spaces and TABs do. A file of tokens alone has one column.

Skipped are lines whose first column is ``-DOCSTART-``, and comments: lines of ``#`` and a space before the first token
of a sentence that are no token with its columns themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ferrobert.errors import DataError
from ferrobert.tables.values import word_list

TOKENS, TAGS = "tokens", "tags"
DOCSTART = "-DOCSTART-"
# A tag of IOB1, BIO, BIOES or BILOU.
TAG = re.compile(r"O|[BIESLU]-.+", re.DOTALL)
SPACES = re.compile("[ \t]+")
# Longer than any text; a file of another kind must not fill the memory.
MOST_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file, as its first token has them."""

    by_tabs: bool
    columns: int
    line: int

    @classmethod
    def of_line(cls, line: str, number: int) -> Layout:
        """That of a file whose first token is on this line."""
        by_tabs = "\t" in line
        return cls(by_tabs, len(_fields(line, by_tabs)), number)


def sentences(lines: Iterable[str], path: str) -> Iterator[tuple[int, list[str], list[str] | None]]:
    """The sentences of a file, one after the other.

    Args:
        lines: its lines, with their ends.
        path: what messages call the file.

    Yields:
        The line of the first token, from 1; the tokens; their tags, or ``None`` where the file holds tokens alone.
        Token k is on the line of the first one plus k.

    Raises:
        DataError: a line with other columns than the first, such as a token without tag; a tag of no scheme; no blank
            line in a million; the message names file and line.
    """
    layout: Layout | None = None
    tokens: list[str] = []
    tags: list[str] = []
    number = 0
    for number, whole in enumerate(lines, start=1):
        line = whole.rstrip("\r\n")
        if not line.strip(" \t") or _is_document_start(line):
            if layout is not None and tokens:
                yield number - len(tokens), tokens, tags if layout.columns > 1 else None
            tokens, tags = [], []
            continue
        if not tokens and _is_comment(line, layout):
            continue
        if layout is None:
            layout = Layout.of_line(line, number)
        fields = _fields(line, layout.by_tabs)
        if len(fields) != layout.columns or (layout.columns > 1 and TAG.fullmatch(fields[-1]) is None):
            raise DataError(f"{path}, line {number}: {_defect(fields, layout)}{_cut(whole)}")
        if len(tokens) == MOST_TOKENS:
            raise DataError(f"{path}, line {number}: no blank line between sentences in {MOST_TOKENS:,} lines")
        tokens.append(fields[0])
        if layout.columns > 1:
            tags.append(fields[-1])
    if layout is not None and tokens:
        yield number + 1 - len(tokens), tokens, tags if layout.columns > 1 else None


def sentence_lines(row: Mapping[str, Any], place: str) -> str:
    """A row as the lines of a CoNLL file: its tokens, any other columns with a value for each of them, its tags.

    Raises:
        DataError: no column of tokens; a column that has no value for each token; a value that would not be read back
            (with a TAB or line break, ``-DOCSTART-``, a tag of no scheme), a sentence without tokens.
    """
    names = [TOKENS, *(name for name in row if name not in (TOKENS, TAGS)), *([TAGS] if TAGS in row else [])]
    if TOKENS not in row:
        raise DataError(f"{place}: a CoNLL file holds tokens, the row has none; its columns are {', '.join(row)}")
    columns = []
    for name in names:
        value = row[name]
        if name != TOKENS and isinstance(value, str | Mapping | int | float | None):
            raise DataError(
                f"{place}: a CoNLL file has no place for column {name!r}, which is not one value a token; write .jsonl"
            )
        columns.append(word_list(value, name, place))
        if len(columns[-1]) != len(columns[0]):
            raise DataError(f"{place}: {len(columns[-1])} {name} for {len(columns[0])} tokens")
        for text in columns[-1]:
            if any(mark in text for mark in "\t\n\r") or text == DOCSTART:
                raise DataError(f"{place}: a CoNLL file cannot hold {text!r}; write .jsonl")
    if not columns[0]:
        raise DataError(f"{place}: a CoNLL file cannot hold a sentence without tokens; write .jsonl")
    if len(columns) > 1:
        wrong = next((text for text in columns[-1] if TAG.fullmatch(text) is None), None)
        if wrong is not None:
            raise DataError(f"{place}: {names[-1]} holds {wrong!r}, which is no tag; write .jsonl")
    elif any(" " in token for token in columns[0]):
        raise DataError(f"{place}: a CoNLL file of tokens alone cannot hold one with a space; write .jsonl")
    return "".join(f"{line}\n" for line in map("\t".join, zip(*columns, strict=True))) + "\n"


def _fields(line: str, by_tabs: bool) -> list[str]:
    return line.split("\t") if by_tabs else SPACES.split(line.strip(" \t"))


def _is_document_start(line: str) -> bool:
    return line.startswith(DOCSTART) and line[len(DOCSTART) : len(DOCSTART) + 1] in ("", " ", "\t")


def _is_comment(line: str, layout: Layout | None) -> bool:
    """Whether a line before the first token of a sentence is a comment and not the token ``#``."""
    if not (line == "#" or line.startswith("# ")) or "\t" in line:
        return False
    if layout is None:
        return TAG.fullmatch(_fields(line, False)[-1]) is None
    if layout.by_tabs:
        return True
    fields = _fields(line, False)
    if layout.columns == 1:
        return len(fields) > 1
    return len(fields) != layout.columns or TAG.fullmatch(fields[-1]) is None


def _defect(fields: list[str], layout: Layout) -> str:
    token = repr(fields[0])[:80]
    if layout.columns == 1:
        return f"{len(fields)} columns; line {layout.line} has a token alone, without tag"
    if len(fields) == 1 or (len(fields) == layout.columns and not fields[-1]):
        return f"the token {token} has no tag"
    if len(fields) != layout.columns:
        return f"{len(fields)} columns; line {layout.line} has {layout.columns}, the token first and its tag last"
    return (
        f"the token {token} has the tag {fields[-1]!r:.80}; a tag is O, or one of the letters B I E S L U, a hyphen "
        "and the type of an entity, such as B-PER"
    )


def _cut(line: str) -> str:
    """What a defect in a last line without an end hints at."""
    return "" if line.endswith(("\n", "\r")) else " (the file ends in the middle of this line)"
