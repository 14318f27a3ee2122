"""Tokens back to text."""

from collections.abc import Sequence

_CLEANUPS = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)
"""English spacing, undone token by token; the reference turns ``do not`` inside one token into ``don't``."""


def join_tokens(tokens: Sequence[str], prefix: str, cleanup: bool) -> str:
    """The text of tokens: continuations are joined, other tokens set apart by spaces.

    Example:
        >>> join_tokens(["play", "##ing", ",", "well"], "##", cleanup=True)
        'playing, well'
    """
    parts = []
    for position, token in enumerate(tokens):
        if position:
            token = token[len(prefix) :] if token.startswith(prefix) else f" {token}"
        if cleanup:
            for spaced, joined in _CLEANUPS:
                token = token.replace(spaced, joined)
        parts.append(token)
    return "".join(parts)
