"""Files of a report: checked before the long run, written beside and renamed after it."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

from ferrobert.bench.report import Report
from ferrobert.errors import ConfigError, MissingDependencyError

PLOT_SUFFIXES = (".png", ".svg")
THEMES = ("both", "light", "dark")


def check_output(json: Path | None, plot: Path | None, theme: str) -> None:
    """Refuse what could not be written after the run.

    Raises:
        ConfigError: a file has another suffix, is a folder or has no folder to stand in; or the theme is not known.
        MissingDependencyError: a chart is wanted and matplotlib is not installed.
    """
    if theme not in THEMES:
        raise ConfigError(f"--theme must be {', '.join(THEMES[:-1])} or {THEMES[-1]}, got {theme!r}")
    for name, path in (("--json", json), ("--plot", plot)):
        if path is not None and path.is_dir():
            raise ConfigError(f"{name} {path} is a folder; it must be a file")
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigError(f"{name} {path}: there is no folder {path.parent}")
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        raise ConfigError(f"--plot must end with {' or '.join(PLOT_SUFFIXES)}, got {plot}")
    if plot is not None and importlib.util.find_spec("matplotlib") is None:
        raise MissingDependencyError('--plot needs matplotlib: pip install "ferrobert[bench]"')


def write_report(report: Report, json: Path | None, plot: Path | None, theme: str) -> list[Path]:
    """Write what was asked for; returns the files."""
    if json is not None:
        write_beside(json, report.to_json().encode())
    if plot is not None:
        from ferrobert.bench.plot import chart

        write_beside(plot, chart(report, plot.suffix.lower().removeprefix("."), theme))
    return [path for path in (json, plot) if path is not None]


def write_beside(path: Path, data: bytes) -> None:
    """Write beside the path, then rename: nobody sees half a file."""
    handle, beside = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(beside).chmod(0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
