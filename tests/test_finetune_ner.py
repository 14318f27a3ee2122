"""Fine-tuning for entities: what is learned, saved and reported, with a tiny model."""

import json

import numpy as np
import pytest
import torch
import transformers
from tests.finetune_cases import report_of, weights_of
from tests.finetune_ner_cases import CHECK, LONGER, NAMES, TRAIN, finetune

import ferrobert as fb


@pytest.fixture(scope="module")
def trained(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return fb.finetune("token-classification", tiny_encoder, TRAIN, CHECK, output_dir=folder, **LONGER), folder


def test_training_learns_the_tags(trained):
    pipe, folder = trained
    assert pipe.task == "token-classification"
    assert pipe.word_labels([words for words, _ in CHECK]) == [tags for _, tags in CHECK]
    assert report_of(folder)["history"][-1]["validation_f1"] == 1.0


def test_transformers_loads_the_folder_as_it_is(trained):
    _, folder = trained
    reference = transformers.pipeline("token-classification", str(folder), device="cpu", aggregation_strategy="simple")
    assert [one["entity_group"] for one in reference("who wrote film and three was !")] == ["LOC", "PER"]
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {str(index): name for index, name in enumerate(NAMES)}
    assert config["architectures"] == ["BertForTokenClassification"]


def test_the_report_says_what_was_trained(trained):
    _, folder = trained
    report = report_of(folder)
    assert report["task"] == "token-classification"
    assert set(report["history"][0]) == {
        "epoch", "loss", "validation_loss", "validation_f1", "validation_precision", "validation_recall"
    }  # fmt: skip
    assert report["rows"]["train"] == 24
    assert report["rows"]["train_by_label"]["B-PER"] == 24
    assert report["tags"]["train"] == {"scheme": "BIO", "converted_from": None, "inconsistent": 0}
    words = sum(len(words) for words, _ in TRAIN)
    assert report["tokens"]["train"] == {
        "labelled": words, "windows": 24, "rows_in_windows": 0, "words_without_tokens": 0
    }  # fmt: skip


def test_the_scores_of_the_report_are_those_of_the_pipeline(tiny_encoder, tmp_path):
    pipe = finetune(tiny_encoder, TRAIN, CHECK, output_dir=tmp_path, epochs=2)
    predicted = pipe.word_labels([words for words, _ in CHECK])
    scores = fb.metrics.entity_f1([tags for _, tags in CHECK], predicted)
    last = report_of(tmp_path)["history"][-1]
    assert {name: last[f"validation_{name}"] for name in ("precision", "recall", "f1")} == {
        name: pytest.approx(scores[name]) for name in ("precision", "recall", "f1")
    }


def test_a_frozen_encoder_keeps_its_weights(tiny_encoder, tmp_path):
    finetune(tiny_encoder, output_dir=tmp_path, freeze_encoder=True)
    before, after = weights_of(tiny_encoder), weights_of(tmp_path)
    assert all(torch.equal(after[f"bert.{name}"], weight) for name, weight in before.items() if "pooler" not in name)


def test_early_stopping_and_select_best_by_f1(tiny_encoder, tmp_path):
    finetune(tiny_encoder, TRAIN, CHECK, output_dir=tmp_path, epochs=3, select_best="f1", early_stopping_patience=3)
    report = report_of(tmp_path)
    scores = [record["validation_f1"] for record in report["history"]]
    assert report["best_epoch"] == 1 + int(np.argmax(scores))


def test_balanced_weights_are_those_of_the_labelled_tokens(tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    seen = []
    original = trainer.TokenClassifierTrainer.__init__

    def recorded(self, **arguments):
        seen.append(arguments["class_weight"])
        original(self, **arguments)

    monkeypatch.setattr(trainer.TokenClassifierTrainer, "__init__", recorded)
    finetune(tiny_encoder, output_dir=tmp_path, class_weight="balanced")
    tags = [tag for _, tags in TRAIN for tag in tags]
    assert seen[0].tolist() == pytest.approx([len(tags) / (5 * tags.count(name)) for name in NAMES])
