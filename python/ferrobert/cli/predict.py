"""``ferrobert predict``: labels, tokens for the masks, entities or answers, for every row of a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrobert.cli.answers import (
    Answers,
    Fills,
    Labels,
    SpanAnswers,
    TextEntities,
    Vectors,
    WordTags,
    ZeroShotLabels,
)
from ferrobert.cli.options import (
    Backend,
    BatchTokens,
    Constrained,
    ContextColumn,
    Device,
    FileFormat,
    Header,
    Impossible,
    MaxLength,
    ModelOrDefault,
    NullThreshold,
    PairColumn,
    QuestionColumn,
    Strategy,
    TableBar,
    Targets,
    TextColumn,
    TokensColumn,
    check_impossible,
    columns_of,
    open_pipeline,
    pair_column_of,
    split_columns,
)
from ferrobert.cli.sources import named_rows
from ferrobert.errors import ConfigError, DataError
from ferrobert.files import check_target, interrupts_wait, kept_file, write_file

if TYPE_CHECKING:
    from ferrobert.tables import Row, Table

# Rows and characters read, sorted by length, answered and written at a time: what an interrupt loses at most.
CHUNK = 1024
CHUNK_CHARACTERS = 1 << 18
# Answers of a question in an n-best file.
N_BEST = 20


def predict(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL, Parquet, CoNLL or SQuAD file.", show_default=False)],
    model: ModelOrDefault = None,
    task: Annotated[
        str,
        typer.Option(
            help="text-classification, zero-shot-classification, next-sentence-prediction, fill-mask, ner, "
            "question-answering or feature-extraction."
        ),
    ] = "text-classification",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write .jsonl or .parquet (tags of tokens: .conll; answers: .json, SQuAD's predictions file); by "
            "default JSON lines on stdout.",
        ),
    ] = None,
    text_column: TextColumn = "text",
    text_pair_column: PairColumn = None,
    tokens_column: TokensColumn = "tokens",
    question_column: QuestionColumn = "question",
    context_column: ContextColumn = "context",
    columns: Header = None,
    file_format: FileFormat = None,
    all_scores: Annotated[bool, typer.Option(help="Add the column scores: the score of each label.")] = False,
    labels: Annotated[
        str | None,
        typer.Option("--labels", "-l", help="zero-shot-classification: the labels, with commas between them."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(help='zero-shot-classification: the sentence of a label, by default "This example is {}."'),
    ] = None,
    multi_label: Annotated[
        bool, typer.Option("--multi-label", help="zero-shot-classification: judge each label alone.")
    ] = False,
    pooling: Annotated[
        str | None, typer.Option(help="feature-extraction: cls, mean (the default) or max of a text's tokens.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="fill-mask: how many tokens a mask gets (default 5).")] = None,
    target: Targets = None,
    aggregation_strategy: Strategy = None,
    constrained: Constrained = False,
    handle_impossible_answer: Impossible = False,
    null_score_diff_threshold: NullThreshold = 0.0,
    n_best_output: Annotated[
        Path | None,
        typer.Option(
            help="question-answering: also write the 20 best answers of each question, as SQuAD's n-best file."
        ),
    ] = None,
    max_length: MaxLength = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at a text longer than the model reads.")] = False,
    batch_tokens: BatchTokens = None,
    device: Device = None,
    backend: Backend = "torch",
) -> None:
    """Label every row of a file, fill its masks, find its entities, or answer its questions.

    Rows come back with label and score added; with predictions: for each
    mask a list of tokens; with entities of a text, or tags of tokens, one a
    word; with answer, score, start and end; with a vector of length 1.
    Columns of these names that the file has become input_label and so on.
    Texts longer than the model reads are read in windows;
    next-sentence-prediction cuts them, and counts what was cut. Of a
    question 64 tokens are read, and longer ones counted. Ctrl-C keeps what
    is finished as a file beside the output.

    Example: ferrobert predict reviews.csv --model ./my-classifier -o labelled.jsonl
    """
    from ferrobert.tables import Table, TableWriter
    from ferrobert.tasks import task_name

    task = task_name(task)
    fills, tags, asks = task == "fill-mask", task == "token-classification", task == "question-answering"
    judges, embeds = task == "zero-shot-classification", task == "feature-extraction"
    if (fills or tags or asks or embeds) and all_scores:
        raise ConfigError(f"--all-scores does not go with --task {task}")
    if (fills or tags or asks or embeds or judges) and text_pair_column is not None:
        raise ConfigError(f"--text-pair-column does not go with --task {task}")
    if judges and labels is None:
        raise ConfigError("--task zero-shot-classification needs --labels, with commas between them")
    if not judges and (labels is not None or template is not None or multi_label):
        raise ConfigError(
            f"--labels, --template and --multi-label go with --task zero-shot-classification, not with {task}"
        )
    if pooling is not None and not embeds:
        raise ConfigError(f"--pooling goes with --task feature-extraction, not with {task}")
    if not fills and (top_k is not None or target):
        raise ConfigError(f"--top-k and --target go with --task fill-mask, not with {task}")
    if not tags and (aggregation_strategy is not None or constrained):
        raise ConfigError(f"--aggregation-strategy and --constrained go with --task ner, not with {task}")
    check_impossible(task, handle_impossible_answer, null_score_diff_threshold)
    of_squad = asks and output is not None and output.suffix.lower() == ".json"
    if n_best_output is not None and not of_squad:
        raise ConfigError("--n-best-output goes with --task question-answering and -o predictions.json")
    if (tags or asks or judges) and (strict or max_length is not None):
        name = "ner" if tags else task
        raise ConfigError(
            f"--task {name} cuts nothing, long texts are read in windows: leave out --strict and --max-length"
        )
    pair_column = pair_column_of(task, text_pair_column)
    table = Table(file, columns=split_columns(columns), format=file_format)
    of_words = tags and columns_of(table, tokens_column, text_column) == tokens_column
    if of_words and aggregation_strategy is not None:
        raise ConfigError("--aggregation-strategy makes entities of texts; the file holds tokens, which get a tag each")
    if asks:
        table.require(question_column, context_column)
    elif not of_words:
        table.require(text_column, pair_column)
    for option, path in (("--output", output), ("--n-best-output", n_best_output)):
        if path is not None and path.exists() and path.samefile(file):
            raise ConfigError(f"{option} {path} is the input file")
    if n_best_output is not None and output is not None and n_best_output.resolve() == output.resolve():
        raise ConfigError(f"--n-best-output {n_best_output} is the file of --output")
    if output is not None and output.suffix.lower() == ".conll" and not of_words:
        raise ConfigError(f"--output {output}: a CoNLL file holds tokens with tags; write .jsonl or .parquet")
    if strict and max_length is not None:
        raise ConfigError("--strict refuses to cut texts, --max-length asks for it: choose one")

    def predictions() -> Predictions:
        pipe = open_pipeline(task, model, device=device, batch_tokens=batch_tokens, backend=backend)
        answers: Answers
        if asks:
            n_best = None if n_best_output is None else N_BEST
            answers = SpanAnswers(
                pipe, question_column, context_column, handle_impossible_answer, null_score_diff_threshold, n_best
            )
        elif of_words:
            answers = WordTags(pipe, tokens_column, constrained)
        elif tags:
            answers = TextEntities(pipe, text_column, aggregation_strategy or "first", constrained)
        elif judges:
            answers = ZeroShotLabels(pipe, text_column, labels or "", template, multi_label, all_scores)
        elif embeds:
            answers = Vectors(pipe, text_column, pooling or "mean")
        elif fills:
            answers = Fills(pipe, text_column, top_k, target)
        else:
            answers = Labels(pipe, text_column, pair_column, all_scores)
        return Predictions(table, answers, bar, max_length, strict)

    with TableBar(table, "predicting", hidden=output is None and sys.stdout.isatty()) as bar:
        if of_squad and output is not None:
            table.require("id")
            for path in filter(None, (output, n_best_output)):
                check_target(path)
            run = predictions()
            _write_answers(run, output, n_best_output)
        elif output is None:
            run = predictions()
            for rows in run:
                for row in rows:
                    sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
                sys.stdout.flush()
        else:
            with TableWriter(output) as writer:
                run = predictions()
                writer.examples = run.answers.examples
                for rows in run:
                    writer.write(rows)
    if output is not None:
        print(f"{run.rows:,} {'predictions' if of_squad else 'rows'} written to {output}", file=sys.stderr)
    run.report()


def _write_answers(run: Predictions, output: Path, n_best_output: Path | None) -> None:
    """Write SQuAD's predictions file, and its n-best file where it is wanted; Ctrl-C keeps what is answered.

    Raises:
        DataError: a row without an id, or whose id was there before.
    """
    texts: dict[str, str] = {}
    try:
        for row in (row for rows in run for row in rows):
            if row.get("id") is None:
                raise DataError(
                    f"{run.table.path}: the row after {len(texts):,} others has no 'id', and a predictions file needs "
                    "one"
                )
            id = str(row["id"])
            if id in texts:
                raise DataError(f"{run.table.path}: id {id!r} is there twice, and a predictions file holds it once")
            texts[id] = row["answer"]
        _write_json(run, texts, output, n_best_output)
    except KeyboardInterrupt as error:
        if texts:
            with interrupts_wait():
                kept = kept_file(output)
                _write_json(run, texts, kept, n_best_output and kept_file(n_best_output))
                error.add_note(f"{len(texts):,} predictions are in {kept}")
        raise


def _write_json(run: Predictions, texts: dict[str, str], output: Path, n_best_output: Path | None) -> None:
    write_file(output, json.dumps(texts, ensure_ascii=False, indent=2) + "\n")
    if n_best_output is not None and isinstance(run.answers, SpanAnswers):
        # Ctrl-C may have come between the lists of some rows and their answers.
        lists = dict(zip(texts, run.answers.n_best_lists, strict=False))
        write_file(n_best_output, json.dumps(lists, ensure_ascii=False, indent=2) + "\n")


class Predictions:
    """A run over a table: rows with their answers, a chunk at a time, and a count of the texts that were cut."""

    def __init__(self, table: Table, answers: Answers, bar: TableBar, max_length: int | None, strict: bool) -> None:
        self.table = table
        self.answers = answers
        self.bar = bar
        self.limit = max_length
        if max_length is None and (strict or not answers.pipe.reads_windows):
            self.limit = answers.pipe.max_tokens
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
        for chunk in self.bar.chunks(CHUNK, CHUNK_CHARACTERS):
            inputs = [self.answers.read(self.table, row) for row in chunk]
            places = [self.table.where(row) for row in chunk]
            options: dict[str, Any] = {}
            if self.limit is not None:
                with named_rows(places):
                    counts = self.answers.pipe.token_counts(inputs)
                long = [index for index, count in enumerate(counts) if count > self.limit]
                if long and self.strict:
                    windows = self.answers.pipe.reads_windows
                    raise ConfigError(
                        f"{self.table.where(chunk[long[0]])}: the text has more than the {self.limit} tokens that the "
                        f"model reads; without --strict it is {'read in windows' if windows else 'cut'}"
                    )
                self.cut += len(long)
                if long:
                    options = {"truncation": True, "max_length": self.limit}
            with named_rows(places):
                answers = list(self.answers(inputs, places, self.bar, **options))
            self.rows += len(chunk)
            yield [{**self._kept(row), **answer} for row, answer in zip(chunk, answers, strict=True)]

    def report(self) -> None:
        """Say on stderr what happened to texts and columns."""
        self.answers.report()
        if self.cut:
            cut = f"{self.cut:,} of {self.rows:,} texts were longer than {self.limit:,} tokens and were cut"
            print(cut, file=sys.stderr)
        if self.renamed:
            names = " and ".join(f"{name} -> input_{name}" for name in self.renamed)
            print(f"columns of the input renamed: {names}", file=sys.stderr)

    def _kept(self, row: Row) -> dict[str, Any]:
        new = self.answers.columns
        return {f"input_{name}" if name in new else name: value for name, value in row.values.items()}
