"""Feature extraction: transformers' call and lists, pooled vectors, on tiny checkpoints of four families."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.command_line import refused, run

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DecodeError, TextTypeError

TEXTS = ["the film was great!", "bad", "", "unbelievable food , but the room was very dull .", "a book one two three"]


@pytest.fixture(scope="module")
def ours(tiny_classifier: Path) -> Any:
    return fb.pipeline("feature-extraction", tiny_classifier, device="cpu")


@pytest.fixture(scope="module")
def theirs(tiny_classifier: Path) -> Any:
    return transformers.pipeline("feature-extraction", str(tiny_classifier), device="cpu")


def assert_close(one: Any, other: Any) -> None:
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-5, rtol=0)


def test_the_same_as_transformers(ours: Any, theirs: Any) -> None:
    found, expected = ours(TEXTS), theirs(TEXTS)
    assert type(found) is type(found[0][0]) is list
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other)
    assert_close(ours(TEXTS[0]), theirs(TEXTS[0]))
    tensor = ours(TEXTS[0], return_tensors=True)
    assert tensor.shape == theirs(TEXTS[0], return_tensors=True).shape
    assert tensor.dtype == torch.float32
    assert [one.shape for one in ours(TEXTS, return_tensors="np")] == [np.shape(one) for one in expected]
    long = "good " * 100
    assert_close(ours(long, truncation=True), theirs(long, truncation=True))
    assert_close(
        ours(long, tokenize_kwargs={"truncation": True, "max_length": 9}), ours(long, truncation=True, max_length=9)
    )


@pytest.mark.parametrize("batch_tokens", [8, 4096])
def test_pooled_vectors(tiny_classifier: Path, ours: Any, batch_tokens: int) -> None:
    embed = fb.pipeline("feature-extraction", tiny_classifier, device="cpu", batch_tokens=batch_tokens)
    states = [np.array(one[0]) for one in ours(TEXTS)]
    poolings = {"cls": lambda one: one[0], "mean": lambda one: one.mean(0), "max": lambda one: one.max(0)}
    for pooling, pooled in poolings.items():
        expected = np.stack([pooled(one) for one in states])
        vectors = embed(TEXTS, pooling=pooling, return_tensors="np")
        assert vectors.dtype == np.float32
        assert_close(vectors, expected)
        assert_close(embed(TEXTS, pooling=pooling), expected)
        assert isinstance(embed(TEXTS[0], pooling=pooling), list)
        assert torch.is_tensor(embed(TEXTS, pooling=pooling, return_tensors="pt"))
        unit = embed(TEXTS, pooling=pooling, normalize=True, return_tensors="np")
        assert_close(unit, expected / np.linalg.norm(expected, axis=1, keepdims=True))
        assert_close(list(embed(iter(TEXTS), pooling=pooling, batch_size=2)), expected)
    assert embed([], pooling="mean") == []
    width = embed.model.config.hidden_size
    assert embed([], pooling="mean", return_tensors="np").shape == (0, width)
    assert embed([], pooling="mean", return_tensors="pt").shape == (0, width)


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", None])
def test_models_that_run_padded(tiny_classifier: Path, ours: Any, pooling: str | None, monkeypatch: Any) -> None:
    expected = ours(TEXTS, pooling=pooling)
    monkeypatch.setattr("ferrobert.pipelines.forward.unpadded", lambda model: None)
    for one, other in zip(ours(TEXTS, pooling=pooling), expected, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize(
    "kind", ["BertForMaskedLM", "BertModel", "RobertaForMaskedLM", "DistilBertModel", "AlbertModel"]
)
def test_checkpoints_with_another_head_or_none(tmp_path: Path, tiny_classifier: Path, kind: str) -> None:
    family = kind.removesuffix("ForMaskedLM").removesuffix("Model")
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "intermediate_size": 16,
    }
    if family == "DistilBert":
        sizes = {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 16}
    tokenizer = fb.AutoTokenizer.from_pretrained(str(tiny_classifier))
    config = getattr(transformers, f"{family}Config")(vocab_size=len(tokenizer), **sizes)
    model = getattr(transformers, kind)(config).eval()
    model.save_pretrained(tmp_path)
    embed = fb.pipeline("feature-extraction", tmp_path, tokenizer, device="cpu")
    row = tokenizer(TEXTS[0], return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        expected = model.base_model(**row).last_hidden_state
    assert_close(embed(TEXTS[0], return_token_type_ids=False), expected)


# The command


def test_predict_adds_vectors_to_a_file(tiny_classifier: Path, ours: Any, tmp_path: Path) -> None:
    texts = [text for text in TEXTS if text]
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    for options, pooling in (([], "mean"), (["--pooling", "cls"], "cls")):
        found = run("predict", file, "-m", tiny_classifier, "--task", "feature-extraction", *options).stdout
        vectors = [json.loads(line)["vector"] for line in found.splitlines()]
        assert_close(vectors, ours(texts, pooling=pooling, normalize=True))
    message = refused("predict", file, "-m", tiny_classifier, "--pooling", "cls")
    assert message == "--pooling goes with --task feature-extraction, not with text-classification"


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "sum"}, "pooling must be one of 'cls', 'mean', 'max', or None, got 'sum'"),
        ({"normalize": True}, "normalize goes with pooling"),
        ({"pooling": "cls", "normalize": 1}, "normalize must be True or False, got 1"),
        ({"return_tensors": "tf"}, 'return_tensors must be True, False, "pt" or "np", got \'tf\''),
        ({"return_tensors": 1}, 'return_tensors must be True, False, "pt" or "np", got 1'),
        ({"truncation": True, "tokenize_kwargs": {"truncation": True}}, "truncation is given twice"),
        ({"tokenize_kwargs": 3}, "tokenize_kwargs must be a dict of options, got int"),
        ({"top_k": 1}, "unknown option 'top_k'"),
    ],
)
def test_other_options_are_refused(ours: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ours("good", **options)


def test_a_text_longer_than_the_model_reads_names_row_tokens_and_limit(ours: Any) -> None:
    with pytest.raises(ConfigError, match=r"row 1 has 92 tokens, the model reads at most 64"):
        ours(["good", "good " * 90])


@pytest.mark.parametrize("inputs", [3, None, b"good", ["good", 3]])
def test_a_text_that_is_no_string_is_refused(ours: Any, inputs: Any) -> None:
    with pytest.raises(TextTypeError):
        ours(inputs)


def test_numbers_that_are_none_name_the_row(tiny_classifier: Path) -> None:
    model = transformers.AutoModel.from_pretrained(tiny_classifier)
    tokenizer = fb.AutoTokenizer.from_pretrained(str(tiny_classifier))
    model.embeddings.word_embeddings.weight.data[tokenizer.get_vocab()["bad"]] = float("nan")
    embed = fb.pipeline("feature-extraction", model, tokenizer, device="cpu")
    with pytest.raises(DecodeError, match=r"row 1 are NaN \(1 of 5 rows\)"):
        embed(TEXTS)


def test_a_checkpoint_that_lacks_a_part_of_the_encoder_is_refused(tiny_classifier: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in tiny_classifier.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    gone = next(name for name in weights if "layer.0.attention" in name)
    save_file(
        {name: one for name, one in weights.items() if name != gone}, tmp_path / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CheckpointError, match=r"lacks 1 parameters of the bert encoder \(encoder.*layer\.0\.attention"):
        fb.pipeline("feature-extraction", tmp_path, device="cpu")
