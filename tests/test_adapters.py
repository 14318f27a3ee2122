"""LoRA adapters: what training writes beside the merged model is loaded by pipelines, with its encoder, to the bit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.hub_cache import cached

import ferrobert as fb
from ferrobert import hub
from ferrobert.errors import CheckpointError, ConfigError
from ferrobert.models.adapters import BASE_SHA256
from ferrobert.models.encoder import ENCODER_SHA256, encoder_folder, sha256_of

TEXTS = ["the film was great!", "bad", "good food", "the room was very dull ."] * 3
TRAIN = list(zip(TEXTS, ["good", "bad"] * 6, strict=True))
# Enough to fit a temperature; some labels are wrong, so that there is something to learn from.
NOISY = [(text, "bad" if row % 7 == 0 else label) for row, (text, label) in enumerate(TRAIN * 40)]
SETTINGS: dict[str, Any] = {
    "epochs": 2,
    "learning_rate": 5e-3,
    "batch_size": 4,
    "device": "cpu",
    "progress": False,
    "lora": 4,
}


@pytest.fixture(scope="module")
def trained(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    fb.finetune("text-classification", tiny_encoder, NOISY, 0.25, output_dir=folder, **SETTINGS)
    return folder


@pytest.fixture
def adapter(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "adapter", tmp_path / "adapter"))


def test_an_adapter_gives_the_scores_of_the_merged_model(trained: Path, adapter: Path) -> None:
    merged = fb.pipeline("text-classification", trained, device="cpu", top_k=None)
    alone = fb.pipeline("sentiment-analysis", adapter, device="cpu", top_k=None)
    assert alone(TEXTS) == merged(TEXTS)
    assert alone.labels == merged.labels == ["bad", "good"]
    report = json.loads((trained / "training_report.json").read_text())
    assert report["calibration"]["temperature"] is not None  # it is in the adapter too
    for name, weights in merged.model.state_dict().items():
        assert torch.equal(weights, alone.model.state_dict()[name]), name


def test_it_is_small_and_its_files_are_pefts(trained: Path, adapter: Path, tiny_encoder: Path) -> None:
    assert sorted(file.name for file in adapter.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "config.json",
    ]
    names = load_file(adapter / "adapter_model.safetensors")
    assert all("lora_" in name or "classifier" in name for name in names)
    settings = json.loads((adapter / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str(tiny_encoder.resolve())
    assert settings["r"] == 4
    assert "_name_or_path" not in json.loads((adapter / "config.json").read_text())


def test_peft_loads_it(trained: Path, adapter: Path, tiny_encoder: Path) -> None:
    import peft
    import transformers

    base = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_encoder, num_labels=2)
    model = peft.PeftModel.from_pretrained(base, adapter).merge_and_unload().eval()
    expected = fb.pipeline("text-classification", trained, device="cpu").model
    ids = torch.tensor([[2, 7, 8, 3]])
    assert torch.allclose(model(input_ids=ids).logits, expected(input_ids=ids).logits, atol=1e-6)


def test_it_is_saved_as_a_whole_model(trained: Path, adapter: Path, tmp_path: Path) -> None:
    pipe = fb.pipeline("text-classification", adapter, device="cpu")
    pipe.save_pretrained(tmp_path / "whole")
    assert fb.pipeline("text-classification", tmp_path / "whole", device="cpu")(TEXTS) == pipe(TEXTS)


@pytest.mark.parametrize("task", ["ner", "question-answering"])
def test_adapters_of_other_tasks(tiny_encoder: Path, tmp_path: Path, task: str) -> None:
    rows: Any = [(["good", "film", "the"], ["B-A", "I-A", "O"])] * 8
    if task == "question-answering":
        answers = {"text": ["film"], "answer_start": [4]}
        rows = [
            {"id": str(id), "question": "who", "context": "the film was good", "answers": answers} for id in range(8)
        ]
    fb.finetune(task, tiny_encoder, rows, output_dir=tmp_path, **SETTINGS)
    given: Any = ("the good film",) if task == "ner" else ()
    named = {} if task == "ner" else {"question": "who", "context": "the film was good"}
    whole, alone = (fb.pipeline(task, folder, device="cpu") for folder in (tmp_path, tmp_path / "adapter"))
    assert alone(*given, **named) == whole(*given, **named)


def test_its_encoder_may_be_the_package(adapter: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fb.pipeline("text-classification", adapter, device="cpu")(TEXTS)
    edit(adapter / "adapter_config.json", base_model_name_or_path=hub.ENCODER)
    monkeypatch.setattr(hub, "installed_encoder", lambda: tiny_encoder)
    assert fb.pipeline("text-classification", adapter, device="cpu")(TEXTS) == expected


def test_its_encoder_may_be_in_the_hubs_cache(
    adapter: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fb.pipeline("text-classification", adapter, device="cpu")(TEXTS)
    cached(tmp_path / "hub", "org/tiny", tiny_encoder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    edit(adapter / "adapter_config.json", base_model_name_or_path="org/tiny")
    assert fb.pipeline("text-classification", adapter, device="cpu")(TEXTS) == expected


def test_in_half_precision_it_is_the_merged_model_in_half_precision(trained: Path, adapter: Path) -> None:
    merged, alone = (
        fb.pipeline("text-classification", one, device="cpu", dtype="bfloat16") for one in (trained, adapter)
    )
    for name, weights in merged.model.state_dict().items():
        assert torch.equal(weights, alone.model.state_dict()[name]), name


def test_training_on_the_package_names_the_encoder_of_the_hub(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "installed_encoder", lambda: tiny_encoder)
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, **SETTINGS)
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == hub.ENCODER


def test_the_installed_encoder_is_the_one_of_the_hub() -> None:
    folder = encoder_folder()
    assert sha256_of(folder / "model.safetensors") == ENCODER_SHA256
    embed = fb.pipeline("feature-extraction", hub.ENCODER, device="cpu", pooling="mean")
    assert len(embed("A cat sat on the mat.")) == 384


def test_the_name_of_the_installed_encoder_means_the_same_everywhere() -> None:
    from ferrobert.models.families import model_size

    assert model_size(hub.ENCODER).parameters == 22_713_216
    tokenizer = fb.AutoTokenizer.from_pretrained(hub.ENCODER)
    assert tokenizer("a cat")["input_ids"] == [101, 1037, 4937, 102]
    with pytest.raises(CheckpointError, match="revision v1, it could not be looked up"):
        fb.AutoTokenizer.from_pretrained(hub.ENCODER, revision="v1", local_files_only=True)


def test_a_folder_of_the_name_of_the_installed_encoder_comes_before_it(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_encoder, tmp_path / hub.ENCODER)
    assert fb.pipeline("feature-extraction", hub.ENCODER, device="cpu").model.config.hidden_size == 32


def test_a_later_run_without_lora_leaves_no_adapter(tiny_encoder: Path, tmp_path: Path) -> None:
    for lora in (2, None):
        fb.finetune(
            "text-classification",
            tiny_encoder,
            TRAIN,
            output_dir=tmp_path,
            **{**SETTINGS, "lora": lora, "overwrite": True},
        )
        assert (tmp_path / "adapter").exists() == bool(lora)


# What is refused


def edit(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def refusal(folder: Path, task: str = "text-classification") -> str:
    with pytest.raises(CheckpointError) as caught:
        fb.pipeline(task, folder, device="cpu")
    return str(caught.value)


def test_another_encoder_is_refused(adapter: Path, tiny_classifier: Path) -> None:
    edit(adapter / "adapter_config.json", base_model_name_or_path=str(tiny_classifier))
    assert "was trained on another encoder than" in refusal(adapter)


def test_another_encoder_of_the_hub_is_refused(
    adapter: Path, tiny_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cached(tmp_path / "hub", "org/tiny", tiny_classifier) / "model.safetensors"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    edit(adapter / "adapter_config.json", base_model_name_or_path="org/tiny")
    sums = sha256_of(found), json.loads((adapter / "config.json").read_text())[BASE_SHA256]
    expected = f"{adapter} was trained on another encoder than {found}: its SHA-256 is {sums[0]}, not {sums[1]}"
    assert refusal(adapter) == expected


def test_an_encoder_of_the_hub_without_those_weights_is_refused(
    adapter: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cached(tmp_path / "hub", "org/tiny", tiny_encoder) / "model.safetensors").unlink()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    edit(adapter / "adapter_config.json", base_model_name_or_path="org/tiny")
    assert "'org/tiny' on the hub, or what of it is in the cache, lacks model.safetensors" in refusal(adapter)


def test_an_encoder_without_those_weights_is_refused(adapter: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_encoder, tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").rename(tmp_path / "other" / "pytorch_model.bin")
    edit(adapter / "adapter_config.json", base_model_name_or_path=str(tmp_path / "other"))
    assert f"than {tmp_path / 'other'}, which has no model.safetensors" in refusal(adapter)


def test_an_adapter_of_another_size_is_refused(adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    weights = {name: one[..., :-1].contiguous() if "lora_A" in name else one for name, one in load_file(path).items()}
    save_file(weights, path)
    assert "the adapter does not fit" in refusal(adapter)


def test_an_adapter_without_its_head_is_refused(adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    save_file({name: one for name, one in load_file(path).items() if "classifier" not in name}, path)
    assert "lacks parameters that its encoder has not either: classifier.bias, classifier.weight" in refusal(adapter)


@pytest.mark.parametrize("name", ["config.json", "adapter_model.safetensors"])
def test_an_adapter_without_one_of_its_files_is_refused(adapter: Path, name: str) -> None:
    (adapter / name).unlink()
    assert f"has no {name}; an adapter holds adapter_config.json" in refusal(adapter)


def test_an_adapter_of_another_task_is_refused(adapter: Path) -> None:
    assert "is an adapter of BertForSequenceClassification, it has no token-classification head" in refusal(
        adapter, "ner"
    )
    assert "it has no encoder; give the encoder that it belongs to, " in refusal(adapter, "feature-extraction")


def test_an_adapter_without_a_base_or_with_a_broken_config_is_refused(adapter: Path) -> None:
    edit(adapter / "adapter_config.json", base_model_name_or_path=None)
    assert "does not name its base model" in refusal(adapter)
    (adapter / "adapter_config.json").write_text("[")
    assert "is not JSON" in refusal(adapter)
    (adapter / "adapter_config.json").write_text("[]")
    assert "must hold a JSON object, holds list" in refusal(adapter)


def test_an_adapter_whose_base_is_gone_is_refused(adapter: Path) -> None:
    edit(adapter / "adapter_config.json", base_model_name_or_path="/no/such/folder")
    assert "no such file or folder" in refusal(adapter)


def test_training_on_an_adapter_is_refused(adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds a LoRA adapter, which is not trained on"):
        fb.finetune("text-classification", adapter, TRAIN, output_dir=tmp_path / "out", **SETTINGS)


def test_without_a_sha256_the_encoder_is_taken_as_it_is(adapter: Path) -> None:
    edit(adapter / "config.json", **{BASE_SHA256: None})
    assert fb.pipeline("text-classification", adapter, device="cpu")(TEXTS)


# A broken or incomplete one


def with_weights(adapter: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Path:
    path = adapter / "adapter_model.safetensors"
    save_file(change(load_file(path)), path)
    return adapter


@pytest.mark.parametrize("part", ["lora_A", "lora_B", "layer.1."])
def test_an_adapter_that_lacks_a_part_of_its_addition_is_refused(adapter: Path, part: str) -> None:
    wanted = len([name for name in load_file(adapter / "adapter_model.safetensors") if part in name])
    with_weights(adapter, lambda held: {name: one for name, one in held.items() if part not in name})
    message = refusal(adapter)
    assert f"{adapter} lacks {wanted} parameters that adapter_config.json speaks of (bert.encoder.layer." in message
    assert part in message


def test_an_adapter_whose_config_speaks_of_fewer_layers_is_refused(adapter: Path) -> None:
    edit(adapter / "adapter_config.json", target_modules=["query"])
    assert "that have no place in an adapter (bert.encoder.layer.0.attention.self.value.lora_A" in refusal(adapter)


def test_an_adapter_that_holds_weights_of_the_encoder_is_refused(adapter: Path) -> None:
    name = "bert.embeddings.LayerNorm.weight"
    with_weights(adapter, lambda held: {**held, f"base_model.model.{name}": torch.zeros(32)})
    assert f"holds 1 that have no place in an adapter ({name})" in refusal(adapter)


def test_an_adapter_whose_weights_are_no_safetensors_is_refused(adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    content = path.read_bytes()
    for broken in (b"", b"x" * 100, content[: len(content) // 2]):
        path.write_bytes(broken)
        assert f"{path} is no file of safetensors: " in refusal(adapter)


@pytest.mark.parametrize("labels", [["bad", "good"], {"a": "bad", "b": "good"}, {"0": "bad", "5": "good"}, {}, 3])
def test_an_adapter_whose_labels_are_not_numbered_is_refused(adapter: Path, labels: Any) -> None:
    edit(adapter / "config.json", id2label=labels)
    assert refusal(adapter) == f"{adapter / 'config.json'}: id2label must give each id from 0 on a label, got {labels}"


@pytest.mark.parametrize("classes", [3, "BertForSequenceClassification", [None], {"a": 1}])
def test_an_adapter_whose_architectures_are_no_names_is_refused(adapter: Path, classes: Any) -> None:
    edit(adapter / "config.json", architectures=classes)
    assert f"architectures must be a list of names of classes, got {classes!r}" in refusal(adapter)


@pytest.mark.parametrize(
    "setting", [{"target_modules": "(("}, {"r": "16"}, {"peft_type": "NO_SUCH"}, {"peft_type": "PROMPT_TUNING"}]
)
def test_an_adapter_whose_settings_peft_refuses_is_refused(adapter: Path, setting: dict[str, Any]) -> None:
    edit(adapter / "adapter_config.json", **setting)
    assert "the adapter does not fit" in refusal(adapter)


def test_a_sha256_that_is_no_text_is_compared_all_the_same(adapter: Path) -> None:
    edit(adapter / "config.json", **{BASE_SHA256: 3})
    assert refusal(adapter).endswith(", not 3")


def test_an_adapter_of_an_adapter_is_refused(adapter: Path, trained: Path) -> None:
    edit(adapter / "adapter_config.json", base_model_name_or_path=str(trained / "adapter"))
    assert f"is an adapter of {trained / 'adapter'}, which is an adapter itself" in refusal(adapter)


# Beside a whole model, and on the hub, transformers would add it to the model that it loads, checking neither


def test_nothing_is_saved_beside_an_adapter(adapter: Path, tmp_path: Path) -> None:
    before = sorted(file.name for file in adapter.iterdir())
    with pytest.raises(CheckpointError, match="holds an adapter .* a whole model needs a folder of its own"):
        fb.pipeline("text-classification", adapter, device="cpu").save_pretrained(adapter)
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match="output_dir .* holds an adapter .* choose another folder"):
            fb.finetune("text-classification", "no-model", TRAIN, output_dir=adapter, overwrite=overwrite, device="cpu")
    (tmp_path / "corpus.txt").write_text("good film\n")
    with pytest.raises(ConfigError, match="holds an adapter"):
        fb.pretrain(tmp_path / "corpus.txt", output_dir=adapter, overwrite=True)
    assert sorted(file.name for file in adapter.iterdir()) == before


def test_a_whole_model_beside_an_adapter_is_refused(adapter: Path, trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "model.safetensors", adapter)
    message = f"{adapter} holds a whole model and an adapter (adapter_config.json), which need a folder each"
    assert refusal(adapter) == message
    with pytest.raises(CheckpointError) as caught:
        fb.finetune("text-classification", adapter, TRAIN, output_dir=tmp_path / "out", **SETTINGS)
    assert str(caught.value) == message
    (tmp_path / "corpus.txt").write_text("good film\n")
    with pytest.raises(CheckpointError) as caught:
        fb.pretrain(tmp_path / "corpus.txt", model=adapter, output_dir=tmp_path / "out")
    assert str(caught.value) == message


def test_an_adapter_on_the_hub_says_how_to_get_it(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(tmp_path / "hub", "org/adapter", adapter)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(CheckpointError) as caught:
        fb.pipeline("text-classification", "org/adapter", device="cpu")
    assert str(caught.value) == (
        "org/adapter on the hub holds an adapter (adapter_config.json), which is loaded from a folder: "
        "hf download org/adapter --local-dir FOLDER"
    )
