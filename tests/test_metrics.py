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
