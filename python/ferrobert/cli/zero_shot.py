"""``ferrobert zero-shot``: texts at the prompt, classified by labels of one's own."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ferrobert.cli.options import Backend, BatchTokens, Device, ModelOrDefault, console, open_pipeline, score_table


def zero_shot(
    texts: Annotated[list[str], typer.Argument(help="One or more texts.", metavar="TEXT...", show_default=False)],
    labels: Annotated[
        str,
        typer.Option("--labels", "-l", help="The labels to choose from, with commas between them.", show_default=False),
    ],
    model: ModelOrDefault = None,
    template: Annotated[str, typer.Option(help="The sentence that is made of a label.")] = "This example is {}.",
    multi_label: Annotated[
        bool, typer.Option("--multi-label", help="Judge each label alone: several may be true, or none.")
    ] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a text.")] = False,
    batch_tokens: BatchTokens = None,
    device: Device = None,
    backend: Backend = "torch",
) -> None:
    """Classify texts by labels of your own, with a model of natural language inference.

    Example: ferrobert zero-shot "Apple unveiled a phone." --labels technology,sports
    """
    pipe = open_pipeline("zero-shot-classification", model, device=device, batch_tokens=batch_tokens, backend=backend)
    results = pipe(list(texts), labels, hypothesis_template=template, multi_label=multi_label)
    if json_lines:
        for result in results:
            print(json.dumps(result, ensure_ascii=False))
        return
    from rich.markup import escape

    table = score_table("label")
    for result in results:
        for place, (label, score) in enumerate(zip(result["labels"], result["scores"], strict=True)):
            table.add_row(escape(label), f"{score:.4f}", escape(result["sequence"]) if not place else "")
    console().print(table)
