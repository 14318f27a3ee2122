"""Where the demo gets its models: the one place that opens them."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

from ferrobert import __version__
from ferrobert.cli.demo.blocks import Line
from ferrobert.hub import ENCODER

__all__ = ["ABOUT", "machine", "open_model"]

ABOUT = (
    Line(
        f"One encoder runs everything: {ENCODER.rpartition('/')[2]}, 6 layers, 22.7 million parameters (Apache-2.0). "
        "Sentiment, entities, answers, labels of your own and filled masks each add an adapter to its weights that "
        "comes with ferrobert."
    ),
    Line("All of it runs on this machine; nothing is fetched or sent."),
)


def open_model(task: str) -> Any:
    """The pipeline of a task on the model that ships for it.

    Raises:
        CheckpointError: the adapter of the task is missing, or the encoder is not the one that it was trained on.
        MissingDependencyError: the encoder's package, torch or peft is not installed.
    """
    from ferrobert.models.shipped import default_model
    from ferrobert.pipelines import pipeline

    # By its folder: a model that nobody chose would be announced, and ABOUT has said which it is.
    return pipeline(task, default_model(task))


def machine() -> str:
    """What the demo ran on and with."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "tokenizers"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"ferrobert {__version__}, Python {platform.python_version()}, {packages}; {platform.system()}, {cores} cores"
    )
