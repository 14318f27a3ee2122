"""The corpus encoded once: memory-mapped Arrow files, and a manifest from which an interrupted run goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, DataError, MissingDependencyError
from ferrobert.training.pretraining.corpus import Document, Place, SourceFile, is_held_out, read_documents
from ferrobert.training.pretraining.files import read_json, write_json

MANIFEST = "manifest.json"
LAYOUT_VERSION = 1
# Characters of text in a shard: sentence pairs are drawn within one, and its documents are held in memory.
SHARD_CHARACTERS = 1 << 24
# Held-out documents, their pairs and their masks are the same for every seed, so that runs can be compared.
HELD_OUT_SEED = 1810_04805
# Documents of a shard after the first: a random sentence comes from another document.
LEAST_DOCUMENTS = 64
TRAIN, HELD_OUT = "train", "held_out"

Encoder = Callable[[Iterable[list[str]], int, int], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded rows as flat columns.

    Attributes:
        ids: int32 ``(tokens,)``.
        row_splits: int32 ``(rows + 1,)``.
        first_lengths: int32 ``(rows,)``, tokens of type 0: ``[CLS] A [SEP]`` of a pair, everything otherwise.
        labels: int8 ``(rows,)``, next-sentence or sentence-order labels; ``None`` where rows are no pairs.
    """

    ids: NDArray[np.int32]
    row_splits: NDArray[np.int32]
    first_lengths: NDArray[np.int32]
    labels: NDArray[np.int8] | None

    def __len__(self) -> int:
        return len(self.row_splits) - 1


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of the manifest: what it holds, and where the corpus goes on after it."""

    file: str
    bytes: int
    rows: int
    tokens: int
    documents: int
    next: Place


@dataclass(slots=True)
class Progress:
    """How far the encoding is, for a bar."""

    characters: int = 0
    tokens: int = 0


def require_pyarrow() -> Any:
    """pyarrow, or `MissingDependencyError` naming the extra that brings it."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingDependencyError('pretraining needs pyarrow: pip install "ferrobert[torch]"') from error
    return pyarrow


def rows_of(encodings: Iterable[Any]) -> Rows:
    """The rows of batch encodings, one after the other, without padding."""
    ids, lengths, firsts, labels = [], [], [], []
    for encoding in encodings:
        columns = encoding.columns
        splits = np.asarray(columns.row_splits)
        if len(splits) < 2:
            continue
        ids.append(np.asarray(columns.ids, dtype=np.int32))
        lengths.append(np.diff(splits))
        seconds = np.add.reduceat(np.asarray(columns.type_ids, dtype=np.int32), splits[:-1])
        firsts.append(lengths[-1] - seconds)
        for name in ("next_sentence_label", "sentence_order_label"):
            if name in encoding:
                labels.append(np.asarray(encoding[name], dtype=np.int8))
    row_splits = np.zeros(sum(map(len, lengths)) + 1, dtype=np.int32)
    if lengths:
        np.cumsum(np.concatenate(lengths), out=row_splits[1:])
    return Rows(
        np.concatenate(ids) if ids else np.zeros(0, dtype=np.int32),
        row_splits,
        np.concatenate(firsts).astype(np.int32) if firsts else np.zeros(0, dtype=np.int32),
        np.concatenate(labels) if labels else None,
    )


def write_shard(path: Path, rows: Rows, first_sample_id: int) -> int:
    """Write rows as one Arrow IPC file, beside and then renamed; its size in bytes.

    Columns: ``input_ids`` list<int32>, ``first_length`` int32, ``next_sentence_label`` int8 (null where rows are no
    pairs), ``sample_id`` int64.
    """
    pa = require_pyarrow()
    labels = pa.nulls(len(rows), pa.int8()) if rows.labels is None else pa.array(rows.labels)
    columns = {
        "input_ids": pa.ListArray.from_arrays(pa.array(rows.row_splits), pa.array(rows.ids)),
        "first_length": pa.array(rows.first_lengths),
        "next_sentence_label": labels,
        "sample_id": pa.array(np.arange(first_sample_id, first_sample_id + len(rows), dtype=np.int64)),
    }
    batch = pa.record_batch(columns)
    beside = path.with_name(f".{path.name}.part")
    with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    size = beside.stat().st_size
    os.replace(beside, path)
    return size


