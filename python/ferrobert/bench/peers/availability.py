"""What is installed here."""

from __future__ import annotations

import importlib.util
import sys


def has_torch() -> bool:
    """Whether torch can be imported."""
    if "torch" in sys.modules:
        return sys.modules["torch"] is not None
    return importlib.util.find_spec("torch") is not None
