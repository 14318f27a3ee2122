"""Fine-tuning a classifier of texts: what is learned, saved and reported, with a tiny model."""

import io
import json

import numpy as np
import pytest
import torch
import transformers
from rich.console import Console
from tests.finetune_cases import BAD, CHECK, FAST, GOOD, LONGER, TRAIN, assert_equal_weights, report_of, weights_of
from tests.made_checkpoints import made_model

import ferrobert as fb
from ferrobert.errors import ConfigError
from ferrobert.models.checkpoint import LoadedModel
from ferrobert.training import loop
from ferrobert.training.trainable import add_lora


@pytest.fixture(scope="module")
def trained(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=folder, **LONGER), folder


def test_training_learns_the_training_texts(trained):
    pipe, _ = trained
    results = pipe([text for text, _ in TRAIN])
    assert sum(result["label"] == label for result, (_, label) in zip(results, TRAIN, strict=True)) >= 0.9 * len(TRAIN)


def test_transformers_loads_the_folder_as_it_is(trained):
    pipe, folder = trained
    reference = transformers.pipeline("text-classification", str(folder), device="cpu")
    texts = [text for text, _ in TRAIN[:8]]
    for ours, theirs in zip(pipe(texts), reference(texts), strict=True):
        assert ours["label"] == theirs["label"]
        assert ours["score"] == pytest.approx(theirs["score"], abs=1e-5)


def test_the_saved_folder_is_complete_and_holds_nothing_else(trained):
    _, folder = trained
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= names
    assert not any(name.startswith(".") or "checkpoint" in name or name.endswith(".bin") for name in names)
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "good"}
    assert config["label2id"] == {"bad": 0, "good": 1}
    assert config["architectures"] == ["BertForSequenceClassification"]


def test_the_report_holds_the_losses_of_each_epoch(trained):
    _, folder = trained
    report = report_of(folder)
    assert [record["epoch"] for record in report["history"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    for record in report["history"]:
        assert set(record) == {"epoch", "loss", "validation_loss", "validation_accuracy", "validation_f1"}
    assert report["history"][-1]["loss"] < report["history"][0]["loss"]
    assert report["rows"] == {"train": 48, "validation": 4, "train_by_label": {"bad": 24, "good": 24}}
    assert report["steps"] == 48
    assert report["settings"]["learning_rate"] == 5e-3


def test_a_head_that_starts_at_random_is_said(tiny_encoder, tmp_path):
    def learn(model, folder):
        shown = io.StringIO()
        settings = {**FAST, "progress": Console(file=shown)}
        fb.finetune("text-classification", model, TRAIN, output_dir=folder, **settings)
        return [line for line in shown.getvalue().splitlines() if "at random" in line], report_of(folder)["new"]

    said = "not in the checkpoint, starts at random: classifier"
    assert learn(tiny_encoder, tmp_path / "new") == ([said], ["classifier"])
    assert learn(tmp_path / "new", tmp_path / "again") == ([], [])  # it has a head of these labels


def test_the_optimisation_is_the_one_of_the_article(tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    seen = {}
    original = trainer.ClassifierTrainer.train

    def train(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        seen["optimizer"] = self.optimizer
        seen["rates"] = [entry["learning_rate"] for entry in self.state.log_history if "learning_rate" in entry]
        seen["arguments"] = self.args
        return result

    monkeypatch.setattr(trainer.ClassifierTrainer, "train", train)
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, device="cpu", progress=False)
    optimizer, arguments = seen["optimizer"], seen["arguments"]
    group = optimizer.optimizer.param_groups[0] if hasattr(optimizer, "optimizer") else optimizer.param_groups[0]
    assert group["eps"] == 1e-8
    assert group["betas"] == (0.9, 0.999)
    assert arguments.learning_rate == 2e-5
    assert arguments.num_train_epochs == 3
    assert arguments.per_device_train_batch_size == 16
    assert arguments.max_grad_norm == 1.0
    assert arguments.get_warmup_steps(9) == 1
    assert str(arguments.lr_scheduler_type.value) == "linear"


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny_encoder, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path / name, seed=seed, **FAST)
    assert_equal_weights(tmp_path / "a", tmp_path / "b")
    assert not torch.equal(
        weights_of(tmp_path / "a")["classifier.weight"], weights_of(tmp_path / "c")["classifier.weight"]
    )


# What learns


def test_a_frozen_encoder_keeps_its_weights(tiny_encoder, tmp_path):
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, freeze_encoder=True, **FAST)
    before, after = weights_of(tiny_encoder), weights_of(tmp_path)
    assert all(torch.equal(after[f"bert.{name}"], weight) for name, weight in before.items())
    assert report_of(tmp_path)["parameters"]["trained"] == 2 * 32 + 2


def test_lora_is_folded_into_plain_weights(tiny_encoder, tmp_path, recwarn):
    pytest.importorskip("peft")
    settings = {**FAST, "learning_rate": 5e-3}
    pipe = fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, lora=4, **settings)
    assert [str(said.message) for said in recwarn if issubclass(said.category, FutureWarning)] == []
    before, after = weights_of(tiny_encoder), weights_of(tmp_path)
    assert set(after) == {f"bert.{name}" for name in before} | {"classifier.weight", "classifier.bias"}
    changed = {name for name, weight in before.items() if not torch.equal(after[f"bert.{name}"], weight)}
    assert changed == {
        f"encoder.layer.{layer}.attention.self.{part}.weight" for layer in (0, 1) for part in ("query", "value")
    }
    reference = transformers.pipeline("text-classification", str(tmp_path), device="cpu")
    assert reference("great")[0]["score"] == pytest.approx(pipe("great")[0]["score"], abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "layers"), [("ModernBert", {"Wqkv"}), ("MPNet", {"q", "v"}), ("DebertaV2", {"query_proj", "value_proj"})]
)
def test_lora_finds_the_attention_of_other_families(kind, layers):
    pytest.importorskip("peft")
    model = made_model(f"{kind}ForSequenceClassification", vocab_size=94, pad_token_id=0)
    wrapped = add_lora(LoadedModel(model, frozenset()), 2)
    assert {name.split(".")[-2] for name, _ in wrapped.named_modules() if name.endswith(".lora_A")} == layers


