"""Text classification: a label and its score for each text, or for each pair of texts.

Arguments and results are those of transformers' ``TextClassificationPipeline`` (v5); scores differ by the rounding of
batched against single arithmetic, below 1e-5. What differs is how it runs: texts are encoded together, sorted by
length and batched under a budget of tokens, and results come back in the order of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, TextTypeError
from ferrobert.inputs import check_count
from ferrobert.models.checkpoint import LoadedModel, load_sequence_classifier
from ferrobert.pipelines.base import Pipeline, TokenRows, token_rows

# Rows that a stream is read ahead, so that they can be sorted by length.
READ_AHEAD = 1024
FUNCTIONS = ("sigmoid", "softmax", "none")
TOKENIZER_OPTIONS = (
    "truncation",
    "max_length",
    "padding",
    "pad_to_multiple_of",
    "padding_side",
    "stride",
    "add_special_tokens",
    "return_token_type_ids",
    "return_attention_mask",
)
# Padding changes no score, only the time it takes: rows are padded here, to the longest of their batch.
WITHOUT_EFFECT = ("padding", "pad_to_multiple_of", "padding_side", "return_attention_mask")


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of one call, checked.

    Attributes:
        top_k: how many labels a text gets, highest score first; ``None`` is all; "" is the best one, not in a list.
        function: what turns logits into scores: "sigmoid", "softmax", "none", or ``None`` for the model's own.
        batch_size: at most this many rows in a batch, and this many read ahead from a stream.
        tokenizer: options for the tokenizer.
    """

    top_k: int | str | None = ""
    function: str | None = None
    batch_size: int | None = None
    tokenizer: dict[str, Any] = field(default_factory=dict)


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

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        device: int | str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        batch_tokens: int | None = None,
        **options: Any,
    ) -> None:
        self._defaults = options
        _call_options(options)
        super().__init__(model, tokenizer, device=device, dtype=dtype, batch_tokens=batch_tokens)

    @classmethod
    def _load(cls, source: str, dtype: torch.dtype | None) -> LoadedModel:
        return load_sequence_classifier(source, dtype=dtype)

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
            truncation, max_length, ...: options for the tokenizer.
            batch_size: at most this many rows in a batch; also how far a stream is read ahead (default 1,024).

        Returns:
            ``{"label": str, "score": float}`` for each text: in a list for a ``str`` or a list, bare for one ``dict``;
            lists of them where ``top_k`` is given. A stream gives an iterator, in the order of the input.

        Raises:
            ConfigError: (a ValueError) an option or input that is not allowed; a text longer than the model can read
                and no ``truncation``: the message names row, tokens and limit.
            TextTypeError: (a TypeError and ValueError) a text that is not a ``str``.
            DecodeError: the model returns NaN.
            UnicodeEncodeError: a text holds a lone surrogate.

        Example:
            >>> classifier(["A joy.", "A bore."])  # doctest: +SKIP
            [{'label': 'positive', 'score': 0.98}, {'label': 'negative', 'score': 0.97}]
        """
        chosen = _call_options({**self._defaults, **options})
        if isinstance(inputs, str):
            results = self._classify([inputs], chosen)
            # transformers gives [[...]] only where top_k comes from the pipeline and not from the call.
            return results[0] if "top_k" in options else results
        if isinstance(inputs, Mapping):
            return self._classify([inputs], chosen)[0]
        if inputs is None or isinstance(inputs, (bytes, int, float)):
            raise TextTypeError(f"inputs must be texts, pairs or an iterable of them, got {type(inputs).__name__}")
        if _is_finite(inputs):
            return self._classify(list(inputs), chosen)
        return self._stream(inputs, chosen)

    predict = transform = __call__

    def token_counts(self, inputs: Sequence[Any], **tokenizer_options: Any) -> list[int]:
        """Tokens that each text or pair takes, special tokens included."""
        counts: list[int] = self._encode(inputs, tokenizer_options, 0).lengths.tolist()
        return counts

    def _stream(self, inputs: Iterable[Any], chosen: CallOptions) -> Iterator[Any]:
        rows = iter(_by_index(inputs) if not hasattr(inputs, "__iter__") else inputs)
        first = 0
        while chunk := list(islice(rows, chosen.batch_size or READ_AHEAD)):
            yield from self._classify(chunk, chosen, first)
            first += len(chunk)

    def _classify(self, inputs: Sequence[Any], chosen: CallOptions, first: int = 0) -> list[Any]:
        if not inputs:
            return []
        rows = self._encode(inputs, self._with_limit(chosen.tokenizer), first)
        self._check_lengths(rows, first)
        logits = self._logits(rows, max_rows=chosen.batch_size)  # (rows, labels)
        scores = _apply(chosen.function or self._own_function(), logits)
        return _results(scores, self.labels, chosen.top_k)

    def _with_limit(self, options: dict[str, Any]) -> dict[str, Any]:
        """The tokenizer's options; where they truncate to no given length, to what the model can read."""
        if options.get("truncation") in (None, False, "do_not_truncate") or options.get("max_length") is not None:
            return options
        own = getattr(self.tokenizer, "model_max_length", None)
        if self.max_tokens is not None and (own is None or own > self.max_tokens):
            return {**options, "max_length": self.max_tokens}
        return options

    def _encode(self, inputs: Sequence[Any], options: dict[str, Any], first: int) -> TokenRows:
        texts, pairs = _texts_and_pairs(inputs, first)
        options = {name: value for name, value in options.items() if name not in WITHOUT_EFFECT}
        options["verbose"] = False  # its warning of long rows would come before our error
        paired = [row for row, pair in enumerate(pairs) if pair is not None]
        if not paired:
            return token_rows(self.tokenizer(texts, **options))
        if len(paired) == len(texts):
            return token_rows(self.tokenizer(texts, pairs, **options))
        single = [row for row, pair in enumerate(pairs) if pair is None]
        alone = token_rows(self.tokenizer([texts[row] for row in single], **options))
        both = token_rows(self.tokenizer([texts[row] for row in paired], [pairs[row] for row in paired], **options))
        return _interleaved(alone, both, np.argsort(np.array(single + paired, dtype=np.int64)))

    def _check_lengths(self, rows: TokenRows, first: int) -> None:
        if self.max_tokens is None:
            return
        long = np.flatnonzero(rows.lengths > self.max_tokens)
        if len(long):
            raise ConfigError(
                f"row {first + int(long[0])} has {int(rows.lengths[long[0]])} tokens, the model reads at most "
                f"{self.max_tokens}; pass truncation=True to cut it, or split the text"
            )

    def _own_function(self) -> str:
        config = self.model.config
        if config.problem_type == "regression":
            return "none"
        if config.problem_type == "multi_label_classification" or config.num_labels == 1:
            return "sigmoid"
        return "softmax"


