"""Answers in their context, to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from ferrobert.errors import AlignmentError, ConfigError
from ferrobert.render import entities_page, render_entities

__all__ = ["marked_answers", "render_answer"]


def render_answer(
    context: str,
    answers: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    question: str | None = None,
    format: str = "html",
    color: bool | None = True,
    page: bool = False,
    title: str | None = None,
) -> str:
    """A context with its answer marked; of several answers, those that do not overlap a better one.

    Args:
        context: the text.
        answers: what the question-answering pipeline or `ferrobert.decode_answers` returns for one question: a
            dictionary with ``start``, ``end`` and, where it is known, ``score``, or a list of them, the best first. An
            empty answer marks nothing.
        question: what was asked; it stands above the context.
        format, color, page, title: as of `ferrobert.render_entities`.

    Returns:
        HTML or text. The best answer is called "answer", the next "answer 2", and so on.

    Raises:
        AlignmentError: an answer that lies outside of the context, or is no answer.
        ConfigError, TextTypeError, UnicodeEncodeError: as `ferrobert.render_entities`.

    Example:
        >>> answer = {"score": 0.97, "start": 0, "end": 9, "answer": "Elon Musk"}
        >>> print(render_answer("Elon Musk founded Tesla.", answer, question="Who?", format="ansi", color=False))
        Who?
        [Elon Musk answer] founded Tesla.
    """
    entities = marked_answers(answers)
    if question is not None and not isinstance(question, str):
        raise ConfigError(f"question must be a str, got {type(question).__name__}")
    if format == "ansi":
        text = render_entities(context, entities, format="ansi", color=color, legend=False)
        return text if question is None else f"{render_entities(question, [], format='ansi', legend=False)}\n{text}"
    if page:
        return entities_page([(question, context, entities)], title=title or "Answer", legend=False)
    fragment = render_entities(context, entities, format=format, legend=False, title=title)
    return fragment if question is None else f'<p dir="auto"><strong>{escape(question)}</strong></p>\n{fragment}'


def marked_answers(answers: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Answers as `ferrobert.render_entities` takes entities: in the order of the context, without overlap."""
    given: Any = [answers] if isinstance(answers, Mapping) else answers
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise AlignmentError(f"answers must be a dictionary with start and end, or a list of them, got {given!r:.80}")
    marked: list[tuple[int, int, dict[str, Any]]] = []
    for number, answer in enumerate(given, start=1):
        if not isinstance(answer, Mapping) or not {"start", "end"} <= answer.keys():
            raise AlignmentError(f"answer {number - 1} must be a dictionary with start and end, got {answer!r:.80}")
        start, end = answer["start"], answer["end"]
        if any(isinstance(one, bool) or not isinstance(one, (int, np.integer)) for one in (start, end)):
            raise AlignmentError(f"answer {number - 1}: start and end must be int, got {start!r:.40} and {end!r:.40}")
        if start == end or any(start < other_end and other_start < end for other_start, other_end, _ in marked):
            continue
        name = "answer" if number == 1 else f"answer {number}"
        score = {"score": answer["score"]} if "score" in answer else {}
        marked.append((start, end, {"start": start, "end": end, "label": name, **score}))
    return [entity for _, _, entity in sorted(marked, key=lambda one: one[0])]
