"""``ferrobert evaluate --task ner``: whole entities found, and the errors behind the scores with their text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from ferrobert.cli.options import TableBar, columns_of, console
from ferrobert.cli.sources import named_rows
from ferrobert.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ferrobert.tables import Row, Table
    from ferrobert.training.tagged_rows import TagColumns

# Rows read, tagged and counted at a time.
CHUNK = 1024
MODES = ("strict", "default")
WORD = re.compile(r"\S+")

# A sentence: its words, their true tags, those of the model.
Sentence = tuple[list[str], list[str], list[str]]
Span = tuple[int, int, str]


def evaluate_entities(
    table: Table,
    open_pipe: Callable[[], Any],
    columns: TagColumns,
    *,
    mode: str,
    scheme: str | None,
    strategy: str | None,
    constrained: bool,
    errors: int,
    json_lines: bool,
) -> None:
    """Measure a model on a table of words with tags, or of texts with spans, and print what was found.

    Entities of texts count as found where type, first and last character are right. Memory is bounded by the rows of a
    chunk and the number of different errors.

    Args:
        table: the file.
        open_pipe: loads the pipeline, once the options are checked.
        columns: names of its columns.
        mode: "strict" or "default", see `ferrobert.metrics.entity_f1`.
        scheme: of the file's tags, where it is not the model's.
        strategy: how tokens of texts make entities.
        constrained: whether the model's labels are those that its scheme allows.
        errors: how many of the worst errors to list.
        json_lines: print one JSON object.

    Raises:
        ConfigError: an option that is not allowed.
        DataError, AlignmentError: a row that cannot be read, a tag that the model does not have; no rows.
    """
    from ferrobert.labels.vocabulary import scheme_of
    from ferrobert.training.metrics import EntityCounts, ErrorCounts
    from ferrobert.training.tag_schemes import scheme_of_labels

    if mode not in MODES:
        raise ConfigError(f"--mode must be {' or '.join(MODES)}, got {mode!r}")
    of_words = columns_of(table, columns.tokens, columns.text) == columns.tokens
    table.require(columns.tags if of_words else columns.spans)
    if of_words and strategy is not None:
        raise ConfigError("--aggregation-strategy makes entities of texts; the file holds tokens, which get a tag each")
    if scheme is not None:
        scheme = scheme_of(scheme, "--scheme")
        if not of_words:
            raise ConfigError("--scheme is that of tags; the file holds texts with spans")
    pipe = open_pipe()
    own = scheme_of_labels(pipe.labels)
    # Entities of texts are compared as BIO tags of the pieces that spans cut a text into.
    counted = own if of_words else "BIO"
    if scheme not in (None, own) and (scheme, own) != ("IOB1", "BIO"):
        raise ConfigError(f"--scheme {scheme}: the labels of the model are {own}; only IOB1 can be read as BIO")
    counts = EntityCounts(mode=mode, scheme=counted)
    worst = ErrorCounts(mode=mode, scheme=counted)
    with TableBar(table, "evaluating") as bar:
        for chunk in bar.chunks(CHUNK):
            if of_words:
                sentences = _tagged(table, chunk, pipe, columns, scheme if scheme != own else None, constrained, bar)
            else:
                sentences = _in_pieces(table, chunk, pipe, columns, strategy or "first", constrained, bar)
            words, true, predicted = (list(part) for part in zip(*sentences, strict=True))
            counts.add(true, predicted)
            worst.add(true, predicted, words)
    if not counts.rows:
        raise DataError(f"{table.path} has no rows to evaluate on")
    scores, found = counts.scores(), worst.worst(errors)
    if json_lines:
        print(json.dumps({"rows": counts.rows, "mode": mode, **scores, "errors": asdict(found)}, ensure_ascii=False))
    else:
        _print_tables(scores, found if errors else None, counts.rows)


def _tagged(
    table: Table,
    rows: Sequence[Row],
    pipe: Any,
    columns: TagColumns,
    source: str | None,
    constrained: bool,
    bar: TableBar,
) -> Iterable[Sentence]:
    """Sentences of rows of words; tags in the scheme ``source`` are converted to BIO."""
    from ferrobert.labels import convert_scheme
    from ferrobert.training.tagged_rows import words_and_tags

    known = pipe.labels
    words, true = [], []
    for row in rows:
        place_of = partial(table.where_word, row)
        sentence, tags = words_and_tags(row.values, columns, table.where(row), place_of, known)
        if source is not None:
            tags = convert_scheme(tags, source=source, target="BIO") if tags else []
        for position, tag in enumerate(tags):
            if tag not in known:
                told = ", ".join(map(repr, known))
                raise DataError(
                    f"{table.where_word(row, position)}: unknown tag {tag!r}; the model's labels are {told}"
                )
        words.append(sentence)
        true.append(tags)
    return zip(words, true, pipe.word_labels(words, constrained=constrained, progress=bar), strict=True)


def _in_pieces(
    table: Table,
    rows: Sequence[Row],
    pipe: Any,
    columns: TagColumns,
    strategy: str,
    constrained: bool,
    bar: TableBar,
) -> Iterator[Sentence]:
    """Texts of rows, cut into words and at the ends of true and predicted entities."""
    from ferrobert.training.tagged_rows import text_and_spans

    types = {label[2:] for label in pipe.labels if label[1:2] == "-"}
    texts, true = [], []
    for row in rows:
        text, spans = text_and_spans(row.values, columns, table.where(row))
        for number, (_, _, label) in enumerate(spans):
            if label not in types:
                told = ", ".join(map(repr, sorted(types)))
                raise DataError(f"{table.where(row)}, span {number}: unknown type {label!r}; the model's are {told}")
        texts.append(text)
        true.append(spans)
    with named_rows([table.where(row) for row in rows]):
        found = pipe(texts, aggregation_strategy=strategy, constrained=constrained, progress=bar)
    for text, spans, entities in zip(texts, true, found, strict=True):
        predicted = [(one["start"], one["end"], one["entity_group"]) for one in entities]
        pieces = _pieces(text, [*spans, *predicted])
        yield [text[start:end] for start, end in pieces], _tags(pieces, spans), _tags(pieces, predicted)


def _pieces(text: str, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """The words of a text, cut where spans begin and end."""
    cuts = sorted({place for start, end, _ in spans for place in (start, end)})
    pieces = []
    at = 0
    for word in WORD.finditer(text):
        start, end = word.span()
        while at < len(cuts) and cuts[at] <= start:
            at += 1
        while at < len(cuts) and cuts[at] < end:
            pieces.append((start, cuts[at]))
            start = cuts[at]
            at += 1
        pieces.append((start, end))
    return pieces


def _tags(pieces: Sequence[tuple[int, int]], spans: Iterable[Span]) -> list[str]:
    """The tag of each piece, in BIO."""
    tags = ["O"] * len(pieces)
    at = 0
    for start, end, label in sorted(spans):
        while at < len(pieces) and pieces[at][0] < start:
            at += 1
        first = at
        while at < len(pieces) and pieces[at][1] <= end:
            tags[at] = f"{'B' if at == first else 'I'}-{label}"
            at += 1
    return tags


def _print_tables(scores: dict[str, Any], errors: Any, rows: int) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table as RichTable

    out = console()
    out.print(
        f"[bold]F1 {scores['f1']:.4f}[/bold]   precision {scores['precision']:.4f}   recall {scores['recall']:.4f}   "
        f"macro F1 {scores['macro_f1']:.4f}   {scores['support']:,} entities in {rows:,} rows"
    )
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("type")
    for name in ("precision", "recall", "F1", "entities"):
        table.add_column(name, justify="right")
    for label, one in scores["per_type"].items():
        table.add_row(
            escape(label), f"{one['precision']:.4f}", f"{one['recall']:.4f}", f"{one['f1']:.4f}", f"{one['support']:,}"
        )
    out.print(table)
    if errors is not None:
        out.print(errors)
