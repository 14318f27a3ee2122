"""The demo as one HTML page, which holds all it needs: the marks and the page are those of `ferrobert.render`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ferrobert.cli.demo.blocks import Bars, Block, Cell, Column, Kind, Line, Marked, Score, Section, Table, Tokens
from ferrobert.render.colors import oklch
from ferrobert.render.html import document, mark_of, marked_text, marks_style
from ferrobert.render.spans import Marked as Span
from ferrobert.render.spans import spans_of, visible

__all__ = ["page"]

TITLE = "What ferrobert does"
# Where a first column is longer than this, a phone shows the rest of a row below it.
SHORT = 20
# Bars have the hue of people's names; grey lines and small print a contrast of 4.5:1 or more on their background.
STYLE = f"""\
:root{{--bar:{oklch(0.46, 0.12, 255)};--rest:#e3e6ea;--line:#c9ced6;--small:#5a6270;--card:#f5f6f8}}
@media (prefers-color-scheme:dark){{\
:root{{--bar:{oklch(0.75, 0.10, 255)};--rest:#2b3038;--line:#3d444f;--small:#a3abb8;--card:#1b1f25}}}}
body{{max-width:54rem}}
.report{{line-height:1.6;max-width:none}}
.report h2{{font-size:1.25rem;border-top:1px solid var(--line);padding-top:1.2em;margin-top:2.4em}}
.report h3{{font-size:1rem;margin:1.6em 0 .5em;overflow-wrap:anywhere}}
.report p{{margin:.6em 0}}
.report .entities-text{{line-height:1.9;margin:.5em 0}}
nav ol{{display:flex;flex-wrap:wrap;gap:.2em 1.2em;padding:0;list-style:none}}
a{{color:var(--bar)}}
footer{{margin-top:3em;border-top:1px solid var(--line);padding-top:1em;color:var(--small);font-size:.9rem}}
.wide{{overflow-x:auto}}
table{{border-collapse:collapse;width:100%;font-size:.95rem;line-height:1.45}}
caption{{text-align:start;font-weight:600;padding:0;margin:1.4em 0 .4em;overflow-wrap:anywhere}}
th,td{{text-align:start;vertical-align:top;padding:.35em .9em .35em 0;border-bottom:1px solid var(--line)}}
thead th{{color:var(--small);font-size:.85rem;white-space:nowrap}}
tbody th{{font-weight:400}}
.number{{text-align:end;font-variant-numeric:tabular-nums;white-space:nowrap}}
th:last-child,td:last-child{{padding-inline-end:0}}
.bar{{display:block;height:.5em;border-radius:.25em;background:var(--rest);overflow:hidden;min-width:2.5em;\
margin:.2em 0}}
.bar i{{display:block;height:100%;background:var(--bar)}}
.stack tbody th{{overflow-wrap:anywhere}}
@media (max-width:40rem){{
.stack thead{{position:absolute;clip-path:inset(50%)}}
.stack tr{{display:flex;flex-wrap:wrap;gap:.1em 1em;border-bottom:1px solid var(--line);padding:.4em 0}}
.stack th,.stack td{{border:0;padding:0}}
.stack tbody th{{flex:0 0 100%}}
.stack td:empty{{display:none}}
.stack .number::before{{content:attr(data-name) " ";color:var(--small)}}
}}
.bars{{margin:0 0 1.2em}}
.bars th,.bars td{{border:0;padding-block:.12em;vertical-align:middle}}
.bars th{{width:9em}}
.bars td.number{{width:5em}}
.bars .bar{{height:.85em;margin:0}}
@media (max-width:40rem){{.bars th{{width:7em}}.bars td.number{{width:4em}}}}
.tokens{{display:flex;flex-wrap:wrap;gap:.35em;padding:0;margin:.5em 0;list-style:none}}
.tokens li{{background:var(--card);border:1px solid var(--line);border-radius:.4em;padding:.25em .55em;\
text-align:center;line-height:1.35}}
.tokens b{{display:block;font:600 .95rem/1.4 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}}
.tokens small{{display:block;color:var(--small);font-size:.78rem;line-height:1.6;min-height:1.6em}}
.tokens mark{{padding:0 .3em}}
summary{{color:var(--small);font-size:.9rem;cursor:pointer}}
"""


def page(about: Iterable[Line], sections: Sequence[Section], *, footer: str) -> str:
    """The whole page.

    Args:
        about: stands at its beginning.
        sections: with all of their blocks.
        footer: stands at its end.
    """
    labels = sorted({label for section in sections for block in section.blocks for label in _labels(block)})
    scope, marks = marks_style(labels)
    links = "".join(f'<li><a href="#{one.name}">{escape(one.title)}</a></li>' for one in sections)
    parts = [f"<h1>{TITLE}</h1>", *map(_show, about), f'<nav aria-label="Sections"><ol>{links}</ol></nav>']
    parts += ["<main>", f'<div class="{scope} report">']
    for number, section in enumerate(sections, start=1):
        parts += [f'<section id="{section.name}">', f"<h2>{number}. {escape(section.title)}</h2>"]
        parts += [*map(_show, section.blocks), "</section>"]
    parts += ["</div>", "</main>", f"<footer>{_text(footer)}</footer>"]
    return document(TITLE, parts, style=marks + STYLE, lang="en")


def _labels(block: Block) -> Iterator[str]:
    """The kinds that a block shows in colour."""
    match block:
        case Marked():
            yield from (label for one in _spans(block) for label in (one.label, *one.covered))
        case Tokens():
            yield from _labels(block.table)
        case Table():
            yield from (cell.name for row in block.rows for cell in row if isinstance(cell, Kind))


def _show(block: Block) -> str:
    match block:
        case Line():
            text = _text(block.text)
            return f"<p><strong>{text}</strong></p>" if block.strong else f"<p>{text}</p>"
        case Table():
            return _table(block)
        case Tokens():
            return _tokens(block)
        case Bars():
            return _bars(block)
        case Marked():
            return _marked(block)


def _tokens(block: Tokens) -> str:
    table, note = block.table, block.table.columns[block.note].name
    chips = "".join(
        f"<li><b>{_cell(row[0])}</b><small>{_cell(row[1])}</small><small>{_cell(row[block.note])}</small></li>"
        for row in table.rows
    )
    return (
        f'<h3>{_text(table.title)}</h3>\n<ol class="tokens">{chips}</ol>\n'
        f"<details><summary>Under each token its {_text(table.columns[1].name)} and {_text(note)}; all columns"
        f"</summary>{_table(table, titled=False)}</details>"
    )


def _bars(block: Bars) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_text(bar.label)}</th><td>{_bar(bar.score)}</td>'
        f'<td class="number">{_text(bar.score.text)}</td></tr>'
        for bar in block.bars
    )
    return f'<table class="bars"><caption>{_text(block.title)}</caption><tbody>{rows}</tbody></table>'


def _marked(block: Marked) -> str:
    title = f"<h3>{_text(block.title)}</h3>\n" if block.title else ""
    says = f"<p>{_text(block.says)}</p>\n" if block.says else ""
    return title + says + marked_text(block.text, _spans(block), legend=block.legend)


def _spans(block: Marked) -> list[Span]:
    return spans_of(block.text, block.entities, overlap="cut")


def _table(table: Table, *, titled: bool = True) -> str:
    heads = "".join(f'<th scope="col"{_class(column)}>{_text(column.name)}</th>' for column in table.columns)
    rows = []
    for first, *rest in table.rows:
        cells = "".join(
            f'<td{_class(column)} data-name="{escape(column.name)}">{_cell(cell)}</td>'
            for column, cell in zip(table.columns[1:], rest, strict=True)
        )
        rows.append(f'<tr><th scope="row">{_cell(first)}</th>{cells}</tr>')
    caption = f"<caption>{_text(table.title)}</caption>" if titled else ""
    body = "\n".join(rows)
    filled = f"{caption}<thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table>"
    if any(len(_written(first)) > SHORT for first, *_ in table.rows):
        return f'<table class="stack">{filled}'
    # A table that is wider than a phone moves in its own frame, which the keyboard reaches.
    return f'<div class="wide" role="region" aria-label="{escape(table.title)}" tabindex="0"><table>{filled}</div>'


def _written(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.written if isinstance(cell, Kind) else cell.text


def _cell(cell: Cell) -> str:
    if isinstance(cell, Kind):
        return mark_of(cell.name, visible(cell.written))
    return f"{_text(cell.text)}{_bar(cell)}" if isinstance(cell, Score) else _text(cell)


def _bar(score: Score) -> str:
    return f'<span class="bar" aria-hidden="true"><i style="width:{min(1.0, max(0.0, score.share)):.1%}"></i></span>'


def _class(column: Column) -> str:
    return ' class="number"' if column.is_number else ""


def _text(text: str) -> str:
    """Text as it is, in its own direction."""
    return f'<bdi dir="auto">{escape(visible(text))}</bdi>' if text else ""
