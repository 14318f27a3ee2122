import csv
import json
import random

import numpy as np
import pytest

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DataError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

GOOD = ["a great film", "a nice book", "i love this room", "unbelievably good food", "the film was great", "not bad !"]
BAD = ["an awful film", "a dull book", "i hate this room", "very bad food", "the film was awful", "not good ."]
TRAIN = [(text, "good") for text in GOOD] * 4 + [(text, "bad") for text in BAD] * 4
CHECK = [("a great book", "good"), ("an awful room", "bad"), ("nice food", "good"), ("dull film", "bad")]
FAST = {"epochs": 2, "learning_rate": 1e-3, "batch_size": 8, "device": "cpu", "progress": False}
LONGER = {**FAST, "epochs": 8, "learning_rate": 5e-3}


def report_of(folder):
    return json.loads((folder / "training_report.json").read_text(encoding="utf-8"))


def weights_of(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def assert_equal_weights(one, other):
    one, other = weights_of(one), weights_of(other)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


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


class StopAfter(transformers.TrainerCallback):
    """Pulls the plug after an epoch's checkpoint."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_save(self, args, state, control, **kwargs):
        if round(state.epoch) == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("part", [{}, {"lora": True}, {"freeze_encoder": True}], ids=["full", "lora", "frozen"])
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(tiny_encoder, tmp_path, monkeypatch, part):
    if "lora" in part:
        pytest.importorskip("peft")
    from ferrobert.training import trainer

    settings = {**FAST, "epochs": 4, **part}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=whole, **settings)

    original = trainer.ClassifierTrainer.__init__
    with monkeypatch.context() as patched:

        def interrupted(self, **arguments):
            original(self, **{**arguments, "callbacks": [*arguments["callbacks"], StopAfter(2)]})

        patched.setattr(trainer.ClassifierTrainer, "__init__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=broken, **settings)
    assert not (broken / "config.json").exists()
    fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=broken, resume=True, **settings)
    assert_equal_weights(whole, broken)
    ours, theirs = report_of(broken)["history"], report_of(whole)["history"]
    assert ours == theirs


def test_resume_of_a_finished_run_returns_its_model_without_training(trained, tiny_encoder):
    _, folder = trained
    before = (folder / "model.safetensors").stat().st_mtime_ns
    fb.finetune("text-classification", tiny_encoder, TRAIN, CHECK, output_dir=folder, resume=True, **LONGER)
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def test_resume_with_nothing_to_resume_starts_from_the_beginning(tiny_encoder, tmp_path):
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path / "a", resume=True, **FAST)
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path / "b", **FAST)
    assert_equal_weights(tmp_path / "a", tmp_path / "b")


@pytest.fixture
def unfinished(tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    original = trainer.ClassifierTrainer.__init__
    with monkeypatch.context() as patched:

        def interrupted(self, **arguments):
            original(self, **{**arguments, "callbacks": [*arguments["callbacks"], StopAfter(1)]})

        patched.setattr(trainer.ClassifierTrainer, "__init__", interrupted)
        with pytest.raises(KeyboardInterrupt):
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


# What learns


def test_a_frozen_encoder_keeps_its_weights(tiny_encoder, tmp_path):
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, freeze_encoder=True, **FAST)
    before, after = weights_of(tiny_encoder), weights_of(tmp_path)
    assert all(torch.equal(after[f"bert.{name}"], weight) for name, weight in before.items())
    assert report_of(tmp_path)["parameters"]["trained"] == 2 * 32 + 2


def test_lora_is_folded_into_plain_weights(tiny_encoder, tmp_path):
    pytest.importorskip("peft")
    settings = {**FAST, "learning_rate": 5e-3}
    pipe = fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, lora=4, **settings)
    before, after = weights_of(tiny_encoder), weights_of(tmp_path)
    assert set(after) == {f"bert.{name}" for name in before} | {"classifier.weight", "classifier.bias"}
    changed = {name for name, weight in before.items() if not torch.equal(after[f"bert.{name}"], weight)}
    assert changed == {
        f"encoder.layer.{layer}.attention.self.{part}.weight" for layer in (0, 1) for part in ("query", "value")
    }
    reference = transformers.pipeline("text-classification", str(tmp_path), device="cpu")
    assert reference("great")[0]["score"] == pytest.approx(pipe("great")[0]["score"], abs=1e-5)


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


# Data


def data_as(kind, folder):
    columns = {"text": [text for text, _ in TRAIN], "label": [label for _, label in TRAIN]}
    rows = [{"text": text, "label": label} for text, label in TRAIN]
    if kind == "dicts":
        return rows
    if kind == "columns":
        return columns
    if kind == "dataset":
        return pytest.importorskip("datasets").Dataset.from_dict(columns)
    if kind == "frame":
        return pytest.importorskip("pandas").DataFrame(columns)
    path = folder / f"train.{kind}"
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    if kind in ("jsonl", "parquet"):
        from ferrobert.tables import TableWriter

        with TableWriter(path) as writer:
            writer.write(rows)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["text", "label"], delimiter="," if kind == "csv" else "\t")
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("kind", ["dicts", "columns", "dataset", "frame", "csv", "tsv", "jsonl", "parquet"])
def test_examples_of_every_kind_are_read_alike(kind, tmp_path):
    from ferrobert.training.examples import Columns, read_examples

    examples = read_examples(data_as(kind, tmp_path), Columns(), "train")
    assert list(zip(examples.texts, examples.labels, strict=True)) == TRAIN
    assert examples.pairs is None


def test_training_from_a_file_with_a_share_for_validation(tiny_encoder, tmp_path):
    path = data_as("csv", tmp_path)
    fb.finetune("text-classification", tiny_encoder, path, 0.25, output_dir=tmp_path / "out", **FAST)
    rows = report_of(tmp_path / "out")["rows"]
    assert rows == {"train": 36, "validation": 12, "train_by_label": {"bad": 18, "good": 18}}


def test_pairs_are_trained_as_pairs(tiny_encoder, tmp_path):
    pairs = [(text, "who wrote this ?", label) for text, label in TRAIN]
    pipe = fb.finetune("text-classification", tiny_encoder, pairs, output_dir=tmp_path, **FAST)
    assert pipe({"text": "a great film", "text_pair": "who wrote this ?"})["label"] in ("good", "bad")


def test_class_labels_of_a_dataset_name_the_labels(tiny_encoder, tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["NEG", "POS"])})
    rows = datasets.Dataset.from_dict(
        {"text": [text for text, _ in TRAIN], "label": [int(label == "good") for _, label in TRAIN]}, features=features
    )
    assert fb.finetune("text-classification", tiny_encoder, rows, output_dir=tmp_path, **FAST).labels == ["NEG", "POS"]


def test_numbers_as_labels_are_sorted_by_value():
    from ferrobert.training.examples import Columns, label_names, read_examples

    examples = read_examples([("a", 10), ("b", 9), ("c", 2)], Columns(), "train")
    assert label_names(examples, None) == ["2", "9", "10"]


def test_names_for_numbered_labels(tiny_encoder, tmp_path):
    numbered = [(text, int(label == "good")) for text, label in TRAIN]
    pipe = fb.finetune(
        "text-classification", tiny_encoder, numbered, output_dir=tmp_path, label_names=["negative", "positive"], **FAST
    )
    assert pipe.labels == ["negative", "positive"]


def test_texts_longer_than_max_length_are_cut_and_counted(tiny_encoder, tmp_path):
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, max_length=5, **FAST)
    assert report_of(tmp_path)["cut_texts"] > 0
    assert report_of(tmp_path)["max_tokens"] == 5


def test_each_epoch_has_another_order_and_every_row():
    from ferrobert.training.trainer import LengthGroups

    lengths = np.array([random.Random(seed).randint(3, 60) for seed in range(403)])
    groups = LengthGroups(lengths, 16, seed=0)
    first = list(groups)
    groups.set_epoch(1)
    second = list(groups)
    assert sorted(first) == sorted(second) == list(range(403))
    assert first != second

    def padding(order):
        return sum(16 * max(lengths[order[at : at + 16]]) for at in range(0, 403, 16)) / lengths.sum() - 1

    assert padding(first) < 0.3 * padding(range(403))
    plain = list(LengthGroups(lengths, 16, seed=0, sort=False))
    assert sorted(plain) == list(range(403))
    assert padding(plain) > 0.7 * padding(range(403))


@pytest.mark.parametrize("task", ["text-classification", "ner"])
def test_rows_are_grouped_by_length_as_asked(task, tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    sorted_or_not = []
    original = trainer.LengthGroups.__init__

    def made(self, *arguments, sort):
        sorted_or_not.append(sort)
        original(self, *arguments, sort=sort)

    monkeypatch.setattr(trainer.LengthGroups, "__init__", made)
    train = TRAIN if task != "ner" else [(["good", "film"], ["B-X", "O"]), (["bad"], ["O"])] * 8
    for number, settings in enumerate(({}, {"group_by_length": True}, {"group_by_length": False})):
        fb.finetune(task, tiny_encoder, train, output_dir=tmp_path / str(number), **{**FAST, **settings})
    assert sorted_or_not == [task != "ner", True, False]


def test_trainer_moves_on_to_the_order_of_the_next_epoch(tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    orders = []
    original = trainer.LengthGroups.__iter__
    monkeypatch.setattr(trainer.LengthGroups, "__iter__", lambda self: orders.append(self.epoch) or original(self))
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, **FAST)
    assert orders == [0, 1]


# What is refused


def refused(error, message, model, train=TRAIN, validation=None, output_dir="unused", **settings):
    with pytest.raises(error, match=message):
        fb.finetune("text-classification", model, train, validation, output_dir=output_dir, **{**FAST, **settings})


def test_no_examples_are_refused(tiny_encoder):
    refused(DataError, "train: no examples", tiny_encoder, [])


def test_an_empty_file_is_refused(tiny_encoder, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\n")
    refused(DataError, "no examples in", tiny_encoder, tmp_path / "train.csv")


def test_one_label_alone_is_refused(tiny_encoder):
    refused(DataError, "all 24 rows have the label 'good'; a classifier needs two", tiny_encoder, TRAIN[:24])


def test_a_row_without_label_is_named(tiny_encoder):
    refused(DataError, "train: row 1 has no label", tiny_encoder, [("a", "x"), ("b", None), ("c", "y")])


def test_a_line_without_label_is_named(tiny_encoder, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,x\nb,\n")
    refused(DataError, r"train\.csv, line 3 has no label", tiny_encoder, tmp_path / "train.csv")


def test_an_unlabelled_row_of_a_dataset_is_named(tiny_encoder):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["a", "b"])})
    rows = datasets.Dataset.from_dict({"text": ["x", "y"], "label": [0, -1]}, features=features)
    refused(DataError, "row 1 has no label", tiny_encoder, rows)


def test_a_label_of_validation_that_train_lacks_is_named(tiny_encoder):
    message = "validation: row 1: unknown label 'ugly'; the labels are 'bad', 'good'"
    refused(DataError, message, tiny_encoder, TRAIN, [("a", "good"), ("b", "ugly")])


def test_a_fraction_as_label_is_refused(tiny_encoder):
    refused(DataError, "row 0: a label must be a name or a whole number, got 0.5", tiny_encoder, [("a", 0.5)])


def test_a_missing_text_is_refused(tiny_encoder):
    refused(DataError, "row 1: a text must be a str, got NoneType", tiny_encoder, [("a", "x"), (None, "y")])


def test_a_missing_column_lists_the_columns(tiny_encoder, tmp_path):
    (tmp_path / "train.csv").write_text("review,label\na,x\n")
    refused(DataError, "no column 'text'; its columns are 'review', 'label'", tiny_encoder, tmp_path / "train.csv")


def test_columns_of_different_length_are_refused(tiny_encoder):
    refused(DataError, "differ in length", tiny_encoder, {"text": ["a", "b"], "label": ["x"]})


def test_a_row_that_is_no_pair_of_text_and_label_is_refused(tiny_encoder):
    refused(DataError, r"row 0 must be \(text, label\)", tiny_encoder, ["a text"])


def test_a_mix_of_pairs_and_single_texts_is_refused(tiny_encoder):
    refused(DataError, "row 1 has one text, others have two", tiny_encoder, [("a", "b", "x"), ("c", "y")])


def test_a_source_that_holds_no_rows_is_refused(tiny_encoder):
    refused(ConfigError, "train must be a list of", tiny_encoder, 5)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("warmup_ratio", 1.0),
        ("weight_decay", -0.1),
        ("max_length", 2),
        ("max_length", 65),
        ("group_by_length", "yes"),
        ("mixed_precision", "fp8"),
        ("device", "tpu"),
        ("lora", -1),
        ("class_weight", "square"),
        ("class_weight", {"good": 1.0}),
        ("class_weight", {"good": 1.0, "bad": -1.0}),
        ("label_names", ["only"]),
        ("early_stopping_patience", 2),
        ("select_best", "loss"),
    ],
    ids=lambda value: str(value),
)
def test_a_setting_that_is_not_allowed_is_refused(tiny_encoder, tmp_path, setting, value):
    refused(ConfigError, setting, tiny_encoder, output_dir=tmp_path, **{setting: value})


def test_frozen_and_lora_together_are_refused(tiny_encoder):
    refused(ConfigError, "choose one", tiny_encoder, freeze_encoder=True, lora=True)


def test_an_unknown_setting_lists_the_settings(tiny_encoder):
    refused(ConfigError, "unknown setting 'epoch'; the settings are epochs, learning_rate", tiny_encoder, epoch=3)


def test_an_unknown_task_is_refused(tiny_encoder):
    with pytest.raises(ConfigError, match="unknown task 'translation'"):
        fb.finetune("translation", tiny_encoder, TRAIN, output_dir="unused")


def test_a_loaded_model_is_refused(tiny_encoder):
    refused(ConfigError, "got a loaded model", torch.nn.Linear(2, 2))


def test_a_model_that_is_not_there_is_refused(tmp_path):
    refused(CheckpointError, "no such file or folder", tmp_path / "none", output_dir=tmp_path)


def test_a_share_of_all_rows_is_refused(tiny_encoder):
    refused(ConfigError, "must lie between 0 and 1", tiny_encoder, TRAIN, 1.0)


def test_a_learning_rate_too_small_for_a_head_alone_is_told(tiny_encoder, tmp_path):
    with pytest.warns(UserWarning, match="hardly moves a head in 2 epochs; try 1e-3"):
        fb.finetune(
            "text-classification",
            tiny_encoder,
            TRAIN,
            output_dir=tmp_path,
            freeze_encoder=True,
            **{**FAST, "learning_rate": 2e-5},
        )


def test_a_model_that_is_there_is_not_replaced_unasked(tmp_path):
    (tmp_path / "config.json").write_text("{}", "utf-8")
    with pytest.raises(ConfigError, match="holds a model already; overwrite=True replaces it"):
        fb.finetune("text-classification", "nowhere", [("a", "x"), ("b", "y")], output_dir=tmp_path)
    assert (tmp_path / "config.json").read_text("utf-8") == "{}"
