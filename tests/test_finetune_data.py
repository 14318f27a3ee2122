"""Texts with labels from every source, and the names of the labels."""

import pytest
from tests.finetune_cases import FAST, TRAIN, data_as, report_of

import ferrobert as fb

COLUMNS = {"text": [text for text, _ in TRAIN], "label": [label for _, label in TRAIN]}


@pytest.mark.parametrize("kind", ["dicts", "columns", "dataset", "frame", "csv", "tsv", "jsonl", "parquet"])
def test_examples_of_every_kind_are_read_alike(kind, tmp_path):
    from ferrobert.training.examples import Columns, read_examples

    examples = read_examples(data_as(kind, COLUMNS, tmp_path), Columns(), "train")
    assert list(zip(examples.texts, examples.labels, strict=True)) == TRAIN
    assert examples.pairs is None


def test_training_from_a_file_with_a_share_for_validation(tiny_encoder, tmp_path):
    path = data_as("csv", COLUMNS, tmp_path)
    fb.finetune("text-classification", tiny_encoder, path, 0.25, output_dir=tmp_path / "out", **FAST)
    rows = report_of(tmp_path / "out")["rows"]
    assert rows == {"train": 36, "validation": 12, "train_by_label": {"bad": 18, "good": 18}}


def test_pairs_are_trained_as_pairs(tiny_encoder, tmp_path):
    pairs = [(text, "who wrote this ?", label) for text, label in TRAIN]
    pipe = fb.finetune("text-classification", tiny_encoder, pairs, output_dir=tmp_path, **FAST)
    assert pipe({"text": "a great film", "text_pair": "who wrote this ?"})["label"] in ("good", "bad")


def test_class_labels_of_a_dataset_name_the_labels(tiny_encoder, tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["NEG", "POS"])})
    rows = datasets.Dataset.from_dict(
        {"text": [text for text, _ in TRAIN], "label": [int(label == "good") for _, label in TRAIN]}, features=features
    )
    assert fb.finetune("text-classification", tiny_encoder, rows, output_dir=tmp_path, **FAST).labels == ["NEG", "POS"]


def test_numbers_as_labels_are_sorted_by_value():
    from ferrobert.training.examples import Columns, label_names, read_examples

    examples = read_examples([("a", 10), ("b", 9), ("c", 2)], Columns(), "train")
    assert label_names(examples, None) == ["2", "9", "10"]


def test_names_for_numbered_labels(tiny_encoder, tmp_path):
    numbered = [(text, int(label == "good")) for text, label in TRAIN]
    pipe = fb.finetune(
        "text-classification", tiny_encoder, numbered, output_dir=tmp_path, label_names=["negative", "positive"], **FAST
    )
    assert pipe.labels == ["negative", "positive"]


def test_texts_longer_than_max_length_are_cut_and_counted(tiny_encoder, tmp_path):
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, max_length=5, **FAST)
    assert report_of(tmp_path)["cut_texts"] > 0
    assert report_of(tmp_path)["max_tokens"] == 5
