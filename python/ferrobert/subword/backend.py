"""Any tokenizer of the tokenizers package behind the interface of the Rust core.

Byte-level BPE (RoBERTa, GPT-2) and Unigram (ALBERT) checkpoints run on it, and WordPiece checkpoints with
a normalizer that BERT does not have. The arguments and results are those of ``ferrobert._core.WordPiece``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from tokenizers.models import Unigram

from ferrobert.encoding.columns import FlatColumns
from ferrobert.errors import ConfigError, TextTypeError
from ferrobert.subword.families import SpecialTokens
from ferrobert.tokenizer import AddedToken

Text: TypeAlias = str | Sequence[str]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]

# max_length, strategy, side, stride; None where nothing is truncated.
_Truncation: TypeAlias = tuple[int, str, str, int] | None

# A set-up tokenizer shares its model with the others; 16 of them cost no more than their added tokens.
_MOST_SETUPS = 16


class TokenizersBackend:
    """One ``tokenizers.Tokenizer``, never changed once it is here, so that many threads may use it at a time.

    The package keeps truncation as a state of the tokenizer. Here every setting has a tokenizer of its own, which
    shares the model of the first one.

    Args:
        tokenizer: taken over as it is; its own truncation and padding are dropped, as the calls decide them.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._setups: dict[tuple[_Truncation, bool], Tokenizer] = {(None, tokenizer.encode_special_tokens): tokenizer}
        self._lock = threading.Lock()

    def to_json(self) -> str:
        """The text of its tokenizer.json, without truncation and padding."""
        return str(self._tokenizer.to_str())

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return restore, (self.to_json(),)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TokenizersBackend):
            return NotImplemented
        return self is other or self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def encode(
        self,
        texts: Sequence[Text],
        pairs: Sequence[Text] | None,
        *,
        add_special_tokens: bool,
        truncation: str | None,
        max_length: int | None,
        truncation_side: str,
        stride: int,
        overflow: bool,
        is_split_into_words: bool,
        align: bool,
        split_special_tokens: bool,
    ) -> FlatColumns:
        """Tokenize a batch.

        Args:
            texts: texts or, where `is_split_into_words`, lists of words.
            pairs: a second text for each of them, or None.
            add_special_tokens: frame the tokens as the checkpoint's post-processor says.
            truncation: None, "longest_first", "only_first" or "only_second".
            max_length: tokens in a row at most, special tokens included; needed for truncation.
            truncation_side: "right" or "left", where tokens are cut off.
            stride: tokens that a window shares with the one before it.
            overflow: give every window of a sample, not only its first.
            is_split_into_words: the texts are lists of words.
            align: give offsets and word ids.
            split_special_tokens: special tokens inside the text are text.

        Returns:
            ids, type ids, sequence ids (-1: added special token), offsets `(tokens, 2)` in characters, word ids
            (-1: none), row splits `(rows + 1,)`, sample of each row `(rows,)`. Without `align` offsets and word
            ids are None.

        Raises:
            ConfigError: `max_length` or `stride` leave no room, or the side to be cut is too short.
            UnicodeEncodeError: a text holds a lone surrogate.
        """
        inputs: list[Any] = list(texts) if pairs is None else list(zip(texts, pairs, strict=True))
        setting: _Truncation = None
        if truncation is not None:
            if max_length is None:
                raise ConfigError(f"truncation={truncation!r} needs max_length")
            specials = self.num_special_tokens_to_add(pairs is not None) if add_special_tokens else 0
            room = max_length - specials
            if room < 0:
                raise ConfigError(f"max_length {max_length} is less than the {specials} special tokens of a row")
            setting = (max_length, truncation, truncation_side, stride)
            if pairs is not None and stride >= room // 2 and room > 0 and stride > 0:
                # The package panics where a side is cut to no more than the stride.
                whole = self._encode(self._setup(None, split_special_tokens), inputs, False, is_split_into_words)
                for row, encoding in enumerate(whole):
                    _check_stride(row, encoding.sequence_ids, room, truncation, stride)
        tokenizer = self._setup(setting, split_special_tokens)
        encodings = self._encode(tokenizer, inputs, add_special_tokens, is_split_into_words)
        rows, samples = encodings, list(range(len(encodings)))
        if overflow:
            rows = [row for encoding in encodings for row in (encoding, *encoding.overflowing)]
            samples = [i for i, encoding in enumerate(encodings) for _ in range(1 + len(encoding.overflowing))]
        return _columns(rows, samples, align)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool) -> str:
        """The text of a row of ids. Ids that stand for nothing are left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Join tokens as the checkpoint's decoder does."""
        decoder = self._tokenizer.decoder
        return " ".join(tokens) if decoder is None else str(decoder.decode(list(tokens)))

    def token_to_id(self, token: str) -> int | None:
        """Id of a token, added or of the vocabulary."""
        found: int | None = self._tokenizer.token_to_id(token)
        return found

    def id_to_token(self, id: int) -> str | None:
        """Token of an id, added or of the vocabulary."""
        found: str | None = self._tokenizer.id_to_token(id)
        return found

    def vocab(self, with_added_tokens: bool) -> dict[str, int]:
        """Every token and its id."""
        return dict(self._tokenizer.get_vocab(with_added_tokens))

    def num_special_tokens_to_add(self, pair: bool) -> int:
        """Special tokens that frame one text, or a pair."""
        return int(self._tokenizer.num_special_tokens_to_add(pair))

    def normalize(self, text: str) -> str:
        """The text as the model sees it."""
        normalizer = self._tokenizer.normalizer
        return text if normalizer is None else str(normalizer.normalize_str(text))

    def with_added(self, tokens: SpecialTokens) -> TokenizersBackend:
        """The same with more added tokens."""
        twin = _twin(self._tokenizer)
        tokens.add_to(twin)
        return TokenizersBackend(twin)

    def added_tokens(self) -> dict[int, AddedToken]:
        """Added tokens by id."""
        return {id: AddedToken.of(token) for id, token in sorted(self._tokenizer.get_added_tokens_decoder().items())}

    @property
    def model(self) -> str:
        """The kind of model: "BPE", "Unigram", "WordPiece" or "WordLevel"."""
        return type(self._tokenizer.model).__name__

    @cached_property
    def unknown_piece(self) -> int | None:
        """Id that a Unigram model gives to text it has no piece for; None for every other model."""
        if self.model != "Unigram":
            return None
        found: int | None = json.loads(self.to_json())["model"]["unk_id"]
        return found

    @staticmethod
    def _encode(
        tokenizer: Tokenizer, inputs: list[Any], add_special_tokens: bool, is_split_into_words: bool
    ) -> list[Encoding]:
        try:
            encodings: list[Encoding] = tokenizer.encode_batch(
                inputs, is_pretokenized=is_split_into_words, add_special_tokens=add_special_tokens
            )
        except BaseException as error:
            refused = _refusal(error, inputs)
            if refused is None:
                raise
            raise refused from error
        return encodings

    def _setup(self, truncation: _Truncation, split_special_tokens: bool) -> Tokenizer:
        """The tokenizer with this setting; made on first use, then never changed."""
        key = (truncation, split_special_tokens)
        found = self._setups.get(key)
        if found is not None:
            return found
        with self._lock:
            tokenizer = _twin(self._tokenizer)
            tokenizer.encode_special_tokens = split_special_tokens
            if truncation is not None:
                max_length, strategy, side, stride = truncation
                try:
                    tokenizer.enable_truncation(max_length, stride=stride, strategy=strategy, direction=side)
                except Exception as error:
                    raise _refusal(error, []) or error from error
            while len(self._setups) >= _MOST_SETUPS:
                self._setups.pop(next(iter(self._setups)))
            self._setups[key] = tokenizer
            return tokenizer


