"""Saving a model folder that is complete or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferrobert.errors import CheckpointError
from ferrobert.models.adapters import ADAPTER_CONFIG
from ferrobert.models.checkpoint import quiet_transformers
from ferrobert.models.folder import write_folder


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
        CheckpointError: ``folder`` is a file, or holds an adapter, which transformers would add to the model.
    """
    if (folder / ADAPTER_CONFIG).is_file():
        raise CheckpointError(f"{folder} holds an adapter ({ADAPTER_CONFIG}); a whole model needs a folder of its own")
    with write_folder(folder) as beside:
        with quiet_transformers():
            model.save_pretrained(beside)
        tokenizer.save_pretrained(str(beside))
        for name, report in (reports or {}).items():
            (beside / name).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
