"""transformers.Trainer for pretraining: the loss over the whole global batch, evaluation on held-out text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, load_model, save_file

from ferrobert.training.checkpoints import AtomicCheckpoints
from ferrobert.training.pretraining.objective import PretrainingLoss
from ferrobert.training.pretraining.rows import EncodedRows, EpochOrder
from ferrobert.training.trainable import learning

WEIGHTS = "model.safetensors"
# Held-out rows of an evaluation, spread evenly over all of them: an evaluation must not take longer than training.
EVALUATION_ROWS = 4096


class PretrainingTrainer(AtomicCheckpoints):
    """Trainer over encoded rows.

    The masked-language-model loss of an optimizer step is the sum over all masked tokens of its global batch, those of
    all processes and accumulated batches, divided by their number; the next-sentence loss likewise over all rows.

    Args:
        loss: the model in its loss.
        train_rows: rows to train on.
        held_out: rows to evaluate on, or ``None``.
        mask_held_out: the collator of held-out rows, which masks the same tokens at each evaluation.
        **settings: for transformers.Trainer.
    """

    # The loss is one of the global batch, so Trainer must not divide it by the number of accumulated batches.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        *,
        loss: PretrainingLoss,
        train_rows: EncodedRows,
        held_out: EncodedRows | None,
        mask_held_out: Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]],
        **settings: Any,
    ) -> None:
        super().__init__(model=loss, train_dataset=train_rows, eval_dataset=held_out, **settings)
        self.mask_held_out = mask_held_out
        # Asks Trainer to count the masked tokens of all accumulated batches and all processes.
        self.model_accepts_loss_kwargs = True
        self.global_batch = (
            self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        )
        # Sums of the parts of the loss, and the step after which they were logged last.
        self._parts: dict[str, torch.Tensor] = {}
        self._parts_since: int | None = None
        # The optimizer step that is under way, and the number of its batch.
        self._step, self._batch = -1, 0

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """A step on one batch, whose dropout is a function of (seed, optimizer step, batch in it, process).

        torch's random state would also depend on the data loaders: another number of workers draws other seeds of it.
        """
        step = self.state.global_step
        batch = self._batch + 1 if self._step == step else 0
        self._step, self._batch = step, batch
        drawn = np.random.SeedSequence([self.args.seed, step, batch, self.args.process_index])
        torch.manual_seed(int(drawn.generate_state(1, np.uint64)[0]))
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        return loss

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """This batch's share of the loss of the global batch."""
        sums = model(**inputs)
        # DistributedDataParallel takes the mean over processes of gradients that have to be added up.
        scale = self.args.world_size
        masked = max(1, int(num_items_in_batch))
        parts = {"mlm_loss": scale * sums["mlm_sum"] / masked}
        if "nsp_sum" in sums:
            parts["nsp_loss"] = scale * sums["nsp_sum"] / self.global_batch
        for name, part in parts.items():
            self._parts[name] = self._parts.get(name, torch.zeros_like(part)) + part.detach()
        loss = sum(parts.values())
        return (loss, sums) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the parts of the loss to what is logged."""
        if "loss" in logs and self._parts:
            since = self._initial_global_step if self._parts_since is None else self._parts_since
            for name, part in self._parts.items():
                logs[name] = self.accelerator.gather(part.reshape(1)).mean().item() / (self.state.global_step - since)
            self._parts = {}
            self._parts_since = self.state.global_step
        super().log(logs, start_time)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Losses and accuracies on held-out rows: means over masked tokens, and over rows."""
        totals: dict[str, float] = {}
        model = self.accelerator.unwrap_model(self.model)
        model.eval()
        with torch.no_grad():
            for batch in self._held_out_batches():
                with self.compute_loss_context_manager():
                    sums = model(**batch)
                for name, value in sums.items():
                    totals[name] = totals.get(name, 0.0) + float(value)
        names = ["mlm_sum", "mlm_count", "mlm_correct", "nsp_sum", "nsp_count", "nsp_correct"]
        mine = torch.tensor([[totals.get(name, 0.0) for name in names]], dtype=torch.float64)
        added = self.accelerator.gather(mine.to(self.args.device)).sum(dim=0).tolist()
        found = dict(zip(names, added, strict=True))
        metrics = {}
        for part in ("mlm", "nsp"):
            if found[f"{part}_count"]:
                metrics[f"eval_{part}_loss"] = found[f"{part}_sum"] / found[f"{part}_count"]
                metrics[f"eval_{part}_accuracy"] = found[f"{part}_correct"] / found[f"{part}_count"]
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)  # type: ignore[has-type]
        return metrics

    def _held_out_batches(self) -> Iterator[dict[str, torch.Tensor]]:
        """This process's share of the held-out batches."""
        rows = self.eval_dataset
        size = self.args.per_device_eval_batch_size
        for batch in evaluation_batches(rows, size)[self.args.process_index :: self.args.world_size]:
            yield self._prepare_inputs(self.mask_held_out(rows.__getitems__(batch)))

    def plain_model(self) -> Any:
        """The model of transformers, out of its loss and of what wraps it."""
        return self.accelerator.unwrap_model(self.model).model

    def restore(self, checkpoint: str) -> None:
        """Take over the weights of a checkpoint without training."""
        self._load_from_checkpoint(checkpoint)

    def _get_train_sampler(self, train_dataset: Any = None) -> EpochOrder:
        return EpochOrder(self.train_dataset, self.global_batch, self.args.seed)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if not self.args.should_save:
            return
        model = self.plain_model()
        if _learns_whole(model):
            model.save_pretrained(output_dir)
        else:  # what does not learn is in the checkpoint that the run began with
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            save_file(learning(model), folder / WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        loss = self.accelerator.unwrap_model(self.model if model is None else model)
        weights = Path(resume_from_checkpoint) / WEIGHTS
        if _learns_whole(loss.model):
            load_model(loss.model, weights)
            return
        saved = load_file(weights)
        with torch.no_grad():
            for name, parameter in learning(loss.model).items():
                parameter.copy_(saved[name])


def _learns_whole(model: torch.nn.Module) -> bool:
    return all(parameter.requires_grad for parameter in model.parameters())


def evaluation_batches(rows: EncodedRows, size: int) -> list[Sequence[int]]:
    """Row positions of an evaluation, batch by batch: at most `EVALUATION_ROWS`, evenly spread."""
    count = min(len(rows), EVALUATION_ROWS)
    chosen = (np.arange(count) * len(rows) // count).tolist()
    return [chosen[start : start + size] for start in range(0, count, size)]
