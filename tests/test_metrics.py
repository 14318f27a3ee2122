import random

import numpy as np
import pytest

from ferrobert import metrics
from ferrobert.errors import ConfigError, DataError
from ferrobert.training.metrics import Confusion

sklearn = pytest.importorskip("sklearn.metrics")


def random_labels(seed, classes):
    generator = random.Random(seed)
    size = generator.randint(1, 60)
    return [[generator.choice(classes) for _ in range(size)] for _ in range(2)]


@pytest.mark.parametrize("seed", range(20))
def test_metrics_equal_scikit_learn(seed):
    true, predicted = random_labels(seed, ["a", "b", "c"])
    assert metrics.accuracy(true, predicted) == sklearn.accuracy_score(true, predicted)
    for average in ("macro", "micro", "weighted"):
        expected = sklearn.f1_score(true, predicted, average=average, zero_division=0.0)
        assert metrics.f1(true, predicted, average=average) == expected
    if len({*true, *predicted}) > 1:
        assert metrics.matthews(true, predicted) == sklearn.matthews_corrcoef(true, predicted)


@pytest.mark.parametrize("seed", range(20))
def test_the_confusion_counts_give_the_same_scores(seed):
    true, predicted = random_labels(seed, [0, 1, 2])
    confusion = Confusion(["a", "b", "c"])
    half = len(true) // 2
    confusion.add(true[:half], predicted[:half])
    confusion.add(true[half:], predicted[half:])
    assert confusion.counts.tolist() == sklearn.confusion_matrix(true, predicted, labels=[0, 1, 2]).tolist()
    assert confusion.accuracy() == pytest.approx(sklearn.accuracy_score(true, predicted))
    assert confusion.macro_f1() == pytest.approx(sklearn.f1_score(true, predicted, average="macro", zero_division=0.0))
    expected = sklearn.precision_recall_fscore_support(true, predicted, labels=[0, 1, 2], zero_division=0.0)
    ours = np.array([(one.precision, one.recall, one.f1, one.rows) for one in confusion.per_class()]).T
    assert np.allclose(ours, expected)


def test_binary_f1_scores_the_positive_class():
    assert metrics.f1([1, 1, 0, 0], [1, 0, 0, 0]) == pytest.approx(2 / 3)
    assert metrics.f1(["y", "y", "n"], ["y", "n", "n"], positive="y") == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(10))
def test_the_calibration_error_is_the_mean_over_bins(seed):
    draws = np.random.default_rng(seed)
    scores = draws.random(200)
    scores[:4] = [0.0, 1.0, 0.2, 0.4]
    right = draws.random(200) < scores**2
    expected = 0.0
    for place in range(5):
        edges = place / 5, (place + 1) / 5
        inside = ((scores > edges[0]) | ((place == 0) & (scores == 0))) & (scores <= edges[1])
        if inside.any():
            expected += inside.mean() * abs(scores[inside].mean() - right[inside].mean())
    assert metrics.calibration_error(right, scores, bins=5) == pytest.approx(expected)
    assert metrics.calibration_error(right.tolist(), scores.tolist()) > 0.05


def test_a_calibrated_model_has_no_calibration_error():
    assert metrics.calibration_error([True] * 9 + [False], [0.9] * 10) == pytest.approx(0)
    assert metrics.calibration_error([False, False], [1.0, 1.0]) == 1


@pytest.mark.parametrize(
    ("right", "scores", "message"),
    [
        ([], [], "lists of as many rows, at least 1, got 0 and 0"),
        ([True], [0.5, 0.5], "got 1 and 2"),
        ([True, False], [0.5, 1.5], r"the confidence of row 1 must lie in \[0, 1\], got 1.5"),
        ([True], [float("nan")], "the confidence of row 0"),
    ],
)
def test_a_calibration_error_of_nothing_is_refused(right, scores, message):
    with pytest.raises(DataError, match=message):
        metrics.calibration_error(right, scores)


def test_no_bins_are_refused():
    with pytest.raises(ConfigError, match="bins must be an integer of at least 1"):
        metrics.calibration_error([True], [0.5], bins=0)


def test_metrics_take_arrays():
    assert metrics.accuracy(np.array([1, 0]), np.array([1, 1])) == 0.5
    assert metrics.f1(np.array([1, 0]), np.array([1, 1])) == pytest.approx(2 / 3)


def test_matthews_of_one_class_is_chance():
    assert metrics.matthews([1, 1], [1, 1]) == 0.0


def test_lists_of_different_length_are_refused():
    with pytest.raises(DataError, match="2 true labels for 1 predicted"):
        metrics.accuracy([1, 0], [1])


def test_no_labels_are_refused():
    with pytest.raises(DataError, match="no labels"):
        metrics.f1([], [])


def test_an_unknown_average_is_refused():
    with pytest.raises(ConfigError, match="'binary', 'macro', 'micro', 'weighted', got 'mean'"):
        metrics.f1([1], [1], average="mean")


def test_binary_f1_of_three_classes_is_refused():
    with pytest.raises(ConfigError, match="there are 3; choose 'macro'"):
        metrics.f1([0, 1, 2], [0, 1, 1])


def test_binary_f1_without_its_positive_class_is_refused():
    with pytest.raises(ConfigError, match=r"positive=1 is not one of the classes \['n', 'y'\]"):
        metrics.f1(["y", "n"], ["y", "n"])
