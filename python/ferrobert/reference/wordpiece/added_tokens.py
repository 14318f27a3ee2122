"""Added tokens inside the text: ``[MASK]`` is one token wherever it stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ferrobert.errors import ConfigError, VocabError
from ferrobert.reference.wordpiece import characters
from ferrobert.reference.wordpiece.normalize import AlignedText, Normalizer


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token beside the vocabulary, with the rules by which it matches."""

    id: int
    content: str
    single_word: bool
    """Matches only where no word character stands beside it."""
    lstrip: bool
    """Takes the white space before it along."""
    rstrip: bool
    """Takes the white space behind it along."""
    normalized: bool
    """Matches normalized text, with its own content normalized; else the raw text."""
    special: bool
    """Can be skipped when decoding, and in encoding where special tokens are to be split."""


class AddedTokens:
    """All added tokens of a tokenizer, ready to be found in texts.

    Where two tokens have the same normalized content, the lower id wins (the reference picks one at random).

    Raises:
        VocabError: a token is empty once normalized (the reference then splits text anywhere, or runs out of memory).
    """

    def __init__(self, tokens: Sequence[tuple[int, str, bool, bool, bool, bool, bool]], normalizer: Normalizer) -> None:
        self.normalizer = normalizer
        self.by_id = {token.id: token for token in (AddedToken(*fields) for fields in tokens) if token.content}
        self.ids = {token.content: token.id for token in self.by_id.values()}
        self.special_contents = frozenset(token.content for token in self.by_id.values() if token.special)
        self._patterns: dict[int, str] = {
            token.id: normalizer(AlignedText.original(token.content)).text if token.normalized else token.content
            for token in self.by_id.values()
        }
        for token_id, pattern in self._patterns.items():
            if not pattern:
                raise VocabError(f"added token {self.by_id[token_id].content!r} is empty once normalized")
        self._raw = self._index(normalized=False)
        self._normalized = self._index(normalized=True)

    def token(self, token_id: int) -> str | None:
        """The text of an added token: its normalized content where it matches normalized text, as in the reference."""
        return self._patterns.get(token_id)

    def cut(self, text: str, split_special_tokens: bool) -> Iterator[tuple[int | None, AlignedText]]:
        """Normalized pieces of ``text`` with the added tokens cut out: (id or ``None``, piece), no piece empty."""
        for token_id, piece in self._split(AlignedText.original(text), self._raw, split_special_tokens):
            if token_id is not None:
                yield token_id, piece
            else:
                yield from self._split(self.normalizer(piece), self._normalized, split_special_tokens)

    def _index(self, normalized: bool) -> dict[str, list[tuple[str, AddedToken]]]:
        """Patterns by first character, the longest first, of equal ones the lowest id first."""
        index: dict[str, list[tuple[str, AddedToken]]] = {}
        for token_id in sorted(self.by_id):
            token, pattern = self.by_id[token_id], self._patterns[token_id]
            if token.normalized == normalized:
                index.setdefault(pattern[0], []).append((pattern, token))
        for patterns in index.values():
            patterns.sort(key=lambda entry: -len(entry[0]))
        return index

    def _split(
        self, piece: AlignedText, index: dict[str, list[tuple[str, AddedToken]]], split_special_tokens: bool
    ) -> Iterator[tuple[int | None, AlignedText]]:
        text = piece.text
        parts: list[tuple[int | None, int, int]] = []
        covered = 0
        for start, end, token in _leftmost_longest(text, index):
            if split_special_tokens and token.content in self.special_contents:
                continue
            if token.single_word and _touches_word(text, start, end):
                continue
            if token.lstrip:
                while start > 0 and characters.is_whitespace(text[start - 1]):
                    start -= 1
                start = max(start, covered)
            if token.rstrip:
                while end < len(text) and characters.is_whitespace(text[end]):
                    end += 1
            if start > end:
                raise ConfigError(f"added token {token.content!r} matches inside white space that another one took")
            if covered < start:
                parts.append((None, covered, start))
            parts.append((token.id, start, end))
            # A token of white space inside what the token before it took along moves this back, as in the reference.
            covered = end
        if covered < len(text):
            parts.append((None, covered, len(text)))
        return ((token_id, piece.slice(start, end)) for token_id, start, end in parts if start < end)


def _leftmost_longest(
    text: str, index: dict[str, list[tuple[str, AddedToken]]]
) -> Iterator[tuple[int, int, AddedToken]]:
    position = 0
    while position < len(text):
        for pattern, token in index.get(text[position], ()):
            if text.startswith(pattern, position):
                yield position, position + len(pattern), token
                position += len(pattern)
                break
        else:
            position += 1


def _touches_word(text: str, start: int, end: int) -> bool:
    return (start > 0 and characters.is_word_character(text[start - 1])) or (
        end < len(text) and characters.is_word_character(text[end])
    )
