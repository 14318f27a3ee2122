"""Feature extraction: the hidden states of an encoder's last layer, of every token or pooled to a vector a text.

Arguments and results are those of transformers' ``FeatureExtractionPipeline`` (v5); ``pooling`` and ``normalize`` are
added, and make sentence embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, TextTypeError
from ferrobert.inputs import check_flag
from ferrobert.models.checkpoint import ENCODER
from ferrobert.pipelines.base import Pipeline, check_numbers
from ferrobert.pipelines.forward import Forward
from ferrobert.pipelines.options import CallOptions, shared_options
from ferrobert.pipelines.windows import Windows

POOLINGS = ("cls", "mean", "max")
OPTIONS = ("pooling", "normalize", "return_tensors", "tokenize_kwargs")


@dataclass(frozen=True, slots=True)
class FeatureOptions(CallOptions):
    """The options of one call, checked.

    Attributes:
        pooling: how the tokens of a text become a vector; ``None`` keeps them.
        normalize: whether vectors get length 1.
        tensors: "pt" for tensors, "np" for arrays, ``None`` for lists.
    """

    pooling: str | None = None
    normalize: bool = False
    tensors: str | None = None


class FeatureExtractionPipeline(Pipeline):
    """Turn texts into the hidden states of an encoder.

    Args:
        model, tokenizer, device, dtype, batch_tokens: see `ferrobert.pipeline`.
        **options: defaults for the options of ``__call__``.

    Raises:
        CheckpointError: no such model.
        ConfigError: an option that is not known or has a value that is not allowed.

    Example:
        >>> from transformers import BertConfig, BertModel
        >>> from ferrobert import BertTokenizer
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "sat"]
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> config = BertConfig(vocab_size=8, hidden_size=16, num_attention_heads=2, intermediate_size=8)
        >>> embed = FeatureExtractionPipeline(BertModel(config), tokenizer, device="cpu")
        >>> embed("a cat sat", return_tensors=True).shape
        torch.Size([1, 5, 16])
        >>> embed(["a cat", "a cat sat"], pooling="mean", normalize=True, return_tensors="np").shape
        (2, 16)
    """

    task = "feature-extraction"
    head = ENCODER
    reads_windows = True

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Features of one text, a list, or a stream.

        Args:
            inputs: a ``str``; a ``{"text": ..., "text_pair": ...}``; a list (or tuple, array, column) of those; or a
                stream of those (generator, torch ``Dataset``, any other iterable).
            pooling: one vector a text: "cls" (the first token's), "mean" or "max" of all tokens, special ones included.
                Without it every token's. With it a text longer than the model reads is read in windows: "mean" and
                "max" are of each of its tokens once, from the window that shows most tokens on both sides of it; "cls"
                is the mean of the windows' first tokens.
            normalize: vectors of length 1: with ``pooling``.
            return_tensors: ``True`` or "pt" for tensors, "np" for arrays; by default lists of floats.
            tokenize_kwargs: options for the tokenizer, as in transformers.
            truncation, max_length, ...: the same, given directly; ``truncation=True`` cuts long texts, ``stride`` is
                how many tokens windows share (a quarter of a window, at most 128).
            batch_size: at most this many rows in a batch; also how far a stream is read ahead (default 1,024).
            progress: ``True`` shows a bar on stderr, where that is a terminal: rows, rows a second, time that remains.

        Returns:
            Without ``pooling``, for each text what transformers gives: ``(1, tokens, hidden)``, nested lists of floats
            or a tensor. With it ``(hidden,)`` for each text; of a list of texts, as tensors or arrays, ``(texts,
            hidden)``. float32, on the CPU. A stream gives an iterator, in the order of the input.

        Raises:
            ConfigError: (a ValueError) an option or input that is not allowed; without ``pooling``, or with
                ``truncation=False``, a text longer than the model can read: the message names row, tokens and limit.
            TextTypeError: (a TypeError and ValueError) a text that is not a ``str``.
            DecodeError: the model returns NaN.
            UnicodeEncodeError: a text holds a lone surrogate.

        Example:
            >>> embed("A cat sat on the mat.", pooling="mean", normalize=True)  # doctest: +SKIP
            [0.0312, -0.0841, ...]
        """
        chosen = self._call_options({**self._defaults, **options})
        if isinstance(inputs, (str, Mapping)):
            return self._run([inputs], chosen, 0)[0]
        if isinstance(inputs, (bytes, bytearray)):
            raise TextTypeError(f"inputs must be texts or an iterable of them, got {type(inputs).__name__}")
        found = self._results(inputs, chosen)
        if chosen.pooling is None or chosen.tensors is None or not isinstance(found, list):
            return found
        if not found:
            none = np.empty((0, self.model.config.hidden_size), np.float32)
            return torch.from_numpy(none) if chosen.tensors == "pt" else none
        return torch.stack(found) if chosen.tensors == "pt" else np.stack(found)

    predict = transform = __call__

    @classmethod
    def _call_options(cls, options: Mapping[str, Any]) -> FeatureOptions:
        rest = {name: value for name, value in options.items() if value is not None}
        pooling = rest.pop("pooling", None)
        if pooling not in (None, *POOLINGS):
            raise ConfigError(f"pooling must be one of {', '.join(map(repr, POOLINGS))}, or None, got {pooling!r}")
        normalize = check_flag("normalize", rest.pop("normalize", False))
        if normalize and pooling is None:
            raise ConfigError("normalize goes with pooling: it makes vectors of texts have length 1")
        tensors = rest.pop("return_tensors", False)
        if not isinstance(tensors, bool) and tensors not in ("pt", "np"):
            raise ConfigError(f'return_tensors must be True, False, "pt" or "np", got {tensors!r}')
        nested = rest.pop("tokenize_kwargs", {})
        if not isinstance(nested, Mapping):
            raise ConfigError(f"tokenize_kwargs must be a dict of options, got {type(nested).__name__}")
        twice = sorted(set(nested) & set(rest))
        if twice:
            raise ConfigError(f"{twice[0]} is given twice: in tokenize_kwargs and directly")
        shared = shared_options({**rest, **nested}, OPTIONS)
        kind = "pt" if tensors is True else tensors or None
        return FeatureOptions(**shared, pooling=pooling, normalize=normalize, tensors=kind)

    def _run(self, inputs: Sequence[Any], chosen: FeatureOptions, first: int) -> list[Any]:
        if not inputs:
            return []
        numbers = range(first, first + len(inputs))
        forward = Forward(self, chosen, len(inputs))
        features: list[NDArray[np.float32]]
        if chosen.pooling is None:
            rows = self._rows(inputs, chosen, numbers)
            [states] = forward.of_tokens(rows, ("last_hidden_state",))
            splits = rows.row_splits.tolist()
            features = [states[None, start:end] for start, end in pairwise(splits)]
        else:
            windows = self._windows(inputs, chosen, numbers)
            vectors = merged(forward.of_texts(windows.rows, chosen.pooling, windows.read), windows, chosen.pooling)
            if chosen.normalize:
                vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
            features = list(vectors)
        check_numbers(np.array([np.isnan(one).any() for one in features]), first)
        if chosen.tensors == "pt":
            return [torch.from_numpy(one) for one in features]
        return features if chosen.tensors == "np" else [one.tolist() for one in features]


def merged(vectors: NDArray[np.float32], windows: Windows, pooling: str) -> NDArray[np.float32]:
    """Vectors of texts ``(texts, hidden)``, of those of their windows ``(windows, hidden)``."""
    if windows.read is None:
        return vectors
    if pooling == "max":
        highest: NDArray[np.float32] = np.maximum.reduceat(vectors, windows.starts)
        return highest
    # A mean of tokens weighs as many as it is of; of [CLS] each window has one.
    splits = windows.rows.row_splits[:-1]
    tokens = np.ones(len(splits)) if pooling == "cls" else np.add.reduceat(windows.read, splits, dtype=np.float64)
    sums = np.add.reduceat(vectors * tokens[:, None], windows.starts)
    means: NDArray[np.float32] = (sums / np.add.reduceat(tokens, windows.starts)[:, None]).astype(np.float32)
    return means
