"""Zero-shot classification: labels of one's own, by a model that tells whether a text entails a sentence.

Arguments and results are those of transformers' ``ZeroShotClassificationPipeline`` (v5). What differs is how it runs:
each text is encoded once, and the pairs of all texts with all labels are batched together by length, where transformers
encodes and runs each alone; and what a long text says behind the model's limit is read, where transformers cuts it off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, TextTypeError
from ferrobert.inputs import check_flag
from ferrobert.models.checkpoint import CLASSIFIER
from ferrobert.pipelines.base import READ_AHEAD, Pipeline, check_numbers
from ferrobert.pipelines.forward import Forward
from ferrobert.pipelines.inputs import check_text, is_finite
from ferrobert.pipelines.options import CallOptions, shared_options
from ferrobert.pipelines.rows import TokenRows, paired
from ferrobert.pipelines.text_classification import check_merge, merged

TEMPLATE = "This example is {}."
OPTIONS = ("candidate_labels", "hypothesis_template", "multi_label", "merge")


@dataclass(frozen=True, slots=True)
class ZeroShotOptions(CallOptions):
    """The options of one call, checked.

    Attributes:
        labels: the labels to choose from: the same for all texts, or a list for each of them.
        of_each: whether there is a list for each text.
        template: what makes a sentence of a label.
        multi_label: whether each label is judged alone.
        merge: how the logits of a long text's windows become those of the text.
    """

    labels: tuple[Any, ...] = ()
    of_each: bool = False
    template: str = TEMPLATE
    multi_label: bool = False
    merge: str = "mean"


class Labelled(NamedTuple):
    """A text and the labels to choose from."""

    text: str
    labels: list[str]


class ZeroShotClassificationPipeline(Pipeline):
    """Classify texts by labels that are chosen at the call, with a model of natural language inference.

    Args:
        model, tokenizer, device, dtype, batch_tokens: see `ferrobert.pipeline`.
        **options: defaults for the options of ``__call__``.

    Raises:
        CheckpointError: no such model, or it has no classification head.
        ConfigError: an option that is not known or has a value that is not allowed; a model without a label that begins
            with "entail".

    Example:
        >>> from transformers import BertConfig, BertForSequenceClassification
        >>> from ferrobert import BertTokenizer
        >>> vocab = "[PAD] [UNK] [CLS] [SEP] [MASK] this example is sports money . they won the game".split()
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> config = BertConfig(vocab_size=15, hidden_size=8, num_attention_heads=2, intermediate_size=8)
        >>> config.id2label = {0: "contradiction", 1: "neutral", 2: "entailment"}
        >>> config.label2id = {label: id for id, label in config.id2label.items()}
        >>> judge = ZeroShotClassificationPipeline(BertForSequenceClassification(config), tokenizer, device="cpu")
        >>> found = judge("They won the game", ["sports", "money"])
        >>> sorted(found), sorted(found["labels"])
        (['labels', 'scores', 'sequence'], ['money', 'sports'])
    """

    task = "zero-shot-classification"
    head = CLASSIFIER
    reads_windows = True

    def __init__(self, model: Any, tokenizer: Any = None, **options: Any) -> None:
        super().__init__(model, tokenizer, **options)
        labels = {str(label): int(id) for label, id in self.model.config.label2id.items()}
        found = [id for label, id in labels.items() if label.lower().startswith("entail")]
        if not found:
            raise ConfigError(
                f"zero-shot classification needs a model of natural language inference, with a label that begins with "
                f"'entail'; its labels are {', '.join(map(repr, labels))}"
            )
        self.entailment_id = found[0]

    def __call__(self, sequences: Any, candidate_labels: Any = None, **options: Any) -> Any:
        """Classify one text, a list, or a stream.

        Args:
            sequences: a ``str``; a list (or tuple, array, column) of them; or a stream of them (generator, torch
                ``Dataset``, any other iterable).
            candidate_labels: the labels: a list, or a ``str`` with commas between them; or, for a list of texts, a list
                of lists, one for each text.
            hypothesis_template: what makes a sentence of a label, with ``{}`` in its place ("This example is {}.").
            multi_label: ``True`` judges each label alone, entailment against contradiction; else the scores of a text's
                labels sum to 1.
            merge: a text longer than the model reads is read in windows; "mean" (the default) or "max" of their logits,
                or the "first" window's, are those of the text.
            truncation, max_length, ...: options for the tokenizer; ``truncation="only_first"`` cuts long texts, as
                transformers does.
            batch_size: at most this many pairs in a batch; also how far a stream is read ahead (default 1,024 pairs).
            progress: ``True`` shows a bar on stderr, where that is a terminal: rows, rows a second, time that remains.

        Returns:
            ``{"sequence": str, "labels": [...], "scores": [...]}`` for each text, the highest score first; bare for a
            ``str``. A stream gives an iterator, in the order of the input.

        Raises:
            ConfigError: (a ValueError) no labels, a template without ``{}``; an option that is not
                allowed; a label that leaves no room for the text.
            TextTypeError: (a TypeError and ValueError) a text or label that is not a ``str``.
            DecodeError: the model returns NaN.
            UnicodeEncodeError: a text holds a lone surrogate.

        Example:
            >>> judge("Apple unveiled a new phone.", ["technology", "sports"])  # doctest: +SKIP
            {'sequence': 'Apple unveiled a new phone.', 'labels': ['technology', 'sports'], 'scores': [0.98, 0.02]}
        """
        given = {} if candidate_labels is None else {"candidate_labels": candidate_labels}
        chosen = self._call_options({**self._defaults, **options, **given})
        if not chosen.labels:
            raise ConfigError("candidate_labels are missing: a list of labels, or a str with commas between them")
        if isinstance(sequences, str):
            if chosen.of_each and len(chosen.labels) != 1:
                raise ConfigError(f"candidate_labels has a list for each of {len(chosen.labels)} texts, there is one")
            return self._run([sequences], chosen, 0)[0]
        if isinstance(sequences, Mapping):
            raise TextTypeError("sequences must be texts or an iterable of them, got a dict")
        if chosen.of_each and not is_finite(sequences):
            raise ConfigError("a stream has the same candidate_labels for all texts; give a list for each to a list")
        return self._results(sequences, chosen)

    predict = transform = __call__

    @classmethod
    def _call_options(cls, options: Mapping[str, Any]) -> ZeroShotOptions:
        rest = {name: value for name, value in options.items() if value is not None}
        labels, of_each = _labels_of(rest.pop("candidate_labels", ()))
        template = rest.pop("hypothesis_template", TEMPLATE)
        if not isinstance(template, str) or (labels and _sentence(template, "a") == _sentence(template, "b")):
            raise ConfigError(f"hypothesis_template must be a str with {{}} where the label goes, got {template!r}")
        multi_label = check_flag("multi_label", rest.pop("multi_label", False))
        merge = check_merge(rest.pop("merge", "mean"))
        shared = shared_options(rest, OPTIONS)
        return ZeroShotOptions(
            **shared, labels=labels, of_each=of_each, template=template, multi_label=multi_label, merge=merge
        )

    def _read(self, value: Any, row: int) -> tuple[str, str]:
        text, sentence = value
        return text, sentence

    def _encode(
        self, inputs: Sequence[Any], chosen: CallOptions, numbers: Sequence[int], limit: int | None = None
    ) -> TokenRows:
        if not chosen.tokenizer and inputs:
            with suppress(UnicodeEncodeError):  # named below
                rows = paired(self.tokenizer, inputs)
                if rows is not None:
                    return rows
        return super()._encode(inputs, chosen, numbers, limit)

    def _read_ahead(self, chosen: Any) -> int:
        return max(1, super()._read_ahead(chosen) // len(chosen.labels))

    def _run(self, inputs: Sequence[Any], chosen: ZeroShotOptions, first: int) -> list[Any]:
        if chosen.of_each and len(chosen.labels) != len(inputs):
            raise ConfigError(f"candidate_labels has lists for {len(chosen.labels)} texts, there are {len(inputs)}")

        def read(text: Any, row: int) -> Labelled:
            return Labelled(
                check_text(text, row), chosen.labels[row - first] if chosen.of_each else list(chosen.labels)
            )

        found: list[Any] = []
        # So many texts at a time that their pairs are a block.
        for start, asked in self._blocks(inputs, first, read, lambda one: len(one.labels), READ_AHEAD):
            found += self._judged(asked, chosen, start)
        return found

    def _judged(self, asked: Sequence[Labelled], chosen: ZeroShotOptions, first: int) -> list[dict[str, Any]]:
        pairs = [(one.text, _sentence(chosen.template, label)) for one in asked for label in one.labels]
        numbers = [number for number, one in enumerate(asked, start=first) for _ in one.labels]
        windows = self._windows(pairs, chosen, numbers)
        logits = Forward(self, chosen, len(asked)).of_rows(windows.rows)
        logits = merged(logits, windows.starts, chosen.merge)  # (pairs, labels of the model)
        text_starts = np.cumsum([0, *(len(one.labels) for one in asked[:-1])])
        check_numbers(np.logical_or.reduceat(np.isnan(logits).any(axis=1), text_starts), first)
        results = []
        start = 0
        for one in asked:
            scores = self._scores(logits[start : start + len(one.labels)], chosen.multi_label)
            start += len(one.labels)
            order = np.argsort(scores, kind="stable")[::-1]
            results.append(
                {
                    "sequence": one.text,
                    "labels": [one.labels[place] for place in order],
                    "scores": scores[order].tolist(),
                }
            )
        return results

    def _scores(self, logits: NDArray[np.float32], multi_label: bool) -> NDArray[np.float32]:
        """Scores of a text's labels, ``(labels,)``, of its logits ``(labels, labels of the model)``."""
        entailment = logits[:, self.entailment_id]
        if multi_label or len(logits) == 1:
            contradiction = logits[:, -1 if self.entailment_id == 0 else 0]
            both = np.stack([contradiction, entailment], axis=1)
            powers = np.exp(both - both.max(axis=1, keepdims=True))
            alone: NDArray[np.float32] = powers[:, 1] / powers.sum(axis=1)
            return alone
        powers = np.exp(entailment - entailment.max())
        shared: NDArray[np.float32] = powers / powers.sum()
        return shared


