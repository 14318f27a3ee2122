"""SQuAD: its files, and exact match and F1 as its own scripts count them."""

import json
import random
import re
import string
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import ferrobert as fb
from ferrobert.errors import ConfigError, DataError
from ferrobert.tables import Table

DOCUMENT: dict[str, Any] = {
    "version": "v2.0",
    "data": [
        {
            "title": "Ada",
            "paragraphs": [
                {
                    "context": "Ada Lovelace wrote notes in 1843.",
                    "qas": [
                        {
                            "id": "q1",
                            "question": "Who wrote notes?",
                            "answers": [
                                {"text": "Ada Lovelace", "answer_start": 0},
                                {"text": "Lovelace", "answer_start": 4},
                            ],
                        },
                        {"id": "q2", "question": "In which year?", "answers": [{"text": "1843", "answer_start": 28}]},
                        {"id": "q3", "question": "How many cats?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ],
}


# --- files --------------------------------------------------------------------------------------------------------


def test_rows_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text("\ufeff" + json.dumps(DOCUMENT), "utf-8")
    table = Table(tmp_path / "dev.json")
    rows = list(table)
    assert table.columns == ["id", "title", "question", "context", "answers", "is_impossible"]
    assert [row.values["id"] for row in rows] == ["q1", "q2", "q3"]
    assert rows[0].values["answers"] == {"text": ["Ada Lovelace", "Lovelace"], "answer_start": [0, 4]}
    assert rows[2].values["is_impossible"] is True
    assert table.where(rows[1]) == f"{tmp_path / 'dev.json'}, question 2"
    assert table.share_read() == 1
    (tmp_path / "dev.txt").write_text(json.dumps(DOCUMENT), "utf-8")
    assert len(list(Table(tmp_path / "dev.txt", format="squad"))) == 3


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("data",), 7, 'no file of SQuAD, which is an object with a list "data"'),
        (("data", 0), "x", r"data\[0\] must be an object, got str"),
        (
            ("data", 0, "paragraphs", 0, "context"),
            7,
            r"data\[0\].paragraphs\[0\].context must be a string, got int \(7\)",
        ),
        (("data", 0, "paragraphs", 0, "qas", 1, "id"), None, r"qas\[1\].id must be a string, got NoneType"),
        (("data", 0, "paragraphs", 0, "qas", 1, "question"), ..., r"qas\[1\].question is missing; .* has id, answers"),
        (
            ("data", 0, "paragraphs", 0, "qas", 2, "is_impossible"),
            "no",
            r"qas\[2\].is_impossible must be true or false",
        ),
        (("data", 0, "paragraphs", 0, "qas", 0, "answers"), {}, r"qas\[0\].answers must be a list, got dict"),
        (
            ("data", 0, "paragraphs", 0, "qas", 0, "answers", 1, "answer_start"),
            "4",
            r"dev.json: data\[0\].paragraphs\[0\].qas\[0\].answers\[1\].answer_start must be an int, got str \('4'\)",
        ),
    ],
)
def test_a_broken_file_names_the_path_to_the_field(
    tmp_path: Path, path: tuple[Any, ...], value: Any, message: str
) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    (tmp_path / "dev.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(DataError, match=message):
        list(Table(tmp_path / "dev.json"))


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text('{"data": [', "utf-8")
    with pytest.raises(DataError, match=r"dev.json: not JSON: Expecting value"):
        Table(tmp_path / "dev.json")
    (tmp_path / "dev.json").write_bytes(b'{"data": "\xff"}')
    with pytest.raises(DataError, match=r"dev.json: not UTF-8 \(byte 0xff at position 10\)"):
        Table(tmp_path / "dev.json")


# --- scores: the rules of the scripts, written down plainly -------------------------------------------------------


def plain_normalize(text: str) -> str:
    text = "".join(char for char in text.lower() if char not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def plain_f1(text: str, answer: str, of_two: bool) -> float:
    predicted, true = plain_normalize(text).split(), plain_normalize(answer).split()
    if of_two and not (predicted and true):
        return int(predicted == true)
    same = sum((Counter(predicted) & Counter(true)).values())
    if not same:
        return 0
    precision, recall = 1.0 * same / len(predicted), 1.0 * same / len(true)
    return (2 * precision * recall) / (precision + recall)


def plain_one(predictions: dict[str, str], rows: list[dict[str, Any]]) -> tuple[float, float]:
    exact = f1 = 0.0
    for row in rows:
        if row["id"] in predictions:
            text = predictions[row["id"]]
            exact += max(plain_normalize(text) == plain_normalize(answer) for answer in row["answers"]["text"])
            f1 += max(plain_f1(text, answer, False) for answer in row["answers"]["text"])
    return 100.0 * exact / len(rows), 100.0 * f1 / len(rows)


def plain_two(
    predictions: dict[str, str], rows: list[dict[str, Any]], likely: dict[str, float], threshold: float
) -> dict[str, float]:
    has = {row["id"]: bool(row["answers"]["text"]) for row in rows}
    raw: list[dict[str, float]] = [{}, {}]
    for row in rows:
        answers = [answer for answer in row["answers"]["text"] if plain_normalize(answer)] or [""]
        text = predictions[row["id"]]
        raw[0][row["id"]] = max(int(plain_normalize(text) == plain_normalize(answer)) for answer in answers)
        raw[1][row["id"]] = max(plain_f1(text, answer, True) for answer in answers)
    made: dict[str, float] = {}
    for name, scores in zip(("exact", "f1"), raw, strict=True):
        cut = {id: float(not has[id]) if likely[id] > threshold else score for id, score in scores.items()}
        made[name] = 100.0 * sum(cut.values()) / len(cut)
        for kind, wanted in (("HasAns", True), ("NoAns", False)):
            ids = [id for id in cut if has[id] is wanted]
            made[f"{kind}_{name}"] = 100.0 * sum(cut[id] for id in ids) / len(ids)
        current = best = sum(not one for one in has.values())
        best_threshold = 0.0
        for id in sorted(likely, key=lambda id: likely[id]):
            current += scores[id] if has[id] else -1 if predictions[id] else 0
            if current > best:
                best, best_threshold = current, likely[id]
        made[f"best_{name}"], made[f"best_{name}_thresh"] = 100.0 * best / len(scores), best_threshold
    return made


def guesses(rows: list[dict[str, Any]], kind: str, draws: random.Random) -> dict[str, str]:
    made = {}
    for row in rows:
        words, answers = row["context"].split(), row["answers"]["text"]
        start = draws.randrange(len(words))
        text = " ".join(words[start : start + draws.randrange(1, 6)])
        if kind == "good" and answers:
            text = draws.choice([answers[-1], f"The {answers[0]}!", answers[0].upper(), f"{answers[0]} {text}"])
        if kind == "empty" or (kind == "good" and not answers and draws.random() < 0.7):
            text = ""
        if kind == "unicode":
            text = draws.choice(
                ["the Ünïcode — «a» " + text, "\u200b" + text, "A\u00a0AN the", "ﬁne ½ 東京 " + text, "…"]
            )
        made[row["id"]] = text
    return made


@pytest.mark.parametrize("kind", ["good", "random", "empty", "unicode"])
def test_squad_dev_to_the_digit(data: Path, kind: str) -> None:
    draws = random.Random(kind)
    rows = [row.values for row in Table(data / "squad" / "dev-v1.1.json")]
    predictions = guesses(rows, kind, draws)
    scores = fb.metrics.squad(predictions, data / "squad" / "dev-v1.1.json")
    assert (scores["exact"], scores["f1"]) == plain_one(predictions, rows)
    assert (scores["total"], scores["missing"]) == (10570, [])
    rows = [row.values for row in Table(data / "squad" / "squad2.0_dev_half.json")]
    predictions = guesses(rows, kind, draws)
    likely = {row["id"]: draws.choice([draws.random(), 0.5]) for row in rows}
    for threshold in (1.0, 0.6):
        scores = fb.metrics.squad(
            predictions, rows, no_answer_probabilities=likely, no_answer_threshold=threshold, version="2.0"
        )
        expected = plain_two(predictions, rows, likely, threshold)
        assert {key: scores[key] for key in expected} == expected


def test_scores_of_version_1_1() -> None:
    rows = [{"id": 7, "answers": {"text": ["the cat", "A dog"], "answer_start": [0, 9]}}]
    for text, exact, f1 in (("Cat.", 100, 100), ("an a the dog", 100, 100), ("dog cat", 0, 2 / 3 * 100), ("", 0, 0)):
        scores = fb.metrics.squad([{"id": 7, "prediction_text": text}], rows)
        assert (scores["exact"], scores["f1"]) == (exact, pytest.approx(f1))
    assert fb.metrics.squad({}, rows) == {"exact": 0.0, "f1": 0.0, "total": 1, "missing": ["7"]}


def test_scores_of_version_2_0() -> None:
    predictions = {"q1": "Ada Lovelace", "q2": "", "q3": ""}
    scores = fb.metrics.squad(predictions, DOCUMENT)
    assert scores["exact"] == pytest.approx(200 / 3)
    assert (scores["HasAns_exact"], scores["HasAns_total"], scores["NoAns_exact"]) == (50, 2, 100)
    assert fb.metrics.squad(predictions, DOCUMENT, version="1.1")["exact"] == pytest.approx(200 / 3)
    listed = [
        {"id": id, "prediction_text": text, "no_answer_probability": likely}
        for (id, text), likely in zip({**predictions, "q3": "cats"}.items(), (0.1, 0.2, 0.9), strict=True)
    ]
    scores = fb.metrics.squad(listed, DOCUMENT, no_answer_threshold=0.5)
    assert (scores["NoAns_exact"], scores["best_exact"], scores["best_exact_thresh"]) == (
        100,
        pytest.approx(200 / 3),
        0.1,
    )
    without = fb.metrics.squad({"q1": "Ada"}, DOCUMENT)
    assert (without["total"], without["missing"]) == (1, ["q2", "q3"])


def test_a_breakdown() -> None:
    found = fb.metrics.squad_breakdown({"q1": "Lovelace", "q2": "in 1843", "q3": ""}, DOCUMENT)
    assert {word: group["exact"] for word, group in found["question_word"].items()} == {
        "how many": 100,
        "which": 0,
        "who": 100,
    }
    assert {length: group["total"] for length, group in found["answer_length"].items()} == {"0": 1, "1": 2}


@pytest.mark.parametrize(
    ("predictions", "references", "options", "error", "message"),
    [
        ({"q9": "x"}, DOCUMENT, {}, DataError, "1 predictions are of no question of the references, such as 'q9'"),
        ({"q1": None}, DOCUMENT, {}, ConfigError, "the prediction of question 'q1' must be a str, got NoneType"),
        ("x", DOCUMENT, {}, ConfigError, "predictions must be"),
        ([{"id": 1}], DOCUMENT, {}, ConfigError, r'predictions\[0\] must have "id" and "prediction_text"'),
        (
            [{"id": "q1", "prediction_text": "x"}] * 2,
            DOCUMENT,
            {},
            DataError,
            r"predictions\[1\]: question 'q1' is there twice",
        ),
        ({}, [], {}, DataError, "there are no questions to evaluate"),
        ({}, {"x": 1}, {}, ConfigError, "references must be a file of SQuAD"),
        ({}, [{"id": 1}], {}, ConfigError, r'references\[0\] must have "id" and "answers"'),
        ({}, [{"id": 1, "answers": {"text": ["a"]}}] * 2, {}, DataError, "question '1' is there twice"),
        ({}, [{"id": 1, "answers": None}], {}, ConfigError, r"references\[0\]: answers must be .*, got None"),
        ({}, [{"id": 1, "answers": 5}], {}, ConfigError, r"references\[0\]: answers must be .*, got 5"),
        ({}, [{"id": 1, "answers": ["x"]}], {}, ConfigError, r"references\[0\]: answers must be"),
        ({}, [{"id": 1, "answers": [{"t": 1}]}], {}, ConfigError, r"references\[0\]: answers must be"),
        ({}, [{"id": 1, "answers": {"txt": ["a"]}}], {}, ConfigError, r"references\[0\]: answers must be"),
        (
            {"q1": "x"},
            DOCUMENT,
            {"no_answer_probabilities": {"q1": float("nan")}},
            ConfigError,
            "that of question 'q1' must be a number, got nan",
        ),
        ({}, DOCUMENT, {"version": "3"}, ConfigError, 'version must be "1.1" or "2.0"'),
        ({"q1": "x"}, DOCUMENT, {"no_answer_probabilities": {"q2": 0.1}}, DataError, "have none for question 'q1'"),
        (
            {},
            [{"id": 1, "answers": {"text": ["a"]}}],
            {"no_answer_probabilities": {"1": 0.1}},
            ConfigError,
            "belong to version 2.0",
        ),
    ],
)
def test_what_cannot_be_scored(predictions: Any, references: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        fb.metrics.squad(predictions, references, **options)
