"""DataCollatorForTokenClassification: rows of a data set in, a batch out."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import ferrobert as fb
from ferrobert import reference
from ferrobert.errors import AlignmentError, ConfigError, TextTypeError

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
WORDS = [["Elon", "Musk", "founded", "Tesla"], ["hello"], [], ["", "unaffable", "cat", "."]]
TAGS = [["B-PER", "I-PER", "O", "B-ORG"], ["O"], [], ["O", "O", "B-PER", "O"]]
IDS = [[LABELS.index(tag) for tag in tags] for tags in TAGS]
RAW = [{"tokens": words, "ner_tags": tags} for words, tags in zip(WORDS, TAGS, strict=True)]


@pytest.fixture(params=[fb, reference], ids=["core", "twin"])
def package(request: pytest.FixtureRequest) -> Any:
    return request.param


def encoded(tokenizer: Any, labels: bool = True) -> list[dict[str, Any]]:
    enc = tokenizer(WORDS, is_split_into_words=True)
    rows: list[dict[str, Any]] = [{key: enc[key][row] for key in enc} for row in range(len(WORDS))]
    if labels:
        for row, ids in zip(rows, fb.align_labels(enc, IDS), strict=True):
            row["labels"] = ids.tolist()
    return rows


def same(batch: Any, expected: Any) -> None:
    assert set(batch) == set(expected)
    for key in expected:
        assert batch[key].dtype == expected[key].dtype, key
        assert np.array_equal(np.asarray(batch[key]), np.asarray(expected[key])), key


@pytest.mark.parametrize("tensors", ["pt", "np"])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "longest", "label_pad_token_id": -1},
        {"pad_to_multiple_of": 8},
        {"padding": "max_length", "max_length": 20},
        {"padding": "max_length"},
        {"padding": "max_length", "max_length": 20, "pad_to_multiple_of": 8},
    ],
)
def test_encoded_rows_give_the_tensors_of_transformers(
    package: Any, tokenizer: fb.BertTokenizer, tensors: str, side: str, options: dict[str, Any]
) -> None:
    ours = tokenizer.replace(padding_side=side)
    theirs = ours.as_transformers()
    options = {**options, "return_tensors": tensors}
    for labels in (True, False):
        rows = encoded(ours, labels)
        expected = transformers.DataCollatorForTokenClassification(theirs, **options)([dict(row) for row in rows])
        for one in (ours, theirs):
            same(package.DataCollatorForTokenClassification(one, **options)(rows), expected)
    rows = [{("label" if key == "labels" else key): value for key, value in row.items()} for row in encoded(ours)]
    expected = transformers.DataCollatorForTokenClassification(theirs, **options)([dict(row) for row in rows])
    same(package.DataCollatorForTokenClassification(ours, **options)(rows), expected)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_pad_token_id": -1},
        {"pad_to_multiple_of": 8},
        {"max_length": 4},
        {"max_length": 12, "padding": "max_length"},
        {"padding": "max_length"},
        {"truncation": False, "max_length": 12, "padding": "max_length"},
    ],
)
def test_words_give_what_the_steps_give(
    package: Any, tokenizer: fb.BertTokenizer, side: str, everything: bool, options: dict[str, Any]
) -> None:
    ours = tokenizer.replace(padding_side=side)
    index = options.get("label_pad_token_id", -100)
    cut = {"truncation": options.get("truncation", True)}
    cut |= {"max_length": options.get("max_length")} if cut["truncation"] else {}
    enc = ours(WORDS, is_split_into_words=True, **cut)
    labels = fb.align_labels(enc, TAGS, label2id=LABELS, label_all_tokens=everything, ignore_index=index)
    rows = [{**{key: enc[key][row] for key in enc}, "labels": labels[row]} for row in range(len(WORDS))]
    expected = fb.DataCollatorForTokenClassification(ours, **options)(rows)
    for one in (ours, ours.as_transformers()):
        collator = package.DataCollatorForTokenClassification(
            one, label2id=LABELS, label_all_tokens=everything, **options
        )
        same(collator(RAW), expected)
        same(collator([{**row, "id": "7", "pos_tags": [1]} for row in RAW]), expected)
        same(collator([{"words": row["tokens"], "labels": ids} for row, ids in zip(RAW, IDS, strict=True)]), expected)
        same(collator({"tokens": WORDS, "tags": IDS}), expected)


@pytest.mark.parametrize("arrow", [False, True], ids=["lists", "Arrow"])
def test_many_rows_are_read_in_blocks(tokenizer: fb.BertTokenizer, arrow: bool) -> None:
    words, tags = [WORDS[row % 4] for row in range(301)], [TAGS[row % 4] for row in range(301)]
    columns: dict[str, Any] = {"tokens": words, "tags": tags}
    if arrow:
        pa = pytest.importorskip("pyarrow")
        columns = {name: pa.array(column) for name, column in columns.items()}
    batch = fb.DataCollatorForTokenClassification(tokenizer, label2id=LABELS)(columns)
    twin = reference.DataCollatorForTokenClassification(tokenizer, label2id=LABELS)
    same(batch, twin({"tokens": words, "tags": tags}))


@pytest.mark.parametrize(
    ("row", "words", "tags", "message"),
    [
        (130, ["cat"], ["B-GPE"], 'label "B-GPE" \\(row 130, word 0\\)'),
        (130, ["cat", 7], ["O", "O"], r"word 1 of words\[130\] must be str, got int"),
        (190, ["cat"], ["O", "O"], r"word_labels\[190\] has 2 labels, sample 190 has 1 words"),
        (300, "cat", ["O"], r"words\[300\] is one string"),
    ],
)
def test_errors_name_rows_of_later_blocks(
    tokenizer: fb.BertTokenizer, row: int, words: Any, tags: list[str], message: str
) -> None:
    rows = [{"tokens": ["cat"], "tags": ["O"]} for _ in range(301)]
    rows[row] = {"tokens": words, "tags": tags}
    rows[-1] = {"tokens": "cat", "tags": ["O"]}
    collator = fb.DataCollatorForTokenClassification(tokenizer, label2id=LABELS)
    with pytest.raises((AlignmentError, TextTypeError), match=message):
        collator(rows)


def test_words_without_labels_give_no_labels(package: Any, tokenizer: fb.BertTokenizer) -> None:
    collator = package.DataCollatorForTokenClassification(tokenizer)
    batch = collator([{"tokens": words} for words in WORDS])
    expected = package.DataCollatorForTokenClassification(tokenizer)(encoded(tokenizer, labels=False))
    same(batch, expected)


def test_ids_need_no_label2id(package: Any, tokenizer: fb.BertTokenizer) -> None:
    rows = [{"tokens": words, "ner_tags": ids} for words, ids in zip(WORDS, IDS, strict=True)]
    with_names = package.DataCollatorForTokenClassification(tokenizer, label2id=LABELS)(RAW)
    same(package.DataCollatorForTokenClassification(tokenizer)(rows), with_names)


def test_an_encoding_with_labels_is_padded(package: Any, tokenizer: fb.BertTokenizer) -> None:
    enc = tokenizer(WORDS, is_split_into_words=True)
    enc["labels"] = package.align_labels(enc, IDS)
    same(
        package.DataCollatorForTokenClassification(tokenizer)(enc),
        package.DataCollatorForTokenClassification(tokenizer)(encoded(tokenizer)),
    )


def test_a_collator_is_pickled(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForTokenClassification(tokenizer, label2id=LABELS, label_all_tokens=True)
    collator(RAW)
    same(pickle.loads(pickle.dumps(collator))(RAW), collator(RAW))


def test_a_loader_with_workers_gives_the_same(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForTokenClassification(tokenizer, label2id=LABELS)
    data: Any = RAW * 4
    loader = torch.utils.data.DataLoader(data, batch_size=4, collate_fn=collator, num_workers=1)
    for batch in loader:
        same(batch, collator(RAW))


@pytest.mark.parametrize("name", ["roberta-base", "albert-base"])
def test_other_families(data: Any, package: Any, name: str) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(data / "vocab" / name, model_max_length=64)
    enc = tokenizer(WORDS, is_split_into_words=True)
    batch = package.DataCollatorForTokenClassification(tokenizer, label2id=LABELS)(RAW)
    expected = fb.align_labels(enc, TAGS, label2id=LABELS).to_padded(-100)
    assert np.array_equal(batch["labels"].numpy(), expected)


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": "widest"}, 'padding must be True, False, "longest" or "max_length"'),
        ({"max_length": 0}, "max_length must be an integer of at least 1"),
        ({"pad_to_multiple_of": 0}, "pad_to_multiple_of must be an integer"),
        ({"pad_to_multiple_of": 2**30}, "pad_to_multiple_of must be at most"),
        ({"label_pad_token_id": None}, "ignore_index must be an int"),
        ({"return_tensors": "tf"}, "return_tensors must be"),
        ({"label2id": {}}, "label2id is empty"),
    ],
)
def test_options_that_are_not_allowed(
    package: Any, tokenizer: fb.BertTokenizer, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        package.DataCollatorForTokenClassification(tokenizer, **options)


def test_all_tokens_need_labels_of_a_scheme(package: Any, tokenizer: fb.BertTokenizer) -> None:
    with pytest.raises(AlignmentError, match="label_all_tokens needs label2id"):
        package.DataCollatorForTokenClassification(tokenizer, label_all_tokens=True)
    with pytest.raises(AlignmentError, match="belongs to no scheme"):
        package.DataCollatorForTokenClassification(tokenizer, label_all_tokens=True, label2id=["B-X", "Y"])


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([], ConfigError, "a batch needs at least one row"),
        ([{"tokens": ["cat"], "tags": []}], AlignmentError, r"word_labels\[0\] has 0 labels, sample 0 has 1 words"),
        ([{"tokens": ["cat"], "tags": ["X"]}], AlignmentError, r'label "X" \(row 0, word 0\) is not in label2id'),
        ([{"tokens": ["cat"], "tags": [9]}], AlignmentError, r"label id 9 \(row 0, word 0\) is not in label2id"),
        ([{"tokens": "cat", "tags": [0]}], TextTypeError, "is one string"),
        ([{"tokens": [5], "tags": [0]}], TextTypeError, "must be str, got int"),
        ([{"tokens": ["cat"], "tags": [0]}, {"tokens": ["cat"]}], ConfigError, "row 1 has keys"),
        ([{"tokens": ["cat"], "tags": [0]}, 5], ConfigError, "row 1 must be a mapping, as row 0 is, got int"),
        ([{"input_ids": [2, 3], "labels": [0]}], ConfigError, r"labels\[0\] has 1 values, input_ids\[0\] has 2"),
        ([{"text": "cat"}], ConfigError, "rows need input_ids; they have text"),
    ],
)
def test_rows_that_do_not_fit(package: Any, tokenizer: fb.BertTokenizer, rows: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        package.DataCollatorForTokenClassification(tokenizer, label2id=LABELS)(rows)


def test_rows_of_different_lengths_without_padding(package: Any, tokenizer: fb.BertTokenizer) -> None:
    collator = package.DataCollatorForTokenClassification(tokenizer, padding=False, label2id=LABELS)
    with pytest.raises(ConfigError, match="rows have 2 to 8 tokens, which one tensor cannot hold: pass padding=True"):
        collator(RAW)
    assert collator(RAW[1:2])["labels"].tolist() == [[-100, 0, -100]]
