"""Bars: rows done while the model runs, on a terminal alone."""

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import run
from tests.made_checkpoints import made_model

import ferrobert as fb
from ferrobert.errors import ConfigError
from ferrobert.pipelines.progress import RowBar

TEXTS = ["good " * (1 + row * 7 % 40) for row in range(60)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What stands on stderr, which is a terminal within ``redirect_stderr``."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many rows each batch has moved the bars by."""
    seen: list[float] = []
    advance = RowBar.advance

    def spy(bar: RowBar, rows: float) -> None:
        seen.append(rows)
        advance(bar, rows)

    monkeypatch.setattr(RowBar, "advance", spy)
    return seen


@pytest.fixture(scope="module")
def pipe(tiny_classifier: Path) -> Any:
    return fb.pipeline("text-classification", tiny_classifier, device="cpu", batch_tokens=128)


def test_a_bar_moves_with_every_batch(pipe: Any, terminal: Terminal, moves: list[float]) -> None:
    with contextlib.redirect_stderr(terminal):
        assert pipe(TEXTS, progress=True) == pipe(TEXTS)
    assert sum(moves) == pytest.approx(len(TEXTS))
    assert len(moves) > 5
    assert "text-classification" in terminal.getvalue()
    assert "60 rows" in terminal.getvalue()


def test_without_being_asked_or_without_a_terminal_nothing_is_shown(pipe: Any, terminal: Terminal) -> None:
    with contextlib.redirect_stderr(terminal):
        pipe(TEXTS)
        pipe(TEXTS[0], progress=True)  # one text
    with contextlib.redirect_stderr(io.StringIO()) as plain:
        pipe(TEXTS, progress=True)
    assert (terminal.getvalue(), plain.getvalue()) == ("", "")


def test_a_hidden_bar_is_not_shown(terminal: Terminal) -> None:
    with contextlib.redirect_stderr(terminal), RowBar("reading", 2, hidden=True) as bar:
        bar.advance(1)
        bar.reach(2)
    assert terminal.getvalue() == ""


def test_a_stream_has_a_bar_until_it_ends(pipe: Any, terminal: Terminal, moves: list[float]) -> None:
    with contextlib.redirect_stderr(terminal):
        results = pipe(iter(TEXTS), progress=True, batch_size=16)
        next(results)
        assert sum(moves) == pytest.approx(16)
        list(results)
    assert sum(moves) == pytest.approx(60)
    assert "60 rows" in terminal.getvalue()


def test_windows_of_a_long_text_are_one_row(pipe: Any, moves: list[float]) -> None:
    pipe(["good " * 300, "bad"], progress=True)
    assert sum(moves) == pytest.approx(2)


def test_batches_that_run_again_as_two_count_once(tiny_classifier: Path, moves: list[float]) -> None:
    from tests.test_pipeline_memory import limited

    limited(tiny_classifier, 300, MemoryError(), batch_tokens=1024)(TEXTS, progress=True)
    assert sum(moves) == pytest.approx(60)


@pytest.mark.parametrize("task", ["token-classification", "question-answering", "zero-shot-classification"])
def test_every_task_moves_it(tiny_classifier: Path, task: str, moves: list[float]) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(str(tiny_classifier))
    kinds = {
        "token-classification": ("BertForTokenClassification", TEXTS, {}),
        "question-answering": (
            "BertForQuestionAnswering",
            [{"question": "who", "context": text} for text in TEXTS],
            {},
        ),
        "zero-shot-classification": ("BertForSequenceClassification", TEXTS, {"candidate_labels": ["film", "food"]}),
    }
    kind, inputs, options = kinds[task]
    labels = {"token-classification": ["B-PER", "I-PER"], "zero-shot-classification": ["no", "neutral", "entailment"]}
    names = {"label2id": {name: id for id, name in enumerate(labels.get(task, ["a", "b"]))}}
    names["id2label"] = {id: name for name, id in names["label2id"].items()}
    made = fb.pipeline(task, made_model(kind, vocab_size=len(tokenizer), **names), tokenizer, device="cpu")
    made(inputs, progress=True, **options)
    assert sum(moves) == pytest.approx(60)
    if task == "token-classification":
        made.word_labels([text.split() for text in TEXTS], progress=True)
        assert sum(moves) == pytest.approx(120)


@pytest.mark.parametrize("task", ["text-classification", "question-answering"])
def test_a_progress_that_is_no_flag_is_refused(tiny_classifier: Path, task: str) -> None:
    kind = {"text-classification": "BertForSequenceClassification", "question-answering": "BertForQuestionAnswering"}
    tokenizer = fb.AutoTokenizer.from_pretrained(str(tiny_classifier))
    made = fb.pipeline(task, made_model(kind[task], vocab_size=len(tokenizer)), tokenizer, device="cpu")
    with pytest.raises(ConfigError, match="progress must be True or False, got 1"):
        made({"text": "good"}, progress=1)


# The command


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_file_has_a_bar_that_ends_at_its_rows(
    tiny_classifier: Path, tmp_path: Path, command: str, moves: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"ferrobert.cli.{command}.CHUNK", 25)
    totals: list[float] = []
    monkeypatch.setattr(RowBar, "expect", lambda _, total: totals.append(total))
    file = tmp_path / "texts.tsv"
    file.write_text("text\tlabel\n" + "".join(f"{text}\tgood\n" for text in TEXTS), "utf-8")
    assert "evaluating" not in (shown := run(command, file, "-m", tiny_classifier).stderr)
    assert "predicting" not in shown
    assert sum(moves) == pytest.approx(60)
    assert len(totals) == 3
    assert totals[-1] == 60
    assert totals[0] == pytest.approx(60, rel=0.3)


def test_rows_that_go_to_a_file_are_not_touched_by_the_bar_on_the_terminal(
    tiny_classifier: Path, tmp_path: Path
) -> None:
    file = tmp_path / "texts.csv"
    file.write_text("text\n" + "".join(f"{text}\n" for text in TEXTS), "utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ferrobert", "predict", file, "-m", tiny_classifier, "--device", "cpu"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        assert process.stdout is not None
        rows = [json.loads(line) for line in process.stdout.read().splitlines()]
    shown = b""
    with contextlib.suppress(OSError):  # a terminal without a program ends with an error
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert process.returncode == 0
    assert [row["text"] for row in rows] == TEXTS
    assert b"predicting" in shown
    assert b"rows" in shown
