"""What people see while a model runs: rows done, rows a second, the time that remains."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

__all__ = ["RowBar"]


class RowBar:
    """A progress bar on stderr where that is a terminal, or in a notebook; elsewhere nothing is written.

    It appears with the first rows and goes when the ``with`` block is left.

    Args:
        title: what is done.
        total: how many rows there are; ``None`` where that is not known.
        hidden: show nothing.

    Example:
        >>> with RowBar("classifying", total=2) as bar:
        ...     bar.advance(1.5)
        ...     bar.reach(2)
    """

    def __init__(self, title: str, total: float | None = None, *, hidden: bool = False) -> None:
        console = Console(stderr=True, highlight=False)
        # What is printed meanwhile goes above the bar, but a file or pipe gets it as it is.
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} rows"),
            _RateColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            disable=hidden or not (sys.stderr.isatty() or console.is_jupyter),
        )
        self._task = self._bar.add_task(title, start=False, total=total)

    def expect(self, total: float) -> None:
        """Say how many rows there are, all together."""
        self._start()
        self._bar.update(self._task, total=total)

    def advance(self, rows: float) -> None:
        """Move on by some rows; a row of which the model has read half is half a row."""
        self._start()
        self._bar.advance(self._task, rows)

    def reach(self, rows: float) -> None:
        """Say how many rows are done, all together."""
        self._start()
        self._bar.update(self._task, completed=rows)

    def _start(self) -> None:
        if not self._bar.tasks[0].started:
            self._bar.start_task(self._task)
            self._bar.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


class _RateColumn(ProgressColumn):
    """Rows a second, of late."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text("" if rate is None else f"{rate:,.0f} rows/s" if rate >= 10 else f"{rate:.1f} rows/s")
