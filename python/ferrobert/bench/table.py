"""A run as tables that read well from 80 columns on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ferrobert.bench.report import JobReport, Result, Surroundings, three_digits
from ferrobert.bench.timing import Ratio

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

GUIDE = (
    "first: the first call of a fresh tokenizer; warm: later calls on the same texts. leads by: how many times as long "
    "as ferrobert's the call takes, the median of the rounds and their range. equal "
    "rows: those equal to the reference's."
)


def show_surroundings(out: Console, surroundings: Surroundings) -> None:
    """Print what holds for the run."""
    for line in surroundings.lines():
        out.print(line, markup=False)
    for name, how in surroundings.absent.items():
        out.print(f"not measured: {name} is not installed: {how}", style="yellow", markup=False)
    for name, note in surroundings.notes.items():
        out.print(f"{name}: {note}", style="dim", markup=False)
    out.print(GUIDE, style="dim", markup=False)


def show_job(out: Console, report: JobReport) -> None:
    """Print one job."""
    out.print()
    out.print(f"{report.job.name}: {report.job.title}", style="bold", markup=False)
    if report.results:
        out.print(job_table(report))
    for why in sorted(set(report.cannot.values())):
        names = [name for name, reason in report.cannot.items() if reason == why]
        out.print(f"cannot: {', '.join(names)} ({why})", style="dim", markup=False)
    for name, error in report.failed.items():
        out.print(f"failed: {name}: {error}", style="red", markup=False)


def job_table(report: JobReport) -> Table:
    """The results of one job, fastest first; slow subjects below, on the first texts alone."""
    from rich import box
    from rich.table import Table

    single = report.job.is_single
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    unit = "us" if single else "MB/s"
    count = "calls/s" if single else "docs/s"
    heads = (
        f"first\n{unit}",
        f"warm\n{unit}",
        f"warm\n{count}",
        "leads by\n(warm)",
        "leads by\n(first)",
        "equal\nrows",
    )
    for name in heads:  # where a name or a range is long, the range takes a line of its own
        table.add_column(name, justify="right", no_wrap=name != "leads by\n(warm)")
    for result in sorted(report.results, key=lambda one: one.warm.median):
        table.add_row(*_cells(result, report, single), style="bold" if result.subject == report.leader else None)
    if report.few:
        table.add_section()
        docs = report.few[0].docs
        for result in sorted(report.few, key=lambda one: one.warm.median):
            cells = _cells(result, report, single)
            name = cells[0] if single or result.subject != report.leader else f"same, {docs} docs"
            table.add_row(name, *cells[1:])
    return table


def _cells(result: Result, report: JobReport, single: bool) -> list[str]:
    leads = result.subject == report.leader
    if single:
        speeds = [result.first.median * 1e6, result.warm.median * 1e6]
    else:
        speeds = [result.first_megabytes_per_second, result.megabytes_per_second]
    return [
        result.subject,
        *map(three_digits, (*speeds, result.docs_per_second)),
        "" if leads else ratio_text(result.behind_warm),
        "" if leads else f"{three_digits(result.behind_first.median)}x",
        share_text(result.equal, result.rows),
    ]


def ratio_text(ratio: Ratio) -> str:
    """Median and range: ``43.1x (37.8-152)``; a single round has no range.

    Example:
        >>> ratio_text(Ratio(43.06, 37.8, 152.3)), ratio_text(Ratio(43.06, 43.06, 43.06))
        ('43.1x (37.8-152)', '43.1x')
    """
    if ratio.low == ratio.high:
        return f"{three_digits(ratio.median)}x"
    return f"{three_digits(ratio.median)}x ({three_digits(ratio.low)}-{three_digits(ratio.high)})"


def share_text(equal: int, rows: int) -> str:
    """A share that is 100 % only where it is all.

    Example:
        >>> share_text(10, 10), share_text(99_999, 100_000), share_text(1, 3)
        ('all', '99.99 %', '33.33 %')
    """
    if equal == rows:
        return "all"
    hundredths = equal * 10_000 // rows
    return f"{hundredths / 100:.2f} %"
