"""Temperatures: what is fitted, that it is folded exactly and once, and what is left as it was."""

import math

import numpy as np
import pytest
import torch
import transformers
from tests.command_line import refused, run
from tests.finetune_cases import BAD, GOOD, TRAIN, report_of, weights_of
from tests.made_checkpoints import made_model

import ferrobert as fb
from ferrobert.errors import ConfigError
from ferrobert.pipelines.rows import TokenRows
from ferrobert.training.calibration import (
    BOUNDS,
    calibrate,
    calibration_line,
    fit_temperature,
    labelled_logits,
    measures,
)
from ferrobert.training.rows import LabelledRows, LabelledTokens

TEXTS = [*GOOD, *BAD]
# One label in five is wrong, so that a sure model is too sure.
CHECK = [(text, "good" if (text in GOOD) != (number % 5 == 0) else "bad") for number, text in enumerate(TEXTS * 10)]
FAST = {"epochs": 6, "learning_rate": 5e-3, "batch_size": 8, "device": "cpu", "progress": False}
NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
TAGGED = [
    (["who", "wrote", "film", "and", "one", "two"], ["O", "O", "B-LOC", "O", "B-PER", "I-PER"]),
    (["three", "was", "not", "book", "room", "!"], ["B-PER", "O", "O", "B-LOC", "I-LOC", "O"]),
] * 12
TAGGED_CHECK = [(words, ["O"] * 6 if number % 5 == 0 else tags) for number, (words, tags) in enumerate(TAGGED)]


def drawn(temperature, rows=20_000, labels=4):
    """Logits, and labels drawn from their softmax at a temperature."""
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(rows, labels, generator=generator, dtype=torch.float64)
    ids = torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=generator)[:, 0]
    return logits, ids


# The temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_with_is_found(temperature):
    logits, labels = drawn(temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.03)


@pytest.mark.parametrize("temperature", [0.5, 2.5])
def test_no_other_temperature_has_more_probable_labels(temperature):
    logits, labels = drawn(temperature, rows=200)
    found = fit_temperature(logits, labels)
    best = measures(logits / found, labels)["nll"]
    others = [measures(logits / other, labels)["nll"] for other in np.geomspace(*BOUNDS, 300)]
    assert best <= min(others) + 1e-12
    assert best == pytest.approx(min(others), abs=1e-3)


def test_labels_that_are_all_right_have_no_temperature():
    logits = torch.tensor([[1.0, 0.0], [0.0, 0.1]], dtype=torch.float64)
    assert fit_temperature(logits, torch.tensor([0, 1])) is None
    assert fit_temperature(logits[:1], torch.tensor([0])) is None


