"""``ferrobert ner``: what it reads, prints and writes. The model is a stand-in that marks capitalised words."""

import io
import json
import re
import sys

import pytest
from tests.command_line import refused, run

from ferrobert.cli import ner, sources

TEXT = "Ann Lee left Oslo."
MARKED = "[Ann ORG] [Lee ORG] left [Oslo ORG]."


class CapitalisedWords:
    """A pipeline as ``ferrobert ner`` calls it: lists of texts in, a list of dictionaries a text out."""

    def __init__(self):
        self.calls = []

    def __call__(self, texts, *, aggregation_strategy, constrained):
        self.calls.append((texts, aggregation_strategy, constrained))
        return [
            [
                {"entity_group": "ORG", "score": 0.5, "word": one.group(), "start": one.start(), "end": one.end()}
                for one in re.finditer(r"[A-Z]\w*", text)
            ]
            for text in texts
        ]


@pytest.fixture(autouse=True)
def pipe(monkeypatch):
    pipe = CapitalisedWords()

    def open_pipeline(task, model, *, device, batch_tokens, backend):
        assert (task, model) == ("token-classification", "tagger")
        pipe.options = (device, batch_tokens)
        return pipe

    monkeypatch.setattr(ner, "open_pipeline", open_pipeline)
    return pipe


def test_a_text_is_printed_with_its_entities_in_brackets():
    assert run("ner", TEXT, "-m", "tagger").stdout == f"{MARKED}\n\nORG 3\n"


def test_an_argument_that_is_a_file_is_read(tmp_path):
    (tmp_path / "article.txt").write_text(f"\ufeff{TEXT}\n", "utf-8")
    assert run("ner", tmp_path / "article.txt", "-m", "tagger").stdout == f"{MARKED}\n\nORG 3\n"


def test_several_texts_and_files_are_kept_apart(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, "utf-8")
    lines = run("ner", tmp_path / "a.txt", "In Rome.", "-m", "tagger").stdout.splitlines()
    assert lines == [f"{tmp_path / 'a.txt'}:", MARKED, "", "ORG 3", "", "[In ORG] [Rome ORG].", "", "ORG 2"]


def test_a_dash_reads_stdin(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Öl in Rome".encode())))
    assert [source.text for source in sources.read_sources(["-"])] == ["Öl in Rome"]


def test_the_options_reach_the_pipeline(pipe):
    run(
        "ner",
        TEXT,
        "-m",
        "tagger",
        "--constrained",
        "--aggregation-strategy",
        "max",
        "--device",
        "cpu",
        "--batch-tokens",
        64,
    )
    assert pipe.calls == [([TEXT], "max", True)]
    assert pipe.options == ("cpu", 64)


def test_by_default_entities_are_of_whole_words(pipe):
    run("ner", TEXT, "-m", "tagger")
    assert pipe.calls == [([TEXT], "first", False)]


def test_json_has_a_line_a_text(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, "utf-8")
    first, second = map(
        json.loads, run("ner", "Ö Rome", tmp_path / "a.txt", "--json", "-m", "tagger").stdout.splitlines()
    )
    assert first == {
        "text": "Ö Rome",
        "entities": [{"entity_group": "ORG", "score": 0.5, "word": "Rome", "start": 2, "end": 6}],
    }
    assert (second["file"], second["text"], len(second["entities"])) == (str(tmp_path / "a.txt"), TEXT, 3)


def test_html_is_written_as_a_page(tmp_path):
    (tmp_path / "article.txt").write_text(TEXT, "utf-8")
    result = run("ner", tmp_path / "article.txt", "--html", tmp_path / "out.html", "-m", "tagger")
    page = (tmp_path / "out.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count("<mark") == 4
    assert f"<title>{tmp_path / 'article.txt'}</title>" in page
    assert result.stdout == ""
    assert result.stderr == f"wrote {tmp_path / 'out.html'} (3 entities)\n"


def test_html_and_json_together(tmp_path):
    output = run("ner", TEXT, "In Rome.", "--html", tmp_path / "out.html", "--json", "-m", "tagger").stdout
    assert len(output.splitlines()) == 2
    assert (tmp_path / "out.html").read_text("utf-8").count("<section>") == 2


def test_a_failing_model_leaves_the_page_that_was_there(tmp_path, monkeypatch, pipe):
    (tmp_path / "out.html").write_text("before", "utf-8")
    monkeypatch.setattr(
        ner, "open_pipeline", lambda *_, **__: lambda *_, **__: [[{"start": 0, "end": 99, "label": "X"}]]
    )
    assert "lies outside of the text" in refused("ner", TEXT, "--html", tmp_path / "out.html", "-m", "tagger")
    assert [(path.name, path.read_text("utf-8")) for path in tmp_path.iterdir()] == [("out.html", "before")]


def test_subwords_that_share_a_character_are_shown(monkeypatch):
    found = [{"entity": kind, "start": 0, "end": 1} for kind in ("B-LOC", "I-LOC")]
    monkeypatch.setattr(ner, "open_pipeline", lambda *_, **__: lambda *_, **__: [found])
    assert run("ner", "각", "-m", "tagger").stdout.startswith("[각 B-LOC I-LOC]")


def test_the_page_is_as_readable_as_any_new_file(tmp_path):
    run("ner", TEXT, "--html", tmp_path / "out.html", "-m", "tagger")
    (tmp_path / "other").touch()
    assert (tmp_path / "out.html").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_help_says_how_files_are_read():
    assert "existing file is read" in " ".join(run("ner", "--help").stdout.replace("│", " ").split())


# errors


def test_a_text_file_that_is_not_there_is_refused(tmp_path):
    assert refused("ner", "artikel.txt", "-m", "tagger") == "no such file: artikel.txt"


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"one\nMalm\xf6")
    expected = f"{tmp_path / 'latin.txt'}, line 2: not UTF-8 (byte 0xf6)"
    assert refused("ner", tmp_path / "latin.txt", "-m", "tagger") == expected


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_file_is_refused(tmp_path, content):
    (tmp_path / "empty.txt").write_text(content, "utf-8")
    assert refused("ner", tmp_path / "empty.txt", "-m", "tagger") == f"{tmp_path / 'empty.txt'} is empty"


def test_an_empty_text_is_refused():
    assert refused("ner", " ", "-m", "tagger") == "the text is empty"


@pytest.mark.parametrize("name", ["rows.csv", "ROWS.PARQUET"])
def test_a_table_is_refused_and_predict_named(tmp_path, name):
    (tmp_path / name).write_text(f"text\n{TEXT}\n", "utf-8")
    message = "is a table by its ending; ferrobert predict reads its rows"
    assert refused("ner", tmp_path / name, "-m", "tagger") == f"{tmp_path / name} {message}"


def test_stdin_twice_is_refused():
    assert refused("ner", "-", "-", "-m", "tagger") == "- reads stdin, which can be read once"


def test_a_page_in_a_folder_that_is_not_there_is_refused_before_the_model_runs(tmp_path, pipe):
    assert (
        refused("ner", TEXT, "--html", tmp_path / "no" / "out.html", "-m", "tagger")
        == f"no such folder: {tmp_path / 'no'}"
    )
    assert refused("ner", TEXT, "--html", tmp_path, "-m", "tagger") == f"{tmp_path} is a folder; the output is one file"
    assert pipe.calls == []


def test_no_text_is_refused():
    assert "Missing argument" in refused("ner", "-m", "tagger")


def test_a_text_too_long_for_a_file_name_is_a_text():
    [source] = sources.read_sources(["Ann " * 5000])
    assert source.name is None
