"""``predict`` and ``evaluate --task question-answering`` on files of SQuAD and JSON lines. The model is a stand-in."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import refused, run
from tests.test_squad import DOCUMENT

from ferrobert.cli import evaluate, predict

ASK = ("--task", "question-answering", "-m", "reader")


class FirstWord:
    """A pipeline that answers with the first word of the context, or with nothing where it is asked how."""

    reads_windows = True

    def __call__(self, inputs: list[dict[str, str]], **options: Any) -> list[dict[str, Any]]:
        found = []
        for one in inputs:
            empty = options["handle_impossible_answer"] and one["question"].startswith("How")
            text = "" if empty else one["context"].split()[0]
            answer = {"score": 0.5, "start": 0, "end": len(text), "answer": text}
            if options.get("details") and options["handle_impossible_answer"]:
                answer["null_score_diff"] = 1.0 if empty else -1.0
            if options.get("top_k"):
                answer |= {"start_logit": 1.0, "end_logit": 2.0, "n_best_probability": 0.75}
            found.append([answer, answer] if options.get("top_k") else answer)
        assert options["rank_by"] == "logits"
        return found


@pytest.fixture(autouse=True)
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_pipeline(task: str, model: str, *, device: Any, batch_tokens: Any) -> FirstWord:
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
