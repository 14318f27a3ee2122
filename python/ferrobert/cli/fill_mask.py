"""``ferrobert fill-mask``: tokens for the masks of texts at the prompt."""

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


def fill_mask(
    texts: Annotated[
        list[str], typer.Argument(help="One or more texts with the model's mask token.", metavar="TEXT...")
    ],
    model: ModelOrDefault = None,
    top_k: Annotated[int, typer.Option(help="How many tokens to show for a mask.")] = 5,
    target: Targets = None,
    max_length: MaxLength = None,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a text.")] = False,
    device: Device = None,
    backend: Backend = "torch",
) -> None:
    """Fill the masks of texts given at the prompt.

    The mask token is [MASK] for BERT, DistilBERT, ALBERT and the model that
    ships, <mask> for RoBERTa.

    Example: ferrobert fill-mask "Paris is the [MASK] of France."
    """
    pipe = open_pipeline("fill-mask", model, device=device, backend=backend)
    options = {} if max_length is None else {"truncation": True, "max_length": max_length}
    # A tuple, as a list of one text would come back without its list.
    results = [lists_of(result) for result in pipe(tuple(texts), top_k=top_k, targets=target, **options)]
    if json_lines:
        for text, masks in zip(texts, results, strict=True):
            print(json.dumps({"text": text, "predictions": masks}, ensure_ascii=False))
        return
    from rich.markup import escape

    table = score_table("token")
    for masks in results:
        for predictions in masks:
            for one in predictions:
                table.add_row(escape(one["token_str"].strip()), f"{one['score']:.4f}", escape(one["sequence"]))
    console().print(table)


def lists_of(result: list[Any]) -> list[list[dict[str, Any]]]:
    """One list of predictions for each mask, also where a text has one mask."""
    return result if isinstance(result[0], list) else [result]
