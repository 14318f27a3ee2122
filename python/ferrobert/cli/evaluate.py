"""``ferrobert evaluate``: how good a model is on a labelled file; entities are in ``evaluate_entities``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrobert.cli.evaluate_answers import evaluate_answers
from ferrobert.cli.evaluate_entities import evaluate_entities
from ferrobert.cli.options import (
    Backend,
    BatchTokens,
    Constrained,
    ContextColumn,
    Device,
    FileFormat,
    Header,
    Impossible,
    LabelColumn,
    MaxLength,
    ModelOrDefault,
    NullThreshold,
    PairColumn,
    QuestionColumn,
    SpansColumn,
    Strategy,
    TableBar,
    TagsColumn,
    TextColumn,
    TokensColumn,
    check_impossible,
    console,
    open_pipeline,
    pair_column_of,
    split_columns,
)
from ferrobert.cli.sources import named_rows
from ferrobert.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ferrobert.training.metrics import Confusion

CHUNK = 2048
# A wider matrix does not fit a terminal.
MATRIX_LABELS = 12


def evaluate(
    file: Annotated[
        Path, typer.Argument(help="CSV, TSV, JSONL, Parquet, CoNLL or SQuAD file with true labels.", show_default=False)
    ],
    model: ModelOrDefault = None,
    task: Annotated[
        str, typer.Option(help="text-classification, next-sentence-prediction, ner or question-answering.")
    ] = "text-classification",
    text_column: TextColumn = "text",
    text_pair_column: PairColumn = None,
    label_column: LabelColumn = "label",
    tokens_column: TokensColumn = "tokens",
    tags_column: TagsColumn = "tags",
    spans_column: SpansColumn = "spans",
    question_column: QuestionColumn = "question",
    context_column: ContextColumn = "context",
    columns: Header = None,
    file_format: FileFormat = None,
    max_length: MaxLength = None,
    mode: Annotated[
        str, typer.Option(help="ner: strict, or default to count whatever looks like an entity, as conlleval does.")
    ] = "strict",
    scheme: Annotated[
        str | None, typer.Option(help="ner: IOB1 where the file is in it and the model is not; by default the model's.")
    ] = None,
    errors: Annotated[int, typer.Option(help="ner: how many of the worst errors to list.", min=0)] = 10,
    aggregation_strategy: Strategy = None,
    constrained: Constrained = False,
    handle_impossible_answer: Impossible = False,
    null_score_diff_threshold: NullThreshold = 0.0,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    batch_tokens: BatchTokens = None,
    device: Device = None,
    backend: Backend = "torch",
) -> None:
    """Measure accuracy and F1 of each label, and who is taken for whom.

    For ner: precision, recall and F1 of whole entities, all together and of
    each type, and the worst errors with their text. For question-answering:
    exact match and F1 of answers as SQuAD counts them (columns id, question,
    context, answers; SQuAD's own .json files).

    Example: ferrobert evaluate test.tsv --model ./my-classifier
    """
    from ferrobert.tables import Table
    from ferrobert.tasks import task_name
    from ferrobert.training.examples import label_id, label_value
    from ferrobert.training.metrics import Confusion, calibration_error
    from ferrobert.training.tagged_rows import TagColumns

    task = task_name(task)
    if task in ("fill-mask", "feature-extraction", "zero-shot-classification"):
        raise ConfigError(f"{task} has no labels of its own to evaluate on; ferrobert predict runs it on a file")
    check_impossible(task, handle_impossible_answer, null_score_diff_threshold)
    text_pair_column = pair_column_of(task, text_pair_column)
    table = Table(file, columns=split_columns(columns), format=file_format)
    if task == "token-classification":
        if max_length is not None or text_pair_column is not None:
            raise ConfigError("--max-length and --text-pair-column do not go with --task ner, which cuts nothing")
        evaluate_entities(
            table,
            lambda: open_pipeline(task, model, device=device, batch_tokens=batch_tokens, backend=backend),
            TagColumns(tokens_column, tags_column, text_column, spans_column),
            mode=mode,
            scheme=scheme,
            strategy=aggregation_strategy,
            constrained=constrained,
            errors=errors,
            json_lines=json_lines,
        )
        return
    if mode != "strict" or scheme is not None or aggregation_strategy is not None or constrained:
        raise ConfigError(
            f"--mode, --scheme, --aggregation-strategy and --constrained go with --task ner, not with {task}"
        )
    if task == "question-answering":
        if max_length is not None or text_pair_column is not None:
            raise ConfigError(f"--max-length and --text-pair-column do not go with --task {task}, which cuts nothing")
        evaluate_answers(
            table,
            lambda: open_pipeline(task, model, device=device, batch_tokens=batch_tokens, backend=backend),
            question_column,
            context_column,
            handle_impossible_answer=handle_impossible_answer,
            null_threshold=null_score_diff_threshold,
            json_lines=json_lines,
        )
        return
    table.require(text_column, text_pair_column, label_column)
    pipe = open_pipeline(task, model, device=device, batch_tokens=batch_tokens, backend=backend)
    labels = pipe.labels
    ids = {label: index for index, label in enumerate(labels)}
    confusion = Confusion(labels)
    cut = rows = 0
    right: list[bool] = []
    scores: list[float] = []
    limit = pipe.max_tokens if max_length is None and not pipe.reads_windows else max_length
    with TableBar(table, "evaluating") as bar:
        for chunk in bar.chunks(CHUNK):
            true = []
            inputs = []
            for row in chunk:
                label = label_value(row.values.get(label_column), table.where(row))
                index = label_id(label, labels)
                if index is None:
                    known = ", ".join(map(repr, labels))
                    raise DataError(f"{table.where(row)}: unknown label {label!r}; the model's labels are {known}")
                true.append(index)
                text = {"text": table.text_of(row, text_column)}
                inputs.append(
                    text if text_pair_column is None else {**text, "text_pair": table.text_of(row, text_pair_column)}
                )
            with named_rows([table.where(row) for row in chunk]):
                if limit is None:
                    results = pipe(inputs, progress=bar)
                else:
                    cut += sum(count > limit for count in pipe.token_counts(inputs))
                    results = pipe(inputs, progress=bar, truncation=True, max_length=limit)
            predicted = [ids[result["label"]] for result in results]
            confusion.add(true, predicted)
            right += [one == other for one, other in zip(true, predicted, strict=True)]
            scores += [result["score"] for result in results]
            rows += len(chunk)
    if not rows:
        raise DataError(f"{file} has no rows to evaluate on")
    belief: dict[str, float | None] = {"mean_score": None, "calibration_error": None}
    # Scores of a regression are no probabilities.
    if all(0 <= score <= 1 for score in scores):
        belief = {"mean_score": sum(scores) / rows, "calibration_error": calibration_error(right, scores)}
    if json_lines:
        print(json.dumps(_as_json(confusion, rows, cut, belief), ensure_ascii=False))
    else:
        _print_tables(confusion, rows, cut, belief)


def _as_json(confusion: Confusion, rows: int, cut: int, belief: dict[str, float | None]) -> dict[str, Any]:
    return {
        "rows": rows,
        "accuracy": confusion.accuracy(),
        "macro_f1": confusion.macro_f1(),
        **belief,
        "labels": {
            one.label: {"precision": one.precision, "recall": one.recall, "f1": one.f1, "rows": one.rows}
            for one in confusion.per_class()
        },
        "confusion": {"labels": confusion.labels, "true_by_predicted": confusion.counts.tolist()},
        "cut_texts": cut,
    }


def _print_tables(confusion: Confusion, rows: int, cut: int, belief: dict[str, float | None]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    out = console()
    accuracy = f"[bold]accuracy {confusion.accuracy():.4f}[/bold]"
    out.print(f"{accuracy}   macro F1 {confusion.macro_f1():.4f}   {rows:,} rows")
    told = [f"{name.replace('_', ' ')} {value:.4f}" for name, value in belief.items() if value is not None]
    if told:
        out.print("   ".join(told))
    scores = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    scores.add_column("label")
    for name in ("precision", "recall", "F1", "rows"):
        scores.add_column(name, justify="right")
    for one in confusion.per_class():
        scores.add_row(escape(one.label), f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}", f"{one.rows:,}")
    out.print(scores)
    if len(confusion.labels) <= MATRIX_LABELS:
        matrix = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="true label by predicted label", title_justify="left")
        matrix.add_column("true")
        for label in confusion.labels:
            matrix.add_column(escape(label), justify="right")
        for index, label in enumerate(confusion.labels):
            cells = [f"{count:,}" for count in confusion.counts[index].tolist()]
            cells[index] = f"[bold]{cells[index]}[/bold]"
            matrix.add_row(escape(label), *cells)
        out.print(matrix)
    if cut:
        out.print(f"{cut:,} texts were longer than a row and were cut")
