"""Random draws that can be named: each is a pure function of (seed, epoch, purpose, sample, number).

Philox4x32-10 (Salmon et al., 2011: "Parallel random numbers: as easy as 1, 2, 3") computes any four draws on their own,
so the same draws come out for any order of the samples, any number of threads and processes, and after a resume.
"""

from __future__ import annotations

__all__ = ["EPOCHS", "MASKING", "PAIRS", "REPLACEMENT", "SPAN_LENGTH", "Draws", "philox_block", "scale", "threshold"]

#: What draws are used for; draws of different purposes are independent.
MASKING, REPLACEMENT, SPAN_LENGTH, PAIRS = 1, 2, 3, 4

#: Epochs that can be told apart: purpose and epoch share a word of the counter.
EPOCHS = 2**29

_WORD = 0xFFFFFFFF
_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_KEY_STEPS = 0x9E3779B9, 0xBB67AE85


def philox_block(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Four words of 32 bits of Philox4x32-10.

    Args:
        key: two words.
        counter: four words.

    Example:
        >>> [f"{word:08x}" for word in philox_block((0, 0), (0, 0, 0, 0))]
        ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    (key0, key1), (word0, word1, word2, word3) = key, counter
    for _ in range(10):
        product0, product1 = word0 * _MULTIPLIERS[0], word2 * _MULTIPLIERS[1]
        word0, word1 = product1 >> 32 ^ word1 ^ key0, product1 & _WORD
        word2, word3 = product0 >> 32 ^ word3 ^ key1, product0 & _WORD
        key0, key1 = key0 + _KEY_STEPS[0] & _WORD, key1 + _KEY_STEPS[1] & _WORD
    return word0, word1, word2, word3


class Draws:
    """Uniform 32-bit draws of one seed, epoch and purpose; one stream a sample.

    The key of the generator is the seed, low word first. Draw n of a sample is word n % 4 of the block with the counter
    ``(n // 4, 8 * epoch + purpose, low word of the sample, high word of the sample)``.

    Example:
        >>> draws = Draws(seed=1, epoch=0, purpose=MASKING)
        >>> draws.start(5)
        >>> first = draws.next()
        >>> draws.start(5)
        >>> draws.next() == first
        True
    """

    def __init__(self, seed: int, epoch: int, purpose: int) -> None:
        self._key = seed & _WORD, seed >> 32
        self._purpose = epoch % EPOCHS * 8 + purpose
        self.start(0)

    def start(self, sample: int) -> None:
        """Goes to the first draw of a sample."""
        self._sample = sample & _WORD, sample >> 32
        self._number = 0
        self._left: list[int] = []

    def next(self) -> int:
        """The next draw, 0 to 2^32 - 1."""
        if not self._left:
            block = philox_block(self._key, (self._number & _WORD, self._purpose, *self._sample))
            self._left = list(reversed(block))
            self._number += 1
        return self._left.pop()

    def below(self, n: int) -> int:
        """The next draw as a number below ``n``."""
        return scale(self.next(), n)

    def under(self, threshold: int) -> bool:
        """Whether the next draw falls under a :func:`threshold`."""
        return self.next() < threshold


def scale(draw: int, n: int) -> int:
    """A draw as a number below ``n``: the high half of draw times ``n``."""
    return draw * n >> 32


def threshold(probability: float) -> int:
    """How many of the 2^32 draws fall under a probability."""
    return round(probability * 2**32)
