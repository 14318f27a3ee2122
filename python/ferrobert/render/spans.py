"""What is marked in a text: checked once, so that every format can rely on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import index
from typing import Any, NamedTuple

from ferrobert.errors import AlignmentError, ConfigError, TextTypeError

# What transformers, ferrobert and data sets call the kind of an entity.
NAMES = ("entity_group", "entity", "label")
OVERLAPS = ("error", "cut")
SHOWN = 60

# Line ends and tabs are kept; the other control characters would move a terminal's cursor or end an HTML text. The
# pictures of U+2400 stand for C0; C1 has none.
PICTURES = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"},
    0x7F: 0x2421,
    **dict.fromkeys(range(128, 160), 65533),
}


class Marked(NamedTuple):
    """An entity in its text.

    Attributes:
        start, end: half-open range of characters.
        label: name of its kind.
        score: how sure the model is, or ``None``.
        covered: names of entities that lie inside of it, where that is allowed.
    """

    start: int
    end: int
    label: str
    score: float | None
    covered: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What is written beside the text: each name once."""
        return " ".join(dict.fromkeys((self.label, *self.covered)))


def spans_of(text: str, entities: Sequence[Any], *, overlap: str = "error") -> list[Marked]:
    """The entities of a text, checked; with ``overlap="cut"`` an entity begins no earlier than the one before ends.

    Raises:
        AlignmentError: an entity that does not fit; its number is named.
        ConfigError: an unknown way to treat overlaps.
        TextTypeError: a text that is not a string.
        UnicodeEncodeError: a lone surrogate in the text or a name.
    """
    if not isinstance(text, str):
        raise TextTypeError(f"text must be a string, got {type(text).__name__}")
    if overlap not in OVERLAPS:
        raise ConfigError(f"overlap must be 'error' or 'cut', got {overlap!r}")
    text.encode("utf-8")
    if isinstance(entities, (str, bytes, Mapping)) or not hasattr(entities, "__iter__"):
        raise AlignmentError(f"entities must be a list of dictionaries or (start, end, label), got {_shown(entities)}")
    spans: list[Marked] = []
    before: Marked | None = None  # as it was given
    for number, entity in enumerate(entities):
        one = _marked(entity, number)
        where = f"entity {number} ({one.label}, characters {one.start} to {one.end})"
        if one.start == one.end:
            raise AlignmentError(f"{where} is empty")
        if not 0 <= one.start < one.end <= len(text):
            raise AlignmentError(f"{where} lies outside of the text, which has {len(text)} characters")
        done = spans[-1].end if spans else 0
        if before is not None and one.start < (done if overlap == "error" else before.start):
            what = "overlaps" if one.end > before.start else "comes before"
            raise AlignmentError(
                f"{where} {what} entity {number - 1} ({before.label}, characters {before.start} to {before.end}); "
                "entities must be in the order of the text and may not overlap"
            )
        before = one
        if one.end > done:
            spans.append(one._replace(start=max(one.start, done)))
        else:
            spans[-1] = spans[-1]._replace(covered=(*spans[-1].covered, one.label))
    return spans


def pieces(text: str, spans: Sequence[Marked]) -> Iterator[tuple[str, Marked | None]]:
    """The text in order, cut at the entities: each piece with its entity or ``None``."""
    done = 0
    for one in spans:
        if one.start > done:
            yield visible(text[done : one.start]), None
        yield visible(text[one.start : one.end]), one
        done = one.end
    if done < len(text):
        yield visible(text[done:]), None


def counted(spans: Sequence[Marked]) -> list[tuple[str, int]]:
    """Each kind with how often it occurs, in the order of the names."""
    return sorted(Counter(label for one in spans for label in (one.label, *one.covered)).items())


def visible(text: str) -> str:
    """A text whose control characters, but line ends and tabs, are pictures of them."""
    return text.replace("\r\n", "\n").translate(PICTURES)


def _marked(entity: Any, number: int) -> Marked:
    start: Any
    end: Any
    score = None
    if isinstance(entity, Mapping):
        start, end, score = entity.get("start"), entity.get("end"), entity.get("score")
        label = next((entity[name] for name in NAMES if entity.get(name) is not None), None)
    elif isinstance(entity, (tuple, list)) and len(entity) == 3:
        start, end, label = entity
    else:
        raise AlignmentError(f"entity {number} must be a dictionary or (start, end, label), got {_shown(entity)}")
    try:
        start, end = index(start), index(end)
    except TypeError:
        raise AlignmentError(f"entity {number} needs start and end in characters, got {start!r} and {end!r}") from None
    if not isinstance(label, str) or not label.strip():
        raise AlignmentError(
            f"entity {number} needs the name of its kind as entity_group, entity or label, got {_shown(entity)}"
        )
    label.encode("utf-8")
    return Marked(start, end, visible(label), None if score is None else float(score))


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
