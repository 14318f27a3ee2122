"""The masked-language-model heads of the families, run only on the positions that are read.

The projection onto the vocabulary costs more than all layers of a small encoder, and transformers makes it for every
position. As each head acts on one position at a time, it can be given those of the masks alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any

import torch

from ferrobert.errors import CheckpointError
from ferrobert.models.checkpoint import MASKED_LM
from ferrobert.models.unpadded import changed_forward

__all__ = ["masked_head", "masked_logits", "vocabulary_logits"]

# Positions whose logits are held at once: 512 x 30,522 floats are 60 MB.
HEAD_ROWS = 512

# By the model_type of config.json: the parts of the head in the order in which the hidden states pass them.
HEADS: dict[str, tuple[str, ...]] = {
    "albert": ("predictions",),
    "bert": ("cls.predictions",),
    "camembert": ("lm_head",),
    "distilbert": ("vocab_transform", "activation", "vocab_layer_norm", "vocab_projector"),
    "electra": ("generator_predictions", "generator_lm_head"),
    "roberta": ("lm_head",),
    "xlm-roberta": ("lm_head",),
}


def masked_logits(model: Any, tensors: Mapping[str, torch.Tensor], at: torch.Tensor) -> Iterator[torch.Tensor]:
    """Logits of the vocabulary at some positions of a batch, in parts.

    Args:
        model: a masked-language model of transformers. Of a family that is not in `HEADS`, of a wrapped model (PEFT),
            and of one with a forward or hooks of its own, all positions are computed.
        tensors: the model's inputs, each ``(batch, longest)``.
        at: which positions to read, bool ``(batch, longest)``.

    Returns:
        An iterator of ``(up to 512, vocabulary)`` in the model's precision: the positions row by row, from left to
        right. The encoder has run; the head runs for each part.

    Raises:
        CheckpointError: the model has no masked-language-model head.
    """
    head = masked_head(model)
    if head is None:
        output = model(**tensors)
        if not hasattr(output, "logits"):
            raise _no_head(model)
        return iter(torch.split(output.logits[at], HEAD_ROWS))
    return vocabulary_logits(model, model.base_model(**tensors, return_dict=True).last_hidden_state[at])


def vocabulary_logits(model: Any, hidden: torch.Tensor) -> Iterator[torch.Tensor]:
    """Logits of the vocabulary of hidden states, in parts.

    Args:
        model: a masked-language model of a family in `HEADS`.
        hidden: ``(positions, hidden size)``.

    Returns:
        An iterator of ``(up to 512, vocabulary)`` in the model's precision; the head runs for each part.

    Raises:
        CheckpointError: the model has no masked-language-model head.
    """
    head = masked_head(model)
    if head is None:
        raise _no_head(model)
    return map(head, torch.split(hidden, HEAD_ROWS))


def masked_head(model: Any) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """The part of a model that turns hidden states ``(n, hidden size)`` into logits ``(n, vocabulary)``.

    ``None`` for a family that is not in `HEADS`, for a wrapped model (PEFT), and where the way through the model is
    another than transformers' own: a class of one's own, hooks.

    Raises:
        CheckpointError: the model has no masked-language-model head.
    """
    from transformers import PreTrainedModel

    names = HEADS.get(model.config.model_type) if isinstance(model, PreTrainedModel) else None
    if names is None or changed_forward(model):
        return None
    try:
        parts = [attrgetter(name)(model) for name in names]
    except AttributeError:
        raise _no_head(model) from None

    def head(hidden: torch.Tensor) -> torch.Tensor:
        for part in parts:
            hidden = part(hidden)
        return hidden

    return head


def _no_head(model: Any) -> CheckpointError:
    return CheckpointError(f"{type(model).__name__} has no {MASKED_LM.name}; {MASKED_LM.advice}")
