"""Tokens that are matched as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ferrobert.errors import ConfigError

__all__ = ["AddedToken"]


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token that is matched as a whole, ahead of the model's own pieces.

    Args:
        content: Its text.
        single_word: Match only where no word character touches it.
        lstrip: Swallow white space on its left.
        rstrip: Swallow white space on its right.
        normalized: Match in the normalized text.
        special: Skipped by ``decode(..., skip_special_tokens=True)``.
    """

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True
    special: bool = False

    def __str__(self) -> str:
        return self.content

    @classmethod
    def of(cls, token: Any, *, special: bool = True) -> AddedToken:
        """From a string, a dictionary of flags, or the ``AddedToken`` of tokenizers.

        Raises:
            ConfigError: it is none of these.
        """
        if isinstance(token, AddedToken):
            return token
        if isinstance(token, str):
            return cls(token, normalized=not special, special=special)
        names = ("single_word", "lstrip", "rstrip", "normalized", "special")
        if isinstance(token, Mapping) and isinstance(token.get("content"), str):
            is_special = bool(token.get("special", special))
            flags = {name: bool(token[name]) for name in names if name in token}
            return cls(token["content"], **{"normalized": not is_special, "special": is_special, **flags})
        if isinstance(getattr(token, "content", None), str):
            return cls(token.content, **{name: bool(getattr(token, name)) for name in names})
        raise ConfigError(f'a token is a string, a dictionary with "content" or an AddedToken, got {token!r}')
