"""What masking knows of a tokenizer: the mask token, what is never drawn, how words begin."""

from __future__ import annotations

import re
import unicodedata
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from typing import Any

import numpy as np

from ferrobert import _core
from ferrobert.errors import ConfigError
from ferrobert.tokenizer import Tokenizer

__all__ = ["MaskingOptions", "MaskingVocabulary", "WordClasses", "masker_of", "options_of", "vocabulary_of"]

#: Places that vocabularies keep free: BERT's, those of SentencePiece, fairseq's.
_UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>|madeupword\d+")
_SPACE = "\u2581"  # how SentencePiece writes the space before a word
_IDEOGRAPHS = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]")

#: Class of the beginning and of the end of each token; see ``WordClass`` of the core.
WordClasses = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class MaskingOptions:
    """What is selected, and how it is replaced."""

    mlm_probability: float = 0.15
    mask_replace_prob: float = 0.8
    random_replace_prob: float = 0.1
    whole_word_mask: bool = False
    exact: bool = False
    max_span_length: int | None = None

    def __post_init__(self) -> None:
        for name in ("mlm_probability", "mask_replace_prob", "random_replace_prob"):
            given: Any = getattr(self, name)
            if isinstance(given, bool) or not isinstance(given, (int, float, np.integer, np.floating)):
                raise ConfigError(f"{name} must be a number in [0, 1], got {given!r}")
            if not 0.0 <= given <= 1.0:
                raise ConfigError(f"{name} must lie in [0, 1], got {given!r}")
        if self.mask_replace_prob + self.random_replace_prob > 1.0:
            raise ConfigError(
                f"mask_replace_prob {self.mask_replace_prob} and random_replace_prob {self.random_replace_prob} sum to "
                "more than 1: they are shares of the selected tokens, and what is left stays as it is"
            )
        for name in ("whole_word_mask", "exact"):
            given = getattr(self, name)
            if not isinstance(given, (bool, np.bool_)):
                raise ConfigError(f"{name} must be True or False, got {given!r}")
        length: Any = self.max_span_length
        if length is not None and (isinstance(length, bool) or not isinstance(length, Integral) or length < 1):
            raise ConfigError(f"max_span_length must be None or at least 1 word, got {length!r}")

    @property
    def words(self) -> bool:
        """Whether words are selected, not tokens."""
        return self.whole_word_mask or self.max_span_length is not None


@lru_cache(maxsize=64, typed=True)
def options_of(
    mlm_probability: float,
    mask_replace_prob: float,
    random_replace_prob: float,
    whole_word_mask: bool,
    exact: bool,
    max_span_length: int | None,
) -> MaskingOptions:
    """Options that are checked once, not with each batch."""
    return MaskingOptions(
        mlm_probability, mask_replace_prob, random_replace_prob, whole_word_mask, exact, max_span_length
    )


@dataclass(frozen=True, slots=True, eq=False)
class MaskingVocabulary:
    """What masking knows of a tokenizer."""

    size: int
    """One more than the last id."""
    mask_id: int | None
    pad_id: int | None
    special_ids: tuple[int, ...]
    """Never selected, never drawn."""
    not_drawn: tuple[int, ...]
    """Unused places and ids without a token."""
    word_classes: WordClasses | None
    """``None`` where only word ids tell words (byte-level BPE)."""
    ids_tell_words: bool
    """Whether word ids are not needed, or not fine enough: those of Unigram end at white space only."""


_KNOWN: dict[int, tuple[weakref.ref[Any], Any, MaskingVocabulary]] = {}


def vocabulary_of(tokenizer: Any) -> MaskingVocabulary:
    """What masking knows of a tokenizer of ferrobert or of transformers.

    Raises:
        ConfigError: no tokenizer, or one without a mask token.
    """
    # By identity: the hash of a tokenizer is that of its whole vocabulary. Those of transformers can change.
    known = _KNOWN.get(id(tokenizer))
    state: Any = None if isinstance(tokenizer, Tokenizer) else _state_of(tokenizer)
    if known is None or known[0]() is not tokenizer or known[1] != state:
        vocabulary = _read(tokenizer)
        known = weakref.ref(tokenizer), state, vocabulary
        _KNOWN[id(tokenizer)] = known
        weakref.finalize(tokenizer, _KNOWN.pop, id(tokenizer), None)
    return known[2]


