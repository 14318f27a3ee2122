"""``ferrobert ner``: entities of texts at the prompt or in text files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ferrobert.cli.options import Backend, BatchTokens, Device, ModelOrDefault, open_pipeline
from ferrobert.cli.sources import Texts, read_sources
from ferrobert.files import check_target, write_file


def ner(
    texts: Texts,
    model: ModelOrDefault = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the entities in colour to this file.")] = None,
    aggregation_strategy: Annotated[
        str, typer.Option(help="How subwords make entities: none, simple (may split words), first, average or max.")
    ] = "first",
    constrained: Annotated[
        bool, typer.Option("--constrained", help="Choose the best labels among those that the scheme allows.")
    ] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a text.")] = False,
    batch_tokens: BatchTokens = None,
    device: Device = None,
    backend: Backend = "torch",
) -> None:
    """Mark the entities of texts: people, organisations, places, or whatever the model was trained on.

    Where the output is no terminal, or NO_COLOR is set, entities stand in brackets: [Tesla ORG].

    Example: ferrobert ner article.txt --html out.html
    """
    from ferrobert.render import entities_page, render_entities

    if html is not None:
        check_target(html)
    sources = read_sources(texts)
    pipe = open_pipeline("token-classification", model, device=device, batch_tokens=batch_tokens, backend=backend)
    results: list[list[dict[str, Any]]] = pipe(
        [source.text for source in sources], aggregation_strategy=aggregation_strategy, constrained=constrained
    )
    found = list(zip(sources, results, strict=True))
    if json_lines:
        for source, entities in found:
            line = {**source.file, "text": source.text, "entities": [dict(one) for one in entities]}
            # Scores are numpy's floats in some pipelines.
            print(json.dumps(line, ensure_ascii=False, default=float))
    if html is not None:
        # One text needs no second heading.
        [first, *more] = sources
        title = first.name if first.name is not None and not more else "Entities"
        pages = [(source.name if more else None, source.text, entities) for source, entities in found]
        write_file(html, entities_page(pages, title=title, overlap="cut"))
        count = sum(len(entities) for entities in results)
        print(f"wrote {html} ({count:,} {'entity' if count == 1 else 'entities'})", file=sys.stderr)
    elif not json_lines:
        for number, (source, entities) in enumerate(found):
            if number:
                print()
            if source.name is not None and len(found) > 1:
                print(f"{source.name}:")
            print(render_entities(source.text, entities, format="ansi", color=None, overlap="cut").rstrip("\n"))
