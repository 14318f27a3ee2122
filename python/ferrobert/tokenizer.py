"""The interface that the tokenizers of all families share: transformers' calls over a backend of flat columns.

A backend encodes, decodes and looks up (``_core.WordPiece`` in Rust, ``reference.wordpiece.WordPiece`` in Python,
``TokenizersBackend`` over the tokenizers package); everything that users see is here, once.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding, Columns, FlatColumns, Padding, Source
from ferrobert.errors import ConfigError, DecodeError
from ferrobert.inputs import batch_of, check_count, check_side, check_tensors, chosen, columns_of, filled, rows_of

__all__ = ["NO_MAX_LENGTH", "SPECIAL_TOKEN_NAMES", "AddedToken", "Backend", "Tokenizer", "TokenizerOptions"]

SPECIAL_TOKEN_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
NO_MAX_LENGTH = int(1e30)
"""``model_max_length`` of a tokenizer without one, as in transformers."""

_LARGE = int(1e20)
_LONGEST_ROW = 2**31 - 1
# Different options that are kept: more than a program has calls, and little memory.
_PLANS = 64


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token that is matched as a whole, ahead of the model's own pieces.

    Args:
        content: Its text.
        single_word: Match only where no word character touches it.
        lstrip: Swallow white space on its left.
        rstrip: Swallow white space on its right.
        normalized: Match in the normalized text.
        special: Skipped by ``decode(..., skip_special_tokens=True)``.
    """

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True
    special: bool = False

    def __str__(self) -> str:
        return self.content

    @classmethod
    def of(cls, token: Any, *, special: bool = True) -> AddedToken:
        """From a string, a dictionary of flags, or the ``AddedToken`` of tokenizers.

        Raises:
            ConfigError: it is none of these.
        """
        if isinstance(token, AddedToken):
            return token
        if isinstance(token, str):
            return cls(token, normalized=not special, special=special)
        names = ("single_word", "lstrip", "rstrip", "normalized", "special")
        if isinstance(token, Mapping) and isinstance(token.get("content"), str):
            is_special = bool(token.get("special", special))
            flags = {name: bool(token[name]) for name in names if name in token}
            return cls(token["content"], **{"normalized": not is_special, "special": is_special, **flags})
        if isinstance(getattr(token, "content", None), str):
            return cls(token.content, **{name: bool(getattr(token, name)) for name in names})
        raise ConfigError(f'a token is a string, a dictionary with "content" or an AddedToken, got {token!r}')


class Backend(Protocol):
    """What a tokenizer is made of; see the stub of ``ferrobert._core.WordPiece`` for the contract."""

    def encode(
        self,
        texts: Sequence[Any],
        pairs: Sequence[Any] | None,
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
    ) -> FlatColumns | _core.Encodings:
        """Rows of a batch as flat columns."""

    def decode(self, ids: Sequence[int], skip_special_tokens: bool) -> str:
        """The text of ids."""

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Tokens joined to text."""

    def normalize(self, text: str) -> str:
        """The text as it is matched against the vocabulary."""

    def token_to_id(self, token: str) -> int | None:
        """Id of a token."""

    def id_to_token(self, id: int) -> str | None:
        """Token of an id."""

    def vocab(self, with_added_tokens: bool) -> dict[str, int]:
        """Token -> id."""


@dataclass(frozen=True, slots=True)
class TokenizerOptions:
    """What a tokenizer does where a call does not say otherwise."""

    model_max_length: int = NO_MAX_LENGTH
    padding_side: str = "right"
    truncation_side: str = "right"
    pad_token_type_id: int = 0
    model_input_names: tuple[str, ...] = ("input_ids", "token_type_ids", "attention_mask")
    clean_up_tokenization_spaces: bool = False
    split_special_tokens: bool = False
    name_or_path: str = ""

    def __post_init__(self) -> None:
        for name in ("padding_side", "truncation_side"):
            check_side(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options of a call come to: checked once, used for every call with the same."""

    arguments: dict[str, Any]
    """Those of :meth:`Backend.encode`."""
    keys: tuple[str, ...]
    strategy: str | None
    """``"longest"`` or ``"max_length"`` padding, or none."""
    multiple: int
    padding: Padding
    tensors: str | None
    longest_row: int
    """Longer rows are warned of."""
    warning: str | None
    encode_text: Callable[[str], dict[str, list[int]]] | None
    """Makes the values of a single text, where they are all lists."""


