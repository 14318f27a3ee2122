"""From the files of a checkpoint that is not BERT's to its tokenizer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import BPE

from ferrobert.errors import ConfigError, VocabError
from ferrobert.subword.families import (
    ALBERT_TOKENS,
    DEBERTA_TOKENS,
    GPT2_TOKENS,
    ROBERTA_TOKENS,
    SpecialTokens,
    albert_unigram,
    byte_level_bpe,
    frame_as_deberta,
    frame_as_roberta,
    frame_plain,
)
from ferrobert.subword.sentencepiece import PieceKind, read_sentencepiece_model
from ferrobert.subword.tokenizer import TokenizersTokenizer
from ferrobert.tokenizer import AddedToken
from ferrobert.tokenizer.options import SPECIAL_TOKEN_NAMES
from ferrobert.wordpiece.files import load_config, read_json

_ROBERTA_CLASSES = {"RobertaTokenizer", "BartTokenizer", "LongformerTokenizer"}
_ALBERT_CLASSES = {"AlbertTokenizer"}
_GPT2_CLASSES = {"GPT2Tokenizer"}
_DEBERTA_CLASSES = {"DebertaTokenizer"}
# Options of load_config that only BERT's tokenizer has.
_ONLY_BERT = ("do_lower_case", "tokenize_chinese_chars", "strip_accents")

_Arguments = dict[str, Any]


def load_subword(
    files: Mapping[str, Path], declared: str, config: Mapping[str, Any], options: Mapping[str, Any]
) -> TokenizersTokenizer:
    """Build the tokenizer of a checkpoint.

    Args:
        files: its files by name, as :func:`ferrobert.hub.tokenizer_files` finds them.
        declared: transformers' class for it, or empty; then the files decide.
        config: tokenizer_config.json.
        options: arguments over those of the files.

    Raises:
        ConfigError: an option is not known.
        VocabError: a file is broken, or none of them makes a tokenizer.
    """
    tokenizer_json = read_json(files["tokenizer.json"]) if "tokenizer.json" in files else None
    added = {} if tokenizer_json is None else _added_tokens(files["tokenizer.json"], tokenizer_json)
    settings = {**config, **options}
    arguments = load_config(files, added) | {
        name: value for name, value in options.items() if name in _ALLOWED or name in SPECIAL_TOKEN_NAMES
    }
    arguments = {name: value for name, value in arguments.items() if name not in _ONLY_BERT}
    unknown = options.keys() - arguments.keys() - _SETTINGS
    if unknown:
        raise ConfigError(f"unknown options {sorted(unknown)}; allowed are {sorted(_ALLOWED | _SETTINGS)}")
    family = declared or _family_of_files(files, tokenizer_json)
    if family in _ROBERTA_CLASSES:
        return _roberta(files, tokenizer_json, family, settings, arguments)
    if family in _ALBERT_CLASSES:
        return _albert(files, tokenizer_json, family, settings, arguments)
    if tokenizer_json is None and family in _GPT2_CLASSES:
        return _gpt2(files, family, settings, arguments)
    if tokenizer_json is None and family in _DEBERTA_CLASSES:
        return _deberta(files, family, settings, arguments)
    if tokenizer_json is None:
        raise VocabError(
            f"{family or _model_type(files)} needs tokenizer.json; found {', '.join(sorted(files))}. "
            "transformers' AutoTokenizer.from_pretrained(name).save_pretrained(folder) writes it. "
            "Without it vocab.txt (BERT), vocab.json and merges.txt (RoBERTa, GPT-2, DeBERTa) or spiece.model (ALBERT) "
            "must be there"
        )
    return TokenizersTokenizer(
        files["tokenizer.json"].read_text(encoding="utf-8"),
        tokenizer_class=family or "TokenizersBackend",
        settings=_given(settings, "add_prefix_space", "trim_offsets", "do_lower_case", "keep_accents"),
        **(_sides(tokenizer_json) | arguments),
    )


_SETTINGS = frozenset(
    {"add_prefix_space", "trim_offsets", "do_lower_case", "keep_accents", "add_bos_token", "add_eos_token"}
)
_ALLOWED = frozenset(
    {
        "added_tokens",
        "clean_up_tokenization_spaces",
        "extra_special_tokens",
        "model_input_names",
        "model_max_length",
        "name_or_path",
        "pad_token_type_id",
        "padding_side",
        "split_special_tokens",
        "truncation_side",
    }
)


def _roberta(
    files: Mapping[str, Path],
    tokenizer_json: Mapping[str, Any] | None,
    family: str,
    settings: Mapping[str, Any],
    arguments: _Arguments,
) -> TokenizersTokenizer:
    options = {
        "add_prefix_space": bool(settings.get("add_prefix_space", False)),
        "trim_offsets": bool(settings.get("trim_offsets", True)),
    }
    tokenizer = byte_level_bpe(*_vocab_and_merges(files, tokenizer_json), add_prefix_space=options["add_prefix_space"])
    arguments = {**ROBERTA_TOKENS, **arguments}
    _add_special(tokenizer, arguments)
    frame_as_roberta(tokenizer, _content(arguments["cls_token"]), _content(arguments["sep_token"]), **options)
    return TokenizersTokenizer(tokenizer, tokenizer_class=family, settings=options, **arguments)


def _gpt2(
    files: Mapping[str, Path], family: str, settings: Mapping[str, Any], arguments: _Arguments
) -> TokenizersTokenizer:
    add_prefix_space = bool(settings.get("add_prefix_space", False))
    tokenizer = byte_level_bpe(*_vocab_and_merges(files, None), add_prefix_space=add_prefix_space)
    arguments = {**GPT2_TOKENS, **arguments}
    _add_special(tokenizer, arguments)
    frame_plain(
        tokenizer,
        before=_content(arguments["bos_token"]) if settings.get("add_bos_token") else None,
        after=_content(arguments["eos_token"]) if settings.get("add_eos_token") else None,
    )
    kept = {"add_prefix_space": add_prefix_space, **_given(settings, "add_bos_token", "add_eos_token")}
    return TokenizersTokenizer(tokenizer, tokenizer_class=family, settings=kept, **arguments)


def _deberta(
    files: Mapping[str, Path], family: str, settings: Mapping[str, Any], arguments: _Arguments
) -> TokenizersTokenizer:
    add_prefix_space = bool(settings.get("add_prefix_space", False))
    tokenizer = byte_level_bpe(*_vocab_and_merges(files, None), add_prefix_space=add_prefix_space)
    # All three keys, as the class of transformers has them.
    arguments = {"model_input_names": ("input_ids", "attention_mask", "token_type_ids"), **DEBERTA_TOKENS, **arguments}
    _add_special(tokenizer, arguments)
    frame_as_deberta(tokenizer, _content(arguments["cls_token"]), _content(arguments["sep_token"]))
    kept = {"add_prefix_space": add_prefix_space}
    return TokenizersTokenizer(tokenizer, tokenizer_class=family, settings=kept, **arguments)


def _albert(
    files: Mapping[str, Path],
    tokenizer_json: Mapping[str, Any] | None,
    family: str,
    settings: Mapping[str, Any],
    arguments: _Arguments,
) -> TokenizersTokenizer:
    options = {
        "do_lower_case": bool(settings.get("do_lower_case", True)),
        "keep_accents": bool(settings.get("keep_accents", False)),
        "add_prefix_space": bool(settings.get("add_prefix_space", True)),
    }
    arguments = {**ALBERT_TOKENS, **arguments}
    if tokenizer_json is not None:
        vocab = _unigram_vocab(files["tokenizer.json"], tokenizer_json)
        charsmap = _charsmap(files["tokenizer.json"], tokenizer_json)
    elif "spiece.model" in files:
        model = read_sentencepiece_model(files["spiece.model"])
        vocab, charsmap = [(piece.text, piece.score) for piece in model.pieces], model.precompiled_charsmap
        # As in the reference: pieces that SentencePiece itself never cuts are matched ahead of the model.
        arguments["extra_special_tokens"] = [
            AddedToken(piece.text, normalized=False, special=piece.kind is PieceKind.CONTROL)
            for piece in model.pieces
            if piece.kind in (PieceKind.CONTROL, PieceKind.USER_DEFINED)
        ]
    else:
        raise VocabError(f"{family} needs tokenizer.json or spiece.model; found {', '.join(sorted(files))}")
    tokenizer = albert_unigram(
        vocab,
        precompiled_charsmap=charsmap,
        cls=_content(arguments["cls_token"]),
        sep=_content(arguments["sep_token"]),
        **options,
    )
    _add_special(tokenizer, arguments)
    options["trim_offsets"] = bool(settings.get("trim_offsets", True))
    return TokenizersTokenizer(tokenizer, tokenizer_class=family, settings=options, **arguments)


def _family_of_files(files: Mapping[str, Path], tokenizer_json: Mapping[str, Any] | None) -> str:
    """What a checkpoint without tokenizer.json and without a named class must be, from its files."""
    if tokenizer_json is not None:
        return ""
    if "vocab.json" in files and "merges.txt" in files:
        vocab = read_json(files["vocab.json"])
        return "RobertaTokenizer" if {"<s>", "</s>", "<mask>"} <= vocab.keys() else "GPT2Tokenizer"
    return "AlbertTokenizer" if "spiece.model" in files else ""


def _model_type(files: Mapping[str, Path]) -> str:
    """What a message calls a checkpoint whose tokenizer has no named class."""
    model_type = read_json(files["config.json"]).get("model_type") if "config.json" in files else None
    return f"a checkpoint of {model_type}" if model_type else "a checkpoint of no named family"


def _vocab_and_merges(
    files: Mapping[str, Path], tokenizer_json: Mapping[str, Any] | None
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    if tokenizer_json is not None:
        model = tokenizer_json.get("model") or {}
        try:
            pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
            return dict(model["vocab"]), [(str(left), str(right)) for left, right in pairs]
        except (KeyError, TypeError, ValueError) as error:
            raise VocabError(f"{files['tokenizer.json']} has no byte-level BPE model: {error!r}") from None
    missing = [name for name in ("vocab.json", "merges.txt") if name not in files]
    if missing:
        raise VocabError(f"byte-level BPE needs tokenizer.json, or vocab.json and merges.txt; missing {missing}")
    try:
        vocab, merges = BPE.read_file(str(files["vocab.json"]), str(files["merges.txt"]))
        return dict(vocab), list(merges)
    except Exception as error:
        raise VocabError(f"{files['vocab.json']}, {files['merges.txt']}: no byte-level BPE model: {error}") from error


def _unigram_vocab(path: Path, tokenizer_json: Mapping[str, Any]) -> list[tuple[str, float]]:
    try:
        return [(str(piece), float(score)) for piece, score in tokenizer_json["model"]["vocab"]]
    except (KeyError, TypeError, ValueError) as error:
        raise VocabError(f"{path} has no Unigram model: {error!r}") from None


def _charsmap(path: Path, tokenizer_json: Mapping[str, Any]) -> bytes:
    """SentencePiece's own normalization in a tokenizer.json, or nothing."""
    normalizer = tokenizer_json.get("normalizer") or {}
    for step in normalizer.get("normalizers", [normalizer]):
        if step.get("type") == "Precompiled" and step.get("precompiled_charsmap"):
            try:
                return base64.b64decode(step["precompiled_charsmap"], validate=True)
            except (binascii.Error, TypeError, ValueError) as error:
                raise VocabError(f"{path}: precompiled_charsmap is not base64: {error}") from None
    return b""