def _state_of(tokenizer: Any) -> tuple[Any, ...]:
    """What may change of a tokenizer of transformers."""
    if not hasattr(tokenizer, "get_vocab") or not hasattr(tokenizer, "mask_token_id"):
        raise ConfigError(f"tokenizer must be one of ferrobert or transformers, got {type(tokenizer).__name__}")
    return len(tokenizer), tokenizer.mask_token_id, tokenizer.pad_token_id, tuple(tokenizer.all_special_ids)


def _read(tokenizer: Any) -> MaskingVocabulary:
    if tokenizer.mask_token_id is None:
        raise ConfigError(
            "the tokenizer has no mask token, which masked language modeling needs: give it one with mask_token, or "
            "pass mlm=False to the collator for causal language modeling"
        )
    vocab: Mapping[str, int] = tokenizer.get_vocab()
    size = max(vocab.values(), default=-1) + 1
    token_of = {id: token for token, id in vocab.items()}
    tokens = [token_of.get(id) for id in range(size)]
    # Pieces that SentencePiece must not split ("(", ".") are listed as special too, but are text.
    added = getattr(tokenizer, "added_tokens_decoder", {})
    special = {
        id
        for id in tokenizer.all_special_ids
        if id is not None and 0 <= id < size and (id not in added or added[id].special)
    }
    # An unknown word is special, but a token that stands for one; it is neither predicted nor drawn.
    not_drawn = (id for id, token in enumerate(tokens) if token is None or _UNUSED.fullmatch(token))
    model, prefix = _model_of(tokenizer)
    classes: WordClasses | None = None
    if model == "WordPiece":
        continues = tuple(int(token is not None and token.startswith(prefix)) for token in tokens)
        classes = continues, (1,) * size
    elif model == "Unigram":
        both = [_unigram_classes(token or "") for token in tokens]
        classes = tuple(first for first, _ in both), tuple(last for _, last in both)
    return MaskingVocabulary(
        size=size,
        mask_id=tokenizer.mask_token_id,
        pad_id=tokenizer.pad_token_id,
        special_ids=tuple(sorted(special)),
        not_drawn=tuple(not_drawn),
        word_classes=classes,
        ids_tell_words=model == "Unigram",
    )


@lru_cache(maxsize=64)
def masker_of(vocabulary: MaskingVocabulary, options: MaskingOptions) -> _core.Masker:
    """The core's masker."""
    return _core.Masker(
        vocabulary.size,
        vocabulary.mask_id,
        vocabulary.special_ids,
        vocabulary.not_drawn,
        vocabulary.word_classes,
        float(options.mlm_probability),
        float(options.mask_replace_prob),
        float(options.random_replace_prob),
        bool(options.whole_word_mask),
        bool(options.exact),
        # Longer spans do not occur: from 200 words on their weights are below 2^-64.
        None if options.max_span_length is None else min(int(options.max_span_length), 200),
    )


def _model_of(tokenizer: Any) -> tuple[str, str]:
    """``"WordPiece"``, ``"Unigram"``, ``"BPE"`` or another one, and the prefix of pieces that continue a word."""
    state = getattr(tokenizer, "_state", {})
    if "continuing_subword_prefix" in state:
        return "WordPiece", state["continuing_subword_prefix"]
    kind = getattr(getattr(tokenizer, "_backend", None), "model", None)
    if isinstance(kind, str):
        return kind, ""
    model = getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None)
    return type(model).__name__, getattr(model, "continuing_subword_prefix", None) or "##"


def _unigram_classes(piece: str) -> tuple[int, int]:
    """Letters continue letters; a piece that begins with the space, a mark or an ideograph begins a word."""
    if not piece:
        return 0, 0
    if piece == _SPACE:
        return 0, 1
    first = 0 if piece[0] == _SPACE else _class(piece[0])
    return first, _class(piece[-1]) or 2


def _class(char: str) -> int:
    """1 for what words are made of, 0 for punctuation, symbols and ideographs, which are words of their own."""
    return int(unicodedata.category(char)[0] in "LMN" and not _IDEOGRAPHS.match(char))
