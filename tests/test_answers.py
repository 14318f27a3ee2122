"""decode_answers: logits of starts and ends in, the exact best answers out."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.answers_check import check_all_spans
from tests.made_checkpoints import deberta_folder

import ferrobert as fb
from ferrobert import reference
from ferrobert.errors import ConfigError, DecodeError

QUESTION = "hello ?"
CONTEXT = "Elon Musk founded Tesla in California ."
TOKENS = [
    "[CLS]",
    "hello",
    "?",
    "[SEP]",
    "el",
    "##on",
    "mu",
    "##sk",
    "founded",
    "tesla",
    "in",
    "california",
    ".",
    "[SEP]",
]


@pytest.fixture(params=[fb, reference], ids=["core", "twin"])
def package(request: pytest.FixtureRequest) -> Any:
    return request.param


def features_of(tokenizer: fb.BertTokenizer, **options: Any) -> fb.QuestionFeatures:
    return fb.encode_questions(QUESTION, CONTEXT, tokenizer, max_length=options.pop("max_length", 30), **options)


def logits_of(peaks: dict[str, float], tokens: list[str] = TOKENS) -> np.ndarray:
    return np.array([peaks.get(token, 0.0) for token in tokens])


def test_the_best_span(package: Any, tokenizer: fb.BertTokenizer) -> None:
    features = features_of(tokenizer)
    assert features.tokens() == TOKENS
    [answer] = package.decode_answers(logits_of({"el": 5}), logits_of({"##sk": 4}), features)
    others = 9  # of the context's 9 tokens and [CLS]
    score = np.exp(5) / (np.exp(5) + others) * np.exp(4) / (np.exp(4) + others)
    assert answer == {"score": pytest.approx(score), "start": 0, "end": 9, "answer": "Elon Musk"}


def test_an_end_before_the_start_and_the_question_are_no_answers(package: Any, tokenizer: fb.BertTokenizer) -> None:
    starts, ends = logits_of({"tesla": 5, "hello": 9}), logits_of({"##on": 8, "?": 9, "california": 1})
    [answer] = package.decode_answers(starts, ends, features_of(tokenizer))
    assert answer["answer"] == "Elon" if starts[4] + 8 > 6 else "Tesla in California"
    plain = reference.answers.argmax_answer(starts, ends, features_of(tokenizer))
    assert plain == [{"start": 1, "end": 3, "answer": "hello ?"}]


def test_answers_are_no_longer_than_they_may_be(package: Any, tokenizer: fb.BertTokenizer) -> None:
    starts, ends = logits_of({"el": 5}), logits_of({"california": 5, "mu": 1})
    for longest, expected in ((8, "Elon Musk founded Tesla in California"), (7, "Elon Mu")):
        [answer] = package.decode_answers(starts, ends, features_of(tokenizer), max_answer_length=longest)
        assert answer["answer"] == expected


def test_several_answers(package: Any, tokenizer: fb.BertTokenizer) -> None:
    starts, ends = logits_of({"el": 3, "tesla": 2}), logits_of({"##sk": 3, "tesla": 2})
    [answers] = package.decode_answers(starts, ends, features_of(tokenizer), top_k=4)
    assert [answer["answer"] for answer in answers] == ["Elon Musk", "Elon Musk founded Tesla", "Tesla", "El"]
    [all_of_them] = package.decode_answers(starts, ends, features_of(tokenizer), top_k=1000)
    assert len(all_of_them) == 9 * 10 // 2
    assert len({(answer["start"], answer["end"]) for answer in all_of_them}) == len(all_of_them)


def test_windows_are_read_as_one_context_and_answers_come_once(package: Any, tokenizer: fb.BertTokenizer) -> None:
    features = features_of(tokenizer, max_length=9, doc_stride=2)
    assert [len(row) for row in features["input_ids"]] == [9, 9, 9, 8]
    ids = features.columns.ids
    tesla = tokenizer.vocab["tesla"]
    starts = np.where(ids == tesla, 5.0, 0.0)
    [answers] = package.decode_answers(starts, starts, features, top_k=3)
    assert [answer["answer"] for answer in answers].count("Tesla") == 1
    assert answers[0]["answer"] == "Tesla"
    assert (answers[0]["start"], answers[0]["end"]) == (18, 23)


def test_no_answer(package: Any, tokenizer: fb.BertTokenizer) -> None:
    starts, ends = logits_of({"[CLS]": 3, "tesla": 2}), logits_of({"[CLS]": 3, "tesla": 2})
    features = features_of(tokenizer)
    nothing = {"start": 0, "end": 0, "answer": ""}
    for options, first in (
        ({}, "Tesla"),
        ({"handle_impossible_answer": True}, ""),
        ({"handle_impossible_answer": True, "null_score_diff_threshold": 2.0}, "Tesla"),
        ({"handle_impossible_answer": True, "null_score_diff_threshold": 1.9}, ""),
        ({"handle_impossible_answer": True, "rank_by": "probability"}, ""),
    ):
        [answer] = package.decode_answers(starts, ends, features, **options)
        assert answer["answer"] == first, options
        if not first:
            assert nothing.items() <= answer.items()
    [answers] = package.decode_answers(starts, ends, features, handle_impossible_answer=True, top_k=50)
    assert [answer["answer"] for answer in answers][:2] == ["", "Tesla"]
    [answer] = package.decode_answers(starts, ends, features, handle_impossible_answer=True, details=True)
    assert answer["null_score_diff"] == 2.0


def test_details(package: Any, tokenizer: fb.BertTokenizer) -> None:
    starts, ends = logits_of({"el": 2.5}), logits_of({"##sk": 1.5})
    [answers] = package.decode_answers(starts, ends, features_of(tokenizer), top_k=100, details=True)
    assert {"start_logit": 2.5, "end_logit": 1.5, "feature": 0}.items() <= answers[0].items()
    assert sum(answer["probability"] for answer in answers) == pytest.approx(1)
    assert sum(answer["n_best_probability"] for answer in answers) == pytest.approx(1)
    [best] = package.decode_answers(starts, ends, features_of(tokenizer), n_best=2, details=True)
    assert best["n_best_probability"] == pytest.approx(1 / (1 + np.exp(-1.5)))


def test_answers_are_widened_to_words(package: Any, tokenizer: fb.BertTokenizer) -> None:
    starts, ends = logits_of({"##on": 5}), logits_of({"mu": 5})
    [answer] = package.decode_answers(starts, ends, features_of(tokenizer), align_to_words=True)
    assert answer["answer"] == "Elon Musk"
    [answer] = package.decode_answers(starts, ends, features_of(tokenizer))
    assert answer["answer"] == "on Mu"


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("form", ["padded", "flat", "lists", "float16", "bfloat16"])
def test_logits_in_all_their_forms(package: Any, tokenizer: fb.BertTokenizer, side: str, form: str) -> None:
    ours = tokenizer.replace(padding_side=side)
    contexts = [CONTEXT, "the cat sat", "hello world hello"]
    padding = form in ("padded", "float16", "bfloat16")
    features = fb.encode_questions([QUESTION] * 3, contexts, ours, max_length=30, padding=padding)
    draws = np.random.default_rng(3)
    rows = [draws.integers(-9, 10, (2, length)) / 2 for length in np.diff(features.columns.row_splits)]
    expected = package.decode_answers([row[0] for row in rows], [row[1] for row in rows], features, top_k=3)
    if form == "lists":
        return
    made: list[Any] = []
    for which in range(2):
        if form == "flat":
            made.append(np.concatenate([row[which] for row in rows]))
            continue
        matrix = np.full((3, len(features["input_ids"][0])), np.nan)
        for target, row in zip(matrix, rows, strict=True):
            length = row.shape[1]
            target[-length if side == "left" else 0 : None if side == "left" else length] = row[which]
        made.append(matrix if form == "padded" else torch.from_numpy(matrix).to(getattr(torch, form)))
    assert package.decode_answers(*made, features, top_k=3) == expected


def test_an_encoding_of_transformers(package: Any, tokenizer: fb.BertTokenizer) -> None:
    options: dict[str, Any] = {"truncation": "only_second", "max_length": 9, "stride": 2, "padding": True}
    theirs = tokenizer.as_transformers()(
        [QUESTION] * 2, [CONTEXT] * 2, return_overflowing_tokens=True, return_offsets_mapping=True, **options
    )
    ours = fb.encode_questions([QUESTION] * 2, [CONTEXT] * 2, tokenizer, max_length=9, doc_stride=2, padding=True)
    draws = np.random.default_rng(3)
    logits = draws.normal(size=(2, *np.shape(theirs["input_ids"])))
    found = package.decode_answers(*logits, theirs, top_k=5, contexts=[CONTEXT] * 2, align_to_words=True)
    assert found == package.decode_answers(*logits, ours, top_k=5, align_to_words=True)
    with pytest.raises(ConfigError, match="pass contexts="):
        package.decode_answers(*logits, theirs)


@pytest.mark.parametrize("side", ["ours", "transformers"])
def test_an_answer_does_not_begin_with_the_space_that_its_token_holds(package: Any, side: str, tmp_path: Path) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(deberta_folder(tmp_path))
    context = "the  world\u3000hello tin"
    features: Any = package.encode_questions("hello ?", context, tokenizer)
    tokens = features.tokens()
    offsets = features.columns.offsets
    starts = np.where([token == "Ġworld" for token in tokens], 9.0, 0.0)
    ends = np.where([token == "Ġtin" for token in tokens], 9.0, 0.0)
    given: dict[str, Any] = {}
    if side == "transformers":
        features = tokenizer.as_transformers()("hello ?", context, return_offsets_mapping=True)
        given = {"contexts": context}
    for first, last, text in ((starts, ends, "world\u3000hello tin"), (ends, ends, "tin")):
        [answer] = package.decode_answers(first, last, features, **given)
        assert answer["answer"] == text == context[answer["start"] : answer["end"]]
    assert context[slice(*offsets[tokens.index("Ġworld")])] == " world"


def test_a_token_of_white_space_alone_is_an_answer(package: Any, tmp_path: Path) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(deberta_folder(tmp_path))
    features = package.encode_questions("hello ?", "the  world", tokenizer)
    peak = np.where([token == "Ġ" for token in features.tokens()], 9.0, 0.0)
    peak[: features.context_spans[0][0]] = 0
    [answer] = package.decode_answers(peak, peak, features)
    assert (answer["answer"], answer["start"], answer["end"]) == (" ", 3, 4)


def test_a_context_without_tokens_has_no_answer(package: Any, tokenizer: fb.BertTokenizer) -> None:
    features = fb.encode_questions(QUESTION, "\u200b", tokenizer, max_length=30)
    logits = np.zeros(len(features.columns.ids))
    assert package.decode_answers(logits, logits, features) == [{"score": 0.0, "start": 0, "end": 0, "answer": ""}]
    assert package.decode_answers(logits, logits, features, top_k=2) == [[]]


def test_all_spans_of_random_rows() -> None:
    counts = check_all_spans(1500, 11)
    assert counts["no answer first"] > 50


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["start", "end"])
def test_logits_that_are_no_numbers(package: Any, tokenizer: fb.BertTokenizer, name: str, value: float) -> None:
    starts, ends = np.zeros(14), np.zeros(14)
    {"start": starts, "end": ends}[name][6] = value
    with pytest.raises(DecodeError, match=f"the {name} logit of token 6 in row 0 is NaN or infinite"):
        package.decode_answers(starts, ends, features_of(tokenizer))


def test_logits_of_another_length_than_the_features(package: Any, tokenizer: fb.BertTokenizer) -> None:
    features = features_of(tokenizer)
    for starts, ends, message in (
        (np.zeros(13), np.zeros(13), r"start_logits have shape \(13,\), the features are 1 rows of up to 14 tokens"),
        (np.zeros(14), np.zeros(12), r"end_logits have shape \(12,\)"),
        ([np.zeros(14)] * 2, [np.zeros(14)] * 2, "start_logits are a list of 2, the features have 1 rows"),
        ([np.zeros(14)], [np.zeros(15)], r"end_logits of row 0 have shape \(15,\), the row has 14 tokens"),
        (np.zeros((1, 14, 2)), np.zeros(14), r"start_logits have shape \(1, 14, 2\)"),
        (np.zeros(14, int), np.zeros(14), "must be floats, got int64"),
    ):
        with pytest.raises(DecodeError, match=message):
            package.decode_answers(starts, ends, features)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k must be an integer of at least 1, got 0"),
        ({"n_best": 1.5}, "n_best must be an integer of at least 1, got 1.5"),
        ({"max_answer_length": 0}, "max_answer_length must be an integer of at least 1"),
        ({"rank_by": "score"}, 'rank_by must be "logits" or "probability", got \'score\''),
        ({"null_score_diff_threshold": "1"}, "null_score_diff_threshold must be a number"),
        ({"null_score_diff_threshold": float("nan")}, "null_score_diff_threshold must be a number"),
        ({"null_score_diff_threshold": 1, "rank_by": "probability"}, 'it needs rank_by="logits"'),
        ({"contexts": ["a", "b"]}, "contexts must be 1, one a sample of the features, got 2"),
        ({"contexts": [7]}, r"contexts\[0\] must be a str, got int"),
        ({"contexts": ["Elon"]}, "lies outside of context 0, which has 4"),
    ],
)
def test_options_that_are_not_allowed(tokenizer: fb.BertTokenizer, options: dict[str, Any], message: str) -> None:
    ends = np.zeros(14)
    ends[12] = 1
    with pytest.raises((ConfigError, DecodeError), match=message):
        fb.decode_answers(np.zeros(14), ends, features_of(tokenizer), **options)


def test_features_that_are_no_pairs(package: Any, tokenizer: fb.BertTokenizer) -> None:
    with pytest.raises(ConfigError, match="rows of a question and a window of its context, encoded as pairs"):
        package.decode_answers(np.zeros(3), np.zeros(3), tokenizer("hello"))
    with pytest.raises(ConfigError, match="got dict without them"):
        package.decode_answers(np.zeros(3), np.zeros(3), {"input_ids": [[1, 2, 3]]})


def test_probabilities_of_logits_that_are_thousands_apart(package: Any, tokenizer: fb.BertTokenizer) -> None:
    features = package.encode_questions("cat", "the cat sat", tokenizer, max_length=30)
    first, last = features.context_spans[0]
    starts, ends = np.full((2, features.columns.row_splits[-1]), -3.0)
    starts[last - 1], ends[first] = 5000.0, 5000.0  # the highest of both make no span
    ends[last - 1] = 1.0
    found = package.decode_answers(starts, ends, features, top_k=3, details=True)[0]
    sums = [one["start_logit"] + one["end_logit"] for one in found]
    assert sums == [5001.0, 4997.0, -2.0]
    total = 1 + math.exp(-4)
    assert [one["probability"] for one in found] == pytest.approx([1 / total, math.exp(-4) / total, 0], abs=1e-9)


def test_ragged_logits(package: Any, tokenizer: fb.BertTokenizer) -> None:
    features = package.encode_questions(["cat", "the cat"], ["the cat sat", "hello"], tokenizer, max_length=30)
    flat = np.linspace(-1, 2, features.columns.row_splits[-1], dtype=np.float32)
    ragged = fb.Ragged(flat, features.columns.row_splits)
    assert package.decode_answers(ragged, ragged, features) == package.decode_answers(flat, flat, features)


def test_many_answers_come_once(tokenizer: fb.BertTokenizer) -> None:
    draws = np.random.default_rng(3)
    features = fb.encode_questions("cat", "unaffable cat " * 40, tokenizer, max_length=60, doc_stride=30)
    starts, ends = draws.integers(-3, 4, (2, int(features.columns.row_splits[-1]))).astype(np.float32)
    options: dict[str, Any] = {"top_k": 500, "max_answer_length": 9, "align_to_words": True}
    found = fb.decode_answers(starts, ends, features, **options)
    expected = reference.decode_answers(starts, ends, features, **options)
    for one, other in zip(found[0], expected[0], strict=True):
        assert (one["start"], one["end"]) == (other["start"], other["end"])
        assert one["score"] == pytest.approx(other["score"])
    places = [(one["start"], one["end"]) for one in found[0]]
    assert len(set(places)) == len(places) > 64
