"""Loading models: safe by default, complete or refused; the tutorial's own classifier."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferrobert.models.classifier import BertClassifier

__all__ = ["BertClassifier"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name != "BertClassifier":
        raise AttributeError(f"module 'ferrobert.models' has no attribute {name!r}")
    from ferrobert.models.checkpoint import require_torch

    require_torch("BertClassifier")
    from ferrobert.models.classifier import BertClassifier

    return BertClassifier