class ShardFolder:
    """The folder of the shards of one corpus under one set of options.

    Args:
        folder: where they are.
        files: the corpus.
        options: everything else that decides the rows (tokenizer, length, objective, seed, ...).
        held_out: share of the documents that are set aside.

    Raises:
        ConfigError: it holds shards of another corpus or of other options.
    """

    def __init__(self, folder: Path, files: list[SourceFile], options: dict[str, Any], held_out: float) -> None:
        self.folder = folder
        self.files = files
        self.held_out = held_out
        self.fingerprint = {
            "layout": LAYOUT_VERSION,
            "corpus": [[file.sha256, file.layout] for file in files],
            "held_out": held_out,
            **options,
        }
        found = read_json(folder / MANIFEST)
        self.differs = (
            []
            if found is None
            else sorted(name for name in self.fingerprint if found["fingerprint"].get(name) != self.fingerprint[name])
        )
        self._manifest: dict[str, Any] = found or {"fingerprint": self.fingerprint, "complete": False}

    def check(self) -> None:
        """Refuse shards of another corpus or of other options."""
        if self.differs:
            raise ConfigError(
                f"{self.folder} holds a corpus that was encoded with another {', '.join(self.differs)}; "
                "overwrite=True encodes it anew, or choose another output_dir"
            )

    def clear(self) -> None:
        """Forget all shards."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.differs = []
        self._manifest = {"fingerprint": self.fingerprint, "complete": False}

    @property
    def complete(self) -> bool:
        """Whether every document is encoded."""
        return not self.differs and bool(self._manifest["complete"])

    def shards(self, split: str) -> list[Shard]:
        """The finished shards of "train" or "held_out"."""
        return [Shard(**{**entry, "next": Place(**entry["next"])}) for entry in self._manifest.get(split, [])]

    def encode(self, encode: Encoder, seed: int, said: Callable[[int, int], None] | None = None) -> None:
        """Encode what is not encoded yet.

        Args:
            encode: makes batch encodings of documents: ``encode(documents, seed, number of the shard)``. A shard is a
                function of its documents, the seed and its number, so an interrupted run goes on where the last
                finished shard ends.
            seed: of the training documents; held-out ones have a seed of their own.
            said: called with the characters and tokens of each new shard.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / MANIFEST, self._manifest)
        for split in (HELD_OUT, TRAIN) if self.held_out else (TRAIN,):
            self._encode_split(split, encode, HELD_OUT_SEED if split == HELD_OUT else seed, said)
        self._manifest["complete"] = True
        write_json(self.folder / MANIFEST, self._manifest)

    def _encode_split(self, split: str, encode: Encoder, seed: int, said: Callable[[int, int], None] | None) -> None:
        done = self.shards(split)
        entries = self._manifest.setdefault(split, [])
        rows_before = sum(shard.rows for shard in done)
        for documents in self._groups(split, done[-1].next if done else Place()):
            try:
                rows = rows_of(encode([document.sentences for document in documents], seed, len(entries)))
            except DataError as error:
                raise DataError(f"corpus, {split.replace('_', '-')} documents: {error}") from error
            name = f"{split}-{len(entries):05d}.arrow"
            size = write_shard(self.folder / name, rows, rows_before)
            rows_before += len(rows)
            shard = Shard(name, size, len(rows), len(rows.ids), len(documents), documents[-1].next)
            entries.append(asdict(shard))
            write_json(self.folder / MANIFEST, self._manifest)
            if said is not None:
                said(sum(document.size for document in documents), len(rows.ids))
        if not rows_before:
            raise DataError(
                f"corpus: no document of it was set aside by held_out={self.held_out}; raise the share, or held_out=0"
                if split == HELD_OUT
                else f"corpus: no document of it is left for training with held_out={self.held_out}"
            )

    def _groups(self, split: str, start: Place) -> Iterator[list[Document]]:
        """Documents of a split, a shard's worth at a time; a short rest joins the shard before it."""
        full: list[Document] | None = None
        group: list[Document] = []
        size = 0
        for document in read_documents(self.files, start):
            if is_held_out(document.start.document, self.held_out, HELD_OUT_SEED) != (split == HELD_OUT):
                continue
            group.append(document)
            size += document.size
            if full is not None and len(group) >= LEAST_DOCUMENTS:
                yield full
                full = None
            if full is None and size >= SHARD_CHARACTERS:
                full, group, size = group, [], 0
        if full is not None or group:
            yield [*(full or []), *group]

    def open(self, split: str) -> list[Rows]:
        """The shards of a split as views of their memory maps.

        Raises:
            DataError: a shard is missing or has not the length that the manifest says.
        """
        return [open_shard(self.folder / shard.file, shard.bytes) for shard in self.shards(split)]


def open_shard(path: Path, size: int) -> Rows:
    """A shard as views of its memory map; see :meth:`ShardFolder.open`."""
    pa = require_pyarrow()
    found = path.stat().st_size if path.is_file() else None
    if found != size:
        raise DataError(
            f"{path} {'is missing' if found is None else f'has {found} bytes, not {size}'}; "
            f"remove {path.parent} to encode the corpus again"
        )
    with pa.memory_map(str(path)) as source:
        batch = pa.ipc.open_file(source).get_batch(0)
    lists = batch.column("input_ids")
    labels = batch.column("next_sentence_label")
    return Rows(
        lists.values.to_numpy(zero_copy_only=True),
        lists.offsets.to_numpy(zero_copy_only=True),
        batch.column("first_length").to_numpy(zero_copy_only=True),
        None if labels.null_count else labels.to_numpy(zero_copy_only=True),
    )
