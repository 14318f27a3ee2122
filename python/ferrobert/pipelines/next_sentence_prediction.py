"""Next-sentence prediction: whether the second text of a pair follows the first.

transformers has the model and no pipeline for it. Label 0 is "IsNext", as in BERT's code and in transformers; a widely
copied tutorial prints the two the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ferrobert.errors import ConfigError
from ferrobert.models.checkpoint import NEXT_SENTENCE
from ferrobert.pipelines.inputs import check_text, text_and_pair
from ferrobert.pipelines.text_classification import LabelOptions, TextClassificationPipeline

LABELS = ("IsNext", "NotNext")
HOW = 'a pair is ("first", "second") or {"text": "first", "text_pair": "second"}'


class NextSentencePredictionPipeline(TextClassificationPipeline):
    """Tell whether second texts follow their first ones, with the head of BERT's pretraining.

    Args:
        model, tokenizer, device, dtype, batch_tokens: see `ferrobert.pipeline`.
        **options: defaults for the options of ``__call__``.

    Raises:
        CheckpointError: no such model, or it has no next-sentence head.
        ConfigError: an option that is not known or has a value that is not allowed.

    Example:
        >>> from transformers import BertConfig, BertForNextSentencePrediction
        >>> from ferrobert import BertTokenizer
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "."]
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> config = BertConfig(vocab_size=9, hidden_size=8, num_attention_heads=2, intermediate_size=8)
        >>> follows = NextSentencePredictionPipeline(BertForNextSentencePrediction(config), tokenizer, device="cpu")
        >>> sorted(one["label"] for one in follows(("The cat.", "The cat sat."), top_k=None))
        ['IsNext', 'NotNext']
    """

    task = "next-sentence-prediction"
    keeps_labels = False
    head = NEXT_SENTENCE
    reads_windows = False  # a window without the end of the first text says nothing of what follows it

    @property
    def labels(self) -> list[str]:
        """Names of the labels in the order of the logits: "IsNext", "NotNext"."""
        return list(LABELS)

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Judge one pair of texts, a list, or a stream.

        Args:
            inputs: a tuple of two texts; a ``{"text": ..., "text_pair": ...}``; a list of those (in it a pair may be a
                list of two texts too); or a stream of those.
            top_k: how many of the two labels to return, best first; ``None`` is both. Without it, the best one alone.
            function_to_apply: "softmax" (the default), "sigmoid" or "none".
            truncation, max_length, ...: options for the tokenizer.
            batch_size: at most this many rows in a batch; also how far a stream is read ahead (default 1,024).
            progress: ``True`` shows a bar on stderr, where that is a terminal: rows, rows a second, time that remains.

        Returns:
            ``{"label": "IsNext" or "NotNext", "score": float}`` for each pair, bare for one pair; lists of them where
            ``top_k`` is given. A stream gives an iterator, in the order of the input.

        Raises:
            ConfigError: (a ValueError) an option or input that is not allowed; a pair longer than the model can read
                and no ``truncation``: the message names row, tokens and limit.
            TextTypeError: (a TypeError and ValueError) a text that is not a ``str``.
            DecodeError: the model returns NaN.
            UnicodeEncodeError: a text holds a lone surrogate.

        Example:
            >>> follows(("He opened the door.", "The room was dark."))  # doctest: +SKIP
            {'label': 'IsNext', 'score': 0.99}
        """
        if isinstance(inputs, str):
            raise ConfigError(f"next-sentence prediction needs two texts, got one str; {HOW}")
        if isinstance(inputs, tuple) and inputs and all(isinstance(text, str) for text in inputs):
            inputs = dict(zip(("text", "text_pair"), self._read(inputs, 0), strict=True))
        return super().__call__(inputs, **options)

    predict = transform = __call__

    def _read(self, value: Any, row: int) -> tuple[str, str]:
        if isinstance(value, (tuple, list)) and len(value) == 2:
            return check_text(value[0], row), check_text(value[1], row)
        if not isinstance(value, Mapping):
            given = f"{len(value)} texts" if isinstance(value, (tuple, list)) else f"one {type(value).__name__}"
            raise ConfigError(f"row {row}: next-sentence prediction needs two texts, got {given}; {HOW}")
        text, pair = text_and_pair(value, row)
        if pair is None:
            raise ConfigError(f"row {row}: next-sentence prediction needs two texts, 'text_pair' is missing; {HOW}")
        return text, pair

    @classmethod
    def _call_options(cls, options: Mapping[str, Any]) -> LabelOptions:
        if "merge" in options:
            raise ConfigError("unknown option 'merge': pairs are not read in windows, truncation=True cuts long ones")
        return super()._call_options(options)

    def _own_function(self) -> str:
        return "softmax"
