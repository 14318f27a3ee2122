"""Entities as HTML: a fragment that brings its own style, a page around fragments, and what other pages are made of."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from zlib import crc32

from ferrobert.render.colors import ON_DARK, ON_DARK_NAME, ON_LIGHT, ON_LIGHT_NAME, colors_of
from ferrobert.render.spans import Marked, counted, pieces

# {s} is the class of the fragment, named after its own rules: two outputs on one page share a class only where they
# share the rules. Marks bring text and background together, so their contrast does not depend on the page that they are
# put into. Which of the two sets is shown follows the notebook's theme where it says so (JupyterLab, VS Code, Colab),
# else the reader's setting.
STYLE = """\
.{s}{{line-height:1.9;max-width:75em}}
.{s} .entities-text{{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;text-align:start}}
.{s} mark{{border:1px solid;border-radius:.3em;padding:.1em .25em;\
-webkit-box-decoration-break:clone;box-decoration-break:clone}}
.{s} mark span{{white-space:nowrap;user-select:none;-webkit-user-select:none}}
.{s} mark bdi{{border-radius:.25em;padding:.12em .4em;font:600 .7em/1 system-ui,sans-serif;\
letter-spacing:.03em;vertical-align:.1em}}
div.{s} ul.entities-legend{{display:flex;flex-wrap:wrap;gap:.3em .6em;\
margin:.9em 0 0;padding:0;list-style:none;line-height:1.6}}
div.{s} ul.entities-legend li{{margin:0}}
.{s} .entities-legend mark{{font:600 .8em/1.6 system-ui,sans-serif;white-space:nowrap}}
{light}
@media (prefers-color-scheme:dark){{
{dark}
}}
{themes}
"""
LIGHT = f"""\
.{{s}} mark{{{{background:var(--l1);color:{ON_LIGHT};border-color:var(--l2)}}}}
.{{s}} mark bdi{{{{background:var(--l2);color:{ON_LIGHT_NAME}}}}}"""
DARK = f"""\
.{{s}} mark{{{{background:var(--d1);color:{ON_DARK};border-color:var(--d2)}}}}
.{{s}} mark bdi{{{{background:var(--d2);color:{ON_DARK_NAME}}}}}"""
LIGHT_THEMES = ("[data-jp-theme-light=true]", "body.vscode-light", "html[theme=light]")
DARK_THEMES = ("[data-jp-theme-light=false]", "body.vscode-dark", "html[theme=dark]")

PAGE_STYLE = """\
:root{color-scheme:light dark}
body{margin:0 auto;padding:1.5em 1em 3em;max-width:46rem;\
font:1.05rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;background:#ffffff;color:#1a1a1a}
h1{font-size:1.4rem;line-height:1.3;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:2.2em 0 .6em;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{background:#121417;color:#e8e8e8}}
@media print{mark{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""
# Nothing is loaded and nothing runs, whatever the text holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html_fragment(text: str, spans: Sequence[Marked], *, legend: bool) -> str:
    """The text in a ``<div>`` with its own ``<style>``."""
    scope, style = marks_style([label for label, _ in counted(spans)])
    return f'<div class="{scope}">\n<style>\n{style}</style>\n{marked_text(text, spans, legend=legend)}</div>\n'


def html_page(texts: Sequence[tuple[str | None, str, Sequence[Marked]]], *, title: str, legend: bool) -> str:
    """A whole page: each text with its heading."""
    scope, style = marks_style([label for label, _ in counted([one for _, _, spans in texts for one in spans])])
    parts = [f"<h1>{_name(title)}</h1>"]
    for name, text, spans in texts:
        parts += ["<section>"] if name is None else ["<section>", f"<h2>{_name(name)}</h2>"]
        parts += [f'<div class="{scope}">', f"{marked_text(text, spans, legend=legend)}</div>", "</section>"]
    return document(title, parts, style=style)


def document(title: str, parts: Sequence[str], *, style: str, lang: str = "") -> str:
    """A page that holds all it needs, follows the light or dark setting of its reader, and may load and run nothing.

    Args:
        title: its title, not escaped.
        parts: HTML of its body.
        style: rules beside those of every page.
        lang: language of the page; empty where that is not known.
    """
    head = [
        "<!doctype html>",
        f'<html lang="{lang}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="generator" content="ferrobert">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{PAGE_STYLE}{style}</style>",
        "</head>",
        "<body>",
    ]
    return "\n".join([*head, *parts, "</body>", "</html>", ""])


def marked_text(text: str, spans: Sequence[Marked], *, legend: bool) -> str:
    """The text with its marks, and the list of their kinds; inside of what has the class of `marks_style`."""
    marked = "".join(escape(piece) if one is None else _mark(piece, one) for piece, one in pieces(text, spans))
    # No line break after <div>: the style would keep it.
    body = f'<div class="entities-text" dir="auto">{marked}</div>\n'
    if legend and spans:
        items = "".join(f"<li>{mark_of(label, f'{label} {count:,}')}</li>" for label, count in counted(spans))
        body += f'<ul class="entities-legend" dir="ltr">{items}</ul>\n'
    return body


def mark_of(label: str, text: str) -> str:
    """A word or two in the colours of a label; inside of what has the class of `marks_style`."""
    return f"{_opening(label)}{escape(text)}</mark>"


def _mark(text: str, one: Marked) -> str:
    score = "" if one.score is None else f" {one.score:.3f}"
    title = f"{one.name}{score}, characters {one.start} to {one.end}"
    # The name is not part of the text: it is left out of what a reader selects and copies.
    return f"{_opening(one.label, title)}{escape(text)}<span> <bdi>{escape(one.name)}</bdi></span></mark>"


def _opening(label: str, title: str | None = None) -> str:
    tip = "" if title is None else f' title="{escape(title)}"'
    # An entity is set in its own direction, also in a line of the other one.
    return f'<mark class="{_class_of(label)}" dir="auto"{tip}>'


def _class_of(label: str) -> str:
    return f"c{crc32(label.encode('utf-8')):08x}"


def _name(text: str) -> str:
    return f'<bdi dir="auto">{escape(text)}</bdi>'


def marks_style(labels: Sequence[str]) -> tuple[str, str]:
    """The class of what holds marks, and its rules, for these labels."""
    variables = []
    for label in labels:
        light, light_name, dark, dark_name = colors_of(label)
        variables.append(
            f".{{s}} .{_class_of(label)}{{{{--l1:{light};--l2:{light_name};--d1:{dark};--d2:{dark_name}}}}}"
        )
    rules = STYLE.replace("{light}", LIGHT).replace("{dark}", DARK)
    themes = [
        rule.replace(".{s} ", f"{theme} .{{s}} ")
        for sets, rule in ((LIGHT_THEMES, LIGHT), (DARK_THEMES, DARK))
        for theme in sets
    ]
    rules = rules.replace("{themes}", "\n".join([*themes, *variables]))
    scope = f"ferrobert-{crc32(rules.encode('utf-8')):08x}"
    return scope, rules.format(s=scope)
