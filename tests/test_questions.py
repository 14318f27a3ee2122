"""encode_questions: questions and contexts in, features with the places of answers out."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import ferrobert as fb
from ferrobert import reference
from ferrobert.answers.encoding import find_positions
from ferrobert.answers.rows import ContextRows
from ferrobert.errors import AlignmentError, ConfigError, TextTypeError
from ferrobert.reference.answers.encoding import find_positions as twin_positions

QUESTIONS = ["hello ?", "the cat"]
CONTEXTS = ["Elon Musk founded Tesla in California.", "It was a lazy afternoon."]
ANSWERS = [{"text": ["Tesla", "Musk"], "answer_start": [18, 5]}, {"text": [], "answer_start": []}]


@pytest.fixture(params=[fb, reference], ids=["core", "twin"])
def package(request: pytest.FixtureRequest) -> Any:
    return request.param


def spans_of(features: fb.QuestionFeatures) -> list[str | None]:
    """The text of each row's positions; ``None`` for [CLS]."""
    columns = features.columns
    texts: list[str | None] = []
    for row, (start, end) in enumerate(zip(features["start_positions"], features["end_positions"], strict=True)):
        offsets = columns.offsets[columns.row_splits[row] :]
        context = features.contexts[columns.sample_ids[row]]
        texts.append(context[offsets[start][0] : offsets[end][1]] if start else None)
    return texts


@pytest.mark.parametrize("padding", [False, True, "max_length"])
def test_rows_are_those_of_the_tokenizer(package: Any, tokenizer: fb.BertTokenizer, padding: Any) -> None:
    features = package.encode_questions(QUESTIONS, CONTEXTS, tokenizer, max_length=9, doc_stride=2, padding=padding)
    expected = tokenizer(
        QUESTIONS,
        CONTEXTS,
        truncation="only_second",
        max_length=9,
        stride=2,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding=padding,
    )
    assert features.data == expected.data
    assert list(features.questions) == QUESTIONS
    assert list(features.contexts) == CONTEXTS
    assert features.context_spans[0].tolist() == [4, 8]
    assert features.stride == 2


def test_answers_are_found_in_the_windows_that_hold_them(package: Any, tokenizer: fb.BertTokenizer) -> None:
    features = package.encode_questions(QUESTIONS, CONTEXTS, tokenizer, answers=ANSWERS, max_length=9, doc_stride=2)
    assert features["overflow_to_sample_mapping"] == [0, 0, 0, 0, 1, 1]
    assert spans_of(features) == [None, "Tesla", "Tesla", None, None, None]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("Musk", 5, "Musk"),
        ("usk f", 6, "Musk founded"),
        (" Musk ", 4, "Musk"),
        ("lon", 1, "Elon"),
        ("l", 1, "El"),
        ("California", 27, "California"),
        (CONTEXTS[0], 0, CONTEXTS[0]),
    ],
)
def test_an_answer_is_the_fewest_tokens_that_hold_it(
    package: Any, tokenizer: fb.BertTokenizer, text: str, start: int, expected: str
) -> None:
    for given in (
        {"text": [text], "answer_start": [start]},
        {"text": text, "answer_start": start},
        [{"text": text, "answer_start": start}],
        {"text": np.array([text]), "answer_start": np.array([start])},
    ):
        features = package.encode_questions(QUESTIONS[0], CONTEXTS[0], tokenizer, answers=given, max_length=30)
        assert spans_of(features) == [expected]


def test_positions_count_the_padding_on_the_left(package: Any, tokenizer: fb.BertTokenizer) -> None:
    left = tokenizer.replace(padding_side="left")
    for ours in (tokenizer, left):
        features = package.encode_questions(
            QUESTIONS, CONTEXTS, ours, answers=ANSWERS, max_length=30, padding=True, return_tensors="pt"
        )
        assert features["start_positions"].dtype == torch.int64
        start = int(features["start_positions"][0])
        assert features["input_ids"][0][start] == tokenizer.vocab["tesla"]
        nowhere = int(features["start_positions"][1])
        assert features["input_ids"][1][nowhere] == tokenizer.cls_token_id


@pytest.mark.parametrize(
    ("context", "text", "held"),
    [
        ("the cat\u0301", "cat\u0301", "cat"),  # an accent that lower-casing drops
        ("\u200bthe cat\u200b", "\u200bthe cat\u200b", "the cat"),
        ("the cat\u200b", "\u200b", None),
        ("cat\u0301 the", "cat\u0301", "cat"),
        ("cat " * 30 + "the cat\u0301", "the cat\u0301", "the cat"),
    ],
)
def test_characters_at_the_ends_of_a_context_that_no_token_holds(
    package: Any, tokenizer: fb.BertTokenizer, context: str, text: str, held: str | None
) -> None:
    answers = {"text": [text], "answer_start": [context.index(text)]}
    options = {"answers": answers, "max_length": 14, "doc_stride": 4}
    features = package.encode_questions("cat", context, tokenizer, **options)
    found = [
        features.tokens(row)[start : end + 1]
        for row, (start, end) in enumerate(zip(features["start_positions"], features["end_positions"], strict=True))
        if start
    ]
    assert [" ".join(tokens) for tokens in found] == ([] if held is None else [held])


