"""Entity scores against seqeval 1.2.2, whose numbers they are."""

import random
import warnings

import numpy as np
import pytest

from ferrobert import metrics
from ferrobert.errors import ConfigError, DataError
from ferrobert.training.metrics import EntityCounts
from ferrobert.training.metrics.label_spans import LabelSpans

pytest.importorskip("seqeval")
from seqeval.metrics.sequence_labeling import get_entities, precision_recall_fscore_support
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_scores
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, Entities, Tokens

SEQEVAL = {"BIO": IOB2, "IOB1": IOB1, "BIOES": IOBES, "BILOU": BILOU}
LETTERS = {"BIO": "BI", "IOB1": "BI", "BIOES": "BIES", "BILOU": "BILU"}
TYPES = ("PER", "LOC", "ORG", "work-of-art")
NAMES = ("precision", "recall", "f1")
CASES = [("strict", scheme) for scheme in SEQEVAL] + [("default", "BIO"), ("default", "BIOES")]


def random_rows(generator, scheme, count):
    """Labels without any order, and rows that look like a good model's: both sides share most of theirs."""
    labels = ["O", "O"] + [
        f"{letter}-{kind}" for letter in LETTERS[scheme] for kind in TYPES[: generator.randint(1, 4)]
    ]
    true, predicted = [], []
    for _ in range(count):
        row = [generator.choice(labels) for _ in range(generator.choice((0, 1, 2, 2, 3, 3, 5, 8, 13)))]
        change = generator.choice((0.0, 0.1, 0.3, 1.0))
        true.append(row)
        predicted.append([generator.choice(labels) if generator.random() < change else label for label in row])
    return true, predicted


def expected_scores(true, predicted, mode, scheme):
    settings = {"zero_division": 0}
    scores = precision_recall_fscore_support
    if mode == "strict":
        # Finding the entities once for the four averages keeps this test short.
        true_entities, predicted_entities = (Entities(rows, SEQEVAL[scheme]) for rows in (true, predicted))
        found = {"entities_true": true_entities, "entities_pred": predicted_entities}
        scores, settings = strict_scores, {**settings, "scheme": SEQEVAL[scheme], **found}
    return {
        average: scores(true, predicted, average=average, **settings)
        for average in ("micro", "macro", "weighted", None)
    }


@pytest.mark.parametrize(("mode", "scheme"), CASES)
def test_the_entities_of_ten_thousand_label_lists_are_those_of_seqeval(mode, scheme):
    generator = random.Random(1)
    rows, _ = random_rows(generator, scheme, 10_000)
    spans = LabelSpans(mode, scheme)
    for row, labels in enumerate(rows):
        if mode == "strict":
            expected = [(one.tag, one.start, one.end) for one in Tokens(labels, SEQEVAL[scheme]).entities]
        else:
            expected = [(kind, first, last + 1) for kind, first, last in get_entities(labels)]
        assert spans.of_row(labels, "true", row) == expected, labels


@pytest.mark.parametrize(("mode", "scheme"), CASES)
def test_the_scores_of_ten_thousand_label_lists_are_those_of_seqeval(mode, scheme):
    generator = random.Random(2)
    rows = 0
    while rows < 10_000:
        true, predicted = random_rows(generator, scheme, generator.choice((1, 10, 400)))
        rows += len(true)
        ours = metrics.entity_f1(true, predicted, mode=mode, scheme=scheme)
        if not ours["per_type"]:
            continue
        theirs = expected_scores(true, predicted, mode, scheme)
        assert [ours[name] for name in (*NAMES, "support")] == [float(score) for score in theirs["micro"]]
        assert [ours[f"macro_{name}"] for name in NAMES] == [float(score) for score in theirs["macro"][:3]]
        assert [ours[f"weighted_{name}"] for name in NAMES] == [float(score) for score in theirs["weighted"][:3]]
        per_type = [[one[name] for one in ours["per_type"].values()] for name in (*NAMES, "support")]
        assert per_type == [list(scores) for scores in theirs[None]]
        assert list(ours["per_type"]) == sorted(ours["per_type"])


def test_strict_and_default_mode_differ_where_an_entity_begins_with_i():
    true, predicted = [["B-PER", "I-PER", "O"]], [["I-PER", "I-PER", "O"]]
    assert metrics.entity_f1(true, predicted)["f1"] == 0.0
    assert metrics.entity_f1(true, predicted, mode="default")["f1"] == 1.0