def _added_tokens(path: Path, tokenizer_json: Mapping[str, Any]) -> dict[int, AddedToken]:
    try:
        return {
            int(token["id"]): AddedToken.of(token, special=False) for token in tokenizer_json.get("added_tokens") or []
        }
    except (KeyError, TypeError, ValueError) as error:
        raise VocabError(f"{path}: added_tokens cannot be read: {error!r}") from None


def _sides(tokenizer_json: Mapping[str, Any]) -> _Arguments:
    """Settings of a tokenizer.json that outlive a call, as in the reference: sides and padding, never lengths."""
    sides: _Arguments = {}
    if padding := tokenizer_json.get("padding"):
        sides["padding_side"] = str(padding.get("direction", "Right")).lower()
        sides["pad_token"] = padding.get("pad_token", "[PAD]")
        sides["pad_token_type_id"] = padding.get("pad_type_id", 0)
    if truncation := tokenizer_json.get("truncation"):
        sides["truncation_side"] = str(truncation.get("direction", "Right")).lower()
    return sides


def _add_special(tokenizer: Tokenizer, arguments: _Arguments) -> None:
    named = {name: AddedToken.of(arguments[name]) for name in SPECIAL_TOKEN_NAMES if arguments.get(name) is not None}
    extra = [AddedToken.of(token) for token in arguments.get("extra_special_tokens", ())]
    by_id = {int(id): AddedToken.of(token, special=False) for id, token in arguments.get("added_tokens", {}).items()}
    SpecialTokens(named, extra, by_id).add_to(tokenizer)


def _content(token: Any) -> str:
    return AddedToken.of(token).content


def _given(settings: Mapping[str, Any], *names: str) -> _Arguments:
    return {name: settings[name] for name in names if name in settings}
