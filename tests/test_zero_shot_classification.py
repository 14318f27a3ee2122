"""Zero-shot classification: transformers' call and dictionaries, on tiny checkpoints of four families."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from tests.command_line import refused, run
from tests.made_checkpoints import albert_folder, roberta_folder

import ferrobert as fb
from ferrobert.errors import ConfigError, DecodeError, TextTypeError
from ferrobert.pipelines.rows import paired

TEXTS = ["the film was great!", "a book one two three", "unbelievable food , but the room was very dull .", "bad"]
LABELS = ["good", "bad film", "food", "a book", "who"]
NLI = ["contradiction", "neutral", "entailment"]


@pytest.fixture(scope="module")
def folder(make_checkpoint: Callable[..., Path]) -> Path:
    return make_checkpoint(NLI)


@pytest.fixture(scope="module")
def ours(folder: Path) -> Any:
    return fb.pipeline("zero-shot-classification", folder, device="cpu")


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    return transformers.pipeline("zero-shot-classification", str(folder), device="cpu")


def assert_same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
        return
    assert list(ours) == list(theirs)
    assert ours["sequence"] == theirs["sequence"]
    assert ours["labels"] == theirs["labels"]
    assert ours["scores"] == pytest.approx(theirs["scores"], abs=1e-5)
    assert {type(score) for score in ours["scores"]} == {float}


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("template", ["This example is {}.", "it was {}", "{} {}".replace(" {}", "")])
def test_the_same_as_transformers(ours: Any, theirs: Any, multi_label: bool, template: str) -> None:
    options = {"multi_label": multi_label, "hypothesis_template": template}
    assert_same(ours(TEXTS, LABELS, **options), theirs(TEXTS, LABELS, **options))
    assert_same(
        ours(TEXTS[0], candidate_labels="good, bad,food ,", **options), theirs(TEXTS[0], "good, bad,food ,", **options)
    )
    assert_same(ours(TEXTS[:1], ["good"], **options), theirs(TEXTS[:1], ["good"], **options))
    spread = np.array([one["scores"] for one in ours(TEXTS, LABELS, **options)])
    assert spread.std() > 0.005


def test_defaults_of_the_pipeline(folder: Path, ours: Any) -> None:
    judge = fb.pipeline(
        "zero-shot-classification", folder, device="cpu", candidate_labels=LABELS, multi_label=True, batch_tokens=30
    )
    assert_same(judge(TEXTS), ours(TEXTS, LABELS, multi_label=True))
    assert_same(judge(TEXTS, ["good"]), ours(TEXTS, ["good"], multi_label=True))


def test_labels_of_each_text(ours: Any) -> None:
    lists = [["good", "bad"], ["food"], LABELS, ["a", "who", "the"]]
    expected = [ours(text, labels) for text, labels in zip(TEXTS, lists, strict=True)]
    assert_same(ours(TEXTS, lists), expected)
    assert_same(ours(TEXTS[0], lists[:1]), expected[0])


def test_a_stream(ours: Any) -> None:
    found = ours((text for text in TEXTS * 3), LABELS, batch_size=7)
    assert not isinstance(found, list)
    assert_same(list(found), ours(TEXTS * 3, LABELS))


def test_many_pairs_are_judged_in_blocks(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ours(TEXTS * 5, LABELS)
    monkeypatch.setattr("ferrobert.pipelines.zero_shot_classification.READ_AHEAD", 3)
    assert_same(ours(TEXTS * 5, LABELS), expected)


def test_a_long_text_is_read_to_its_end(ours: Any, theirs: Any) -> None:
    text = "the film was great! " * 20 + "bad " * 50
    cut = ours(text, LABELS, truncation="only_first")
    assert_same(cut, theirs(text, LABELS))
    assert_same(ours(text, LABELS, merge="first"), cut)
    assert ours(text, LABELS)["scores"] != pytest.approx(cut["scores"], abs=1e-4)


def test_contradiction_is_the_last_label_where_entailment_is_the_first(make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint(["Entailed", "neutral", "contradiction"])
    ours = fb.pipeline("zero-shot-classification", folder, device="cpu")
    theirs = transformers.pipeline("zero-shot-classification", str(folder), device="cpu")
    assert_same(ours(TEXTS, LABELS, multi_label=True), theirs(TEXTS, LABELS, multi_label=True))
    assert_same(ours(TEXTS, LABELS), theirs(TEXTS, LABELS))


PAIRS = [
    (text, label)
    for text in ["hello world", "", "hello [SEP] </s> the 你好", "hello world"]
    for label in ["the", "", "x y"]
]


@pytest.mark.parametrize("write", [None, roberta_folder, albert_folder])
@pytest.mark.parametrize("others", [False, True])
def test_pairs_of_texts_encoded_once_are_those_of_the_tokenizer(
    folder: Path, tmp_path: Path, write: Callable[..., Path] | None, others: bool
) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(str(folder if write is None else write(tmp_path)))
    expected = tokenizer(*map(list, zip(*PAIRS, strict=True)))
    rows = paired(tokenizer.as_transformers() if others else tokenizer, PAIRS)
    assert rows is not None
    splits = rows.row_splits.tolist()
    assert [rows.ids[start:end].tolist() for start, end in pairwise(splits)] == expected["input_ids"]
    assert (rows.type_ids is None) == ("token_type_ids" not in expected)
    if rows.type_ids is not None:
        assert [rows.type_ids[start:end].tolist() for start, end in pairwise(splits)] == expected["token_type_ids"]


def test_each_text_and_each_sentence_is_encoded_once(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ours(TEXTS, LABELS, truncation="only_first")
    encoded: list[str] = []

    class Noting:
        def __call__(self, texts: list[str], *more: Any, **options: Any) -> Any:
            encoded.extend(texts)
            return made(texts, *more, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(made, name)

    made = ours.tokenizer
    monkeypatch.setattr(ours, "tokenizer", Noting())
    assert_same(ours(TEXTS, LABELS), expected)
    assert sorted(encoded) == sorted(["a", *TEXTS, *(f"This example is {label}." for label in LABELS)])
    long = "the film was great! " * 40
    encoded.clear()
    ours(long, LABELS)
    assert encoded.count(long) == 1  # and not again for its windows


def test_a_tokenizer_without_a_token_for_plain_texts_encodes_pairs(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ours(TEXTS, LABELS)
    monkeypatch.setattr("ferrobert.pipelines.zero_shot_classification.paired", lambda tokenizer, pairs: None)
    assert_same(ours(TEXTS, LABELS), expected)


@pytest.mark.parametrize(("kind", "write"), [("Roberta", roberta_folder), ("Albert", albert_folder)])
def test_other_families(tmp_path: Path, kind: str, write: Callable[..., Path]) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(str(write(tmp_path, model_max_length=40)))
    settings: dict[str, Any] = {"embedding_size": 8} if kind == "Albert" else {"pad_token_id": tokenizer.pad_token_id}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_attention_heads=2,
        num_hidden_layers=2,
        intermediate_size=16,
        initializer_range=0.4,
        type_vocab_size=1 if kind == "Roberta" else 2,
        id2label=dict(enumerate(NLI)),
        label2id={label: id for id, label in enumerate(NLI)},
        **settings,
    )
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    ours = fb.pipeline("zero-shot-classification", model, tokenizer, device="cpu")
    theirs = transformers.pipeline(
        "zero-shot-classification", model=model, tokenizer=tokenizer.as_transformers(), device="cpu"
    )
    texts, labels = ["hello world", "hello the world, hello"], ["world", "hello", "the"]
    assert_same(ours(texts, labels), theirs(texts, labels))


# What is refused


def test_a_model_without_entailment_is_refused(tiny_classifier: Path) -> None:
    with pytest.raises(ConfigError, match="begins with 'entail'; its labels are 'bad', 'fair', 'good'"):
        fb.pipeline("zero-shot-classification", tiny_classifier, device="cpu")


def test_labels_are_needed(ours: Any) -> None:
    for labels in (None, [], "", " , "):
        with pytest.raises(ConfigError, match="candidate_labels are missing"):
            ours("good", labels)
    with pytest.raises(ConfigError, match=r"candidate_labels\[1\] is empty"):
        ours(["good", "bad"], [["a"], []])


def test_lists_of_labels_must_be_as_many_as_texts(ours: Any) -> None:
    with pytest.raises(ConfigError, match="lists for 1 texts, there are 2"):
        ours(["good", "bad"], [["a"]])
    with pytest.raises(ConfigError, match="for each of 2 texts, there is one"):
        ours("good", [["a"], ["b"]])
    with pytest.raises(ConfigError, match="a stream has the same candidate_labels"):
        ours(iter(["good"]), [["a"]])


@pytest.mark.parametrize("labels", [3, [3], ["good", None], {"good": 1}, b"good", [["good", 3]]])
def test_labels_that_are_no_strings_are_refused(ours: Any, labels: Any) -> None:
    with pytest.raises(TextTypeError, match="candidate_labels"):
        ours(["good"], labels)


@pytest.mark.parametrize("template", ["no place", "{label}", "{", 3, "{1}"])
def test_a_template_without_a_place_for_the_label_is_refused(ours: Any, template: Any) -> None:
    with pytest.raises(ConfigError, match="hypothesis_template must be a str with {} where the label goes"):
        ours("good", LABELS, hypothesis_template=template)


@pytest.mark.parametrize("texts", [3, None, b"good", ["good", 3], {"text": "good"}, [["good", "bad"]]])
def test_a_text_that_is_no_string_is_refused(ours: Any, texts: Any) -> None:
    with pytest.raises(TextTypeError):
        ours(texts, LABELS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"multi_label": "yes"}, "multi_label must be True or False, got 'yes'"),
        ({"merge": "sum"}, "merge must be one of 'mean', 'max', 'first', got 'sum'"),
        ({"top_k": 1}, "unknown option 'top_k'; the options are candidate_labels, hypothesis_template"),
    ],
)
def test_other_options_are_refused(ours: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ours("good", LABELS, **options)


def test_a_label_that_leaves_no_room_is_refused(ours: Any) -> None:
    with pytest.raises(ConfigError, match="row 2: its second text takes .* tokens .* leaves no room for the first"):
        ours(["good", "bad", "good " * 70], [["good"], ["bad"], ["good", "bad " * 70]])


def test_logits_that_are_no_numbers_name_the_text(folder: Path) -> None:
    judge = fb.pipeline("zero-shot-classification", folder, device="cpu")
    judge.model.bert.embeddings.word_embeddings.weight.data[judge.tokenizer.get_vocab()["film"]] = float("nan")
    with pytest.raises(DecodeError, match=r"row 2 are NaN \(1 of 4 rows\)"):
        judge(["a", "good", "the film", "bad"], ["food", "book"])


# The commands


def test_the_command_prints_labels_and_scores(folder: Path, ours: Any) -> None:
    expected = ours(TEXTS[:2], ["good", "bad film"])
    shown = run("zero-shot", *TEXTS[:2], "--labels", "good,bad film", "-m", folder).stdout
    assert f"{expected[0]['scores'][0]:.4f}" in shown
    lines = run("zero-shot", *TEXTS[:2], "-l", "good, bad film", "-m", folder, "--json").stdout.splitlines()
    assert_same([json.loads(line) for line in lines], expected)
    multi = run(
        "zero-shot", TEXTS[0], "-l", "good,bad", "-m", folder, "--json", "--multi-label", "--template", "it is {}"
    )
    options = {"multi_label": True, "hypothesis_template": "it is {}"}
    assert_same(json.loads(multi.stdout), ours(TEXTS[0], ["good", "bad"], **options))


def test_the_command_reads_a_file(folder: Path, ours: Any, tmp_path: Path) -> None:
    (tmp_path / "article.txt").write_text(TEXTS[0], "utf-8")
    shown = run("zero-shot", tmp_path / "article.txt", "-l", "good,bad", "-m", folder, "--json").stdout
    expected = {"file": str(tmp_path / "article.txt"), **ours(TEXTS[0], ["good", "bad"])}
    assert_same(json.loads(shown), expected)


def test_the_command_without_labels_is_refused(folder: Path) -> None:
    assert "--labels must be labels with commas between them" in refused(
        "zero-shot", "good", "--labels", ",", "-m", folder
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": row, "text": text}) + "\n" for row, text in enumerate(TEXTS)), "utf-8")
    return path


@pytest.mark.parametrize("all_scores", [False, True])
def test_predict_labels_the_texts_of_a_file(folder: Path, ours: Any, file: Path, all_scores: bool) -> None:
    more = ["--multi-label", "--template", "it is {}", *(["--all-scores"] if all_scores else [])]
    task = ["--task", "zero-shot-classification", "--labels", "good, food"]
    lines = run("predict", file, "-m", folder, *task, *more).stdout.splitlines()
    expected = ours(TEXTS, ["good", "food"], multi_label=True, hypothesis_template="it is {}")
    for row, (line, found) in enumerate(zip(map(json.loads, lines), expected, strict=True)):
        assert line["id"] == row
        assert line["label"] == found["labels"][0]
        assert line["score"] == pytest.approx(found["scores"][0], abs=1e-5)
        scores = dict(zip(found["labels"], found["scores"], strict=True))
        assert line.get("scores") == (pytest.approx(scores, abs=1e-5) if all_scores else None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "zero-shot-classification"], "--task zero-shot-classification needs --labels"),
        (["--labels", "a,b"], "go with --task zero-shot-classification, not with text-classification"),
        (["--multi-label"], "go with --task zero-shot-classification, not with text-classification"),
        (
            ["--task", "zero-shot-classification", "-l", "a", "--text-pair-column", "id"],
            "--text-pair-column does not go with --task zero-shot-classification",
        ),
        (["--task", "zero-shot-classification", "-l", "a", "--strict"], "zero-shot-classification cuts nothing"),
    ],
)
def test_predict_with_other_options_is_refused(folder: Path, file: Path, options: list[str], message: str) -> None:
    assert message in refused("predict", file, "-m", folder, *options)


@pytest.mark.parametrize("task", ["zero-shot-classification", "feature-extraction"])
def test_evaluate_of_a_task_without_labels_of_its_own_is_refused(folder: Path, file: Path, task: str) -> None:
    assert f"{task} has no labels of its own" in refused("evaluate", file, "-m", folder, "--task", task)
