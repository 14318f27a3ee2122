"""Every Unicode scalar, alone and inside a word, under each combination of case and accents."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import transformers
from tests.parity.calls import Call
from tests.parity.compare import Report, compare
from tests.parity.folders import SPECIAL_TOKENS
from tests.parity.subjects import load
from tokenizers.normalizers import BertNormalizer

from ferrobert.reference import _unicode

SCALARS_A_TASK = 1 << 13
SCALARS_OF_A_STEP = 20
CODE_POINTS = 0x110000
SURROGATES = range(0xD800, 0xE000)
NORMALIZATIONS = ((True, None), (False, None), (True, False), (False, True))
"""``do_lower_case, strip_accents``: uncased, cased, and each step alone."""


class ScalarTask(NamedTuple):
    """Some scalars, under one normalization.

    The vocabulary holds all of them, and all that the reference's normalization makes of them, at the start of a word
    and inside: an unknown character would hide what became of it.
    """

    subject: str
    scalars: tuple[int, ...]
    do_lower_case: bool
    strip_accents: bool | None

    def run(self) -> Report:
        """Compares ``a?b`` and the scalar alone."""
        scalars = [chr(code) for code in self.scalars]
        normalizer = BertNormalizer(lowercase=self.do_lower_case, strip_accents=self.strip_accents)
        seen = set(scalars).union(*(normalizer.normalize_str(f"a{scalar}b") for scalar in scalars))
        characters = sorted(character for character in seen if character.strip())
        tokens = [*SPECIAL_TOKENS, *characters, *(f"##{character}" for character in characters)]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            transformers.BertTokenizer(
                vocab={token: index for index, token in enumerate(tokens)},
                do_lower_case=self.do_lower_case,
                strip_accents=self.strip_accents,
            ).save_pretrained(folder)
            reference, tested = load(self.subject, folder)
        where = f"do_lower_case={self.do_lower_case}, strip_accents={self.strip_accents}"
        report = compare(reference, tested, Call(tuple(f"a{scalar}b" for scalar in scalars)), where)
        report += compare(reference, tested, Call(tuple(scalars)), where)
        return report


def tasks(subject: str, every: int = 1) -> Iterator[ScalarTask]:
    """All scalars, cased and uncased; under each step alone those that a Unicode table singles out, and some others.

    Args:
        every: above 1, only one in ``every`` of the scalars that no Unicode table singles out.
    """
    singled_out = _singled_out()
    for do_lower_case, strip_accents in NORMALIZATIONS:
        step = every if strip_accents is None else max(every, SCALARS_OF_A_STEP)
        codes = [
            code for code in range(CODE_POINTS) if code not in SURROGATES and (code % step == 0 or code in singled_out)
        ]
        for start in range(0, len(codes), SCALARS_A_TASK):
            yield ScalarTask(subject, tuple(codes[start : start + SCALARS_A_TASK]), do_lower_case, strip_accents)


def _singled_out() -> set[int]:
    """Scalars that decompose or lower-case, and those at and beside both ends of each range of a class."""
    ranges = [
        *_unicode.WHITESPACE,
        *_unicode.REMOVED,
        *_unicode.CJK,
        *_unicode.PUNCTUATION,
        *_unicode.NONSPACING_MARK,
        *((first, last) for first, last, _ in _unicode.COMBINING_CLASSES),
    ]
    edges = {edge + step for pair in ranges for edge in pair for step in (-1, 0, 1)}
    return edges | _unicode.DECOMPOSITIONS.keys() | _unicode.LOWERCASE.keys()
