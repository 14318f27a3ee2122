"""Options that several commands share, and where they write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrobert.errors import ConfigError
from ferrobert.pipelines.progress import RowBar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

    from ferrobert.tables import Row, Table

# peft's word for all linear layers but the head.
ALL_LINEAR = "all-linear"

Model = Annotated[str, typer.Option("--model", "-m", help="Model folder, or the id of a model on the hub.")]
ModelOrDefault = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Model folder, or the id of a model on the hub; by default the one that ships: MiniLM with an adapter for "
        "the task.",
        show_default=False,
    ),
]
TextColumn = Annotated[str, typer.Option(help="Column that holds the text.")]
PairColumn = Annotated[str | None, typer.Option(help="Column that holds the second text of a pair.")]
LabelColumn = Annotated[str, typer.Option(help="Column that holds the true label.")]
Header = Annotated[
    str | None, typer.Option("--columns", help="Column names, comma-separated, of a CSV or TSV without a header line.")
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...; by default the first GPU, else the CPU.")]
Backend = Annotated[str, typer.Option(help="What runs the model: torch, or onnx (onnxruntime).")]
BatchTokens = Annotated[int | None, typer.Option(help="Tokens of a batch; more is faster until memory ends.")]
Targets = Annotated[
    list[str] | None, typer.Option("--target", help="fill-mask: choose among these tokens (may be repeated).")
]
TokensColumn = Annotated[str, typer.Option(help="ner: column that holds lists of words; read where it is there.")]
TagsColumn = Annotated[str, typer.Option(help="ner: column that holds the true tags of the words.")]
SpansColumn = Annotated[str, typer.Option(help="ner: column that holds the true spans of a text.")]
QuestionColumn = Annotated[str, typer.Option(help="question-answering: column that holds the question.")]
ContextColumn = Annotated[str, typer.Option(help="question-answering: column that holds the text to answer from.")]
Impossible = Annotated[
    bool,
    typer.Option("--handle-impossible-answer", help="question-answering: answers may be empty, as the model says."),
]
NullThreshold = Annotated[
    float,
    typer.Option(
        "--null-score-diff-threshold",
        help="question-answering: how much more than the best answer no answer must be, where it may be.",
    ),
]
FileFormat = Annotated[
    str | None,
    typer.Option("--format", help="csv, tsv, jsonl, parquet, conll or squad; by default what the ending says."),
]
Strategy = Annotated[
    str | None,
    typer.Option(help="ner: how tokens of a text make entities: none, simple, first (the default), average, max."),
]
Constrained = Annotated[
    bool, typer.Option("--constrained", help="ner: choose the best labels among those that the scheme allows.")
]
Dropout = Annotated[
    float | None, typer.Option(help="Dropout while it learns, in place of the model's own; 0 is faster.")
]
LoraTargets = Annotated[
    list[str] | None,
    typer.Option(
        "--lora-target",
        help="LoRA: layers to add to, by name; all-linear for all (may be repeated); by default the attention's.",
    ),
]
MaxLength = Annotated[int | None, typer.Option(help="Cut texts at this many tokens.")]


def check_impossible(task: str, handle_impossible_answer: bool, null_score_diff_threshold: float) -> None:
    """Raise ConfigError where options of empty answers do not go with the task, or with each other."""
    if handle_impossible_answer and task != "question-answering":
        raise ConfigError(f"--handle-impossible-answer goes with --task question-answering, not with {task}")
    if null_score_diff_threshold and not handle_impossible_answer:
        raise ConfigError("--null-score-diff-threshold goes with --handle-impossible-answer")


def split_columns(columns: str | None) -> list[str] | None:
    """The names in a ``--columns`` option."""
    return None if columns is None else [name.strip() for name in columns.split(",")]


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def score_table(what: str) -> RichTable:
    """A table of results at the prompt: what was found, its score, the text."""
    from rich.table import Table as RichTable

    table = RichTable(box=None, pad_edge=False)
    table.add_column(what, no_wrap=True)
    table.add_column("score", justify="right")
    table.add_column("text", overflow="fold")
    return table


def open_pipeline(
    task: str, model: str | None, *, device: str | None = None, batch_tokens: int | None = None, backend: str = "torch"
) -> Any:
    """The pipeline of a command; without a model the default one, which is said on stderr.

    Raises:
        ConfigError: the model's name is empty; no model ships for the task.
    """
    from ferrobert.models.shipped import TASKS
    from ferrobert.pipelines import pipeline

    if model == "":
        raise ConfigError("--model is empty")
    if model is None and task not in TASKS:
        raise ConfigError(f"--task {task} needs --model: no model for it ships with ferrobert")
    return pipeline(task, model, device=device, batch_tokens=batch_tokens, backend=backend)


def pair_column_of(task: str, pair_column: str | None) -> str | None:
    """The column of second texts: what was asked for; "text_pair" where the task needs pairs."""
    return "text_pair" if pair_column is None and task == "next-sentence-prediction" else pair_column


def columns_of(table: Table, tokens_column: str, text_column: str) -> str:
    """The column that a tagger reads: of words where the table has it, else of texts.

    Raises:
        DataError: it has neither.
    """
    if tokens_column in table.columns or text_column not in table.columns:
        table.require(tokens_column)
        return tokens_column
    return text_column


class TableBar(RowBar):
    """A progress bar of the rows of a table; how many there are is told by how much of the file was read.

    Args:
        table: the table.
        title: what is done.
        hidden: show nothing.
    """

    def __init__(self, table: Table, title: str, *, hidden: bool = False) -> None:
        super().__init__(title, hidden=hidden)
        self.table = table

    def chunks(self, size: int, characters: int | None = None) -> Iterator[list[Row]]:
        """The rows of the table in consecutive lists, each done when the next one is asked for; see `tables.chunks`."""
        from ferrobert.tables import chunks

        rows = 0
        for chunk in chunks(self.table, size, characters):
            rows += len(chunk)
            share = self.table.share_read()
            if share:
                self.expect(rows / share)
            yield chunk
            self.reach(rows)


def lora_settings(rank: int | None, targets: list[str] | None) -> int | dict[str, Any] | None:
    """LoRA's settings from ``--lora`` and ``--lora-target``; its scale is twice the rank, as for a rank alone.

    Raises:
        ConfigError: targets without a rank, or ``all-linear`` beside names.
    """
    if targets is None:
        return rank
    if rank is None:
        raise ConfigError("--lora-target goes with --lora RANK")
    if ALL_LINEAR in targets and len(targets) > 1:
        raise ConfigError(f"--lora-target {ALL_LINEAR} takes all layers, no name goes with it: {', '.join(targets)}")
    return {"r": rank, "lora_alpha": 2 * rank, "target_modules": ALL_LINEAR if ALL_LINEAR in targets else targets}