def _twin(tokenizer: Tokenizer) -> Tokenizer:
    """Another tokenizer over the same model and steps; its settings are its own."""
    twin = Tokenizer(tokenizer.model)
    for step in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        if getattr(tokenizer, step) is not None:
            setattr(twin, step, getattr(tokenizer, step))
    added = tokenizer.get_added_tokens_decoder()
    twin.add_tokens([token for _, token in sorted(added.items())])
    # Ids that leave a gap behind the vocabulary can only be read from a file.
    return twin if twin.get_added_tokens_decoder() == added else Tokenizer.from_str(tokenizer.to_str())


def restore(text: str) -> TokenizersBackend:
    """The backend whose `to_json` gave the text, with every score of a Unigram model as it was.

    The package writes scores exactly, but reads a quarter of ALBERT's a last binary digit off.
    """
    tokenizer = Tokenizer.from_str(text)
    model = json.loads(text)["model"]
    if model.get("type") == "Unigram":
        vocab = [(piece, score) for piece, score in model["vocab"]]
        tokenizer.model = Unigram(vocab, model["unk_id"], model["byte_fallback"])
    return TokenizersBackend(tokenizer)


def _columns(rows: Sequence[Encoding], samples: Sequence[int], align: bool) -> FlatColumns:
    splits = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=splits[1:])
    count = int(splits[-1])

    def column(name: str) -> Int32:
        return np.fromiter(chain.from_iterable(getattr(row, name) for row in rows), np.int32, count)

    def column_with_none(name: str) -> Int32:
        # None becomes NaN in one pass of numpy; ids stay exact in a float64.
        values = np.array(list(chain.from_iterable(getattr(row, name) for row in rows)), np.float64)
        return np.where(np.isnan(values), -1, values).astype(np.int32)

    offsets: Int32 | None = None
    word_ids: Int32 | None = None
    if align:
        pairs = chain.from_iterable(chain.from_iterable(row.offsets for row in rows))
        offsets = np.fromiter(pairs, np.int32, 2 * count).reshape(count, 2)
        word_ids = column_with_none("word_ids")
    sample_ids = np.asarray(samples, np.int64)
    return FlatColumns(
        column("ids"), column("type_ids"), column_with_none("sequence_ids"), offsets, word_ids, splits, sample_ids
    )


