"""The options of decoding, checked, and the decoder that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ferrobert import _core
from ferrobert.errors import ConfigError, DecodeError

__all__ = ["STRATEGIES", "DecodingOptions", "decoder_of", "options_of", "strategy_of"]

STRATEGIES = ("none", "simple", "first", "average", "max")


class DecodingOptions(NamedTuple):
    """How logits become entities."""

    labels: tuple[str, ...]
    """Names of the labels in the order of the logits."""
    ignore_labels: tuple[str, ...]
    strategy: str
    constrained: bool


def options_of(
    id2label: Mapping[Any, str] | Sequence[str], strategy: Any, constrained: bool, ignore_labels: Iterable[str] | None
) -> DecodingOptions:
    """Checked options.

    Raises:
        ConfigError: a strategy that there is not; ``constrained`` that is no bool.
        DecodeError: ``id2label`` does not name 0, 1, 2, ...
    """
    if not isinstance(constrained, bool):
        raise ConfigError(f"constrained must be True or False, got {constrained!r}")
    if ignore_labels is None:
        ignore_labels = ("O",)
    ignored = (ignore_labels,) if isinstance(ignore_labels, str) else tuple(map(str, ignore_labels))
    return DecodingOptions(_labels(id2label), ignored, strategy_of(strategy), constrained)


def strategy_of(strategy: Any) -> str:
    """The name of a strategy, a ``str`` in any case or transformers' enumeration; ConfigError where it is none."""
    name = str(getattr(strategy, "value", strategy)).lower()
    if name not in STRATEGIES:
        raise ConfigError(f"aggregation_strategy must be one of {', '.join(map(repr, STRATEGIES))}, got {strategy!r}")
    return name


def _labels(id2label: Mapping[Any, str] | Sequence[str]) -> tuple[str, ...]:
    if isinstance(id2label, str) or not isinstance(id2label, (Mapping, list, tuple)):
        raise DecodeError(f"id2label must be a dict of names by id, or a list of names, got {type(id2label).__name__}")
    if not isinstance(id2label, Mapping):
        return tuple(map(str, id2label))
    try:
        # Keys of JSON are strings.
        names = {int(key): str(name) for key, name in id2label.items()}
        return tuple(names[number] for number in range(len(id2label)))
    except (KeyError, ValueError, TypeError):
        keys = ", ".join(map(repr, list(id2label)[:8]))
        raise DecodeError(
            f"the keys of id2label must be 0 to {len(id2label) - 1}, each once; they are {keys}"
        ) from None


@lru_cache(maxsize=64)
def decoder_of(options: DecodingOptions) -> _core.EntityDecoder:
    """The core's decoder of these options."""
    return _core.EntityDecoder(options.labels, options.ignore_labels, options.strategy, options.constrained)
