import json

import pytest
from tests.command_line import refused, run
from tests.finetune_ner_cases import LONGER, NAMES, TRAIN

import ferrobert as fb
from ferrobert.tables import Table, TableWriter

pytest.importorskip("torch")

TEXT = "who wrote film and one two was !"
IOB1 = [{"tokens": words, "tags": [tag.replace("B-", "I-") for tag in tags]} for words, tags in TRAIN[:6]]
SPANS = [{"start": 10, "end": 14, "label": "LOC"}, {"start": 19, "end": 26, "label": "PER"}]


@pytest.fixture(scope="module")
def tagger(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tagger")
    fb.finetune("ner", tiny_encoder, TRAIN, output_dir=folder, **LONGER)
    return folder


def write(path, rows):
    with TableWriter(path) as writer:
        writer.write(rows)
    return path


@pytest.fixture
def sentences(tmp_path):
    return write(tmp_path / "test.conll", [{"tokens": words, "tags": tags} for words, tags in TRAIN[:6]])


@pytest.fixture
def texts(tmp_path):
    return write(
        tmp_path / "texts.jsonl", [{"id": 7, "text": TEXT, "spans": SPANS}, {"id": 8, "text": "", "spans": []}]
    )


# train


def test_train_predict_and_evaluate_on_conll(tiny_encoder, sentences, tmp_path):
    folder = tmp_path / "model"
    options = ["--validation", sentences, "--epochs", 2, "--batch-size", 8, "--device", "cpu", "--select-best", "f1"]
    result = run("train", sentences, "--task", "ner", "-m", tiny_encoder, "-o", folder, *options)
    assert f"ferrobert predict FILE --model {folder} --task ner" in result.stdout.replace("\n", "")
    assert "epoch 2/2" in result.stderr
    assert fb.pipeline("ner", folder).labels == NAMES
    rows = [json.loads(line) for line in run("predict", sentences, "--task", "ner", "-m", folder).stdout.splitlines()]
    assert [row["tokens"] for row in rows] == [words for words, _ in TRAIN[:6]]
    assert 0.0 <= json.loads(run("evaluate", sentences, "--task", "ner", "-m", folder, "--json").stdout)["f1"] <= 1.0


def test_train_on_texts_with_spans_in_columns_of_other_names(tiny_encoder, tmp_path):
    path = write(tmp_path / "train.jsonl", [{"body": TEXT, "entities": SPANS}] * 4)
    options = ["--text-column", "body", "--spans-column", "entities", "--epochs", 1, "--device", "cpu"]
    run("train", path, "--task", "ner", "-m", tiny_encoder, "-o", tmp_path / "model", *options)
    assert fb.pipeline("ner", tmp_path / "model").labels == NAMES


def test_train_on_a_txt_file_whose_format_is_given(tiny_encoder, sentences, tmp_path):
    path = sentences.rename(tmp_path / "train.txt")
    folder = tmp_path / "model"
    run("train", path, "--format", "conll", "--task", "ner", "-m", tiny_encoder, "-o", folder, "--epochs", 1)
    assert (folder / "config.json").exists()


def test_train_on_a_line_without_tag_is_refused(tiny_encoder, tmp_path):
    (tmp_path / "a.conll").write_text("who\tO\nwrote\n")
    message = refused("train", tmp_path / "a.conll", "--task", "ner", "-m", tiny_encoder, "-o", tmp_path / "out")
    assert message == f"{tmp_path / 'a.conll'}, line 2: the token 'wrote' has no tag"


def test_options_of_ner_are_refused_for_texts(tiny_encoder, sentences, tmp_path):
    message = refused("train", sentences, "-m", tiny_encoder, "-o", tmp_path / "out", "--scheme", "BIO")
    assert message == "--scheme, --label-all-tokens and --format go with --task ner, not with text-classification"


def test_a_conll_file_for_texts_is_refused(tiny_encoder, sentences, tmp_path):
    message = refused("train", sentences, "-m", tiny_encoder, "-o", tmp_path / "out")
    assert "has no column 'text'; its columns are 'tokens', 'tags'" in message


# predict


def test_predict_adds_a_tag_to_each_token(tagger, sentences):
    result = run("predict", sentences, "--task", "token-classification", "-m", tagger, "--device", "cpu")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["input_tags"], row["tags"]) for row in rows] == [(tags, tags) for _, tags in TRAIN[:6]]
    assert result.stderr == "columns of the input renamed: tags -> input_tags\n"


def test_predict_writes_conll_with_true_and_predicted_tags(tagger, sentences, tmp_path):
    run("predict", sentences, "--task", "ner", "-m", tagger, "-o", tmp_path / "out.conll")
    first = (tmp_path / "out.conll").read_text().split("\n\n")[0]
    expected = [f"{word}\t{tag}\t{tag}" for word, tag in zip(*TRAIN[0], strict=True)]
    assert first.split("\n") == expected
    assert [row.values["tags"] for row in Table(tmp_path / "out.conll")] == [tags for _, tags in TRAIN[:6]]


