"""The loss: sums over masked tokens and pairs, so that any split of a batch adds up to the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ferrobert.masking.rows import IGNORED
from ferrobert.models.masked_lm import masked_head


class PretrainingLoss(nn.Module):
    """A model whose forward pass gives sums of losses and counts.

    The projection onto the vocabulary, the largest matrix of a small model, is made at masked positions alone.

    Args:
        model: a model of transformers with a masked-language-model head, and with a next-sentence head where batches
            have ``next_sentence_label``.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self._reads_types = "token_type_ids" in inspect.signature(model.base_model.forward).parameters

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        token_type_ids: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Sums over a batch.

        Args:
            input_ids, attention_mask, token_type_ids: ``(batch, seq_len)``.
            labels: ``(batch, seq_len)``, the id that was masked, -100 elsewhere.
            next_sentence_label: ``(batch,)``, 0 where B follows A.

        Returns:
            ``mlm_sum`` and ``mlm_count``, with labels ``nsp_sum`` and ``nsp_count``, and in evaluation mode
            ``mlm_correct`` and ``nsp_correct``: one number each.
        """
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None and self._reads_types:
            inputs["token_type_ids"] = token_type_ids
        masked = labels != IGNORED
        wanted = labels[masked]  # (masked,)
        head = masked_head(self.model)
        if head is None:
            outputs = self.model(**inputs)
            logits = outputs.logits[masked]  # (masked, vocabulary)
            encoded = outputs
        else:
            encoded = self.model.base_model(**inputs)
            logits = head(encoded.last_hidden_state[masked])
        sums = _sums("mlm", logits, wanted, count_correct=not self.training)
        if next_sentence_label is not None:
            pair_logits = pair_head(self.model)(encoded.pooler_output)  # (batch, 2)
            sums |= _sums("nsp", pair_logits, next_sentence_label, count_correct=not self.training)
        return sums


def _sums(name: str, logits: Tensor, wanted: Tensor, *, count_correct: bool) -> dict[str, Tensor]:
    found = {
        f"{name}_sum": cross_entropy(logits.float(), wanted, reduction="sum"),
        f"{name}_count": torch.tensor(wanted.numel(), device=wanted.device),
    }
    if count_correct:
        found[f"{name}_correct"] = (logits.argmax(dim=-1) == wanted).sum()
    return found


def pair_head(model: Any) -> Callable[[Tensor], Tensor]:
    """The part of a model that turns pooled rows ``(batch, hidden)`` into logits ``(batch, 2)``."""
    if model.config.model_type == "albert":
        return model.sop_classifier  # type: ignore[no-any-return]
    return model.cls.seq_relationship  # type: ignore[no-any-return]
