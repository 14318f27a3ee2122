"""The files of a WordPiece checkpoint: reading them to constructor arguments, and writing them."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferrobert.errors import VocabError
from ferrobert.files import write_file
from ferrobert.tokenizer import AddedToken
from ferrobert.tokenizer.options import SPECIAL_TOKEN_NAMES

__all__ = [
    "load_checkpoint",
    "load_config",
    "read_json",
    "read_vocab",
    "save_checkpoint",
]

# White space of Unicode, as the reference trims it off vocabulary lines; str.rstrip() would also take U+001C to U+001F.
_WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)

_OPTIONS = (
    "do_lower_case",
    "tokenize_chinese_chars",
    "strip_accents",
    "model_max_length",
    "padding_side",
    "truncation_side",
    "pad_token_type_id",
    "model_input_names",
    "clean_up_tokenization_spaces",
    "split_special_tokens",
)


def read_vocab(path: str | os.PathLike[str]) -> dict[str, int]:
    """Reads a vocab.txt: one token a line, ids are line numbers from 0, white space at line ends is dropped.

    Of equal lines the last counts, and blank lines take an id, as in the reference; a warning names the lines.

    Raises:
        VocabError: the file is missing, not UTF-8 or empty.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.object[: error.start].count(b"\n") + 1
        raise VocabError(
            f"{os.fspath(path)} is not UTF-8: byte 0x{error.object[error.start]:02x} in line {place}"
        ) from None
    except OSError as error:
        raise VocabError(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if not any(line.strip() for line in lines):
        raise VocabError(f"{os.fspath(path)} is empty; a vocabulary has one token a line")
    vocab: dict[str, int] = {}
    odd = []
    for id, line in enumerate(lines):
        token = line.rstrip(_WHITE_SPACE)
        if token in vocab:
            odd.append(f"line {id + 1} repeats {token!r} of line {vocab[token] + 1}")
        elif not token:
            odd.append(f"line {id + 1} is blank")
        vocab[token] = id
    if odd:
        more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
        warnings.warn(
            f"{os.fspath(path)}: {'; '.join(odd[:5])}{more}. The last of equal lines counts; ids are line numbers",
            stacklevel=2,
        )
    return vocab


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        VocabError: the file is missing, not JSON (says where), or no object.
    """
    try:
        value = json.loads(Path(path).read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise VocabError(f"{os.fspath(path)} is not UTF-8: byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise VocabError(f"{os.fspath(path)} is not JSON: {error}") from None
    except OSError as error:
        raise VocabError(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from None
    if not isinstance(value, dict):
        raise VocabError(f"{os.fspath(path)} must hold a JSON object, got {type(value).__name__}")
    return value


def load_checkpoint(files: Mapping[str, Path]) -> dict[str, Any]:
    """Constructor arguments of ``BertTokenizer`` from the files of a checkpoint.

    Args:
        files: Of ``tokenizer.json``, ``vocab.txt``, ``tokenizer_config.json``, ``special_tokens_map.json`` and
            ``added_tokens.json`` those that there are.

    Raises:
        VocabError: neither tokenizer.json nor vocab.txt, or one of them is unusable.
    """
    arguments: dict[str, Any] = {}
    added: dict[int, AddedToken] = {}
    if "tokenizer.json" in files:
        arguments, added = _from_tokenizer_json(files["tokenizer.json"])
    elif "vocab.txt" in files:
        arguments["vocab"] = read_vocab(files["vocab.txt"])
    else:
        raise VocabError(f"a WordPiece checkpoint has tokenizer.json or vocab.txt; found {sorted(files) or 'no file'}")
    return arguments | load_config(files, added)


def load_config(files: Mapping[str, Path], added: Mapping[int, AddedToken]) -> dict[str, Any]:
    """Options, special and added tokens from the files beside a vocabulary, as constructor arguments.

    Args:
        files: Of ``tokenizer_config.json``, ``special_tokens_map.json`` and ``added_tokens.json`` those that there are.
        added: Added tokens of tokenizer.json; those of tokenizer_config.json count over them.

    Raises:
        VocabError: a file is unusable.
    """
    added = dict(added)
    config = read_json(files["tokenizer_config.json"]) if "tokenizer_config.json" in files else {}
    arguments: dict[str, Any] = {name: config[name] for name in _OPTIONS if name in config}
    special = {name: config[name] for name in SPECIAL_TOKEN_NAMES if config.get(name) is not None}
    # null takes a token away; without these three there is no template, so there it says nothing.
    needed = ("unk_token", "cls_token", "sep_token")
    arguments |= {name: None for name in SPECIAL_TOKEN_NAMES if name in config and name not in {*special, *needed}}
    extra = _extra(config, special=False)
    if "added_tokens_decoder" in config:
        added = {int(id): AddedToken.of(token, special=False) for id, token in config["added_tokens_decoder"].items()}
    else:
        if "special_tokens_map.json" in files:
            # In older checkpoints this file knows more (flags), so it counts over tokenizer_config.json.
            mapped = read_json(files["special_tokens_map.json"])
            special |= {name: mapped[name] for name in SPECIAL_TOKEN_NAMES if mapped.get(name) is not None}
            extra += [token for token in _extra(mapped, special=True) if token not in extra]
        if "added_tokens.json" in files:
            names = {_content(token) for token in (*special.values(), *extra)}
            for content, id in read_json(files["added_tokens.json"]).items():
                added.setdefault(id, AddedToken.of(content, special=content in names))
    contents = {token.content: token for token in added.values()}
    arguments |= {name: contents.get(_content(token), token) for name, token in special.items()}
    if extra:
        arguments["extra_special_tokens"] = [contents.get(_content(token), token) for token in extra]
    if added:
        arguments["added_tokens"] = added
    return arguments


def _extra(config: Mapping[str, Any], *, special: bool) -> list[Any]:
    """Special tokens without a name that BERT knows; ``special`` is the flag of those that are written without it."""
    extra = config.get("extra_special_tokens") or config.get("additional_special_tokens") or []
    tokens = list(extra.values() if isinstance(extra, Mapping) else extra)
    tokens += (config.get("model_specific_special_tokens") or {}).values()
    return [token if isinstance(token, str) else AddedToken.of(token, special=special) for token in tokens]


def _content(token: Any) -> str:
    return token if isinstance(token, str) else AddedToken.of(token).content


def _from_tokenizer_json(path: Path) -> tuple[dict[str, Any], dict[int, AddedToken]]:
    tokenizer = read_json(path)
    model, normalizer = tokenizer.get("model"), tokenizer.get("normalizer") or {}
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict):
        raise VocabError(f"{path} has no WordPiece model with a vocabulary")
    for part, found, wanted in (
        ("model", model.get("type", "WordPiece"), "WordPiece"),
        ("normalizer", normalizer.get("type"), "BertNormalizer"),
        ("pre_tokenizer", (tokenizer.get("pre_tokenizer") or {}).get("type"), "BertPreTokenizer"),
    ):
        if found != wanted:
            raise VocabError(
                f"{path}: {part} is {found}, BertTokenizer needs {wanted}; AutoTokenizer loads other kinds"
            )
    try:
        added = {int(token["id"]): AddedToken.of(token, special=False) for token in tokenizer.get("added_tokens") or []}
        arguments: dict[str, Any] = {
            "vocab": model["vocab"],
            "unk_token": model.get("unk_token", "[UNK]"),
            "continuing_subword_prefix": model.get("continuing_subword_prefix", "##"),
            "max_input_chars_per_word": model.get("max_input_chars_per_word", 100),
            "clean_text": normalizer["clean_text"],
            "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
            "strip_accents": normalizer["strip_accents"],
            "do_lower_case": normalizer["lowercase"],
            **_template(tokenizer.get("post_processor")),
        }
        if decoder := tokenizer.get("decoder"):
            arguments["decoder_cleanup"] = decoder.get("cleanup", True)
        if padding := tokenizer.get("padding"):
            arguments["padding_side"] = padding.get("direction", "Right").lower()
            arguments["pad_token"] = padding.get("pad_token", "[PAD]")
            arguments["pad_token_type_id"] = padding.get("pad_type_id", 0)
        if truncation := tokenizer.get("truncation"):
            arguments["truncation_side"] = truncation.get("direction", "Right").lower()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise VocabError(f"{path} is not a tokenizer.json of the tokenizers package: {error!r}") from None
    return arguments, added


def _template(processor: Mapping[str, Any] | None) -> dict[str, Any]:
    """The template of a post-processor: none of it where there is none, so that BERT's own is used."""
    kind = (processor or {}).get("type")
    if processor is None:
        return {}
    if kind == "BertProcessing":
        return {"cls_token": processor["cls"][0], "sep_token": processor["sep"][0]}
    if kind != "TemplateProcessing":
        raise ValueError(f"post_processor {kind} is not TemplateProcessing or BertProcessing")
    pieces: dict[str, Any] = {}
    for name in ("single", "pair"):
        template: list[tuple[str, Any, int]] = []
        for piece in processor[name]:
            if "Sequence" in piece:
                template.append(("sequence", "AB".index(piece["Sequence"]["id"]), piece["Sequence"]["type_id"]))
            else:
                special = piece["SpecialToken"]
                tokens = processor["special_tokens"][special["id"]]["tokens"]
                template.extend(("special", token, special["type_id"]) for token in tokens)
        pieces[name] = template
    return pieces


def save_checkpoint(state: Mapping[str, Any], folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """Writes the files of a tokenizer with the given constructor arguments."""
    folder = Path(folder)
    if folder.is_file():
        raise VocabError(f"{folder} is a file; a tokenizer is saved in a folder")
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "tokenizer.json": json.dumps(_tokenizer_json(state), ensure_ascii=False, separators=(",", ":")),
        "tokenizer_config.json": json.dumps(_config_json(state), ensure_ascii=False, indent=2, sort_keys=True) + "\n",
    }
    tokens = sorted(state["vocab"].items(), key=lambda item: item[1])
    lines = [token for token, _ in tokens]
    if [id for _, id in tokens] == list(range(len(tokens))) and all(
        line and line == line.rstrip(_WHITE_SPACE) and "\n" not in line for line in lines
    ):
        texts["vocab.txt"] = "".join(f"{line}\n" for line in lines)
    for name, text in texts.items():
        write_file(folder / name, text)
    return tuple(str(folder / name) for name in texts)


def _tokenizer_json(state: Mapping[str, Any]) -> dict[str, Any]:
    added = [
        {
            "id": id,
            "content": token.content,
            **{flag: getattr(token, flag) for flag in ("single_word", "lstrip", "rstrip", "normalized", "special")},
        }
        for id, token in sorted(state["added_tokens"].items())
    ]
    ids = {**state["vocab"], **{token["content"]: token["id"] for token in added}}
    special = sorted({value for name in ("single", "pair") for kind, value, _ in state[name] if kind == "special"})
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": state["clean_text"],
            "handle_chinese_chars": state["tokenize_chinese_chars"],
            "strip_accents": state["strip_accents"],
            "lowercase": state["do_lower_case"],
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            **{name: [_piece_json(piece) for piece in state[name]] for name in ("single", "pair")},
            "special_tokens": {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in special},
        },
        "decoder": {
            "type": "WordPiece",
            "prefix": state["continuing_subword_prefix"],
            "cleanup": state["decoder_cleanup"],
        },
        "model": {
            "type": "WordPiece",
            "unk_token": state["unk_token"].content,
            "continuing_subword_prefix": state["continuing_subword_prefix"],
            "max_input_chars_per_word": state["max_input_chars_per_word"],
            "vocab": state["vocab"],
        },
    }


def _piece_json(piece: tuple[str, Any, int]) -> dict[str, Any]:
    kind, value, type_id = piece
    if kind == "special":
        return {"SpecialToken": {"id": value, "type_id": type_id}}
    return {"Sequence": {"id": "AB"[value], "type_id": type_id}}


def _config_json(state: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {name: state[name] for name in _OPTIONS}
    config |= {name: state[name].content for name in SPECIAL_TOKEN_NAMES if state[name] is not None}
    if state["extra_special_tokens"]:
        config["extra_special_tokens"] = [token.content for token in state["extra_special_tokens"]]
    config["tokenizer_class"] = "BertTokenizer"
    return config
