"""``ferrobert evaluate --task question-answering``: exact match and F1, as SQuAD's scripts count them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ferrobert.cli.answers import SpanAnswers
from ferrobert.cli.options import TableBar, console
from ferrobert.cli.sources import named_rows
from ferrobert.errors import DataError

if TYPE_CHECKING:
    from ferrobert.tables import Row, Table

# Rows read and answered at a time.
CHUNK = 1024


def evaluate_answers(
    table: Table,
    open_pipe: Callable[[], Any],
    question_column: str,
    context_column: str,
    *,
    handle_impossible_answer: bool,
    null_threshold: float,
    json_lines: bool,
) -> None:
    """Answer the questions of a file of SQuAD, or of a table with its columns, and print how good the answers are.

    Args:
        table: the file; its column ``answers`` holds ``{"text": [...], ...}``, empty where there is no answer.
        open_pipe: loads the pipeline, once the columns are checked.
        question_column, context_column: names of its columns.
        handle_impossible_answer: whether answers may be empty; adds the best thresholds.
        null_threshold: how much more than the best answer no answer must be.
        json_lines: print one JSON object.

    Raises:
        DataError: a column that is missing, a row that cannot be read; no rows.
    """
    from ferrobert.training.metrics import squad, squad_breakdown

    table.require(question_column, context_column, "answers")
    pipe = open_pipe()
    reader = SpanAnswers(pipe, question_column, context_column, handle_impossible_answer, null_threshold)
    predictions: dict[str, str] = {}
    differences: dict[str, float] = {}
    references: list[dict[str, Any]] = []
    with TableBar(table, "evaluating") as bar:
        for chunk in bar.chunks(CHUNK):
            asked = [reader.read(table, row) for row in chunk]
            # The threshold is for the scores to apply: they tell the best one by the texts that are not empty.
            more = {"top_k": 2, "details": True} if handle_impossible_answer else {}
            reader.count_long(asked)
            with named_rows([table.where(row) for row in chunk]):
                found = pipe(asked, progress=bar, **reader.chosen, **more)
            for row, one, answer in zip(chunk, asked, found, strict=True):
                id = str(row.values.get("id", len(references)))
                if id in predictions:
                    raise DataError(f"{table.where(row)}: id {id!r} is there twice")
                true = {"text": _true_answers(row, table), "answer_start": []}
                references.append({"id": id, "question": one["question"], "answers": true})
                if handle_impossible_answer:
                    answers, answer = answer, next((one for one in answer if one["answer"]), {"answer": ""})
                    differences[id] = answers[0]["null_score_diff"] if answers else math.inf
                predictions[id] = answer["answer"]
    if not references:
        raise DataError(f"{table.path} has no rows to evaluate on")
    unanswerable = any(not row["answers"]["text"] for row in references)
    given = {id: "" if differences.get(id, -math.inf) > null_threshold else text for id, text in predictions.items()}
    if unanswerable and differences:
        scores = squad(predictions, references, no_answer_probabilities=differences, no_answer_threshold=null_threshold)
    else:
        scores = squad(given, references)
    del scores["missing"]
    reader.report()
    breakdown = squad_breakdown(given, references)
    if json_lines:
        print(json.dumps({**scores, **breakdown}, ensure_ascii=False))
    else:
        _print_tables(scores, breakdown)


def _true_answers(row: Row, table: Table) -> list[str]:
    answers = row.values.get("answers")
    texts = answers.get("text") if isinstance(answers, Mapping) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DataError(
            f"{table.where(row)}: column 'answers' must hold {{\"text\": [strings]}}, holds {answers!r:.60}"
        )
    return texts


def _print_tables(scores: dict[str, Any], breakdown: dict[str, dict[str, dict[str, Any]]]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    out = console()
    out.print(f"[bold]F1 {scores['f1']:.2f}   exact match {scores['exact']:.2f}[/bold]   {scores['total']:,} questions")
    for name, title in (("HasAns", "with an answer"), ("NoAns", "without an answer")):
        if f"{name}_total" in scores and scores[f"{name}_total"] < scores["total"]:
            of_kind = tuple(scores[f"{name}_{key}"] for key in ("f1", "exact", "total"))
            out.print("{}: F1 {:.2f}   exact match {:.2f}   {:,} questions".format(title, *of_kind))
    if "best_f1" in scores:
        out.print(
            f"best F1 {scores['best_f1']:.2f} with null_score_diff_threshold {scores['best_f1_thresh']:.4f}; "
            f"best exact match {scores['best_exact']:.2f} with {scores['best_exact_thresh']:.4f}"
        )
    for key, title in (("question_word", "question"), ("answer_length", "words of the answer")):
        shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        shown.add_column(title)
        for name in ("F1", "exact match", "questions"):
            shown.add_column(name, justify="right")
        for group, of_group in breakdown[key].items():
            numbers = (f"{of_group['f1']:.2f}", f"{of_group['exact']:.2f}", f"{of_group['total']:,}")
            shown.add_row(escape(group), *numbers)
        out.print(shown)