def test_random_places_are_those_of_the_twin() -> None:
    draws = np.random.default_rng(5)
    for _ in range(2000):
        tokens, char = [], 0
        for _ in range(draws.integers(0, 12)):
            char += int(draws.choice([0, 0, 1]))
            for _ in range(draws.choice([1, 1, 2])):  # tokens that share their characters, or begin alike
                tokens.append((char, char + int(draws.integers(1, 3))))
                tokens[-1] = max(tokens[-1], (tokens[-2][0], tokens[-2][1])) if len(tokens) > 1 else tokens[-1]
            char = tokens[-1][1]
        tokens.sort()
        ends = np.maximum.accumulate([end for _, end in tokens]) if tokens else []
        offsets = [(0, 0), *((start, int(end)) for (start, _), end in zip(tokens, ends, strict=True)), (0, 0)]
        rows = ContextRows(
            np.array(offsets, np.int32),
            np.zeros(len(offsets), np.int32),
            np.array([0, len(offsets)]),
            np.zeros(1, np.int64),
            np.array([[1, len(offsets) - 1]]),
            ["x" * 60],
            None,
            "right",
        )
        start = int(draws.integers(0, 20))
        span = np.array([[start, start + draws.integers(1, 8)]], np.int32)
        assert np.array_equal(find_positions(rows, span), twin_positions(rows, span)), (tokens, span)


def test_each_token_has_its_maximal_context_once(tokenizer: fb.BertTokenizer) -> None:
    features = fb.encode_questions(QUESTIONS[0], CONTEXTS[0] * 3, tokenizer, max_length=12, doc_stride=4)
    shown, columns = features.is_max_context, features.columns
    seen = [
        (int(start), int(end))
        for row, (first, last) in enumerate(zip(columns.row_splits, columns.row_splits[1:], strict=False))
        for (start, end), here in zip(columns.offsets[first:last], shown[row], strict=True)
        if here
    ]
    whole = fb.encode_questions(QUESTIONS[0], CONTEXTS[0] * 3, tokenizer, max_length=60)
    first, last = whole.context_spans[0]
    assert sorted(seen) == [tuple(span) for span in whole.columns.offsets[first:last].tolist()]
    assert whole.is_max_context[0].sum() == last - first


def test_questions_are_cut_behind_a_whole_word(package: Any, tokenizer: fb.BertTokenizer) -> None:
    for most, expected in ((2, "the"), (3, "the unaffa"), (4, "the unaffable"), (9, "the unaffable cat")):
        if most == 3:
            expected = "the"
        question = "the unaffable cat"
        features = package.encode_questions(question, CONTEXTS[1], tokenizer, max_length=30, max_question_length=most)
        assert list(features.questions) == [expected]
    features = package.encode_questions("unaffable", CONTEXTS[1], tokenizer, max_length=30, max_question_length=2)
    assert list(features.questions) == ["unaff"]


def test_a_question_that_is_cut_is_no_cause_for_a_warning(
    package: Any, tokenizer: fb.BertTokenizer, recwarn: pytest.WarningsRecorder
) -> None:
    short = tokenizer.replace(model_max_length=16)
    features = package.encode_questions("the cat " * 20, CONTEXTS[1], short, max_length=16, max_question_length=4)
    assert list(features.questions) == ["the cat the cat"]
    assert [str(said.message) for said in recwarn] == []


def test_the_default_stride_leaves_room_beside_the_longest_question(package: Any, tokenizer: fb.BertTokenizer) -> None:
    context = "cat " * 40
    for length, longest, stride in ((384, 64, 128), (128, 64, 30), (20, 9, 4), (20, None, 10), (20, 17, 10)):
        options = {"max_length": length, "max_question_length": longest}
        features = package.encode_questions("the", context, tokenizer, **options)
        assert features.stride == stride
    # A question of that length has its windows, whatever stands beside it.
    features = package.encode_questions(
        ["the " * 9, "the"], [context] * 2, tokenizer, max_length=20, max_question_length=9
    )
    assert np.bincount(features.columns.sample_ids).tolist() == [9, 3]


def test_wrong_answers_are_left_out_on_request(package: Any, tokenizer: fb.BertTokenizer) -> None:
    answers = [{"text": ["Tesla"], "answer_start": [17]}, {"text": ["lazy"], "answer_start": [9]}]
    options: dict[str, Any] = {"answers": answers, "max_length": 30}
    with pytest.raises(AlignmentError, match=r"answers\[0\]: 'Tesla' does not stand at character 17 of its context"):
        package.encode_questions(QUESTIONS, CONTEXTS, tokenizer, **options)
    features = package.encode_questions(QUESTIONS, CONTEXTS, tokenizer, wrong_answers="skip", **options)
    assert (features.wrong_answers, features.kept) == ([0], [1])
    assert list(features.questions) == QUESTIONS[1:]
    assert spans_of(features) == ["lazy"]


