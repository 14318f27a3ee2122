"""What the demo shows, as plain values: each kind is shown once at the prompt and once on the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Bar", "Bars", "Block", "Cell", "Column", "Kind", "Line", "Marked", "Score", "Section", "Table", "Tokens"]


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence or two; ``strong`` for what a section comes to."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """A number between 0 and 1, drawn as a bar, and how it is written."""

    share: float
    text: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A word in the colour of its kind; written as ``text`` where that says more than the kind."""

    name: str
    text: str = ""

    @property
    def written(self) -> str:
        """What is read."""
        return self.text or self.name


Cell: TypeAlias = str | Score | Kind


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand at its right."""

    name: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under the names of their columns; the first cell is the name of its row."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a text: a table of them, of which a picture shows the first two columns and ``note``."""

    table: Table
    note: int


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with some of its ranges marked, as `ferrobert.render_entities` takes them.

    Attributes:
        title: stands above the text, as does what it ``says``.
        legend: count the kinds that are marked.
    """

    title: str
    text: str
    entities: tuple[Mapping[str, Any], ...]
    says: str = ""
    legend: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One of several values that are compared."""

    label: str
    score: Score


@dataclass(frozen=True, slots=True)
class Bars:
    """Values beside each other, each drawn as a bar."""

    title: str
    bars: tuple[Bar, ...]


Block: TypeAlias = Line | Table | Tokens | Marked | Bars


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the demo.

    Attributes:
        name: what the page calls it in addresses.
        title: its heading.
        blocks: what it shows; a generator computes each one when it is asked for.
    """

    name: str
    title: str
    blocks: Iterable[Block]
