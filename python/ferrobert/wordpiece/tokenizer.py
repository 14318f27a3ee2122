"""BERT's tokenizer: the arguments of transformers over the Rust core."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from ferrobert import _core
from ferrobert.errors import ConfigError, VocabError
from ferrobert.hub import tokenizer_files
from ferrobert.tokenizer import AddedToken, Tokenizer
from ferrobert.tokenizer.backend import Backend
from ferrobert.tokenizer.options import NO_MAX_LENGTH, SPECIAL_TOKEN_NAMES, TokenizerOptions
from ferrobert.wordpiece.files import load_checkpoint, read_vocab, save_checkpoint

__all__ = ["BertTokenizer"]

TemplatePiece = tuple[str, Any, int]
"""``("special", token, type id)`` or ``("sequence", 0 or 1, type id)``."""


class BertTokenizer(Tokenizer):
    """WordPiece tokenizer of BERT and its kin, equal to transformers' ``BertTokenizer``, many times faster.

    Immutable; usable from many threads, picklable, with a stable hash. See :meth:`Tokenizer.__call__` for encoding.

    Args:
        vocab: Token -> id, or the path of a vocab.txt (one token a line). By default only the special tokens.
        do_lower_case: Lower-case the text.
        unk_token: Stands for words without pieces; it must be in the vocabulary.
        sep_token: Ends each sequence.
        pad_token: Fills rows up.
        cls_token: Starts each row.
        mask_token: Hides tokens in masked language modelling.
        tokenize_chinese_chars: Make each CJK ideograph a word.
        strip_accents: Remove accents; ``None`` follows ``do_lower_case``, as BERT did.
        bos_token: Not used by BERT; kept where a checkpoint names one.
        eos_token: Likewise.
        extra_special_tokens: Further special tokens.
        added_tokens: Tokens that are matched as a whole, by id.
        model_max_length: What ``max_length`` is where a call gives none.
        padding_side: ``"right"`` or ``"left"``.
        truncation_side: ``"right"`` or ``"left"``.
        pad_token_type_id: Type id of padding.
        model_input_names: Keys that an encoding has by default.
        clean_up_tokenization_spaces: Whether ``decode`` cleans up once more over the whole text.
        split_special_tokens: Treat special tokens in the text as text.
        name_or_path: Where it was loaded from.
        clean_text: Remove control characters, make all white space spaces.
        continuing_subword_prefix: Marks pieces that continue a word.
        max_input_chars_per_word: Longer words are unknown.
        single: Template of a text, by default ``[CLS] A [SEP]``.
        pair: Template of a pair, by default ``[CLS] A [SEP] B [SEP]``.
        decoder_cleanup: Whether ``decode`` removes spaces before punctuation.

    Raises:
        VocabError: the vocabulary is empty, lacks ``unk_token`` or has ids that are no integers from 0.
        ConfigError: an option is not allowed.

    Example:
        >>> from ferrobert import BertTokenizer
        >>> tokenizer = BertTokenizer(
        ...     {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "the": 5, "cat": 6, "##s": 7}
        ... )
        >>> tokenizer.tokenize("The cats")
        ['the', 'cat', '##s']
        >>> tokenizer("The cats", "the CAT", return_offsets_mapping=True)["offset_mapping"]
        [(0, 0), (0, 3), (4, 7), (7, 8), (0, 0), (0, 3), (4, 7), (0, 0)]
    """

    _backend_class: ClassVar[Callable[..., Backend]] = _core.WordPiece

    def __init__(
        self,
        vocab: Mapping[str, int] | str | os.PathLike[str] | None = None,
        do_lower_case: bool = True,
        unk_token: Any = "[UNK]",
        sep_token: Any = "[SEP]",
        pad_token: Any = "[PAD]",
        cls_token: Any = "[CLS]",
        mask_token: Any = "[MASK]",
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        *,
        bos_token: Any = None,
        eos_token: Any = None,
        extra_special_tokens: Iterable[Any] = (),
        added_tokens: Mapping[int, Any] | None = None,
        model_max_length: int | None = None,
        padding_side: str = "right",
        truncation_side: str = "right",
        pad_token_type_id: int = 0,
        model_input_names: Sequence[str] = ("input_ids", "token_type_ids", "attention_mask"),
        clean_up_tokenization_spaces: bool = False,
        split_special_tokens: bool = False,
        name_or_path: str = "",
        clean_text: bool = True,
        continuing_subword_prefix: str = "##",
        max_input_chars_per_word: int = 100,
        single: Sequence[TemplatePiece] | None = None,
        pair: Sequence[TemplatePiece] | None = None,
        decoder_cleanup: bool = True,
    ) -> None:
        tokens = (bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token)
        given = dict(zip(SPECIAL_TOKEN_NAMES, tokens, strict=True))
        named = {name: AddedToken.of(token) for name, token in given.items() if token is not None}
        for name in ("unk_token", "cls_token", "sep_token"):
            if name not in named:
                raise ConfigError(f"{name} must be a token, got None: BERT's template needs it")
        if isinstance(extra_special_tokens, Mapping):
            extra_special_tokens = extra_special_tokens.values()
        extra = [AddedToken.of(token) for token in extra_special_tokens]
        if vocab is None:
            names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
            vocab = {named[name].content: id for id, name in enumerate(name for name in names if name in named)}
        elif not isinstance(vocab, Mapping):
            vocab = read_vocab(vocab)
        vocab = dict(vocab)
        if not vocab:
            raise VocabError("the vocabulary is empty; a WordPiece vocabulary has at least the unknown token")
        stored = {int(id): AddedToken.of(token, special=False) for id, token in (added_tokens or {}).items()}
        added = _with_ids([*(stored[id] for id in sorted(stored)), *named.values(), *extra], vocab)
        ids = {token.content: id for id, token in added.items()}
        if single is None or pair is None:
            cls, sep = named["cls_token"].content, named["sep_token"].content
            single = single or (("special", cls, 0), ("sequence", 0, 0), ("special", sep, 0))
            pair = pair or (*single, ("sequence", 1, 1), ("special", sep, 1))
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
        special = {token.content for token in named.values()}
        backend = self._backend_class(
            vocab,
            unk_token=named["unk_token"].content,
            continuing_subword_prefix=continuing_subword_prefix,
            max_input_chars_per_word=max_input_chars_per_word,
            clean_text=bool(clean_text),
            handle_chinese_chars=bool(tokenize_chinese_chars),
            strip_accents=strip_accents,
            lowercase=bool(do_lower_case),
            added_tokens=[_backend_token(id, token, special) for id, token in added.items()],
            single=[_template_piece(piece, ids, vocab) for piece in single],
            pair=[_template_piece(piece, ids, vocab) for piece in pair],
            decoder_prefix=continuing_subword_prefix,
            decoder_cleanup=bool(decoder_cleanup),
        )
        _warn_of_equal_patterns(added, backend)
        state: dict[str, Any] = {name: token if token is None else named[name] for name, token in given.items()}
        state |= {name: getattr(options, name) for name in TokenizerOptions.__slots__}
        state |= {
            "vocab": vocab,
            "do_lower_case": bool(do_lower_case),
            "tokenize_chinese_chars": bool(tokenize_chinese_chars),
            "strip_accents": strip_accents,
            "extra_special_tokens": tuple(extra),
            "added_tokens": added,
            "clean_text": bool(clean_text),
            "continuing_subword_prefix": continuing_subword_prefix,
            "max_input_chars_per_word": max_input_chars_per_word,
            "single": tuple(map(tuple, single)),
            "pair": tuple(map(tuple, pair)),
            "decoder_cleanup": bool(decoder_cleanup),
        }
        self._set(
            _plans={},
            _backend=backend,
            _options=options,
            _special={name: token.content for name, token in named.items()},
            _added=added,
            _extra_special_tokens=tuple(token.content for token in extra),
            _state=state,
        )

    @classmethod
    def from_pretrained(
        cls,
        name: str | os.PathLike[str],
        *,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        subfolder: str = "",
        use_fast: bool = True,  # noqa: ARG003 - callers of transformers pass it; there is one kind only
        **options: Any,
    ) -> Self:
        r"""Loads a tokenizer.

        Args:
            name: A checkpoint folder, a vocab.txt, a tokenizer.json, or the id of a model on the hub.
            revision: Branch, tag or commit on the hub.
            cache_dir: Where downloads are kept.
            token: Access token of the hub.
            local_files_only: Use only what was downloaded before.
            force_download: Download again what was downloaded before.
            subfolder: Folder inside the checkpoint.
            use_fast: Ignored.
            **options: Arguments of the constructor, over those of the files.

        Of a folder, tokenizer.json gives vocabulary, added tokens and template, tokenizer_config.json the options
        (over those in tokenizer.json), special_tokens_map.json the special tokens. Truncation and padding settings
        inside tokenizer.json do not apply by themselves: calls decide.

        Raises:
            VocabError: a file is missing, broken or describes no BERT WordPiece tokenizer.
            ConfigError: an option is not known.

        Example:
            >>> import tempfile, pathlib
            >>> folder = pathlib.Path(tempfile.mkdtemp())
            >>> _ = (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n", "utf-8")
            >>> BertTokenizer.from_pretrained(folder).tokenize("Hello")
            ['hello']
        """
        files = tokenizer_files(
            name,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
            subfolder=subfolder,
        )
        arguments = {"name_or_path": str(name), **load_checkpoint(files), **options}
        known = inspect.signature(cls).parameters.keys()
        if unknown := sorted(arguments.keys() - known):
            raise ConfigError(f"unknown option {unknown[0]!r}; the options are {', '.join(known)}")
        return cls(**arguments)

    def save_pretrained(self, save_directory: str | os.PathLike[str], **_: Any) -> tuple[str, ...]:
        """Writes tokenizer.json, tokenizer_config.json and vocab.txt, as transformers loads them.

        Each file is written beside its place and then renamed. vocab.txt is left out where a list of lines cannot
        express the ids.

        Returns:
            The paths of the files.
        """
        return save_checkpoint(self._state, save_directory)


def _with_ids(tokens: Iterable[AddedToken], vocab: Mapping[str, int]) -> dict[int, AddedToken]:
    """Tokens by id: that of the vocabulary, or the next free one behind it. The first of equal tokens counts."""
    added: dict[int, AddedToken] = {}
    seen = set()
    for token in tokens:
        if token.content in seen or not token.content:
            continue
        seen.add(token.content)
        last = max(added, default=0)
        id = vocab.get(token.content, last + 1 if last >= len(vocab) else len(vocab))
        added[id] = token
    return dict(sorted(added.items()))


def _backend_token(id: int, token: AddedToken, names: Collection[str]) -> tuple[int, str, bool, bool, bool, bool, bool]:
    """The token as the backend takes it. What has a name (``mask_token``) is special, whatever its own flag says."""
    special = token.special or token.content in names
    return id, token.content, token.single_word, token.lstrip, token.rstrip, token.normalized, special


def _warn_of_equal_patterns(added: Mapping[int, AddedToken], backend: Backend) -> None:
    """Normalized tokens are matched by their normalized text; of equal ones the reference matches any."""
    matched: dict[str | None, int] = {}
    for id in sorted(id for id, token in added.items() if token.normalized):
        pattern = backend.id_to_token(id)
        first = matched.setdefault(pattern, id)
        if first != id:
            warnings.warn(
                f"added tokens {added[first].content!r} (id {first}) and {added[id].content!r} (id {id}) are both "
                f"{pattern!r} once normalized: only id {first} is matched",
                stacklevel=3,
            )


def _template_piece(piece: TemplatePiece, ids: Mapping[str, int], vocab: Mapping[str, int]) -> tuple[str, int, int]:
    kind, value, type_id = piece
    if kind == "special":
        id = ids.get(value, vocab.get(value))
        if id is None:
            raise VocabError(f"the template's special token {value!r} is not in the vocabulary")
        return kind, id, type_id
    return kind, value, type_id
