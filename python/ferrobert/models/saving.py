"""Saving a model folder that is complete or not there at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferrobert.errors import CheckpointError
from ferrobert.files import publish
from ferrobert.models.checkpoint import quiet_transformers
from ferrobert.models.folder import CONFIG


def save_model(model: Any, tokenizer: Any, folder: Path, *, reports: Mapping[str, Any] | None = None) -> None:
    """Write model, tokenizer and JSON reports into a folder that transformers loads as it is.

    All files are written beside and then moved in. The old config.json goes first and the new one comes last: a folder
    whose saving was cut off has no config.json and is refused, it never mixes two models. Other files in the folder
    stay.

    Args:
        model: a transformers model; saved as safetensors.
        tokenizer: a tokenizer with ``save_pretrained``.
        folder: where to; made if it is not there.
        reports: further files, name -> what to write as JSON.

    Raises:
        CheckpointError: ``folder`` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; a model is saved as a folder")
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    try:
        with quiet_transformers():
            model.save_pretrained(beside)
        tokenizer.save_pretrained(str(beside))
        for name, report in (reports or {}).items():
            (beside / name).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        files = sorted((path for path in beside.iterdir()), key=lambda path: path.name == CONFIG)
        (folder / CONFIG).unlink(missing_ok=True)
        for path in files:
            publish(path, folder / path.name)  # safetensors makes its file private
    finally:
        shutil.rmtree(beside, ignore_errors=True)
