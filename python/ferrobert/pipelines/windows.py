"""Windows of inputs that are longer than a model reads, and from which of them each token is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferrobert.pipelines.rows import TokenRows

__all__ = ["Layout", "Windows", "windows_of"]


class Layout(NamedTuple):
    """What of a long row is in all of its windows, and how far they overlap.

    Attributes:
        before: special tokens in front of the text.
        behind: what follows the text: special tokens, and the second text of a pair.
        stride: tokens of the text that neighbours share; less than the tokens of the text in a window.
    """

    before: int
    behind: int
    stride: int


@dataclass(frozen=True, slots=True)
class Windows:
    """The rows that a model reads of inputs of any length.

    Attributes:
        whole: one row an input, of any length.
        rows: the rows that the model reads, in the order of the inputs: those of ``whole``, or windows of them.
        starts: the first of ``rows`` of each input, ``(inputs,)``.
        places: where each token of ``rows`` stands in ``whole``, ``(tokens of rows,)``; ``None`` where all inputs are
            rows as they are.
        read: whether a token is read from this row, ``(tokens of rows,)``: every token of ``whole`` is from one. Tokens
            of the text are from the window where the smaller of the numbers of its tokens before and behind them is
            largest, the first of equals; what stands in front of the text is from its first window, what stands behind
            it from its last. ``None`` where all inputs are rows as they are.
    """

    whole: TokenRows
    rows: TokenRows
    starts: NDArray[np.int64]
    places: NDArray[np.int64] | None = None
    read: NDArray[np.bool_] | None = None

    def where(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where tokens of ``whole`` are read in ``rows``: positions in the flat ids of both, ``(tokens,)``."""
        if self.places is None or self.read is None:
            return tokens
        found = np.empty(len(self.whole.ids), np.int64)
        found[self.places[self.read]] = np.flatnonzero(self.read)
        return found[tokens]


def windows_of(
    whole: TokenRows, limit: int, layouts: Mapping[int, Layout], *, from_end: bool = False
) -> tuple[Windows, NDArray[np.int64]]:
    """The windows of long rows, among rows that stay as they are; and of which row each one is, ``(rows,)``.

    Windows are what the tokenizer gives with ``return_overflowing_tokens``: full ones, and what is left.
    Cost: O(tokens).

    Args:
        whole: the rows.
        limit: tokens of a window.
        layouts: of each row that is longer, in rising order.
        from_end: begin at the end of the text, as the tokenizer does where its ``truncation_side`` is "left".
    """
    if not layouts:
        itself = np.arange(len(whole))
        return Windows(whole, whole, itself), itself
    lengths: list[NDArray[np.int64]] = []
    places: list[NDArray[np.int64]] = []
    read: list[NDArray[np.bool_]] = []
    counts = np.ones(len(whole), np.int64)
    done = 0
    for row, layout in [*layouts.items(), (len(whole), None)]:
        # The short rows in front of it.
        places.append(np.arange(whole.row_splits[done], whole.row_splits[row]))
        lengths.append(whole.lengths[done:row])
        read.append(np.ones(len(places[-1]), np.bool_))
        if layout is None:
            break
        done = row + 1
        start, end = whole.row_splits[row : row + 2].tolist()
        text = start + layout.before
        tokens = end - layout.behind - text
        spans = _spans(tokens, limit - layout.before - layout.behind, layout.stride, from_end)
        owners = _owners(spans, tokens)
        counts[row] = len(spans)
        for number, (first, last) in enumerate(spans):
            places += [
                np.arange(start, text),
                np.arange(text + first, text + last),
                np.arange(end - layout.behind, end),
            ]
            lengths.append(np.array([layout.before + last - first + layout.behind]))
            read += [
                np.full(layout.before, first == 0),
                owners[first:last] == number,
                np.full(layout.behind, last == tokens),
            ]
    at = np.concatenate(places)
    splits = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    rows = TokenRows(whole.ids[at], None if whole.type_ids is None else whole.type_ids[at], splits)
    starts = np.cumsum(counts) - counts
    return Windows(whole, rows, starts, at, np.concatenate(read)), np.repeat(np.arange(len(whole)), counts)


def _spans(tokens: int, room: int, stride: int, from_end: bool) -> list[tuple[int, int]]:
    """The tokens of a text that each window holds, half-open."""
    step = room - stride
    firsts = range(0, max(tokens - stride, 1), step)
    spans = [(first, min(first + room, tokens)) for first in firsts]
    return [(tokens - last, tokens - first) for first, last in spans] if from_end else spans


def _owners(spans: Sequence[tuple[int, int]], tokens: int) -> NDArray[np.int64]:
    """From which window each token of a text is read, ``(tokens,)``."""
    best, owners = np.full(tokens, -1), np.empty(tokens, np.int64)
    for number in sorted(range(len(spans)), key=spans.__getitem__):
        first, last = spans[number]
        before = np.arange(last - first)
        context = np.minimum(before, before[::-1])
        more = first + np.flatnonzero(context > best[first:last])
        best[more], owners[more] = context[more - first], number
    return owners
