"""Fine-tuning in front of the user: the encoder learns the packaged reviews."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ferrobert.cli.demo import texts
from ferrobert.cli.demo.blocks import Block, Line
from ferrobert.cli.demo.sections import reviews

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["DEFAULTS", "EPOCHS", "LEARNING_RATE", "training"]

# 580 sentences are 37 steps an epoch: the usual 2e-5 for 3 epochs is made for thousands of steps and would hardly move
# this encoder, whose pooler has never been trained. Chosen on reviews by others, never on the 20 of the test.
EPOCHS = 5
LEARNING_RATE = 1e-4
DEFAULTS = {"epochs": EPOCHS, "learning_rate": LEARNING_RATE, "seed": 42}


def training(
    out: Console, folder: str, output_dir: Path, *, epochs: int, learning_rate: float, seed: int
) -> Iterator[Block]:
    """Fine-tune all weights of the encoder on the packaged reviews, and test the classifier on the other 20.

    Args:
        out: gets the loss of each epoch as it ends.
        folder: holds the encoder.
        output_dir: gets the classifier.
        epochs, learning_rate, seed: see `ferrobert.finetune`.
    """
    from ferrobert.tables import Table
    from ferrobert.training import finetune

    rows = sum(1 for _ in Table(texts.TRAIN))
    yield Line(
        f"{rows} sentences about films, food, gadgets, hotels and books, half of them positive. All weights learn: "
        f"{epochs} epochs, learning rate {learning_rate:g} (10 % warm-up, then linear), batch 16, AdamW, clip 1.0, "
        f"seed {seed}."
    )
    started = time.perf_counter()
    classifier = finetune(
        "text-classification",
        folder,
        texts.TRAIN,
        output_dir=output_dir,
        epochs=epochs,
        learning_rate=learning_rate,
        seed=seed,
        checkpoints=False,
        overwrite=True,
        progress=out,
    )
    report = json.loads((output_dir / "training_report.json").read_text(encoding="utf-8"))
    losses = ", ".join(f"{epoch['loss']:.3f}" for epoch in report["history"])
    yield Line(f"Trained on {report['device']} in {time.perf_counter() - started:.0f} s; loss by epoch: {losses}.")
    yield from reviews(classifier)
