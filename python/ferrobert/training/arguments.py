"""A recipe as the arguments of transformers.Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from ferrobert.errors import ConfigError
from ferrobert.training.recipe import Recipe


def training_arguments(
    recipe: Recipe, checkpoints: Path, *, validates: bool, saves: bool, device: str | None, **others: Any
) -> TrainingArguments:
    """Trainer's arguments for a recipe.

    Args:
        recipe: the settings.
        checkpoints: folder for checkpoints.
        validates: whether there is validation data.
        saves: whether each epoch leaves a checkpoint.
        device: "cpu" to stay off a GPU that is there.
        **others: further arguments, of the task.

    Raises:
        ConfigError: a device that there is not.
    """
    if device not in (None, "cpu", "cuda"):
        raise ConfigError(f"device must be None, 'cpu' or 'cuda', got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device 'cuda' is not there: torch sees no CUDA device")
    on_gpu = torch.cuda.is_available() and device != "cpu"
    best = recipe.select_best
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=2 * recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=recipe.warmup_ratio,
        optim="adamw_torch_fused",
        adam_epsilon=1e-8,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        seed=recipe.seed,
        bf16=recipe.mixed_precision == "bf16",
        fp16=recipe.mixed_precision == "fp16",
        use_cpu=device == "cpu" or not torch.accelerator.is_available(),
        dataloader_pin_memory=on_gpu,
        logging_strategy="epoch",
        save_strategy="epoch" if saves else "no",
        # The best epoch's checkpoint is kept beside the last one's.
        save_total_limit=2 if best else 1,
        eval_strategy="epoch" if validates else "no",
        load_best_model_at_end=best is not None,
        metric_for_best_model=None if best is None else f"eval_{best}",
        greater_is_better=None if best is None else best != "loss",
        label_names=["labels"],
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        **others,
    )