def test_scores_without_any_entity_are_zero_and_never_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = metrics.entity_f1([["O", "O"], []], [["O", "O"], []])
    assert scores.pop("per_type") == {}
    assert set(scores.values()) == {0.0}


def test_a_type_that_is_only_predicted_counts_as_zero():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = metrics.entity_f1([["B-A", "O"]], [["B-A", "B-B"]])
    assert scores["per_type"]["B"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert scores["macro_f1"] == 0.5


def test_rows_counted_in_parts_give_the_same_scores():
    true, predicted = random_rows(random.Random(3), "BIO", 50)
    counts = EntityCounts()
    counts.add(true[:20], predicted[:20])
    counts.add(true[20:], predicted[20:])
    assert counts.scores() == metrics.entity_f1(true, predicted)


@pytest.mark.parametrize(
    ("alias", "scheme"), [("IOB2", "BIO"), ("IOBES", "BIOES"), ("bilou", "BILOU"), ("iob1", "IOB1")]
)
def test_schemes_have_aliases_and_any_case(alias, scheme):
    true, predicted = random_rows(random.Random(4), scheme, 20)
    assert metrics.entity_f1(true, predicted, scheme=alias) == metrics.entity_f1(true, predicted, scheme=scheme)


def test_rows_may_be_arrays_and_tuples():
    true, predicted = (("B-PER", "O"),), [np.array(["B-PER", "O"])]
    assert metrics.entity_f1(true, predicted)["f1"] == 1.0


# errors


def test_an_unknown_mode_is_refused():
    with pytest.raises(ConfigError, match="mode must be 'strict' or 'default', got 'lenient'"):
        metrics.entity_f1([["O"]], [["O"]], mode="lenient")


@pytest.mark.parametrize("scheme", ["IO", "", None])
def test_an_unknown_scheme_is_refused(scheme):
    with pytest.raises(ConfigError, match=f"scheme must be one of 'IOB1', 'BIO', .*, got {scheme!r}"):
        metrics.entity_f1([["O"]], [["O"]], scheme=scheme)


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="no labels to compare"):
        metrics.entity_f1([], [])


def test_different_numbers_of_rows_are_refused():
    with pytest.raises(DataError, match="got 2 true labels and 1 predicted labels"):
        metrics.entity_f1([["O"], ["O"]], [["O"]])


def test_a_row_of_different_length_is_named():
    with pytest.raises(DataError, match="row 1: 2 true labels and 1 predicted labels"):
        metrics.entity_f1([["O"], ["O", "O"]], [["O"], ["O"]])


def test_rows_that_come_in_parts_are_numbered_from_the_first_part():
    counts = EntityCounts()
    counts.add([["O"], ["O"]], [["O"], ["O"]])
    with pytest.raises(DataError, match="row 2: 1 true labels and 0 predicted labels"):
        counts.add([["O"]], [[]])
    with pytest.raises(DataError, match="true labels, row 2, column 0: 'PER'"):
        counts.add([["PER"]], [["O"]])


@pytest.mark.parametrize("label", ["PER", "B", "B-", "-PER", "X-PER", "b-PER", "BI-PER", "O-PER", "S-PER"])
def test_a_label_of_no_scheme_is_refused_in_strict_mode(label):
    with pytest.raises(
        DataError, match=rf"predicted labels, row 1, column 1: '{label}' is no label of BIO \(O, B-TYPE"
    ):
        metrics.entity_f1([["O"], ["O", "O"]], [["O"], ["O", label]])


@pytest.mark.parametrize("label", [3, None, ""])
def test_a_label_that_is_not_a_string_is_refused(label):
    for mode in ("strict", "default"):
        with pytest.raises(
            DataError, match=f"true labels, row 0, column 1: a label must be a string .*, got {label!r}"
        ):
            metrics.entity_f1([["O", label]], [["O", "O"]], mode=mode)


@pytest.mark.parametrize("rows", [["O", "B-PER"], "O"])
def test_labels_without_rows_are_refused(rows):
    with pytest.raises(DataError, match="must be a list of "):
        metrics.entity_f1(rows, rows)


def test_default_mode_says_once_which_label_it_does_not_know():
    with pytest.warns(
        UserWarning, match="true labels, row 0, column 1: .*'U-PER' is read as seqeval reads it"
    ) as caught:
        ours = metrics.entity_f1([["O", "U-PER", "O", "U-PER"]], [["O", "U-PER", "O", "O"]], mode="default")
    assert len(caught) == 1
    assert ours["f1"] == pytest.approx(2 / 3)