def test_predict_on_tokens_alone(tagger, tmp_path):
    (tmp_path / "a.conll").write_text("film\nthree\n")
    run("predict", tmp_path / "a.conll", "--task", "ner", "-m", tagger, "-o", tmp_path / "out.conll")
    assert [list(row.values) for row in Table(tmp_path / "out.conll")] == [["tokens", "tags"]]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_predict_adds_entities_to_texts(tagger, texts, tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    run("predict", texts, "--task", "ner", "-m", tagger, "-o", tmp_path / f"out.{ending}")
    rows = [row.values for row in Table(tmp_path / f"out.{ending}")]
    assert list(rows[0]) == ["id", "text", "spans", "entities"]
    found = [(one["entity_group"], one["start"], one["end"], one["word"]) for one in rows[0]["entities"]]
    assert found == [("LOC", 10, 14, "film"), ("PER", 19, 26, "one two")]
    assert rows[1]["entities"] == []


def test_parquet_knows_the_type_of_entities_before_there_are_any(tagger, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("ferrobert.cli.predict.CHUNK", 1)
    path = write(tmp_path / "texts.jsonl", [{"text": ""}, {"text": TEXT}])
    run("predict", path, "--task", "ner", "-m", tagger, "-o", tmp_path / "out.parquet")
    assert [len(row.values["entities"]) for row in Table(tmp_path / "out.parquet")] == [0, 2]


def test_predict_covers_texts_longer_than_the_model_reads(tagger, tmp_path):
    words = TRAIN[0][0] * 30
    path = write(tmp_path / "long.jsonl", [{"tokens": words}])
    [line] = run("predict", path, "--task", "ner", "-m", tagger).stdout.splitlines()
    assert len(json.loads(line)["tags"]) == len(words)


def test_predict_of_conll_onto_texts_is_refused(tagger, texts, tmp_path):
    message = refused("predict", texts, "--task", "ner", "-m", tagger, "-o", tmp_path / "out.conll")
    assert "a CoNLL file holds tokens with tags; write .jsonl or .parquet" in message


def test_predict_of_conll_with_other_columns_is_refused_and_leaves_no_file(tagger, tmp_path):
    path = write(tmp_path / "a.jsonl", [{"id": 3, "tokens": ["film"]}])
    message = refused("predict", path, "--task", "ner", "-m", tagger, "-o", tmp_path / "out.conll")
    assert "a CoNLL file has no place for column 'id'" in message
    assert [one.name for one in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-length", 20], "--task ner cuts nothing"),
        (["--strict"], "--task ner cuts nothing"),
        (["--all-scores"], "not go with --task token-classification"),
        (["--top-k", 3], "go with --task fill-mask"),
        (["--aggregation-strategy", "simple"], "the file holds tokens, which get a tag each"),
    ],
    ids=["max length", "strict", "all scores", "top k", "strategy"],
)
def test_options_that_tags_do_not_have_are_refused(tagger, sentences, options, message):
    assert message in refused("predict", sentences, "--task", "ner", "-m", tagger, *options)


def test_options_of_tags_are_refused_for_texts(tiny_classifier, texts):
    assert "go with --task ner" in refused("predict", texts, "-m", tiny_classifier, "--constrained")


def test_a_model_without_a_head_for_tokens_is_refused(tiny_classifier, sentences):
    message = refused("predict", sentences, "--task", "ner", "-m", tiny_classifier)
    assert "is a BertForSequenceClassification, it has no token-classification head" in message


def test_a_tagger_as_a_classifier_of_texts_is_refused(tagger, texts):
    assert "it has no classification head; train one" in refused("predict", texts, "-m", tagger)


# evaluate


@pytest.fixture
def flawed(tmp_path):
    """Sentences of which a right model gets one entity wrong."""
    rows = [{"tokens": words, "tags": list(tags)} for words, tags in TRAIN[:6]]
    place = rows[0]["tags"].index("B-LOC")
    rows[0]["tags"][place] = "B-PER"
    return write(tmp_path / "flawed.conll", rows)


def test_evaluate_measures_what_the_pipeline_answers(tagger, flawed):
    measured = json.loads(run("evaluate", flawed, "--task", "ner", "-m", tagger, "--json", "--device", "cpu").stdout)
    rows = [row.values for row in Table(flawed)]
    predicted = fb.pipeline("ner", tagger, device="cpu").word_labels([row["tokens"] for row in rows])
    true = [row["tags"] for row in rows]
    expected = fb.metrics.entity_f1(true, predicted)
    assert {name: measured[name] for name in expected} == expected
    assert (measured["rows"], measured["mode"]) == (6, "strict")
    assert measured["errors"]["kinds"]["wrong type"] == 1
    assert measured["errors"]["examples"][0]["true"] == "PER"


def test_evaluate_prints_scores_and_the_worst_errors(tagger, flawed):
    output = run("evaluate", flawed, "--task", "ner", "-m", tagger).stdout
    assert all(word in output for word in ("F1 0.9", "macro F1", "LOC", "PER", "wrong type"))
    assert "wrong type" not in run("evaluate", flawed, "--task", "ner", "-m", tagger, "--errors", 0).stdout


def test_evaluate_in_default_mode(tagger, tmp_path):
    path = write(tmp_path / "a.conll", IOB1)
    strict, default = (
        json.loads(run("evaluate", path, "--task", "ner", "-m", tagger, "--json", "--mode", mode).stdout)["f1"]
        for mode in ("strict", "default")
    )
    assert (strict, default) == (0.0, 1.0)


def test_evaluate_of_iob1_for_a_model_of_bio(tagger, tmp_path):
    path = write(tmp_path / "a.conll", IOB1)
    scores = json.loads(run("evaluate", path, "--task", "ner", "-m", tagger, "--json", "--scheme", "IOB1").stdout)
    assert scores["f1"] == 1.0


def test_evaluate_of_texts_with_spans(tagger, texts, tmp_path):
    scores = json.loads(run("evaluate", texts, "--task", "ner", "-m", tagger, "--json").stdout)
    assert (scores["f1"], scores["support"], scores["rows"]) == (1.0, 2, 2)
    wrong = [{**SPANS[0], "end": 12}, {"start": 15, "end": 18, "label": "LOC"}, SPANS[1]]
    path = write(tmp_path / "wrong.jsonl", [{"text": TEXT, "spans": wrong}])
    scores = json.loads(run("evaluate", path, "--task", "ner", "-m", tagger, "--json").stdout)
    assert (scores["precision"], scores["recall"]) == (0.5, pytest.approx(1 / 3))
    assert scores["errors"]["kinds"] == {
        "missed": 1, "invented": 0, "wrong type": 0, "wrong boundary": 1, "wrong type and boundary": 0
    }  # fmt: skip


def test_evaluate_of_a_tag_that_the_model_lacks_is_refused(tagger, tmp_path):
    (tmp_path / "a.conll").write_text("film\tB-LOC\ntesla\tB-ORG\n")
    message = refused("evaluate", tmp_path / "a.conll", "--task", "ner", "-m", tagger)
    assert "a.conll, line 2: unknown tag 'B-ORG'; the model's labels are 'O', 'B-LOC'" in message


def test_evaluate_of_a_span_that_the_model_lacks_is_refused(tagger, tmp_path):
    path = write(tmp_path / "a.jsonl", [{"text": "tesla", "spans": [{"start": 0, "end": 5, "label": "ORG"}]}])
    message = refused("evaluate", path, "--task", "ner", "-m", tagger)
    assert "line 1, span 0: unknown type 'ORG'; the model's are 'LOC', 'PER'" in message


def test_evaluate_of_tokens_without_tags_is_refused(tagger, tmp_path):
    (tmp_path / "a.conll").write_text("film\n")
    assert "has no column 'tags'" in refused("evaluate", tmp_path / "a.conll", "--task", "ner", "-m", tagger)


def test_evaluate_of_words_and_tags_of_different_number_is_refused(tagger, tmp_path):
    path = write(tmp_path / "a.jsonl", [{"tokens": ["a", "b"], "tags": ["O"]}])
    assert "a.jsonl, line 1: 2 tokens and 1 tags" in refused("evaluate", path, "--task", "ner", "-m", tagger)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mode", "kind"], "--mode must be strict or default, got 'kind'"),
        (["--scheme", "BIOES"], "--scheme BIOES: the labels of the model are BIO; only IOB1 can be read as BIO"),
        (["--scheme", "IO"], "--scheme must be IOB1, BIO (IOB2), BIOES or BILOU, got 'IO'"),
        (["--max-length", 9], "do not go with --task ner"),
    ],
    ids=["mode", "another scheme", "no scheme", "max length"],
)
def test_an_option_that_is_not_allowed_is_refused(tagger, sentences, options, message):
    assert message in refused("evaluate", sentences, "--task", "ner", "-m", tagger, *options)


def test_modes_are_refused_for_texts(tiny_classifier, texts):
    assert "go with --task ner" in refused("evaluate", texts, "-m", tiny_classifier, "--mode", "default")


def test_evaluation_keeps_no_more_than_a_chunk(tagger, sentences, monkeypatch):
    whole = run("evaluate", sentences, "--task", "ner", "-m", tagger, "--json").stdout
    monkeypatch.setattr("ferrobert.cli.evaluate_entities.CHUNK", 1)
    assert json.loads(run("evaluate", sentences, "--task", "ner", "-m", tagger, "--json").stdout) == json.loads(whole)
