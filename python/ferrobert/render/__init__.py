"""Entities in their text, to look at: `render_entities`, for a terminal or as HTML.

Every kind of entity has its own colour, always the same one, and its name beside the text, so that no reader needs the
colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ferrobert.errors import ConfigError
from ferrobert.render.spans import spans_of

__all__ = ["entities_page", "render_entities"]

FORMATS = ("html", "ansi")


def render_entities(
    text: str,
    entities: Sequence[Any],
    *,
    format: str = "html",
    color: bool | None = True,
    legend: bool = True,
    overlap: str = "error",
    page: bool = False,
    title: str | None = None,
) -> str:
    """A text with its entities marked, each kind in its colour and with its name.

    All of the text is kept, with its white space and line breaks, and escaped; control characters, which a terminal
    would obey, become their pictures (``␛``). Right-to-left text is set from the right.

    Args:
        text: the text.
        entities: where they are, in order and without overlap: dictionaries with ``start`` and ``end`` (half-open range
            of characters of ``text``) and the name of the kind in ``entity_group``, ``entity`` or ``label``, as
            pipelines return them, or tuples ``(start, end, label)``. A ``score`` is shown where the pointer rests
            (HTML).
        format: "html" is a fragment with its own style, for a notebook or to put into a page; "ansi" is for a terminal.
        color: for "ansi". ``True`` colours, unless the environment variable ``NO_COLOR`` is set; ``None`` only where
            stdout is a terminal that shows colours; without colour ``[Tesla ORG]`` marks an entity. HTML is readable
            without colour as it is.
        legend: list the kinds that occur, with how often they do.
        overlap: "error" refuses entities that overlap. "cut" lets an entity begin where the one before ends, and writes
            its name beside that one's where nothing is left: for results of subwords, which may share a character
            (Hangul taken apart, the bytes of an emoji).
        page: for "html", a whole page of its own, which follows the light or dark setting of the reader.
        title: title of that page.

    Returns:
        HTML or text. HTML has neither scripts nor links to anything outside; text and background always have a contrast
        of at least 4.5:1 (WCAG AA).

    Raises:
        AlignmentError: an entity that is out of order, overlaps the one before, is empty or lies outside of the text,
            or has no place or no name; its number is named.
        ConfigError: an unknown format or way to treat overlaps; ``page`` or ``title`` where there is no page.
        TextTypeError: a text that is not a string.
        UnicodeEncodeError: a lone surrogate in the text.

    Example:
        >>> entities = [{"entity_group": "PER", "score": 0.99, "start": 0, "end": 3}, (17, 22, "ORG")]
        >>> print(render_entities("Ann Lee works at Tesla.", entities, format="ansi", color=False, legend=False))
        [Ann PER] Lee works at [Tesla ORG].
    """
    if format not in FORMATS:
        raise ConfigError(f"format must be 'html' or 'ansi', got {format!r}")
    if page and format != "html":
        raise ConfigError("page=True needs format='html'")
    if title is not None and not page:
        raise ConfigError("title= is the title of a page; give page=True too")
    spans = spans_of(text, entities, overlap=overlap)
    if format == "ansi":
        from ferrobert.render.ansi import ansi_text

        return ansi_text(text, spans, color=color, legend=legend)
    from ferrobert.render.html import html_fragment, html_page

    if page:
        return html_page([(None, text, spans)], title="Entities" if title is None else title, legend=legend)
    return html_fragment(text, spans, legend=legend)


def entities_page(
    texts: Sequence[tuple[str | None, str, Sequence[Any]]],
    *,
    title: str = "Entities",
    legend: bool = True,
    overlap: str = "error",
) -> str:
    """One HTML page of several texts.

    Args:
        texts: for each text its heading (or ``None``), the text and its entities, as `render_entities` takes them.
        title: title of the page.
        legend: list the kinds that occur under each text.
        overlap: as in `render_entities`.

    Raises:
        AlignmentError, ConfigError, TextTypeError, UnicodeEncodeError: as `render_entities`.

    Example:
        >>> page = entities_page([("first.txt", "Ann left.", [(0, 3, "PER")]), ("second.txt", "Oslo", [(0, 4, "LOC")])])
        >>> page.startswith("<!doctype html>"), page.count("<h2>")
        (True, 2)
    """
    from ferrobert.render.html import html_page

    checked = [(name, text, spans_of(text, found, overlap=overlap)) for name, text, found in texts]
    return html_page(checked, title=title, legend=legend)
