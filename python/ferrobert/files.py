"""Output files that appear only when they are complete: they are written beside and renamed.

Work that Ctrl-C stops is kept under a name of its own.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import BinaryIO

from ferrobert.errors import ConfigError

__all__ = ["check_target", "check_writable", "interrupts_wait", "kept_file", "partial_file", "publish", "write_file"]


def check_target(path: Path) -> None:
    """Say what cannot be written before any work is done for it.

    Raises:
        FileNotFoundError: there is no folder to write to.
        IsADirectoryError: the path is a folder.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no such folder: {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; the output is one file")


def check_writable(path: Path, name: str) -> None:
    """Say that a file cannot be made before any work is done for it.

    Args:
        path: the file.
        name: the option that it was given with.

    Raises:
        ConfigError: it is no file, has no folder, or cannot be written; the message names option, path and reason.
    """
    try:
        if path.is_dir():
            raise ConfigError(f"{name} {path} is a folder; it must be a file")
        if path.exists() and not path.is_file():
            raise ConfigError(f"{name} {path} is a device or a pipe; it must be a file")
        if not path.absolute().parent.is_dir():
            raise ConfigError(f"{name} {path}: there is no folder {path.parent}")
        # Only making a file tells whether one can be made: permissions, full and read-only disks, long names.
        file, partial = partial_file(path)
        file.close()
        partial.unlink()
    except OSError as error:
        raise ConfigError(f"{name} {path} cannot be written: {error.strerror or error}") from error


def partial_file(path: Path) -> tuple[BinaryIO, Path]:
    """A new file beside a path, open for writing, and where it is; `publish` puts it in its place."""
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.absolute().parent)
    return os.fdopen(handle, "wb"), Path(partial)


def publish(partial: Path, path: Path) -> None:
    """Rename a file that is complete to its place, as readable as any new file: temporary ones are private."""
    umask = os.umask(0)
    os.umask(umask)
    partial.chmod(0o666 & ~umask)
    os.replace(partial, path)


def write_file(path: Path, contents: bytes | str) -> None:
    """Write a file that appears only when it is complete; who reads it meanwhile sees the old one. Text is UTF-8.

    Raises:
        OSError: it cannot be written; the error names the path, and nothing is left behind.
    """
    try:
        file, partial = partial_file(path)
        try:
            with file:
                file.write(contents.encode() if isinstance(contents, str) else contents)
            publish(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise type(error)(error.errno, error.strerror or str(error), str(path)) from error


def kept_file(path: Path) -> Path:
    """Where the finished part of a file goes when Ctrl-C stops the work: ``out.partial.jsonl`` beside ``out.jsonl``.

    What is kept there of an earlier run stays: the next one is ``out.partial-2.jsonl``.
    """
    names = (f"{path.stem}.partial{'' if number == 1 else f'-{number}'}{path.suffix}" for number in count(1))
    return next(place for name in names if not (place := path.with_name(name)).exists())


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Ctrl-C comes after the block, which is done as a whole; for what takes milliseconds.

    Raises:
        KeyboardInterrupt: Ctrl-C came meanwhile.
    """
    own = signal.getsignal(signal.SIGINT)
    # Only the main thread is interrupted, and only where that is a function of Python.
    if threading.current_thread() is not threading.main_thread() or not callable(own):
        yield
        return
    waiting: list[int] = []
    signal.signal(signal.SIGINT, lambda *_: waiting.append(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, own)
    if waiting:
        own(signal.SIGINT, None)
