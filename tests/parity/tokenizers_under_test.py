"""One interface over the reference, ferrobert's tokenizer and its two backends."""

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import transformers
from tests.parity.calls import Call, Refused, Rows, decoded

from ferrobert.encoding.columns import FlatColumns
from ferrobert.errors import ConfigError

# The reference would log "sequence too long" and the like on every other call.
transformers.logging.set_verbosity_error()


class UnderTest(Protocol):
    """Whatever encodes a call into rows, or refuses it."""

    pads: bool
    """Whether the options ``padding`` and ``single`` mean something here."""

    def encode(self, call: Call) -> Rows:
        """The rows of the call. Raises Refused where the tokenizer raises."""


class Reference:
    """transformers' BertTokenizer of a folder."""

    pads = True

    def __init__(self, folder: Path, truncation_side: str = "right") -> None:
        self.tokenizer = transformers.BertTokenizer.from_pretrained(folder, truncation_side=truncation_side)

    def encode(self, call: Call) -> Rows:
        """The reference's rows; Refused also where it returns nonsense (a ``max_length`` below the special tokens)."""
        options = call.options
        text, pair = call.arguments()
        if options.strategy is not None and options.add_special_tokens and options.max_length is not None:
            is_pair = bool(pair) if call.single else pair is not None
            if options.max_length < self.tokenizer.num_special_tokens_to_add(is_pair):
                raise Refused("max_length below the special tokens: the reference wraps around")
        try:
            with _silenced():
                batch = self.tokenizer(
                    text,
                    pair,
                    return_offsets_mapping=True,
                    return_special_tokens_mask=True,
                    return_token_type_ids=True,
                    return_attention_mask=True,
                    verbose=False,
                    **options.keywords(),
                )
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # PanicException of pyo3 is no Exception
            raise Refused(f"{type(error).__name__}: {error}") from error
        rows = _rows_of(batch, call)
        encodings = batch.encodings
        rows["word_ids"] = [encoding.word_ids for encoding in encodings]
        rows["sequence_ids"] = [encoding.sequence_ids for encoding in encodings]
        rows["tokens"] = [encoding.tokens for encoding in encodings]
        rows["decoded"] = decoded(rows, lambda ids, skip: self.tokenizer.decode(ids, skip_special_tokens=skip))
        return rows


class Package:
    """ferrobert's BertTokenizer of the same folder."""

    pads = True

    def __init__(self, folder: Path, truncation_side: str = "right") -> None:
        from ferrobert.wordpiece import BertTokenizer

        self.tokenizer = BertTokenizer.from_pretrained(folder, truncation_side=truncation_side)

    def encode(self, call: Call) -> Rows:
        """Its rows. Any error but ValueError passes through: it is a difference."""
        text, pair = call.arguments()
        try:
            with warnings.catch_warnings():
                # That padding=True ignores max_length; transformers is told to be quiet about it.
                warnings.simplefilter("ignore", UserWarning)
                batch = self.tokenizer(
                    text,
                    pair,
                    return_offsets_mapping=True,
                    return_special_tokens_mask=True,
                    return_token_type_ids=True,
                    return_attention_mask=True,
                    **call.options.keywords(),
                )
        except ValueError as error:
            raise Refused(str(error)) from error
        rows = _rows_of(batch, call)
        count = range(len(rows["input_ids"]))
        rows["word_ids"] = [list(batch.word_ids(row)) for row in count]
        rows["sequence_ids"] = [list(batch.sequence_ids(row)) for row in count]
        rows["tokens"] = [list(batch.tokens(row)) for row in count]
        rows["decoded"] = decoded(rows, lambda ids, skip: self.tokenizer.decode(ids, skip_special_tokens=skip))
        return rows


