"""What a pretraining run gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PretrainingResult:
    """A pretrained model and how good it is.

    Attributes:
        model_dir: the folder with model and tokenizer, which ``fb.pipeline("fill-mask")`` and transformers load.
        log: losses and evaluations, a JSON object a line.
        curve: the picture of the losses; ``None`` where it is not drawn.
        report: settings, counts, times and the final metrics as JSON.
        adapter: the folder of the LoRA adapter; ``None`` for a run without ``lora``.
        metrics: of the last evaluation: ``held_out_mlm_loss``, ``held_out_mlm_accuracy``, ``held_out_nsp_loss``,
            ``held_out_nsp_accuracy``; ``unigram_loss``, what token frequencies alone would lose, and
            ``majority_nsp_accuracy``, what always giving the more frequent label would reach; empty without held-out
            documents.
        steps: optimizer steps.
        tokens: tokens of the training rows, those of one epoch.
    """

    model_dir: Path
    log: Path
    curve: Path | None
    report: Path
    adapter: Path | None
    metrics: Mapping[str, float]
    steps: int
    tokens: int
