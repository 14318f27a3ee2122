"""``ferrobert predict``: labels, or tokens for the masks, for every row of a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrobert.cli.fill_mask import lists_of
from ferrobert.cli.options import (
    BatchTokens,
    Device,
    Header,
    MaxLength,
    Model,
    PairColumn,
    Targets,
    TextColumn,
    open_pipeline,
    pair_column_of,
    split_columns,
    with_bar,
)
from ferrobert.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ferrobert.tables import Row, Table

# Rows read, sorted by length and classified at a time.
CHUNK = 2048


def predict(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet file.", show_default=False)],
    model: Model,
    task: Annotated[
        str, typer.Option(help="text-classification, next-sentence-prediction or fill-mask.")
    ] = "text-classification",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write .jsonl or .parquet; by default JSON lines on stdout.")
    ] = None,
    text_column: TextColumn = "text",
    text_pair_column: PairColumn = None,
    columns: Header = None,
    all_scores: Annotated[bool, typer.Option(help="Add the column scores: the score of each label.")] = False,
    top_k: Annotated[int | None, typer.Option(help="fill-mask: how many tokens a mask gets (default 5).")] = None,
    target: Targets = None,
    max_length: MaxLength = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a text longer than the model reads instead of cutting it.")
    ] = False,
    batch_tokens: BatchTokens = None,
    device: Device = None,
) -> None:
    """Label every row of a file, or fill its masks.

    Rows come back with label and score added, or with predictions: for each
    mask a list of tokens. Columns of these names that the file has become
    input_label and so on. Cut texts are counted.

    Example: ferrobert predict reviews.csv --model ./ferrobert-demo -o labelled.jsonl
    """
    from ferrobert.pipelines import task_name
    from ferrobert.tables import Table, TableWriter

    task = task_name(task)
    fills = task == "fill-mask"
    if fills and (text_pair_column is not None or all_scores):
        raise ConfigError("--text-pair-column and --all-scores do not go with --task fill-mask")
    if not fills and (top_k is not None or target):
        raise ConfigError(f"--top-k and --target go with --task fill-mask, not with {task}")
    pair_column = pair_column_of(task, text_pair_column)
    table = Table(file, columns=split_columns(columns))
    table.require(text_column, pair_column)
    if output is not None and output.exists() and output.samefile(file):
        raise ConfigError(f"--output {output} is the input file")
    if strict and max_length is not None:
        raise ConfigError("--strict refuses to cut texts, --max-length asks for it: choose one")

    def predictions() -> Predictions:
        pipe = open_pipeline(task, model, device=device, batch_tokens=batch_tokens)
        answers: Answers = Fills(pipe, top_k, target) if fills else Labels(pipe, all_scores)
        return Predictions(table, answers, text_column, pair_column, max_length, strict)

    if output is None:
        run = predictions()
        for rows in run:
            for row in rows:
                sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    else:
        with TableWriter(output) as writer:
            run = predictions()
            for rows in run:
                writer.write(rows)
        print(f"{run.rows:,} rows written to {output}", file=sys.stderr)
    run.report()


class Labels:
    """Answers of the tasks that give labels: the columns label and score, and scores where they are asked for."""

    columns: tuple[str, ...] = ("label", "score")

    def __init__(self, pipe: Any, all_scores: bool) -> None:
        self.pipe = pipe
        self.all_scores = all_scores

    def __call__(self, inputs: list[Any], places: list[str], **options: Any) -> Iterator[dict[str, Any]]:
        """The new columns of each row."""
        for labels in self.pipe(inputs, top_k=None, **options):
            answer = {"label": labels[0]["label"], "score": labels[0]["score"]}
            if self.all_scores:
                answer["scores"] = {one["label"]: one["score"] for one in labels}
            yield answer


class Fills:
    """Answers of fill-mask: the column predictions, for each mask of the text a list of tokens, best first."""

    columns: tuple[str, ...] = ("predictions",)

    def __init__(self, pipe: Any, top_k: int | None, targets: list[str] | None) -> None:
        self.pipe = pipe
        self.chosen = {"top_k": top_k, "targets": targets}

    def __call__(self, inputs: list[str], places: list[str], **options: Any) -> Iterator[dict[str, Any]]:
        """The new column of each row.

        Raises:
            DataError: a row without a mask, or whose masks are cut off.
        """
        for place, masks in zip(places, self.pipe.mask_counts(inputs, **options), strict=True):
            if not masks:
                mask = self.pipe.tokenizer.mask_token
                raise DataError(f"{place}: the text has no {mask}, or it is cut off with the end of the text")
        for result in self.pipe(tuple(inputs), **self.chosen, **options):
            yield {"predictions": lists_of(result)}


Answers = Labels | Fills


class Predictions:
    """A run over a table: rows with their answers, a chunk at a time, and a count of the texts that were cut."""

    def __init__(
        self,
        table: Table,
        answers: Answers,
        text_column: str,
        pair_column: str | None,
        max_length: int | None,
        strict: bool,
    ) -> None:
        self.table = table
        self.answers = answers
        self.text_column = text_column
        self.pair_column = pair_column
        self.limit = answers.pipe.max_tokens if max_length is None else max_length
        self.strict = strict
        self.rows = 0
        self.cut = 0
        self.renamed = [name for name in answers.columns if name in table.columns]

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        """Answered rows, a chunk at a time.

        Raises:
            DataError: a row that cannot be read, or without text.
            ConfigError: under ``strict``, a text that is too long.
        """
        from ferrobert.tables import chunks

        for chunk in with_bar(chunks(self.table, CHUNK), self.table, "predicting"):
            inputs: list[Any] = [self._input(row) for row in chunk]
            options: dict[str, Any] = {}
            if self.limit is not None:
                counts = self.answers.pipe.token_counts(inputs)
                long = [index for index, count in enumerate(counts) if count > self.limit]
                if long and self.strict:
                    raise ConfigError(
                        f"{self.table.where(chunk[long[0]])}: the text has more than the {self.limit} tokens that the "
                        "model reads; without --strict it is cut"
                    )
                self.cut += len(long)
                if long:
                    options = {"truncation": True, "max_length": self.limit}
            answers = self.answers(inputs, [self.table.where(row) for row in chunk], **options)
            self.rows += len(chunk)
            yield [{**self._kept(row), **answer} for row, answer in zip(chunk, answers, strict=True)]

    def report(self) -> None:
        """Say on stderr what happened to texts and columns."""
        if self.cut:
            print(f"{self.cut:,} of {self.rows:,} texts were longer than the model reads and were cut", file=sys.stderr)
        if self.renamed:
            names = " and ".join(f"{name} -> input_{name}" for name in self.renamed)
            print(f"columns of the input renamed: {names}", file=sys.stderr)

    def _input(self, row: Row) -> str | dict[str, str]:
        text = self.table.text_of(row, self.text_column)
        if self.pair_column is None:
            return text
        return {"text": text, "text_pair": self.table.text_of(row, self.pair_column)}

    def _kept(self, row: Row) -> dict[str, Any]:
        new = self.answers.columns
        return {f"input_{name}" if name in new else name: value for name, value in row.values.items()}
