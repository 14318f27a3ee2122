"""The tokenizer itself: from texts to flat columns."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferrobert.encoding.columns import FlatColumns
from ferrobert.errors import ConfigError, DecodeError, TextTypeError, VocabError
from ferrobert.reference.wordpiece.added_tokens import AddedTokens
from ferrobert.reference.wordpiece.decode import join_tokens
from ferrobert.reference.wordpiece.normalize import AlignedText, Normalizer
from ferrobert.reference.wordpiece.windows import Truncation
from ferrobert.reference.wordpiece.words import Subwords, split_words

_MAX_ID = 2**31 - 1

TemplatePiece = tuple[str, int, int]
Text = str | Sequence[str]


class _Cell(NamedTuple):
    """One token of a row."""

    id: int
    start: int = 0
    end: int = 0
    word: int = -1
    type_id: int = 0
    sequence: int = -1


_Row = list[_Cell]


class WordPiece:
    """BERT's tokenizer over a WordPiece vocabulary, in pure Python; immutable once built.

    Args:
        vocab: token -> id.
        unk_token: what an uncovered word becomes; must be in ``vocab``.
        continuing_subword_prefix: marks the entries that continue a word.
        max_input_chars_per_word: longer words are unknown.
        clean_text: drop control characters, turn white space into spaces.
        handle_chinese_chars: make every CJK ideograph a word.
        strip_accents: drop nonspacing marks; ``None``: as ``lowercase``.
        lowercase: lower-case, character by character.
        added_tokens: ``(id, content, single_word, lstrip, rstrip, normalized, special)`` each.
        single, pair: the rows of one and of two sequences: ``("special", token id, type id)`` and
            ``("sequence", 0 or 1, type id)`` pieces in order.
        decoder_prefix, decoder_cleanup: how decoding joins tokens, and whether it tidies English spacing.

    Raises:
        VocabError: ``unk_token`` is not in the vocabulary, or an id does not fit ``int32``. (The reference finds the
            missing token when it first meets an unknown word.)
        ConfigError: a template lacks its sequence or has it twice.

    Example:
        >>> vocab = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "play": 3, "##ing": 4}
        >>> single = (("special", 1, 0), ("sequence", 0, 0), ("special", 2, 0))
        >>> tokenizer = WordPiece(vocab, single=single)
        >>> ids, *_, offsets, words, row_splits, samples = tokenizer.encode(["Playing"], None)
        >>> ids.tolist(), offsets.tolist(), words.tolist()
        ([1, 3, 4, 2], [[0, 0], [0, 4], [4, 7], [0, 0]], [-1, 0, 0, -1])
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        *,
        unk_token: str = "[UNK]",
        continuing_subword_prefix: str = "##",
        max_input_chars_per_word: int = 100,
        clean_text: bool = True,
        handle_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        lowercase: bool = True,
        added_tokens: Sequence[tuple[int, str, bool, bool, bool, bool, bool]] = (),
        single: Sequence[TemplatePiece] = (("sequence", 0, 0),),
        pair: Sequence[TemplatePiece] = (("sequence", 0, 0), ("sequence", 1, 1)),
        decoder_prefix: str = "##",
        decoder_cleanup: bool = True,
    ) -> None:
        self._vocab = dict(vocab)
        for token, token_id in [*self._vocab.items(), *((content, id) for id, content, *_ in added_tokens)]:
            if not 0 <= token_id <= _MAX_ID:
                raise VocabError(f"the id of token {token!r} must lie in [0, {_MAX_ID}], got {token_id}")
        if unk_token not in self._vocab:
            raise VocabError(f"the vocabulary of {len(self._vocab)} tokens lacks the unknown token {unk_token!r}")
        if max_input_chars_per_word < 0:
            raise ConfigError(f"max_input_chars_per_word must not be negative, got {max_input_chars_per_word}")
        self._tokens = {token_id: token for token, token_id in self._vocab.items()}
        self._cover = Subwords(
            self._vocab, self._vocab[unk_token], continuing_subword_prefix, max_input_chars_per_word
        ).cover
        self._normalizer = Normalizer(clean_text, handle_chinese_chars, strip_accents, lowercase)
        self._added_tokens = AddedTokens(added_tokens, self._normalizer)
        self._last_id = max(self._tokens.keys() | self._added_tokens.by_id.keys())
        self._templates = _checked_template("single", single, 1), _checked_template("pair", pair, 2)
        self._decoder_prefix = decoder_prefix
        self._decoder_cleanup = decoder_cleanup

    def encode(
        self,
        texts: Sequence[Text],
        pairs: Sequence[Text] | None,
        *,
        add_special_tokens: bool = True,
        truncation: str | None = None,
        max_length: int | None = None,
        truncation_side: str = "right",
        stride: int = 0,
        overflow: bool = False,
        is_split_into_words: bool = False,
        align: bool = True,
        split_special_tokens: bool = False,
    ) -> FlatColumns:
        """Encodes a batch into flat columns of unpadded rows.

        Args:
            texts: strings; with ``is_split_into_words`` sequences of words.
            pairs: second texts, as many as ``texts``, or ``None``.
            add_special_tokens: whether the template's special tokens are set.
            truncation: ``None``, ``"longest_first"``, ``"only_first"`` or ``"only_second"``.
            max_length: tokens of a row, special tokens included; needed where ``truncation`` is not ``None``.
            truncation_side: ``"left"`` or ``"right"``.
            stride: tokens that a further window repeats.
            overflow: append each text's further windows as rows behind its first.
            is_split_into_words: word ids count the given words, offsets are characters of the word.
            align: whether ``offsets`` and ``word_ids`` are wanted.
            split_special_tokens: special tokens in the text are split like other text.

        Returns:
            ``(ids, type_ids, sequence_ids, offsets, word_ids, row_splits, sample_ids)``: int32 ``(tokens,)``, with -1
            for the sequence of a special token that was added and for no word; ``offsets`` int32 ``(tokens, 2)`` in
            characters of the original text; ``row_splits`` int64 ``(rows + 1,)``; ``sample_ids`` int64 ``(rows,)``.

        Raises:
            ConfigError: an option is not allowed, or leaves no room (also where the reference panics).
            TextTypeError: a text is not a string.
            UnicodeEncodeError: a text holds a lone surrogate.
        """
        if pairs is not None and len(pairs) != len(texts):
            raise ConfigError(f"{len(texts)} texts need as many pairs, got {len(pairs)}")
        template = self._templates[pairs is not None]
        limit: Truncation | None = None
        room = 0
        if truncation is not None:
            if max_length is None:
                raise ConfigError(f"truncation={truncation!r} needs max_length")
            limit = Truncation(truncation, max_length, truncation_side, stride)
            special_tokens = sum(kind == "special" for kind, _, _ in template)
            room = limit.room(special_tokens if add_special_tokens else 0)
            self._check_stride(limit)

        rows: list[_Row] = []
        sample_ids: list[int] = []
        for sample, text in enumerate(texts):
            sequences = [self._sequence(text, is_split_into_words, split_special_tokens, f"text[{sample}]")]
            if pairs is not None:
                where = f"text_pair[{sample}]"
                sequences.append(self._sequence(pairs[sample], is_split_into_words, split_special_tokens, where))
            windows = _all_windows(sequences, limit, room)
            sample_rows = _fill_template(template, windows, add_special_tokens)
            if not overflow:
                del sample_rows[1:]
            rows += sample_rows
            sample_ids += [sample] * len(sample_rows)
        return _columns(rows, sample_ids, align)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """The text of token ids; ids without a token (holes in the vocabulary) are left out.

        Raises:
            DecodeError: an id is negative or behind the vocabulary.
        """
        tokens = []
        for position, token_id in enumerate(ids):
            if not 0 <= token_id <= self._last_id:
                raise DecodeError(
                    f"token id {token_id} (position {position}) is out of range: the vocabulary ends at {self._last_id}"
                )
            token = self.id_to_token(int(token_id))
            if token is None or (skip_special_tokens and token in self._added_tokens.special_contents):
                continue
            tokens.append(token)
        return self.convert_tokens_to_string(tokens)

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text of tokens: continuations joined, English spacing tidied where the decoder is asked to."""
        return join_tokens(tokens, self._decoder_prefix, self._decoder_cleanup)

    def normalize(self, text: str) -> str:
        """The text as it is matched against the vocabulary: cleaned, spaced, stripped, lower-cased."""
        return self._normalizer(AlignedText.original(text)).text

    def token_to_id(self, token: str) -> int | None:
        """The id of a token, added tokens first; ``None`` where it has none."""
        added = self._added_tokens.ids.get(token)
        return self._vocab.get(token) if added is None else added

    def id_to_token(self, id: int) -> str | None:
        """The token of an id, added tokens first; ``None`` where there is none."""
        added = self._added_tokens.token(id)
        return self._tokens.get(id) if added is None else added

    def vocab(self, with_added_tokens: bool) -> dict[str, int]:
        """Token -> id, as a new dictionary."""
        return {**self._vocab, **self._added_tokens.ids} if with_added_tokens else dict(self._vocab)

    def _check_stride(self, limit: Truncation) -> None:
        """The reference refuses this stride as soon as truncation is set, whether or not anything is truncated."""
        special_tokens = sum(kind == "special" for kind, _, _ in self._templates[0])
        room = limit.max_length - special_tokens
        if 0 <= room < limit.stride:
            raise ConfigError(
                f"stride {limit.stride} must be less than {room}, the tokens that max_length {limit.max_length} leaves "
                f"after {special_tokens} special tokens"
            )

    def _sequence(self, text: Text, is_split_into_words: bool, split_special_tokens: bool, where: str) -> _Row:
        if not is_split_into_words:
            return self._tokenize(_checked_text(text, where), None, split_special_tokens)
        if isinstance(text, str | bytes):
            raise TextTypeError(f"{where} must be a sequence of words, got {type(text).__name__}")
        cells: _Row = []
        for index, word in enumerate(text):
            checked = _checked_text(word, f"word {index} of {where}")
            cells += self._tokenize(checked, index, split_special_tokens)
        return cells

    def _tokenize(self, text: str, word_id: int | None, split_special_tokens: bool) -> _Row:
        """The tokens of a text; their word is ``word_id``, or counts words and added tokens."""
        cells: _Row = []
        word = 0
        for token_id, piece in self._added_tokens.cut(text, split_special_tokens):
            if token_id is None:
                covers = [
                    [(entry, start + first, start + last) for entry, first, last in self._cover(piece.text[start:end])]
                    for start, end in split_words(piece.text)
                ]
            else:
                covers = [[(token_id, 0, len(piece.text))]]
            for cover in covers:
                for entry, first, last in cover:
                    start, end = piece.span(first, last)
                    cells.append(_Cell(entry, start, end, word if word_id is None else word_id))
                word += 1
        return cells


def _checked_template(name: str, template: Sequence[TemplatePiece], sequences: int) -> tuple[TemplatePiece, ...]:
    found = [value for kind, value, _ in template if kind == "sequence"]
    if sorted(found) != list(range(sequences)):
        raise ConfigError(f"the {name} template must hold each of its {sequences} sequences once, got {found}")
    for piece in template:
        if piece[0] not in ("special", "sequence"):
            raise ConfigError(f"a template piece is 'special' or 'sequence', got {piece[0]!r}")
    return tuple(template)


def _checked_text(text: Any, where: str) -> str:
    if not isinstance(text, str):
        raise TextTypeError(f"{where} must be str, got {type(text).__name__}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        error.add_note(f"in {where}")
        raise
    return text


def _all_windows(sequences: list[_Row], limit: Truncation | None, room: int) -> list[list[_Row]]:
    """Each sequence's windows, the kept one first."""
    if limit is None:
        return [[cells] for cells in sequences]
    second = len(sequences[1]) if len(sequences) == 2 else None
    lengths = limit.lengths(len(sequences[0]), second, room)
    return [
        [cells[start:end] for start, end in limit.windows(len(cells), length)]
        for cells, length in zip(sequences, lengths, strict=False)
    ]


