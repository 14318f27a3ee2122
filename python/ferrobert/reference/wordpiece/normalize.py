"""BERT's normalization, with the span of the original text that each character stands for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ferrobert.reference.wordpiece import characters

Span = tuple[int, int]
"""A half-open range of characters of the original text."""


class AlignedText(NamedTuple):
    """Text whose every character knows the span of the original text that it stands for."""

    text: str
    spans: list[Span]

    @classmethod
    def original(cls, text: str) -> "AlignedText":
        """The original text: every character stands for itself."""
        return cls(text, [(position, position + 1) for position in range(len(text))])

    def slice(self, start: int, end: int) -> "AlignedText":
        """The characters from ``start`` to ``end``."""
        return AlignedText(self.text[start:end], self.spans[start:end])

    def span(self, start: int, end: int) -> Span:
        """The original span of a range of characters that is not empty."""
        return self.spans[start][0], self.spans[end - 1][1]


@dataclass(frozen=True, slots=True)
class Normalizer:
    """Cleans text, sets CJK apart, strips accents, lower-cases: in this order, each where it is asked for.

    Example:
        >>> normalizer = Normalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
        >>> normalizer(AlignedText.original("Où\\t東"))
        AlignedText(text='ou  東 ', spans=[(0, 1), (1, 2), (2, 3), (3, 4), (3, 4), (3, 4)])
    """

    clean_text: bool
    handle_chinese_chars: bool
    strip_accents: bool | None
    """``None``: as ``lowercase``, the convention of the original BERT."""
    lowercase: bool

    def __call__(self, aligned: AlignedText) -> AlignedText:
        """The normalized text, aligned with the same original."""
        if self.clean_text:
            aligned = _filter(aligned, lambda character: not characters.is_removed(character))
            aligned = _map(aligned, lambda character: " " if characters.is_whitespace(character) else character)
        if self.handle_chinese_chars:
            aligned = _map(aligned, lambda character: f" {character} " if characters.is_cjk(character) else character)
        if self.lowercase if self.strip_accents is None else self.strip_accents:
            aligned = _filter(_decompose(aligned), lambda character: not characters.is_nonspacing_mark(character))
        if self.lowercase:
            aligned = _map(aligned, characters.lowercase)
        return aligned


def _filter(aligned: AlignedText, keep: Callable[[str], bool]) -> AlignedText:
    kept = [(character, span) for character, span in zip(*aligned, strict=True) if keep(character)]
    return AlignedText("".join(character for character, _ in kept), [span for _, span in kept])


def _map(aligned: AlignedText, replace: Callable[[str], str]) -> AlignedText:
    replaced = [(replace(character), span) for character, span in zip(*aligned, strict=True)]
    return AlignedText("".join(text for text, _ in replaced), [span for text, span in replaced for _ in text])


def _decompose(aligned: AlignedText) -> AlignedText:
    """Canonical decomposition (NFD).

    Marks that change places do not take their spans along: as in the reference, alignment goes by position. The first
    character of a decomposition takes the next span of the source, the others repeat the span before them.
    """
    text: list[str] = []
    spans: list[Span] = []
    used = 0
    for character, is_first in _canonical_order(aligned.text):
        used += is_first
        text.append(character)
        spans.append(aligned.spans[used - 1])
    return AlignedText("".join(text), spans)


def _canonical_order(text: str) -> Iterator[tuple[str, bool]]:
    """Decomposed characters, runs of marks sorted by combining class; whether each is the first of its source."""
    marks: list[tuple[str, bool]] = []
    for source in text:
        for index, part in enumerate(characters.decomposition(source)):
            if characters.combining_class(part) == 0:
                yield from sorted(marks, key=_mark_class)
                marks.clear()
                yield part, index == 0
            else:
                marks.append((part, index == 0))
    yield from sorted(marks, key=_mark_class)


def _mark_class(mark: tuple[str, bool]) -> int:
    return characters.combining_class(mark[0])
