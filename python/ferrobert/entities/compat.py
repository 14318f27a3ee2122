"""The words that transformers shows: tokens, joined as the tokenizer joins them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert.entities.rows import AlignedRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["with_joined_words"]


def with_joined_words(
    found: list[list[dict[str, Any]]],
    tokens: tuple[NDArray[np.int64], NDArray[np.int64]],
    rows: AlignedRows,
    strategy: str,
    tokenizer: Any,
) -> None:
    """Writes transformers' joined string as the ``word`` of each entity.

    Tokens of one entity are joined by ``convert_tokens_to_string``; by the strategies of words first those of each
    word, then the words. An unknown token is the slice of the text.
    """
    places, counts = tokens
    names = tokenizer.convert_ids_to_tokens(rows.ids[places].tolist())
    words, ids, offsets = rows.word_ids[places].tolist(), rows.ids[places].tolist(), rows.offsets[places].tolist()
    join, unknown = tokenizer.convert_tokens_to_string, tokenizer.unk_token_id
    ends = np.cumsum(counts).tolist()
    entities = ((entity, text) for one, text in zip(found, rows.texts, strict=True) for entity in one)
    start = 0
    for (entity, text), end in zip(entities, ends, strict=True):
        range_of = range(start, end)
        shown = [text[slice(*offsets[place])] if ids[place] == unknown else names[place] for place in range_of]
        if strategy == "none":
            entity["word"] = shown[0]
        elif strategy == "simple":
            entity["word"] = join(shown)
        else:
            by_word = groupby(zip(range_of, shown, strict=True), key=lambda token: words[token[0]])
            entity["word"] = join([join([token for _, token in group]) for _, group in by_word])
        start = end
