"""What a tokenizer is made of.

A backend encodes, decodes and looks up: ``_core.WordPiece`` in Rust, ``reference.wordpiece.WordPiece`` in Python,
``TokenizersBackend`` over the tokenizers package.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ferrobert import _core
from ferrobert.encoding.columns import FlatColumns

__all__ = ["Backend"]


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
