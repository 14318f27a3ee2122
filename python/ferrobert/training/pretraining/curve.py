"""The loss curve as a picture, drawn from the log."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ferrobert.errors import MissingDependencyError
from ferrobert.training.pretraining.baseline import Baselines
from ferrobert.training.pretraining.files import write_bytes

CURVE = "loss_curve.png"
WIDTH_INCHES = 8.0
PANEL_INCHES = 3.4
DOTS_PER_INCH = 150
INK = "#1f2328"
GREY = "#8b949e"
TRAINING = "#9db9d6"
HELD_OUT = "#e8590c"
ACCURACY = "#2a9d8f"
CHANCE = 0.5


def can_draw(wanted: bool | None) -> bool:
    """Whether to draw: ``None`` where matplotlib is installed.

    Raises:
        MissingDependencyError: it was asked for, and matplotlib is not installed.
    """
    installed = importlib.util.find_spec("matplotlib") is not None
    if wanted and not installed:
        raise MissingDependencyError('curve=True needs matplotlib: pip install "ferrobert[plot]"')
    return installed if wanted is None else wanted


def draw(path: Path, records: Sequence[dict[str, float]], baselines: Baselines | None, title: str) -> None:
    """Draw the losses, and below them the accuracies on held-out text, over the steps.

    Args:
        path: the PNG, written beside and renamed.
        records: lines of the log.
        baselines: drawn as lines.
        title: what was trained.
    """
    from matplotlib.figure import Figure

    evaluations = [record for record in records if "held_out_mlm_loss" in record]
    figure = Figure(figsize=(WIDTH_INCHES, PANEL_INCHES * (2 if evaluations else 1)), dpi=DOTS_PER_INCH)
    panels = figure.subplots(2 if evaluations else 1, 1, sharex=True, squeeze=False)[:, 0]
    _losses(panels[0], [record for record in records if "loss" in record], evaluations, baselines)
    panels[0].set_title(title, fontsize=11, fontweight="bold", color=INK, loc="left")
    if evaluations:
        _accuracies(panels[1], evaluations, baselines)
    for panel in panels:
        panel.grid(color=GREY, alpha=0.25, linewidth=0.6)
        panel.tick_params(labelsize=8, colors=INK, length=0)
        panel.margins(x=0.01)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    panels[-1].set_xlabel("optimizer step", fontsize=9, color=INK)
    figure.tight_layout()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    write_bytes(path, file.getvalue())


def _losses(
    panel: Any, training: list[dict[str, float]], evaluations: list[dict[str, float]], baselines: Baselines | None
) -> None:
    steps = [record["step"] for record in training]
    losses = [record.get("mlm_loss", record["loss"]) for record in training]
    panel.plot(steps, losses, color=TRAINING, linewidth=1.2, label="masked tokens, training")
    if evaluations:
        _line(panel, evaluations, "held_out_mlm_loss", HELD_OUT, "masked tokens, held-out")
    if any("held_out_nsp_loss" in record for record in evaluations):
        _line(panel, evaluations, "held_out_nsp_loss", ACCURACY, "sentence pairs, held-out")
    if baselines is not None:
        label = f"masked tokens, by token frequencies alone ({baselines.unigram_loss:.3f})"
        panel.axhline(baselines.unigram_loss, color=GREY, linewidth=1, linestyle="--", label=label)
    panel.set_ylim(bottom=0)
    panel.set_ylabel("loss (nats)", fontsize=9, color=INK)
    panel.legend(fontsize=8, frameon=False, loc="center left")


def _accuracies(panel: Any, evaluations: list[dict[str, float]], baselines: Baselines | None) -> None:
    _line(panel, evaluations, "held_out_mlm_accuracy", HELD_OUT, "masked tokens")
    if any("held_out_nsp_accuracy" in record for record in evaluations):
        _line(panel, evaluations, "held_out_nsp_accuracy", ACCURACY, "sentence pairs")
        panel.axhline(CHANCE, color=GREY, linewidth=1, linestyle="--", label="sentence pairs, by chance (0.500)")
    if baselines is not None and baselines.pair_share is not None:
        label = f"sentence pairs, always the more frequent label ({baselines.pair_share:.3f})"
        panel.axhline(baselines.pair_share, color=ACCURACY, linewidth=1, linestyle=":", label=label)
    panel.set_ylim(0, 1)
    panel.set_ylabel("held-out accuracy", fontsize=9, color=INK)
    panel.legend(fontsize=8, frameon=False, loc="upper left")


def _line(panel: Any, records: list[dict[str, float]], name: str, color: str, label: str) -> None:
    told = [record for record in records if name in record]
    values = [record[name] for record in told]
    panel.plot([record["step"] for record in told], values, color=color, linewidth=1.8, marker="o", markersize=3,
               label=f"{label} ({values[-1]:.3f})")  # fmt: skip
