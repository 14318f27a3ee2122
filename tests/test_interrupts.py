"""Ctrl-C in long work: what is finished stays, and the work stops at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import run
from tests.test_cli_answers_files import ASK, FirstWord

import ferrobert as fb
from ferrobert.cli import predict as command
from ferrobert.files import interrupts_wait, kept_file
from ferrobert.tables import Table, TableWriter
from ferrobert.tables import writer as writing

TEXTS = ["good " * (1 + row * 7 % 40) for row in range(60)]


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def pipe(tiny_classifier: Path) -> Any:
    return fb.pipeline("text-classification", tiny_classifier, device="cpu")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes the tiny model some seconds."""
    file = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    with TableWriter(file) as writer:
        writer.write([{"id": id, "text": f"{id % 10} {'good bad ' * 20}"} for id in range(30_000)])
    return file


def started(*arguments: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", "ferrobert", *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def once_it_writes(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until the first rows are in the file that the command writes."""
    while not any(file.stat().st_size for file in folder.glob(".out.*.partial")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def interrupted(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    return out, err


# The command


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_predict_keeps_the_finished_rows_beside_its_file(
    tiny_classifier: Path, rows: Path, tmp_path: Path, ending: str
) -> None:
    output = tmp_path / f"out.{ending}"
    output.write_text("what was there before")
    with started("predict", rows, "-m", tiny_classifier, "-o", output, "--device", "cpu") as process:
        once_it_writes(process, tmp_path)
        _, message = interrupted(process)
    kept = tmp_path / f"out.partial.{ending}"
    found = [row.values for row in Table(kept)]
    assert 0 < len(found) < 30_000
    assert [row["id"] for row in found] == list(range(len(found)))
    assert all(set(row) == {"id", "text", "label", "score"} for row in found)
    assert message == f"ferrobert: interrupted: {len(found):,} rows are in {kept}\n"
    assert output.read_text() == "what was there before"
    assert sorted(file.name for file in tmp_path.iterdir()) == [output.name, kept.name]


def test_predict_to_stdout_keeps_whole_lines(tiny_classifier: Path, rows: Path) -> None:
    with started("predict", rows, "-m", tiny_classifier, "--device", "cpu") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()  # not communicate, which does not see what readline has read ahead
        assert process.wait(timeout=20) == 130
        message = process.stderr.read()
    found = [json.loads(line) for line in (first + rest).splitlines()]
    assert [row["id"] for row in found] == list(range(len(found)))
    assert len(found) < 30_000
    assert message == ""


def test_predict_keeps_the_finished_answers_of_squad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(FirstWord):
        calls = 0

        def __call__(self, inputs: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == 3:
                signal.raise_signal(signal.SIGINT)
            return super().__call__(inputs, **options)

    monkeypatch.setattr(command, "open_pipeline", lambda *_, **__: Interrupted())
    monkeypatch.setattr(command, "CHUNK", 1)
    asked = tmp_path / "asked.jsonl"
    with TableWriter(asked) as writer:
        writer.write([{"id": f"q{id}", "question": "How?", "context": f"word{id} and"} for id in range(4)])
    out, n_best = tmp_path / "out.json", tmp_path / "best.json"
    done = run("predict", asked, *ASK, "-o", out, "--n-best-output", n_best, exit_code=130)
    assert f"interrupted: 2 predictions are in {tmp_path / 'out.partial.json'}" in done.stderr
    assert json.loads((tmp_path / "out.partial.json").read_text("utf-8")) == {"q0": "word0", "q1": "word1"}
    assert list(json.loads((tmp_path / "best.partial.json").read_text("utf-8"))) == ["q0", "q1"]
    assert not out.exists()
    assert not n_best.exists()


@pytest.mark.parametrize("output", ["out.jsonl", "out.json"])
def test_predict_without_a_finished_row_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setattr(command, "open_pipeline", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"id": "q", "question": "How?", "context": "so"}\n', "utf-8")
    done = run("predict", asked, *ASK, "-o", tmp_path / output, exit_code=130)
    assert done.stderr.strip() == ""
    assert [file.name for file in tmp_path.iterdir()] == ["asked.jsonl"]


# Files


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out.conll"])
def test_rows_that_are_written_are_kept(tmp_path: Path, name: str) -> None:
    written = [{"tokens": ["a", "b"], "tags": ["O", "O"]}, {"tokens": ["c"], "tags": ["O"]}]

    def write() -> None:
        with TableWriter(tmp_path / name) as writer:
            writer.write(written)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        write()
    [kept] = tmp_path.iterdir()
    assert kept.name == name.replace(".", ".partial.")
    assert [row.values for row in Table(kept)] == written
    assert caught.value.__notes__ == [f"2 rows are in {kept}"]


def test_an_interrupt_while_rows_are_written_comes_behind_them(tmp_path: Path) -> None:
    class Interrupting:
        def __str__(self) -> str:
            signal.raise_signal(signal.SIGINT)
            return "value"

    with pytest.raises(KeyboardInterrupt), TableWriter(tmp_path / "out.jsonl") as writer:
        writer.write([{"a": Interrupting(), "b": 1}, {"a": "next", "b": 2}])
    assert [row.values for row in Table(tmp_path / "out.partial.jsonl")] == [
        {"a": "value", "b": 1},
        {"a": "next", "b": 2},
    ]


def test_a_second_interrupt_while_rows_are_kept_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = writing.publish

    def interrupted_publish(*files: Path) -> None:
        signal.raise_signal(signal.SIGINT)
        publish(*files)

    class Interrupted(FirstWord):
        def __call__(self, inputs: Any, **options: Any) -> Any:
            if inputs[0]["context"] == "second":
                monkeypatch.setattr(writing, "publish", interrupted_publish)
                signal.raise_signal(signal.SIGINT)
            return super().__call__(inputs, **options)

    monkeypatch.setattr(command, "open_pipeline", lambda *_, **__: Interrupted())
    monkeypatch.setattr(command, "CHUNK", 1)
    asked = tmp_path / "asked.jsonl"
    with TableWriter(asked) as table:
        table.write([{"question": "How?", "context": context} for context in ("first", "second")])
    done = run("predict", asked, *ASK, "-o", tmp_path / "out.jsonl", exit_code=130)
    kept = tmp_path / "out.partial.jsonl"
    assert f"interrupted: 1 rows are in {kept}" in done.stderr
    assert [row.values["answer"] for row in Table(kept)] == ["first"]


def test_what_an_earlier_run_kept_stays(tmp_path: Path) -> None:
    names = []
    for number in range(3):
        kept = kept_file(tmp_path / "out.jsonl")
        kept.write_text(str(number))
        names.append(kept.name)
    assert names == ["out.partial.jsonl", "out.partial-2.jsonl", "out.partial-3.jsonl"]


def test_an_interrupt_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_wait():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


# Streams


def test_a_stream_whose_source_is_interrupted_has_given_all_that_was_finished(pipe: Any) -> None:
    def stream() -> Any:
        yield from TEXTS[:40]
        signal.raise_signal(signal.SIGINT)

    found: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        found.extend(pipe(stream(), batch_size=16))
    assert found == pipe(TEXTS[:32])


def test_a_stream_goes_on_after_its_reader_is_interrupted(pipe: Any) -> None:
    results = pipe(iter(TEXTS), batch_size=16)
    found = []
    for _ in TEXTS:
        found.append(next(results))
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [one["label"] for one in found] == [one["label"] for one in pipe(TEXTS)]


def test_interrupts_at_any_time_lose_no_finished_result(pipe: Any) -> None:
    expected = [one["label"] for one in pipe(TEXTS)]

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    chunks = set()
    try:
        for round in range(40):
            results = pipe(iter(TEXTS), batch_size=16)
            found: list[Any] = []
            signal.setitimer(signal.ITIMER_REAL, 0.0005 * (1 + round), 0.0005)
            try:
                while True:
                    try:
                        for one in results:
                            found.append(one["label"])
                        break
                    except KeyboardInterrupt:
                        continue
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert found == expected[: len(found)]
            assert len(found) in (0, 16, 32, 48, 60)
            chunks.add(len(found))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(chunks) > 1
