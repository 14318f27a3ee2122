"""The errors of a tagger with their text."""

import dataclasses
import io
import json
import random

import pytest
from rich.console import Console
from tests.test_entity_f1 import random_rows

from ferrobert import metrics
from ferrobert.errors import ConfigError, DataError
from ferrobert.training.metrics import EntityErrors, ErrorCounts

WORDS = ["Ann", "Lee", "left", "the", "Bank", "of", "Oslo", "in", "Rome", "today"]
TRUE = ["B-PER", "I-PER", "O", "O", "B-ORG", "I-ORG", "I-ORG", "O", "B-LOC", "O"]


def only(predicted, **options):
    errors = metrics.entity_errors([TRUE], [predicted], [WORDS], **options)
    [example] = errors.examples
    return example


def changed(**labels):
    """The true labels, with those of some words changed."""
    return [labels.get(word, label) for word, label in zip(WORDS, TRUE, strict=True)]


def test_right_predictions_have_no_errors():
    errors = metrics.entity_errors([TRUE], [TRUE], [WORDS])
    assert (errors.right, errors.true, errors.predicted) == (3, 3, 3)
    assert set(errors.kinds.values()) == {0}
    assert errors.confusions == errors.examples == ()
    assert str(errors) == "3 of 3 entities right, 3 predicted; no errors"


def test_an_entity_that_is_not_predicted_is_missed():
    one = only(changed(Rome="O"))
    assert (one.kind, one.true, one.predicted, one.true_text, one.predicted_text) == ("missed", "LOC", None, "Rome", "")
    assert (one.before, one.text, one.after) == ("… Bank of Oslo in", "Rome", "today")
    assert (one.row, one.start, one.end, one.count) == (0, 8, 9, 1)


def test_an_entity_that_is_not_true_is_invented():
    one = only(changed(today="B-LOC"))
    assert (one.kind, one.true, one.predicted, one.true_text, one.predicted_text) == (
        "invented",
        None,
        "LOC",
        "",
        "today",
    )


def test_the_same_words_with_another_type_are_a_wrong_type():
    one = only(changed(Rome="B-ORG"))
    assert (one.kind, one.true, one.predicted) == ("wrong type", "LOC", "ORG")


def test_other_words_of_the_same_type_are_a_wrong_boundary():
    one = only(changed(Oslo="O"))
    assert (one.kind, one.true, one.predicted) == ("wrong boundary", "ORG", "ORG")
    assert (one.true_text, one.predicted_text, one.text) == ("Bank of Oslo", "Bank of", "Bank of Oslo")


def test_other_words_with_another_type_are_both():
    one = only(changed(Bank="O", of="O", Oslo="B-LOC"))
    assert (one.kind, one.true_text, one.predicted_text) == ("wrong type and boundary", "Bank of Oslo", "Oslo")


def test_of_two_predictions_in_one_entity_the_one_of_its_type_is_its_partner():
    errors = metrics.entity_errors([TRUE], [changed(Bank="B-PER", of="I-PER", Oslo="B-ORG")], [WORDS])
    assert {(one.kind, one.true_text, one.predicted_text) for one in errors.examples} == {
        ("invented", "", "Bank of"),
        ("wrong boundary", "Bank of Oslo", "Oslo"),
    }


def test_one_prediction_over_two_entities_is_one_error_and_one_missed():
    errors = metrics.entity_errors([["B-PER", "B-PER", "I-PER"]], [["B-PER", "I-PER", "I-PER"]], [["a", "b", "c"]])
    assert {(one.kind, one.true_text) for one in errors.examples} == {("missed", "a"), ("wrong boundary", "b c")}


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "BIOES", "BILOU"])
def test_errors_and_right_entities_add_up(scheme):
    true, predicted = random_rows(random.Random(5), scheme, 300)
    words = [[f"w{at}" for at in range(len(row))] for row in true]
    errors = metrics.entity_errors(true, predicted, words, scheme=scheme, top=10**6)
    kinds = errors.kinds
    both = sum(count for kind, count in kinds.items() if kind not in ("missed", "invented"))
    assert errors.right + both + kinds["missed"] == errors.true
    assert errors.right + both + kinds["invented"] == errors.predicted
    assert (
        sum(one.count for one in errors.confusions) == sum(one.count for one in errors.examples) == sum(kinds.values())
    )
    scores = metrics.entity_f1(true, predicted, scheme=scheme)
    assert scores["recall"] == pytest.approx(errors.right / errors.true)
    assert scores["precision"] == pytest.approx(errors.right / errors.predicted)


