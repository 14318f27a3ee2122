"""Files of a report: checked before the long run, written beside and renamed after it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ferrobert.bench.report import Report
from ferrobert.errors import ConfigError, MissingDependencyError
from ferrobert.files import check_writable, write_file

PLOT_SUFFIXES = (".png", ".svg")
THEMES = ("both", "light", "dark")


def check_output(json: Path | None, plot: Path | None, theme: str) -> None:
    """Refuse what could not be written after the run.

    Raises:
        ConfigError: a file has another suffix, is a folder or a device, cannot be made where it should stand, or is
            wanted twice; or the theme is not known.
        MissingDependencyError: a chart is wanted and matplotlib is not installed.
    """
    if theme not in THEMES:
        raise ConfigError(f"--theme must be {', '.join(THEMES[:-1])} or {THEMES[-1]}, got {theme!r}")
    for name, path in (("--json", json), ("--plot", plot)):
        if path is not None:
            check_writable(path, name)
    if json is not None and plot is not None and json.absolute() == plot.absolute():
        raise ConfigError(f"--json and --plot are the same file {json}")
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        raise ConfigError(f"--plot must end with {' or '.join(PLOT_SUFFIXES)}, got {plot}")
    if plot is not None and importlib.util.find_spec("matplotlib") is None:
        raise MissingDependencyError('--plot needs matplotlib: pip install "ferrobert[bench]"')


def write_report(report: Report, json: Path | None, plot: Path | None, theme: str) -> list[Path]:
    """Write what was asked for; returns the files."""
    if json is not None:
        write_file(json, report.to_json())
    if plot is not None:
        from ferrobert.bench.plot import chart

        write_file(plot, chart(report, plot.suffix.lower().removeprefix("."), theme))
    return [path for path in (json, plot) if path is not None]
