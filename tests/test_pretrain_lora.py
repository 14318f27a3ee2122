"""Pretraining with LoRA: what learns, the adapter that is saved, and that pipelines read it to the bit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.command_line import refused, run
from tests.conftest import write_tokenizer
from tests.made_checkpoints import albert_folder, made_model, roberta_folder
from tests.pretraining_runs import (
    assert_equal_weights,
    compare_two_processes,
    pretrain,
    run_and_die,
    weights_of,
    write_corpus,
)

import ferrobert as fb
from ferrobert import hub
from ferrobert.errors import CheckpointError, ConfigError
from ferrobert.models.adapters import BASE_SHA256, PREFIX
from ferrobert.models.checkpoint import LoadedModel
from ferrobert.models.encoder import sha256_of
from ferrobert.training.trainable import add_lora, learning

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = "adapter_model.safetensors"
SHORT: dict[str, Any] = {"max_steps": 12, "save_every": 5, "evaluate_every": 6, "log_every": 4}
LORA: dict[str, Any] = {**SHORT, "config": None, "lora": 4, "learning_rate": 1e-2}
TOKENIZERS = {
    "Bert": write_tokenizer,
    "DistilBert": write_tokenizer,
    "Roberta": roberta_folder,
    "Albert": albert_folder,
}
DECODERS = {
    "Bert": "cls.predictions.decoder.weight",
    "DistilBert": "vocab_projector.weight",
    "Roberta": "lm_head.decoder.weight",
    "Albert": "predictions.decoder.weight",
}


def write_checkpoint(folder: Path, family: str, **config: Any) -> Path:
    """A random model for masked tokens, with a tokenizer."""
    folder.mkdir()
    TOKENIZERS[family](folder)
    tokenizer = fb.AutoTokenizer.from_pretrained(folder)
    config = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, **config}
    made_model(f"{family}ForMaskedLM", **config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.txt", documents=24)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("base") / "bert", "Bert")


@pytest.fixture(scope="module")
def trained(base: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "out"
    pretrain(corpus, folder, model=base, **LORA)
    return folder


def adapter_of(folder: Path) -> dict[str, torch.Tensor]:
    """What an adapter holds, by the names of the model's parameters."""
    return {name.removeprefix(PREFIX): one for name, one in load_file(folder / "adapter" / WEIGHTS).items()}


def filled(folder: Path) -> list[Any]:
    fill = fb.pipeline("fill-mask", folder, device="cpu", top_k=10)
    mask = fill.tokenizer.mask_token
    return list(fill([f"the {mask} was good", f"hello {mask} {mask} the world"]))


# What comes out


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("family", TOKENIZERS)
def test_an_adapter_fills_masks_as_the_merged_model_does(corpus: Path, tmp_path: Path, family: str, tied: bool) -> None:
    import peft

    base = write_checkpoint(tmp_path / "base", family, tie_word_embeddings=tied)
    pretrain(corpus, tmp_path / "out", model=base, **{**LORA, "max_steps": 3})
    assert filled(tmp_path / "out" / "adapter") == filled(tmp_path / "out")
    assert filled(tmp_path / "out") != filled(base)
    whole = fb.pipeline("fill-mask", tmp_path / "out", device="cpu").model.state_dict()
    held = adapter_of(tmp_path / "out")
    assert (DECODERS[family] in held) is not tied
    assert not any("embeddings" in name for name in held)
    plain = transformers.AutoModelForMaskedLM.from_pretrained(base)
    of_peft = peft.PeftModel.from_pretrained(plain, tmp_path / "out" / "adapter").merge_and_unload().state_dict()
    for loaded in (fb.pipeline("fill-mask", tmp_path / "out" / "adapter", device="cpu").model.state_dict(), of_peft):
        assert loaded.keys() == whole.keys()
        for name, weights in whole.items():
            assert torch.equal(weights, loaded[name]), name


def test_additions_transform_and_output_bias_learn_and_nothing_else(base: Path, trained: Path) -> None:
    before, after = weights_of(base), weights_of(trained)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    head = {name for name in before if name.startswith("cls.")}
    added = {
        f"bert.encoder.layer.{layer}.attention.self.{part}.weight" for layer in (0, 1) for part in ("query", "value")
    }
    assert changed == head | added
    assert set(adapter_of(trained)) == head | {
        name.replace("weight", f"lora_{side}.weight") for name in added for side in "AB"
    }


def test_the_folder_says_what_the_adapter_belongs_to(base: Path, trained: Path) -> None:
    config = json.loads((trained / "adapter" / "config.json").read_text())
    assert config["architectures"] == ["BertForMaskedLM"]
    assert config[BASE_SHA256] == sha256_of(base / "model.safetensors")
    assert sorted(file.name for file in (trained / "adapter").iterdir()) == [
        "adapter_config.json",
        WEIGHTS,
        "config.json",
    ]
    report = json.loads((trained / "pretraining_report.json").read_text())
    learned = sum(one.numel() for one in adapter_of(trained).values())
    assert report["parameters"]["trained"] == learned < report["parameters"]["all"]