def _call_options(options: Mapping[str, Any]) -> CallOptions:
    tokenizer = dict(options)
    top_k = tokenizer.pop("top_k", "")
    function = tokenizer.pop("function_to_apply", None)
    batch_size = tokenizer.pop("batch_size", None)
    tokenizer.pop("num_workers", None)  # the tokenizer has its own threads
    if "return_all_scores" in tokenizer:
        raise ConfigError("return_all_scores is gone since transformers 5; top_k=None returns all scores")
    unknown = sorted(set(tokenizer) - set(TOKENIZER_OPTIONS))
    if unknown:
        known = ", ".join(("top_k", "function_to_apply", "batch_size", *TOKENIZER_OPTIONS))
        raise ConfigError(f"unknown option {unknown[0]!r}; the options are {known}")
    if not (top_k is None or top_k == "" or (isinstance(top_k, int) and not isinstance(top_k, bool) and top_k > 0)):
        raise ConfigError(f"top_k must be a number of labels from 1, or None for all, got {top_k!r}")
    if function is not None:
        name = str(getattr(function, "value", function)).lower()
        if name not in (*FUNCTIONS, "default"):
            raise ConfigError(f"function_to_apply must be one of {', '.join(map(repr, FUNCTIONS))}, got {function!r}")
        function = None if name == "default" else name
    if batch_size is not None:
        check_count("batch_size", batch_size, 1)
    return CallOptions(top_k, function, batch_size, tokenizer)


def _is_finite(inputs: Any) -> bool:
    """Whether the whole input is at hand: then the result is a list, else an iterator."""
    if isinstance(inputs, (list, tuple)):
        return True
    return isinstance(inputs, np.ndarray) or type(inputs).__name__ in ("Series", "Column", "ChunkedArray")


def _by_index(dataset: Any) -> Iterator[Any]:
    if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
        raise TextTypeError(f"inputs must be texts, pairs or an iterable of them, got {type(dataset).__name__}")
    return (dataset[index] for index in range(len(dataset)))


def _texts_and_pairs(inputs: Sequence[Any], first: int) -> tuple[list[str], list[str | None]]:
    texts: list[str] = []
    pairs: list[str | None] = []
    for row, value in enumerate(inputs, start=first):
        pair = None
        if isinstance(value, Mapping):
            extra = sorted(map(str, set(value) - {"text", "text_pair"}))
            if "text" not in value or extra:
                keys = ", ".join(repr(key) for key in value) or "none"
                raise ConfigError(f"row {row}: a dict must have the key 'text' and may have 'text_pair', has {keys}")
            value, pair = value["text"], value.get("text_pair")
        elif isinstance(value, (list, tuple)):
            raise ConfigError(
                f"row {row} is a {type(value).__name__}; a pair of texts is a dict: "
                '{"text": "first", "text_pair": "second"}'
            )
        for text in (value,) if pair is None else (value, pair):
            if not isinstance(text, str):
                raise TextTypeError(f"row {row}: a text must be a str, got {type(text).__name__}")
        texts.append(value)
        pairs.append(pair)
    return texts, pairs


def _interleaved(first: TokenRows, second: TokenRows, order: NDArray[np.int64]) -> TokenRows:
    """The rows of both, put into ``order``: positions in first's rows followed by second's."""
    lengths = np.concatenate([first.lengths, second.lengths])
    starts = np.concatenate([first.row_splits[:-1], second.row_splits[:-1] + len(first.ids)])[order]
    splits = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum(lengths[order], out=splits[1:])
    source = np.arange(splits[-1]) + np.repeat(starts - splits[:-1], lengths[order])
    type_ids = None
    if first.type_ids is not None and second.type_ids is not None:
        type_ids = np.concatenate([first.type_ids, second.type_ids])[source]
    return TokenRows(np.concatenate([first.ids, second.ids])[source], type_ids, splits)


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


def _results(scores: NDArray[np.float32], labels: list[str], top_k: int | str | None) -> list[Any]:
    if isinstance(top_k, str):
        best = scores.argmax(axis=1)
        return [{"label": labels[label], "score": float(row[label])} for row, label in zip(scores, best, strict=True)]
    kept = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    return [
        [{"label": labels[label], "score": float(row[label])} for label in ranked]
        for row, ranked in zip(scores, kept, strict=True)
    ]