def test_the_most_frequent_error_comes_first():
    rows = [["Rome", "and", "Oslo"], ["Rome", "fell"], ["in", "Lima"]]
    true = [["B-LOC", "O", "B-LOC"], ["B-LOC", "O"], ["O", "B-LOC"]]
    predicted = [["B-PER", "O", "O"], ["B-PER", "O"], ["O", "O"]]
    errors = metrics.entity_errors(true, predicted, rows)
    assert [(one.text, one.kind, one.count) for one in errors.examples] == [
        ("Rome", "wrong type", 2),
        ("Oslo", "missed", 1),
        ("Lima", "missed", 1),
    ]
    assert [(one.true, one.predicted, one.count) for one in errors.confusions] == [("LOC", None, 2), ("LOC", "PER", 2)]
    assert len(metrics.entity_errors(true, predicted, rows, top=1).examples) == 1


def test_with_scores_the_most_confident_error_comes_first():
    true, predicted, words = [["B-LOC"], ["B-LOC"]], [["O"], ["O"]], [["Oslo"], ["Lima"]]
    errors = metrics.entity_errors(true, predicted, words, scores=[[0.6], [0.9]])
    assert [(one.text, one.score) for one in errors.examples] == [("Lima", 0.9), ("Oslo", 0.6)]
    again = metrics.entity_errors(true, predicted, [["Oslo"], ["Oslo"]], scores=[[0.6], [0.9]]).examples
    assert [(one.row, one.score, one.count) for one in again] == [(1, 0.9, 2)]
    assert "0.90" in str(errors)


def test_the_context_can_be_wider_or_none():
    assert only(changed(Rome="O"), context=0).before == "…"
    assert only(changed(Rome="O"), context=99).before == "Ann Lee left the Bank of Oslo in"


def test_rows_counted_in_parts_give_the_same_errors():
    true, predicted = random_rows(random.Random(6), "BIO", 60)
    words = [[f"w{at}" for at in range(len(row))] for row in true]
    counts = ErrorCounts()
    counts.add(true[:25], predicted[:25], words[:25])
    counts.add(true[25:], predicted[25:], words[25:])
    assert counts.worst(50) == metrics.entity_errors(true, predicted, words, top=50)


def test_errors_are_plain_data():
    errors = metrics.entity_errors([TRUE], [changed(Rome="O")], [WORDS])
    data = json.loads(json.dumps(dataclasses.asdict(errors)))
    assert data["kinds"]["missed"] == 1
    assert data["confusions"] == [{"true": "LOC", "predicted": None, "kind": "missed", "count": 1}]
    with pytest.raises(dataclasses.FrozenInstanceError):
        errors.right = 0


def test_errors_are_printed_as_tables():
    errors = metrics.entity_errors([TRUE], [changed(Rome="B-ORG")], [WORDS])
    lines = [line.split() for line in str(errors).splitlines()]
    assert str(errors).startswith("2 of 3 entities right, 3 predicted; 1 wrong type\n")
    assert ["LOC", "ORG", "wrong", "type", "1"] in lines
    assert "1 wrong type LOC Rome ORG Rome … Bank of Oslo in [Rome] today".split() in lines


def test_words_that_look_like_markup_are_printed_as_they_are():
    errors = metrics.entity_errors([["B-[red]"]], [["O"]], [["[bold]Ann[/bold]"]])
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(errors)
    assert "[bold]Ann[/bold]" in console.export_text()
    assert "[red]" in str(errors)


def test_many_ways_to_be_wrong_are_summed_up():
    kinds = [f"T{number:02}" for number in range(20)]
    errors = metrics.entity_errors([[f"B-{kind}" for kind in kinds]], [["O"] * 20], [kinds])
    assert "and 8 in 8 more ways" in str(errors)
    assert isinstance(errors, EntityErrors)


# errors of use


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="no labels to compare"):
        metrics.entity_errors([], [], [])


def test_words_and_labels_of_different_length_are_refused():
    with pytest.raises(DataError, match="row 1: 1 true labels and 1 predicted labels and 2 words"):
        metrics.entity_errors([["O"], ["O"]], [["O"], ["O"]], [["a"], ["b", "c"]])


def test_a_word_that_is_not_a_string_is_refused():
    with pytest.raises(DataError, match="words, row 0, column 1: must be a string, got 3"):
        metrics.entity_errors([["B-A", "O"]], [["O", "O"]], [["a", 3]])


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([[0.5]], "row 0: 2 words and 1 scores"),
        ([], "got 1 words and 0 scores"),
        ([[0.5, "high"]], "scores, row 0, column 1: must be a number, got 'high'"),
        ([[float("nan"), 1.0]], "scores, row 0, column 0: NaN"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores, message):
    with pytest.raises(DataError, match=message):
        metrics.entity_errors([["B-A", "O"]], [["O", "O"]], [["a", "b"]], scores=scores)


@pytest.mark.parametrize("option", ["top", "context"])
def test_a_negative_number_of_examples_or_words_is_refused(option):
    with pytest.raises(ConfigError, match=f"{option} must be 0 or more, got -1"):
        metrics.entity_errors([["O"]], [["O"]], [["a"]], **{option: -1})


def test_an_unknown_mode_is_refused():
    with pytest.raises(ConfigError, match="mode must be 'strict' or 'default'"):
        metrics.entity_errors([["O"]], [["O"]], [["a"]], mode="loose")