def _check_stride(row: int, sequence_ids: Sequence[int | None], room: int, strategy: str, stride: int) -> None:
    """Refuse a pair of which a side would be cut to no more than the stride."""
    first, second = sequence_ids.count(0), sequence_ids.count(1)
    excess = first + second - room
    if excess <= 0:
        return
    if strategy == "longest_first":
        shorter = min(first, second)
        # The shorter side stays whole where half of the room holds it, as in the reference.
        longer = max(shorter, room - shorter) if shorter <= room else shorter
        if shorter + longer > room:
            shorter, longer = room // 2, room // 2 + room % 2
        kept = (shorter, longer) if first <= second else (longer, shorter)
    else:
        kept = (first - excess, second) if strategy == "only_first" else (first, second - excess)
    for side, length, left in (("text", first, kept[0]), ("text_pair", second, kept[1])):
        if 0 < left < length and stride >= left:
            raise ConfigError(
                f"stride {stride} must be less than {left}, the tokens of {side}[{row}] that a row of {room} keeps"
            )


def _refusal(error: BaseException, inputs: list[Any]) -> Exception | None:
    """What a failure of the package means to the caller, or None where it means nothing we know."""
    message = str(error)
    if isinstance(error, TypeError):
        return _unusable_text(inputs)
    if "stride" in message:
        return ConfigError(f"the stride leaves no room for new tokens in a window: {message}")
    if "too short to respect" in message or "Second sequence not provided" in message:
        return ConfigError(f"a row cannot be truncated to max_length: {message}")
    return None


def _unusable_text(inputs: list[Any], where: str = "text") -> Exception | None:
    """The first thing that is not a string, or a string with a lone surrogate."""
    for row, entry in enumerate(inputs):
        place = f"{where}[{row}]"
        if isinstance(entry, (list, tuple)):
            found = _unusable_text(list(entry), place)
            if found is not None:
                return found
        elif not isinstance(entry, str):
            return TextTypeError(f"{place} must be str, got {type(entry).__name__}")
        else:
            try:
                entry.encode("utf-8")
            except UnicodeEncodeError as surrogate:
                return surrogate
    return None
