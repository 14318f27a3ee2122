"""Words, and the vocabulary entries that cover them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ferrobert.reference.wordpiece import characters


def split_words(text: str) -> Iterator[tuple[int, int]]:
    """Ranges of the words of normalized text: white space ends a word, a punctuation mark is one.

    Example:
        >>> list(split_words("it's so."))
        [(0, 2), (2, 3), (3, 4), (5, 7), (7, 8)]
    """
    start = 0
    for position, character in enumerate(text):
        is_punctuation = characters.is_punctuation(character)
        if is_punctuation or characters.is_whitespace(character):
            if start < position:
                yield start, position
            if is_punctuation:
                yield position, position + 1
            start = position + 1
    if start < len(text):
        yield start, len(text)


@dataclass(frozen=True, slots=True)
class Subwords:
    """Greedy longest-match WordPiece over a vocabulary."""

    ids: Mapping[str, int]
    unk_id: int
    continuing_prefix: str
    max_chars: int

    def cover(self, word: str) -> list[tuple[int, int, int]]:
        """The entries that cover ``word``: (id, start, end) each.

        The unknown token for a word that is too long, or where no entry matches behind the longest matches so far.
        O(n^2) in the length of the word, at most ``max_chars``.

        Example:
            >>> subwords = Subwords({"[UNK]": 0, "play": 1, "##ing": 2}, 0, "##", 100)
            >>> subwords.cover("playing"), subwords.cover("plays")
            ([(1, 0, 4), (2, 4, 7)], [(0, 0, 5)])
        """
        unknown = [(self.unk_id, 0, len(word))]
        if len(word) > self.max_chars:
            return unknown
        pieces: list[tuple[int, int, int]] = []
        start = 0
        while start < len(word):
            prefix = self.continuing_prefix if start else ""
            for end in range(len(word), start, -1):
                piece = self.ids.get(prefix + word[start:end])
                if piece is not None:
                    pieces.append((piece, start, end))
                    start = end
                    break
            else:
                return unknown
        return pieces