def test_an_encoder_without_a_head_gets_one(corpus: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"has no cls\.predictions.*start at random"):
        result = pretrain(corpus, tmp_path, model=tiny_encoder, **{**LORA, "max_steps": 3})
    assert result.adapter == tmp_path / "adapter"
    assert filled(result.adapter) == filled(tmp_path)


def test_a_checkpoint_with_two_matrices_in_place_of_a_tied_one_keeps_both(corpus: Path, tmp_path: Path) -> None:
    base = write_checkpoint(tmp_path / "base", "Bert")
    weights = weights_of(base)
    weights[DECODERS["Bert"]] = weights["bert.embeddings.word_embeddings.weight"] + 1
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    pretrain(corpus, tmp_path / "out", model=base, **{**LORA, "max_steps": 3})
    assert DECODERS["Bert"] in adapter_of(tmp_path / "out")
    assert filled(tmp_path / "out" / "adapter") == filled(tmp_path / "out")


def test_a_lora_config_is_what_its_settings_are(base: Path, corpus: Path, tmp_path: Path) -> None:
    import peft

    settings = {"r": 2, "lora_alpha": 4, "lora_dropout": 0.0, "target_modules": ["dense"]}
    for name, lora in (("config", peft.LoraConfig(**settings)), ("dict", settings)):
        pretrain(corpus, tmp_path / name, model=base, **{**LORA, "max_steps": 2, "lora": lora})
    assert_equal_weights(tmp_path / "config", tmp_path / "dict")
    assert "cls.predictions.transform.dense.weight" in adapter_of(tmp_path / "config")
    assert not any("lora" in name and name.startswith("cls") for name in adapter_of(tmp_path / "config"))


def test_an_encoder_may_be_named_as_on_the_hub(
    base: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "installed_encoder", lambda: base)
    pretrain(corpus, tmp_path, model=hub.ENCODER, **{**LORA, "max_steps": 2})
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == hub.ENCODER
    assert filled(tmp_path / "adapter") == filled(tmp_path)


def test_a_later_run_without_lora_leaves_no_adapter(base: Path, corpus: Path, tmp_path: Path) -> None:
    for lora in (2, None):
        settings = {**LORA, "objective": "mlm", "lora": lora, "max_steps": 2, "overwrite": True}
        result = pretrain(corpus, tmp_path, model=base, **settings)
        assert (result.adapter is not None) == (tmp_path / "adapter").exists() == bool(lora)


# How it learns


@pytest.mark.parametrize("family", TOKENIZERS)
def test_the_tied_decoder_is_multiplied_at_masks_alone_and_gets_no_gradient(family: str) -> None:
    from ferrobert.training.pretraining.objective import PretrainingLoss

    model = made_model(f"{family}ForMaskedLM", vocab_size=90)
    wrapped = add_lora(LoadedModel(model, frozenset()), 4, None)
    decoder = model.get_output_embeddings()
    seen = []
    decoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    ids = torch.randint(5, 90, (3, 12))
    labels = torch.where(torch.rand(3, 12) < 0.3, ids, -100)
    PretrainingLoss(model).train()(ids, torch.ones_like(ids), labels)["mlm_sum"].backward()
    assert [shape[0] for shape in seen] == [(labels != -100).sum()]
    assert decoder.weight is model.get_input_embeddings().weight
    assert not decoder.weight.requires_grad
    assert decoder.weight.grad is None
    assert all(parameter.grad is not None for parameter in learning(wrapped).values())


@pytest.mark.parametrize(
    ("function", "call", "settings"),
    [
        ("training_step", 8, {}),  # between two checkpoints
        ("_save_rng_state", 2, {}),  # while the second checkpoint is written
        ("_drop_old", 1, {"save_every": 12}),  # when the last one has just been renamed: only the model is to be saved
    ],
)
def test_a_killed_run_ends_with_the_adapter_of_an_unbroken_one(
    base: Path, corpus: Path, trained: Path, tmp_path: Path, function: str, call: int, settings: dict[str, Any]
) -> None:
    run_and_die(corpus, tmp_path, function, call, model=base, **{**LORA, **settings})
    assert not (tmp_path / "adapter").exists()
    pretrain(corpus, tmp_path, model=base, resume=True, **{**LORA, **settings})
    assert (tmp_path / "adapter" / WEIGHTS).read_bytes() == (trained / "adapter" / WEIGHTS).read_bytes()
    assert_equal_weights(trained, tmp_path)


