"""What alignment refuses, and what it says."""

from typing import Any

import numpy as np
import pytest

import ferrobert as fb
from ferrobert import reference
from ferrobert.errors import AlignmentError, ConfigError, TextTypeError

LABELS = ["O", "B-PER", "I-PER"]


@pytest.fixture(params=[fb, reference], ids=["core", "twin"])
def package(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def words(tokenizer: fb.BertTokenizer) -> fb.BatchEncoding:
    return tokenizer([["Musk", "founded"], ["Tesla"]], is_split_into_words=True)


def test_words_and_labels_of_different_length(package: Any, words: fb.BatchEncoding) -> None:
    for labels, number in (([[1, 0], [0, 0]], 2), ([[1, 0], []], 0)):
        message = rf"word_labels\[1\] has {number} labels, sample 1 has 1 words; give one label for each word"
        with pytest.raises(AlignmentError, match=message):
            package.align_labels(words, labels)


def test_words_and_labels_of_different_length_of_a_text(package: Any, tokenizer: fb.BertTokenizer) -> None:
    with pytest.raises(AlignmentError, match=r"word_labels\[0\] has 3 labels, sample 0 has 4 words"):
        package.align_labels(tokenizer("the cat sat."), ["O", "O", "O"], label2id=LABELS)


def test_words_and_labels_of_different_length_where_words_were_cut_off(
    package: Any, tokenizer: fb.BertTokenizer
) -> None:
    enc = tokenizer([["the", "cat", "sat"]], is_split_into_words=True, truncation=True, max_length=4)
    with pytest.raises(AlignmentError, match=r"word_labels\[0\] has 2 labels, sample 0 has 3 words"):
        package.align_labels(enc, [[0, 0]])


def test_a_word_without_label_where_words_are_not_known(package: Any, tokenizer: fb.BertTokenizer) -> None:
    theirs = tokenizer.as_transformers()([["the", "cat"], ["sat", "on"]], is_split_into_words=True)
    with pytest.raises(AlignmentError, match="row 1 has tokens of word 1, but sample 1 has 1 labels"):
        package.align_labels(theirs, [[0, 0], [0]])


def test_another_number_of_rows_than_samples(package: Any, words: fb.BatchEncoding) -> None:
    with pytest.raises(AlignmentError, match="word_labels has 1 rows, the encoding 2 samples"):
        package.align_labels(words, [[0, 0]])
    with pytest.raises(AlignmentError, match="word_labels has 0 rows, the encoding 2 samples"):
        package.align_labels(words, [])


def test_unknown_label(package: Any, words: fb.BatchEncoding) -> None:
    message = r'label "B-ORG" \(row 1, word 0\) is not in label2id; its labels are O, B-PER, I-PER$'
    with pytest.raises(AlignmentError, match=message):
        package.align_labels(words, [["B-PER", "O"], ["B-ORG"]], label2id=LABELS)


def test_unknown_label_among_many(package: Any, words: fb.BatchEncoding) -> None:
    labels = [f"L{id:03}" for id in range(60)]
    with pytest.raises(AlignmentError, match=r"L048, L049 and 10 more$"):
        package.align_labels(words, [["O", "O"], ["O"]], label2id=labels)


def test_ids_outside_of_label2id(package: Any, words: fb.BatchEncoding) -> None:
    for id in (3, -1, 2**40):
        message = rf"label id {id} \(row 0, word 1\) is not in label2id; its labels are O, B-PER, I-PER"
        with pytest.raises(AlignmentError, match=message):
            package.align_labels(words, [[0, id], [0]], label2id=LABELS)


def test_strings_without_label2id(package: Any, words: fb.BatchEncoding) -> None:
    with pytest.raises(AlignmentError, match=r"word_labels\[0\] has labels that are strings: give label2id"):
        package.align_labels(words, [["O", "O"], ["O"]])


def test_label_without_scheme(package: Any, words: fb.BatchEncoding) -> None:
    with pytest.raises(AlignmentError, match='label "PER" belongs to no scheme, but "B-LOC" does'):
        package.align_labels(words, [["O", "O"], ["O"]], label2id=["O", "B-LOC", "PER"], label_all_tokens=True)
    message = r'label "PER" \(row 1, word 0\) is none of scheme BIO: its labels are O and B-, I- with a type'
    with pytest.raises(AlignmentError, match=message):
        package.convert_scheme([["O"], ["PER"]], source="BIO", target="BIOES")


def test_label_of_another_scheme(package: Any) -> None:
    with pytest.raises(AlignmentError, match=r'label "S-PER" \(row 0, word 1\) is none of scheme BILOU'):
        package.convert_scheme(["O", "S-PER"], source="BILOU", target="BIO")


def test_all_tokens_without_label2id(package: Any, words: fb.BatchEncoding) -> None:
    with pytest.raises(AlignmentError, match="label_all_tokens needs label2id"):
        package.align_labels(words, [[0, 0], [0]], label_all_tokens=True)


@pytest.mark.parametrize("labels", [[["O", 1], ["O"]], [["O", None], ["O"]]])
def test_labels_of_two_kinds(package: Any, words: fb.BatchEncoding, labels: Any) -> None:
    with pytest.raises(TextTypeError, match=r"word_labels\[0\]\[1\] must be str, got"):
        package.align_labels(words, labels, label2id=LABELS)


@pytest.mark.parametrize("labels", [[[0, "O"], [0]], [[0, 1.5], [0]], [[0, True], [0]], [[0, None], [0]]])
def test_labels_that_are_no_ints(package: Any, words: fb.BatchEncoding, labels: Any) -> None:
    with pytest.raises(ConfigError, match=r"word_labels\[0\]\[1\] must be an int of 64 bits, got"):
        package.align_labels(words, labels)


@pytest.mark.parametrize("labels", ["O", {"a": 1}, 5, [0, 0], ["O", "O"]])
def test_labels_that_are_no_rows(package: Any, words: fb.BatchEncoding, labels: Any) -> None:
    with pytest.raises(ConfigError, match="word_labels must be rows of labels"):
        package.align_labels(words, labels, label2id=LABELS)


@pytest.mark.parametrize("labels", [[["O", "O"], "O"], [[0, 0], 0], [[0, 0], None], [[0, 0], b"0"]])
def test_a_row_that_is_no_row(words: fb.BatchEncoding, labels: Any) -> None:
    with pytest.raises(ConfigError, match=r"word_labels\[1\] must be a list of int, got"):
        fb.align_labels(words, labels, label2id=LABELS)


@pytest.mark.parametrize(
    ("label2id", "message"),
    [
        ({}, "label2id is empty"),
        (5, "label2id must map labels to ids, got int"),
        ({"O": "0"}, "label2id must map labels"),
        ({0: "O"}, "label2id must map labels"),
        ({"O": True}, "label2id must map labels"),
        ({"O": -1}, "ids of labels are 0 to 2"),
        ({"O": 2**20}, "ids of labels are 0 to 2"),
        (["O", "O"], "label2id has a label twice"),
    ],
)
def test_label2id_that_is_none(package: Any, words: fb.BatchEncoding, label2id: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        package.align_labels(words, [["O", "O"], ["O"]], label2id=label2id)


@pytest.mark.parametrize("index", [None, 1.0, True, 2**63])
def test_ignore_index_that_is_no_int(package: Any, words: fb.BatchEncoding, index: Any) -> None:
    with pytest.raises(ConfigError, match="ignore_index must be an int"):
        package.align_labels(words, [[0, 0], [0]], ignore_index=index)


def test_what_is_no_encoding(package: Any, tokenizer: fb.BertTokenizer) -> None:
    for enc in ([[2, 5, 3]], "text", None):
        with pytest.raises(ConfigError, match="labels are aligned with the encoding of a tokenizer"):
            package.align_labels(enc, [[0]])
    with pytest.raises(ConfigError, match="made of values, not by a tokenizer"):
        package.align_labels(fb.BatchEncoding({"input_ids": [[2, 5, 3]]}), [[0]])


def test_pairs(package: Any, tokenizer: fb.BertTokenizer) -> None:
    for one in (tokenizer, tokenizer.as_transformers()):
        with pytest.raises(AlignmentError, match="the encoding is of pairs"):
            package.align_labels(one(["the cat"], ["sat"]), [[0, 0]])


# --- spans --------------------------------------------------------------------------------------------------

TEXTS = ["the cat", "Elon Musk founded Tesla"]


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([(0, 7, "PER")], r'span 0 of row 1 \(0 to 7, "PER"\) cuts the word of characters 5 to 9'),
        ([(0, 4, "PER"), (7, 9, "PER")], "span 1 of row 1 .* cuts the word of characters 5 to 9"),
        (
            [(0, 9, "PER"), (5, 9, "ORG")],
            r'span 1 of row 1 \(5 to 9, "ORG"\) overlaps the span before it, which ends at 9',
        ),
        ([(5, 9, "ORG"), (0, 9, "PER")], "span 0 of row 1 .* overlaps the span before it"),
        ([(0, 4, "PER"), (0, 4, "PER")], "span 1 of row 1 .* overlaps the span before it"),
        ([(5, 5, "PER")], r"span 0 of row 1 .* is empty"),
        ([(9, 5, "PER")], r"span 0 of row 1 .* is empty"),
        ([(18, 24, "ORG")], "span 0 of row 1 .* lies outside of its text of 23 characters"),
        ([(-1, 4, "PER")], "span 0 of row 1 .* lies outside of its text of 23 characters"),
        ([(4, 5, "PER")], "span 0 of row 1 .* has no word"),
        ([(0, 4, "B-PER")], "give the type of an entity"),
    ],
)
def test_spans_that_no_label_can_say(package: Any, tokenizer: fb.BertTokenizer, spans: Any, message: str) -> None:
    with pytest.raises(AlignmentError, match=message):
        package.align_spans(tokenizer(TEXTS), [[], spans])


