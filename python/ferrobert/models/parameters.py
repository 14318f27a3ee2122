"""How many parameters a model has, and how many of them learn."""

from __future__ import annotations

from typing import NamedTuple

import torch

__all__ = ["ParameterCounts", "count_parameters"]


class ParameterCounts(NamedTuple):
    """Parameters of a model.

    Attributes:
        total: all.
        trainable: those that learn.
    """

    total: int
    trainable: int


def count_parameters(model: torch.nn.Module) -> ParameterCounts:
    """Count the parameters of a model.

    Example:
        >>> count_parameters(torch.nn.Linear(3, 2))
        ParameterCounts(total=8, trainable=8)
    """
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return ParameterCounts(sum(size for size, _ in sizes), sum(size for size, learns in sizes if learns))
