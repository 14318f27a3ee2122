"""``ferrobert classify``: labels for texts at the prompt or in text files."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ferrobert.cli.options import Backend, Device, MaxLength, ModelOrDefault, console, open_pipeline, score_table
from ferrobert.cli.sources import Texts, read_sources
from ferrobert.errors import ConfigError


def classify(
    texts: Texts,
    model: ModelOrDefault = None,
    pair: Annotated[str | None, typer.Option(help="Second text, for a model of text pairs.")] = None,
    top_k: Annotated[int, typer.Option(help="How many labels to show; 0 shows all.")] = 1,
    max_length: MaxLength = None,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a text.")] = False,
    device: Device = None,
    backend: Backend = "torch",
) -> None:
    """Label texts; the rows of a file are labelled by ferrobert predict.

    Without --model they are POSITIVE and NEGATIVE.

    Example: ferrobert classify "A joy from start to finish."
    """
    if top_k < 0:
        raise ConfigError(f"--top-k must be 0 or more, got {top_k}")
    if pair is not None and len(texts) > 1:
        raise ConfigError(f"--pair goes with one text, got {len(texts)}")
    sources = read_sources(texts)
    pipe = open_pipeline("text-classification", model, device=device, backend=backend)
    inputs: list[Any] = [source.text for source in sources]
    if pair is not None:
        inputs = [{"text": inputs[0], "text_pair": pair}]
    options = {} if max_length is None else {"truncation": True, "max_length": max_length}
    results = pipe(inputs, top_k=top_k or None, **options)
    if json_lines:
        for source, labels in zip(sources, results, strict=True):
            print(json.dumps({**source.file, "text": source.text, "labels": labels}, ensure_ascii=False))
        return
    from rich.markup import escape

    table = score_table("label")
    for source, labels in zip(sources, results, strict=True):
        for place, result in enumerate(labels):
            table.add_row(escape(result["label"]), f"{result['score']:.4f}", escape(source.shown) if not place else "")
    console().print(table)