def test_a_span_with_a_label_that_is_not_there(package: Any, tokenizer: fb.BertTokenizer) -> None:
    message = r'label "I-PER" \(row 1, span 0\) is not in label2id; its labels are O, B-PER'
    with pytest.raises(AlignmentError, match=message):
        package.align_spans(tokenizer(TEXTS), [[], [(0, 9, "PER")]], label2id=["O", "B-PER"])
    with pytest.raises(AlignmentError, match='label "O"'):
        package.align_spans(tokenizer(TEXTS), [[], []], label2id=["B-PER"])


def test_spans_of_words(package: Any, tokenizer: fb.BertTokenizer, words: fb.BatchEncoding) -> None:
    with pytest.raises(AlignmentError, match="the encoding is of words: encode the text"):
        package.align_spans(words, [[], []])
    theirs = tokenizer.as_transformers()([["the", "Musk", "cat"]], is_split_into_words=True)
    with pytest.raises(AlignmentError, match="offsets of row 0 are those of words"):
        package.align_spans(theirs, [[(0, 3, "X")]])


def test_another_number_of_rows_of_spans(package: Any, tokenizer: fb.BertTokenizer) -> None:
    with pytest.raises(AlignmentError, match="spans has 1 rows, the encoding 2 samples"):
        package.align_spans(tokenizer(TEXTS), [[]])


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ("PER", "spans must be rows of spans"),
        ([[], "PER"], r"spans\[1\] must be a list of spans, got str"),
        ([[], [(0, 4)]], 'span 0 of row 1 must have "start", "end" and "label"'),
        ([[], [{"start": 0, "label": "X"}]], "span 0 of row 1 must have an int as end, got None"),
        ([[], [{"start": 0, "end": 4}]], "span 0 of row 1 must have a label"),
        ([[], [(0, 4.0, "X")]], "must have an int as end, got 4.0"),
        ([[], [(True, 4, "X")]], "must have an int as start, got True"),
        ([[], [(0, 2**70, "X")]], "must have an int as end"),
        ([[], [(0, 4, "")]], "must have a label"),
    ],
)
def test_spans_that_are_none(package: Any, tokenizer: fb.BertTokenizer, spans: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        package.align_spans(tokenizer(TEXTS), spans)


@pytest.mark.parametrize("scheme", ["IO", "", None, 5])
def test_scheme_that_there_is_not(package: Any, tokenizer: fb.BertTokenizer, scheme: Any) -> None:
    message = r"must be IOB1, BIO \(IOB2\), BIOES or BILOU, got"
    with pytest.raises(ConfigError, match=message):
        package.align_spans(tokenizer(TEXTS), [[], []], scheme=scheme)
    with pytest.raises(ConfigError, match=message):
        package.convert_scheme(["O"], source=scheme, target="BIO")
    with pytest.raises(ConfigError, match=message):
        package.convert_scheme(["O"], source="BIO", target=scheme)
    with pytest.raises(ConfigError, match=message):
        fb.label_list(["PER"], scheme)


# --- labels of tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0] * 5], "token_labels has 1 rows, the encoding 2"),
        ([[0] * 5, [0] * 2], r"token_labels\[1\] has 2 labels, row 1 has 3 tokens"),
        ([[0] * 5, [0] * 5], r"token_labels\[1\] has 5 labels, row 1 has 3 tokens"),
        ([[0.5] * 5, [0.5] * 3], "token_labels must be ids or labels, got float64: take the argmax"),
        ([[0] * 5, [0, 9, 0]], "token_labels has the id 9, which is not in id2label: 0: O, 1: B-PER"),
    ],
)
def test_labels_of_tokens_that_do_not_fit(package: Any, words: fb.BatchEncoding, labels: Any, message: str) -> None:
    with pytest.raises(AlignmentError, match=message):
        package.word_labels(words, labels, id2label=LABELS)


