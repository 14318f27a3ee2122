"""``predict`` and ``evaluate --task question-answering`` on files of SQuAD and JSON lines. The model is a stand-in."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from tests.command_line import refused, run
from tests.test_squad import DOCUMENT

from ferrobert import BertTokenizer
from ferrobert.cli import evaluate, predict
from ferrobert.errors import ConfigError

ASK = ("--task", "question-answering", "-m", "reader")


class FirstWord:
    """A pipeline that answers with the first word of the context, or with nothing where it is asked how."""

    reads_windows = True
    tokenizer = BertTokenizer({"[UNK]": 0, "how": 1})

    def __call__(self, inputs: list[dict[str, str]], **options: Any) -> list[dict[str, Any]]:
        found = []
        for one in inputs:
            difference = 1.0 if one["question"].startswith("How") else -1.0
            null = options["handle_impossible_answer"] and difference > options["null_score_diff_threshold"]
            answers = []
            for text in ["", one["context"].split()[0]] if null else [one["context"].split()[0]] * 2:
                answer = {"score": 0.5, "start": 0, "end": len(text), "answer": text}
                if options.get("details") and options["handle_impossible_answer"]:
                    answer["null_score_diff"] = difference
                if options.get("top_k"):
                    answer |= {"start_logit": 1.0, "end_logit": 2.0, "n_best_probability": 0.75}
                answers.append(answer)
            found.append(answers if options.get("top_k") else answers[0])
        assert options["rank_by"] == "logits"
        return found


@pytest.fixture(autouse=True)
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_pipeline(task: str, model: str, *, device: Any, batch_tokens: Any, backend: str) -> FirstWord:
        assert (task, model) == ("question-answering", "reader")
        return FirstWord()

    for module in (predict, evaluate):
        monkeypatch.setattr(module, "open_pipeline", open_pipeline)


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(DOCUMENT), "utf-8")
    return path


def test_questions_of_a_file_get_answers(dev: Path, tmp_path: Path) -> None:
    lines = run("predict", dev, *ASK).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == ["q1", "q2", "q3"]
    assert {"answer": "Ada", "score": 0.5, "start": 0, "end": 3}.items() <= rows[0].items()
    (tmp_path / "asked.jsonl").write_text('{"q": "Who?", "text": "Ada wrote."}\n', "utf-8")
    output = run("predict", tmp_path / "asked.jsonl", *ASK, "--question-column", "q", "--context-column", "text").stdout
    assert json.loads(output)["answer"] == "Ada"


def test_predictions_in_the_official_form(dev: Path, tmp_path: Path) -> None:
    out = tmp_path / "predictions.json"
    done = run("predict", dev, *ASK, "-o", out, "--handle-impossible-answer")
    assert json.loads(out.read_text("utf-8")) == {"q1": "Ada", "q2": "Ada", "q3": ""}
    assert f"3 predictions written to {out}" in done.stderr
    run("predict", dev, *ASK, "-o", out, "--handle-impossible-answer", "--null-score-diff-threshold", 1)
    assert json.loads(out.read_text("utf-8"))["q3"] == "Ada"


def test_predictions_never_replace_the_questions_or_each_other(dev: Path, tmp_path: Path) -> None:
    before = dev.read_bytes()
    out = tmp_path / "out.json"
    assert "--n-best-output" in refused("predict", dev, *ASK, "-o", out, "--n-best-output", dev)
    assert "--output" in refused("predict", dev, *ASK, "-o", dev)
    assert "is the file of --output" in refused("predict", dev, *ASK, "-o", out, "--n-best-output", out)
    assert dev.read_bytes() == before
    assert not out.exists()


def test_a_row_without_id_is_refused_in_a_predictions_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"id": "1", "question": "Who?", "context": "Ada."}, {"question": "Who?", "context": "Ada."}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    message = refused("predict", file, *ASK, "-o", tmp_path / "out.json")
    assert "the row after 1 others has no 'id'" in message
    assert not (tmp_path / "out.json").exists()


def test_a_threshold_without_empty_answers_is_refused(dev: Path) -> None:
    for command in ("predict", "evaluate"):
        message = refused(command, dev, *ASK, "--null-score-diff-threshold", 1)
        assert message == "--null-score-diff-threshold goes with --handle-impossible-answer"


def test_lists_of_the_best_in_the_official_form(dev: Path, tmp_path: Path) -> None:
    out, lists = tmp_path / "predictions.json", tmp_path / "nbest_predictions.json"
    run("predict", dev, *ASK, "-o", out, "--n-best-output", lists)
    assert json.loads(out.read_text("utf-8"))["q2"] == "Ada"
    best = {"text": "Ada", "probability": 0.75, "start_logit": 1.0, "end_logit": 2.0}
    assert json.loads(lists.read_text("utf-8")) == {id: [best, best] for id in ("q1", "q2", "q3")}
    assert "--n-best-output goes with" in refused("predict", dev, *ASK, "--n-best-output", lists)


def test_answers_are_measured(dev: Path) -> None:
    scores = json.loads(run("evaluate", dev, *ASK, "--json", "--handle-impossible-answer").stdout)
    assert (scores["exact"], scores["NoAns_exact"], scores["total"]) == (pytest.approx(100 / 3), 100, 3)
    assert scores["best_exact"] == pytest.approx(100 / 3)
    assert scores["question_word"]["who"]["f1"] == pytest.approx(200 / 3)
    impossible = ["--handle-impossible-answer", "--null-score-diff-threshold"]
    always = json.loads(run("evaluate", dev, *ASK, "--json", *impossible, 2).stdout)
    assert (always["exact"], always["NoAns_exact"]) == (0, 0)
    # The best threshold is found among the differences, whichever threshold is used.
    assert [always[name] for name in ("best_exact", "best_f1_thresh")] == [
        scores[name] for name in ("best_exact", "best_f1_thresh")
    ]
    shown = run("evaluate", dev, *ASK).stdout
    assert "F1 22.22   exact match 0.00   3 questions" in shown
    assert "without an answer: F1 0.00" in shown
    assert "how many" in shown


def test_what_cannot_be_asked(dev: Path, tmp_path: Path) -> None:
    assert "cuts nothing" in refused("predict", dev, *ASK, "--max-length", 9)
    assert "cuts nothing" in refused("evaluate", dev, *ASK, "--max-length", 9)
    assert "no column 'q'" in refused("predict", dev, *ASK, "--question-column", "q")
    assert "--handle-impossible-answer goes with" in refused("predict", dev, "-m", "x", "--handle-impossible-answer")
    assert "--handle-impossible-answer goes with" in refused("evaluate", dev, "-m", "x", "--handle-impossible-answer")
    broken = json.loads(json.dumps(DOCUMENT))
    broken["data"][0]["paragraphs"][0]["qas"][1]["question"] = " "
    (tmp_path / "broken.json").write_text(json.dumps(broken), "utf-8")
    assert "broken.json, question 2: column 'question' is empty" in refused("predict", tmp_path / "broken.json", *ASK)
    twice = json.loads(json.dumps(DOCUMENT))
    twice["data"][0]["paragraphs"][0]["qas"][1]["id"] = "q1"
    (tmp_path / "twice.json").write_text(json.dumps(twice), "utf-8")
    message = refused("predict", tmp_path / "twice.json", *ASK, "-o", tmp_path / "predictions.json")
    assert "twice.json: id 'q1' is there twice" in message
    (tmp_path / "a.jsonl").write_text('{"question": "Who?", "context": "Ada.", "answers": "Ada"}\n', "utf-8")
    message = refused("evaluate", tmp_path / "a.jsonl", *ASK)
    assert "a.jsonl, line 1: column 'answers' must hold" in message
    out = tmp_path / "none" / "predictions.json"
    assert "no such folder" in refused("predict", dev, *ASK, "-o", out)
    assert list(tmp_path.glob("**/predictions.json")) == []


def test_questions_that_were_cut_are_counted(tmp_path: Path) -> None:
    rows = [
        {"question": question, "context": "Ada wrote", "answers": {"text": ["Ada"]}}
        for question in ("Who", "how " * 65)
    ]
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for command in ("predict", "evaluate"):
        assert "1 of 2 questions had more than 64 tokens and were cut" in run(command, path, *ASK).stderr


def test_errors_of_the_pipeline_name_the_place_in_the_file(
    dev: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "asked.jsonl"
    row = {"question": "Who", "context": "Ada wrote", "answers": {"text": ["Ada"]}}
    path.write_text("\n" + (json.dumps(row) + "\n") * 3, "utf-8")

    for error in (
        ConfigError("row 2: the question takes 30 tokens"),
        UnicodeEncodeError("utf-8", "a\ud800", 1, 2, "the context of row 2 holds a lone surrogate"),
    ):
        monkeypatch.setattr(FirstWord, "__call__", Mock(side_effect=error))
        for command in ("predict", "evaluate"):
            message = refused(command, path, *ASK)
            assert f"{path}, line 4" in message.replace("\n", "")
            assert "row 2" not in message
