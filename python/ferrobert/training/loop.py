"""One run of transformers.Trainer: what learns, what people see, what is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
from rich.console import Console
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer

from ferrobert.models.adapters import is_adapter, merged, save_adapter
from ferrobert.models.checkpoint import LoadedModel, check_ids, listed, quiet_transformers
from ferrobert.models.parameters import ParameterCounts, count_parameters
from ferrobert.models.saving import save_model
from ferrobert.training.arguments import training_arguments
from ferrobert.training.calibration import calibrate, calibration_line
from ferrobert.training.progress import EpochProgress, epoch_history
from ferrobert.training.recipe import Recipe
from ferrobert.training.rows import LabelledRows, as_batch
from ferrobert.training.run_folder import ADAPTER, CHECKPOINTS, drop
from ferrobert.training.trainable import add_lora, freeze_encoder, set_dropout

REPORT = "training_report.json"


def train_and_save(
    loaded: LoadedModel,
    tokenizer: Any,
    recipe: Recipe,
    folder: Path,
    *,
    trainer_class: type[Trainer],
    train_rows: LabelledRows,
    validation_rows: LabelledRows | None,
    report: Mapping[str, Any],
    checkpoint: str | None,
    checkpoints: bool,
    device: str | None,
    progress: bool | Console,
    lora_task: str = "SEQ_CLS",
    arguments: Mapping[str, Any] | None = None,
    **settings: Any,
) -> None:
    """Train a model, and save it with its report; `CHECKPOINTS` in the folder goes when it is saved.

    Args:
        loaded: the model, with a head for the task.
        tokenizer: what is saved beside it.
        recipe: the settings of the run.
        folder: where the model goes.
        trainer_class: the task's Trainer.
        train_rows, validation_rows: data sets that give padded batches.
        report: the task's part of the report, with its name as "task".
        checkpoint: what to resume from.
        checkpoints: whether each epoch leaves a checkpoint.
        device: "cpu" to stay off a GPU that is there.
        progress: whether to show a bar and a line for each epoch, or the console for them.
        lora_task: peft's name of the task.
        arguments: further arguments of Trainer.
        **settings: for ``trainer_class``.
    """
    trained: Any = loaded.model
    for labelled in (train_rows, validation_rows):
        if labelled is not None:
            check_ids(trained, labelled.rows.ids)
    if recipe.dropout is not None:
        set_dropout(trained, recipe.dropout)
    if recipe.freeze_encoder:
        freeze_encoder(loaded)
    elif recipe.lora is not None:
        trained = add_lora(loaded, recipe.lora, lora_task, recipe.dropout)
    counts = count_parameters(trained)
    shown = EpochProgress(progress if isinstance(progress, Console) else Console(stderr=True, quiet=not progress))
    callbacks: list[Any] = [shown]
    if recipe.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(recipe.early_stopping_patience))
    trainer = trainer_class(
        model=trained,
        args=training_arguments(
            recipe,
            folder / CHECKPOINTS,
            validates=validation_rows is not None,
            saves=checkpoints,
            device=device,
            **(arguments or {}),
        ),
        data_collator=as_batch,
        train_dataset=train_rows,
        eval_dataset=validation_rows,
        callbacks=callbacks,
        group_by_length=recipe.group_by_length,
        **settings,
    )
    trainer.remove_callback(PrinterCallback)
    new = sorted({name.rpartition(".")[0] for name in loaded.fresh})
    if new and checkpoint is None and trainer.is_world_process_zero():
        shown.console.print(f"not in the checkpoint, starts at random: {listed(new)}", highlight=False, soft_wrap=True)
    try:
        with quiet_transformers():
            trainer.train(resume_from_checkpoint=checkpoint)
    finally:
        shown.bar.stop()
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        # Without the wrapper that casts: the model as its readers run it.
        learned = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        calibration = None
        if recipe.calibrate and validation_rows is not None:
            calibration = calibrate(learned, validation_rows, trainer.args.eval_batch_size)
            shown.console.print(calibration_line(calibration), highlight=False, soft_wrap=True)
        if recipe.lora is not None:
            save_adapter(learned, folder / ADAPTER)
        elif is_adapter(folder / ADAPTER):  # of an earlier run
            drop(folder / ADAPTER)
        plain = merged(learned)
        written = {**_report(recipe, trainer, counts, report), "new": new, "calibration": calibration}
        save_model(plain, tokenizer, folder, reports={REPORT: written})
        drop(folder / CHECKPOINTS)
    trainer.accelerator.wait_for_everyone()


def _report(recipe: Recipe, trainer: Trainer, counts: ParameterCounts, of_task: Mapping[str, Any]) -> dict[str, Any]:
    history = epoch_history(trainer.state.log_history)
    best = None
    if recipe.select_best is not None:
        key = f"validation_{recipe.select_best}"
        sign = 1 if recipe.select_best == "loss" else -1
        best = min(history, key=lambda record: (sign * record[key], record["epoch"]))["epoch"]
    return {
        "task": of_task["task"],
        "settings": asdict(recipe),
        **of_task,
        "parameters": {"trained": counts.trainable, "all": counts.total},
        "steps": trainer.state.global_step,
        "device": str(trainer.args.device),
        "history": history,
        "best_epoch": best,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
