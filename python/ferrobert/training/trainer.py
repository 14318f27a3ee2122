"""transformers.Trainer over flat token rows: weighted cross entropy of texts, or of tokens.

On the CPU the model runs without padding (`ferrobert.models.unpadded`); where that cannot be, by its own ``forward``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from transformers import Trainer

from ferrobert.models.unpadded import unpadded
from ferrobert.training.rows import IGNORED, LengthGroups


class LengthGroupedTrainer(Trainer):
    """Trainer with an order of rows that resumes exactly.

    Attributes:
        reads_first: whether the model's head reads nothing but the first token of each row.

    Args:
        group_by_length: whether batches hold rows of similar length.
        **settings: for transformers.Trainer.
    """

    reads_first: ClassVar[bool] = False

    def __init__(self, *, group_by_length: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        self.group_by_length = group_by_length

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroups:
        rows = self.train_dataset if train_dataset is None else train_dataset
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroups(rows.rows.lengths, batch, self.args.seed, sort=self.group_by_length)

    def _outputs(self, model: Any, inputs: dict[str, Any]) -> Any:
        """The model's outputs for a padded batch, without its labels."""
        tensors = {name: value for name, value in inputs.items() if name != "labels"}
        alone = unpadded(_plain(model))
        if alone is None:
            return model(**tensors)
        with self.accelerator.autocast():
            return alone.of_padded(tensors, reads_first=self.reads_first)


class ClassifierTrainer(LengthGroupedTrainer):
    """Trainer with cross entropy, weighted by class where weights are given.

    Args:
        class_weight: weight of each label, ``(labels,)``, or ``None``.
        **settings: for transformers.Trainer.
    """

    reads_first = True
    # The loss is the mean of one batch, so Trainer divides it by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(self, *, class_weight: torch.Tensor | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.class_weight = class_weight
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean loss of a batch, and the model's outputs where they are asked for."""
        labels = inputs["labels"]  # (batch,)
        outputs = self._outputs(model, inputs)
        logits = outputs.logits.float()  # (batch, labels)
        weight = None if self.class_weight is None else self.class_weight.to(logits.device)
        loss = torch.nn.functional.cross_entropy(logits, labels, weight=weight)
        return (loss, outputs) if return_outputs else loss


class AnswerTrainer(LengthGroupedTrainer):
    """Trainer with the mean of the cross entropies of the first and the last token of an answer.

    Labels are the two positions, ``(batch, 2)``. An evaluation gives, for each batch, the logits of starts and of ends,
    ``(batch, width)``, and the losses, ``(batch,)``.
    """

    # The loss is the mean of one batch, so Trainer divides it by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean loss of a batch, and the model's outputs where they are asked for."""
        losses, outputs = self._losses(model, inputs)
        return (losses.mean(), outputs) if return_outputs else losses.mean()

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[None, tuple[torch.Tensor, ...], torch.Tensor]:
        """No loss of the batch; its logits and the losses of its rows; their labels."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            losses, outputs = self._losses(model, inputs)
        return None, (outputs.start_logits.float(), outputs.end_logits.float(), losses), inputs["labels"]

    def _losses(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, Any]:
        """Losses of the rows, ``(batch,)``; the model's outputs."""
        labels = inputs["labels"]  # (batch, 2)
        outputs = self._outputs(model, inputs)
        losses = [
            torch.nn.functional.cross_entropy(
                logits.float().masked_fill(inputs["attention_mask"] == 0, -torch.inf),
                labels[:, place],
                reduction="none",
            )
            for place, logits in enumerate((outputs.start_logits, outputs.end_logits))
        ]
        return (losses[0] + losses[1]) / 2, outputs


class TokenClassifierTrainer(LengthGroupedTrainer):
    """Trainer with cross entropy over labelled tokens, weighted by class where weights are given.

    The loss of an optimizer step is the sum over all labelled tokens of its global batch, those of all accumulated
    batches and all processes, divided by their number (by the sum of their weights): the gradient is that of one large
    batch, however it is cut up. The validation loss is likewise the mean over all labelled tokens.

    An evaluation gives, for each batch, the ids of the most probable labels and the losses of the tokens, both
    ``(batch, width)``; logits are not kept.

    Args:
        class_weight: weight of each label, ``(labels,)``, or ``None``.
        **settings: for transformers.Trainer.
    """

    # The loss is one of the global batch, so Trainer must not divide it by the number of accumulated batches.
    loss_is_scaled_for_ga = True

    def __init__(self, *, class_weight: torch.Tensor | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.class_weight = class_weight
        # Asks Trainer for the labels of all accumulated batches.
        self.model_accepts_loss_kwargs = True

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """This batch's share of the loss of the global batch, and the model's outputs where they are asked for."""
        losses, outputs = self._token_losses(model, inputs)
        # Without any labelled token the loss is 0, not 0 / 0; DistributedDataParallel takes the mean over processes of
        # gradients that have to be added up.
        loss = losses.sum() * self.args.world_size / max(float(num_items_in_batch), 1e-12)
        return (loss, outputs) if return_outputs else loss

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[None, tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
        """No loss of the batch; predicted ids and losses of its tokens; their labels."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            losses, outputs = self._token_losses(model, inputs)
        return None, (outputs.logits.argmax(dim=-1), losses), inputs["labels"]

    def _token_losses(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, Any]:
        """Weighted losses of the tokens, ``(batch, width)``, 0 where there is no label; the model's outputs."""
        labels = inputs["labels"]  # (batch, width)
        outputs = self._outputs(model, inputs)
        logits = outputs.logits.float()  # (batch, width, labels)
        weight = None if self.class_weight is None else self.class_weight.to(logits.device)
        losses = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), weight=weight, ignore_index=IGNORED, reduction="none"
        )
        return losses.view_as(labels), outputs

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor:
        """The labelled tokens of an optimizer step, each counted with its weight."""
        total = torch.zeros((), dtype=torch.float64)
        for batch in batch_samples:
            labels = batch["labels"].cpu()
            labels = labels[labels != IGNORED]
            total += len(labels) if self.class_weight is None else self.class_weight[labels].double().sum()
        if self.args.world_size > 1:
            total = self.accelerator.gather(total.to(device, torch.float32)).sum().cpu()
        return total


def _plain(model: Any) -> Any:
    """The transformers model within what peft and accelerate put around it."""
    if hasattr(model, "get_base_model"):
        model = model.get_base_model()
    if "_original_forward" not in vars(model):
        return model
    # accelerate has put autocast around its forward.
    plain = object.__new__(type(model))
    plain.__dict__ = {
        name: value for name, value in vars(model).items() if name not in ("forward", "_original_forward")
    }
    return plain
