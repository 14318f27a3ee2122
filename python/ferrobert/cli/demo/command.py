"""The command ``ferrobert demo``."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrobert.cli.demo.blocks import Section
from ferrobert.cli.demo.models import ABOUT, machine, open_model
from ferrobert.cli.demo.page import page
from ferrobert.cli.demo.sections import sections
from ferrobert.cli.demo.speeds import jobs, speeds
from ferrobert.cli.demo.terminal import heading, show
from ferrobert.cli.demo.training import DEFAULTS, LEARNING_RATE, training
from ferrobert.cli.options import console
from ferrobert.errors import ConfigError
from ferrobert.files import check_writable, write_file
from ferrobert.inputs import check_count, encodable
from ferrobert.models.encoder import encoder_folder

if TYPE_CHECKING:
    from rich.console import Console

REPORT = "report.html"


def demo(
    text: Annotated[
        list[str] | None, typer.Option("--text", "-t", help="Also classify this text of yours; can be repeated.")
    ] = None,
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Folder for report.html and, with --train, the trained model.")
    ] = Path("ferrobert-demo"),
    train: Annotated[
        bool, typer.Option("--train", help="Also fine-tune a classifier on packaged reviews: a minute more.")
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(help="With --train: passes over the training sentences; 5 by default.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="With --train: highest learning rate; 0.0001 by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="With --train: seed of all random choices; 42 by default.")] = None,
) -> None:
    """Show what ferrobert does, here and as a page: report.html.

    Tokens, masks, sentiment, entities, answers, labels of your own, filled
    masks, sentences compared, speeds. Runs offline on the encoder from PyPI
    (all-MiniLM-L6-v2), in under a minute on two cores.
    """
    started = time.perf_counter()
    own = list(text or ())
    wanted = {"epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    settings = {name: value for name, value in wanted.items() if value is not None}
    check(own, output_dir, train=train, settings=settings)
    out = console()
    folder = str(encoder_folder())
    for line in ABOUT:
        show(out, line)
    done = []
    for number, section in enumerate(_sections(out, folder, own, output_dir if train else None, settings), start=1):
        heading(out, number, section.title)
        done.append(_shown(out, section))
    seconds = time.perf_counter() - started
    write_file(output_dir / REPORT, page(ABOUT, done, footer=f"{machine()}. Made in {seconds:.0f} s."))
    out.print()
    out.rule(style="dim")
    out.print(f"done in {seconds:.0f} s; all of it as a page: {output_dir / REPORT}", soft_wrap=True, markup=False)
    if train:
        out.print(f"the trained model is in {output_dir}", soft_wrap=True, markup=False)
    chosen = f" --model {shlex.quote(str(output_dir))}" if train else ""
    out.print(f'next:  ferrobert classify "your own text"{chosen}', soft_wrap=True, markup=False)
    out.print(f"       ferrobert predict your-file.csv{chosen}", soft_wrap=True, markup=False)


def check(own: Sequence[str], output_dir: Path, *, train: bool, settings: Mapping[str, Any]) -> None:
    """Refuse at once what would only fail after some work; the output folder is there afterwards.

    Raises:
        ConfigError: a text is empty; a setting of training without ``--train``, or one that is not allowed; the output
            folder is a file, or cannot be written to.
        UnicodeEncodeError: a text holds a lone surrogate.
    """
    if any(not one.strip() for one in own):
        raise ConfigError("--text is empty")
    encodable(("--text", one) for one in own)
    for name in settings:
        if not train:
            raise ConfigError(f"--{name.replace('_', '-')} goes with --train")
    for name, least in (("epochs", 1), ("seed", 0)):
        if name in settings:
            check_count(f"--{name}", settings[name], least)
    if not 0.0 < settings.get("learning_rate", LEARNING_RATE) < 1.0:
        raise ConfigError(f"--learning-rate must lie between 0 and 1, got {settings['learning_rate']!r}")
    if output_dir.exists() and not output_dir.is_dir():
        raise ConfigError(f"--output-dir {output_dir} is a file; it must be a folder")
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--output-dir {output_dir} cannot be made: {error.strerror or error}") from error
    check_writable(output_dir / REPORT, "--output-dir")


def _sections(
    out: Console, folder: str, own: Sequence[str], model_dir: Path | None, settings: Mapping[str, Any]
) -> Iterator[Section]:
    """All sections; each is prepared when it is asked for."""
    from ferrobert import AutoTokenizer

    def waiting(task: str) -> Any:
        with out.status(f"opening the model for {task}"):
            return open_model(task)

    yield from sections(AutoTokenizer.from_pretrained(folder), waiting, own)
    if model_dir is not None:
        learning = training(out, folder, model_dir, **{**DEFAULTS, **settings})
        yield Section("training", "Fine-tuning: is a review positive or negative?", learning)
    yield Section("speeds", "Speeds", speeds(jobs(folder)))


def _shown(out: Console, section: Section) -> Section:
    """Print each block as soon as it is computed; what was printed."""
    blocks = []
    for block in section.blocks:
        show(out, block)
        blocks.append(block)
    return replace(section, blocks=tuple(blocks))
