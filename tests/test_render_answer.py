"""render_answer: a context with its answer marked."""

from typing import Any

import pytest

import ferrobert as fb
from ferrobert.errors import AlignmentError, ConfigError

CONTEXT = "Elon Musk founded Tesla <in> California."
BEST = {"score": 0.9, "start": 0, "end": 9, "answer": "Elon Musk"}
OTHERS = [BEST, {"score": 0.05, "start": 5, "end": 9}, {"score": 0.04, "start": 18, "end": 23}]


def test_an_answer_in_a_terminal() -> None:
    shown = fb.render_answer(CONTEXT, BEST, question="Who?", format="ansi", color=False)
    assert shown == "Who?\n[Elon Musk answer] founded Tesla <in> California."


def test_answers_that_overlap_a_better_one_are_left_out() -> None:
    shown = fb.render_answer(CONTEXT, OTHERS, format="ansi", color=False)
    assert shown == "[Elon Musk answer] founded [Tesla answer 3] <in> California."


def test_html_is_escaped_and_names_the_question() -> None:
    shown = fb.render_answer(CONTEXT, BEST, question="<Who?>")
    assert "<strong>&lt;Who?&gt;</strong>" in shown
    assert "&lt;in&gt;" in shown
    assert "answer" in shown
    page = fb.render_answer(CONTEXT, BEST, question="Who?", page=True)
    assert page.startswith("<!doctype html>")
    assert "Who?" in page.partition("<h2>")[2].partition("</h2>")[0]


def test_no_answer_marks_nothing() -> None:
    empty = {"score": 0.9, "start": 0, "end": 0, "answer": ""}
    assert fb.render_answer(CONTEXT, empty, format="ansi", color=False) == CONTEXT
    assert fb.render_answer(CONTEXT, [], format="ansi", color=False) == CONTEXT


@pytest.mark.parametrize(
    ("answers", "options", "error", "message"),
    [
        ([{"start": 0, "end": 99}], {}, AlignmentError, "outside of the text|99"),
        (None, {}, AlignmentError, "answers must be a dictionary with start and end, or a list of them, got None"),
        ([{"start": None, "end": 3}], {}, AlignmentError, "answer 0: start and end must be int, got None and 3"),
        ([{"start": 0, "end": None}], {}, AlignmentError, "answer 0: start and end must be int, got 0 and None"),
        ([{"answer": "Elon"}], {}, AlignmentError, "answer 0 must be a dictionary with start and end"),
        (["Elon"], {}, AlignmentError, "answer 0 must be a dictionary with start and end, got 'Elon'"),
        (BEST, {"question": 7}, ConfigError, "question must be a str, got int"),
        (BEST, {"format": "pdf"}, ConfigError, "format must be 'html' or 'ansi'"),
    ],
)
def test_answers_that_cannot_be_marked(answers: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        fb.render_answer(CONTEXT, answers, **options)
