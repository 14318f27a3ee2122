"""``ferrobert answer``: what it reads, prints and writes. The model is a stand-in that answers with the first word."""

import json
from typing import Any

import pytest
from tests.command_line import refused, run

import ferrobert as fb
from ferrobert.cli import answer

TEXT = "Ann Lee left Oslo."


class FirstWords:
    """A pipeline as ``ferrobert answer`` calls it."""

    tokenizer = fb.BertTokenizer({token: id for id, token in enumerate("[PAD] [UNK] [CLS] [SEP] [MASK]".split())})

    def __call__(self, *, question: list[str], context: list[str], top_k: int, **options: Any) -> list[Any]:
        self.options = options
        found = []
        for text in context:
            answers = []
            for start in range(0, 4 * top_k, 4):
                empty = options["handle_impossible_answer"]
                end = start if empty else start + 3
                answers.append({"score": 0.5, "start": start, "end": end, "answer": text[start:end]})
            found.append(answers if top_k > 1 else answers[0])
        return found


@pytest.fixture(autouse=True)
def pipe(monkeypatch: pytest.MonkeyPatch) -> FirstWords:
    pipe = FirstWords()

    def open_pipeline(task: str, model: str, *, device: Any, batch_tokens: Any, backend: str) -> FirstWords:
        assert (task, model) == ("question-answering", "reader")
        return pipe

    monkeypatch.setattr(answer, "open_pipeline", open_pipeline)
    return pipe


def test_an_answer_is_printed_and_marked_in_its_text() -> None:
    assert run("answer", "Who?", TEXT, "-m", "reader").stdout == "0.500  Ann\n\n[Ann answer] Lee left Oslo.\n"


def test_several_answers(pipe: FirstWords) -> None:
    lines = run("answer", "Who?", TEXT, "-m", "reader", "--top-k", 2, "--max-answer-len", 3).stdout.splitlines()
    assert lines[:2] == ["0.500  Ann", "0.500  Lee"]
    assert pipe.options["max_answer_len"] == 3


def test_no_answer() -> None:
    assert run("answer", "Who?", TEXT, "-m", "reader", "--handle-impossible-answer").stdout == "0.500  (no answer)\n"


def test_a_long_question_is_said_to_be_cut() -> None:
    assert run("answer", "Who " * 64, TEXT, "-m", "reader").stderr == ""
    said = run("answer", "Who " * 65, TEXT, "-m", "reader", "--json").stderr
    assert said == "the question has more than 64 tokens and was cut\n"


def test_files_and_a_long_text_around_its_answer(tmp_path: Any) -> None:
    (tmp_path / "a.txt").write_text("Ann " + "x " * 500, "utf-8")
    lines = run("answer", "Who?", tmp_path / "a.txt", TEXT, "-m", "reader").stdout.splitlines()
    assert lines[0] == f"{tmp_path / 'a.txt'}:"
    assert lines[3].startswith("[Ann answer] x x")
    assert lines[3].endswith("...")
    assert len(lines[3]) < 400


def test_json_lines_and_a_page(tmp_path: Any) -> None:
    page = tmp_path / "out.html"
    output = run("answer", "Who <b>?", TEXT, "-m", "reader", "--json", "--html", page)
    answers = [{"score": 0.5, "start": 0, "end": 3, "answer": "Ann"}]
    assert json.loads(output.stdout) == {"question": "Who <b>?", "answers": answers}
    assert f"wrote {page}" in output.stderr
    written = page.read_text("utf-8")
    assert "<title>Who &lt;b&gt;?</title>" in written
    assert "Ann" in written


def test_what_cannot_be_read_or_written(tmp_path: Any) -> None:
    assert "the text is empty" in refused("answer", "Who?", " ", "-m", "reader")
    assert "no such folder" in refused("answer", "Who?", TEXT, "-m", "reader", "--html", tmp_path / "x" / "a.html")
    assert "nowhere.txt" in refused("answer", "Who?", "nowhere.txt", "-m", "reader")
