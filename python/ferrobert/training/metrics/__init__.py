"""Measures of predictions against truth.

`accuracy`, `f1` and `matthews` for one label a row, `entity_f1` and `entity_errors` for entities. The first argument is
always the truth.
"""

from ferrobert.training.metrics.classification import AVERAGES, ClassScores, Confusion, accuracy, f1, matthews
from ferrobert.training.metrics.entity_errors import (
    EntityErrors,
    ErrorCounts,
    ErrorExample,
    TypeConfusion,
    entity_errors,
)
from ferrobert.training.metrics.entity_f1 import EntityCounts, entity_f1

__all__ = [
    "AVERAGES",
    "ClassScores",
    "Confusion",
    "EntityCounts",
    "EntityErrors",
    "ErrorCounts",
    "ErrorExample",
    "TypeConfusion",
    "accuracy",
    "entity_errors",
    "entity_f1",
    "f1",
    "matthews",
]