def _labels_of(given: Any) -> tuple[tuple[Any, ...], bool]:
    """Labels, or a list of labels for each text; and which of the two."""
    if isinstance(given, str):
        return _checked(label.strip() for label in given.split(",") if label.strip()), False
    if not isinstance(given, Iterable) or isinstance(given, (bytes, Mapping)):
        raise TextTypeError(f"candidate_labels must be a list of str, or a str, got {type(given).__name__}")
    labels = given.to_pylist() if hasattr(given, "to_pylist") else list(given)
    if (
        labels
        and not any(isinstance(label, str) for label in labels)
        and all(isinstance(label, Iterable) and not isinstance(label, (bytes, Mapping)) for label in labels)
    ):
        lists = [list(_checked(one, f"candidate_labels[{row}]")) for row, one in enumerate(labels)]
        empty = [row for row, one in enumerate(lists) if not one]
        if empty:
            raise ConfigError(f"candidate_labels[{empty[0]}] is empty")
        return tuple(lists), True
    return _checked(labels), False


def _checked(labels: Iterable[Any], name: str = "candidate_labels") -> tuple[str, ...]:
    found = tuple(label.as_py() if hasattr(label, "as_py") else label for label in labels)  # of Arrow
    for label in found:
        if not isinstance(label, str):
            raise TextTypeError(f"{name} must be str, got {type(label).__name__}")
    return found


def _sentence(template: str, label: str) -> str:
    try:
        return template.format(label)
    except (IndexError, KeyError, ValueError):
        raise ConfigError(
            f"hypothesis_template must be a str with {{}} where the label goes, got {template!r}"
        ) from None
