"""The tables of `EntityErrors`, for a terminal and as plain text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

    from ferrobert.training.metrics.entity_errors import EntityErrors, ErrorExample

# More rows say less: the rest is counted in one line.
MOST_CONFUSIONS = 12
NOTHING = "–"


def tables(errors: EntityErrors) -> Group:
    """Summary, confusions and examples."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    summary = Text()
    summary.append(f"{errors.right:,} of {errors.true:,} entities right", style="bold")
    summary.append(f", {errors.predicted:,} predicted")
    wrong = [f"{count:,} {kind}" for kind, count in errors.kinds.items() if count]
    summary.append(f"; {', '.join(wrong)}" if wrong else "; no errors")
    parts: list[Text | Table] = [summary]

    if errors.confusions:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="true type -> predicted type", title_justify="left")
        for name in ("true", "predicted", "error"):
            table.add_column(name)
        table.add_column("count", justify="right")
        for one in errors.confusions[:MOST_CONFUSIONS]:
            table.add_row(Text(one.true or NOTHING), Text(one.predicted or NOTHING), one.kind, f"{one.count:,}")
        parts.append(table)
        rest = errors.confusions[MOST_CONFUSIONS:]
        if rest:
            parts.append(Text(f"and {sum(one.count for one in rest):,} in {len(rest):,} more ways"))
    if errors.examples:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="worst errors", title_justify="left")
        table.add_column("count", justify="right")
        table.add_column("error")
        table.add_column("true", overflow="fold")
        table.add_column("predicted", overflow="fold")
        if any(one.score is not None for one in errors.examples):
            table.add_column("score", justify="right")
        table.add_column("in context", overflow="fold")
        for one in errors.examples:
            score = [] if len(table.columns) == 5 else [NOTHING if one.score is None else f"{one.score:.2f}"]
            table.add_row(
                f"{one.count:,}",
                one.kind,
                _entity(one.true, one.true_text),
                _entity(one.predicted, one.predicted_text),
                *score,
                _in_context(one),
            )
        parts.append(table)
    return Group(*parts)


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

    parts = [one.before, one.after]
    return Text.assemble(
        parts[0] + " " if parts[0] else "", ("[" + one.text + "]", "bold"), " " + parts[1] if parts[1] else ""
    )
