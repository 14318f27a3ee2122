"""align_labels, align_spans, word_labels, convert_scheme, label_list."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from tests.labels_cases import loop
from tests.labels_check import compare_with_the_loop, compare_with_the_twin

import ferrobert as fb
from ferrobert import reference

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
LABEL2ID = {label: id for id, label in enumerate(LABELS)}
WORDS = [["Elon", "Musk", "founded", "Tesla", "in", "California."], [], ["", "\u200b", "unaffable", "Musk"]]
TAGS = [["B-PER", "I-PER", "O", "B-ORG", "O", "B-LOC"], [], ["O", "B-LOC", "B-PER", "O"]]


@pytest.fixture(params=[fb, reference], ids=["core", "twin"])
def package(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def words(tokenizer: fb.BertTokenizer) -> fb.BatchEncoding:
    return tokenizer(WORDS, is_split_into_words=True)


def named(labels: fb.Ragged, names: list[str] = LABELS) -> list[list[str]]:
    return [["." if id == -100 else names[id] for id in row.tolist()] for row in labels]


# --- equal to the loop, and to the twin ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bert-base-uncased", "roberta-base", "albert-base"])
def test_labels_are_those_of_the_loop_on_real_data(data: Path, name: str) -> None:
    assert compare_with_the_loop(data, name, ("wnut17_dev", "wikigold"), sentences=100) > 800


def test_random_cases_are_those_of_the_twin() -> None:
    told = compare_with_the_twin(1500, seed=5)
    assert all(told[f"{job}: labels"] > 300 for job in ("labels", "words", "spans", "to BIO", "to BILOU"))


@pytest.mark.parametrize("everything", [False, True])
def test_labels_are_those_of_the_loop(package: Any, words: fb.BatchEncoding, everything: bool) -> None:
    made = package.align_labels(words, TAGS, label2id=LABEL2ID, label_all_tokens=everything)
    expected = [loop(words.word_ids(row), tags, LABEL2ID, everything) for row, tags in enumerate(TAGS)]
    assert [row.tolist() for row in made] == expected
    assert made.values.dtype == np.int64
    assert np.array_equal(made.row_splits, words.columns.row_splits)


def test_the_first_token_of_a_word_has_its_label_and_all_have_it_on_request(
    package: Any, tokenizer: fb.BertTokenizer
) -> None:
    enc = tokenizer(["Elon", "Musk", "founded"], is_split_into_words=True)
    assert enc.tokens() == ["[CLS]", "el", "##on", "mu", "##sk", "founded", "[SEP]"]
    tags = ["B-PER", "I-PER", "O"]
    assert named(package.align_labels(enc, tags, label2id=LABELS)) == [[".", "B-PER", ".", "I-PER", ".", "O", "."]]
    made = package.align_labels(enc, tags, label2id=LABELS, label_all_tokens=True)
    assert named(made) == [[".", "B-PER", "I-PER", "I-PER", "I-PER", "O", "."]]
    # Where there is no I-, and for what has no scheme, the label is repeated.
    made = package.align_labels(enc, ["B-PER", "O", "O"], label2id=["O", "B-PER"], label_all_tokens=True)
    assert made[0].tolist() == [-100, 1, 1, 0, 0, 0, -100]
    made = package.align_labels(enc, ["NOUN", "NOUN", "VERB"], label2id=["NOUN", "VERB"], label_all_tokens=True)
    assert made[0].tolist() == [-100, 0, 0, 0, 0, 1, -100]


def test_each_window_labels_the_first_token_that_it_has_of_a_word(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer(
        [["el", "unaffable", "cat"], ["cat"]],
        is_split_into_words=True,
        max_length=4,
        truncation=True,
        return_overflowing_tokens=True,
    )
    assert enc.columns.word_ids.tolist() == [-1, 0, 1, -1, -1, 1, 1, -1, -1, 2, -1, -1, 0, -1]
    made = package.align_labels(enc, [[1, 2, 3], [4]])
    assert [row.tolist() for row in made] == [
        [-100, 1, 2, -100],
        [-100, 2, -100, -100],
        [-100, 3, -100],
        [-100, 4, -100],
    ]


# --- what is given ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: rows,
        tuple,
        lambda rows: [tuple(row) for row in rows],
        lambda rows: [np.array(row, np.int32) for row in rows],
        lambda rows: [torch.tensor(row, dtype=torch.int64) for row in rows],
        lambda rows: fb.Ragged(np.concatenate(rows).astype(np.int64), np.cumsum([0, *map(len, rows)])),
        lambda rows: np.array([np.array(row, object) for row in rows], object),
        lambda rows: (row for row in rows),
        lambda rows: pa.array(rows, pa.list_(pa.int64())),
        lambda rows: pa.chunked_array([rows[:1], rows[1:]], pa.list_(pa.int32())),
    ],
    ids=["lists", "tuple", "tuples", "arrays", "tensors", "Ragged", "objects", "generator", "Arrow", "chunks"],
)
def test_ids_come_in_any_form(words: fb.BatchEncoding, form: Any) -> None:
    ids = [[LABEL2ID[tag] for tag in tags] for tags in TAGS]
    expected = fb.align_labels(words, ids).values
    assert np.array_equal(fb.align_labels(words, form(ids)).values, expected)
    assert np.array_equal(fb.align_labels(words, form(ids), label2id=LABELS).values, expected)


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: [tuple(row) for row in rows],
        lambda rows: [np.array(row, dtype=str) for row in rows],
        lambda rows: [np.array(row, dtype=object) for row in rows],
        lambda rows: [iter(row) for row in rows],
        lambda rows: pa.array(rows, pa.list_(pa.string())),
        lambda rows: [["".join(list(tag)) for tag in row] for row in rows],
    ],
    ids=["tuples", "strings of numpy", "objects", "iterators", "Arrow", "each a string of its own"],
)
def test_labels_come_in_any_form(words: fb.BatchEncoding, form: Any) -> None:
    expected = fb.align_labels(words, TAGS, label2id=LABEL2ID).values
    assert np.array_equal(fb.align_labels(words, form(TAGS), label2id=LABEL2ID).values, expected)


def test_strings_that_python_makes_again_at_the_same_place_are_not_confused(tokenizer: fb.BertTokenizer) -> None:
    class Fresh:
        """A row whose strings live no longer than the look at them."""

        def __init__(self, ids: list[int]) -> None:
            self.ids = ids

        def __iter__(self) -> Any:
            return (f"L-{id}" for id in self.ids)

    generator = random.Random(1)
    rows = [[generator.randrange(500) for _ in range(12)] for _ in range(300)]
    enc = tokenizer([["cat"] * 12] * 300, is_split_into_words=True)
    label2id = {f"L-{id}": id for id in range(500)}
    made = fb.align_labels(enc, [Fresh(row) for row in rows], label2id=label2id)
    assert [row[1:-1].tolist() for row in made] == rows


def test_one_text_may_have_its_labels_alone(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer("Musk founded Tesla.")
    expected = [[-100, 1, -100, 0, 3, 0, -100]]
    for labels in (["B-PER", "O", "B-ORG", "O"], [["B-PER", "O", "B-ORG", "O"]], [1, 0, 3, 0], np.array([1, 0, 3, 0])):
        assert [row.tolist() for row in package.align_labels(enc, labels, label2id=LABELS)] == expected
    assert package.align_labels(tokenizer(""), []).values.tolist() == [-100, -100]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_does_not_matter(package: Any, tokenizer: fb.BertTokenizer, words: Any, side: str) -> None:
    expected = package.align_labels(words, TAGS, label2id=LABELS)
    theirs = tokenizer.as_transformers()
    for one in (tokenizer, theirs):
        enc = one(WORDS, is_split_into_words=True, padding=True, padding_side=side, return_tensors="np")
        assert np.array_equal(package.align_labels(enc, TAGS, label2id=LABELS).values, expected.values)
        padded = fb.Ragged(expected.values, expected.row_splits).to_padded(-100)
        if side == "left":
            padded = np.array(
                [np.roll(row, len(row) - len(given)) for row, given in zip(padded, expected, strict=True)]
            )
        for given in (expected, padded, torch.from_numpy(padded), padded.tolist()):
            back = package.word_labels(enc, given, id2label=LABELS)
            assert back[0] == TAGS[0]
            assert back[2] == ["O", "O", "B-PER", "O"]


def test_a_batch_without_rows_has_no_labels(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer([])
    assert len(package.align_labels(enc, [])) == 0
    assert package.word_labels(enc, []) == []


def test_labels_of_words_that_were_cut_off_are_not_used(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer([["cat", "sat", "mat"]], is_split_into_words=True, truncation=True, max_length=4)
    assert package.align_labels(enc, [[1, 2, 3]])[0].tolist() == [-100, 1, 2, -100]
    assert package.word_labels(enc, [[0, 1, 2, 0]]) == [[1, 2, -100]]


def test_ignored_words_stay_ignored(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer(["cat", "Musk"], is_split_into_words=True)
    made = package.align_labels(enc, [0, -100], label2id=["O", "B-X"], label_all_tokens=True)
    assert made[0].tolist() == [-100, 0, -100, -100, -100]
    assert package.align_labels(enc, [0, 5], ignore_index=-1)[0].tolist() == [-1, 0, 5, -1, -1]


# --- labels of tokens -> labels of words ------------------------------------------------------------------


def test_words_have_the_label_of_their_first_token(package: Any, words: fb.BatchEncoding) -> None:
    made = package.align_labels(words, TAGS, label2id=LABELS)
    # What the tokenizer removes has no token: a word of a zero-width space counts as outside.
    expected = [TAGS[0], [], ["O", "O", "B-PER", "O"]]
    assert package.word_labels(words, made, id2label=LABELS) == expected
    assert package.word_labels(words, made, id2label={str(id): label for id, label in enumerate(LABELS)}) == expected
    names = [["O" if id == -100 else LABELS[id] for id in row.tolist()] for row in made]
    assert package.word_labels(words, names) == expected
    assert package.word_labels(words, made)[2] == [-100, -100, 1, 0]


def test_a_word_is_read_where_it_has_the_most_context(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer(
        [["cat", "sat", "on", "mat", "the", "was"]],
        is_split_into_words=True,
        truncation=True,
        max_length=6,
        stride=2,
        return_overflowing_tokens=True,
    )
    assert enc.columns.word_ids.tolist() == [-1, 0, 1, 2, 3, -1, -1, 2, 3, 4, 5, -1]
    # Word 3 is as far from the end of the first window as from the beginning of the second: the first counts.
    first, second = [9, 10, 11, 12, 13, 9], [9, 22, 23, 24, 25, 9]
    assert package.word_labels(enc, [first, second]) == [[10, 11, 12, 23, 24, 25]]


# --- spans --------------------------------------------------------------------------------------------------


TEXT = "Elon Musk founded Tesla in California."
SPANS = [
    {"start": 0, "end": 9, "label": "PER"},
    {"start": 18, "end": 23, "entity_group": "ORG", "score": 0.9},
    (27, 37, "LOC"),
]


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("BIO", "B-PER I-PER O B-ORG O B-LOC O"),
        ("iob2", "B-PER I-PER O B-ORG O B-LOC O"),
        ("IOB1", "I-PER I-PER O I-ORG O I-LOC O"),
        ("BIOES", "B-PER E-PER O S-ORG O S-LOC O"),
        ("BILOU", "B-PER L-PER O U-ORG O U-LOC O"),
    ],
)
def test_spans_become_labels_of_a_scheme(package: Any, tokenizer: fb.BertTokenizer, scheme: str, expected: str) -> None:
    names = fb.label_list(["LOC", "ORG", "PER"], scheme)
    for given in (TEXT, [TEXT]):
        made = package.align_spans(tokenizer(given), SPANS if given == TEXT else [SPANS], scheme=scheme)
        labels = [names[id] for id in made[0].tolist() if id != -100]
        assert labels == expected.split()
    theirs = tokenizer.as_transformers()([TEXT, "", "cat"], padding=True, return_tensors="np")
    made = package.align_spans(theirs, [SPANS, [], []], scheme=scheme)
    assert [names[id] for id in made[0].tolist() if id != -100] == expected.split()


def test_all_tokens_of_a_span_are_labelled_on_request(package: Any, tokenizer: fb.BertTokenizer) -> None:
    made = package.align_spans(tokenizer(TEXT), SPANS, label_all_tokens=True)
    names = fb.label_list(["LOC", "ORG", "PER"])
    assert named(made, names)[0] == [
        ".", "B-PER", "I-PER", "I-PER", "I-PER", "O", "B-ORG", "O", "B-LOC", "O", ".",
    ]  # fmt: skip


def test_white_space_at_the_ends_of_a_span_does_not_matter(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer("the  cat \u3000 sat")
    made = package.align_spans(enc, [(3, 11, "X")])
    assert made[0].tolist() == [-100, 0, 1, 0, -100]


def test_spans_over_windows(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer(["cat unaffable cat", "mat"], truncation=True, max_length=4, return_overflowing_tokens=True)
    made = package.align_spans(enc, [[(0, 13, "X")], []])
    # The second window begins inside of the word: what it has first of it is labelled, as the loop does.
    assert [row.tolist() for row in made] == [
        [-100, 1, 2, -100],
        [-100, 2, -100, -100],
        [-100, 0, -100],
        [-100, 0, -100],
    ]


def test_spans_behind_the_cut_are_not_used(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer(["the cat sat on the mat"], truncation=True, max_length=4)
    assert package.align_spans(enc, [[(19, 22, "X"), (4, 7, "X")]])[0].tolist() == [-100, 0, 1, -100]


@pytest.mark.parametrize("name", ["roberta-base", "albert-base", "bert-base-chinese"])
def test_spans_of_other_vocabularies(data: Path, package: Any, name: str) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(data / "vocab" / name)
    text = 'Apple, "Google" (Tesla) and the U.S. sold 中国 phones in California.'
    names = ["Apple", "Google", "Tesla", "U.S", "中国", "California"]
    spans = [(text.index(name), text.index(name) + len(name), "X") for name in names]
    for options in ({}, {"truncation": True, "max_length": 8, "stride": 3, "return_overflowing_tokens": True}):
        enc = tokenizer([text], **options)
        made = package.align_spans(enc, [spans], label_all_tokens=True).values
        characters = {
            c
            for (start, end), id in zip(enc.columns.offsets.tolist(), made, strict=True)
            if id > 0
            for c in range(start, end)
            if not text[c].isspace()
        }
        assert characters == {c for start, end, _ in spans for c in range(start, end)}


# --- schemes ------------------------------------------------------------------------------------------------


SAME = {
    "IOB1": ["I-PER", "B-PER", "I-PER", "O", "I-LOC", "I-LOC", "I-LOC", "I-PER"],
    "BIO": ["B-PER", "B-PER", "I-PER", "O", "B-LOC", "I-LOC", "I-LOC", "B-PER"],
    "BIOES": ["S-PER", "B-PER", "E-PER", "O", "B-LOC", "I-LOC", "E-LOC", "S-PER"],
    "BILOU": ["U-PER", "B-PER", "L-PER", "O", "B-LOC", "I-LOC", "L-LOC", "U-PER"],
}


@pytest.mark.parametrize("source", SAME)
@pytest.mark.parametrize("target", SAME)
def test_entities_are_the_same_in_all_schemes(package: Any, source: str, target: str) -> None:
    assert package.convert_scheme(SAME[source], source=source, target=target) == SAME[target]
    rows = [SAME[source], [], tuple(SAME[source][:1])]
    made = package.convert_scheme(rows, source=source.lower(), target=target)
    assert made == [SAME[target], [], package.convert_scheme(SAME[source][:1], source=source, target=target)]


def test_labels_without_a_beginning_are_repaired(package: Any) -> None:
    labels = ["I-PER", "I-LOC", "O", "I-LOC"]
    assert package.convert_scheme(labels, source="BIO", target="IOB2") == ["B-PER", "B-LOC", "O", "B-LOC"]
    assert package.convert_scheme([], source="BIO", target="BIOES") == []


def test_label_list_has_the_labels_of_all_types() -> None:
    assert fb.label_list([]) == ["O"]
    assert fb.label_list(["A", "B"], "bilou") == ["O", "B-A", "I-A", "L-A", "U-A", "B-B", "I-B", "L-B", "U-B"]
    assert fb.label_list(["A"], "IOB1") == ["O", "B-A", "I-A"]


def test_the_example_of_the_tutorial_gives_what_the_page_says(data: Path) -> None:
    tokenizer = fb.BertTokenizer.from_pretrained(data / "vocab" / "bert-base-uncased")
    enc = tokenizer(TEXT.split(), is_split_into_words=True)
    made = fb.align_labels(enc, ["B-PER", "I-PER", "O", "B-ORG", "O", "B-LOC"], label2id=LABEL2ID)
    page = (Path(__file__).parents[1] / "docs" / "labels.md").read_text("utf-8")
    shown = [f"| `{token}` | {label} |" for token, label in zip(enc.tokens(), named(made)[0], strict=True)]
    assert "\n".join(shown).replace("| . |", "| - |") in page
