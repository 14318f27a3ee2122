"""What a tokenizer puts around the sequences of a row, and the rows that are made so."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ferrobert import _core
from ferrobert.encoding import BatchEncoding, Columns
from ferrobert.encoding.columns import FlatColumns
from ferrobert.encoding.row import Encoded
from ferrobert.encoding.values import Padding
from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count
from ferrobert.tokenizer import Tokenizer
from ferrobert.tokenizer.options import LONGEST_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RowMaker", "row_maker"]

# A sequence must have a token to be seen; a small vocabulary may lack some of these.
_TEXTS = ("a", "the", "0", ".", "?")
_LONGEST_ROW = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RowMaker:
    """How flat columns become what users see, and what the core must know to make them."""

    tokenizer: Tokenizer
    is_pair: bool
    template: tuple[tuple[str, int, int], ...]
    """("special", id, type id) and ("sequence", 0 or 1, type id), in the order of a row."""
    max_length: int

    def encoding(self, flat: FlatColumns | _core.Encodings) -> BatchEncoding:
        """The rows under the names that the model takes."""
        tokenizer = self.tokenizer
        pad_id = 0 if tokenizer.pad_token is None else int(tokenizer.pad_token_id)
        made = Encoded(
            Columns(flat),
            tokenizer,
            (),
            () if self.is_pair else None,
            is_split_into_words=False,
            padding=Padding(None, tokenizer.padding_side, pad_id, tokenizer.pad_token_type_id),
            tensors=None,
            batched=True,
            whole=True,
        )
        names = tokenizer.model_input_names
        optional = [name for name in ("token_type_ids", "attention_mask") if name in names]
        return BatchEncoding.of_columns(made, ["input_ids", *optional])


def row_maker(tokenizer: Any, max_length: Any, *, is_pair: bool) -> RowMaker:
    """Checks the length of rows against the tokenizer's template.

    Raises:
        ConfigError: it leaves no room, or is more than the model takes; or this is no tokenizer of ferrobert.
    """
    if not isinstance(tokenizer, Tokenizer):
        raise ConfigError(f"tokenizer must be a tokenizer of ferrobert, got {type(tokenizer).__name__}")
    max_length = check_count("max_length", max_length, 1)
    template = _template_of(tokenizer, is_pair)
    special = sum(kind == "special" for kind, *_ in template)
    least = special + (2 if is_pair else 1)
    if max_length < least:
        tokens = "a token of each segment" if is_pair else "a token"
        raise ConfigError(f"max_length {max_length} must be at least {least}: {special} special tokens and {tokens}")
    most = tokenizer.model_max_length if tokenizer.model_max_length <= LONGEST_LIMIT else _LONGEST_ROW
    if max_length > most:
        raise ConfigError(f"max_length {max_length} must be at most {most}, the tokens that the model takes")
    return RowMaker(tokenizer, is_pair, template, max_length)


def _template_of(tokenizer: Tokenizer, is_pair: bool) -> tuple[tuple[str, int, int], ...]:
    """Asks the tokenizer, by encoding a text or a pair."""
    for text in _TEXTS:
        batch: Sequence[Any] = [(text, text)] if is_pair else [text]
        columns = tokenizer(batch, truncation=False, verbose=False).columns
        tokens = zip(columns.ids.tolist(), columns.type_ids.tolist(), columns.sequence_ids.tolist(), strict=True)
        template: list[tuple[str, int, int]] = []
        for sequence, group in groupby(tokens, key=lambda token: token[2]):
            ids = list(group)
            if sequence < 0:
                template += (("special", id, type_id) for id, type_id, _ in ids)
            else:
                template.append(("sequence", sequence, ids[0][1]))
        if {piece[1] for piece in template if piece[0] == "sequence"} == ({0, 1} if is_pair else {0}):
            return tuple(template)
    raise ConfigError(f"the tokenizer has no token for any of {', '.join(_TEXTS)}: its rows cannot be told")
