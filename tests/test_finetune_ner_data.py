"""Words with tags and texts with spans from every source, their names and schemes."""

import pytest
import torch
from tests.finetune_cases import data_as, report_of, weights_of
from tests.finetune_ner_cases import CHECK, COLUMNS, LONGER, NAMES, SPANS, TRAIN, finetune

import ferrobert as fb
from ferrobert.tables import TableWriter


@pytest.mark.parametrize("kind", ["tuples", "dicts", "columns", "dataset", "frame", "conll", "jsonl", "parquet"])
def test_examples_of_every_kind_are_read_alike(kind, tmp_path):
    from ferrobert.training.tagged_examples import read_tagged
    from ferrobert.training.tagged_rows import TagColumns

    examples = read_tagged(TRAIN if kind == "tuples" else data_as(kind, COLUMNS, tmp_path), TagColumns(), "train")
    assert list(zip(examples.inputs, examples.labels, strict=True)) == TRAIN


@pytest.mark.parametrize("kind", ["dicts", "columns", "dataset", "jsonl", "parquet"])
def test_texts_with_spans_of_every_kind_are_read_alike(kind, tmp_path):
    from ferrobert.training.tagged_examples import read_tagged
    from ferrobert.training.tagged_rows import TagColumns

    columns = {name: [row[name] for row in SPANS] for name in ("text", "spans")}
    source = {"dicts": SPANS, "columns": columns}.get(kind)
    if kind == "dataset":
        source = pytest.importorskip("datasets").Dataset.from_dict(columns)
    elif source is None:
        source = tmp_path / f"train.{kind}"
        with TableWriter(source) as writer:
            writer.write(SPANS)
    examples = read_tagged(source, TagColumns(), "train")
    assert examples.inputs == columns["text"]
    assert examples.labels == [[(0, 9, "PER")], [(10, 14, "LOC")]] * 8


def test_texts_with_spans_are_trained(tiny_encoder, tmp_path):
    pipe = finetune(tiny_encoder, SPANS, SPANS[:2], output_dir=tmp_path, **{**LONGER, "epochs": 12})
    assert pipe.labels == NAMES
    assert report_of(tmp_path)["history"][-1]["validation_f1"] == 1.0
    found = pipe("Elon Musk wrote this.", aggregation_strategy="first")
    assert [(one["entity_group"], one["start"], one["end"]) for one in found] == [("PER", 0, 9)]


def test_a_share_of_the_sentences_is_set_aside_by_the_seed(tiny_encoder, tmp_path):
    from ferrobert.training.tagged_examples import read_tagged, split
    from ferrobert.training.tagged_rows import TagColumns

    finetune(tiny_encoder, TRAIN, 0.25, output_dir=tmp_path)
    rows = report_of(tmp_path)["rows"]
    assert (rows["train"], rows["validation"]) == (18, 6)
    numbered = [([f"w{number}"], ["B-PER"]) for number in range(20)]
    examples = read_tagged(numbered, TagColumns(), "train")
    learn, check = split(examples, 0.2, 1)
    assert sorted(words[0] for words in learn.inputs + check.inputs) == sorted(f"w{number}" for number in range(20))
    assert check.inputs == split(examples, 0.2, 1)[1].inputs != split(examples, 0.2, 2)[1].inputs
    assert check.where(0) == f"train: row {check.inputs[0][0][1:]}"


def test_class_labels_of_a_dataset_name_the_tags(tiny_encoder, tmp_path):
    datasets = pytest.importorskip("datasets")
    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    label = datasets.ClassLabel(names=names)
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(label),
        }
    )
    rows = datasets.Dataset.from_dict(
        {
            "tokens": [words for words, _ in TRAIN],
            "ner_tags": [[names.index(tag) for tag in tags] for _, tags in TRAIN],
        },
        features=features,
    )
    pipe = finetune(tiny_encoder, rows, rows, output_dir=tmp_path, tags_column="ner_tags")
    assert pipe.labels == names


def test_numbers_as_tags_have_the_names_given(tiny_encoder, tmp_path):
    numbered = [(words, [NAMES.index(tag) for tag in tags]) for words, tags in TRAIN]
    assert finetune(tiny_encoder, numbered, output_dir=tmp_path, label_names=NAMES).labels == NAMES


def test_tags_that_do_not_occur_get_a_name_too(tiny_encoder, tmp_path):
    train = [(["film", "three"], ["B-LOC", "B-PER"])] * 4
    assert finetune(tiny_encoder, train, output_dir=tmp_path).labels == NAMES