def test_a_checkpoint_holds_what_learns_and_no_more(base: Path, corpus: Path, trained: Path, tmp_path: Path) -> None:
    run_and_die(corpus, tmp_path, "training_step", 8, model=base, **LORA)
    saved = load_file(tmp_path / "checkpoints" / "checkpoint-5" / "model.safetensors")
    assert sum(one.numel() for one in saved.values()) == sum(one.numel() for one in adapter_of(trained).values())


def test_two_processes_learn_what_one_learns_with_twice_the_batch(base: Path, corpus: Path, tmp_path: Path) -> None:
    settings = {**LORA, "model": str(base), "max_steps": 3, "log_every": 1, "evaluate_every": 3, "dropout": 0.0}
    compare_two_processes(corpus, tmp_path, 1e-4, **settings)
    assert filled(tmp_path / "two" / "adapter") == filled(tmp_path / "two")


# What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": None}, "lora= adds to the weights of a checkpoint; name it with model="),
        ({"objective": "mlm+nsp"}, r"lora= learns masked tokens alone, objective='mlm', not 'mlm\+nsp'"),
        ({"objective": "mlm+sop"}, r"lora= learns masked tokens alone, objective='mlm', not 'mlm\+sop'"),
        ({"lora": 0}, "lora must be True, a rank from 1, a dict or a LoraConfig, got 0"),
        ({"lora": "16"}, "lora must be True, a rank from 1, a dict or a LoraConfig, got '16'"),
        ({"lora": {"rank": 4}}, "lora: .*unexpected keyword argument 'rank'"),
        ({"lora": {"r": -1}}, "lora does not fit BertForMaskedLM: .*positive integer"),
        (
            {"lora": {"target_modules": ["query", "quary"]}},
            "lora: BertForMaskedLM has no layer 'quary'; it has dense, key, query, value",
        ),
        (
            {"lora": {"target_modules": ["query", "word_embeddings"]}},
            "lora cannot be added to bert.embeddings.word_embeddings: encoder and head of BertForMaskedLM share its",
        ),
        (
            {"lora": {"target_modules": ["decoder"]}},
            "lora cannot be added to cls.predictions.decoder: encoder and head of BertForMaskedLM share its matrix",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_setting_that_is_not_allowed_is_an_error(
    base: Path, corpus: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        pretrain(corpus, tmp_path, **{**LORA, "model": base, **settings})
    assert not (tmp_path / "data" / "manifest.json").exists()


def test_a_run_does_not_resume_under_another_lora(base: Path, corpus: Path, tmp_path: Path) -> None:
    run_and_die(corpus, tmp_path, "training_step", 8, model=base, **LORA)
    for lora, said in ((8, "8"), (None, "None")):
        with pytest.raises(ConfigError, match=rf"other settings \(lora 4 -> {said}\)"):
            pretrain(corpus, tmp_path, model=base, resume=True, **{**LORA, "objective": "mlm", "lora": lora})


def test_an_adapter_is_not_trained_on(corpus: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds a LoRA adapter, which is not trained on"):
        pretrain(corpus, tmp_path / "out", model=trained / "adapter", **{**LORA, "lora": None})


def test_an_adapter_without_its_output_bias_is_refused(corpus: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    pretrain(corpus, tmp_path, model=tiny_encoder, **{**LORA, "max_steps": 2})
    path = tmp_path / "adapter" / WEIGHTS
    save_file({name: one for name, one in load_file(path).items() if not name.endswith("predictions.bias")}, path)
    with pytest.raises(CheckpointError, match=r"lacks parameters that its encoder has not either: cls\.predictions\.b"):
        fb.pipeline("fill-mask", tmp_path / "adapter", device="cpu")


def test_an_adapter_of_masked_tokens_classifies_nothing(trained: Path) -> None:
    with pytest.raises(CheckpointError, match="is an adapter of BertForMaskedLM, it has no classification head"):
        fb.pipeline("text-classification", trained / "adapter", device="cpu")


# The command line


def test_the_command_says_where_the_adapter_is(base: Path, corpus: Path, tmp_path: Path) -> None:
    options = ["--lora", 2, "--lora-target", "query", "--lora-target", "key", "--dropout", 0, "--max-length", 24]
    result = run(
        "pretrain", corpus, "-o", tmp_path, "-m", base, "--held-out", 0.1, "--max-steps", 2, "--batch-size", 4, *options
    )
    assert f"adapter saved in {tmp_path / 'adapter'}" in result.stdout
    layers = {name.split(".")[-3] for name in adapter_of(tmp_path) if "lora" in name}
    assert layers == {"query", "key"}
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["lora_dropout"] == 0.0


def test_targets_without_a_rank_are_one_line(base: Path, corpus: Path, tmp_path: Path) -> None:
    assert refused("pretrain", corpus, "-o", tmp_path, "-m", base, "--lora-target", "all-linear") == (
        "--lora-target goes with --lora RANK"
    )