def _fill_template(
    template: tuple[TemplatePiece, ...], windows: list[list[_Row]], add_special_tokens: bool
) -> list[_Row]:
    """All combinations of windows set into the template: the kept windows first, then in the reference's order."""
    main: _Row = []
    further: list[_Row] = []
    for kind, value, type_id in template:
        if kind == "special":
            if not add_special_tokens:
                continue
            options: list[_Row] = [[_Cell(value, type_id=type_id)]]
        else:
            # Further windows keep the sequence's number as their type, whatever the template says, as in the reference.
            types = [type_id] + [value] * (len(windows[value]) - 1)
            options = [
                [cell._replace(type_id=type_, sequence=value) for cell in window]
                for window, type_ in zip(windows[value], types, strict=True)
            ]
        further = [row + option for row in further for option in options] + [main + option for option in options[1:]]
        main = main + options[0]
    return [main, *further]


def _columns(rows: list[_Row], sample_ids: list[int], align: bool) -> FlatColumns:
    cells = [cell for row in rows for cell in row]

    def column(values: Iterable[Any]) -> NDArray[np.int32]:
        return np.array(list(values), dtype=np.int32)

    return FlatColumns(
        column(cell.id for cell in cells),
        column(cell.type_id for cell in cells),
        column(cell.sequence for cell in cells),
        column((cell.start, cell.end) for cell in cells).reshape(-1, 2) if align else None,
        column(cell.word for cell in cells) if align else None,
        np.cumsum([0, *map(len, rows)], dtype=np.int64),
        np.array(sample_ids, dtype=np.int64),
    )
