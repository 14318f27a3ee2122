"""The scikit-learn estimator: cloned, searched, cross-validated, pickled; its probabilities are the pipeline's."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DataError, TextTypeError
from ferrobert.sklearn import BertClassifier

TEXTS = ["the film was great!", "bad", "good food", "the room was very dull .", "a good book", "bad film"] * 4
LABELS = ["good", "bad", "good", "bad", "good", "bad"] * 4


@pytest.fixture
def estimator(tiny_encoder: Path) -> BertClassifier:
    return BertClassifier(tiny_encoder, epochs=4, learning_rate=5e-3, batch_size=4, device="cpu")


@pytest.fixture(scope="module")
def fitted(tiny_encoder: Path) -> BertClassifier:
    return BertClassifier(tiny_encoder, epochs=4, learning_rate=5e-3, batch_size=4, device="cpu").fit(TEXTS, LABELS)


def test_it_learns(fitted: BertClassifier) -> None:
    assert fitted.classes_.tolist() == ["bad", "good"]
    assert fitted.score(TEXTS, LABELS) > 0.9
    assert fitted.predict(TEXTS[:2]).tolist() == ["good", "bad"]
    assert is_classifier(fitted)


def test_probabilities_are_those_of_the_pipeline(fitted: BertClassifier) -> None:
    found = fitted.predict_proba(TEXTS[:6])
    assert found.shape == (6, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    for row, one in zip(found, fitted.pipeline_(TEXTS[:6]), strict=True):
        assert row.max() == pytest.approx(one["score"])
        assert fitted.classes_[row.argmax()] == one["label"]


def test_the_same_seed_gives_the_same_model(fitted: BertClassifier, estimator: BertClassifier) -> None:
    again = clone(fitted)
    assert not hasattr(again, "pipeline_")
    np.testing.assert_array_equal(again.fit(TEXTS, LABELS).predict_proba(TEXTS[:6]), fitted.predict_proba(TEXTS[:6]))


def test_it_is_searched_and_cross_validated(estimator: BertClassifier) -> None:
    search = GridSearchCV(estimator, {"learning_rate": [1e-9, 5e-3]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_params_ == {"learning_rate": 5e-3}
    assert search.predict(["bad"]).tolist() == ["bad"]
    assert cross_val_score(estimator, TEXTS, LABELS, cv=2, scoring="roc_auc").mean() > 0.9


def test_it_is_a_step_of_a_pipeline(estimator: BertClassifier) -> None:
    steps = make_pipeline(FunctionTransformer(lambda texts: [text.lower() for text in texts]), estimator)
    steps.fit(TEXTS, LABELS)
    assert steps.predict(["BAD"]).tolist() == ["bad"]


def test_it_is_pickled(fitted: BertClassifier) -> None:
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(TEXTS[:6]), fitted.predict_proba(TEXTS[:6]))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([2, 10], [2, 10]),
        ([True, False], [False, True]),
        ([np.int64(1), np.int64(0)], [0, 1]),
        (["b", "a"], ["a", "b"]),
    ],
)
def test_labels_come_back_as_they_were_given(estimator: BertClassifier, labels: list[Any], classes: list[Any]) -> None:
    estimator.set_params(epochs=1).fit(TEXTS, labels * 12)
    assert estimator.classes_.tolist() == classes
    assert estimator.predict(TEXTS[:3]).dtype == estimator.classes_.dtype


@pytest.mark.parametrize(
    "wrap",
    [tuple, np.array, pd.Series, pa.array, lambda texts: np.array(texts, dtype=object)[:, None]],
    ids=str,
)
def test_texts_of_many_kinds(fitted: BertClassifier, wrap: Any) -> None:
    np.testing.assert_array_equal(fitted.predict_proba(wrap(TEXTS[:4])), fitted.predict_proba(TEXTS[:4]))


def test_pairs_of_texts(estimator: BertClassifier) -> None:
    pairs = [(text, other) for text, other in zip(TEXTS, TEXTS[::-1], strict=True)]
    estimator.fit(pairs, LABELS)
    found = estimator.predict_proba(np.array(pairs))
    np.testing.assert_array_equal(found, estimator.predict_proba(pairs))
    alone = estimator.pipeline_([{"text": text, "text_pair": pair} for text, pair in pairs])
    assert found.max(axis=1) == pytest.approx([one["score"] for one in alone])


def test_the_model_is_kept_where_it_is_asked_for(estimator: BertClassifier, tmp_path: Path) -> None:
    estimator.set_params(output_dir=tmp_path / "kept", validation_fraction=0.25, settings={"weight_decay": 0.1})
    estimator.fit(TEXTS, LABELS)
    pipe = fb.pipeline("text-classification", tmp_path / "kept", device="cpu")
    assert pipe(TEXTS[:1])[0]["score"] == pytest.approx(estimator.predict_proba(TEXTS[:1]).max())
    assert (tmp_path / "kept" / "training_report.json").exists()


def test_class_weights_by_label(estimator: BertClassifier) -> None:
    estimator.set_params(epochs=1, class_weight={0: 1.0, 1: 3.0}).fit(TEXTS, [int(one == "good") for one in LABELS])
    assert estimator.classes_.tolist() == [0, 1]


# What is refused


def test_before_fit_it_is_refused(estimator: BertClassifier) -> None:
    with pytest.raises(NotFittedError):
        estimator.predict(["good"])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"model": None}, ConfigError, "needs model="),
        ({"model": "no/such/folder/there"}, CheckpointError, "no such file or folder"),
        ({"epochs": 0}, ConfigError, "epochs"),
        ({"validation_fraction": "0.1"}, ConfigError, "validation_fraction must be a number"),
        ({"settings": ["epochs"]}, ConfigError, "settings must be a dict of settings of finetune, got ..epochs"),
        ({"settings": {"epochs": 2}}, ConfigError, "settings has 'epochs'"),
        ({"settings": {"colour": 2}}, ConfigError, "unknown setting 'colour'"),
    ],
)
def test_wrong_settings_are_refused(
    estimator: BertClassifier, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        estimator.set_params(**settings).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("good", "X must hold texts, a list or an array of them, got str"),
        (None, "X must hold texts, a list or an array of them, got NoneType"),
        (np.array("good"), "X must hold texts, a list or an array of them, got ndarray"),
        (pa.array(["good", None]), "row 1 of X must be a text or a pair of texts, got NoneType"),
        (["good", 3], "row 1 of X must be a text or a pair of texts, got int"),
        (["good", None], "row 1 of X must be a text or a pair of texts, got NoneType"),
        (["good", ("a", "b")], "row 1 of X must be a text as row 0 is"),
        ([("a", "b", "c")], "row 0 of X must be a text or a pair of texts, got tuple"),
    ],
)
def test_examples_that_are_no_texts_are_refused(fitted: BertClassifier, texts: Any, message: str) -> None:
    with pytest.raises(TextTypeError, match=message):
        fitted.predict(texts)


def test_pairs_for_an_estimator_of_texts_are_refused_and_the_other_way_round(estimator: BertClassifier) -> None:
    texts, pairs = TEXTS[:8], [(text, text) for text in TEXTS[:8]]
    estimator.set_params(epochs=1)
    with pytest.raises(TextTypeError, match="was fitted on texts, X holds pairs of texts"):
        estimator.fit(texts, LABELS[:8]).predict(pd.DataFrame(pairs))
    with pytest.raises(TextTypeError, match="was fitted on pairs of texts, X holds texts"):
        estimator.fit(pairs, LABELS[:8]).predict(texts)


def test_labels_that_do_not_fit_are_refused(estimator: BertClassifier) -> None:
    with pytest.raises(DataError, match="a label for each of the 24 examples"):
        estimator.fit(TEXTS, LABELS[:3])
    for labels in (None, ["good", None] * 12):
        with pytest.raises(DataError, match="y must hold a label for each of the 24 examples, holds None"):
            estimator.fit(TEXTS, labels)
    for labels, none in ((pd.Series(["good", np.nan] * 12), "nan"), (pd.Series([1, pd.NA] * 12, dtype=object), "<NA>")):
        with pytest.raises(DataError, match=f"y must hold a label for each of the 24 examples, holds {none}"):
            estimator.fit(TEXTS, labels)
    with pytest.raises(DataError, match="X holds no examples"):
        estimator.fit([], [])
    with pytest.raises(DataError, match="y: all 24 examples have the label"):
        estimator.fit(TEXTS, ["good"] * 24)
    with pytest.raises(ValueError, match="Unknown label type"):
        estimator.fit(TEXTS, np.linspace(0, 1, 24))
