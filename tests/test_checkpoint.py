"""Loading a checkpoint: what is missing, extra, of another shape, outside of its folder or a pickle is named."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.made_checkpoints import made_model

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, UnsafeCheckpointError
from ferrobert.models.checkpoint import load_sequence_classifier

SAFE, INDEX = "model.safetensors", "model.safetensors.index.json"
LAYER = "bert.encoder.layer.1."


@pytest.fixture
def copied(tiny_classifier: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the classifier with other weights, or with none."""

    def make(weights: dict[str, Any] | None = None) -> Path:
        folder = tmp_path / "copied"
        folder.mkdir()
        for path in tiny_classifier.iterdir():
            if path.suffix != ".safetensors":
                (folder / path.name).write_bytes(path.read_bytes())
        if weights is not None:
            save_file(weights, folder / SAFE, {"format": "pt"})
        return folder

    return make


@pytest.fixture
def weights(tiny_classifier: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(tiny_classifier / SAFE))


def classify(folder: Path, **options: Any) -> Any:
    return fb.pipeline("text-classification", folder, device="cpu", **options)


def refusal(folder: Path, kind: type[Exception] = CheckpointError, **options: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        classify(folder, **options)
    assert type(caught.value) is kind
    return str(caught.value)


def test_an_encoder_without_a_head_is_refused(tiny_encoder):
    with pytest.raises(CheckpointError, match=r"no classification head.*classifier"):
        fb.pipeline("text-classification", tiny_encoder)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no such file or folder"):
        fb.pipeline("text-classification", tmp_path / "nothing")


def test_a_text_in_place_of_a_model_is_refused():
    text = "I loved every minute of it. " * 20
    with pytest.raises(
        CheckpointError, match=r"^'I loved every minute .*\.\.\.: no such file or folder \(File name too"
    ):
        fb.pipeline("text-classification", text)


def test_a_file_in_place_of_a_folder_is_refused(tiny_classifier):
    with pytest.raises(CheckpointError, match="a checkpoint is a folder"):
        fb.pipeline("text-classification", tiny_classifier / "config.json")


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        fb.pipeline("text-classification", tmp_path)


@pytest.mark.parametrize("content", ["{", "[" * 100_000], ids=["cut off", "nested too deeply"])
def test_a_config_that_is_not_json_is_refused(tmp_path, content):
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match="is not JSON"):
        fb.pipeline("text-classification", tmp_path)


def test_a_folder_without_weights_is_refused(tiny_classifier, tmp_path):
    (tmp_path / "config.json").write_bytes((tiny_classifier / "config.json").read_bytes())
    with pytest.raises(CheckpointError, match=r"no weights; expected model\.safetensors"):
        fb.pipeline("text-classification", tmp_path)


def test_a_model_of_rotary_positions_has_no_limit():
    from ferrobert.models.checkpoint import position_limit

    assert position_limit(torch.nn.Linear(2, 2)) is None


def test_roberta_reads_two_tokens_less_than_its_table_has_rows():
    from ferrobert.models.checkpoint import position_limit

    config = transformers.RobertaConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, max_position_embeddings=34
    )
    model = transformers.RobertaModel(config)
    assert position_limit(model) == 32
    model(torch.full((1, 32), 5))
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, 33), 5))


def test_the_sinusoids_of_roformer_are_a_table_of_positions():
    from ferrobert.models.checkpoint import position_limit

    model = made_model("RoFormerModel", vocab_size=20, max_position_embeddings=32)
    assert position_limit(model) == 32
    model(torch.full((1, 32), 5))
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, 33), 5))


# Weights that do not fit


def test_missing_parameters_are_named(copied: Callable[..., Path], weights: dict[str, torch.Tensor]) -> None:
    message = refusal(copied({key: one for key, one in weights.items() if not key.startswith(LAYER)}))
    assert f"lacks 16 parameters of the bert encoder ({LAYER}attention.output.LayerNorm.bias, " in message
    assert " and 10 more)" in message


def test_parameters_of_another_shape_are_named(copied: Callable[..., Path], weights: dict[str, torch.Tensor]) -> None:
    key = "bert.pooler.dense.weight"
    size = weights[key].shape[0]
    message = refusal(copied({**weights, key: torch.ones(3, 4)}))
    assert f"has 1 of another shape than config.json says ({key} (3, 4) for ({size}, {size}))" in message


