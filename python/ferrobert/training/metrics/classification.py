"""Measures of one label a row, on scikit-learn: `accuracy`, `f1`, `matthews`; `Confusion` counts rows as they come.

`calibration_error` says how far the scores of labels can be believed. The first argument is always the truth. Labels
are names or numbers, of one kind on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, DataError, MissingDependencyError
from ferrobert.inputs import check_count

AVERAGES = ("binary", "macro", "micro", "weighted")


def accuracy(true: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Share of rows whose label is right, in [0, 1].

    Raises:
        DataError: no rows, or lists of different length.

    Example:
        >>> accuracy(["good", "bad", "good", "bad"], ["good", "bad", "bad", "bad"])
        0.75
    """
    metrics = _scikit_learn()
    _check(true, predicted)
    return float(metrics.accuracy_score(true, predicted))


def calibration_error(right: Sequence[bool], confidences: Sequence[float], *, bins: int = 15) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, in [0, 1].

    Rows are put into bins of equal width by their confidence; the error is the mean, by rows, of the distance between
    the mean confidence and the accuracy of a bin (Guo et al. 2017). A model that is right nine times out of ten where
    it says 0.9 has 0.

    Args:
        right: whether each row's label is right, ``(rows,)``.
        confidences: the score of that label, in [0, 1], ``(rows,)``.
        bins: number of bins.

    Raises:
        DataError: no rows, lists of different length, a confidence outside of [0, 1].
        ConfigError: no bins.

    Example:
        >>> round(calibration_error([True, True, True, False], [0.9, 0.9, 0.9, 0.9]), 3)
        0.15
    """
    check_count("bins", bins, 1)
    of_rows, scores = np.asarray(right, dtype=bool), np.asarray(confidences, dtype=np.float64)
    if of_rows.shape != scores.shape or of_rows.ndim != 1 or not len(scores):
        raise DataError(
            f"right and confidences must be lists of as many rows, at least 1, got {len(right)} and {len(scores)}"
        )
    outside = np.flatnonzero(~((scores >= 0) & (scores <= 1)))
    if len(outside):
        raise DataError(f"the confidence of row {outside[0]} must lie in [0, 1], got {scores[outside[0]]}")
    # The upper edge belongs to a bin, as in the paper; 0 to the first.
    places = np.clip(np.ceil(scores * bins).astype(np.int64) - 1, 0, bins - 1)
    apart = np.bincount(places, weights=scores, minlength=bins) - np.bincount(places, weights=of_rows, minlength=bins)
    return float(np.abs(apart).sum() / len(scores))


def f1(true: Sequence[Any], predicted: Sequence[Any], *, average: str = "binary", positive: Any = 1) -> float:
    """Harmonic mean of precision and recall, in [0, 1]; scikit-learn's ``f1_score``.

    A class that is never predicted counts as 0.

    Args:
        true, predicted: the labels of each row.
        average: "binary" scores the one class ``positive``; "macro" is the plain mean over the classes, "weighted" the
            mean by their number of rows, "micro" counts all rows together.
        positive: the class that "binary" scores.

    Raises:
        ConfigError: an unknown average; "binary" with more than two classes, or without the class ``positive``.
        DataError: no rows, or lists of different length.

    Example:
        >>> f1([1, 0, 1, 0], [1, 0, 0, 0])
        0.6666666666666666
        >>> f1(["a", "b", "c"], ["a", "b", "b"], average="macro")
        0.5555555555555555
    """
    metrics = _scikit_learn()
    if average not in AVERAGES:
        raise ConfigError(f"average must be one of {', '.join(map(repr, AVERAGES))}, got {average!r}")
    _check(true, predicted)
    if average != "binary":
        return float(metrics.f1_score(true, predicted, average=average, zero_division=0.0))
    classes = sorted({*_plain(true), *_plain(predicted)}, key=str)
    if len(classes) > 2:
        raise ConfigError(
            f"average='binary' needs two classes, there are {len(classes)}; choose 'macro', 'micro' or 'weighted'"
        )
    if positive not in classes and len(classes) == 2:
        raise ConfigError(f"positive={positive!r} is not one of the classes {classes}")
    return float(metrics.f1_score(true, predicted, pos_label=positive, zero_division=0.0))


def matthews(true: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Matthews correlation coefficient, in [-1, 1]; 0 is chance, also where one side has one class alone.

    Raises:
        DataError: no rows, or lists of different length.

    Example:
        >>> matthews([1, 1, 0, 0], [1, 1, 0, 0])
        1.0
    """
    metrics = _scikit_learn()
    _check(true, predicted)
    if len({*_plain(true), *_plain(predicted)}) == 1:
        return 0.0
    return float(metrics.matthews_corrcoef(true, predicted))


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Precision, recall and F1 of one label, and how many rows truly have it."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int


class Confusion:
    """How often each true label was predicted as which: the measures of any number of rows, in constant memory.

    Args:
        labels: names of the labels in the order of their ids.

    Attributes:
        counts: int64 ``(labels, labels)``, true label by predicted label.

    Example:
        >>> confusion = Confusion(["bad", "good"])
        >>> confusion.add([0, 1, 1], [0, 1, 0])
        >>> confusion.accuracy()
        0.6666666666666666
        >>> confusion.counts.tolist()
        [[1, 0], [1, 1]]
    """

    counts: NDArray[np.int64]

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self.counts = np.zeros((len(labels), len(labels)), dtype=np.int64)

    def add(self, true: Sequence[int], predicted: Sequence[int]) -> None:
        """Count rows, by the ids of their labels."""
        np.add.at(self.counts, (np.asarray(true, dtype=np.int64), np.asarray(predicted, dtype=np.int64)), 1)

    def accuracy(self) -> float:
        """Share of rows whose label is right; 0 without rows."""
        return float(np.trace(self.counts) / max(1, int(self.counts.sum())))

    def per_class(self) -> list[ClassScores]:
        """The scores of each label; 0 where there is nothing to divide by."""
        right = np.diagonal(self.counts)
        true, predicted = self.counts.sum(axis=1), self.counts.sum(axis=0)
        return [
            ClassScores(
                label,
                float(right[index] / max(1, predicted[index])),
                float(right[index] / max(1, true[index])),
                float(2 * right[index] / max(1, true[index] + predicted[index])),
                int(true[index]),
            )
            for index, label in enumerate(self.labels)
        ]

    def macro_f1(self) -> float:
        """Mean F1 of the labels that occur, in the truth or in the predictions."""
        seen = (self.counts.sum(axis=0) + self.counts.sum(axis=1)) > 0
        scores = [scores.f1 for scores, there in zip(self.per_class(), seen, strict=True) if there]
        return float(np.mean(scores)) if scores else 0.0


def _plain(values: Sequence[Any]) -> list[Any]:
    return list(values.tolist()) if hasattr(values, "tolist") else list(values)


def _check(true: Sequence[Any], predicted: Sequence[Any]) -> None:
    if len(true) != len(predicted):
        raise DataError(f"{len(true)} true labels for {len(predicted)} predicted ones")
    if len(true) == 0:
        raise DataError("no labels to compare")


def _scikit_learn() -> Any:
    try:
        from sklearn import metrics
    except ImportError:
        raise MissingDependencyError('metrics need scikit-learn: pip install "ferrobert[torch]"') from None
    return metrics