def test_scores_that_say_the_contrary_have_the_highest_temperature():
    logits = torch.tensor([[5.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    assert fit_temperature(logits, torch.tensor([1, 0])) == pytest.approx(BOUNDS[1], rel=1e-4)
    assert fit_temperature(logits[:1], torch.tensor([1])) == pytest.approx(BOUNDS[1], rel=1e-4)


def test_equal_logits_are_left_as_they_are():
    assert fit_temperature(torch.ones(4, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0])) == 1.0


def test_the_measures_are_those_of_softmax():
    logits = torch.tensor([[math.log(0.9), math.log(0.1)]] * 4, dtype=torch.float64)
    found = measures(logits, torch.tensor([0, 0, 0, 1]))
    assert found["nll"] == pytest.approx(-(3 * math.log(0.9) + math.log(0.1)) / 4)
    assert found["calibration_error"] == pytest.approx(0.15)


# The fold


def rows_for(kind, labels=3, rows=120):
    """Rows of random ids with random labels; of tokens, the first of each row has none."""
    generator = np.random.default_rng(0)
    splits = np.concatenate([[0], np.cumsum(generator.integers(3, 12, rows))])
    ids = generator.integers(5, 200, splits[-1])
    made = TokenRows(ids, None, splits)
    if not kind.endswith("ForTokenClassification"):
        return LabelledRows(made, generator.integers(0, labels, rows), 0)
    of_tokens = generator.integers(0, labels, splits[-1])
    of_tokens[splits[:-1]] = -100
    return LabelledTokens(made, of_tokens, 0)


@pytest.mark.parametrize("head", ["ForSequenceClassification", "ForTokenClassification"])
@pytest.mark.parametrize(
    "family", ["Bert", "Roberta", "XLMRoberta", "Camembert", "DistilBert", "Albert", "Electra", "MPNet", "DebertaV2"]
)
def test_folded_logits_are_those_of_the_model_over_the_temperature(family, head):
    model = made_model(family + head, vocab_size=200, num_labels=3)
    rows = rows_for(family + head)
    before, labels = labelled_logits(model, rows, 16)
    found = calibrate(model, rows, 16)
    after, _ = labelled_logits(model, rows, 16)
    assert found["temperature"] not in (None, 1.0)
    assert found["labels"] == len(labels) == (rows.labels >= 0).sum()
    assert (after - before / found["temperature"]).abs().max() < 1e-6
    assert torch.equal(after.argmax(dim=-1), before.argmax(dim=-1))
    assert found["before"] == measures(before, labels)
    assert found["after"] == pytest.approx(measures(after, labels), abs=1e-6)
    assert found["after"]["nll"] < found["before"]["nll"]


class Squashed(torch.nn.Module):
    """Logits that no linear layer gives."""

    def __init__(self, size, labels):
        super().__init__()
        self.linear = torch.nn.Linear(size, labels)

    def forward(self, hidden):
        return torch.tanh(self.linear(hidden))


def assert_left(model, rows, reason):
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    found = calibrate(model, rows, 16)
    assert reason in found["reason"]
    assert found["temperature"] is found["after"] is None
    assert calibration_line(found) == f"scores are not calibrated: {found['reason']}"
    assert all(weight.equal(before[name]) for name, weight in model.state_dict().items())


def test_a_head_that_does_not_end_in_a_linear_layer_is_left():
    model = made_model("BertForSequenceClassification", vocab_size=200, num_labels=3)
    model.classifier = Squashed(32, 3)
    reason = "the logits of BertForSequenceClassification are not the output of a linear layer"
    assert_left(model, rows_for("BertForSequenceClassification"), reason)


def test_few_labels_leave_the_model():
    model = made_model("BertForSequenceClassification", vocab_size=200, num_labels=3)
    assert_left(model, rows_for("BertForSequenceClassification", rows=99), "fewer than 100 labels in validation")


def test_labels_that_are_all_right_leave_the_model():
    model = made_model("BertForSequenceClassification", vocab_size=200, num_labels=3)
    rows = rows_for("BertForSequenceClassification")
    logits, _ = labelled_logits(model, rows, 16)
    rows.labels = logits.argmax(dim=-1).numpy()
    assert_left(model, rows, "every label is right")


def test_logits_that_are_not_finite_leave_the_model():
    model = made_model("BertForSequenceClassification", vocab_size=200, num_labels=3)
    with torch.no_grad():
        model.classifier.bias[1] = float("inf")
    assert_left(model, rows_for("BertForSequenceClassification"), "not finite")


# Fine-tuning


@pytest.fixture(scope="module")
def pair(tiny_encoder, tmp_path_factory):
    """Folders of one run with and without a temperature."""
    folder = tmp_path_factory.mktemp("pair")
    for name, calibrates in (("calibrated", True), ("raw", False)):
        settings = {**FAST, "calibrate": calibrates}
        fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=folder / name, **settings)
    return folder / "calibrated", folder / "raw"


def assert_folded(calibrated, raw):
    """The two differ by the temperature in the last layer alone."""
    temperature = report_of(calibrated)["calibration"]["temperature"]
    assert temperature not in (None, 1.0)
    ours, theirs = weights_of(calibrated), weights_of(raw)
    assert ours.keys() == theirs.keys()
    for name in ours:
        if name.startswith("classifier."):
            assert torch.allclose(ours[name] * temperature, theirs[name], rtol=1e-6, atol=0)
        else:
            assert torch.equal(ours[name], theirs[name]), name


def test_the_saved_model_holds_the_temperature_and_the_raw_one_does_not(pair):
    assert_folded(*pair)
    assert report_of(pair[1])["calibration"] is None


def test_the_labels_are_those_of_the_raw_model(pair):
    texts = [text for text, _ in CHECK]
    ours, theirs = (fb.pipeline("text-classification", folder, device="cpu")(texts) for folder in pair)
    assert [one["label"] for one in ours] == [one["label"] for one in theirs]
    assert all(one["score"] != other["score"] for one, other in zip(ours, theirs, strict=True))


def test_transformers_gives_the_calibrated_scores(pair):
    ours = fb.pipeline("text-classification", pair[0], device="cpu")(TEXTS)
    theirs = transformers.pipeline("text-classification", str(pair[0]), device="cpu")(TEXTS)
    for one, other in zip(ours, theirs, strict=True):
        assert one["label"] == other["label"]
        assert one["score"] == pytest.approx(other["score"], abs=1e-5)


@pytest.mark.parametrize(("place", "when"), [(1, "before"), (0, "after")], ids=["before", "after"])
def test_the_report_holds_what_the_pipelines_scores_say(pair, place, when):
    results = fb.pipeline("text-classification", pair[place], device="cpu")([text for text, _ in CHECK], top_k=None)
    right = [row[0]["label"] == label for row, (_, label) in zip(results, CHECK, strict=True)]
    score_of = [{one["label"]: one["score"] for one in row} for row in results]
    nll = -np.mean([np.log(scores[label]) for scores, (_, label) in zip(score_of, CHECK, strict=True)])
    told = report_of(pair[0])["calibration"]
    assert told["labels"] == len(CHECK)
    assert told[when]["nll"] == pytest.approx(nll, abs=1e-5)
    error = fb.metrics.calibration_error(right, [row[0]["score"] for row in results])
    assert told[when]["calibration_error"] == pytest.approx(error, abs=1e-5)
    assert told["after"]["nll"] < told["before"]["nll"]


def test_losses_of_epochs_are_those_of_the_raw_model(pair):
    calibrated, raw = map(report_of, pair)
    assert calibrated["history"] == raw["history"]
    assert calibrated["history"][-1]["validation_loss"] == pytest.approx(
        calibrated["calibration"]["before"]["nll"], abs=1e-5
    )


@pytest.mark.parametrize(
    "part", [{"lora": 4}, {"freeze_encoder": True}, {"select_best": "loss"}, {"mixed_precision": "bf16"}], ids=str
)
def test_every_way_of_training_is_folded(tiny_encoder, tmp_path, part):
    if "lora" in part:
        pytest.importorskip("peft")
    for name, calibrates in (("calibrated", True), ("raw", False)):
        settings = {**FAST, "calibrate": calibrates, **part}
        fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=tmp_path / name, **settings)
    assert_folded(tmp_path / "calibrated", tmp_path / "raw")


