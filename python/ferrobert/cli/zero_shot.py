"""``ferrobert zero-shot``: texts at the prompt or in text files, classified by labels of one's own."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ferrobert.cli.options import Backend, BatchTokens, Device, ModelOrDefault, console, open_pipeline, score_table
from ferrobert.cli.sources import Texts, read_sources


def zero_shot(
    texts: Texts,
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
    sources = read_sources(texts)
    pipe = open_pipeline("zero-shot-classification", model, device=device, batch_tokens=batch_tokens, backend=backend)
    results = pipe([source.text for source in sources], labels, hypothesis_template=template, multi_label=multi_label)
    if json_lines:
        for source, result in zip(sources, results, strict=True):
            print(json.dumps({**source.file, **result}, ensure_ascii=False))
        return
    from rich.markup import escape

    table = score_table("label")
    for source, result in zip(sources, results, strict=True):
        for place, (label, score) in enumerate(zip(result["labels"], result["scores"], strict=True)):
            table.add_row(escape(label), f"{score:.4f}", escape(source.shown) if not place else "")
    console().print(table)
