"""How well the entities of validation are found, after each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ferrobert.training.metrics import entity_f1
from ferrobert.training.rows import IGNORED, LabelledTokens
from ferrobert.training.tagged_examples import Tagged, TaggedTexts
from ferrobert.training.token_labels import TokenLabels


class WordScores:
    """Trainer's metrics: precision, recall and F1 of whole entities (strict, all types together), and the loss.

    Entities are read from one label a word, as the pipeline gives it; words without tokens count as "O".

    Args:
        examples: the validation examples.
        tokens: the same, encoded.
        names: the labels in the order of their ids.
        scheme: their scheme.
        class_weight: weight of each label in the loss, ``(labels,)``, or ``None``.
    """

    def __init__(
        self,
        examples: Tagged,
        tokens: TokenLabels,
        names: Sequence[str],
        scheme: str,
        class_weight: torch.Tensor | None,
    ) -> None:
        self.tokens = tokens
        self.names = names
        self.scheme = scheme
        self.true = tokens.words(names, tokens.labels) if isinstance(examples, TaggedTexts) else examples.labels
        self.weight = np.ones(len(names)) if class_weight is None else class_weight.double().numpy()
        # By length, as the scores do not depend on the order, but the padding does.
        self.order = np.argsort(-tokens.rows.lengths, kind="stable")

    def rows(self, pad_id: int) -> LabelledTokens:
        """The rows to evaluate on."""
        rows = self.tokens.rows
        return LabelledTokens(rows.in_order(self.order), self.tokens.labels[rows.places(self.order)], pad_id)

    def __call__(self, evaluation: Any) -> dict[str, float]:
        """The scores of what `TokenClassifierTrainer` predicts: batches of ids and losses, and of labels."""
        rows = self.tokens.rows
        source = rows.places(self.order)
        lengths = iter(rows.lengths[self.order].tolist())
        predicted = np.empty(len(rows.ids), dtype=np.int64)
        place = 0
        loss = weight = 0.0
        for (ids, losses), labels in zip(evaluation.predictions, evaluation.label_ids, strict=True):
            labelled = labels != IGNORED
            loss += float(losses[labelled].sum(dtype=np.float64))
            weight += float(self.weight[labels[labelled]].sum())
            for row in ids:
                length = next(lengths)
                predicted[source[place : place + length]] = row[:length]
                place += length
        scores = entity_f1(self.true, self.tokens.words(self.names, predicted), mode="strict", scheme=self.scheme)
        return {
            "loss": loss / weight if weight else 0.0,
            **{name: scores[name] for name in ("f1", "precision", "recall")},
        }
