"""Entities in lists of labels, as seqeval 1.2.2 finds them: strictly by a scheme, or leniently.

The lenient rules are those of the CoNLL-2000 script ``conlleval``, which seqeval took over: an entity may begin with
``I-``, and a change of type begins a new one. The strict rules of IOB1 keep what seqeval's tables say, also where a
``B-`` after ``O``
belongs to no entity: scores are compared between papers, so they must be the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ferrobert.errors import ConfigError, DataError
from ferrobert.labels.vocabulary import SCHEMES

MODES = ("strict", "default")
ALIASES = {"IOB2": "BIO", "IOBES": "BIOES"}

Span = tuple[str, int, int]
"""Type, first word and the word after the last one, counted from 0."""

Tag = tuple[str, str]
"""Letter and type of a label: ("B", "PER")."""

# "_" is what seqeval takes for the type of a label without one.
OUTSIDE: Tag = ("O", "_")


def scheme_name(scheme: str) -> str:
    """The scheme's own name, whatever the case; IOB2 is BIO, IOBES is BIOES.

    Raises:
        ConfigError: an unknown scheme.
    """
    name = str(scheme).upper()
    name = ALIASES.get(name, name)
    if name not in SCHEMES:
        known = ", ".join(map(repr, [*SCHEMES, *ALIASES]))
        raise ConfigError(f"scheme must be one of {known}, got {scheme!r}")
    return name


@dataclass(slots=True)
class LabelSpans:
    """Finds the entities of rows of labels.

    Args:
        mode: "strict" or "default".
        scheme: what strict mode reads the labels by; without effect in default mode.

    Raises:
        ConfigError: an unknown mode or scheme.
    """

    mode: str
    scheme: str
    _find: Callable[[list[Tag]], list[Span]] = field(init=False, repr=False)
    # Labels are few and words many: each label is taken apart once.
    _tags: dict[str, Tag] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"mode must be 'strict' or 'default', got {self.mode!r}")
        self.scheme = scheme_name(self.scheme)
        strict = {"IOB1": _iob1, "BIO": _bio}.get(self.scheme, _with_ends)
        self._find = strict if self.mode == "strict" else _lenient
        self._tags = {"O": OUTSIDE}

    def of_row(self, labels: Sequence[str], side: str, row: int) -> list[Span]:
        """The entities of one row, in order.

        Args:
            labels: a label a word.
            side: "true" or "predicted", for messages.
            row: number of the row, for messages.

        Raises:
            DataError: a label that is not a string or, in strict mode, not of the scheme; row and column are named.
        """
        tags = self._tags
        try:
            # A row of O alone is the common case.
            row_tags = [tags[label] for label in labels]
        except (KeyError, TypeError):
            row_tags = [self._tag(label, side, row, column) for column, label in enumerate(labels)]
        return self._find(row_tags)

    def _tag(self, label: Any, side: str, row: int, column: int) -> Tag:
        where = f"{side} labels, row {row}, column {column}"
        if not isinstance(label, str) or not label:
            raise DataError(f"{where}: a label must be a string such as 'B-PER', got {label!r}")
        tag = self._tags.get(label)
        if tag is None:
            letter, hyphen, kind = label.partition("-")
            of_scheme = letter in SCHEMES[self.scheme] if self.mode == "strict" else letter in "BIES"
            of_scheme = of_scheme and len(letter) == 1 and bool(hyphen and kind)
            if self.mode == "default":
                tag = (label[0], label[1:].split("-", maxsplit=1)[-1] or "_")
                if not of_scheme and label not in ("O", "B", "I", "E", "S"):
                    warnings.warn(
                        f"{where}: mode='default' knows O and labels that begin with B-, I-, E- or S-; {label!r} is "
                        "read as seqeval reads it, by its first letter",
                        UserWarning,
                        stacklevel=2,
                    )
            elif not of_scheme:
                allowed = ", ".join(f"{letter}-TYPE" for letter in SCHEMES[self.scheme])
                raise DataError(f"{where}: {label!r} is no label of {self.scheme} (O, {allowed})")
            else:
                tag = (letter, kind)
            self._tags[label] = tag
        return tag


def _bio(tags: list[Tag]) -> list[Span]:
    """``B-`` and the ``I-`` of its type that follow; any other ``I-`` belongs to nothing."""
    spans = []
    size = len(tags)
    at = 0
    while at < size:
        letter, kind = tags[at]
        start = at
        at += 1
        if letter == "B":
            inside = ("I", kind)
            while at < size and tags[at] == inside:
                at += 1
            spans.append((kind, start, at))
    return spans


def _with_ends(tags: list[Tag]) -> list[Span]:
    """``B- I-* E-`` of one type, or ``S-`` alone (``L-`` and ``U-``); what has no end belongs to nothing."""
    spans = []
    size = len(tags)
    at = 0
    while at < size:
        letter, kind = tags[at]
        start = at
        at += 1
        if letter in "SU":
            spans.append((kind, start, at))
        elif letter == "B":
            inside = ("I", kind)
            while at < size and tags[at] == inside:
                at += 1
            if at < size and tags[at] in (("E", kind), ("L", kind)):
                at += 1
                spans.append((kind, start, at))
    return spans


def _iob1(tags: list[Tag]) -> list[Span]:
    """``I-`` and the ``I-`` of its type that follow; ``B-`` begins one where an entity of its own type ends."""
    spans = []
    size = len(tags)
    at = 0
    before = OUTSIDE
    while at < size:
        letter, kind = tags[at]
        start = at
        at += 1
        starts = (letter == "B" and before[0] != "O" and before[1] == kind) or (
            letter == "I" and (before[0] != "I" or before[1] != kind)
        )
        if starts:
            inside = ("I", kind)
            while at < size and tags[at] == inside:
                at += 1
            # seqeval has no end between two B- of different types, so that the first of them is lost.
            lost = at == start + 1 and letter == "B" and at < size and tags[at][0] == "B" and tags[at][1] != kind
            if not lost:
                spans.append((kind, start, at))
        before = tags[at - 1]
    return spans


def _lenient(tags: list[Tag]) -> list[Span]:
    """Whatever looks like an entity: ``conlleval``'s rules."""
    spans = []
    start = 0
    before, before_kind = "O", "_"
    for at, (letter, kind) in enumerate([*tags, OUTSIDE]):
        if letter == "O" == before:
            before_kind = kind
            continue
        changes = kind != before_kind
        if (before not in "O." and changes) or before in "ES" or (before in "BI" and letter in "BSO"):
            spans.append((before_kind, start, at))
        if (letter not in "O." and changes) or letter in "BS" or (before in "ESO" and letter in "EI"):
            start = at
        before, before_kind = letter, kind
    return spans


