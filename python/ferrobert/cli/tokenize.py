"""``ferrobert tokenize``: the tokens of a text as a table, or of a file as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrobert.cli.options import Header, PairColumn, TableBar, TextColumn, console, split_columns
from ferrobert.errors import ConfigError
from ferrobert.models.encoder import encoder_folder

if TYPE_CHECKING:
    from rich.table import Table as RichTable

CHUNK = 1000
TOKEN_COLUMNS = ("token", "id", "type id", "characters", "word id")


def tokenize(
    text: Annotated[str | None, typer.Argument(help="The text.", show_default=False)] = None,
    text_pair: Annotated[str | None, typer.Argument(help="A second text, for a pair.", show_default=False)] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Tokenizer: a folder, a vocab.txt, a hub id; by default the demo encoder's."
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Tokenize a CSV, TSV, JSONL or Parquet file instead.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write .jsonl or .parquet instead of stdout.")
    ] = None,
    text_column: TextColumn = "text",
    text_pair_column: PairColumn = None,
    columns: Header = None,
    max_length: Annotated[int | None, typer.Option(help="Cut at this many tokens.")] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Show tokens, ids, character offsets and word ids.

    Example: ferrobert tokenize "The cat sat on the mat."
    """
    if (text is None) == (file is None):
        raise ConfigError("give a text or --file, one of the two")
    if output is not None and file is None:
        raise ConfigError("--output goes with --file")
    from ferrobert import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model or str(encoder_folder()))
    options: dict[str, Any] = {} if max_length is None else {"truncation": True, "max_length": max_length}
    if text is not None:
        [row] = encoded(tokenizer, [text], None if text_pair is None else [text_pair], options)
        if json_lines:
            print(json.dumps(row, ensure_ascii=False))
        else:
            console().print(token_table(row))
        return
    assert file is not None
    _tokenize_file(file, output, tokenizer, text_column, text_pair_column, columns, options)


def _tokenize_file(
    file: Path,
    output: Path | None,
    tokenizer: Any,
    text_column: str,
    pair_column: str | None,
    columns: str | None,
    options: dict[str, Any],
) -> None:
    from ferrobert.tables import Table, TableWriter

    table = Table(file, columns=split_columns(columns))
    table.require(text_column, pair_column)

    def rows(bar: TableBar) -> Iterator[list[dict[str, Any]]]:
        for chunk in bar.chunks(CHUNK):
            texts = [table.text_of(row, text_column) for row in chunk]
            pairs = None if pair_column is None else [table.text_of(row, pair_column) for row in chunk]
            yield encoded(tokenizer, texts, pairs, options)

    if output is None:
        with TableBar(table, "tokenizing", hidden=sys.stdout.isatty()) as bar:
            for chunk in rows(bar):
                for row in chunk:
                    print(json.dumps(row, ensure_ascii=False))
        return
    with TableBar(table, "tokenizing") as bar, TableWriter(output) as writer:
        for chunk in rows(bar):
            writer.write(chunk)


def encoded(tokenizer: Any, texts: list[Any], pairs: list[Any] | None, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Tokens, ids, type ids, offsets and word ids of each text (or list of words)."""
    encoding = tokenizer(texts, pairs, return_offsets_mapping=True, **options)
    sequences = [encoding.sequence_ids(row) for row in range(len(texts))]
    return [
        {
            "text": text,
            **({} if pairs is None else {"text_pair": pairs[row]}),
            "tokens": list(encoding.tokens(row)),
            "input_ids": [int(token) for token in encoding["input_ids"][row]],
            "token_type_ids": [0 if sequence is None else sequence for sequence in sequences[row]]
            if "token_type_ids" not in encoding
            else [int(kind) for kind in encoding["token_type_ids"][row]],
            "offsets": [[int(start), int(end)] for start, end in encoding["offset_mapping"][row]],
            "word_ids": [None if word is None else int(word) for word in encoding.word_ids(row)],
        }
        for row, text in enumerate(texts)
    ]


def token_cells(row: dict[str, Any]) -> list[tuple[str, ...]]:
    """What a table shows of each token of a row, as `TOKEN_COLUMNS` names it.

    Characters and words count anew in the second of a pair; special tokens have neither.
    """
    columns = (row["tokens"], row["input_ids"], row["token_type_ids"], row["offsets"], row["word_ids"])
    return [
        (token, str(token_id), str(kind), *(("", "") if word is None else (f"{start}:{end}", str(word))))
        for token, token_id, kind, (start, end), word in zip(*columns, strict=True)
    ]


def token_table(row: dict[str, Any]) -> RichTable:
    """The tokens of a row as a table, one line a token."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    first, *numbers = TOKEN_COLUMNS
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    for (token, *cells), word in zip(token_cells(row), row["word_ids"], strict=True):
        table.add_row(f"[dim]{escape(token)}[/dim]" if word is None else escape(token), *cells)
    return table
