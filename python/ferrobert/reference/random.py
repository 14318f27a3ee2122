"""Random draws that can be named: each is a pure function of (seed, epoch, purpose, sample, number).

ChaCha with 8 rounds (Bernstein, 2008) computes any part of its stream on its own, so the same draws come out for any
order of the samples, any number of threads and processes, and after a resume.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["MASKING", "PAIRS", "REPLACEMENT", "SPAN_LENGTH", "Draws", "chacha8_block", "scale", "threshold"]

#: What draws are used for; draws of different purposes are independent.
MASKING, REPLACEMENT, SPAN_LENGTH, PAIRS = 1, 2, 3, 4

_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
_COLUMNS_THEN_DIAGONALS = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)


def chacha8_block(key: bytes, stream: int, counter: int) -> list[int]:
    """Block ``counter`` of a stream of ChaCha with 8 rounds: 16 words of 32 bits.

    Args:
        key: 32 bytes.
        stream: the nonce, 64 bits.
        counter: 64 bits.

    Example:
        >>> chacha8_block(bytes(32), 0, 0)[0].to_bytes(4, "little").hex()
        '3e00ef2f'
    """
    start = [*_CONSTANTS, *struct.unpack("<8I", key), *struct.unpack("<4I", struct.pack("<QQ", counter, stream))]
    state = list(start)
    for _ in range(4):
        for a, b, c, d in _COLUMNS_THEN_DIAGONALS:
            for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                state[x] = (state[x] + state[y]) & 0xFFFFFFFF
                turned = state[z] ^ state[x]
                state[z] = ((turned << bits) | (turned >> (32 - bits))) & 0xFFFFFFFF
    return [(word + first) & 0xFFFFFFFF for word, first in zip(state, start, strict=True)]


class Draws:
    """Uniform 32-bit draws of one seed, epoch and purpose; one stream a sample.

    The key of the cipher is seed, epoch and purpose as three little-endian 64-bit words and a zero; its stream is the
    sample, and draw n is word n of the stream.

    Example:
        >>> draws = Draws(seed=1, epoch=0, purpose=MASKING)
        >>> draws.start(5)
        >>> first = draws.next()
        >>> draws.start(5)
        >>> draws.next() == first
        True
    """

    def __init__(self, seed: int, epoch: int, purpose: int) -> None:
        self._key = struct.pack("<4Q", seed, epoch, purpose, 0)
        self.start(0)

    def start(self, sample: int) -> None:
        """Goes to the first draw of a sample."""
        self._words = self._stream(sample)

    def _stream(self, sample: int) -> Iterator[int]:
        counter = 0
        while True:
            yield from chacha8_block(self._key, sample, counter)
            counter += 1

    def next(self) -> int:
        """The next draw, 0 to 2^32 - 1."""
        return next(self._words)

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