def test_missing_extra_and_wrong_parameters_are_named_at_once(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    found = {key: one for key, one in weights.items() if not key.startswith(f"{LAYER}intermediate")}
    message = refusal(copied({**found, "bert.pooler.dense.bias": torch.ones(3), "bert.own": torch.ones(1)}))
    assert f"lacks 2 parameters of the bert encoder ({LAYER}intermediate.dense.bias, {LAYER}inter" in message
    assert "has 1 of another shape than config.json says (bert.pooler.dense.bias (3,)" in message
    assert "holds 1 that have no place in the model (bert.own)" in message


def test_layers_that_config_json_does_not_have_are_refused(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    folder = copied(weights)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    message = refusal(folder)
    assert f"holds 16 that have no place in the model ({LAYER}attention" in message
    with pytest.raises(CheckpointError, match="holds 16 that have no place"):
        fb.pipeline("feature-extraction", folder, device="cpu")
    with pytest.raises(CheckpointError, match="holds 16 that have no place"):
        load_sequence_classifier(folder, labels=["a", "b"])


def test_positions_as_old_checkpoints_hold_them_are_no_parameters(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    numbers = torch.arange(64)[None]
    assert classify(copied({**weights, "bert.embeddings.position_ids": numbers}))("good")


def test_parameters_beside_a_complete_model_are_left_alone(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    assert classify(copied({**weights, "cls.predictions.bias": torch.ones(4)}))("good")


def test_a_config_with_other_labels_than_the_head_is_refused(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    folder = copied(weights)
    config = json.loads((folder / "config.json").read_text())
    del config["id2label"], config["label2id"]
    (folder / "config.json").write_text(json.dumps(config))
    message = refusal(folder)
    assert "classifier.bias (3,) for (2,)" in message
    assert message.endswith("has the head other labels?")


def test_training_makes_a_new_head_for_other_labels(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    loaded = load_sequence_classifier(copied(weights), labels=["a", "b", "c", "d"])
    assert loaded.fresh == {"classifier.weight", "classifier.bias"}


def test_training_needs_the_whole_encoder(copied: Callable[..., Path], weights: dict[str, torch.Tensor]) -> None:
    folder = copied({key: one for key, one in weights.items() if not key.startswith(LAYER)})
    with pytest.raises(CheckpointError, match="lacks 16 parameters of the bert encoder"):
        load_sequence_classifier(folder, labels=["a", "b"])


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_cut_off_weights_are_refused(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor], share: float
) -> None:
    folder = copied(weights)
    whole = (folder / SAFE).read_bytes()
    (folder / SAFE).write_bytes(whole[: int(len(whole) * share)])
    assert "cannot be loaded with its classification head" in refusal(folder)


# Shards


def sharded(folder: Path, weights: dict[str, torch.Tensor], names: tuple[str, str]) -> None:
    """Weights in two files, and the index that names them."""
    half = list(weights)[::2]
    (folder / INDEX).write_text(
        json.dumps({"metadata": {}, "weight_map": {key: names[key in half] for key in weights}})
    )
    for number, name in enumerate(names):
        path = folder / name
        (folder / "parts").mkdir(exist_ok=True)
        save_file({key: one for key, one in weights.items() if (key in half) == number}, path, {"format": "pt"})


def test_shards_of_the_folder_are_loaded(copied: Callable[..., Path], weights: dict[str, torch.Tensor]) -> None:
    folder = copied()
    sharded(folder, weights, ("one.safetensors", "other.safetensors"))
    model = classify(folder).model
    assert torch.equal(model.classifier.weight, weights["classifier.weight"])


@pytest.mark.parametrize(
    "name", ["../outside.safetensors", "parts/../../outside.safetensors", "/{}/outside.safetensors"]
)
def test_shards_outside_of_the_folder_are_refused(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor], name: str
) -> None:
    folder = copied()
    name = name.format(str(folder.parent).strip("/"))
    sharded(folder, weights, ("one.safetensors", name))
    assert f"index.json names {name!r}, which is not in its folder" in refusal(folder, UnsafeCheckpointError)


@pytest.mark.parametrize("name", ["..\\outside.safetensors", "C:\\outside.safetensors", "C:outside.safetensors"])
def test_shards_outside_of_the_folder_on_windows_are_refused(copied: Callable[..., Path], name: str) -> None:
    folder = copied()
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {"a": name}}))
    assert "which is not in its folder" in refusal(folder, UnsafeCheckpointError)


def test_a_pickle_as_a_shard_of_safetensors_is_refused(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    folder = copied()
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(weights, "weights.bin")}))
    torch.save(weights, folder / "weights.bin")
    assert "names 'weights.bin', which is no file of safetensors" in refusal(folder, UnsafeCheckpointError)


def test_shards_that_are_not_there_are_named_at_once(copied: Callable[..., Path]) -> None:
    folder = copied()
    (folder / INDEX).write_text(
        json.dumps({"metadata": {}, "weight_map": {"a": "2.safetensors", "b": "1.safetensors"}})
    )
    assert refusal(folder) == f"{folder} lacks files that {INDEX} names: 1.safetensors, 2.safetensors"


@pytest.mark.parametrize("name", ["a\0.safetensors", "a" * 300 + ".safetensors"], ids=["NUL", "too long"])
def test_a_shard_whose_name_is_none_is_refused(copied: Callable[..., Path], name: str) -> None:
    folder = copied()
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {"a": name}}))
    message = refusal(folder)
    assert "which is no name of a file" in message
    assert "\0" not in message


