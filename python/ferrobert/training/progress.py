"""What people see while a model trains: a bar of steps, and a line for each epoch."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


def epoch_history(log: list[dict[str, Any]]) -> list[dict[str, float]]:
    """One record an epoch from Trainer's log: ``epoch``, ``loss``, and ``validation_...`` where there was any."""
    epochs: dict[int, dict[str, float]] = {}
    for entry in log:
        if "loss" not in entry and "eval_loss" not in entry:
            continue
        number = round(entry["epoch"])
        record = epochs.setdefault(number, {"epoch": number})
        if "loss" in entry:
            record["loss"] = entry["loss"]
        for name in ("loss", "accuracy", "f1", "precision", "recall", "exact"):
            if f"eval_{name}" in entry:
                record[f"validation_{name}"] = entry[f"eval_{name}"]
    return [epochs[number] for number in sorted(epochs)]


def epoch_line(record: dict[str, float], epochs: int) -> str:
    """``epoch 2/3  loss 0.412  validation loss 0.388  accuracy 0.850  F1 0.849``."""
    parts = [f"epoch {record['epoch']}/{epochs}"]
    for key, title in (
        ("loss", "loss"),
        ("validation_loss", "validation loss"),
        ("validation_accuracy", "accuracy"),
        ("validation_f1", "F1"),
    ):
        if key in record:
            parts.append(f"{title} {record[key]:.4f}")
    return "  ".join(parts)


class EpochProgress(TrainerCallback):
    """A bar of training steps while they run, and a line for each finished epoch.

    Args:
        console: where to write; the bar appears only on a terminal.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task: TaskID | None = None
        self.said: set[int] = set()
        self.started = time.monotonic()
        self.validates = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Show the bar."""
        if not state.is_world_process_zero:
            return
        self.validates = str(args.eval_strategy).rsplit(".", 1)[-1].lower() != "no"
        self.said = {int(record["epoch"]) for record in epoch_history(state.log_history)}
        self.started = time.monotonic()
        self.task = self.bar.add_task("training", total=state.max_steps, completed=state.global_step)
        self.bar.start()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Move the bar."""
        if self.task is not None:
            self.bar.update(self.task, completed=state.global_step)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Print the epochs that have ended since."""
        if not state.is_world_process_zero:
            return
        for record in epoch_history(state.log_history):
            number = int(record["epoch"])
            if number not in self.said and "loss" in record and ("validation_loss" in record or not self.validates):
                self.said.add(number)
                line = epoch_line(record, round(float(args.num_train_epochs)))
                self.console.print(f"{line}  {time.monotonic() - self.started:.1f} s", highlight=False, soft_wrap=True)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the bar away."""
        self.bar.stop()