def test_features_are_copied_and_pickled(tokenizer: fb.BertTokenizer) -> None:
    features = fb.encode_questions(QUESTIONS, CONTEXTS, tokenizer, answers=ANSWERS, max_length=9, doc_stride=2)
    for other in (copy.copy(features), pickle.loads(pickle.dumps(features))):
        assert other.data == features.data
        assert other.context_spans.tolist() == features.context_spans.tolist()
        assert (other.kept, other.stride) == (features.kept, features.stride)


def test_columns_of_arrow(tokenizer: fb.BertTokenizer) -> None:
    pa = pytest.importorskip("pyarrow")
    features = fb.encode_questions(pa.array(QUESTIONS), pa.chunked_array([CONTEXTS]), tokenizer, max_length=30)
    assert features.data == fb.encode_questions(QUESTIONS, CONTEXTS, tokenizer, max_length=30).data
    with_answers = fb.encode_questions(QUESTIONS, CONTEXTS, tokenizer, answers=pa.array(ANSWERS), max_length=30)
    assert with_answers.data == fb.encode_questions(QUESTIONS, CONTEXTS, tokenizer, answers=ANSWERS, max_length=30).data
    alone = fb.encode_questions(pa.scalar(QUESTIONS[0]), pa.scalar(CONTEXTS[0]), tokenizer, max_length=30)
    assert alone.data == fb.encode_questions(QUESTIONS[0], CONTEXTS[0], tokenizer, max_length=30).data


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("questions", "contexts", "options", "error", "message"),
    [
        (["hello", " \t"], ["cat", "cat"], {}, ConfigError, r"questions\[1\] is empty"),
        (["hello", "cat"], ["cat", ""], {}, ConfigError, r"contexts\[1\] is empty"),
        (["hello"], ["cat", "cat"], {}, ConfigError, "there are 1 questions and 2 contexts"),
        (["hello", 7], ["cat", "cat"], {}, TextTypeError, r"questions\[1\] must be str, got int"),
        (7, ["cat"], {}, TextTypeError, "questions must be a string or a list of strings, got int"),
        ("hello", None, {}, TextTypeError, "contexts must be a string or a list of strings, got NoneType"),
        (
            ["the cat sat on the mat"],
            ["cat " * 20],
            {"max_length": 9, "doc_stride": 0},
            ConfigError,
            "0 of a window of 9",
        ),
        (
            ["hello", "the cat"],
            ["cat " * 20, "cat " * 20],
            {"max_length": 9, "doc_stride": 4},
            ConfigError,
            r"questions\[1\]: the question takes 2 tokens and leaves 4 of a window of 9 .* share 4 tokens",
        ),
        (["cat", "\u200b"], ["cat", "cat"], {}, ConfigError, r"questions\[1\]: the question '\\u200b' has no tokens"),
        (["cat"], ["cat"], {"answers": 5}, AlignmentError, "answers must hold .*, got 5"),
        (["cat"], ["cat"], {"answers": [float("nan")]}, AlignmentError, r"answers\[0\] must be .*, got nan"),
        (["cat", "a\ud800"], ["cat", "cat"], {}, UnicodeEncodeError, r"questions\[1\] holds a lone surrogate"),
        (["cat"], ["a\udcff"], {}, UnicodeEncodeError, r"the context of questions\[0\] holds a lone surrogate"),
        ("hello", "cat", {"max_length": 0}, ConfigError, "max_length must be an integer of at least 1"),
        ("hello", "cat", {"doc_stride": -1}, ConfigError, "doc_stride must be an integer of at least 0"),
        ("hello", "cat", {"max_question_length": 0}, ConfigError, "max_question_length must be an integer"),
        ("hello", "cat", {"wrong_answers": "drop"}, ConfigError, 'wrong_answers must be "raise" or "skip"'),
        (["hello"], ["cat"], {"answers": []}, ConfigError, "answers has 0 rows, there are 1 questions"),
        (["hello"], ["cat"], {"answers": [{"text": "cat"}]}, AlignmentError, r"answers\[0\] must be"),
        (["hello"], ["cat"], {"answers": [["cat"]]}, AlignmentError, r"answers\[0\] must be"),
        (
            ["hello"],
            ["cat"],
            {"answers": [{"text": ["cat", "a"], "answer_start": [0]}]},
            AlignmentError,
            r"answers\[0\] has 2 texts and 1 answer_start",
        ),
        ("hello", "cat", {"answers": {"text": [" "], "answer_start": [0]}}, AlignmentError, "does not stand at"),
        ("hello", "cat", {"answers": {"text": ["cat"], "answer_start": [-3]}}, AlignmentError, "does not stand at"),
    ],
)
def test_what_cannot_be_encoded(
    package: Any,
    tokenizer: fb.BertTokenizer,
    questions: Any,
    contexts: Any,
    options: dict[str, Any],
    error: Any,
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        package.encode_questions(questions, contexts, tokenizer, **{"max_length": 30, **options})
