"""``ferrobert predict``: labels for every row of a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrobert.cli.options import (
    BatchTokens,
    Device,
    Header,
    MaxLength,
    Model,
    PairColumn,
    TextColumn,
    classifier,
    split_columns,
    with_bar,
)
from ferrobert.errors import ConfigError

if TYPE_CHECKING:
    from ferrobert.tables import Row, Table

# Rows read, sorted by length and classified at a time.
CHUNK = 2048


def predict(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet file.", show_default=False)],
    model: Model,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write .jsonl or .parquet; by default JSON lines on stdout.")
    ] = None,
    text_column: TextColumn = "text",
    text_pair_column: PairColumn = None,
    columns: Header = None,
    all_scores: Annotated[bool, typer.Option(help="Add the column scores: the score of each label.")] = False,
    max_length: MaxLength = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a text longer than the model reads instead of cutting it.")
    ] = False,
    batch_tokens: BatchTokens = None,
    device: Device = None,
) -> None:
    """Label every row of a file.

    Rows come back with label and score added; columns of these names that
    the file has become input_label and input_score. Cut texts are counted.

    Example: ferrobert predict reviews.csv --model ./ferrobert-demo -o labelled.jsonl
    """
    from ferrobert.tables import Table, TableWriter

    table = Table(file, columns=split_columns(columns))
    table.require(text_column, text_pair_column)
    if output is not None and output.exists() and output.samefile(file):
        raise ConfigError(f"--output {output} is the input file")
    if strict and max_length is not None:
        raise ConfigError("--strict refuses to cut texts, --max-length asks for it: choose one")
    if output is None:
        predictions = Predictions(table, classifier(model, device=device, batch_tokens=batch_tokens))
        for rows in predictions.run(text_column, text_pair_column, all_scores, max_length, strict):
            for row in rows:
                sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    else:
        with TableWriter(output) as writer:
            predictions = Predictions(table, classifier(model, device=device, batch_tokens=batch_tokens))
            for rows in predictions.run(text_column, text_pair_column, all_scores, max_length, strict):
                writer.write(rows)
        print(f"{predictions.rows:,} rows written to {output}", file=sys.stderr)
    predictions.report()


class Predictions:
    """A run over a table: rows with their labels, and a count of the texts that were cut."""

    def __init__(self, table: Table, pipe: Any) -> None:
        self.table = table
        self.pipe = pipe
        self.rows = 0
        self.cut = 0
        self.renamed = [name for name in ("label", "score") if name in table.columns]

    def run(
        self, text_column: str, pair_column: str | None, all_scores: bool, max_length: int | None, strict: bool
    ) -> Iterator[list[dict[str, Any]]]:
        """Labelled rows, a chunk at a time.

        Raises:
            DataError: a row that cannot be read, or without text.
            ConfigError: under ``strict``, a text that is too long.
        """
        from ferrobert.tables import chunks

        limit = self.pipe.max_tokens if max_length is None else max_length
        for chunk in with_bar(chunks(self.table, CHUNK), self.table, "classifying"):
            inputs = [self._input(row, text_column, pair_column) for row in chunk]
            options: dict[str, Any] = {}
            if limit is not None:
                long = [index for index, count in enumerate(self.pipe.token_counts(inputs)) if count > limit]
                if long and strict:
                    raise ConfigError(
                        f"{self.table.where(chunk[long[0]])}: the text has more than the {limit} tokens that the model "
                        "reads; without --strict it is cut"
                    )
                self.cut += len(long)
                if long:
                    options = {"truncation": True, "max_length": limit}
            results = self.pipe(inputs, top_k=None, **options)
            self.rows += len(chunk)
            yield [self._output(row, labels, all_scores) for row, labels in zip(chunk, results, strict=True)]

    def report(self) -> None:
        """Say on stderr what happened to texts and columns."""
        if self.cut:
            print(f"{self.cut:,} of {self.rows:,} texts were longer than the model reads and were cut", file=sys.stderr)
        if self.renamed:
            names = " and ".join(f"{name} -> input_{name}" for name in self.renamed)
            print(f"columns of the input renamed: {names}", file=sys.stderr)

    def _input(self, row: Row, text_column: str, pair_column: str | None) -> dict[str, str]:
        text = {"text": self.table.text_of(row, text_column)}
        return text if pair_column is None else {**text, "text_pair": self.table.text_of(row, pair_column)}

    def _output(self, row: Row, labels: list[dict[str, Any]], all_scores: bool) -> dict[str, Any]:
        kept = {f"input_{name}" if name in ("label", "score") else name: value for name, value in row.values.items()}
        result = {**kept, "label": labels[0]["label"], "score": labels[0]["score"]}
        if all_scores:
            result["scores"] = {one["label"]: one["score"] for one in labels}
        return result
