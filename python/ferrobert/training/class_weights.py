"""Weights of labels of unequal frequency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.errors import ConfigError


def class_weights(
    class_weight: str | Mapping[Any, float] | None, names: Sequence[str], ids: NDArray[np.int64]
) -> torch.Tensor | None:
    """The weight of each label in the loss, ``(labels,)``.

    Args:
        class_weight: "balanced", a weight for each label by name or number, or ``None`` for none.
        names: the labels in the order of their ids.
        ids: the label ids that are trained on, ``(n,)``.

    Raises:
        ConfigError: another value; a label without weight; a weight that is not positive.
    """
    if class_weight is None:
        return None
    if class_weight == "balanced":
        counts = np.bincount(ids, minlength=len(names))
        # rows / (labels * rows of the label), as in scikit-learn; a label without rows is never weighted.
        return torch.tensor(len(ids) / (len(names) * np.maximum(counts, 1)), dtype=torch.float32)
    if not isinstance(class_weight, Mapping):
        raise ConfigError(f"class_weight must be 'balanced' or a weight for each label, got {class_weight!r}")
    found = {
        names[key] if isinstance(key, int) and str(key) not in names and 0 <= key < len(names) else str(key): weight
        for key, weight in class_weight.items()
    }
    if set(found) != set(names):
        raise ConfigError(f"class_weight must name each of the labels {list(names)}, names {list(found)}")
    if any(not weight > 0 for weight in found.values()):
        raise ConfigError(f"class_weight must hold positive numbers, got {dict(class_weight)!r}")
    return torch.tensor([float(found[name]) for name in names], dtype=torch.float32)
