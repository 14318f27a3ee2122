"""``ferrobert models``: the checkpoints that people start with, how large they are, how fast they run here."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from ferrobert.cli.options import Device, console
from ferrobert.errors import ConfigError


def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Model folders or ids on the hub; by default the five.", metavar="MODEL..."),
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Also time them, and weigh their memory: a minute.")
    ] = False,
    rounds: Annotated[int, typer.Option(help="Rounds in turns of --measure.", min=1)] = 5,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a model.")] = False,
    device: Device = None,
) -> None:
    """Show layers, width and exact parameters of BERT, DistilBERT, RoBERTa and ALBERT.

    Parameters are those of the encoder; "frozen" is what still learns of a
    classifier of two labels whose encoder is frozen. Nothing is downloaded
    for the five. --measure makes models with random weights and times
    batches of 8 rows of 128 tokens, in float32, in turns; memory is what a
    process takes more at its peak.

    Example: ferrobert models --measure
    """
    from ferrobert.models.families import PUBLISHED, model_size

    chosen = list(dict.fromkeys(names or PUBLISHED))
    sizes = [model_size(name) for name in chosen]
    if device is not None and not measure:
        raise ConfigError("--device goes with --measure")
    measured: dict[str, Any] = {}
    if measure:
        from ferrobert.models.measuring import measure as measure_models
        from ferrobert.pipelines.device import find_device

        measured = measure_models(chosen, device=find_device(device), rounds=rounds)
    if json_lines:
        for size in sizes:
            more = {"measured": asdict(measured[size.name])} if measured else {}
            print(json.dumps({**asdict(size), **more}))
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", overflow="fold")
    for heading in ("layers", "hidden", "heads", "parameters", "frozen"):
        table.add_column(heading, justify="right", no_wrap=True)
    for size in sizes:
        cells = (size.layers, size.hidden_size, size.heads, size.parameters, size.head_parameters)
        table.add_row(escape(size.name), *(f"{cell:,}" for cell in cells))
    console().print(table)
    if not measured:
        return
    times = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    times.add_column("model", overflow="fold")
    for heading in ("rows/s", f"speed, {chosen[0]} = 1", "memory, MiB"):
        times.add_column(heading, justify="right")
    for name, one in measured.items():
        speed = f"{one.speed.median:.2f} ({one.speed.low:.2f} to {one.speed.high:.2f})"
        times.add_row(
            escape(name), f"{one.rows_per_second:,.1f}", speed, "" if one.memory is None else f"{one.memory:,.0f}"
        )
    console().print(times)
