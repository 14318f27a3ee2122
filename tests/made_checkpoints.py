"""Small checkpoints of other families than BERT's, written file by file."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel

MERGES = [
    ("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "w"), ("o", "r"), ("Ġw", "or"), ("Ġwor", "l"),
    ("Ġworl", "d"), ("Ġ", "hello"), ("Ġ", "t"), ("i", "n"), ("Ġt", "in"), ("Ã", "©"),
]  # fmt: skip

PIECES = [
    ("<pad>", 0.0, 3), ("<unk>", 0.0, 2), ("[CLS]", 0.0, 3), ("[SEP]", 0.0, 3), ("[MASK]", 0.0, 3), ("(", 0.0, 4),
    ('"', 0.0, 4), (".", 0.0, 4), ("▁", -2.5, 1), ("▁hello", -3.125, 1), ("▁world", -3.25, 1), ("s", -4.0, 1),
    ("▁the", -2.0, 1),
    ("e", -4.5, 1), ("h", -5.0, 1), ("l", -5.25, 1), ("o", -5.5, 1), ("t", -5.75, 1), ("w", -6.0, 1),
]  # fmt: skip


def byte_level_vocab(first: Sequence[str], last: Sequence[str]) -> dict[str, int]:
    merged = [left + right for left, right in MERGES]
    return {token: id for id, token in enumerate([*first, *sorted(ByteLevel.alphabet()), *merged, *last])}


def write_byte_level(folder: Path, vocab: Mapping[str, int], config: Mapping[str, Any] | None = None) -> Path:
    """vocab.json, merges.txt and, where given, tokenizer_config.json."""
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), "utf-8")
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in MERGES)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", "utf-8")
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def roberta_folder(folder: Path, **config: Any) -> Path:
    vocab = byte_level_vocab(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"])
    return write_byte_level(folder, vocab, {"tokenizer_class": "RobertaTokenizer", **config})


def gpt2_folder(folder: Path, **config: Any) -> Path:
    vocab = byte_level_vocab([], ["<|endoftext|>"])
    return write_byte_level(folder, vocab, {"tokenizer_class": "GPT2Tokenizer", **config})


def deberta_folder(folder: Path, **config: Any) -> Path:
    vocab = byte_level_vocab(["[PAD]", "[CLS]", "[SEP]", "[UNK]"], ["[MASK]"])
    return write_byte_level(folder, vocab, {"tokenizer_class": "DebertaTokenizer", **config})


def albert_folder(folder: Path, **config: Any) -> Path:
    (folder / "spiece.model").write_bytes(sentencepiece_model(PIECES, unk_id=1))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "AlbertTokenizer", **config}), "utf-8")
    return folder


def albert_of_transformers(folder: Path, **options: Any) -> Any:
    """transformers reads spiece.model only with two more packages; given the pieces it needs none."""
    import transformers

    from ferrobert.subword.sentencepiece import read_sentencepiece_model

    model = read_sentencepiece_model(folder / "spiece.model")
    extra = [
        transformers.AddedToken(piece.text, normalized=False, special=piece.kind == 3)
        for piece in model.pieces
        if piece.kind in (3, 4)
    ]
    vocab = [(piece.text, piece.score) for piece in model.pieces]
    charsmap = model.precompiled_charsmap or None
    return transformers.AlbertTokenizer(
        vocab, _spm_precompiled_charsmap=charsmap, additional_special_tokens=extra, **options
    )


def sentencepiece_model(
    pieces: Sequence[tuple[str, float, int]], *, unk_id: int, model_type: int = 1, charsmap: bytes = b""
) -> bytes:
    """A SentencePiece .model file: its Protocol Buffers wire format, written by hand."""
    message = b"".join(
        _field(1, _field(1, text.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", score) + _field(3, kind))
        for text, score, kind in pieces
    )
    message += _field(2, _field(3, model_type) + _field(40, unk_id))
    return message + _field(3, _field(1, b"identity") + _field(2, charsmap))


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def made_model(kind: str, *, seed: int = 0, **config: Any) -> Any:
    """A random model of two layers that reads 64 tokens, of a class of transformers such as "RobertaForMaskedLM"."""
    import torch
    import transformers

    settings = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 66 if kind.startswith(("Roberta", "XLMRoberta", "Camembert")) else 64,
        # Far from 0, so that different texts get different scores.
        "initializer_range": 0.4,
        **config,
    }
    if kind.startswith("DistilBert"):
        names = {"dim": "hidden_size", "n_layers": "num_hidden_layers", "n_heads": "num_attention_heads"}
        settings |= {name: settings.pop(old) for name, old in names.items()}
        settings["hidden_dim"] = settings.pop("intermediate_size")
    if kind.startswith(("Albert", "Electra")):
        settings["embedding_size"] = 16
    # Threads of a model this small only wait for each other; on a busy machine they make it ten times slower.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model_class = getattr(transformers, kind)
    model = model_class(model_class.config_class(**settings)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # zeros at first, which would hide a bias that is left out
            torch.nn.init.normal_(parameter, std=0.2)
    return model
