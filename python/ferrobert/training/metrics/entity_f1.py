"""Precision, recall and F1 of entities: `entity_f1`, equal to seqeval 1.2.2 in its strict and its default mode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import DataError
from ferrobert.training.metrics.label_spans import LabelSpans, check_rows


def entity_f1(
    true: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    *,
    mode: str = "strict",
    scheme: str = "BIO",
) -> dict[str, Any]:
    """Precision, recall and F1 of entities: one counts when type, first and last word are right.

    The numbers are those of seqeval 1.2.2 (``mode="strict"`` with its scheme, or its default mode), except that a score
    with nothing to divide by is 0 without a warning, also the macro average where there is no entity at all (seqeval:
    NaN).

    Args:
        true, predicted: a row a sentence, a label a word, such as ``["B-PER", "I-PER", "O"]``.
        mode: "strict" counts what the scheme calls an entity: in BIO a ``B-`` and the ``I-`` of its type that follow.
            "default" counts whatever looks like one, as ``conlleval`` does: an ``I-`` may begin an entity.
        scheme: "BIO" (IOB2), "IOB1", "BIOES" (IOBES) or "BILOU"; without effect in default mode.

    Returns:
        ``precision``, ``recall``, ``f1`` over all entities together (micro), ``support`` (how many are true); the same
        three as ``macro_...`` (plain mean over the types) and ``weighted_...`` (mean by support); ``per_type``, type ->
        its ``precision``, ``recall``, ``f1``, ``support``, in the order of their names.

    Raises:
        ConfigError: an unknown mode or scheme.
        DataError: no rows, rows or labels of different number, or in strict mode a label that is not of the scheme; row
            and column are named.

    Warns:
        UserWarning: in default mode, once for each label that begins with none of B-, I-, E-, S-.

    Example:
        >>> true = [["B-PER", "I-PER", "O", "B-LOC"]]
        >>> scores = entity_f1(true, [["B-PER", "I-PER", "O", "I-LOC"]])
        >>> scores["f1"], scores["per_type"]["LOC"]["recall"]
        (0.6666666666666666, 0.0)
        >>> entity_f1(true, [["B-PER", "I-PER", "O", "I-LOC"]], mode="default")["f1"]
        1.0
    """
    counts = EntityCounts(mode=mode, scheme=scheme)
    counts.add(true, predicted)
    if not counts.rows:
        raise DataError("no labels to compare")
    return counts.scores()


class EntityCounts:
    """What `entity_f1` is made of, counted as rows come: any number of rows in constant memory.

    Args:
        mode, scheme: those of `entity_f1`.

    Attributes:
        rows: how many rows were counted.

    Example:
        >>> counts = EntityCounts()
        >>> counts.add([["B-PER"]], [["B-PER"]])
        >>> counts.add([["O", "B-LOC"]], [["O", "O"]])
        >>> counts.scores()["recall"]
        0.5
    """

    def __init__(self, *, mode: str = "strict", scheme: str = "BIO") -> None:
        self._spans = LabelSpans(mode, scheme)
        self._true: Counter[str] = Counter()
        self._predicted: Counter[str] = Counter()
        self._right: Counter[str] = Counter()
        self.rows = 0

    def add(self, true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> None:
        """Count rows; rows in messages are numbered from the first call on.

        Raises:
            DataError: as `entity_f1`; nothing of this call is counted then.
        """
        check_rows(true, predicted, first=self.rows)
        of_row = self._spans.of_row
        true_types: Counter[str] = Counter()
        predicted_types: Counter[str] = Counter()
        right: Counter[str] = Counter()
        for row, (true_labels, predicted_labels) in enumerate(zip(true, predicted, strict=True), start=self.rows):
            expected = of_row(true_labels, "true", row)
            found = of_row(predicted_labels, "predicted", row)
            true_types.update([kind for kind, _, _ in expected])
            predicted_types.update([kind for kind, _, _ in found])
            if expected and found:
                right.update([kind for kind, _, _ in set(expected).intersection(found)])
        self._true += true_types
        self._predicted += predicted_types
        self._right += right
        self.rows += len(true)

    def scores(self) -> dict[str, Any]:
        """The scores of all rows so far, as `entity_f1` returns them; zeros without rows."""
        types = sorted({*self._true, *self._predicted})
        right, predicted, true = (
            np.array([counter[kind] for kind in types], dtype=np.int64)
            for counter in (self._right, self._predicted, self._true)
        )
        per_type = _scores(right, predicted, true)  # (3, types)
        micro = _scores(*(counts.sum(keepdims=True) for counts in (right, predicted, true)))[:, 0]
        macro = per_type.mean(axis=1) if types else np.zeros(3)
        weighted = np.average(per_type, axis=1, weights=true) if true.any() else np.zeros(3)
        names = ("precision", "recall", "f1")
        return {
            **dict(zip(names, micro.tolist(), strict=True)),
            "support": int(true.sum()),
            **{f"macro_{name}": score for name, score in zip(names, macro.tolist(), strict=True)},
            **{f"weighted_{name}": score for name, score in zip(names, weighted.tolist(), strict=True)},
            "per_type": {
                kind: {**dict(zip(names, per_type[:, at].tolist(), strict=True)), "support": int(true[at])}
                for at, kind in enumerate(types)
            },
        }


def _scores(right: NDArray[np.int64], predicted: NDArray[np.int64], true: NDArray[np.int64]) -> NDArray[np.float64]:
    """Precision, recall and F1 of counts ``(n,)``: ``(3, n)``; 0 where there is nothing to divide by."""
    precision = right / np.maximum(predicted, 1)
    recall = right / np.maximum(true, 1)
    total = precision + recall
    return np.stack([precision, recall, 2 * precision * recall / np.where(total == 0, 1, total)])
