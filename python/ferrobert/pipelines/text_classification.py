"""Text classification: a label and its score for each text, or for each pair of texts.

Arguments and results are those of transformers' ``TextClassificationPipeline`` (v5); scores differ by the rounding of
batched against single arithmetic, below 1e-5. What differs is how it runs: texts are encoded together, sorted by
length and batched under a budget of tokens, and results come back in the order of the input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import ConfigError
from ferrobert.models.checkpoint import CLASSIFIER
from ferrobert.pipelines.base import Pipeline, check_numbers
from ferrobert.pipelines.forward import Forward
from ferrobert.pipelines.options import CallOptions, shared_options

FUNCTIONS = ("sigmoid", "softmax", "none")
#: How the logits of a long text's windows become those of the text.
MERGES = ("mean", "max", "first")


@dataclass(frozen=True, slots=True)
class LabelOptions(CallOptions):
    """The options of one call, checked.

    Attributes:
        top_k: how many labels a text gets, highest score first; ``None`` is all; "" is the best one, not in a list.
        function: what turns logits into scores: "sigmoid", "softmax", "none", or ``None`` for the model's own.
        merge: how the logits of a long text's windows become those of the text.
    """

    top_k: int | str | None = ""
    function: str | None = None
    merge: str = "mean"


class TextClassificationPipeline(Pipeline):
    """Classify texts with a sequence-classification model.

    Args:
        model, tokenizer, device, dtype, batch_tokens: see `ferrobert.pipeline`.
        **options: defaults for the options of ``__call__``.

    Raises:
        CheckpointError: no such model, or it has no classification head.
        ConfigError: an option that is not known or has a value that is not allowed.
    """

    task = "text-classification"
    head = CLASSIFIER
    reads_windows = True
    keeps_labels = True

    @property
    def labels(self) -> list[str]:
        """Names of the labels in the order of the logits."""
        return [str(self.model.config.id2label[index]) for index in range(self.model.config.num_labels)]

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Classify one text, a list, or a stream.

        Args:
            inputs: a ``str``; a ``{"text": ..., "text_pair": ...}``; a list (or tuple, array, column) of those; or
                a stream of those (generator, torch ``Dataset``, any other iterable).
            top_k: how many labels to return; ``None`` is all of them, best first. Without it, the best one alone.
            function_to_apply: "sigmoid", "softmax" or "none". By default "none" for a regression model, "sigmoid" for
                a multi-label model or one label, else "softmax".
            merge: a text longer than the model reads is read in windows; "mean" (the default) or "max" of their logits,
                or the "first" window's, are those of the text.
            truncation, max_length, ...: options for the tokenizer; ``truncation=True`` cuts long texts.
            batch_size: at most this many rows in a batch; also how far a stream is read ahead (default 1,024).
            progress: ``True`` shows a bar on stderr, where that is a terminal: rows, rows a second, time that remains.

        Returns:
            ``{"label": str, "score": float}`` for each text: in a list for a ``str`` or a list, bare for one ``dict``;
            lists of them where ``top_k`` is given. A stream gives an iterator, in the order of the input.

        Raises:
            ConfigError: (a ValueError) an option or input that is not allowed; a second text of a pair that leaves no
                room for the first; ``truncation=False`` and a text longer than the model can read (row, tokens and
                limit are named).
            TextTypeError: (a TypeError and ValueError) a text that is not a ``str``.
            DecodeError: the model returns NaN.
            UnicodeEncodeError: a text holds a lone surrogate.

        Example:
            >>> classifier(["A joy.", "A bore."])  # doctest: +SKIP
            [{'label': 'positive', 'score': 0.98}, {'label': 'negative', 'score': 0.97}]
        """
        chosen = self._call_options({**self._defaults, **options})
        if isinstance(inputs, str):
            results = self._run([inputs], chosen, 0)
            # transformers gives [[...]] only where top_k comes from the pipeline and not from the call.
            return results[0] if "top_k" in options else results
        if isinstance(inputs, Mapping):
            return self._run([inputs], chosen, 0)[0]
        return self._results(inputs, chosen)

    predict = transform = __call__

    def _run(self, inputs: Sequence[Any], chosen: LabelOptions, first: int) -> list[Any]:
        if not inputs:
            return []
        windows = self._windows(inputs, chosen, range(first, first + len(inputs)))
        logits = Forward(self, chosen, len(inputs)).of_rows(windows.rows)
        logits = merged(logits, windows.starts, chosen.merge)  # (inputs, labels)
        check_numbers(np.asarray(np.isnan(logits).any(axis=1)), first)
        scores = _apply(chosen.function or self._own_function(), logits)
        return _ranked(scores, self.labels, chosen.top_k)

    def _own_function(self) -> str:
        config = self.model.config
        if config.problem_type == "regression":
            return "none"
        if config.problem_type == "multi_label_classification" or config.num_labels == 1:
            return "sigmoid"
        return "softmax"

    @classmethod
    def _call_options(cls, options: Mapping[str, Any]) -> LabelOptions:
        rest = dict(options)
        top_k = rest.pop("top_k", "")
        function = rest.pop("function_to_apply", None)
        if "return_all_scores" in rest:
            raise ConfigError("return_all_scores is gone since transformers 5; top_k=None returns all scores")
        merge = check_merge(rest.pop("merge", "mean"))
        shared = shared_options(rest, ("top_k", "function_to_apply", "merge"))
        if not (
            top_k is None
            or top_k == ""
            or (isinstance(top_k, (int, np.integer)) and not isinstance(top_k, bool) and top_k > 0)
        ):
            raise ConfigError(f"top_k must be a number of labels from 1, or None for all, got {top_k!r}")
        if function is not None:
            name = str(getattr(function, "value", function)).lower()
            if name not in (*FUNCTIONS, "default"):
                raise ConfigError(
                    f"function_to_apply must be one of {', '.join(map(repr, FUNCTIONS))}, got {function!r}"
                )
            function = None if name == "default" else name
        return LabelOptions(**shared, top_k=top_k, function=function, merge=merge)


def check_merge(merge: Any) -> str:
    """One of `MERGES`, or ConfigError."""
    if merge not in MERGES:
        raise ConfigError(f"merge must be one of {', '.join(map(repr, MERGES))}, got {merge!r}")
    return str(merge)


def merged(logits: NDArray[np.float32], starts: NDArray[np.int64], merge: str) -> NDArray[np.float32]:
    """Logits of texts ``(texts, labels)``, of those of their windows ``(windows, labels)`` from ``starts`` on."""
    if len(starts) == len(logits) or merge == "first":
        return logits[starts]
    if merge == "max":
        highest: NDArray[np.float32] = np.maximum.reduceat(logits, starts)
        return highest
    counts = np.diff(starts, append=len(logits))
    means: NDArray[np.float32] = (np.add.reduceat(logits, starts) / counts[:, None]).astype(np.float32)
    return means


def _apply(function: str, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores ``(rows, labels)`` of logits ``(rows, labels)``."""
    if function == "none":
        return logits
    if function == "sigmoid":
        with np.errstate(over="ignore"):
            return (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    softmax: NDArray[np.float32] = exponents / exponents.sum(axis=-1, keepdims=True)
    return softmax


def _ranked(scores: NDArray[np.float32], labels: list[str], top_k: int | str | None) -> list[Any]:
    if isinstance(top_k, str):
        best = scores.argmax(axis=1)
        return [{"label": labels[label], "score": float(row[label])} for row, label in zip(scores, best, strict=True)]
    kept = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    return [
        [{"label": labels[label], "score": float(row[label])} for label in ranked]
        for row, ranked in zip(scores, kept, strict=True)
    ]