def check_rows(true: Any, predicted: Any, words: Any = None, *, first: int = 0) -> None:
    """Check that there are as many rows and labels on each side, and as many words; ``first`` numbers the first row.

    Raises:
        DataError: rows of different number or length (the row is named), or something other than lists.
    """
    sides = {"true labels": true, "predicted labels": predicted}
    if words is not None:
        sides["words"] = words
    for side, rows in sides.items():
        if isinstance(rows, str) or not hasattr(rows, "__len__"):
            raise DataError(f"{side}: must be a list of rows, each a list of strings, got {type(rows).__name__}")
    if len({len(rows) for rows in sides.values()}) > 1:
        raise DataError(f"rows must be as many on each side, got {_counts(sides)}")
    for row, parts in enumerate(zip(*sides.values(), strict=True), start=first):
        for side, part in zip(sides, parts, strict=True):
            if isinstance(part, (str, bytes)) or not hasattr(part, "__len__"):
                raise DataError(f"{side}, row {row}: must be a list of strings, got {part!r}")
        if len({len(part) for part in parts}) > 1:
            raise DataError(f"row {row}: {_counts(dict(zip(sides, parts, strict=True)))}")


def _counts(sides: dict[str, Any]) -> str:
    return " and ".join(f"{len(part)} {side}" for side, part in sides.items())
