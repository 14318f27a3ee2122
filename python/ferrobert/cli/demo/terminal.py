"""The demo at the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.progress_bar import ProgressBar
from rich.table import Table as RichTable
from rich.text import Text

from ferrobert.cli.demo.blocks import Bars, Block, Cell, Kind, Line, Marked, Score, Table, Tokens
from ferrobert.render import render_entities
from ferrobert.render.ansi import one_of_sixteen
from ferrobert.render.spans import visible

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["heading", "show"]

BAR = 24


def heading(out: Console, number: int, title: str) -> None:
    """Begin a section."""
    out.print()
    out.rule(f"[bold]{number}. {title}[/bold]", align="left", style="dim")


def show(out: Console, block: Block) -> None:
    """Print a block; what texts hold is never taken for markup or for what a terminal obeys."""
    # Texts without a title belong to what stands before them.
    if not isinstance(block, Marked) or block.title:
        out.print()
    match block:
        case Line():
            out.print(_text(block.text, "bold" if block.strong else ""))
        case Table():
            _show_table(out, block)
        case Tokens():
            _show_table(out, block.table)
        case Bars():
            _show_bars(out, block)
        case Marked():
            _show_marked(out, block)


def _show_table(out: Console, block: Table) -> None:
    out.print(_text(block.title, "bold"))
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in block.columns:
        table.add_column(column.name, justify="right" if column.is_number else "left", overflow="fold")
    for row in block.rows:
        table.add_row(*(_cell(cell) for cell in row))
    out.print(table)


def _show_bars(out: Console, block: Bars) -> None:
    out.print(_text(block.title, "bold"))
    table = RichTable.grid(padding=(0, 2))
    table.add_column()
    table.add_column(width=BAR)
    table.add_column(justify="right")
    for bar in block.bars:
        table.add_row(_text(bar.label), _bar(bar.score), _text(bar.score.text))
    out.print(table)


def _bar(score: Score) -> ProgressBar | str:
    """A bar without the rest that it leaves, which some terminals show as strongly."""
    width = round(min(1.0, max(0.0, score.share)) * BAR)
    return ProgressBar(total=1.0, completed=1.0, width=width, finished_style="cyan") if width else ""


def _show_marked(out: Console, block: Marked) -> None:
    for text, style in ((block.title, "bold"), (block.says, "")):
        if text:
            out.print(_text(text, style))
    color = out.color_system is not None and not out.no_color
    marked = render_entities(block.text, block.entities, format="ansi", color=color, legend=block.legend, overlap="cut")
    out.print(Text.from_ansi(marked))


def _cell(cell: Cell) -> Text:
    if isinstance(cell, Kind):
        return _text(cell.written, one_of_sixteen(cell.name))
    return _text(cell.text if isinstance(cell, Score) else cell)


def _text(text: str, style: str = "") -> Text:
    return Text(visible(text), style)
