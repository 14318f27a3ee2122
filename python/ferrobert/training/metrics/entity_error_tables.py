"""The tables of `EntityErrors`, for a terminal and as plain text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from ferrobert.training.metrics.entity_errors import EntityErrors, ErrorExample, TypeConfusion

# More rows say less: the rest is counted in one line.
MOST_CONFUSIONS = 12
NOTHING = "–"


def tables(errors: EntityErrors) -> Group:
    """Summary, confusions and examples."""
    from rich.console import Group
    from rich.text import Text

    summary = Text()
    summary.append(f"{errors.right:,} of {errors.true:,} entities right", style="bold")
    summary.append(f", {errors.predicted:,} predicted")
    wrong = [f"{count:,} {kind}" for kind, count in errors.kinds.items() if count]
    summary.append(f"; {', '.join(wrong)}" if wrong else "; no errors")
    parts: list[Text | Table] = [summary]
    if errors.confusions:
        parts += [Text(), _confusions(errors.confusions[:MOST_CONFUSIONS])]
    if rest := errors.confusions[MOST_CONFUSIONS:]:
        parts += [Text(f"and {sum(one.count for one in rest):,} in {len(rest):,} more ways"), Text()]
    if errors.examples:
        parts.append(_examples(errors.examples))
    return Group(*parts)


def _confusions(confusions: Sequence[TypeConfusion]) -> Table:
    from rich.text import Text

    table = _table("true type -> predicted type")
    for name in ("true", "predicted", "error"):
        table.add_column(name)
    table.add_column("count", justify="right")
    for one in confusions:
        table.add_row(Text(one.true or NOTHING), Text(one.predicted or NOTHING), one.kind, f"{one.count:,}")
    return table


def _examples(examples: Sequence[ErrorExample]) -> Table:
    with_scores = any(one.score is not None for one in examples)
    table = _table("worst errors")
    table.add_column("count", justify="right")
    for name in ("error", "true", "predicted"):
        table.add_column(name, overflow="fold")
    if with_scores:
        table.add_column("score", justify="right")
    table.add_column("in context", overflow="fold")
    for one in examples:
        score = [NOTHING if one.score is None else f"{one.score:.2f}"] if with_scores else []
        true, predicted = _entity(one.true, one.true_text), _entity(one.predicted, one.predicted_text)
        table.add_row(f"{one.count:,}", one.kind, true, predicted, *score, _in_context(one))
    return table


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")


def plain(errors: EntityErrors, width: int) -> str:
    """The tables as text without colour."""
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False, force_jupyter=False).print(tables(errors))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def _entity(kind: str | None, text: str) -> Text:
    from rich.text import Text

    if kind is None:
        return Text(NOTHING)
    return Text.assemble((kind, "bold"), " ", text)


def _in_context(one: ErrorExample) -> Text:
    from rich.text import Text

    before, after = one.before and f"{one.before} ", one.after and f" {one.after}"
    return Text.assemble(before, (f"[{one.text}]", "bold"), after)
