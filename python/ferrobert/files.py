"""Output files that appear only when they are complete: they are written beside and renamed."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["check_target", "publish"]


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


def publish(partial: Path, path: Path) -> None:
    """Rename a file that is complete to its place, as readable as any new file: temporary ones are private."""
    umask = os.umask(0)
    os.umask(umask)
    partial.chmod(0o666 & ~umask)
    os.replace(partial, path)
