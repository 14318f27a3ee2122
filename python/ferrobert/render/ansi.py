"""Entities for a terminal: in colour, or as ``[Tesla ORG]`` where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ferrobert.render.colors import ON_LIGHT, ON_LIGHT_NAME, colors_of, hue_of
from ferrobert.render.spans import Marked, counted, pieces

if TYPE_CHECKING:
    from rich.color import ColorSystem
    from rich.style import Style

# Colours of a terminal with 16, by hue, from 0 to 360 degrees in equal steps. What they look like is the theme's, so
# none is set behind or on letters: they colour the brackets, and the letters stay as readable as all others.
SIXTEEN = ("red", "yellow", "green", "cyan", "bright_blue", "magenta")


def one_of_sixteen(label: str) -> str:
    """The colour of a label among `SIXTEEN`."""
    return SIXTEEN[hue_of(label) * len(SIXTEEN) // 360]


def ansi_text(text: str, spans: Sequence[Marked], *, color: bool | None, legend: bool) -> str:
    """The text with its entities marked; a last line lists their kinds."""
    system = _color_system(color)
    if system is None:
        marked = "".join(piece if one is None else f"[{piece} {one.name}]" for piece, one in pieces(text, spans))
    else:
        marked = "".join(
            piece if one is None else _colored(piece, one.label, system, one.name) for piece, one in pieces(text, spans)
        )
    if not legend or not spans:
        return marked
    kinds = [(f"{label} {count:,}", label) for label, count in counted(spans)]
    shown = [kind if system is None else _colored("", label, system, kind) for kind, label in kinds]
    return marked.removesuffix("\n") + "\n\n" + "  ".join(shown)


def _colored(text: str, label: str, system: ColorSystem, name: str) -> str:
    """An entity with its name, in the colour of its label; for the legend the name alone, without a text."""
    from rich.color import ColorSystem
    from rich.style import Style

    if system in (ColorSystem.STANDARD, ColorSystem.WINDOWS):
        bracket = Style(color=one_of_sixteen(label), bold=True)
        inside = f"{_lines(text, Style(bold=True), system)} {name}" if text else name
        return bracket.render("[", color_system=system) + inside + bracket.render("]", color_system=system)
    colors = colors_of(label)
    body = Style(color=ON_LIGHT, bgcolor=colors.light)
    plate = Style(color=ON_LIGHT_NAME, bgcolor=colors.light_name, bold=True)
    return _lines(text, body, system) + plate.render(f" {name} ", color_system=system)


def _lines(text: str, style: Style, system: ColorSystem) -> str:
    """Each line in its style: a background that crosses a line end would fill the rest of the terminal's line."""
    return "\n".join(style.render(line, color_system=system) if line else "" for line in text.split("\n"))


def _color_system(color: bool | None) -> ColorSystem | None:
    """How many colours to use; ``None`` for none."""
    from rich.color import ColorSystem
    from rich.console import COLOR_SYSTEMS, Console

    if color is False or os.environ.get("NO_COLOR"):
        return None
    # Only asked what it would do: rich knows the terminals.
    console = Console(file=sys.stdout, force_terminal=color, force_jupyter=False)
    if console.color_system is not None:
        return COLOR_SYSTEMS[console.color_system]
    return ColorSystem.STANDARD if color else None
