"""Measures of predictions against truth, on scikit-learn: `accuracy`, `f1`, `matthews`.

The first argument is always the truth. Labels are names or numbers, of one kind on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ferrobert.errors import ConfigError, DataError, MissingDependencyError

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
