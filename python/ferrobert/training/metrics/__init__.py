"""Measures of predictions against truth.

`accuracy`, `f1` and `matthews` for one label a row, `calibration_error` for its score; `entity_f1` and `entity_errors`
for entities: the first argument is the truth. `squad` and `squad_breakdown` for answers, which take predictions first,
as the scripts of SQuAD do.
"""

from ferrobert.training.metrics.classification import (
    AVERAGES,
    ClassScores,
    Confusion,
    accuracy,
    calibration_error,
    f1,
    matthews,
)
from ferrobert.training.metrics.entity_errors import (
    EntityErrors,
    ErrorCounts,
    ErrorExample,
    TypeConfusion,
    entity_errors,
)
from ferrobert.training.metrics.entity_f1 import EntityCounts, entity_f1
from ferrobert.training.metrics.squad import squad, squad_breakdown

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
    "calibration_error",
    "entity_errors",
    "entity_f1",
    "f1",
    "matthews",
    "squad",
    "squad_breakdown",
]
