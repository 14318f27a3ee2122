"""A corpus of text files as documents of sentences, read as a stream that can go on from any document."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ferrobert.errors import ConfigError, DataError

FORMATS = ("auto", "blank-line", "line")
CHUNK_BYTES = 1 << 22

# A full stop of Latin scripts ends a sentence where white space follows, one of CJK scripts always.
# Closing quotes and brackets stay with the sentence.
_SENTENCE_END = re.compile(r"""[.!?]+["'”’»)\]]*(?=\s)|[。！？]+["'”’」』）】》]*""")
_BLANK_LINE = re.compile(rb"\n[^\S\n]*\n\s*\S")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the corpus.

    Attributes:
        path: where it is.
        size: bytes.
        modified: time of the last change in nanoseconds; equal size and time are taken as equal contents.
        sha256: of the contents.
        layout: "blank-line" (a sentence a line, blank lines between documents) or "line" (a document a line).
    """

    path: str
    size: int
    modified: int
    sha256: str
    layout: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document begins: file, byte offset, line (from 1) and the document's number in the whole corpus."""

    file: int = 0
    offset: int = 0
    line: int = 1
    document: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A document.

    Attributes:
        sentences: without white space around them, none empty.
        start: where it begins.
        next: where to go on reading.
    """

    sentences: list[str]
    start: Place
    next: Place

    @property
    def size(self) -> int:
        """Characters."""
        return sum(map(len, self.sentences))


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences by a simple rule.

    A sentence ends after ``.``, ``!`` or ``?`` (and closing quotes or brackets) where white space follows, and after
    ``。``, ``！`` or ``？``. Abbreviations are not known: "Mr. Smith" becomes two sentences, which next-sentence
    prediction bears and tokens do not see.

    Example:
        >>> split_sentences('He said "Go." She went at 3.15 p.m. 好。走！')
        ['He said "Go."', 'She went at 3.15 p.m.', '好。', '走！']
    """
    sentences, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        sentence = text[start : end.end()].strip()
        if sentence:
            sentences.append(sentence)
        start = end.end()
    rest = text[start:].strip()
    return [*sentences, rest] if rest else sentences


def find_files(corpus: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The files that a corpus names: paths, patterns (``data/*.txt``), and folders (every ``.txt`` in them).

    Those of a pattern or a folder come sorted by name; a file that is named twice counts once.

    Raises:
        ConfigError: no corpus, or something that is not a path.
        DataError: nothing is there under a name.
    """
    names = [corpus] if isinstance(corpus, (str, os.PathLike)) else corpus
    if not hasattr(names, "__iter__"):
        raise ConfigError(f"corpus must be paths of text files, got {type(corpus).__name__}")
    found: dict[Path, Path] = {}
    for name in names:
        if not isinstance(name, (str, os.PathLike)):
            raise ConfigError(f"corpus must be paths of text files, got {type(name).__name__} among them")
        path = Path(name).expanduser()
        if path.is_dir():
            paths = sorted(file for file in path.rglob("*.txt") if file.is_file())
            if not paths:
                raise DataError(f"corpus: the folder {path} holds no .txt file")
        elif path.exists():
            paths = [path]
        else:
            matches = glob.glob(str(path), recursive=True)  # noqa: PTH207 - patterns may be absolute
            paths = sorted(Path(file) for file in matches if Path(file).is_file())
            if not paths:
                raise DataError(f"corpus: no such file or folder: {path}")
        for file in paths:
            found.setdefault(file.resolve(), file)
    if not found:
        raise ConfigError("corpus is empty: name at least one text file")
    return list(found.values())


def inspect(path: Path, document_format: str = "auto", known: SourceFile | None = None) -> SourceFile:
    """Read a file through once: its fingerprint and its layout.

    Args:
        path: the file.
        document_format: "blank-line" or "line"; "auto" takes "blank-line" where a blank line stands between texts.
        known: what an earlier call said; not read again where size and time are the same.

    Raises:
        DataError: it cannot be read, or holds no text.
    """
    if document_format not in FORMATS:
        allowed = ", ".join(repr(name) for name in FORMATS)
        raise ConfigError(f"document_format must be one of {allowed}, got {document_format!r}")
    try:
        state = path.stat()
        if known is not None and (known.size, known.modified) == (state.st_size, state.st_mtime_ns):
            layout = known.layout if document_format == "auto" else document_format
            return SourceFile(str(path), known.size, known.modified, known.sha256, layout)
        with path.open("rb") as file:
            digest, has_text, has_blank_line = _scan(file)
    except OSError as error:
        raise DataError(f"corpus: {path} cannot be read: {error.strerror or error}") from error
    if not has_text:
        raise DataError(f"corpus: {path} holds no text")
    layout = ("blank-line" if has_blank_line else "line") if document_format == "auto" else document_format
    return SourceFile(str(path), state.st_size, state.st_mtime_ns, digest, layout)


def _scan(file: BinaryIO) -> tuple[str, bool, bool]:
    """SHA-256, whether there is any text, and whether a blank line stands between two lines of text."""
    digest = hashlib.sha256()
    has_text = has_blank_line = False
    blank = b""  # white space at the end of what was read, which may go on
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
        if has_blank_line:
            continue
        window = blank + chunk
        text = window.rstrip()
        start = 0 if has_text else len(window) - len(window.lstrip())
        has_blank_line = _BLANK_LINE.search(window, start) is not None
        has_text = has_text or bool(text)
        blank = window[len(text) :]
    return digest.hexdigest(), has_text, has_blank_line


def read_documents(files: list[SourceFile], start: Place = Place()) -> Iterator[Document]:
    """Documents in order, from a place on.

    Raises:
        DataError: bytes that are not UTF-8, with file and line; a file that cannot be read any more.
    """
    number = start.document
    for index in range(start.file, len(files)):
        source = files[index]
        offset, line = (start.offset, start.line) if index == start.file else (0, 1)
        here = Place(index, offset, line, number)
        sentences: list[str] = []
        try:
            with Path(source.path).open("rb") as file:
                file.seek(offset)
                for raw in file:
                    text = _decode(raw, source.path, line)
                    offset, line = offset + len(raw), line + 1
                    if source.layout == "line":
                        sentences = split_sentences(text)
                    elif text:
                        sentences.append(text)
                        continue
                    if sentences:
                        number += 1
                        there = Place(index, offset, line, number)
                        yield Document(sentences, here, there)
                        here, sentences = there, []
        except OSError as error:
            raise DataError(f"corpus: {source.path} cannot be read: {error.strerror or error}") from error
        if sentences:
            number += 1
            yield Document(sentences, here, Place(index + 1, 0, 1, number))


def _decode(raw: bytes, path: str, line: int) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"corpus: {path}, line {line} is not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start}"
        ) from None
    return text.removeprefix("\ufeff").strip() if line == 1 else text.strip()


def is_held_out(document: int, share: float, seed: int) -> bool:
    """Whether a document is set aside: a draw that depends on its number and the seed alone."""
    drawn = hashlib.blake2b(document.to_bytes(8, "little"), digest_size=8, key=seed.to_bytes(8, "little")).digest()
    return int.from_bytes(drawn, "little") < share * 2.0**64
