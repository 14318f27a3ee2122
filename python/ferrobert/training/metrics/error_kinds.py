"""How an entity can be wrong, and which prediction was meant for which true entity."""

from __future__ import annotations

from ferrobert.training.metrics.label_spans import Span

KINDS = ("missed", "invented", "wrong type", "wrong boundary", "wrong type and boundary")


def kind_of(true: Span | None, predicted: Span | None) -> str:
    """The kind of error of a pair, one of ``KINDS``."""
    if predicted is None:
        return "missed"
    if true is None:
        return "invented"
    if true[1:] == predicted[1:]:
        return "wrong type"
    return "wrong boundary" if true[0] == predicted[0] else "wrong type and boundary"


def paired(true: list[Span], predicted: list[Span]) -> list[tuple[Span | None, Span | None]]:
    """Each true entity with the predicted one that it was taken for, both at most once; in the order of the words.

    Args:
        true, predicted: the entities of a row that are not right, in order; those of one side do not overlap.

    Example:
        >>> paired([("ORG", 0, 3)], [("ORG", 0, 1), ("LOC", 2, 3)])
        [(('ORG', 0, 3), ('ORG', 0, 1)), (None, ('LOC', 2, 3))]
    """
    candidates = []
    first = 0
    for at, (kind, start, end) in enumerate(true):
        while first < len(predicted) and predicted[first][2] <= start:
            first += 1
        for other in range(first, len(predicted)):
            other_kind, other_start, other_end = predicted[other]
            if other_start >= end:
                break
            overlap = min(end, other_end) - max(start, other_start)
            same_words = (start, end) == (other_start, other_end)
            candidates.append((not same_words, kind != other_kind, -overlap, at, other))
    taken: dict[int, int] = {}
    used: set[int] = set()
    for *_, at, other in sorted(candidates):
        if at not in taken and other not in used:
            taken[at] = other
            used.add(other)
    pairs: list[tuple[Span | None, Span | None]] = [
        (span, predicted[taken[at]] if at in taken else None) for at, span in enumerate(true)
    ]
    pairs += [(None, span) for other, span in enumerate(predicted) if other not in used]
    return sorted(pairs, key=lambda pair: min(span[1] for span in pair if span is not None))
