"""Files that are whole or not there: written beside, then renamed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ferrobert.errors import DataError


def write_bytes(path: Path, contents: bytes) -> None:
    """Write a file; who reads it meanwhile sees the old one."""
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """What a JSON file holds, ``None`` where there is no file.

    Raises:
        DataError: it is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; remove it to begin again") from None
