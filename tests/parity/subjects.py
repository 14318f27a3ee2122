"""The tokenizers under test, by name."""

from collections.abc import Callable
from pathlib import Path

from tests.parity.tokenizers_under_test import Backend, Package, Reference, UnderTest


def _package(folder: Path, _reference: Reference, truncation_side: str) -> UnderTest:
    return Package(folder, truncation_side)


def _core(_folder: Path, reference: Reference, truncation_side: str) -> UnderTest:
    from ferrobert._core import WordPiece

    return Backend(WordPiece, reference, truncation_side)


def _twin(_folder: Path, reference: Reference, truncation_side: str) -> UnderTest:
    from ferrobert.reference.wordpiece import WordPiece

    return Backend(WordPiece, reference, truncation_side)


SUBJECTS: dict[str, Callable[[Path, Reference, str], UnderTest]] = {
    "package": _package,
    "core": _core,
    "twin": _twin,
}
"""``package``: ferrobert.BertTokenizer; ``core``: the compiled backend alone; ``twin``: the pure-Python one."""


def load(subject: str, folder: Path, truncation_side: str = "right") -> tuple[Reference, UnderTest]:
    """The reference and the tokenizer under test, both of ``folder``."""
    reference = Reference(folder, truncation_side)
    return reference, SUBJECTS[subject](folder, reference, truncation_side)
