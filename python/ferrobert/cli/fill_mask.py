"""``ferrobert fill-mask``: tokens for the masks of texts at the prompt or in text files."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ferrobert.cli.options import (
    Backend,
    Device,
    MaxLength,
    ModelOrDefault,
    Targets,
    console,
    open_pipeline,
    score_table,
)
from ferrobert.cli.sources import Texts, read_sources


def fill_mask(
    texts: Texts,
    model: ModelOrDefault = None,
    top_k: Annotated[int, typer.Option(help="How many tokens to show for a mask.")] = 5,
    target: Targets = None,
    max_length: MaxLength = None,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a text.")] = False,
    device: Device = None,
    backend: Backend = "torch",
) -> None:
    """Fill the masks of texts.

    The mask token is [MASK] for BERT, DistilBERT, ALBERT and the model that
    ships, <mask> for RoBERTa.

    Example: ferrobert fill-mask "Paris is the [MASK] of France."
    """
    sources = read_sources(texts)
    pipe = open_pipeline("fill-mask", model, device=device, backend=backend)
    options = {} if max_length is None else {"truncation": True, "max_length": max_length}
    # A tuple, as a list of one text would come back without its list.
    inputs = tuple(source.text for source in sources)
    results = [lists_of(result) for result in pipe(inputs, top_k=top_k, targets=target, **options)]
    if json_lines:
        for source, masks in zip(sources, results, strict=True):
            print(json.dumps({**source.file, "text": source.text, "predictions": masks}, ensure_ascii=False))
        return
    from rich.markup import escape

    table = score_table("token")
    for masks in results:
        for predictions in masks:
            for one in predictions:
                table.add_row(escape(one["token_str"].strip()), shown_score(one["score"]), escape(one["sequence"]))
    console().print(table)


def shown_score(score: float) -> str:
    """A score of a table; of thousands of tokens most have one that four places would show as 0."""
    return f"{score:.4f}" if score >= 1e-4 else f"{score:.1e}"


def lists_of(result: list[Any]) -> list[list[dict[str, Any]]]:
    """One list of predictions for each mask, also where a text has one mask."""
    return result if isinstance(result[0], list) else [result]
