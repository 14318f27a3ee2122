"""The names of the tasks: those of pipelines, training and the command line are these."""

from __future__ import annotations

from collections.abc import Iterable

from ferrobert.errors import ConfigError

__all__ = ["ALIASES", "TASKS", "task_name"]

TASKS = (
    "text-classification",
    "token-classification",
    "question-answering",
    "zero-shot-classification",
    "fill-mask",
    "feature-extraction",
    "next-sentence-prediction",
)
ALIASES = {"sentiment-analysis": "text-classification", "ner": "token-classification"}


def task_name(task: str, tasks: Iterable[str] = TASKS, what: str = "the tasks") -> str:
    """The task's own name: an alias is replaced by what it stands for.

    Args:
        task: a name or an alias.
        tasks: the names that are allowed.
        what: how the message of the error calls them.

    Raises:
        ConfigError: none of the tasks; the message lists them, with their aliases.

    >>> task_name("ner")
    'token-classification'
    """
    tasks = list(tasks)
    name = ALIASES.get(str(task), str(task))
    if name not in tasks:
        aliases = [alias for alias, name in ALIASES.items() if name in tasks]
        raise ConfigError(f"unknown task {task!r}; {what} are {', '.join(map(repr, [*tasks, *aliases]))}")
    return name