def test_a_head_for_the_same_tags_keeps_their_order(tmp_path, tiny_encoder):
    from ferrobert.models.checkpoint import load_token_classifier

    names = ["B-PER", "I-PER", "O", "I-LOC", "B-LOC"]
    folder = tmp_path / "model"
    load_token_classifier(tiny_encoder, labels=names).model.save_pretrained(folder)
    fb.AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder)
    pipe = finetune(folder, output_dir=tmp_path / "out", learning_rate=1e-9)
    assert pipe.labels == names
    before, after = weights_of(folder), weights_of(tmp_path / "out")
    assert torch.allclose(before["classifier.weight"], after["classifier.weight"], atol=1e-6)


def test_the_head_of_a_classifier_of_texts_is_not_taken_for_one_of_tokens(make_checkpoint, tmp_path):
    folder = make_checkpoint(NAMES)
    pipe = finetune(folder, output_dir=tmp_path, learning_rate=1e-9)
    before, after = weights_of(folder), weights_of(tmp_path)
    assert before["classifier.weight"].shape == after["classifier.weight"].shape
    assert not torch.allclose(before["classifier.weight"], after["classifier.weight"], atol=1e-3)
    key = "bert.encoder.layer.0.output.dense.weight"
    assert torch.allclose(before[key], after[key], atol=1e-6)
    assert pipe.labels == NAMES


# Schemes


@pytest.mark.parametrize(
    ("rows", "scheme"),
    [
        ([["B-PER", "I-PER", "O"]], "BIO"),
        ([["I-PER", "I-PER", "O"], ["B-LOC"]], "BIO"),
        ([["I-PER", "I-PER", "O"], ["I-LOC", "B-LOC"]], "IOB1"),
        ([["I-PER", "O", "I-LOC"]], "IOB1"),
        ([["B-PER", "E-PER", "O", "S-LOC"]], "BIOES"),
        ([["B-PER", "L-PER", "O", "U-LOC"]], "BILOU"),
        ([["O"]], "BIO"),
    ],
)
def test_the_scheme_is_the_one_that_the_tags_show(rows, scheme):
    from ferrobert.training.tag_schemes import detect_scheme

    assert detect_scheme(rows) == scheme


@pytest.mark.parametrize(
    ("row", "scheme", "count"),
    [
        (["B-PER", "I-PER", "O", "B-PER"], "BIO", 0),
        (["O", "I-PER", "I-PER"], "BIO", 1),
        (["B-LOC", "I-PER", "I-PER"], "BIO", 1),
        (["B-PER", "E-PER", "S-PER", "O"], "BIOES", 0),
        (["B-PER", "O", "E-PER"], "BIOES", 2),
        (["B-PER"], "BIOES", 1),
        (["S-PER", "E-PER"], "BIOES", 1),
        (["B-PER", "I-PER", "L-PER", "U-LOC"], "BILOU", 0),
        (["I-PER", "B-PER"], "IOB1", 0),
    ],
)
def test_tags_that_break_their_scheme_are_counted(row, scheme, count):
    from ferrobert.training.tag_schemes import inconsistent_tags

    assert inconsistent_tags([row], scheme) == count


def test_iob1_becomes_bio_and_the_report_says_so(tiny_encoder, tmp_path):
    iob1 = [(words, [tag.replace("B-", "I-") for tag in tags]) for words, tags in TRAIN]
    assert finetune(tiny_encoder, iob1, CHECK, output_dir=tmp_path).labels == NAMES
    tags = report_of(tmp_path)["tags"]
    assert tags["train"] == {"scheme": "BIO", "converted_from": "IOB1", "inconsistent": 0}
    assert tags["validation"] == {"scheme": "BIO", "converted_from": None, "inconsistent": 0}


def test_bioes_is_kept(tiny_encoder, tmp_path):
    bioes = [(words, fb.convert_scheme(tags, source="BIO", target="BIOES")) for words, tags in TRAIN]
    pipe = finetune(tiny_encoder, bioes, bioes[:6], output_dir=tmp_path)
    assert pipe.labels == fb.label_list(["LOC", "PER"], "BIOES")
    assert report_of(tmp_path)["tags"]["validation"]["scheme"] == "BIOES"


def test_inconsistent_tags_are_trained_and_counted(tiny_encoder, tmp_path):
    finetune(tiny_encoder, [*TRAIN, (["film"], ["I-LOC"])], output_dir=tmp_path)
    report = report_of(tmp_path)
    assert report["tags"]["train"]["inconsistent"] == 1
    assert report["tokens"]["train"]["labelled"] == sum(len(words) for words, _ in TRAIN) + 1
