"""The command line of the tasks that pretraining leaves behind: fill-mask and next-sentence-prediction."""

import json

import pytest
from tests.command_line import refused, run
from tests.conftest import write_tokenizer
from tests.made_checkpoints import made_model

import ferrobert
from ferrobert.cli import fill_mask
from ferrobert.tables import Table, TableWriter

pytest.importorskip("torch")

TEXTS = ["the film was [MASK]!", "[MASK] and [MASK]", "a [MASK] book"]
NSP = ("--task", "next-sentence-prediction")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    write_tokenizer(folder)
    made_model("BertForPreTraining", vocab_size=94, seed=3).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def fill(model):
    return ferrobert.pipeline("fill-mask", model, device="cpu")


def table_of(path, *rows):
    with TableWriter(path) as writer:
        writer.write(rows)
    return path


def lists_of(results):
    return [result if isinstance(result[0], list) else [result] for result in results]


def test_fill_mask_prints_tokens_scores_and_texts(model, fill):
    lines = run("fill-mask", TEXTS[0], "-m", model, "--top-k", 2, "--device", "cpu").stdout.splitlines()
    expected = [[row["token_str"], f"{row['score']:.4f}", row["sequence"]] for row in fill(TEXTS[0], top_k=2)]
    assert [line.rstrip().split(maxsplit=2) for line in lines[1:]] == expected


def test_fill_mask_as_json_has_a_list_for_each_mask(model, fill):
    output = run("fill-mask", *TEXTS, "-m", model, "--json", "--device", "cpu").stdout
    rows = [json.loads(line) for line in output.splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["predictions"] for row in rows] == lists_of(fill(TEXTS))


def test_fill_mask_among_targets(model):
    output = run("fill-mask", TEXTS[0], "-m", model, "--target", "good", "--target", "bad", "--json").stdout
    assert {one["token_str"] for one in json.loads(output)["predictions"][0]} == {"good", "bad"}


def test_fill_mask_reads_a_file(model, fill, tmp_path):
    (tmp_path / "masked.txt").write_text(TEXTS[0], "utf-8")
    [line] = run("fill-mask", tmp_path / "masked.txt", "-m", model, "--json", "--device", "cpu").stdout.splitlines()
    assert json.loads(line)["file"] == str(tmp_path / "masked.txt")
    assert json.loads(line)["text"] == TEXTS[0]
    assert json.loads(line)["predictions"][0][0]["token_str"] == fill(TEXTS[0])[0]["token_str"]


def test_fill_mask_shows_small_scores(monkeypatch):
    one = {"score": 3.14159e-6, "token": 5, "token_str": "good", "sequence": "the film was good!"}
    monkeypatch.setattr(fill_mask, "open_pipeline", lambda *_, **__: lambda *_, **__: [[one]])
    assert run("fill-mask", TEXTS[0]).stdout.splitlines()[1].split(maxsplit=2)[:2] == ["good", "3.1e-06"]


def test_fill_mask_of_a_text_without_a_mask_is_refused(model):
    assert refused("fill-mask", "good", "-m", model) == "row 0 has no mask: '[MASK]' is not in its text"


def test_fill_mask_with_an_encoder_alone_is_refused(tiny_encoder):
    assert "has no masked-language-model head" in refused("fill-mask", "a [MASK]", "-m", tiny_encoder)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_predict_fills_the_masks_of_a_file(model, fill, tmp_path, ending):
    file = table_of(tmp_path / "in.jsonl", *({"text": text, "predictions": "none"} for text in TEXTS))
    output = tmp_path / f"out.{ending}"
    result = run("predict", file, "-m", model, "--task", "fill-mask", "--top-k", 2, "-o", output, "--device", "cpu")
    rows = [row.values for row in Table(output)]
    assert [row["predictions"] for row in rows] == lists_of(fill(TEXTS, top_k=2))
    assert [row["input_predictions"] for row in rows] == ["none"] * 3
    assert "predictions -> input_predictions" in result.stderr


def test_predict_names_the_line_without_a_mask(model, tmp_path):
    file = table_of(tmp_path / "in.jsonl", {"text": TEXTS[0]}, {"text": "good"})
    assert "in.jsonl, line 2: the text has no [MASK]" in refused("predict", file, "-m", model, "--task", "fill-mask")


def test_predict_names_the_line_whose_mask_is_cut_off(model, tmp_path):
    file = table_of(tmp_path / "in.jsonl", {"text": TEXTS[0]}, {"text": "good " * 90 + "[MASK]"})
    message = refused("predict", file, "-m", model, "--task", "fill-mask", "--max-length", 64)
    assert "in.jsonl, line 2: the text has no [MASK], or it is cut off with the end of the text" in message


def test_predict_of_masks_with_pairs_is_refused(model, tmp_path):
    file = table_of(tmp_path / "in.jsonl", {"text": TEXTS[0]})
    message = refused("predict", file, "-m", model, "--task", "fill-mask", "--text-pair-column", "b")
    assert message == "--text-pair-column does not go with --task fill-mask"


def test_predict_of_labels_with_targets_is_refused(model, tmp_path):
    file = table_of(tmp_path / "in.jsonl", {"text": TEXTS[0]})
    message = refused("predict", file, "-m", model, "--target", "good")
    assert message == "--top-k and --target go with --task fill-mask, not with text-classification"


def test_predict_tells_which_pairs_follow(model, tmp_path):
    pairs = [("good", "bad"), ("the film", "was very dull"), ("who wrote this", "a book")]
    file = table_of(tmp_path / "in.jsonl", *({"text": one, "text_pair": other} for one, other in pairs))
    output = run("predict", file, "-m", model, *NSP, "--all-scores", "--device", "cpu").stdout
    rows = [json.loads(line) for line in output.splitlines()]
    expected = ferrobert.pipeline(NSP[1], model, device="cpu")(pairs)
    assert [row["label"] for row in rows] == [one["label"] for one in expected]
    assert [row["score"] for row in rows] == pytest.approx([one["score"] for one in expected], abs=1e-5)
    assert all(set(row["scores"]) == {"IsNext", "NotNext"} for row in rows)


def test_predict_of_next_sentences_without_pairs_is_refused(model, tmp_path):
    file = table_of(tmp_path / "in.jsonl", {"text": "good"})
    assert "has no column 'text_pair'" in refused("predict", file, "-m", model, *NSP)


def test_predict_for_an_unknown_task_is_refused(model, tmp_path):
    file = table_of(tmp_path / "in.jsonl", {"text": "good"})
    assert "unknown task 'translation'" in refused("predict", file, "-m", model, "--task", "translation")


def test_evaluate_of_next_sentences_takes_names_and_numbers(model, tmp_path):
    for name, labels in (("names", ["IsNext", "NotNext"]), ("numbers", [0, 1])):
        rows = [{"text": "good", "text_pair": "bad", "label": label} for label in labels]
        file = table_of(tmp_path / f"{name}.jsonl", *rows)
        measured = json.loads(run("evaluate", file, "-m", model, *NSP, "--json").stdout)
        assert measured["accuracy"] == 0.5
        assert measured["confusion"]["labels"] == ["IsNext", "NotNext"]


def test_evaluate_of_fill_mask_is_refused(model, tmp_path):
    file = table_of(tmp_path / "in.jsonl", {"text": TEXTS[0], "label": "good"})
    assert "fill-mask has no labels" in refused("evaluate", file, "-m", model, "--task", "fill-mask")