def test_a_family_whose_attention_is_not_known_gets_its_layers_named():
    pytest.importorskip("peft")
    model = made_model("RoFormerForSequenceClassification", vocab_size=94, pad_token_id=0)
    message = r"name them as target_modules \(--lora-target\), of dense, key, query, value, or all-linear for all"
    with pytest.raises(ConfigError, match=message):
        add_lora(LoadedModel(model, frozenset()), 2)


def test_a_lora_config_is_what_its_settings_are(tiny_encoder, tmp_path):
    peft = pytest.importorskip("peft")
    settings = {"r": 2, "lora_alpha": 4, "target_modules": ["query"]}
    for name, lora in (("config", peft.LoraConfig(**settings)), ("dict", {**settings, "lora_dropout": 0.0})):
        folder = tmp_path / name
        fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=folder, lora=lora, **FAST)
    assert_equal_weights(tmp_path / "config", tmp_path / "dict")


def test_dropout_takes_the_place_of_the_models_own_and_of_loras(tiny_encoder, tmp_path, monkeypatch):
    seen = []
    inner = loop.add_lora

    def watched(*arguments, **keywords):
        model = inner(*arguments, **keywords)
        seen.append({name: one.p for name, one in model.named_modules() if isinstance(one, torch.nn.Dropout)})
        seen.append([type(one) for name, one in model.named_modules() if name.endswith("lora_dropout.default")])
        return model

    monkeypatch.setattr(loop, "add_lora", watched)
    pipe = fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, lora=4, dropout=0.0, **FAST)
    shares, of_lora = seen
    assert len(shares) > 5
    assert set(shares.values()) == {0.0}
    assert set(of_lora) == {torch.nn.Identity}
    assert report_of(tmp_path)["settings"]["dropout"] == 0.0
    assert pipe.model.config.hidden_dropout_prob == 0.1  # what is saved keeps its own


def test_without_dropout_the_order_of_the_loss_is_exact(tiny_encoder, tmp_path):
    """The loss of the first step is that of the model as it is read; with dropout it is another."""
    settings = {**FAST, "epochs": 1, "batch_size": len(TRAIN), "learning_rate": 1e-8}
    losses = {}
    for dropout in (0.0, 0.9, None):
        folder = tmp_path / str(dropout)
        pipe = fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=folder, dropout=dropout, **settings)
        losses[dropout] = report_of(folder)["history"][0]["loss"]
    scores = pipe([text for text, _ in TRAIN], top_k=None)
    true = [{one["label"]: one["score"] for one in row}[label] for row, (_, label) in zip(scores, TRAIN, strict=True)]
    assert losses[0.0] == pytest.approx(-np.log(true).mean(), abs=1e-4)
    assert abs(losses[0.9] - losses[0.0]) > 1e-3


