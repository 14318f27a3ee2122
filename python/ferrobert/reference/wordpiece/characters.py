"""What the tokenizer asks of one character, answered by the reference's Unicode tables."""

from bisect import bisect_right
from functools import lru_cache

from ferrobert.reference import _unicode

_remembered = lru_cache(maxsize=1 << 16)

_HANGUL_SYLLABLES = range(0xAC00, 0xD7A4)
_HANGUL_LEADING, _HANGUL_VOWEL, _HANGUL_TRAILING = 0x1100, 0x1161, 0x11A7
_VOWELS, _TRAILINGS = 21, 28


def _lies_in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    code = ord(character)
    position = bisect_right(ranges, (code, 0x110000))
    return position > 0 and code <= ranges[position - 1][1]


@_remembered
def is_whitespace(character: str) -> bool:
    """Whether words end here."""
    return _lies_in(character, _unicode.WHITESPACE)


@_remembered
def is_removed(character: str) -> bool:
    """Whether cleaning drops the character: control, format and private-use characters, U+0000, U+FFFD."""
    return _lies_in(character, _unicode.REMOVED)


@_remembered
def is_cjk(character: str) -> bool:
    """Whether the character is set apart by spaces, as every CJK ideograph is a word."""
    return _lies_in(character, _unicode.CJK)


@_remembered
def is_punctuation(character: str) -> bool:
    """Whether the character is a word of its own."""
    return _lies_in(character, _unicode.PUNCTUATION)


@_remembered
def is_nonspacing_mark(character: str) -> bool:
    """Whether stripping accents drops the character (category Mn)."""
    return _lies_in(character, _unicode.NONSPACING_MARK)


@_remembered
def is_word_character(character: str) -> bool:
    r"""Whether the character matches ``\w``: beside it no single-word token matches."""
    return _lies_in(character, _unicode.WORD)


@_remembered
def decomposition(character: str) -> str:
    """The full canonical decomposition, the character itself where it has none."""
    code = ord(character)
    if code in _HANGUL_SYLLABLES:
        syllable, trailing = divmod(code - _HANGUL_SYLLABLES.start, _TRAILINGS)
        leading, vowel = divmod(syllable, _VOWELS)
        jamo = chr(_HANGUL_LEADING + leading) + chr(_HANGUL_VOWEL + vowel)
        return jamo + chr(_HANGUL_TRAILING + trailing) if trailing else jamo
    return _unicode.DECOMPOSITIONS.get(code, character)


@_remembered
def combining_class(character: str) -> int:
    """The canonical combining class: marks are sorted by it, 0 stays in place."""
    code = ord(character)
    position = bisect_right(_unicode.COMBINING_CLASSES, (code, 0x110000, 0))
    if position == 0:
        return 0
    _, last, shared = _unicode.COMBINING_CLASSES[position - 1]
    return shared if code <= last else 0


def lowercase(character: str) -> str:
    """The lower-case mapping of the character alone: no final sigma."""
    return _unicode.LOWERCASE.get(ord(character), character)
