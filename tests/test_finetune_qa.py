"""Fine-tuning for question answering: what is learned, reported, resumed and refused, with a tiny model."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tests.command_line import refused as refused_command
from tests.command_line import run
from tests.finetune_cases import report_of

import ferrobert as fb
from ferrobert.errors import AlignmentError, ConfigError, DataError
from ferrobert.training.questions import QuestionColumns, read_questions

NAMES = ["good", "bad", "great", "awful", "nice", "dull"]
FAST: dict[str, Any] = {"epochs": 2, "batch_size": 4, "device": "cpu", "progress": False, "seed": 5}


def row_of(number: int, *, answered: bool = True) -> dict[str, Any]:
    """A question whose answer is the word behind "was"."""
    name = NAMES[number % len(NAMES)]
    context = f"the film was {name} and the food was not {NAMES[(number + 1) % len(NAMES)]} ."
    answers = {"text": [name], "answer_start": [context.index(name)]} if answered else {"text": [], "answer_start": []}
    return {"id": f"q{number}", "question": "who wrote film ?", "context": context, "answers": answers}


TRAIN = [row_of(number) for number in range(24)]


def document(rows: list[dict[str, Any]]) -> dict[str, Any]:
    paragraphs = []
    for row in rows:
        answers = [
            {"text": text, "answer_start": start}
            for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
        ]
        question = {"id": row["id"], "question": row["question"], "answers": answers}
        paragraphs.append({"context": row["context"], "qas": [question]})
    return {"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]}


def test_a_reader_learns_and_is_loaded_again(tiny_encoder: Path, tmp_path: Path) -> None:
    settings = {**FAST, "epochs": 30, "learning_rate": 5e-3}
    qa = fb.finetune("question-answering", tiny_encoder, TRAIN, TRAIN[:6], output_dir=tmp_path, **settings)
    found = qa(question=[row["question"] for row in TRAIN[:6]], context=[row["context"] for row in TRAIN[:6]])
    assert [answer["answer"] for answer in found] == NAMES
    report = report_of(tmp_path)
    assert report["task"] == "question-answering"
    assert report["rows"] == {"train": 24, "validation": 6}
    assert report["windows"] == {"train": 24, "with_an_answer": 24, "validation": 6}
    assert report["history"][-1]["validation_f1"] == report["history"][-1]["validation_exact"] == 100
    assert report["history"][-1]["validation_loss"] < report["history"][0]["validation_loss"]
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(tmp_path)
    assert torch.equal(model.qa_outputs.weight, qa.model.qa_outputs.weight)


def test_the_loss_is_that_of_transformers(tiny_encoder: Path, tmp_path: Path) -> None:
    settings = {**FAST, "epochs": 1, "batch_size": 24, "learning_rate": 1e-9}
    fb.finetune("question-answering", tiny_encoder, TRAIN, TRAIN, output_dir=tmp_path, **settings)
    tokenizer = fb.AutoTokenizer.from_pretrained(str(tmp_path))
    features = fb.encode_questions(
        [row["question"] for row in TRAIN],
        [row["context"] for row in TRAIN],
        tokenizer,
        answers=[row["answers"] for row in TRAIN],
        max_length=64,
        padding=True,
        return_tensors="pt",
    )
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(tmp_path).eval()
    names = [*tokenizer.model_input_names, "start_positions", "end_positions"]
    with torch.no_grad():
        loss = float(model(**{name: features[name] for name in names}).loss)
    assert report_of(tmp_path)["history"][0]["validation_loss"] == pytest.approx(loss, abs=1e-4)


def test_questions_without_answer_are_learned(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = [row_of(number, answered=number % 2 == 0) for number in range(12)]
    fb.finetune("question-answering", tiny_encoder, rows, rows, output_dir=tmp_path, **FAST)
    report = report_of(tmp_path)
    assert report["windows"]["with_an_answer"] == 6
    assert 0 <= report["history"][-1]["validation_exact"] <= 100


def test_long_contexts_are_learned_in_windows(tiny_encoder: Path, tmp_path: Path) -> None:
    context = "the food was not dull . " * 20 + "the film was nice ."
    answers = {"text": ["nice"], "answer_start": [context.index("nice")]}
    rows = [{"question": "who wrote film ?", "context": context, "answers": answers}] * 4
    fb.finetune("question-answering", tiny_encoder, rows, output_dir=tmp_path, max_length=32, doc_stride=8, **FAST)
    windows = report_of(tmp_path)["windows"]
    assert windows["train"] > 4
    assert windows["with_an_answer"] == 4


def _as_in_files(answers: dict[str, Any]) -> list[dict[str, Any]]:
    places = zip(answers["text"], answers["answer_start"], strict=True)
    return [{"text": text, "answer_start": start} for text, start in places]


def test_files_columns_and_data_sets_give_the_same_questions(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    (tmp_path / "train.json").write_text(json.dumps(document(TRAIN)), "utf-8")
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in TRAIN), "utf-8")
    columns = {name: [row[name] for row in TRAIN] for name in TRAIN[0]}
    expected = read_questions(TRAIN, QuestionColumns(), "train")
    in_files = [{**row, "answers": _as_in_files(row["answers"])} for row in TRAIN]
    tables = (pandas.DataFrame(columns), pyarrow.table(columns))
    for source in (tmp_path / "train.json", tmp_path / "train.jsonl", columns, in_files, *tables):
        found = read_questions(source, QuestionColumns(), "train")
        assert (found.ids, found.questions, found.contexts, found.answers) == (
            expected.ids,
            expected.questions,
            expected.contexts,
            expected.answers,
        )


def test_a_share_for_validation_keeps_the_questions_of_a_context_together(tiny_encoder: Path, tmp_path: Path) -> None:
    fb.finetune("question-answering", tiny_encoder, TRAIN, 0.34, output_dir=tmp_path, **FAST)
    assert report_of(tmp_path)["rows"] == {"train": 16, "validation": 8}


def test_a_run_that_resumes_gives_the_same_weights(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fb.finetune("question-answering", tiny_encoder, TRAIN, output_dir=tmp_path / "whole", **FAST)
    from ferrobert.training import loop

    with monkeypatch.context() as patched:
        patched.setattr(loop, "save_model", lambda *_arguments, **_settings: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fb.finetune("question-answering", tiny_encoder, TRAIN, output_dir=tmp_path / "cut", **FAST)
    resumed = fb.finetune(
        "question-answering", tiny_encoder, TRAIN, output_dir=tmp_path / "cut", **{**FAST, "resume": True}
    )
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_best_epoch_by_f1_is_kept(tiny_encoder: Path, tmp_path: Path) -> None:
    fb.finetune("question-answering", tiny_encoder, TRAIN, TRAIN[:6], output_dir=tmp_path, select_best="exact", **FAST)
    assert report_of(tmp_path)["best_epoch"] in (1, 2)


@pytest.mark.parametrize("setting", [{"lora": 2}, {"freeze_encoder": True}])
def test_small_parts_learn(tiny_encoder: Path, tmp_path: Path, setting: dict[str, Any]) -> None:
    fb.finetune("question-answering", tiny_encoder, TRAIN, output_dir=tmp_path, learning_rate=1e-3, **setting, **FAST)
    counts = report_of(tmp_path)["parameters"]
    assert 0 < counts["trained"] < counts["all"]


def test_the_command(tiny_encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps(document(TRAIN)), "utf-8")
    out = tmp_path / "reader"
    options = ("--epochs", 1, "--device", "cpu", "--validation", 0.25, "-o", out)
    done = run("train", tmp_path / "train.json", "--task", "question-answering", "-m", tiny_encoder, *options)
    assert "--task question-answering" in done.stdout
    scores = json.loads(
        run("evaluate", tmp_path / "train.json", "--task", "question-answering", "-m", out, "--json").stdout
    )
    assert scores["total"] == 24
    message = refused_command("train", tmp_path / "train.json", "-m", tiny_encoder, "--wrong-answers", "skip", *options)
    assert "--wrong-answers goes with --task question-answering" in message


# --- errors -------------------------------------------------------------------------------------------------------


def wrong(**values: Any) -> list[dict[str, Any]]:
    return [*TRAIN[:2], {**TRAIN[2], **values}]


@pytest.mark.parametrize(
    ("train", "settings", "error", "message"),
    [
        ([], {}, DataError, "train: no questions in it"),
        (wrong(question=" "), {}, DataError, "train: row 2: 'question' must be a text, got ' '"),
        (wrong(context=None), {}, DataError, "train: row 2: 'context' must be a text, got None"),
        (wrong(answers="x"), {}, DataError, "train: row 2: 'answers' must be"),
        (wrong(answers={"text": ["x"], "answer_start": []}), {}, DataError, "as many strings as ints"),
        (wrong(answers={"text": ["x"], "answer_start": [True]}), {}, DataError, "as many strings as ints"),
        (
            wrong(answers={"text": ["good"], "answer_start": [3]}),
            {},
            AlignmentError,
            "train: row 2: 'good' does not stand at character 3 of its context",
        ),
        ([{"question": "who"}], {}, DataError, "train: row 0 has no 'context'; it has 'question'"),
        ([7], {}, DataError, "train: row 0 must be a dict"),
        (7, {}, ConfigError, "train must be a list of dicts"),
        (TRAIN, {"class_weight": "balanced"}, ConfigError, "class_weight weighs labels"),
        (TRAIN, {"wrong_answers": "drop"}, ConfigError, 'wrong_answers must be "raise" or "skip"'),
        (TRAIN, {"max_question_length": 0}, ConfigError, "max_question_length must be an integer"),
        (TRAIN, {"doc_stride": -1}, ConfigError, "doc_stride must be an integer"),
        (
            TRAIN,
            {"select_best": "accuracy", "validation": TRAIN},
            ConfigError,
            "select_best must be None, 'loss', 'f1' or 'exact'",
        ),
        (TRAIN, {"max_length": 4000}, ConfigError, "max_length 4000 is more than"),
    ],
)
def test_what_cannot_be_trained_on(
    tiny_encoder: Path, tmp_path: Path, train: Any, settings: dict[str, Any], error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        fb.finetune("question-answering", tiny_encoder, train, output_dir=tmp_path, **{**FAST, **settings})


def test_rows_with_wrong_answers_are_left_out_on_request(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = wrong(answers={"text": ["good"], "answer_start": [3]})
    with pytest.warns(UserWarning, match="1 rows are left out: their answers do not stand at answer_start"):
        fb.finetune("question-answering", tiny_encoder, rows, output_dir=tmp_path, wrong_answers="skip", **FAST)
    assert report_of(tmp_path)["rows"]["train"] == 2
    assert json.loads((tmp_path / "training_report.json").read_text("utf-8"))["wrong_answers"] == 1
    found = read_questions(rows, QuestionColumns(), "train", wrong_answers="skip")
    assert found.ids == ["q0", "q1"]


def test_ids_that_are_there_twice_do_not_stop_a_validation(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = [{**row, "id": "1"} for row in TRAIN]
    fb.finetune("question-answering", tiny_encoder, rows, rows, output_dir=tmp_path, **FAST)
    report = json.loads((tmp_path / "training_report.json").read_text("utf-8"))
    assert 0 <= report["history"][-1]["validation_f1"] <= 100
