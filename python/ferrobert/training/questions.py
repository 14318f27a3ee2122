"""Questions with their contexts and answers, for training: from lists, columns, data sets and files of SQuAD."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ferrobert.answers.encoding import misplaced
from ferrobert.errors import AlignmentError, ConfigError, DataError
from ferrobert.pipelines.inputs import rows_of_table
from ferrobert.tables import Row, Table


@dataclass(frozen=True, slots=True)
class QuestionColumns:
    """Names of the columns that hold the examples."""

    question: str = "question"
    context: str = "context"
    answers: str = "answers"
    id: str = "id"


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions, checked.

    Attributes:
        ids: one a question; its number where the source has none.
        questions, contexts: their texts.
        answers: ``{"text": [...], "answer_start": [...]}`` of each, empty where it has no answer.
        where: the place of a row for a message.
        left_out: rows whose answer is wrong, which were left out.
    """

    ids: list[str]
    questions: list[str]
    contexts: list[str]
    answers: list[dict[str, list[Any]]]
    where: Callable[[int], str]
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def with_null(self) -> bool:
        """Whether some have no answer."""
        return not all(answers["text"] for answers in self.answers)

    def select(self, rows: Iterable[int]) -> Questions:
        """The questions at these positions."""
        picked = [int(row) for row in rows]
        where = self.where
        return Questions(
            [self.ids[row] for row in picked],
            [self.questions[row] for row in picked],
            [self.contexts[row] for row in picked],
            [self.answers[row] for row in picked],
            lambda row: where(picked[row]),
        )


def read_questions(
    source: Any, columns: QuestionColumns, what: str, *, file_format: str | None = None, wrong_answers: str = "raise"
) -> Questions:
    """Read questions.

    Args:
        source: a path to a file of SQuAD, JSONL or Parquet; a list of dicts; a dict of columns; a DataFrame; a
            `datasets.Dataset`.
        columns: names of the columns.
        what: what the examples are, for messages: "train" or "validation".
        file_format: format of a file whose ending does not say it.
        wrong_answers: "raise" for an error where an answer does not stand at its ``answer_start``, or "skip".

    Raises:
        DataError: no rows, a missing column, an empty text, a value of another kind.
        AlignmentError: an answer that does not stand where it is said to.
        ConfigError: a source of another kind.
    """
    numbers: list[int] = []

    def where(row: int) -> str:
        return f"{what}: row {row}"

    rows: Iterable[Any]
    source = rows_of_table(source)
    if isinstance(source, (str, os.PathLike)):
        table = Table(source, format=file_format)
        table.require(columns.question, columns.context, columns.answers)

        def of_file() -> Iterator[dict[str, Any]]:
            for row in table:
                numbers.append(row.number)
                yield row.values

        def where(row: int) -> str:
            return table.where(Row(numbers[row], {}))

        rows = of_file()
    elif isinstance(source, Mapping):
        there = {str(name): list(source[name]) for name in source}
        if len({len(column) for column in there.values()}) > 1:
            raise DataError(f"{what}: its columns differ in length")
        rows = [dict(zip(there, values, strict=True)) for values in zip(*there.values(), strict=True)]
    elif isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray)):
        rows = source
    else:
        raise ConfigError(
            f"{what} must be a list of dicts, a dict of columns, a Dataset or the path of a file, got "
            f"{type(source).__name__}"
        )
    found = Questions([], [], [], [], where)
    kept = []
    for number, row in enumerate(rows):
        id, question, context, answers = _checked(row, columns, where(number), number)
        first = next(zip(answers["text"], answers["answer_start"], strict=True), None)  # the one that is learned
        fault = None if first is None else misplaced(*first, context)
        if fault is None:
            kept.append(number)
        elif wrong_answers == "raise":
            raise AlignmentError(f'{where(number)}: {fault}; wrong_answers="skip" leaves such rows out')
        found.ids.append(id)
        found.questions.append(question)
        found.contexts.append(context)
        found.answers.append(answers)
    if not kept:
        raise DataError(f"{what}: no questions in {source if isinstance(source, (str, os.PathLike)) else 'it'}")
    return found if len(kept) == len(found) else replace(found.select(kept), left_out=len(found) - len(kept))


def split(questions: Questions, share: float, seed: int) -> tuple[Questions, Questions]:
    """Set aside a share of the contexts with all of their questions, chosen by the seed; the rest comes first.

    Raises:
        ConfigError: a share that is not between 0 and 1.
        DataError: one context alone.
    """
    if not 0.0 < share < 1.0:
        raise ConfigError(f"validation as a share must lie between 0 and 1, got {share!r}")
    contexts = list(dict.fromkeys(questions.contexts))
    if len(contexts) < 2:
        raise DataError("train has 1 context; a share for validation needs two")
    taken = min(max(1, round(share * len(contexts))), len(contexts) - 1)
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(contexts))
    aside = {contexts[place] for place in order[:taken]}
    chosen = [context in aside for context in questions.contexts]
    rows = range(len(questions))
    return questions.select(row for row in rows if not chosen[row]), questions.select(
        row for row in rows if chosen[row]
    )


def _checked(row: Any, columns: QuestionColumns, place: str, number: int) -> tuple[str, str, str, dict[str, list[Any]]]:
    if not isinstance(row, Mapping):
        raise DataError(f"{place} must be a dict with question, context and answers, got {row!r:.80}")
    texts = []
    for name in (columns.question, columns.context):
        if name not in row:
            raise DataError(f"{place} has no {name!r}; it has {', '.join(map(repr, row)) or 'nothing'}")
        text = row[name]
        if not isinstance(text, str) or not text or text.isspace():
            raise DataError(f"{place}: {name!r} must be a text, got {text!r:.80}")
        texts.append(text)
    given = row.get(columns.answers)
    answers: dict[str, list[Any]] = {"text": [], "answer_start": []}
    if isinstance(given, (list, tuple, np.ndarray)) and all(
        isinstance(one, Mapping) and answers.keys() <= one.keys() for one in given
    ):
        answers = {name: [one[name] for one in given] for name in answers}  # as in SQuAD's files
    elif isinstance(given, Mapping) and answers.keys() <= given.keys():
        answers = {name: _listed(given[name]) for name in answers}
    elif given is not None:
        raise DataError(
            f'{place}: {columns.answers!r} must be {{"text": [...], "answer_start": [...]}} or a list of '
            f'{{"text": ..., "answer_start": ...}}, got {given!r:.80}'
        )
    starts = answers["answer_start"]
    if (
        len(answers["text"]) != len(starts)
        or not all(isinstance(text, str) for text in answers["text"])
        or not all(isinstance(start, (int, np.integer)) and not isinstance(start, bool) for start in starts)
    ):
        raise DataError(f"{place}: {columns.answers!r} must be as many strings as ints, got {given!r:.80}")
    return str(row.get(columns.id, number)), texts[0], texts[1], answers


def _listed(values: Any) -> list[Any]:
    values = values.tolist() if hasattr(values, "tolist") else values
    return list(values) if isinstance(values, Sequence) and not isinstance(values, str) else [values]
