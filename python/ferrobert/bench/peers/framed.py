"""What is shared by libraries that add no [CLS] and [SEP]."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

NOTE = "adds no [CLS] and [SEP]; they are put around its rows, untimed, before results are compared"


def framed(rows: Iterable[Any], vocab: dict[str, int]) -> list[Any]:
    """Rows of ids with [CLS] and [SEP] around them."""
    first, last = [vocab["[CLS]"]], [vocab["[SEP]"]]
    return [np.concatenate([first, np.asarray(row, dtype=np.int64), last]) for row in rows]


def vocab_of(folder: Path) -> dict[str, int]:
    """Token -> id of tokenizer.json."""
    vocab: dict[str, int] = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    return vocab


def misses_frame(folder: Path) -> str:
    """Why rows cannot be framed; empty where they can."""
    missing = [token for token in ("[CLS]", "[SEP]") if token not in vocab_of(folder)]
    return f"the vocabulary has no {' and '.join(missing)}" if missing else ""
