"""The tokenizer of any family, over a ``tokenizers.Tokenizer``."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers

from ferrobert.errors import VocabError
from ferrobert.files import write_file
from ferrobert.subword.backend import TokenizersBackend, restore
from ferrobert.subword.families import SpecialTokens
from ferrobert.tokenizer import AddedToken, Tokenizer
from ferrobert.tokenizer.options import NO_MAX_LENGTH, SPECIAL_TOKEN_NAMES, TokenizerOptions

__all__ = ["TokenizersTokenizer"]


class TokenizersTokenizer(Tokenizer):
    """Any tokenizer of the tokenizers package behind the interface of :class:`ferrobert.BertTokenizer`.

    :class:`ferrobert.AutoTokenizer` makes it for byte-level BPE and Unigram checkpoints. It is immutable, picklable and
    usable from many threads, as the other one is, and as fast as the tokenizers package.

    Args:
        tokenizer: A ``tokenizers.Tokenizer``, or the text of a tokenizer.json. It is copied; its truncation and padding
            do not apply, as calls decide.
        bos_token: Special tokens by name; those that the tokenizer does not have are added.
        eos_token: Likewise.
        unk_token: Likewise.
        sep_token: Likewise.
        pad_token: Likewise.
        cls_token: Likewise.
        mask_token: Likewise.
        extra_special_tokens: Further special tokens.
        added_tokens: Further added tokens by id.
        model_max_length: What ``max_length`` is where a call gives none.
        padding_side: ``"right"`` or ``"left"``.
        truncation_side: ``"right"`` or ``"left"``.
        pad_token_type_id: Type id of padding.
        model_input_names: Keys that an encoding has by default.
        clean_up_tokenization_spaces: Whether ``decode`` cleans up spaces; ignored for BPE, as in transformers.
        split_special_tokens: Treat special tokens in the text as text.
        name_or_path: Where it was loaded from.
        tokenizer_class: transformers' class for it, for saved folders.
        settings: What that class was built with (``add_prefix_space``, ...), for saved folders.

    Raises:
        VocabError: the text is no tokenizer.json.
        ConfigError: an option is not allowed.

    Example:
        >>> from tokenizers import Tokenizer
        >>> from tokenizers.models import WordLevel
        >>> from tokenizers.pre_tokenizers import Whitespace
        >>> words = Tokenizer(WordLevel({"<unk>": 0, "hello": 1, "world": 2}, unk_token="<unk>"))
        >>> words.pre_tokenizer = Whitespace()
        >>> tokenizer = TokenizersTokenizer(words, unk_token="<unk>", pad_token="<pad>")
        >>> tokenizer(["hello world", "hello"], padding=True)["input_ids"]
        [[1, 2], [1, 3]]
    """

    _backend: TokenizersBackend

    def __init__(
        self,
        tokenizer: tokenizers.Tokenizer | str,
        *,
        bos_token: Any = None,
        eos_token: Any = None,
        unk_token: Any = None,
        sep_token: Any = None,
        pad_token: Any = None,
        cls_token: Any = None,
        mask_token: Any = None,
        extra_special_tokens: Iterable[Any] = (),
        added_tokens: Mapping[int, Any] | None = None,
        model_max_length: int | None = None,
        padding_side: str = "right",
        truncation_side: str = "right",
        pad_token_type_id: int = 0,
        model_input_names: Sequence[str] = ("input_ids", "attention_mask"),
        clean_up_tokenization_spaces: bool = False,
        split_special_tokens: bool = False,
        name_or_path: str = "",
        tokenizer_class: str = "TokenizersBackend",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        given = (bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token)
        named = {
            name: AddedToken.of(token)
            for name, token in zip(SPECIAL_TOKEN_NAMES, given, strict=True)
            if token is not None
        }
        extra = [AddedToken.of(token) for token in extra_special_tokens]
        options = TokenizerOptions(
            model_max_length=NO_MAX_LENGTH if model_max_length is None else int(model_max_length),
            padding_side=padding_side,
            truncation_side=truncation_side,
            pad_token_type_id=int(pad_token_type_id),
            model_input_names=tuple(model_input_names),
            clean_up_tokenization_spaces=bool(clean_up_tokenization_spaces),
            split_special_tokens=bool(split_special_tokens),
            name_or_path=str(name_or_path),
        )
        try:
            backend = restore(tokenizer if isinstance(tokenizer, str) else tokenizer.to_str())
        except Exception as error:
            raise VocabError(f"no tokenizer.json of the tokenizers package: {error}") from error
        by_id = {int(id): AddedToken.of(token, special=False) for id, token in (added_tokens or {}).items()}
        backend = backend.with_added(SpecialTokens(named, extra, by_id))
        state: dict[str, Any] = {"tokenizer": backend.to_json()}
        state |= {name: named.get(name) for name in SPECIAL_TOKEN_NAMES}
        state |= {name: getattr(options, name) for name in TokenizerOptions.__slots__}
        state |= {
            "extra_special_tokens": tuple(extra),
            "tokenizer_class": tokenizer_class,
            "settings": dict(settings or {}),
        }
        self._set(
            _plans={},
            _backend=backend,
            _options=options,
            _special={name: token.content for name, token in named.items()},
            _added=backend.added_tokens(),
            _extra_special_tokens=tuple(token.content for token in extra),
            _state=state,
        )

    @property
    def backend_tokenizer(self) -> tokenizers.Tokenizer:
        """A copy of the ``tokenizers.Tokenizer`` inside; changing it changes nothing here."""
        return tokenizers.Tokenizer.from_str(self._backend.to_json())

    def decode(
        self, token_ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> Any:
        """The text of a row of ids; of several rows, a list. See :meth:`Tokenizer.decode`.

        For BPE ``clean_up_tokenization_spaces`` is ignored with a warning, as in transformers: it would take spaces
        away that the text had.
        """
        asked = self._options.clean_up_tokenization_spaces
        asked = asked if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        if asked and self._backend.model == "BPE":
            if clean_up_tokenization_spaces:
                warnings.warn("clean_up_tokenization_spaces is ignored for BPE", stacklevel=2)
            asked = False
        return super().decode(token_ids, skip_special_tokens, asked)

    def tokens_of(self, ids: Sequence[int], written: Callable[[int], str]) -> list[str]:
        """Tokens of a row of ids; a Unigram model shows the text itself where it has no piece, as in the reference."""
        tokens = super().tokens_of(ids, written)
        unknown = self._backend.unknown_piece
        if unknown is None:
            return tokens
        return [
            self._backend.normalize(written(place)) or token if id == unknown else token
            for place, (id, token) in enumerate(zip(ids, tokens, strict=True))
        ]

    def save_pretrained(self, save_directory: str | os.PathLike[str], **_: Any) -> tuple[str, ...]:
        """Writes tokenizer.json and tokenizer_config.json, as transformers loads them.

        Each file is written beside its place and then renamed.

        Returns:
            The paths of the files.

        Raises:
            VocabError: the folder is a file.
        """
        folder = Path(save_directory)
        if folder.is_file():
            raise VocabError(f"{folder} is a file; a tokenizer is saved in a folder")
        folder.mkdir(parents=True, exist_ok=True)
        state = self._state
        config = {name: state[name] for name in TokenizerOptions.__slots__ if name != "name_or_path"}
        config |= {name: state[name].content for name in SPECIAL_TOKEN_NAMES if state[name] is not None}
        if state["extra_special_tokens"]:
            config["extra_special_tokens"] = [token.content for token in state["extra_special_tokens"]]
        config |= state["settings"] | {"tokenizer_class": state["tokenizer_class"]}
        texts = {
            "tokenizer.json": state["tokenizer"],
            "tokenizer_config.json": json.dumps(config, ensure_ascii=False, indent=2, sort_keys=True) + "\n",
        }
        for name, text in texts.items():
            write_file(folder / name, text)
        return tuple(str(folder / name) for name in texts)