@pytest.mark.parametrize("id2label", [5, {"x": "O"}, {0: 5}])
def test_id2label_that_is_none(package: Any, words: fb.BatchEncoding, id2label: Any) -> None:
    with pytest.raises(ConfigError, match="id2label must map ids to labels"):
        package.word_labels(words, [[0] * 5, [0] * 3], id2label=id2label)


@pytest.mark.parametrize(
    ("types", "message"),
    [("PER", "must be a list"), ([""], "must be the name"), ([5], "must be the name"), (["A", "A"], "twice")],
)
def test_types_that_are_none(types: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fb.label_list(types)


@pytest.mark.parametrize("labels", ["O", 5, {"O": 1}, [["O"], "O"]])
def test_labels_to_convert_that_are_none(package: Any, labels: Any) -> None:
    with pytest.raises(ConfigError, match="must be a list of labels"):
        package.convert_scheme(labels, source="BIO", target="BIOES")


def test_label_to_convert_that_is_no_string(package: Any) -> None:
    with pytest.raises(TextTypeError, match=r"labels\[0\]\[1\] must be str, got int"):
        package.convert_scheme([["O", 5]], source="BIO", target="BIOES")


def test_columns_that_do_not_fit_each_other_are_no_crash() -> None:
    core = fb.BertTokenizer._backend_class.__module__
    assert core == "ferrobert._core"
    from ferrobert import _core

    empty = np.zeros(0, np.int64)
    rows: Any = (np.array([0, 1], np.int32), np.array([0, 2]), np.array([5]), 1, None, False)
    with pytest.raises(AlignmentError, match="a row is of sample 5, but there are 1 samples"):
        _core.align_labels(rows, empty, np.array([0, 0]), None, -100)
    rows = (np.array([0, 1], np.int32), np.array([0, 3]), np.array([0]), 1, None, False)
    with pytest.raises(ConfigError, match="row_splits must rise from 0 to 2"):
        _core.first_tokens(rows)
