"""Scores that are as high as they are right: one temperature, fitted on validation rows, in the head's last layer.

Temperature scaling of Guo et al. 2017: logits are divided by the number that makes the labels most probable. Whoever
reads the saved model gets these scores, and the labels stay.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from scipy.optimize import minimize_scalar

from ferrobert.training.metrics import calibration_error
from ferrobert.training.rows import IGNORED, LabelledRows

#: The temperatures that are tried: where the scores say nothing of the labels, the best one is infinite.
BOUNDS = (0.1, 10.0)
#: Of fewer labels a temperature may do harm (measured in docs/training.md).
FEWEST = 100


def calibrate(model: Any, rows: LabelledRows, batch_size: int) -> dict[str, Any]:
    """Fit a temperature and divide the weights of the model's last layer by it.

    Args:
        model: a classifier of texts or of tokens; put into evaluation mode, changed in place.
        rows: labelled rows; of tokens those count that have a label.
        batch_size: rows of a batch.

    Returns:
        For the report: "labels" (their number), "temperature", and "before" and "after", the mean negative
        log-likelihood "nll" of the labels and the "calibration_error". Where the model is left as it was, "temperature"
        and "after" are ``None`` and "reason" says why.
    """
    count = int((rows.labels != IGNORED).sum())
    if count < FEWEST:
        return _left(count, f"fewer than {FEWEST} labels in validation")
    model.eval()
    layer = logits_layer(model, rows)
    if layer is None:
        return _left(count, f"the logits of {type(model).__name__} are not the output of a linear layer")
    logits, labels = labelled_logits(model, rows, batch_size)
    if not logits.isfinite().all():
        return _left(count, "the logits are not finite")
    before = measures(logits, labels)
    temperature = fit_temperature(logits, labels)
    if temperature is None:
        return _left(count, "every label is right: there is no error to learn from", before)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.div_(temperature)
    after = measures(logits / temperature, labels)
    return {"labels": count, "temperature": temperature, "before": before, "after": after, "reason": None}


def calibration_line(calibration: dict[str, Any]) -> str:
    """``temperature 1.64  calibration error 0.0712 -> 0.0190``, or why there is none."""
    if calibration["temperature"] is None:
        return f"scores are not calibrated: {calibration['reason']}"
    before, after = (calibration[key]["calibration_error"] for key in ("before", "after"))
    return f"temperature {calibration['temperature']:.2f}  calibration error {before:.4f} -> {after:.4f}"


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float | None:
    """The temperature in `BOUNDS` under which the labels are most probable.

    Args:
        logits: ``(rows, labels)``.
        labels: ids of the true labels, ``(rows,)``.

    Returns:
        The temperature, never one that is worse than 1; ``None`` where all predictions are right: lower would be
        better without end.
    """
    if bool((logits.argmax(dim=-1) == labels).all()):
        return None

    def nll(log_temperature: float) -> float:
        # Convex in 1 / temperature, so it has one minimum.
        return _nll(logits / math.exp(log_temperature), labels)

    low, high = map(math.log, BOUNDS)
    found = minimize_scalar(nll, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return math.exp(found.x) if found.fun < nll(0.0) else 1.0


def measures(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """How far the scores can be believed: "nll" and "calibration_error" of logits ``(rows, labels)``."""
    confidences, predicted = logits.softmax(dim=-1).max(dim=-1)
    error = calibration_error((predicted == labels).tolist(), confidences.clamp(max=1.0).tolist())
    return {"nll": _nll(logits, labels), "calibration_error": error}


def labelled_logits(model: Any, rows: LabelledRows, batch_size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of what has a label, float64 ``(labelled, labels)``, and the ids of its labels, ``(labelled,)``."""
    logits, labels = [], []
    for start in range(0, len(rows), batch_size):
        batch = rows.__getitems__(range(start, min(start + batch_size, len(rows))))
        of_batch = batch.pop("labels")
        there = of_batch != IGNORED
        logits.append(_forward(model, batch).cpu()[there].double())
        labels.append(of_batch[there])
    return torch.cat(logits), torch.cat(labels)


def logits_layer(model: Any, rows: LabelledRows) -> torch.nn.Linear | None:
    """The linear layer whose output is the model's logits; ``None`` where they are something else."""
    made: list[tuple[torch.nn.Linear, torch.Tensor]] = []
    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]
    hooks = [layer.register_forward_hook(lambda *call: made.append((call[0], call[2]))) for layer in layers]
    try:
        batch = rows[0]
        del batch["labels"]
        logits = _forward(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return next((layer for layer, output in made if output is logits), None)


@torch.no_grad()
def _forward(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    logits: torch.Tensor = model(**{name: value.to(model.device) for name, value in batch.items()}).logits
    return logits


def _nll(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return float(torch.nn.functional.cross_entropy(logits, labels))


def _left(count: int, reason: str, before: dict[str, float] | None = None) -> dict[str, Any]:
    return {"labels": count, "temperature": None, "before": before, "after": None, "reason": reason}
