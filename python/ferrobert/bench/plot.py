"""The chart: how many times as fast as the reference each subject is, job by job."""

from __future__ import annotations

import io
import textwrap
from typing import Any

from ferrobert.bench.peers import OURS
from ferrobert.bench.report import JobReport, Report, Result, size_text, three_digits

WIDTH_INCHES = 9.0
BAR_INCHES = 0.18
HEAD_INCHES = 0.85
FOOT_INCHES = 1.15
DOTS_PER_INCH = 160
# Characters of the foot's line, in its size of type.
FOOT_CHARACTERS = 150

MARKS = (0.01, 0.1, 1, 3, 10, 30, 100, 300, 1000)

# Text and lines by theme. On a transparent ground the grey has a contrast of 4 and more against white and near-black.
INKS = {"both": "#737b85", "light": "#1f2328", "dark": "#e6edf3"}
GROUNDS = {"both": "none", "light": "#ffffff", "dark": "#0d1117"}
OUR_COLOR = "#e8590c"
COLORS = {
    "nanotoken": "#3b82c4",
    "tokie": "#2a9d8f",
    "tokenizers-1.0": "#8a63d2",
    "kitoken": "#b58900",
    "blingfire": "#c2559d",
    "tensorflow-text": "#6b8e23",
}
OTHER_COLOR = "#8b949e"


def chart(report: Report, kind: str, theme: str = "both") -> bytes:
    """The picture.

    Args:
        report: A run; jobs without the reference's figures are left out.
        kind: ``"png"`` or ``"svg"``.
        theme: ``"both"`` has a transparent ground, ``"light"`` and ``"dark"`` have their own.

    Returns:
        The file's bytes.
    """
    from matplotlib.figure import Figure

    jobs = [(job, bars) for job in report.jobs if (bars := bars_of(job))]
    count = sum(len(bars) + 1 for _, bars in jobs) or 1
    height = HEAD_INCHES + FOOT_INCHES + count * BAR_INCHES
    ink, ground = INKS[theme], GROUNDS[theme]
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DOTS_PER_INCH, facecolor=ground)
    axes = figure.add_axes((0.3, FOOT_INCHES / height, 0.6, count * BAR_INCHES / height), facecolor="none")
    _bars(axes, jobs, ink)
    _texts(figure, report, jobs, height, ink)
    file = io.BytesIO()
    figure.savefig(file, format=kind, facecolor=ground, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def bars_of(job: JobReport) -> list[Result]:
    """The subjects of a job that have a bar, fastest first: all that did all texts, but for the reference."""
    bars = [
        result for result in job.results if result.over_reference is not None and result.subject != result.compared_with
    ]
    if job.leader != OURS:
        return []
    return sorted(bars, key=lambda result: -result.over_reference.median if result.over_reference else 0.0)


def _bars(axes: Any, jobs: list[tuple[JobReport, list[Result]]], ink: str) -> None:
    place = 0.0
    ticks, names = [], []
    widest, lowest = 10.0, 1.0
    for job, results in jobs:
        middle = place + (len(results) - 1) / 2
        ticks.append(middle)
        names.append(textwrap.fill(job.job.title, 30))
        for result in results:
            ratio = result.over_reference
            assert ratio is not None
            ours = result.subject == OURS
            color = OUR_COLOR if ours else COLORS.get(result.subject, OTHER_COLOR)
            axes.barh(place, ratio.median - 1.0, left=1.0, height=0.82, color=color, linewidth=0)
            if ratio.low < ratio.high:
                errors = [[ratio.median - ratio.low], [ratio.high - ratio.median]]
                axes.errorbar(ratio.median, place, xerr=errors, ecolor=ink, elinewidth=0.8, capsize=1.5, fmt="none")
            share = "" if result.equal == result.rows else f", {result.equal * 100 // result.rows} % equal"
            label = f"{three_digits(ratio.median)}x  {result.subject}{share}"
            weight = "bold" if ours else "normal"
            axes.annotate(
                label, (max(ratio.high, 1.0), place), (4, 0), textcoords="offset points", va="center", fontsize=7.5,
                color=ink, fontweight=weight,
            )  # fmt: skip
            widest, lowest = max(widest, ratio.high), min(lowest, ratio.low)
            place += 1
        place += 1
    axes.set_xscale("log")
    axes.set_xlim(lowest * 0.8, widest * 6)
    axes.set_ylim(max(place - 1, 1), -1)
    axes.set_yticks(ticks, names, fontsize=8.5, color=ink)
    marks = [mark for mark in MARKS if lowest * 0.8 <= mark <= widest * 1.5]
    axes.set_xticks(marks, [f"{mark:g}x" for mark in marks], fontsize=8, color=ink)
    axes.minorticks_off()
    axes.tick_params(length=0)
    axes.grid(axis="x", color=ink, alpha=0.25, linewidth=0.6)
    axes.axvline(1.0, color=ink, linewidth=1)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _texts(figure: Any, report: Report, jobs: list[tuple[JobReport, list[Result]]], height: float, ink: str) -> None:
    surroundings = report.surroundings
    reference = jobs[0][1][0].compared_with if jobs else "the reference"
    title = f"Times as fast as {reference} {surroundings.subjects.get(reference, '')}"
    threads = f"{surroundings.threads} thread{'s' if surroundings.threads > 1 else ''}"
    texts = f"{surroundings.corpus}, {size_text(surroundings.bytes)}"
    what = f"{texts}, {surroundings.vocabulary}, {threads}, warm"
    figure.text(0.02, 1 - 0.3 / height, title, fontsize=13, fontweight="bold", color=ink, va="center")
    figure.text(0.02, 1 - 0.6 / height, what + "; log scale", fontsize=9, color=ink, va="center")
    versions = ", ".join(f"{name} {version}" for name, version in surroundings.subjects.items())
    rounds = surroundings.rounds
    foot = [
        f"{versions}.",
        f"{surroundings.machine}; {surroundings.date[:10]}.",
        "One round." if rounds == 1 else f"Median of {rounds} rounds in turns; lines show the range.",
        "Results are compared first: where not all rows are equal to the reference's, the bar says so.",
    ]
    lines = [part for line in foot for part in textwrap.wrap(line, FOOT_CHARACTERS)]
    figure.text(0.02, 0.12 / height, "\n".join(lines), fontsize=6.5, color=ink, va="bottom", linespacing=1.35)
