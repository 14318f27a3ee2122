"""The tokens of a tokenizer: their ids, which of them are special or added, and ids back to text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np

from ferrobert.errors import ConfigError, DecodeError
from ferrobert.tokenizer.added_token import AddedToken
from ferrobert.tokenizer.backend import Backend
from ferrobert.tokenizer.options import LONGEST_LIMIT, SPECIAL_TOKEN_NAMES, TokenizerOptions

__all__ = ["Vocabulary"]


class Vocabulary:
    """What a tokenizer knows without a text. Immutable; options change by :meth:`replace`."""

    _backend: Backend
    _options: TokenizerOptions
    _special: dict[str, str]
    _added: dict[int, AddedToken]
    _extra_special_tokens: tuple[str, ...]
    _state: dict[str, Any]

    def _set(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"tokenizers are immutable: use tokenizer.replace({name}=...) to get a changed one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("tokenizers are immutable")

    # --- identity ----------------------------------------------------------------------------------

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        return cls(**state)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return type(self)._from_state, (self._state,)

    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the results: equal in every process and on every platform."""
        text = json.dumps(self._state, default=_plain, ensure_ascii=True)
        return hashlib.sha256(f"{type(self).__qualname__}:{text}".encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.fingerprint() == other.fingerprint()

    def __hash__(self) -> int:
        return int(self.fingerprint()[:15], 16)

    def replace(self, **options: Any) -> Self:
        """The same tokenizer with other options (those of the constructor).

        Raises:
            ConfigError: an option is not known.
        """
        unknown = options.keys() - self._state.keys()
        if unknown:
            raise ConfigError(f"unknown options {sorted(unknown)}; allowed are {sorted(self._state)}")
        return type(self)._from_state({**self._state, **options})

    def __repr__(self) -> str:
        special = ", ".join(f"{name}={token!r}" for name, token in self._special.items())
        length = self.model_max_length if self.model_max_length < LONGEST_LIMIT else "unlimited"
        return f"{type(self).__name__}(vocab_size={self.vocab_size}, model_max_length={length}, {special})"

    # --- vocabulary --------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._cached("_length", lambda: len(self._backend.vocab(True)))

    def __bool__(self) -> bool:
        return True

    @property
    def vocab_size(self) -> int:
        """Number of tokens in the vocabulary, without added ones."""
        return self._cached("_vocab_size", lambda: len(self._backend.vocab(False)))

    @property
    def vocab(self) -> dict[str, int]:
        """The vocabulary with added tokens."""
        return self.get_vocab()

    def get_vocab(self) -> dict[str, int]:
        """The vocabulary with added tokens: token -> id, in the order of ids."""
        vocab = self._backend.vocab(True)
        return dict(sorted(vocab.items(), key=lambda item: item[1]))

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id."""
        return dict(sorted(self._added.items()))

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """The ids of added tokens."""
        return {token.content: id for id, token in self.added_tokens_decoder.items()}

    def get_added_vocab(self) -> dict[str, int]:
        """The ids of added tokens."""
        return self.added_tokens_encoder

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """Special tokens by name, e.g. ``{"cls_token": "[CLS]"}``."""
        return dict(self._special)

    @property
    def extra_special_tokens(self) -> list[str]:
        """Special tokens without a name."""
        return list(self._extra_special_tokens)

    @property
    def all_special_tokens(self) -> list[str]:
        """All special tokens, each once."""
        return list(dict.fromkeys((*self._special.values(), *self._extra_special_tokens)))

    @property
    def all_special_ids(self) -> list[int]:
        """Ids of all special tokens."""
        return [self._id(token) for token in self.all_special_tokens]

    def _id(self, token: str) -> int:
        id = self._backend.token_to_id(token)
        if id is not None:
            return id
        unknown = self._special.get("unk_token")
        id = None if unknown is None else self._backend.token_to_id(unknown)
        if id is None:
            raise ConfigError(f"{token!r} is not in the vocabulary, and there is no unknown token")
        return id

    def __getattr__(self, name: str) -> Any:
        # Only names that are not found elsewhere come here: cls_token, cls_token_id, ...
        if name.startswith("__") or "_special" not in self.__dict__:
            raise AttributeError(name)
        if name in SPECIAL_TOKEN_NAMES:
            return self._special.get(name)
        if name.removesuffix("_id") in SPECIAL_TOKEN_NAMES:
            token = self._special.get(name.removesuffix("_id"))
            return None if token is None else self._id(token)
        if name in TokenizerOptions.__slots__:
            value = getattr(self._options, name)
            return list(value) if isinstance(value, tuple) else value
        if name in self._state:
            return self._state[name]
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def convert_tokens_to_ids(self, tokens: str | Iterable[str]) -> int | list[int]:
        """Ids of tokens; tokens that are not in the vocabulary get the unknown token's."""
        if isinstance(tokens, str):
            return self._id(tokens)
        return [self._id(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: int | Iterable[int], skip_special_tokens: bool = False) -> Any:
        """Tokens of ids; ``None`` for an id within the vocabulary that has no token.

        Raises:
            DecodeError: an id is negative or behind the vocabulary.
        """
        if isinstance(ids, (int, np.integer)):
            return self._token(int(ids), 0)
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [self._token(id, place) for place, id in enumerate(_integers(ids)) if id not in skipped]

    def _token(self, id: int, place: int) -> str | None:
        if not 0 <= id <= self._last_id:
            raise DecodeError(
                f"token id {id} (position {place}) is out of range: the vocabulary ends at {self._last_id}"
            )
        return self._backend.id_to_token(id)

    @property
    def _last_id(self) -> int:
        return self._cached("_last", lambda: max(self._backend.vocab(True).values()))

    def _cached(self, name: str, compute: Callable[[], int]) -> int:
        """What never changes and costs a walk over the vocabulary. No part of the state: pickles stay equal."""
        if name not in self.__dict__:
            self._set(**{name: compute()})
        value: int = self.__dict__[name]
        return value

    def tokens_of(self, ids: Sequence[int], written: Callable[[int], str]) -> list[str]:
        """Tokens of a row of ids; ``written(i)`` is what stands in the text for token i.

        An added token that swallows white space shows it, as in the reference.
        """
        tokens = []
        for place, id in enumerate(ids):
            token = self._backend.id_to_token(id) or ""
            added = self._added.get(id)
            if added is not None and (added.lstrip or added.rstrip):
                text = self._backend.normalize(written(place)) if added.normalized else written(place)
                token = _with_white_space(token, text, last=added.lstrip)
            tokens.append(token)
        return tokens

    def get_special_tokens_mask(
        self, token_ids_0: Sequence[int], token_ids_1: Any = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for the special tokens in ids that already hold them.

        Raises:
            ConfigError: anything else was asked for; ``return_special_tokens_mask=True`` gives it.
        """
        if not already_has_special_tokens or token_ids_1 is not None:
            raise ConfigError(
                "get_special_tokens_mask reads ids that hold their special tokens "
                "(already_has_special_tokens=True, one sequence); "
                "use tokenizer(..., return_special_tokens_mask=True) for texts"
            )
        special = set(self.all_special_ids)
        return [int(id in special) for id in _integers(token_ids_0)]

    # --- ids to text -------------------------------------------------------------------------------

    def decode(
        self, token_ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> Any:
        """The text of a row of ids; of several rows, a list.

        Args:
            token_ids: int, list, numpy array or tensor of ids, or rows of them.
            skip_special_tokens: Leave special tokens out.
            clean_up_tokenization_spaces: Remove spaces before punctuation once more over the whole text.

        Raises:
            DecodeError: an id is negative or behind the vocabulary.
        """
        if isinstance(token_ids, Mapping):
            token_ids = token_ids["input_ids"]
        if hasattr(token_ids, "tolist"):
            token_ids = token_ids.tolist()
        if isinstance(token_ids, int):
            token_ids = [token_ids]
        token_ids = list(token_ids)
        if token_ids and not isinstance(token_ids[0], (int, np.integer)):
            rows = [row.tolist() if hasattr(row, "tolist") else row for row in token_ids]
            if any(not isinstance(row, int) for row in rows):
                return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in rows]
            token_ids = rows
        text = self._backend.decode(_integers(token_ids), skip_special_tokens)
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self._options.clean_up_tokenization_spaces
        return clean_up(text) if clean_up_tokenization_spaces else text

    def batch_decode(
        self, sequences: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> list[str]:
        """The texts of rows of ids."""
        text = self.decode(sequences, skip_special_tokens, clean_up_tokenization_spaces)
        return [text] if isinstance(text, str) else text

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Tokens joined to text."""
        return self._backend.convert_tokens_to_string(list(tokens))


def clean_up(text: str) -> str:
    """Removes spaces before punctuation and English contractions, as ``clean_up_tokenization`` of transformers."""
    for spaced, joined in (
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ):
        text = text.replace(spaced, joined)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, AddedToken):
        return asdict(value)
    raise TypeError(f"{value!r} has no stable form")


def _with_white_space(token: str, text: str, last: bool) -> str:
    """The token with the white space around it in ``text``; as it is where it does not stand there.

    It does not where the vocabulary has it too (``##s``) and a piece of a word is meant. More than it stands there
    where it took the space that normalization puts beside an ideograph; before it where the ``last`` one is meant.
    """
    if text.strip() == token.strip():
        return text
    before, found, behind = text.rpartition(token) if last else text.partition(token)
    if not found:
        return token
    return before[len(before.rstrip()) :] + found + behind[: len(behind) - len(behind.lstrip())]


def _integers(ids: Any) -> list[int]:
    if hasattr(ids, "tolist"):
        ids = ids.tolist()
    if isinstance(ids, int):
        return [ids]
    try:
        return [int(id) if isinstance(id, (int, np.integer)) else int(id.item()) for id in ids]
    except (AttributeError, TypeError, ValueError):
        raise DecodeError(f"token ids must be integers, got {ids!r:.200}") from None