class Tokenizer:
    """Immutable; usable from many threads, picklable, and after ``fork``. Options change by :meth:`replace`.

    Built by its subclasses. See :class:`ferrobert.BertTokenizer` for the arguments and an example.
    """

    _backend: Backend
    _options: TokenizerOptions
    _special: dict[str, str]
    _added: dict[int, AddedToken]
    _extra_special_tokens: tuple[str, ...]
    _state: dict[str, Any]
    _plans: dict[Any, Plan]

    is_fast = True

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
        return isinstance(other, Tokenizer) and self.fingerprint() == other.fingerprint()

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
        length = self.model_max_length if self.model_max_length < _LARGE else "unlimited"
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

    def as_transformers(self) -> Any:
        """An equal tokenizer of transformers, for its Trainer, collators and pipelines.

        Raises:
            MissingDependencyError: transformers is not installed.
        """
        from ferrobert.models._hf import as_transformers

        return as_transformers(self)

    # --- text to ids -------------------------------------------------------------------------------

    def __call__(
        self,
        text: Any,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        split_special_tokens: bool | None = None,
        truncation_side: str | None = None,
    ) -> BatchEncoding:
        """Encodes one text or a batch; batches run on all cores without the GIL.

        Args:
            text: A string, a list of strings, or with ``is_split_into_words`` a list of words or a list of
                such lists. A batch may also be a list of pairs, or a column of texts (of lists of words): of
                pyarrow, polars, pandas, ``datasets`` or whatever else has ``__arrow_c_stream__`` or
                ``__arrow_c_array__``. A column is read where it is, without Python strings.
            text_pair: The second sequences, as many as texts: a list or a column.
            add_special_tokens: Put ``[CLS]`` and ``[SEP]`` around the sequences.
            padding: ``False``, ``True`` or ``"longest"``, ``"max_length"``.
            truncation: ``False``, ``True`` or ``"longest_first"``, ``"only_first"``, ``"only_second"``. ``None``
                means ``"longest_first"`` where ``max_length`` is given without ``padding``, else ``False``.
            max_length: Largest number of tokens; by default the model's.
            stride: Tokens that a window shares with the one before.
            is_split_into_words: Strings are words; offsets are then relative to the word.
            pad_to_multiple_of: Round the padded width up to a multiple.
            padding_side: ``"right"`` or ``"left"``; by default the tokenizer's.
            return_tensors: ``None`` for lists, ``"np"`` for int64 arrays, ``"pt"`` for tensors.
            return_token_type_ids: By default as the model takes them.
            return_attention_mask: By default as the model takes them.
            return_overflowing_tokens: Return all windows of long texts, not only the first.
            return_special_tokens_mask: 1 for added special tokens and padding.
            return_offsets_mapping: Character spans of the tokens.
            return_length: Number of tokens of each row.
            verbose: Warn where a row is longer than the model takes.
            split_special_tokens: Treat special tokens in the text as text.
            truncation_side: ``"right"`` or ``"left"``; by default the tokenizer's.

        Returns:
            BatchEncoding: rows under transformers' keys. For one text without ``return_tensors`` and windows the
            values are a single row.

        Raises:
            TextTypeError: something is not a string; says where.
            UnicodeEncodeError: a string holds a lone surrogate.
            UnicodeDecodeError: a row of a column is not UTF-8.
            DataError: a column breaks the Arrow C data interface.
            ConfigError: options that are not allowed, cannot be met or contradict each other.
        """
        options = (
            padding,
            truncation,
            max_length,
            pad_to_multiple_of,
            padding_side,
            return_tensors,
            add_special_tokens,
            truncation_side,
            stride,
            return_overflowing_tokens,
            is_split_into_words,
            split_special_tokens,
            return_offsets_mapping,
            return_token_type_ids,
            return_attention_mask,
            return_special_tokens_mask,
            return_length,
            verbose,
        )
        # Values of other types may be equal to allowed ones: 1 and True, 8.0 and 8.
        types = (padding.__class__, truncation.__class__, max_length.__class__, pad_to_multiple_of.__class__)
        try:
            plan = self._plans[options, types, add_special_tokens.__class__, stride.__class__]
        except (KeyError, TypeError):
            plan = self._plan(*options)
            self._keep_plan((options, types, add_special_tokens.__class__, stride.__class__), plan)
        if plan.warning is not None:
            warnings.warn(plan.warning, stacklevel=2)
        if plan.encode_text is not None and text_pair is None and text.__class__ is str:
            values = plan.encode_text(text)
            if len(values["input_ids"]) > plan.longest_row:
                self._warn_of_long_row(len(values["input_ids"]))
            return BatchEncoding.of_text(values, (self._encode, plan, text))
        texts, pairs, batched = batch_of(text, text_pair, plan.arguments["is_split_into_words"])
        return self._encode(plan, texts, pairs, batched)

    def _plan(
        self,
        padding: Any,
        truncation: Any,
        max_length: Any,
        pad_to_multiple_of: Any,
        padding_side: Any,
        return_tensors: Any,
        add_special_tokens: Any,
        truncation_side: Any,
        stride: Any,
        return_overflowing_tokens: Any,
        is_split_into_words: Any,
        split_special_tokens: Any,
        return_offsets_mapping: Any,
        return_token_type_ids: Any,
        return_attention_mask: Any,
        return_special_tokens_mask: Any,
        return_length: Any,
        verbose: Any,
    ) -> Plan:
        """What the options of a call come to, or ConfigError."""
        strategy, width, cut, max_length, warning = self._lengths(padding, truncation, max_length, pad_to_multiple_of)
        stride = check_count("stride", stride, 0)
        if not isinstance(add_special_tokens, (bool, np.bool_)):
            raise ConfigError(f"add_special_tokens must be True or False, got {add_special_tokens!r}")
        names = self._options.model_input_names
        keys = ["input_ids"]
        keys += ["token_type_ids"] * chosen(return_token_type_ids, "token_type_ids" in names)
        keys += ["attention_mask"] * chosen(return_attention_mask, "attention_mask" in names)
        keys += ["special_tokens_mask"] * bool(return_special_tokens_mask)
        keys += ["offset_mapping"] * bool(return_offsets_mapping)
        keys += ["length"] * bool(return_length)
        keys += ["overflow_to_sample_mapping"] * bool(return_overflowing_tokens)
        text_arguments: dict[str, Any] = {
            "add_special_tokens": bool(add_special_tokens),
            "truncation": cut,
            "max_length": min(max_length, sys.maxsize) if cut and max_length is not None else None,
            "truncation_side": check_side(
                "truncation_side", self._options.truncation_side if truncation_side is None else truncation_side
            ),
            "split_special_tokens": bool(chosen(split_special_tokens, self._options.split_special_tokens)),
        }
        plan = Plan(
            arguments={
                **text_arguments,
                "stride": stride,
                "overflow": bool(return_overflowing_tokens),
                "is_split_into_words": bool(is_split_into_words),
            },
            keys=tuple(keys),
            strategy=strategy,
            multiple=pad_to_multiple_of or 1,
            padding=Padding(
                width,
                check_side("padding_side", self._options.padding_side if padding_side is None else padding_side),
                self._pad_id(strategy),
                self._options.pad_token_type_id,
            ),
            tensors=check_tensors(return_tensors),
            longest_row=self._options.model_max_length if verbose and max_length is None else NO_MAX_LENGTH,
            warning=warning,
            encode_text=None,
        )
        is_plain = strategy is plan.tensors is None and not is_split_into_words and stride == 0
        text_encoder = getattr(self._backend, "text_encoder", None)
        if text_encoder is None or not is_plain or not {*keys} <= {"input_ids", "token_type_ids", "attention_mask"}:
            return plan
        lists = {key: key in keys for key in ("token_type_ids", "attention_mask")}
        return replace(plan, encode_text=text_encoder(**text_arguments, **lists))

    def _keep_plan(self, key: Any, plan: Plan) -> None:
        """Remembers what the options of a call come to; not where they are arrays, or there are ever new ones."""
        try:
            hash(key)
        except TypeError:
            return
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        self._plans[key] = plan

    def _encode(self, plan: Plan, texts: Any, pairs: Any = None, batched: bool = False) -> BatchEncoding:
        """Encodes a batch; ``batched`` tells whether it came as one."""
        encode, arguments = self._backend.encode, plan.arguments
        columns = Columns(
            encode(texts, pairs, **arguments, align="offset_mapping" in plan.keys),
            lambda: encode(texts, pairs, **arguments, align=True),
        )
        padding = plan.padding
        if plan.strategy is not None:
            width = padding.width
            if width is None:
                width = _longest(columns, arguments["overflow"])
            padding = replace(padding, width=-(-width // plan.multiple) * plan.multiple)
        if len(columns.ids) > plan.longest_row:
            longest = columns.row_lengths[1]
            if longest > plan.longest_row:
                self._warn_of_long_row(longest)
        return BatchEncoding.of_columns(
            columns,
            tokenizer=self,
            source=Source(texts, pairs, arguments["is_split_into_words"]),
            keys=plan.keys,
            padding=padding,
            tensors=plan.tensors,
            batched=batched or arguments["overflow"],
        )

    def _lengths(
        self, padding: Any, truncation: Any, max_length: Any, multiple: Any
    ) -> tuple[str | None, int | None, str | None, int | None, str | None]:
        """Padding strategy, fixed width, truncation strategy, maximum length and a warning of a call."""
        warning = None
        padding, truncation = (getattr(option, "value", option) for option in (padding, truncation))
        if max_length is not None:
            max_length = check_count("max_length", max_length, 0)
        if multiple is not None:
            multiple = check_count("pad_to_multiple_of", multiple, 1)
        if max_length is not None and padding is False and truncation is None:
            truncation = "longest_first"
        strategies = {False: None, None: None, "do_not_pad": None, True: "longest", "longest": "longest"}
        strategies |= {"max_length": "max_length"}
        cuts = {False: None, None: None, "do_not_truncate": None, True: "longest_first"}
        cuts |= {name: name for name in ("longest_first", "only_first", "only_second")}
        if not isinstance(padding, (bool, str, type(None))) or padding not in strategies:
            raise ConfigError(f'padding must be True, False, "longest", "max_length" or "do_not_pad", got {padding!r}')
        if not isinstance(truncation, (bool, str, type(None))) or truncation not in cuts:
            raise ConfigError(
                'truncation must be True, False, "longest_first", "only_first", "only_second" or '
                f'"do_not_truncate", got {truncation!r}'
            )
        strategy, cut = strategies[padding], cuts[truncation]
        if padding is True and max_length is not None and cut is None:
            warning = (
                "max_length is ignored where padding=True and nothing is truncated; "
                'pass padding="max_length" to pad to it'
            )
        if max_length is None and (strategy == "max_length" or cut is not None):
            if self._options.model_max_length > _LARGE:
                strategy = None if strategy == "max_length" else strategy
                cut = None
            else:
                max_length = self._options.model_max_length
        if strategy is not None and self._special.get("pad_token") is None:
            raise ConfigError("padding needs a pad token: build the tokenizer with pad_token=...")
        if cut and strategy and multiple and max_length is not None and max_length % multiple:
            raise ConfigError(
                f"max_length {max_length} must be a multiple of pad_to_multiple_of {multiple} "
                "where rows are both truncated and padded"
            )
        width = max_length if strategy == "max_length" else None
        for name, value in (("max_length", width), ("pad_to_multiple_of", multiple)):
            if value is not None and value > _LONGEST_ROW:
                raise ConfigError(f"{name} {value} is more than a row can have: at most {_LONGEST_ROW} tokens")
        return strategy, width, cut, max_length, warning

    def _pad_id(self, strategy: str | None) -> int:
        return 0 if strategy is None else int(self.pad_token_id)

    def _warn_of_long_row(self, longest: int) -> None:
        warnings.warn(
            f"a row has {longest} tokens, the model takes {self._options.model_max_length}: pass truncation=True, "
            "or return_overflowing_tokens=True for windows",
            stacklevel=_caller(),
        )

    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any) -> Any:
        """The tokens of a text, as strings."""
        return self(text, pair, add_special_tokens=add_special_tokens, **options).tokens()

    def encode(self, text: Any, text_pair: Any = None, add_special_tokens: bool = True, **options: Any) -> Any:
        """The ids of a text: ``tokenizer(text)["input_ids"]``."""
        return self(text, text_pair, add_special_tokens=add_special_tokens, **options)["input_ids"]

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Number of special tokens around a text, or around a pair."""
        return len(self([("", "")] if pair else [""])["input_ids"][0])

    @property
    def max_len_single_sentence(self) -> int:
        """Tokens of a text that fit the model."""
        return self._options.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self) -> int:
        """Tokens of a pair that fit the model."""
        return self._options.model_max_length - self.num_special_tokens_to_add(pair=True)

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

    # --- rows to batches ---------------------------------------------------------------------------

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pads encoded rows to one width.

        Args:
            encoded_inputs: A list of encodings (mappings with ``input_ids``), or one mapping of rows. Other keys
                than those of tokenizers are kept as they are.
            padding: ``True`` or ``"longest"``, ``"max_length"``, ``False``.
            max_length: Width for ``"max_length"``.
            pad_to_multiple_of: Round the width up to a multiple.
            padding_side: ``"right"`` or ``"left"``; by default the tokenizer's.
            return_attention_mask: By default as the model takes them.
            return_tensors: ``None`` for lists, ``"np"``, ``"pt"``.
            verbose: Ignored.

        Returns:
            BatchEncoding: key -> rows.

        Raises:
            ConfigError: rows have no ``input_ids``, or have other keys than the first.
        """
        rows = rows_of(encoded_inputs)
        single = not isinstance(rows, list)
        columns: dict[str, list[Any]] = {key: [value] for key, value in rows.items()} if single else columns_of(rows)
        tensors = check_tensors(return_tensors)
        if not columns:
            return BatchEncoding()
        if "input_ids" not in columns:
            raise ConfigError(f"rows to pad need input_ids; they have {', '.join(columns)}")
        ids = columns["input_ids"]
        strategy, width, _, _, _ = self._lengths(padding, False, max_length, pad_to_multiple_of)
        if strategy == "longest":
            width = max((len(row) for row in ids), default=0)
        if width is not None and pad_to_multiple_of:
            width = -(-width // pad_to_multiple_of) * pad_to_multiple_of
        side = check_side("padding_side", padding_side or self._options.padding_side)
        if chosen(return_attention_mask, "attention_mask" in self._options.model_input_names):
            columns.setdefault("attention_mask", [[1] * len(row) for row in ids])
        elif return_attention_mask is False:
            columns.pop("attention_mask", None)
        fills = {
            "input_ids": self._pad_id(strategy),
            "attention_mask": 0,
            "token_type_ids": self._options.pad_token_type_id,
            "special_tokens_mask": 1,
        }
        padded: dict[str, Any] = {}
        for key, values in columns.items():
            if key in fills and width is not None:
                values = [filled(row, width, fills[key], side) for row in values]
            padded[key] = values
        if tensors is not None:
            return BatchEncoding(padded, tensor_type=tensors)
        return BatchEncoding({key: values[0] for key, values in padded.items()} if single else padded)


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


def _longest(columns: Columns, overflow: bool) -> int:
    """The longest row; of windows only each sample's first counts, as in the reference."""
    samples = columns.sample_ids
    if not overflow or not len(samples):
        return columns.row_lengths[1]
    return int(np.diff(columns.row_splits)[np.diff(samples, prepend=-1) != 0].max())


def _caller() -> int:
    """How far up the stack, from the function that asks, the user's call is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "ferrobert":
        frame, level = frame.f_back, level + 1
    return level
