"""Runs that end early: what they leave, how they go on, when they are refused."""

import pytest
from tests import finetune_ner_cases as ner
from tests.finetune_cases import CHECK, FAST, TRAIN, assert_equal_weights, report_of, stopped

import ferrobert as fb
from ferrobert.errors import ConfigError
from ferrobert.training.trainer import ClassifierTrainer, TokenClassifierTrainer


@pytest.mark.parametrize("part", [{}, {"lora": True}, {"freeze_encoder": True}], ids=["full", "lora", "frozen"])
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(tiny_encoder, tmp_path, part):
    if "lora" in part:
        pytest.importorskip("peft")
    settings = {**FAST, "epochs": 4, **part}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=whole, **settings)

    with stopped(ClassifierTrainer, 2):
        fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=broken, **settings)
    assert not (broken / "config.json").exists()
    fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=broken, resume=True, **settings)
    assert_equal_weights(whole, broken)
    ours, theirs = report_of(broken)["history"], report_of(whole)["history"]
    assert ours == theirs


def test_resume_of_a_finished_run_returns_its_model_without_training(tiny_encoder, tmp_path):
    fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=tmp_path, **FAST)
    before = (tmp_path / "model.safetensors").stat().st_mtime_ns
    fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=tmp_path, resume=True, **FAST)
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == before


def test_resume_with_nothing_to_resume_starts_from_the_beginning(tiny_encoder, tmp_path):
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path / "a", resume=True, **FAST)
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path / "b", **FAST)
    assert_equal_weights(tmp_path / "a", tmp_path / "b")


@pytest.fixture
def unfinished(tiny_encoder, tmp_path):
    with stopped(ClassifierTrainer, 1):
        fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path / "run", **FAST)
    return tmp_path / "run"


def test_checkpoints_of_an_unfinished_run_are_not_overwritten_by_accident(tiny_encoder, unfinished):
    with pytest.raises(ConfigError, match="unfinished run; resume=True goes on, overwrite=True starts again"):
        fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=unfinished, **FAST)


def test_overwrite_starts_again(tiny_encoder, unfinished):
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=unfinished, overwrite=True, **FAST)
    assert len(report_of(unfinished)["history"]) == 2


def test_resume_under_other_settings_is_refused(tiny_encoder, unfinished):
    settings = {**FAST, "learning_rate": 0.01}
    with pytest.raises(ConfigError, match=r"other settings \(learning_rate 0\.001 -> 0\.01\)"):
        fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=unfinished, resume=True, **settings)


def test_resume_on_other_data_is_refused(tiny_encoder, unfinished):
    with pytest.raises(ConfigError, match=r"other settings \(data "):
        fb.finetune("text-classification", tiny_encoder, TRAIN[1:], output_dir=unfinished, resume=True, **FAST)


# Taggers


@pytest.mark.parametrize("part", [{}, {"lora": True}, {"freeze_encoder": True}], ids=["full", "lora", "frozen"])
def test_a_resumed_tagger_has_the_weights_of_an_uninterrupted_one(tiny_encoder, tmp_path, part):
    if "lora" in part:
        pytest.importorskip("peft")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    settings = {"epochs": 2, **part}
    ner.finetune(tiny_encoder, ner.TRAIN, ner.CHECK, output_dir=whole, **settings)
    with stopped(TokenClassifierTrainer, 1):
        ner.finetune(tiny_encoder, ner.TRAIN, ner.CHECK, output_dir=broken, **settings)
    ner.finetune(tiny_encoder, ner.TRAIN, ner.CHECK, output_dir=broken, resume=True, **settings)
    assert_equal_weights(whole, broken)
    assert report_of(broken)["history"] == report_of(whole)["history"]


def test_resume_under_another_scheme_is_refused(tiny_encoder, tmp_path):
    with stopped(TokenClassifierTrainer, 1):
        ner.finetune(tiny_encoder, output_dir=tmp_path)
    with pytest.raises(ConfigError, match=r"other settings \(label_all_tokens False -> True\)"):
        ner.finetune(tiny_encoder, output_dir=tmp_path, label_all_tokens=True, resume=True)