class Backend:
    """A backend alone: the compiled WordPiece or its pure-Python twin, set up as the reference is."""

    pads = False

    def __init__(self, backend: type[Any], reference: Reference, truncation_side: str = "right") -> None:
        self.tokenizer = backend(**backend_arguments(reference.tokenizer))
        self._truncation_side = truncation_side

    def encode(self, call: Call) -> Rows:
        """Its rows, unpadded, without tokens: a backend knows ids alone."""
        options = call.options
        try:
            columns = self.tokenizer.encode(
                list(call.texts),
                None if call.pairs is None else list(call.pairs),
                add_special_tokens=options.add_special_tokens,
                truncation=options.strategy,
                max_length=options.max_length,
                truncation_side=self._truncation_side,
                stride=options.stride,
                overflow=options.return_overflowing_tokens,
                is_split_into_words=options.is_split_into_words,
                align=True,
                split_special_tokens=options.split_special_tokens,
            )
        except ConfigError as error:
            raise Refused(str(error)) from error
        ids, types, sequences, offsets, words, splits, samples = (
            getattr(columns, name).tolist() for name in FlatColumns._fields
        )
        spans = list(pairwise(splits))
        rows = {
            "input_ids": [ids[start:end] for start, end in spans],
            "token_type_ids": [types[start:end] for start, end in spans],
            "attention_mask": [[1] * (end - start) for start, end in spans],
            "special_tokens_mask": [[int(value == -1) for value in sequences[start:end]] for start, end in spans],
            "offset_mapping": [[tuple(span) for span in offsets[start:end]] for start, end in spans],
            "word_ids": [_optional(words[start:end]) for start, end in spans],
            "sequence_ids": [_optional(sequences[start:end]) for start, end in spans],
            "overflow_to_sample_mapping": samples,
        }
        rows["decoded"] = decoded(rows, self.tokenizer.decode)
        return rows


def backend_arguments(tokenizer: Any) -> dict[str, Any]:
    """The arguments that make a backend equal to a transformers tokenizer."""
    settings = json.loads(tokenizer.backend_tokenizer.to_str())
    model, normalizer, processor = settings["model"], settings["normalizer"], settings["post_processor"]
    specials = processor["special_tokens"]

    def template(pieces: list[dict[str, Any]]) -> Iterator[tuple[str, int, int]]:
        for piece in pieces:
            if "Sequence" in piece:
                yield "sequence", "AB".index(piece["Sequence"]["id"]), piece["Sequence"]["type_id"]
            else:
                special = piece["SpecialToken"]
                for id_ in specials[special["id"]]["ids"]:
                    yield "special", id_, special["type_id"]

    flags = ("id", "content", "single_word", "lstrip", "rstrip", "normalized")
    named = set(tokenizer.all_special_tokens)
    return {
        "vocab": model["vocab"],
        "unk_token": model["unk_token"],
        "continuing_subword_prefix": model["continuing_subword_prefix"],
        "max_input_chars_per_word": model["max_input_chars_per_word"],
        **{name: normalizer[name] for name in ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")},
        # What was added as special once stays special to the reference, even if a later flag says otherwise.
        "added_tokens": [
            (*(token[flag] for flag in flags), token["special"] or token["content"] in named)
            for token in settings["added_tokens"]
        ],
        "single": list(template(processor["single"])),
        "pair": list(template(processor["pair"])),
        "decoder_prefix": settings["decoder"]["prefix"],
        "decoder_cleanup": settings["decoder"]["cleanup"],
    }


def _rows_of(batch: Any, call: Call) -> Rows:
    fields = ("input_ids", "token_type_ids", "attention_mask", "special_tokens_mask", "offset_mapping")
    flat = call.single and not call.options.return_overflowing_tokens
    rows: Rows = {field: [batch[field]] if flat else list(batch[field]) for field in fields}
    rows["offset_mapping"] = [[tuple(span) for span in row] for row in rows["offset_mapping"]]
    rows["overflow_to_sample_mapping"] = (
        list(batch["overflow_to_sample_mapping"])
        if call.options.return_overflowing_tokens
        else list(range(len(rows["input_ids"])))
    )
    return rows


def _optional(values: list[int]) -> list[int | None]:
    return [None if value == -1 else value for value in values]


@contextmanager
def _silenced() -> Iterator[None]:
    """Keeps the message that a panic of the reference writes off the screen."""
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
