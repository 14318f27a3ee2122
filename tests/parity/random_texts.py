"""Random strings that visit every corner of the tokenizer: scripts, marks, controls, special tokens, long words."""

import random
from collections.abc import Callable, Sequence

SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "latin": ((0x41, 0x5A), (0x61, 0x7A), (0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF)),
    "greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "cyrillic": ((0x400, 0x52F),),
    "hebrew": ((0x591, 0x5F4), (0xFB1D, 0xFB4F)),
    "arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF)),
    "devanagari": ((0x900, 0x97F),),
    "bengali": ((0x980, 0x9FF),),
    "thai": ((0xE00, 0xE7F),),
    "hangul": ((0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x3131, 0x318E)),
    "kana": ((0x3041, 0x30FF), (0xFF66, 0xFF9F)),
    "han": ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x2B81E, 0x2B930), (0x2F800, 0x2FA1F)),
    "georgian and others": ((0x10A0, 0x10FF), (0x1200, 0x137F), (0x531, 0x58F), (0x1C90, 0x1CBF), (0x13A0, 0x13FF)),
}

WHITE_SPACE = " \t\n\r\x0b\x0c\x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000\u200b"
CONTROLS = "\x00\x01\x07\x1b\x7f\x80\x9f\xad\u061c\u200c\u200d\u200e\u202a\u2060\ufeff\ufffd\ufff9\ufffe\uffff"
MARKS = "".join(
    map(chr, [*range(0x300, 0x370), *range(0x5B0, 0x5C8), 0x64B, 0x651, 0x93C, 0x94D, 0xE38, 0xE48, 0x3099])
)
MARKS += "\u1dc0\u20d0\u20dd\ufe20\ufe00\ufe0f\u0483\u0488\u1ab0\U0001d165\U0001e8d0\U000e0100\u0340\u0344\u0f73\u0f81"
EMOJI = ("😀", "👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "❤\ufe0f", "🏴\U000e0067\U000e0062\U000e007f", "1\ufe0f\u20e3", "☺")
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»‐–—‘’“”…‰′※⁂、。「」・！？，．：；؟،।॥๏჻᠀⸮﹐＿〜"
SPECIALS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[mask]",
    "[MASK",
    "MASK]",
    "[[MASK]]",
    "[ MASK ]",
    "##",
    "##a",
)
ENGLISH = [
    "it's",
    "do",
    "not",
    "can't",
    "'m",
    "we've",
    "they're",
    "the",
    "The",
    "THE",
    "playing",
    "3.14",
    "1,000",
    "state-of-the-art",
    "U.S.",
    "e-mail",
]


class RandomTexts:
    """A source of random texts.

    Args:
        generator: where chance comes from.
        vocabulary: entries that words are made of, so that long matches occur.
        added: contents of added tokens, set into texts with and without spaces around them.
    """

    def __init__(self, generator: random.Random, vocabulary: Sequence[str], added: Sequence[str] = ()) -> None:
        self._random = generator
        self._vocabulary = [token.removeprefix("##") for token in vocabulary]
        self._specials = (*SPECIALS, *added, *added, *(content.swapcase() for content in added))
        self._parts: tuple[tuple[Callable[[], str], int], ...] = (
            (self._script_word, 30),
            (self._vocabulary_word, 25),
            (lambda: self._random.choice(ENGLISH), 10),
            (self._punctuation, 12),
            (self._special, 10),
            (self._marked, 10),
            (lambda: self._random.choice(CONTROLS), 5),
            (lambda: self._random.choice(EMOJI), 5),
            (lambda: "".join(self._random.choices("0123456789٣५๒²½Ⅷ①", k=self._random.randint(1, 5))), 4),
            (lambda: "".join(self._random.choices(WHITE_SPACE, k=self._random.randint(1, 4))), 8),
            (self._private, 2),
            (self._any_scalar, 6),
            (self._long_word, 1),
        )
        self._choices = [part for part, _ in self._parts]
        self._weights = [weight for _, weight in self._parts]

    def text(self) -> str:
        """A text of 0 to 12 parts, rarely of 60; very rarely of 1,500, as tokenizers take long texts in chunks."""
        chance = self._random.random()
        parts = self._random.randint(0, 12) if chance < 0.97 else 60 if chance < 0.998 else 1500
        pieces: list[str] = []
        for part in self._random.choices(self._choices, self._weights, k=parts):
            pieces.append(part())
            if self._random.random() < 0.6:
                pieces.append(" ")
        return "".join(pieces)

    def words(self) -> tuple[str, ...]:
        """A pretokenized text: 0 to 8 words, some of them empty or of several words."""
        words = []
        for part in self._random.choices(self._choices, self._weights, k=self._random.randint(0, 8)):
            chance = self._random.random()
            words.append("" if chance < 0.03 else part() + part() if chance < 0.2 else part())
        return tuple(words)

    def _script_word(self) -> str:
        ranges = self._random.choice(list(SCRIPTS.values()))
        return "".join(self._from_ranges(ranges) for _ in range(self._random.randint(1, 8)))

    def _from_ranges(self, ranges: Sequence[tuple[int, int]]) -> str:
        return chr(self._random.randint(*self._random.choice(ranges)))

    def _vocabulary_word(self) -> str:
        word = "".join(self._random.choices(self._vocabulary, k=self._random.randint(1, 3)))
        return word.upper() if self._random.random() < 0.1 else word.title() if self._random.random() < 0.2 else word

    def _punctuation(self) -> str:
        return "".join(self._random.choices(PUNCTUATION, k=self._random.choice((1, 1, 1, 2, 4))))

    def _special(self) -> str:
        return self._random.choice(self._specials)

    def _marked(self) -> str:
        """Letters under marks that stand in any order, each with its own combining class."""
        pieces = []
        for _ in range(self._random.randint(1, 4)):
            pieces.append(self._from_ranges(self._random.choice(list(SCRIPTS.values()))))
            pieces.extend(self._random.choices(MARKS, k=self._random.randint(0, 4)))
        if self._random.random() < 0.003:
            pieces.extend(self._random.choices(MARKS, k=2500))
        return "".join(pieces[self._random.random() < 0.1 :])

    def _private(self) -> str:
        return self._from_ranges(((0xE000, 0xF8FF), (0xF0000, 0xFFFFF), (0x100000, 0x10FFFF)))

    def _any_scalar(self) -> str:
        plane = self._random.choice((0, 0, 0, 1, 1, 2, 3, 14))
        code = plane * 0x10000 + self._random.randrange(0x10000)
        return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ud7ff"

    def _long_word(self) -> str:
        """Around the limit of 100 characters beyond which a word is unknown."""
        return self._from_ranges(self._random.choice(list(SCRIPTS.values()))) * self._random.choice(
            (99, 100, 101, 250, 2100)
        )