def test_balanced_weights_help_the_rare_label(tiny_encoder, tmp_path):
    rare = [(text, "good") for text in GOOD] * 8 + [(text, "bad") for text in BAD[:3]]
    plain = fb.finetune("text-classification", tiny_encoder, rare, output_dir=tmp_path / "plain", **FAST)
    weighted = fb.finetune(
        "text-classification", tiny_encoder, rare, output_dir=tmp_path / "weighted", class_weight="balanced", **FAST
    )

    def mean_score_of_bad(pipe):
        rows = pipe(BAD, top_k=None)
        return np.mean([one["score"] for row in rows for one in row if one["label"] == "bad"])

    assert mean_score_of_bad(weighted) > mean_score_of_bad(plain)


def test_the_weighted_loss_is_that_of_torch(tiny_encoder):
    from ferrobert.training.trainer import ClassifierTrainer

    logits = torch.tensor([[0.2, 1.0], [0.5, -0.5], [2.0, 0.1]])
    labels = torch.tensor([0, 1, 0])
    weight = torch.tensor([0.5, 3.0])

    class Fixed(torch.nn.Module):
        def forward(self, input_ids):
            return transformers.modeling_outputs.SequenceClassifierOutput(logits=logits)

    trainer = ClassifierTrainer.__new__(ClassifierTrainer)
    trainer.class_weight = weight
    loss = trainer.compute_loss(Fixed(), {"input_ids": labels, "labels": labels})
    each = -torch.log_softmax(logits, dim=1)[range(3), labels]
    assert loss.item() == pytest.approx(((each * weight[labels]).sum() / weight[labels].sum()).item())


def test_weights_by_label_name(tiny_encoder, tmp_path):
    pipe = fb.finetune(
        "text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, class_weight={"good": 9.0, "bad": 0.1}, **FAST
    )
    assert {result["label"] for result in pipe([text for text, _ in TRAIN])} == {"good"}


def test_early_stopping_ends_the_run_and_keeps_the_best_epoch(tiny_encoder, tmp_path):
    wrong = [(text, "good" if label == "bad" else "bad") for text, label in TRAIN[::5]]
    settings = {**FAST, "epochs": 12, "learning_rate": 3e-3}
    fb.finetune(
        "text-classification", tiny_encoder, TRAIN, wrong, output_dir=tmp_path, early_stopping_patience=2, **settings
    )
    report = report_of(tmp_path)
    losses = [record["validation_loss"] for record in report["history"]]
    assert len(losses) < 12
    assert report["best_epoch"] == 1 + int(np.argmin(losses))
    assert len(losses) == report["best_epoch"] + 2


def test_select_best_saves_the_weights_of_that_epoch(tiny_encoder, tmp_path):
    settings = {**FAST, "epochs": 4, "learning_rate": 3e-3}
    wrong = [(text, "good" if label == "bad" else "bad") for text, label in TRAIN[::5]]
    pipe = fb.finetune(
        "text-classification", tiny_encoder, TRAIN, wrong, output_dir=tmp_path, select_best="loss", **settings
    )
    report = report_of(tmp_path)
    scores = pipe([text for text, _ in wrong], top_k=None)
    losses = [
        -np.log(next(one["score"] for one in row if one["label"] == label))
        for row, (_, label) in zip(scores, wrong, strict=True)
    ]
    assert np.mean(losses) == pytest.approx(min(record["validation_loss"] for record in report["history"]), abs=1e-4)


def test_a_head_that_fits_the_labels_is_kept(make_checkpoint, tmp_path):
    folder = make_checkpoint(["good", "bad"])
    fb.finetune("text-classification", folder, TRAIN, output_dir=tmp_path, **{**FAST, "learning_rate": 1e-9})
    assert torch.allclose(weights_of(folder)["classifier.weight"], weights_of(tmp_path)["classifier.weight"], atol=1e-6)
    assert fb.pipeline("text-classification", tmp_path).labels == ["good", "bad"]


def test_a_head_for_other_labels_is_replaced(tiny_classifier, tmp_path):
    pipe = fb.finetune("text-classification", tiny_classifier, TRAIN, output_dir=tmp_path, **FAST)
    assert pipe.labels == ["bad", "good"]
