"""Fine-tuning for entities: what is refused, and how it is told."""

import pytest
from tests.finetune_cases import data_as
from tests.finetune_ner_cases import CHECK, COLUMNS, NAMES, SPANS, TRAIN, finetune

from ferrobert.errors import AlignmentError, ConfigError, DataError


def refused(error, message, model, train=TRAIN, validation=None, **settings):
    with pytest.raises(error, match=message):
        finetune(model, train, validation, **{"output_dir": "unused", **settings})


def test_no_examples_are_refused(tiny_encoder):
    refused(DataError, "train: no examples", tiny_encoder, [])


def test_words_and_tags_of_different_number_are_refused(tiny_encoder):
    refused(AlignmentError, "train: row 1: 2 tokens and 1 tags", tiny_encoder, [*TRAIN[:1], (["a", "b"], ["O"])])


def test_a_tag_of_no_scheme_is_refused(tiny_encoder, tmp_path):
    refused(DataError, "train: row 0, word 1: unknown tag 'PER'", tiny_encoder, [(["a", "b"], ["O", "PER"])])
    (tmp_path / "a.conll").write_text("a O\nb PER\n")
    refused(DataError, r"a\.conll, line 2: the token 'b' has the tag 'PER'", tiny_encoder, tmp_path / "a.conll")


def test_tags_of_two_schemes_are_refused(tiny_encoder):
    refused(DataError, "mix E- and S-", tiny_encoder, [(["a", "b"], ["S-PER", "U-PER"])])


def test_a_tag_of_validation_that_train_lacks_is_refused(tiny_encoder, tmp_path):
    message = "validation: row 1, word 0: unknown tag 'B-ORG'; the tags are 'O', 'B-LOC'"
    refused(DataError, message, tiny_encoder, TRAIN, [*CHECK[:1], (["tesla"], ["B-ORG"])])
    (tmp_path / "dev.conll").write_text("a O\n\nb O\ntesla B-ORG\n")
    refused(DataError, r"dev\.conll, line 4: unknown tag 'B-ORG'", tiny_encoder, TRAIN, tmp_path / "dev.conll")


def test_a_span_of_validation_that_train_lacks_is_refused(tiny_encoder):
    check = [{"text": "a b", "spans": [{"start": 0, "end": 1, "label": "ORG"}]}]
    refused(DataError, "validation: row 0, span 0: label 'ORG' needs the tag 'B-ORG'", tiny_encoder, SPANS, check)


def test_data_without_entities_is_refused(tiny_encoder):
    refused(DataError, "train: no entity in 1 rows", tiny_encoder, [(["a"], ["O"])])


def test_numbers_without_names_are_refused(tiny_encoder):
    refused(DataError, "row 0: column 'tags' holds numbers; label_names=", tiny_encoder, [(["a"], [0])])


def test_a_number_without_a_name_is_refused(tiny_encoder):
    refused(DataError, "row 0, word 0: unknown tag 9", tiny_encoder, [(["a"], [9])], label_names=NAMES)


def test_a_missing_column_lists_the_columns(tiny_encoder, tmp_path):
    rows = {"tokens": [["a"]], "ner_tags": [["O"]]}
    refused(DataError, "no column 'tags'; its columns are 'tokens', 'ner_tags'", tiny_encoder, rows)
    (tmp_path / "a.conll").write_text("a\nb\n")
    refused(DataError, "no column 'tags'; its columns are 'tokens'$", tiny_encoder, tmp_path / "a.conll")


def test_words_that_are_no_list_are_refused(tiny_encoder):
    refused(DataError, "row 0: column 'tokens' must hold a list of strings, holds str", tiny_encoder, [("a b", ["O"])])
    refused(DataError, "row 0: column 'tokens' must hold strings, holds 3 at word 0", tiny_encoder, [([3], ["O"])])


def test_a_row_of_another_kind_is_refused(tiny_encoder):
    refused(DataError, r"row 0 must be \(words, tags\) or a dict", tiny_encoder, ["a text"])


@pytest.mark.parametrize(
    ("spans", "error", "message"),
    [
        ([{"start": 0, "end": 2, "label": "PER"}], AlignmentError, "train: row 1: span 0 .*"),
        ([{"start": 0, "end": 0, "label": "PER"}], AlignmentError, "row 1, span 0: 0 to 0 must lie in the text"),
        ([{"start": 0, "end": 99, "label": "PER"}], AlignmentError, "row 1, span 0: 0 to 99 must lie in the text"),
        ([(0, 4, "PER"), (0, 9, "PER")], AlignmentError, "row 1, span 1 overlaps span 0"),
        ([{"start": 0, "end": 4}], DataError, "span 0: label must be the type of an entity, such as PER, got None"),
        ([{"start": 0, "end": 4, "label": "B-PER"}], DataError, "label must be the type of an entity"),
        ([{"start": 0.5, "end": 4, "label": "PER"}], DataError, "start and end must be whole numbers"),
        ("PER", DataError, "column 'spans' must hold a list of spans, holds str"),
    ],
    ids=["cuts a word", "empty", "outside", "overlap", "no label", "a tag", "a fraction", "no list"],
)
def test_a_span_that_does_not_fit_is_refused(tiny_encoder, tmp_path, spans, error, message):
    rows = [SPANS[0], {"text": "Elon Musk wrote this.", "spans": spans}]
    refused(error, message, tiny_encoder, rows, output_dir=tmp_path)


def test_names_that_lack_a_tag_of_the_data_are_refused(tiny_encoder):
    refused(DataError, "row 0, word 4: unknown tag 'B-PER'", tiny_encoder, label_names=["O", "B-LOC", "I-LOC"])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("scheme", "IO"),
        ("stride", -1),
        ("label_all_tokens", "yes"),
        ("max_length", 2),
        ("label_names", ["only"]),
        ("class_weight", {"O": 1.0}),
        ("select_best", "accuracy"),
        ("select_best", "f1"),
        ("early_stopping_patience", 2),
        ("file_format", "xml"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_allowed_is_refused(tiny_encoder, tmp_path, setting, value):
    train = TRAIN
    if setting == "file_format":
        train = data_as("conll", COLUMNS, tmp_path)
        setting_told = "format"
    else:
        setting_told = setting
    refused(ConfigError, setting_told, tiny_encoder, train, output_dir=tmp_path / "out", **{setting: value})


def test_an_unknown_setting_lists_the_settings(tiny_encoder):
    refused(
        ConfigError, "unknown setting 'label_column'; the settings are .*tags_column", tiny_encoder, label_column="x"
    )
