"""Checkpoints that are complete or not there: a run that is killed while it saves resumes from the one before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from transformers import Trainer

from ferrobert.training.run_folder import drop

WRITING = ".writing"


class AtomicCheckpoints(Trainer):
    """Trainer that writes a checkpoint beside, on all processes, and then renames it.

    Trainer's own writes into ``checkpoint-N`` file by file, and takes the highest N when it resumes, complete or not.
    Any number of processes must share the file system.
    """

    _writing = False

    def _get_output_dir(self, trial: Any) -> str:
        folder: str = super()._get_output_dir(trial)
        return str(Path(folder) / WRITING) if self._writing else folder

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(super()._get_output_dir(trial))
        if self.args.should_save:
            shutil.rmtree(folder / WRITING, ignore_errors=True)
            (folder / WRITING).mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        self._writing = True
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self._writing = False
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            for written in sorted((folder / WRITING).iterdir()):
                _write_through(written)
                if (folder / written.name).exists():
                    drop(folder / written.name)
                os.replace(written, folder / written.name)
            self._drop_old(folder)
        self.accelerator.wait_for_everyone()

    def _drop_old(self, folder: Path) -> None:
        """Remove the oldest checkpoints beyond ``save_total_limit``; each is renamed first, so none is half there."""
        shutil.rmtree(folder / WRITING, ignore_errors=True)
        kept = self.args.save_total_limit
        found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]))
        for path in found[: len(found) - kept] if kept else []:
            drop(path)


def checkpoint_step(checkpoint: Path) -> int:
    """The optimizer step after which a checkpoint was written."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def _write_through(folder: Path) -> None:
    """Ask the system to put the files on the disk: a rename must not outlive what it names."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