def test_a_resumed_run_is_folded_once(pair, tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import loop

    settings = {**FAST, "output_dir": tmp_path, "resume": True}
    with monkeypatch.context() as patched:
        patched.setattr(loop, "save_model", lambda *arguments, **others: 1 / 0)
        with pytest.raises(ZeroDivisionError):  # behind the fold
            fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, **settings)
    for _ in range(2):
        fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, **settings)
        expected, found = weights_of(pair[0]), weights_of(tmp_path)
        assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert report_of(tmp_path)["calibration"] == report_of(pair[0])["calibration"]


def test_resume_with_another_calibration_is_refused(tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import loop

    settings = {**FAST, "output_dir": tmp_path}
    with monkeypatch.context() as patched:
        patched.setattr(loop, "save_model", lambda *arguments, **others: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, **settings)
    with pytest.raises(ConfigError, match=r"other settings \(calibrate True -> False\)"):
        fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, resume=True, calibrate=False, **settings)


def test_without_validation_there_is_no_temperature(tiny_encoder, tmp_path):
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, **{**FAST, "epochs": 1})
    assert report_of(tmp_path)["calibration"] is None


def test_calibrate_is_true_or_false(tiny_encoder, tmp_path):
    with pytest.raises(ConfigError, match="calibrate must be True or False, got 'yes'"):
        fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, calibrate="yes", **FAST)


# Tokens


@pytest.fixture(scope="module")
def taggers(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("taggers")
    for name, calibrates in (("calibrated", True), ("raw", False)):
        settings = {**FAST, "calibrate": calibrates, "label_names": NAMES}
        fb.finetune("ner", tiny_encoder, TAGGED, TAGGED_CHECK, output_dir=folder / name, **settings)
    return folder / "calibrated", folder / "raw"


def test_taggers_are_calibrated_on_labelled_tokens(taggers):
    assert_folded(*taggers)
    told = report_of(taggers[0])["calibration"]
    assert told["labels"] == report_of(taggers[0])["tokens"]["validation"]["labelled"]
    assert told["before"]["nll"] == pytest.approx(report_of(taggers[1])["history"][-1]["validation_loss"], abs=1e-5)
    assert told["after"]["nll"] < told["before"]["nll"]


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("strategy", ["none", "simple", "first"])
def test_entities_are_those_of_the_raw_tagger(taggers, strategy, constrained):
    texts = ["who wrote film and one two", "three was unbelievably good ! and this room", "two two book"]
    options = {"aggregation_strategy": strategy, "constrained": constrained, "ignore_labels": []}
    ours, theirs = (fb.pipeline("ner", folder, device="cpu")(texts, **options) for folder in taggers)
    for row, other in zip(ours, theirs, strict=True):
        assert [{**one, "score": None} for one in row] == [{**one, "score": None} for one in other]
    assert [[one["score"] for one in row] for row in ours] != [[one["score"] for one in row] for row in theirs]


# The command


def write_csv(path, rows):
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), "utf-8")
    return path


def test_train_says_the_temperature_and_no_calibrate_has_none(tiny_encoder, tmp_path):
    train, check = write_csv(tmp_path / "train.csv", TRAIN), write_csv(tmp_path / "check.csv", CHECK)
    options = ["--validation", check, "--epochs", 1, "--learning-rate", 0.005, "--device", "cpu"]
    shown = run("train", train, "-m", tiny_encoder, "-o", tmp_path / "a", *options).stderr
    told = report_of(tmp_path / "a")["calibration"]
    assert calibration_line(told) in shown
    assert calibration_line(told).startswith(f"temperature {told['temperature']:.2f}  calibration error 0.")
    shown = run("train", train, "-m", tiny_encoder, "-o", tmp_path / "b", *options, "--no-calibrate").stderr
    assert "calibrat" not in shown
    assert report_of(tmp_path / "b")["calibration"] is None


def test_no_calibrate_for_questions_is_refused(tiny_encoder, tmp_path):
    message = refused(
        *("train", "train.json", "-m", tiny_encoder, "-o", tmp_path),
        *("--task", "question-answering", "--no-calibrate"),
    )
    assert "--no-calibrate do not go with --task question-answering" in message
