import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from safetensors.numpy import load_file
from tests.command_line import refused, run

import ferrobert
from ferrobert.cli import sources
from ferrobert.tables import Table, TableWriter

ROWS = [
    {"id": 1, "text": "a great film", "label": "good"},
    {"id": 2, "text": "an awful book", "label": "bad"},
    {"id": 3, "text": 'the food was fair, the room "nice"', "label": "fair"},
]
COMMANDS = (
    "demo",
    "classify",
    "ner",
    "answer",
    "zero-shot",
    "fill-mask",
    "tokenize",
    "train",
    "predict",
    "evaluate",
    "bench",
)


@pytest.fixture
def rows_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    with TableWriter(path) as writer:
        writer.write(ROWS)
    return path


@pytest.fixture(scope="module")
def model(tiny_classifier):
    pytest.importorskip("torch")
    return tiny_classifier


def test_help_lists_the_commands():
    output = run("--help").stdout
    assert all(command in output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    assert "Usage" in run(command, "--help").stdout


def test_the_version_is_that_of_the_package():
    assert run("--version").stdout == f"ferrobert {ferrobert.__version__}\n"


def test_help_needs_neither_torch_nor_transformers():
    program = (
        "import sys; from ferrobert.cli import main; sys.argv = ['ferrobert', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'pyarrow', 'datasets', 'peft'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(ferrobert.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, stdout=subprocess.DEVNULL)


# tokenize


def test_tokenize_prints_a_table(checkpoint):
    lines = run("tokenize", "The cat sat.", "--model", checkpoint).stdout.splitlines()
    assert [line.split() for line in lines if line.strip()][2:] == [
        ["[CLS]", "2", "0"],
        ["the", "5", "0", "0:3", "0"],
        ["cat", "6", "0", "4:7", "1"],
        ["sat", "7", "0", "8:11", "2"],
        [".", "10", "0", "11:12", "3"],
        ["[SEP]", "3", "0"],
    ]


def test_tokenize_of_a_pair_as_json(checkpoint):
    row = json.loads(run("tokenize", "The cat", "sat", "--json", "-m", checkpoint).stdout)
    assert row == {
        "text": "The cat",
        "text_pair": "sat",
        "tokens": ["[CLS]", "the", "cat", "[SEP]", "sat", "[SEP]"],
        "input_ids": [2, 5, 6, 3, 7, 3],
        "token_type_ids": [0, 0, 0, 0, 1, 1],
        "offsets": [[0, 0], [0, 3], [4, 7], [0, 0], [0, 3], [0, 0]],
        "word_ids": [None, 0, 1, None, 0, None],
    }


def test_tokenize_of_a_file(checkpoint, rows_file, tmp_path):
    printed = [json.loads(line) for line in run("tokenize", "--file", rows_file, "-m", checkpoint).stdout.splitlines()]
    assert [row["text"] for row in printed] == [row["text"] for row in ROWS]
    run("tokenize", "--file", rows_file, "-m", checkpoint, "-o", tmp_path / "out.jsonl")
    assert [row.values for row in Table(tmp_path / "out.jsonl")] == printed


def test_tokenize_without_text_and_file_is_refused(checkpoint):
    assert refused("tokenize", "-m", checkpoint) == "give a text or --file, one of the two"


def test_tokenize_of_a_text_into_a_file_is_refused(checkpoint, tmp_path):
    assert refused("tokenize", "text", "-m", checkpoint, "-o", tmp_path / "out.jsonl") == "--output goes with --file"


def test_a_warning_is_one_line_without_a_place_in_the_code(checkpoint):
    said = run("tokenize", "the film " * 300, "-m", checkpoint, "--json").stderr
    assert re.fullmatch(r"warning: a row has 602 tokens, the model takes \d+: pass truncation=True, or .*\n", said)


def test_tokenize_with_a_tokenizer_that_is_not_there_is_refused(tmp_path):
    assert "none" in refused("tokenize", "text", "-m", tmp_path / "none")


# classify


def test_classify_prints_label_and_score(model):
    pipe = ferrobert.pipeline("text-classification", model, device="cpu")
    [expected] = pipe("a great film")
    output = run("classify", "a great film", "-m", model, "--device", "cpu").stdout
    assert output.splitlines()[1].split(maxsplit=2) == [expected["label"], f"{expected['score']:.4f}", "a great film"]


def test_classify_as_json_with_all_labels(model):
    [line] = run("classify", "a great film", "-m", model, "--json", "--top-k", 0).stdout.splitlines()
    assert {one["label"] for one in json.loads(line)["labels"]} == {"bad", "fair", "good"}


def test_classify_of_a_pair(model):
    pipe = ferrobert.pipeline("text-classification", model, device="cpu")
    output = run("classify", "who wrote this", "--pair", "a film", "-m", model, "--json", "--device", "cpu").stdout
    expected = pipe({"text": "who wrote this", "text_pair": "a film"})
    assert json.loads(output)["labels"][0]["score"] == pytest.approx(expected["score"], abs=1e-6)


def test_classify_reads_files_and_stdin_as_ner_does(model, tmp_path, monkeypatch):
    (tmp_path / "review.txt").write_text("\ufeffa great film", "utf-8")
    # CliRunner puts its own stdin into the module sys.
    stdin = SimpleNamespace(stdin=io.TextIOWrapper(io.BytesIO(b"a great film")))
    monkeypatch.setattr(sources, "sys", stdin)
    output = run("classify", "a great film", tmp_path / "review.txt", "-", "-m", model, "--json").stdout
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line.get("file") for line in lines] == [None, str(tmp_path / "review.txt"), "stdin"]
    assert len({line["labels"][0]["score"] for line in lines}) == 1
    assert "review.txt" in run("classify", tmp_path / "review.txt", "-m", model).stdout.replace("\n", "").replace(
        " ", ""
    )


@pytest.mark.parametrize("command", ["classify", "zero-shot", "fill-mask"])
def test_what_is_no_text_is_refused(model, tmp_path, command):
    labels = ("--labels", "a,b") if command == "zero-shot" else ()
    assert refused(command, " ", "-m", model, *labels) == "the text is empty"
    assert refused(command, "reviews.txt", "-m", model, *labels) == "no such file: reviews.txt"
    assert refused(command, "reviews.csv", "-m", model, *labels).startswith("reviews.csv is a table by its ending")


def test_classify_with_a_model_that_is_not_there_is_refused(tmp_path):
    pytest.importorskip("torch")
    assert f"'{tmp_path / 'none'}': no such file or folder" in refused("classify", "text", "-m", tmp_path / "none")


def test_classify_reads_a_long_text_in_windows(model):
    assert "good" in run("classify", "good " * 90, "-m", model).stdout


# predict


def table_as(kind, folder):
    path = folder / f"input.{kind}"
    if kind in ("csv", "tsv"):
        import csv

        with path.open("w", newline="", encoding="utf-8") as file:
            if kind == "tsv":
                file.write("\t".join(ROWS[0]) + "\n")
                file.writelines("\t".join(map(str, row.values())) + "\n" for row in ROWS)
            else:
                writer = csv.DictWriter(file, list(ROWS[0]))
                writer.writeheader()
                writer.writerows(ROWS)
    else:
        if kind == "parquet":
            pytest.importorskip("pyarrow")
        with TableWriter(path) as writer:
            writer.write(ROWS)
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_predict_labels_every_row_of_a_file(model, tmp_path, kind):
    result = run("predict", table_as(kind, tmp_path), "-m", model, "--device", "cpu")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    expected = ferrobert.pipeline("text-classification", model, device="cpu")([row["text"] for row in ROWS])
    for row, source, answer in zip(rows, ROWS, expected, strict=True):
        assert list(row) == ["id", "text", "input_label", "label", "score"]
        assert str(row["id"]) == str(source["id"])
        assert (row["text"], row["input_label"]) == (source["text"], source["label"])
        assert row["label"] == answer["label"]
        assert row["score"] == pytest.approx(answer["score"], abs=1e-6)
    assert result.stderr == "columns of the input renamed: label -> input_label\n"


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_predict_writes_a_file(model, rows_file, tmp_path, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    output = tmp_path / f"out.{kind}"
    result = run("predict", rows_file, "-m", model, "-o", output, "--all-scores")
    assert result.stdout == ""
    rows = [row.values for row in Table(output)]
    assert len(rows) == 3
    assert all(sum(row["scores"].values()) == pytest.approx(1.0, abs=1e-5) for row in rows)
    assert all(row["scores"][row["label"]] == row["score"] for row in rows)


def test_predict_reads_long_texts_in_windows_and_counts_those_that_it_cuts(model, tmp_path):
    long = "good " * 60 + "bad " * 90
    (tmp_path / "long.csv").write_text(f"text\n{long}\nbad\n")
    pipe = ferrobert.pipeline("text-classification", model, device="cpu")
    for options, cut in (([], {}), (["--max-length", "64"], {"truncation": True, "max_length": 64})):
        result = run("predict", tmp_path / "long.csv", "-m", model, *options)
        scores = [json.loads(line)["score"] for line in result.stdout.splitlines()]
        assert scores == pytest.approx([one["score"] for one in pipe([long, "bad"], **cut)], abs=1e-5)
        assert result.stderr == ("1 of 2 texts were longer than 64 tokens and were cut\n" if cut else "")


def test_predict_under_strict_stops_at_a_text_that_is_too_long(model, tmp_path):
    (tmp_path / "long.csv").write_text("text\nbad\n" + "good " * 90 + "\n")
    message = refused("predict", tmp_path / "long.csv", "-m", model, "--strict")
    assert "long.csv, line 3: the text has more than the 64 tokens" in message


def test_predict_of_a_file_without_header(model, tmp_path):
    (tmp_path / "plain.tsv").write_text("1\ta great film\n")
    [line] = run("predict", tmp_path / "plain.tsv", "-m", model, "--columns", "id,text").stdout.splitlines()
    assert json.loads(line)["id"] == "1"


def test_predict_without_the_text_column_is_refused(model, tmp_path):
    (tmp_path / "a.csv").write_text("review\nfine\n")
    assert refused("predict", tmp_path / "a.csv", "-m", model).endswith(
        "has no column 'text'; its columns are 'review'"
    )


def test_predict_of_a_missing_file_is_refused(model, tmp_path):
    assert refused("predict", tmp_path / "none.csv", "-m", model) == f"no such file: {tmp_path / 'none.csv'}"


def test_predict_leaves_no_file_behind_a_broken_row(model, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text\nfine\nna\xefve\n")
    message = refused("predict", tmp_path / "a.csv", "-m", model, "-o", tmp_path / "out.jsonl")
    assert "line 3: not UTF-8" in message
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_predict_onto_its_own_input_is_refused(model, rows_file):
    assert "is the input file" in refused("predict", rows_file, "-m", model, "-o", rows_file)


# evaluate


def test_evaluate_measures_what_the_pipeline_answers(model, rows_file):
    from ferrobert import metrics

    measured = json.loads(run("evaluate", rows_file, "-m", model, "--json", "--device", "cpu").stdout)
    pipe = ferrobert.pipeline("text-classification", model, device="cpu")
    answers = pipe([row["text"] for row in ROWS])
    predicted = [answer["label"] for answer in answers]
    true = [row["label"] for row in ROWS]
    assert measured["rows"] == 3
    assert measured["accuracy"] == pytest.approx(metrics.accuracy(true, predicted))
    assert measured["macro_f1"] == pytest.approx(metrics.f1(true, predicted, average="macro"))
    right = [one["label"] == label for one, label in zip(answers, true, strict=True)]
    expected = metrics.calibration_error(right, [one["score"] for one in answers])
    assert measured["calibration_error"] == pytest.approx(expected)
    assert measured["mean_score"] == pytest.approx(sum(one["score"] for one in answers) / 3)
    assert measured["confusion"]["labels"] == ["bad", "fair", "good"]
    assert [sum(row) for row in measured["confusion"]["true_by_predicted"]] == [1, 1, 1]


def test_evaluate_of_scores_that_are_no_probabilities_has_no_calibration_error(make_checkpoint, tmp_path):
    folder = make_checkpoint(["stars"], seed=1, problem_type="regression")
    (tmp_path / "rows.csv").write_text("text,label\na great film,stars\nbad,stars\n")
    pipe = ferrobert.pipeline("text-classification", folder, device="cpu")
    assert not all(0 <= answer["score"] <= 1 for answer in pipe(["a great film", "bad"]))
    shown = run("evaluate", tmp_path / "rows.csv", "-m", folder).stdout
    assert "accuracy 1.0000" in shown
    assert "calibration" not in shown
    assert "mean score" not in shown
    measured = json.loads(run("evaluate", tmp_path / "rows.csv", "-m", folder, "--json").stdout)
    assert measured["calibration_error"] is measured["mean_score"] is None


def test_evaluate_prints_tables(model, rows_file):
    output = run("evaluate", rows_file, "-m", model).stdout
    assert all(word in output for word in ("accuracy", "macro F1", "precision", "recall", "true label by predicted"))
    assert all(word in output for word in ("mean score", "calibration error"))


def test_evaluate_with_a_label_that_the_model_lacks_is_refused(model, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nfine,good\nfine,ugly\n")
    assert "line 3: unknown label 'ugly'; the model's labels are 'bad', 'fair', 'good'" in refused(
        "evaluate", tmp_path / "a.csv", "-m", model
    )


def test_evaluate_of_an_unlabelled_row_is_refused(model, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nfine,\n")
    assert "line 2 has no label" in refused("evaluate", tmp_path / "a.csv", "-m", model)


def test_evaluate_of_no_rows_is_refused(model, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n")
    assert "has no rows" in refused("evaluate", tmp_path / "a.csv", "-m", model)


# train


def test_train_then_predict(tiny_encoder, rows_file, tmp_path):
    pytest.importorskip("torch")
    folder = tmp_path / "model"
    result = run(
        "train",
        rows_file,
        "-m",
        tiny_encoder,
        "-o",
        folder,
        "--validation",
        rows_file,
        "--epochs",
        2,
        "--device",
        "cpu",
    )
    assert "model saved in" in result.stdout
    assert "epoch 2/2" in result.stderr
    output = run("predict", rows_file, "-m", folder).stdout
    assert {json.loads(line)["label"] for line in output.splitlines()} <= {"bad", "fair", "good"}


def test_train_with_a_validation_file_that_is_not_there_is_refused(tiny_encoder, rows_file, tmp_path):
    message = refused("train", rows_file, "-m", tiny_encoder, "-o", tmp_path / "out", "--validation", "none.csv")
    assert message == "--validation must be a file or a share such as 0.1; no such file: none.csv"


def test_train_puts_lora_on_the_layers_that_are_named(tiny_encoder, rows_file, tmp_path):
    options = ["train", rows_file, "-m", tiny_encoder, "--epochs", 1, "--lora", 4, "--dropout", 0, "--overwrite"]
    named = {"all-linear": 13, "query": 2, "value": 2}  # of two layers; all: 6 a layer, and the pooler
    for targets in (["all-linear"], ["query", "value"]):
        asked = [part for target in targets for part in ("--lora-target", target)]
        run(*options, "-o", tmp_path / targets[0], *asked)
        weights = load_file(tmp_path / targets[0] / "adapter" / "adapter_model.safetensors")
        assert sum("lora_A" in name for name in weights) == sum(named[target] for target in targets)
        settings = json.loads((tmp_path / targets[0] / "adapter" / "adapter_config.json").read_text())
        assert (settings["r"], settings["lora_alpha"], settings["lora_dropout"]) == (4, 8, 0.0)


def test_what_is_advised_at_the_prompt_are_options(tiny_encoder, rows_file):
    message = refused("train", rows_file, "-m", tiny_encoder, "-o", tiny_encoder)
    assert message.endswith("holds a model already; --overwrite replaces it, or choose another --output-dir")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zero-shot", "a text", "--labels", "a,b", "--template", "no slot"], "--template must be a text with {}"),
        (["fill-mask", "a [MASK]", "--top-k", 0], "--top-k must be"),
    ],
)
def test_what_is_wrong_at_the_prompt_is_named_as_its_option(arguments, message):
    assert message in refused(*arguments)


def test_a_rank_of_lora_that_is_none_is_named_as_its_option(tiny_encoder, rows_file, tmp_path):
    options = ["-m", tiny_encoder, "-o", tmp_path / "out", "--lora", 0, "--learning-rate", 1e-3]
    assert refused("train", rows_file, *options) == "--lora must be a rank from 1, got 0"


def test_a_lora_target_without_a_rank_is_refused(tiny_encoder, rows_file, tmp_path):
    message = refused("train", rows_file, "-m", tiny_encoder, "-o", tmp_path / "out", "--lora-target", "query")
    assert message == "--lora-target goes with --lora RANK"


def test_all_linear_beside_other_lora_targets_is_refused(tiny_encoder, rows_file, tmp_path):
    both = ["--lora", 4, "--lora-target", "all-linear", "--lora-target", "query"]
    message = refused("train", rows_file, "-m", tiny_encoder, "-o", tmp_path / "out", *both)
    assert message == "--lora-target all-linear takes all layers, no name goes with it: all-linear, query"


def test_train_for_an_unknown_task_is_refused(tiny_encoder, rows_file, tmp_path):
    message = refused("train", rows_file, "-m", tiny_encoder, "-o", tmp_path / "out", "--task", "translation")
    assert "unknown task 'translation'" in message


# All of it


def test_an_unknown_command_is_refused():
    assert "No such command 'translate'" in refused("translate")


def test_an_unknown_option_is_refused(model):
    assert "No such option" in refused("classify", "text", "-m", model, "--loud")


def test_a_missing_extra_names_what_to_install(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert 'needs torch: pip install "ferrobert[torch]"' in refused("classify", "text", "-m", model)


def test_a_reader_that_leaves_early_is_no_error(checkpoint, tmp_path):
    (tmp_path / "many.csv").write_text("text\n" + "the cat sat on the mat\n" * 5000)
    program = "from ferrobert.cli import main; main()"
    command = [sys.executable, "-c", program, "tokenize", "--file", tmp_path / "many.csv", "-m", checkpoint]
    environment = {**os.environ, "PYTHONPATH": str(Path(ferrobert.__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
