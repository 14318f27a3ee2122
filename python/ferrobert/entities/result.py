"""What decoding gives: the entities of a text, which remember it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["Entities"]


class Entities(list[dict[str, Any]]):
    """The entities of a text: a ``list`` of dictionaries that also knows the text, and shows it in notebooks.

    Equal to a plain list of the same dictionaries; ``list(entities)`` is one.

    Args:
        entities: Dictionaries as :func:`ferrobert.decode_entities` gives them.
        text: The text that their spans are positions of.

    Example:
        >>> from ferrobert.entities import Entities
        >>> found = Entities([{"entity_group": "PER", "start": 0, "end": 4}], "Elon was here.")
        >>> found == [{"entity_group": "PER", "start": 0, "end": 4}], found.text
        (True, 'Elon was here.')
    """

    __slots__ = ("text",)

    text: str
    """What was tagged; words that were given as words are joined."""

    def __init__(self, entities: Iterable[dict[str, Any]] = (), text: str = "") -> None:
        super().__init__(entities)
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self), self.text)

    def _repr_html_(self) -> str:
        """The text with its entities in colour, for notebooks."""
        from ferrobert.render import render_entities

        # Tokens may share a character.
        return render_entities(self.text, self, format="html", overlap="cut")
