"""`ferrobert models` and the tutorial's classifier: exact sizes without weights, the same logits as transformers'."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tests.command_line import refused, run
from tests.made_checkpoints import made_model

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError
from ferrobert.models import BertClassifier
from ferrobert.models.families import PUBLISHED, config_of, model_size
from ferrobert.models.measuring import MEBIBYTE, _memory_of

# Of the checkpoints as they are published, encoders without heads.
PARAMETERS = {
    "bert-base-uncased": 109_482_240,
    "bert-large-uncased": 335_141_888,
    "distilbert-base-uncased": 66_362_880,
    "roberta-base": 124_645_632,
    "albert-base-v2": 11_683_584,
}
HEADS = dict(zip(PARAMETERS, [1_538, 2_050, 592_130, 592_130, 1_538], strict=True))


def test_parameters_of_the_published_checkpoints_are_exact() -> None:
    sizes = [model_size(name) for name in PUBLISHED]
    assert {size.name: size.parameters for size in sizes} == PARAMETERS
    assert {size.name: size.head_parameters for size in sizes} == HEADS
    assert [size.layers for size in sizes] == [12, 24, 6, 12, 12]


def test_a_size_is_that_of_the_model_with_weights(tiny_encoder: Path) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_encoder, num_labels=5)
    size = model_size(tiny_encoder, labels=5)
    assert size.parameters == sum(weights.numel() for weights in model.base_model.parameters())
    assert size.head_parameters == sum(weights.numel() for weights in model.classifier.parameters())
    assert (size.family, size.layers, size.heads) == (
        "bert",
        model.config.num_hidden_layers,
        model.config.num_attention_heads,
    )


def test_a_folder_of_the_name_of_a_published_checkpoint_comes_first(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bert-base-uncased").symlink_to(tiny_encoder)
    monkeypatch.chdir(tmp_path)
    assert config_of("bert-base-uncased").hidden_size < 768


def test_the_command_prints_the_five(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run("models").stdout
    for name, count in PARAMETERS.items():
        [line] = [line for line in shown.splitlines() if f" {name} " in line]
        assert f"{count:,}" in line
        assert f"{HEADS[name]:,}" in line
    rows = [json.loads(line) for line in run("models", "--json").stdout.splitlines()]
    assert {row["name"]: row["parameters"] for row in rows} == PARAMETERS
    assert all("measured" not in row for row in rows)


def test_the_command_measures(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferrobert.models.measuring._memory_of", lambda name, tokens, device: 12.5)
    made_model("RobertaModel", vocab_size=40, num_hidden_layers=40).save_pretrained(tmp_path)
    arguments = ["models", tiny_encoder, tmp_path, "--measure", "--rounds", 1, "--device", "cpu"]
    one, other = [json.loads(line)["measured"] for line in run(*arguments, "--json").stdout.splitlines()]
    assert one["speed"] == {"median": 1.0, "low": 1.0, "high": 1.0}
    assert other["speed"]["median"] == pytest.approx(other["rows_per_second"] / one["rows_per_second"])
    assert other["speed"]["median"] < 1  # 40 layers
    assert one["memory"] == 12.5
    assert "memory, MiB" in run(*arguments).stdout


def test_memory_is_that_of_the_model_alone(tmp_path: Path) -> None:
    config = transformers.BertConfig(vocab_size=100_000, hidden_size=256, num_hidden_layers=1, num_attention_heads=2)
    config.save_pretrained(tmp_path)
    weights = model_size(tmp_path).parameters * 4 / MEBIBYTE
    found = _memory_of(str(tmp_path), 8, torch.device("cpu"))
    assert found is None or weights < found < weights + 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models", "no/such/folder/there"], "no such file or folder"),
        (["models", __file__], "is a file; a checkpoint is a folder with config.json"),
        (["models", "--device", "cpu"], "--device goes with --measure"),
        (["models", "--measure", "--device", "cuda:99"], "device 'cuda:99' is not there"),
    ],
)
def test_wrong_calls_of_the_command_are_refused(arguments: list[Any], message: str) -> None:
    assert message in refused(*arguments)


def test_a_config_that_is_broken_or_of_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{", "utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json is not JSON"):
        model_size(tmp_path)
    config.write_text('{"model_type": "no-such-thing"}', "utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json is not the config of a model"):
        model_size(tmp_path)
    transformers.CLIPConfig().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="is no encoder with a classification head"):
        model_size(tmp_path)


@pytest.mark.parametrize(
    ("family", "message"),
    [
        ("Bart", "is no encoder: bart models have a decoder too"),
        ("FNet", "the config of fnet models has no num_attention_heads"),
        ("Canine", "the config of canine models has no vocab_size"),
        ("Perceiver", "the config of perceiver models has no num_hidden_layers, hidden_size"),
        ("Funnel", "'NoneType' object is not iterable"),
    ],
)
def test_a_model_of_another_shape_is_refused_in_one_line(tmp_path: Path, family: str, message: str) -> None:
    getattr(transformers, f"{family}Config")().save_pretrained(tmp_path)
    assert message in refused("models", tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_act": "nope"}, "is no encoder with a classification head: 'nope'"),
        ({"hidden_size": 0}, "its config must have at least 1 of each, has hidden_size 0"),
        ({"num_hidden_layers": -1}, "its config must have at least 1 of each, has num_hidden_layers -1"),
        ({"layer_norm_eps": "x"}, "is not the config of a model that transformers knows"),
        ({"id2label": ["A", "B"]}, "id2label must give each id from 0 on a label"),
        ({"id2label": {"0": None, "1": "B"}}, "id2label must give each id from 0 on a label"),
        ({"architectures": [3]}, "architectures must be a list of names of classes"),
        ({"quantization_config": "x"}, "is no"),
    ],
)
def test_a_config_of_wrong_values_is_refused_in_one_line(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", **settings}), "utf-8")
    assert message in refused("models", tmp_path)


# The tutorial's classifier


@pytest.fixture
def classifier() -> BertClassifier:
    return BertClassifier(3, model=made_model("BertModel", vocab_size=40)).eval()


IDS = torch.tensor([[2, 7, 8, 9, 3], [2, 7, 3, 0, 0]])
MASK = (IDS != 0).long()


def test_its_logits_are_those_of_transformers(classifier: BertClassifier) -> None:
    types = torch.tensor([[0, 0, 1, 1, 1], [0, 0, 0, 0, 0]])
    theirs = transformers.BertForSequenceClassification(
        transformers.BertConfig(**{**classifier.bert.config.to_dict(), "num_labels": 3})
    ).eval()
    theirs.load_state_dict(classifier.state_dict())
    for more in ({}, {"token_type_ids": types}):
        expected = theirs(input_ids=IDS, attention_mask=MASK, **more).logits
        assert torch.equal(classifier(IDS, MASK, **more), expected)
    assert not torch.allclose(classifier(IDS), classifier(IDS, MASK))


def test_the_tutorials_class_has_the_same_parameters(classifier: BertClassifier) -> None:
    names = [name for name, _ in classifier.named_parameters() if not name.startswith("bert.")]
    assert names == ["classifier.weight", "classifier.bias"]
    with torch.device("meta"):
        model = BertClassifier(2, model=transformers.BertModel(config_of("bert-base-uncased")))
    assert model.parameter_counts() == (109_483_778, 109_483_778)
    assert model.freeze().parameter_counts() == (109_483_778, 1_538)
    assert model.unfreeze().parameter_counts().trainable == 109_483_778
    assert model.dropout.p == 0.3


def test_where_it_is_frozen_the_head_alone_learns(classifier: BertClassifier) -> None:
    classifier.freeze().train()
    before = {name: weights.clone() for name, weights in classifier.named_parameters()}
    learning = [weights for weights in classifier.parameters() if weights.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=0.1)
    torch.nn.functional.cross_entropy(classifier(IDS, MASK), torch.tensor([0, 2])).backward()
    optimizer.step()
    changed = {name for name, weights in classifier.named_parameters() if not torch.equal(weights, before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}


def test_it_is_saved_as_a_checkpoint_that_pipelines_load(tiny_encoder: Path, tmp_path: Path) -> None:
    model = BertClassifier(2, dropout=0.25, model=tiny_encoder).eval()
    tokenizer = fb.AutoTokenizer.from_pretrained(str(tiny_encoder))
    model.save_pretrained(tmp_path / "saved", tokenizer, labels=["bad", "good"])
    pipe = fb.pipeline("text-classification", tmp_path / "saved", device="cpu", function_to_apply="none", top_k=None)
    encoded = tokenizer("the film was great!", return_tensors="pt")
    expected = model(**encoded)[0].tolist()
    [answer] = pipe("the film was great!")
    found = {one["label"]: one["score"] for one in answer}
    assert [found["bad"], found["good"]] == pytest.approx(expected, abs=1e-5)
    assert pipe.model.config.classifier_dropout == 0.25
    assert pipe.model.dropout.p == 0.25


def test_albert_becomes_transformers_model_too() -> None:
    model = BertClassifier(2, model=made_model("AlbertModel", vocab_size=40)).eval()
    made = model.as_transformers()
    assert torch.allclose(made(input_ids=IDS, attention_mask=MASK).logits, model(IDS, MASK), atol=1e-6)
    assert made.albert is model.bert
    assert made.config.classifier_dropout_prob == 0.3


def test_roberta_is_classified_but_is_no_model_of_transformers() -> None:
    model = BertClassifier(2, model=made_model("RobertaModel", vocab_size=40)).eval()
    assert model(IDS, MASK).shape == (2, 2)
    with pytest.raises(ConfigError, match="Roberta's head is another one than this classifier's"):
        model.as_transformers()


def test_an_encoder_without_a_pooler_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="DistilBertModel has no pooler"):
        BertClassifier(2, model=made_model("DistilBertModel", vocab_size=40))
    made_model("BertForMaskedLM", vocab_size=40).save_pretrained(tmp_path)  # its pooler would be random
    with pytest.raises(CheckpointError, match="has no pooler, whose output the classifier reads"):
        BertClassifier(2, model=tmp_path)


def test_an_encoder_in_half_precision_gets_a_head_in_half_precision(tmp_path: Path) -> None:
    encoder = made_model("BertModel", vocab_size=40).to(torch.bfloat16)
    encoder.save_pretrained(tmp_path)
    for model in (encoder, tmp_path):
        assert BertClassifier(2, model=model)(IDS, MASK).dtype == torch.bfloat16


def test_a_model_with_a_head_is_refused_and_its_encoder_named() -> None:
    with pytest.raises(ConfigError, match="BertForMaskedLM is an encoder with a head; give the encoder alone: bert"):
        BertClassifier(2, model=made_model("BertForMaskedLM", vocab_size=40))


def test_a_model_without_a_name_is_refused() -> None:
    with pytest.raises(CheckpointError, match="the name of the checkpoint is empty"):
        BertClassifier(2, model="")


@pytest.mark.parametrize("labels", ["no", {"bad", "good", "other"}, [None, "a", "b"], 3])
def test_labels_that_are_no_list_of_names_are_refused(classifier: BertClassifier, labels: Any) -> None:
    with pytest.raises(ConfigError, match="labels must be a list of names, got "):
        classifier.as_transformers(labels)


def test_saving_with_something_else_than_a_tokenizer_is_refused(classifier: BertClassifier, tmp_path: Path) -> None:
    for tokenizer in (None, "bert-base-uncased"):
        with pytest.raises(ConfigError, match="tokenizer must be the encoder's tokenizer, got "):
            classifier.save_pretrained(tmp_path, tokenizer)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": None}, "model must be a checkpoint folder, .* or a loaded encoder, got None"),
        ({"model": torch.nn.Linear(2, 2)}, "model must be a checkpoint folder, .* or a loaded encoder, got Linear"),
        ({"n_classes": 1}, "n_classes must be"),
        ({"n_classes": "2"}, "n_classes must be"),
        ({"dropout": 1.0}, "dropout must be a share from 0 to below 1, got 1.0"),
        ({"dropout": "0.3"}, "dropout must be a number, got '0.3'"),
    ],
)
def test_wrong_settings_of_the_classifier_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BertClassifier(**{"n_classes": 2, "model": made_model("BertModel", vocab_size=40), **arguments})


def test_names_that_are_not_as_many_as_classes_are_refused(classifier: BertClassifier) -> None:
    with pytest.raises(ConfigError, match="labels has 2 names, the model 3 classes"):
        classifier.as_transformers(["bad", "good"])
    with pytest.raises(ConfigError, match="labels must be different names"):
        classifier.as_transformers(["bad", "good", "bad"])


def test_another_attribute_of_models_is_not_there() -> None:
    import ferrobert.models

    with pytest.raises(AttributeError, match="ferrobert.models' has no attribute 'Bert'"):
        ferrobert.models.Bert  # noqa: B018
