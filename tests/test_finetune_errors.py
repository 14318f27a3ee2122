"""Fine-tuning: what is refused, and how it is told."""

import pytest
import torch
from tests.finetune_cases import FAST, TRAIN

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DataError


def refused(error, message, model, train=TRAIN, validation=None, output_dir="unused", **settings):
    with pytest.raises(error, match=message):
        fb.finetune("text-classification", model, train, validation, output_dir=output_dir, **{**FAST, **settings})


def test_no_examples_are_refused(tiny_encoder):
    refused(DataError, "train: no examples", tiny_encoder, [])


def test_an_empty_file_is_refused(tiny_encoder, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\n")
    refused(DataError, "no examples in", tiny_encoder, tmp_path / "train.csv")


def test_one_label_alone_is_refused(tiny_encoder):
    refused(DataError, "all 24 rows have the label 'good'; a classifier needs two", tiny_encoder, TRAIN[:24])


def test_a_row_without_label_is_named(tiny_encoder):
    refused(DataError, "train: row 1 has no label", tiny_encoder, [("a", "x"), ("b", None), ("c", "y")])


def test_a_row_with_a_missing_label_of_pandas_is_named(tiny_encoder):
    pandas = pytest.importorskip("pandas")
    for missing in (float("nan"), pandas.NA, pandas.NaT):
        refused(DataError, "train: row 1 has no label", tiny_encoder, [("a", "x"), ("b", missing), ("c", "y")])


def test_a_line_without_label_is_named(tiny_encoder, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,x\nb,\n")
    refused(DataError, r"train\.csv, line 3 has no label", tiny_encoder, tmp_path / "train.csv")


def test_an_unlabelled_row_of_a_dataset_is_named(tiny_encoder):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["a", "b"])})
    rows = datasets.Dataset.from_dict({"text": ["x", "y"], "label": [0, -1]}, features=features)
    refused(DataError, "row 1 has no label", tiny_encoder, rows)


def test_a_label_of_validation_that_train_lacks_is_named(tiny_encoder):
    message = "validation: row 1: unknown label 'ugly'; the labels are 'bad', 'good'"
    refused(DataError, message, tiny_encoder, TRAIN, [("a", "good"), ("b", "ugly")])


def test_a_fraction_as_label_is_refused(tiny_encoder):
    refused(DataError, "row 0: a label must be a name or a whole number, got 0.5", tiny_encoder, [("a", 0.5)])


def test_a_missing_text_is_refused(tiny_encoder):
    refused(DataError, "row 1: a text must be a str, got NoneType", tiny_encoder, [("a", "x"), (None, "y")])


def test_a_missing_column_lists_the_columns(tiny_encoder, tmp_path):
    (tmp_path / "train.csv").write_text("review,label\na,x\n")
    refused(DataError, "no column 'text'; its columns are 'review', 'label'", tiny_encoder, tmp_path / "train.csv")


def test_columns_of_different_length_are_refused(tiny_encoder):
    refused(DataError, "differ in length", tiny_encoder, {"text": ["a", "b"], "label": ["x"]})


def test_a_row_that_is_no_pair_of_text_and_label_is_refused(tiny_encoder):
    refused(DataError, r"row 0 must be \(text, label\)", tiny_encoder, ["a text"])


def test_a_mix_of_pairs_and_single_texts_is_refused(tiny_encoder):
    refused(DataError, "row 1 has one text, others have two", tiny_encoder, [("a", "b", "x"), ("c", "y")])


def test_a_source_that_holds_no_rows_is_refused(tiny_encoder):
    refused(ConfigError, "train must be a list of", tiny_encoder, 5)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("learning_rate", "2e-5"),
        ("seed", -1),
        ("seed", None),
        ("seed", 2**32),
        ("weight_decay", None),
        ("dropout", "0.1"),
        ("freeze_encoder", 1),
        ("warmup_ratio", 1.0),
        ("weight_decay", -0.1),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("max_length", 2),
        ("max_length", 65),
        ("group_by_length", "yes"),
        ("mixed_precision", "fp8"),
        ("device", "tpu"),
        ("lora", -1),
        ("class_weight", "square"),
        ("class_weight", {"good": 1.0}),
        ("class_weight", {"good": 1.0, "bad": -1.0}),
        ("label_names", ["only"]),
        ("early_stopping_patience", 2),
        ("select_best", "loss"),
    ],
    ids=lambda value: str(value),
)
def test_a_setting_that_is_not_allowed_is_refused(tiny_encoder, tmp_path, setting, value):
    refused(ConfigError, setting, tiny_encoder, output_dir=tmp_path, **{setting: value})


def test_frozen_and_lora_together_are_refused(tiny_encoder):
    refused(ConfigError, "choose one", tiny_encoder, freeze_encoder=True, lora=True)


def test_a_rank_of_zero_is_refused(tiny_encoder, tmp_path):
    message = "lora must be True, a rank from 1, a dict or a LoraConfig, got 0"
    refused(ConfigError, message, tiny_encoder, output_dir=tmp_path, lora=0, learning_rate=1e-3)


def test_an_unknown_setting_lists_the_settings(tiny_encoder):
    refused(ConfigError, "unknown setting 'epoch'; the settings are epochs, learning_rate", tiny_encoder, epoch=3)


def test_an_unknown_task_is_refused(tiny_encoder):
    with pytest.raises(ConfigError, match="unknown task 'translation'"):
        fb.finetune("translation", tiny_encoder, TRAIN, output_dir="unused")


def test_a_loaded_model_is_refused(tiny_encoder):
    refused(ConfigError, "got a loaded model", torch.nn.Linear(2, 2))


def test_a_model_that_is_not_there_is_refused(tmp_path):
    refused(CheckpointError, "no such file or folder", tmp_path / "none", output_dir=tmp_path)


def test_a_share_of_all_rows_is_refused(tiny_encoder):
    refused(ConfigError, "must lie between 0 and 1", tiny_encoder, TRAIN, 1.0)


def test_a_learning_rate_too_small_for_a_head_alone_is_told(tiny_encoder, tmp_path):
    with pytest.warns(UserWarning, match="hardly moves a head in 2 epochs; try 1e-3"):
        fb.finetune(
            "text-classification",
            tiny_encoder,
            TRAIN,
            output_dir=tmp_path,
            freeze_encoder=True,
            **{**FAST, "learning_rate": 2e-5},
        )


def test_a_model_that_is_there_is_not_replaced_unasked(tmp_path):
    (tmp_path / "config.json").write_text("{}", "utf-8")
    with pytest.raises(ConfigError, match="holds a model already; overwrite=True replaces it"):
        fb.finetune("text-classification", "nowhere", [("a", "x"), ("b", "y")], output_dir=tmp_path)
    assert (tmp_path / "config.json").read_text("utf-8") == "{}"
