"""Reads a SentencePiece ``.model`` file: the four things a Unigram tokenizer needs, and nothing else.

The file is one Protocol Buffers message (sentencepiece_model.proto of github.com/google/sentencepiece). Its wire
format is read here directly, so that ALBERT's checkpoints load without the packages sentencepiece and protobuf.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from ferrobert.errors import VocabError

# The largest published model (1 M pieces of mT5's kind) has 16 MB; a length beyond this is a broken file.
MAX_FILE_BYTES = 512 * 1024 * 1024

_MODEL_PIECES, _MODEL_TRAINER, _MODEL_NORMALIZER = 1, 2, 3
_PIECE_TEXT, _PIECE_SCORE, _PIECE_KIND = 1, 2, 3
_TRAINER_MODEL_TYPE, _TRAINER_BYTE_FALLBACK, _TRAINER_UNK_ID = 3, 35, 40
_NORMALIZER_CHARSMAP = 2
_UNIGRAM = 1


class PieceKind(IntEnum):
    """What a piece is; the numbers are those of the file."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of the vocabulary; its id is its place."""

    text: str
    score: float
    kind: PieceKind


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """What a tokenizer needs of a Unigram model file."""

    pieces: tuple[Piece, ...]
    unk_id: int
    byte_fallback: bool
    precompiled_charsmap: bytes


def read_sentencepiece_model(path: Path) -> SentencePieceModel:
    """Read a Unigram ``.model`` file.

    Raises:
        VocabError: the file is no SentencePiece model, is cut short, has no pieces, or is not of the Unigram kind.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise VocabError(f"{path}: {path.stat().st_size} bytes; a SentencePiece model has at most {MAX_FILE_BYTES}")
    try:
        return _model(memoryview(path.read_bytes()))
    except (ValueError, struct.error) as error:
        raise VocabError(f"{path}: not a SentencePiece Unigram model: {error}") from error


def _model(message: memoryview) -> SentencePieceModel:
    pieces: list[Piece] = []
    # The defaults are those of the .proto file.
    unk_id, model_type, byte_fallback, charsmap = 0, _UNIGRAM, False, b""
    for field, value in _fields(message):
        if field == _MODEL_PIECES:
            pieces.append(_piece(_as_bytes(value)))
        elif field == _MODEL_TRAINER:
            for inner, setting in _fields(_as_bytes(value)):
                if inner == _TRAINER_MODEL_TYPE:
                    model_type = _as_int(setting)
                elif inner == _TRAINER_UNK_ID:
                    unk_id = _as_int(setting)
                elif inner == _TRAINER_BYTE_FALLBACK:
                    byte_fallback = bool(_as_int(setting))
        elif field == _MODEL_NORMALIZER:
            for inner, setting in _fields(_as_bytes(value)):
                if inner == _NORMALIZER_CHARSMAP:
                    charsmap = bytes(_as_bytes(setting))
    if not pieces:
        raise ValueError("it has no pieces")
    if model_type != _UNIGRAM:
        raise ValueError(f"its model type is {model_type}, Unigram is {_UNIGRAM}")
    if not 0 <= unk_id < len(pieces):
        raise ValueError(f"its unknown id {unk_id} is outside its {len(pieces)} pieces")
    return SentencePieceModel(tuple(pieces), unk_id, byte_fallback, charsmap)


def _piece(message: memoryview) -> Piece:
    text, score, kind = "", 0.0, PieceKind.NORMAL
    for field, value in _fields(message):
        if field == _PIECE_TEXT:
            text = str(_as_bytes(value), "utf-8")
        elif field == _PIECE_SCORE:
            (score,) = struct.unpack("<f", _as_bytes(value))
        elif field == _PIECE_KIND:
            kind = PieceKind(_as_int(value))
    return Piece(text, score, kind)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of one message: an int for a varint, bytes for every other wire type."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire_type = tag & 7
        if wire_type == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if wire_type == 1:
            size = 8
        elif wire_type == 2:
            size, at = _varint(message, at)
        elif wire_type == 5:
            size = 4
        else:
            raise ValueError(f"wire type {wire_type} at byte {at}")
        if at + size > len(message):
            raise ValueError(f"cut short: {size} bytes are due at byte {at} of {len(message)}")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError(f"a number breaks off at byte {at}")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _as_bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where text or a message is due")
    return value


def _as_int(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("text or a message where a number is due")
    return value