def test_a_shard_whose_name_is_no_unicode_is_not_there(copied: Callable[..., Path]) -> None:
    folder = copied()
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {"a": "\ud800.safetensors"}}))
    assert "lacks files that" in refusal(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "must hold a JSON object, holds list"),
        ("{}", "must hold a weight_map"),
        ('{"metadata": {}, "weight_map": {}}', "must hold a weight_map"),
        ('{"weight_map": {"a": 1}}', "weight_map"),
        ('{"weight_map": {"a": "a.safetensors"}}', "must hold metadata beside its weight_map"),
    ],
)
def test_an_index_that_is_none_is_refused(copied: Callable[..., Path], content: str, message: str) -> None:
    folder = copied()
    (folder / INDEX).write_text(content)
    assert message in refusal(folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_act": "no-such"}, "with its classification head: transformers does not know 'no-such'"),
        ({"architectures": [None]}, "architectures must be a list of names of classes, got [None]"),
        ({"architectures": 3}, "architectures must be a list of names of classes, got 3"),
        ({"id2label": {"0": "bad", "5": "good"}}, "id2label must give each id from 0 on a label"),
    ],
)
def test_a_config_whose_classes_or_labels_are_wrong_is_refused(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor], settings: dict[str, Any], message: str
) -> None:
    folder = copied(weights)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **settings}))
    assert message in refusal(folder)


@pytest.mark.parametrize("weights", ["evil.safetensors.index.json", "../outside.safetensors", 3])
def test_other_files_of_weights_in_config_json_are_refused(tiny_classifier: Path, tmp_path: Path, weights: Any) -> None:
    folder = tmp_path / "copied"
    shutil.copytree(tiny_classifier, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": weights}))
    assert f"transformers_weights is {weights!r}, must be one of" in refusal(folder, UnsafeCheckpointError)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_attention_of_the_hub_is_refused(tiny_classifier: Path, tmp_path: Path, key: str) -> None:
    folder = tmp_path / "copied"
    shutil.copytree(tiny_classifier, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, key: "kernels-community/flash-attn"}))
    assert "code from the hub, which is never run" in refusal(folder, UnsafeCheckpointError)


# Pickles


class Harm:
    """Runs a command when it is loaded from a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_pickled_weights_are_refused_without_being_opened(copied: Callable[..., Path]) -> None:
    folder = copied()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'echo harm'\ntR.")
    message = refusal(folder, UnsafeCheckpointError)
    assert (
        "pytorch_model.bin is a pickle, which can run code when it is loaded; where you trust it, convert it" in message
    )


def test_pickled_weights_load_where_they_are_asked_for_and_are_saved_as_safetensors(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    folder = copied()
    torch.save(weights, folder / "pytorch_model.bin")
    pipe = classify(folder, allow_pickle=True)
    assert torch.equal(pipe.model.classifier.weight, weights["classifier.weight"])
    pipe.save_pretrained(tmp_path / "converted")
    assert classify(tmp_path / "converted")("good") == pipe("good")


def test_a_pickle_that_holds_more_than_tensors_is_refused_and_does_nothing(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    folder = copied()
    torch.save({**weights, "harm": Harm(tmp_path / "harm")}, folder / "pytorch_model.bin")
    message = refusal(folder, UnsafeCheckpointError, allow_pickle=True)
    assert message == f"{folder}: its pickle is broken or holds something else than tensors, and is not loaded"
    assert not (tmp_path / "harm").exists()


def test_safetensors_come_before_a_pickle(
    copied: Callable[..., Path], weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    folder = copied(weights)
    torch.save({"harm": Harm(tmp_path / "harm")}, folder / "pytorch_model.bin")
    for allowed in (False, True):
        assert classify(folder, allow_pickle=allowed)("good")
    assert not (tmp_path / "harm").exists()


def test_shards_of_pickles_outside_of_the_folder_are_refused(copied: Callable[..., Path]) -> None:
    folder = copied()
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": {"a": "../a.bin"}}))
    assert "is a pickle" in refusal(folder, UnsafeCheckpointError)
    assert "which is not in its folder" in refusal(folder, UnsafeCheckpointError, allow_pickle=True)


def test_allow_pickle_must_be_true_or_false(tiny_classifier: Path) -> None:
    with pytest.raises(ConfigError, match="allow_pickle must be True or False, got 'yes'"):
        classify(tiny_classifier, allow_pickle="yes")


# The hub's cache


def test_a_checkpoint_in_the_layout_of_the_hubs_cache_is_found_by_its_id(
    tiny_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = in_cache(tmp_path, tiny_classifier)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path), raising=False)
    assert classify("someone/tiny")("good") == classify(tiny_classifier)("good")
    (entry / SAFE).unlink()
    (entry / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {"a": "../../../outside.safetensors"}}))
    with pytest.raises(UnsafeCheckpointError, match="which is not in its folder"):
        classify("someone/tiny")


def in_cache(cache: Path, folder: Path) -> Path:
    """A folder as a download of the hub, under the id someone/tiny."""
    repository = cache / "models--someone--tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"
    entry = repository / "snapshots" / commit
    (repository / "blobs").mkdir(parents=True)
    entry.mkdir(parents=True)
    for number, path in enumerate(folder.iterdir()):
        blob = repository / "blobs" / f"{number:040x}"
        blob.write_bytes(path.read_bytes())
        (entry / path.name).symlink_to(Path("../../blobs") / blob.name)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    return entry
