"""What a pretraining run leaves to read: a log line by line, the curve, and the bar on the screen."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ferrobert.training.pretraining.files import write_bytes

LOG = "pretraining_log.jsonl"
_TRAINING = ("loss", "mlm_loss", "nsp_loss", "learning_rate", "grad_norm")
_HELD_OUT = ("mlm_loss", "mlm_accuracy", "nsp_loss", "nsp_accuracy")


def log_record(entry: dict[str, Any]) -> dict[str, float] | None:
    """An entry of Trainer's log as a line of ours; ``None`` for entries that are neither training nor evaluation."""
    if "loss" in entry:
        values = {name: entry[name] for name in _TRAINING if name in entry}
    elif "eval_mlm_loss" in entry:
        values = {f"held_out_{name}": entry[f"eval_{name}"] for name in _HELD_OUT if f"eval_{name}" in entry}
    else:
        return None
    return {"step": entry["step"], "epoch": round(entry.get("epoch") or 0.0, 6), **values}


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a log."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


class RunLog(TrainerCallback):
    """Writes the log, and has the curve drawn after each evaluation.

    On resuming, lines after the checkpoint are dropped: they will come again.

    Args:
        path: the log.
        draw: called with all lines.
    """

    def __init__(self, path: Path, draw: Callable[[list[dict[str, float]]], None]) -> None:
        self.path = path
        self.draw = draw

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write what the checkpoint remembers."""
        if state.is_world_process_zero:
            lines = [json.dumps(record) + "\n" for record in _records(state)]
            write_bytes(self.path, "".join(lines).encode())

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Add a line."""
        record = log_record(state.log_history[-1])
        if not state.is_world_process_zero or record is None:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if "held_out_mlm_loss" in record:
            self.draw(_records(state))

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Draw the curve for the last time."""
        if state.is_world_process_zero:
            self.draw(_records(state))


def _records(state: TrainerState) -> list[dict[str, float]]:
    return [record for entry in state.log_history if (record := log_record(entry)) is not None]


class Rhythm(TrainerCallback):
    """Logs before each checkpoint and at the end, evaluates at the end: a resumed run logs as a whole one does."""

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Set what is due."""
        last = state.global_step >= state.max_steps
        if last:
            control.should_evaluate = str(args.eval_strategy).rsplit(".", 1)[-1].lower() != "no"
        if last or control.should_save or control.should_evaluate:
            control.should_log = True


class StepProgress(TrainerCallback):
    """A bar of optimizer steps, and a line for each evaluation.

    Args:
        console: where to write; the bar appears only on a terminal.
        tokens_per_step: mean number of tokens of an optimizer step.
    """

    def __init__(self, console: Console, tokens_per_step: float) -> None:
        self.console = console
        self.tokens_per_step = tokens_per_step
        self.bar = Progress(
            TextColumn("pretraining"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps{task.fields[said]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task: TaskID | None = None
        self.started = time.monotonic()
        self.first_step = 0
        self.evaluating = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Show the bar."""
        if state.is_world_process_zero:
            self.started, self.first_step = time.monotonic(), state.global_step
            self.task = self.bar.add_task("pretraining", total=state.max_steps, completed=state.global_step, said="")
            self.bar.start()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Move the bar."""
        if self.task is not None:
            self.bar.update(self.task, completed=state.global_step)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Say the loss, and on an evaluation a line."""
        record = log_record(state.log_history[-1])
        if self.task is None or record is None:
            return
        if "loss" in record:
            said = f"  loss {record['loss']:.3f}  {self.tokens_per_second(state.global_step):,.0f} tokens/s"
            self.bar.update(self.task, said=said)
            return
        line = f"step {state.global_step}/{state.max_steps}  {evaluation_text(record)}"
        self.console.print(f"{line}  {time.monotonic() - self.started:.0f} s", highlight=False, soft_wrap=True)

    def tokens_per_second(self, step: int) -> float:
        """Tokens of training, padding not counted, in a second since the start, evaluations included."""
        seconds = time.monotonic() - self.started
        return (step - self.first_step) * self.tokens_per_step / seconds if seconds else math.nan


def evaluation_text(record: dict[str, float]) -> str:
    """``held-out MLM loss 6.123, accuracy 12.3 %; next sentence 61.0 %``."""
    text = f"held-out MLM loss {record['held_out_mlm_loss']:.3f}, accuracy {record['held_out_mlm_accuracy']:.1%}"
    if "held_out_nsp_accuracy" in record:
        text += f"; sentence pairs {record['held_out_nsp_accuracy']:.1%}"
    return text
