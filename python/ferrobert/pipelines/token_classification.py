"""Token classification: the entities of a text (named-entity recognition), with their places in it.

Arguments and results are those of transformers' ``TokenClassificationPipeline`` (v5). What differs, with reasons, is
listed in docs/entities.md: above all, ``word`` is what the text says, words are true words, and long texts are read in
windows to their end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.entities.decoding import decode_rows, decoded_by, label_words
from ferrobert.entities.options import options_of, strategy_of
from ferrobert.entities.result import Entities
from ferrobert.errors import ConfigError, TextTypeError
from ferrobert.inputs import check_count, check_flag, encodable
from ferrobert.models.checkpoint import TOKEN_CLASSIFIER
from ferrobert.pipelines.base import Pipeline
from ferrobert.pipelines.inputs import check_text
from ferrobert.pipelines.options import CallOptions, shared_options
from ferrobert.pipelines.progress import RowBar
from ferrobert.pipelines.rows import samples_of, token_rows, window_stride

OWN_OPTIONS = (
    *("aggregation_strategy", "ignore_labels", "constrained", "compat", "is_split_into_words", "delimiter"),
    *("grouped_entities", "ignore_subwords"),
)


@dataclass(frozen=True, slots=True)
class TokenOptions(CallOptions):
    """The options of one call, checked.

    Attributes:
        strategy: how tokens become entities.
        ignore_labels: types that are left out.
        constrained: whether labels are those that the scheme allows.
        compat: whether words are transformers' joined strings.
        is_split_into_words: whether inputs are lists of words.
        delimiter: what joins words to a text.
    """

    strategy: str = "none"
    ignore_labels: tuple[str, ...] = ("O",)
    constrained: bool = False
    compat: bool = False
    is_split_into_words: bool = False
    delimiter: str = " "


class TokenClassificationPipeline(Pipeline):
    """Find the entities of texts with a token-classification model.

    Args:
        model, tokenizer, device, dtype, batch_tokens: see `ferrobert.pipeline`.
        **options: defaults for the options of ``__call__``.

    Raises:
        CheckpointError: no such model, or it has no token-classification head.
        ConfigError: an option that is not known or has a value that is not allowed.

    Example:
        >>> from transformers import BertConfig, BertForTokenClassification
        >>> from ferrobert import BertTokenizer
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tesla", "sells", "cars"]
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> config = BertConfig(vocab_size=8, hidden_size=8, num_attention_heads=2, intermediate_size=8,
        ...                     id2label={0: "B-ORG", 1: "I-ORG"}, label2id={"B-ORG": 0, "I-ORG": 1})
        >>> ner = TokenClassificationPipeline(BertForTokenClassification(config), tokenizer, device="cpu")
        >>> [entity["word"] for entity in ner("Tesla sells cars")]
        ['Tesla', 'sells', 'cars']
    """

    task = "token-classification"
    head = TOKEN_CLASSIFIER
    reads_windows = True

    @property
    def labels(self) -> list[str]:
        """Names of the labels in the order of the logits."""
        return [str(self.model.config.id2label[index]) for index in range(self.model.config.num_labels)]

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Find the entities of one text, a list, or a stream.

        Args:
            inputs: a ``str``; a list (or tuple, array, column) of those; or a stream of those (generator, torch
                ``Dataset``, any other iterable). With ``is_split_into_words`` lists of words in the place of texts.
            aggregation_strategy: "none" (the default, as in transformers) for a result a token; "simple", "first",
                "average" or "max" for entities, see `ferrobert.decode_entities`.
            grouped_entities: ``True`` for "simple", as in earlier versions of transformers.
            ignore_labels: types (labels, for "none") that are left out; by default ``["O"]``.
            constrained: take the most probable labels that the scheme of the labels allows.
            compat: ``word`` is transformers' joined string of tokens instead of the slice of the text.
            stride: tokens that windows of a long text share; by default 128, or a quarter of a window that holds less
                than 512.
            max_length: tokens of a window; by default as many as the model reads.
            truncation: ``True`` cuts a text after its first window instead; ``False`` makes a long text an error.
            is_split_into_words: inputs are lists of words.
            delimiter: what joins words to the text that spans are positions of; by default a space.
            batch_size: at most this many rows in a batch; also how far a stream is read ahead (default 1,024).
            progress: ``True`` shows a bar on stderr, where that is a terminal: rows, rows a second, time that remains.

        Returns:
            `ferrobert.Entities` for a ``str``: a ``list`` of dictionaries, see `ferrobert.decode_entities`, with the
            text as ``.text``. A list of them for a list (of one, where a flat list of words is given). A stream gives
            an iterator, in the order of the input.

        Raises:
            ConfigError: (a ValueError) an option or input that is not allowed.
            TextTypeError: (a TypeError and ValueError) a text that is not a ``str``.
            DecodeError: the model returns NaN.
            UnicodeEncodeError: a text holds a lone surrogate.

        Example:
            >>> ner("Tesla sells cars in Berlin.", aggregation_strategy="simple")  # doctest: +SKIP
            [{'entity_group': 'ORG', 'score': 0.99, 'word': 'Tesla', 'start': 0, 'end': 5},
             {'entity_group': 'LOC', 'score': 0.99, 'word': 'Berlin', 'start': 20, 'end': 26}]
        """
        chosen = self._call_options({**self._defaults, **options})
        if isinstance(inputs, str) and not chosen.is_split_into_words:
            return self._run([inputs], chosen, 0)[0]
        if isinstance(inputs, (str, Mapping)):
            wanted = "lists of words" if chosen.is_split_into_words else "texts or an iterable of them"
            raise TextTypeError(f"inputs must be {wanted}, got a {type(inputs).__name__}")
        if chosen.is_split_into_words and isinstance(inputs, (list, tuple)) and inputs and isinstance(inputs[0], str):
            inputs = [inputs]
        return self._results(inputs, chosen)

    predict = transform = __call__

    def word_labels(
        self, words: Sequence[Sequence[str]], *, constrained: bool = False, progress: bool | RowBar = False
    ) -> list[list[str]]:
        """One label a word, as evaluation needs: that of the word's first token.

        Long lists are read in windows to their end. A word without tokens (white space, control characters) is "O",
        or the first label where there is no "O".

        Args:
            words: lists of words.
            constrained: take the most probable labels that the scheme of the labels allows.
            progress: ``True`` shows a bar on stderr, where that is a terminal.

        Returns:
            A list of labels for each list of words, as long as it.

        Raises:
            ConfigError, TextTypeError, DecodeError: as for a call.

        Example:
            >>> ner.word_labels([["Tesla", "sells", "cars"]])  # doctest: +SKIP
            [['B-ORG', 'O', 'O']]
        """
        if isinstance(words, str):
            raise TextTypeError("words must be lists of words, got a str")
        defaults = _tokenizer_options(self._defaults)
        chosen = self._call_options({**defaults, "is_split_into_words": True, "progress": progress})
        found: list[list[str]] = []
        rows = list(words)
        with self._with_bar(chosen, len(rows)) as with_bar:
            for samples, encoding, logits in self._encoded(rows, with_bar, 0):
                texts = None if hasattr(encoding, "columns") else samples
                found += label_words(logits, encoding, self.labels, constrained=constrained, texts=texts)
        return found

    @classmethod
    def _call_options(cls, options: Mapping[str, Any]) -> TokenOptions:
        rest = {name: value for name, value in options.items() if value is not None}
        if "offset_mapping" in rest:
            raise ConfigError(
                "offset_mapping is not taken: the tokenizer knows where its tokens stand; "
                "ferrobert.decode_entities decodes logits of an encoding of your own"
            )
        grouped, ignore_subwords = rest.pop("grouped_entities", None), rest.pop("ignore_subwords", False)
        strategy = rest.pop("aggregation_strategy", None)
        if strategy is None:
            strategy = ("first" if ignore_subwords else "simple") if grouped else "none"
        ignored = rest.pop("ignore_labels", ("O",))
        if not isinstance(ignored, Iterable):
            raise ConfigError(f"ignore_labels must be a list of labels, got {ignored!r}")
        flags: dict[str, Any] = {
            name: check_flag(name, rest.pop(name, False)) for name in ("constrained", "compat", "is_split_into_words")
        }
        delimiter = rest.pop("delimiter", " ")
        if not isinstance(delimiter, str):
            raise ConfigError(f"delimiter must be a str, got {delimiter!r}")
        if "stride" in rest:
            check_count("stride", rest["stride"], 0)
        return TokenOptions(
            **shared_options(rest, OWN_OPTIONS),
            strategy=strategy_of(strategy),
            ignore_labels=(ignored,) if isinstance(ignored, str) else tuple(map(str, ignored)),
            delimiter=delimiter,
            **flags,
        )

    def _read(self, value: Any, row: int) -> tuple[str, None]:
        return check_text(value, row), None

    def _run(self, inputs: Sequence[Any], chosen: TokenOptions, first: int) -> list[Entities]:
        options = options_of(self.labels, chosen.strategy, chosen.constrained, chosen.ignore_labels)
        found: list[Entities] = []
        for samples, encoding, logits in self._encoded(inputs, chosen, first):
            texts = None if hasattr(encoding, "columns") else samples  # transformers' encodings do not keep them
            found += decoded_by(
                decode_rows, logits, encoding, options, texts, chosen.compat, self.tokenizer, chosen.delimiter
            )
        return found

    def _encoded(
        self, inputs: Sequence[Any], chosen: TokenOptions, first: int
    ) -> Iterator[tuple[list[Any], Any, NDArray[np.float32]]]:
        """Inputs, block by block, their encoding in windows, and the logits of its tokens, ``(tokens, labels)``."""
        options = self._window_options(chosen)
        read = _words if chosen.is_split_into_words else check_text
        for start, samples in self._blocks(inputs, first, read):
            try:
                encoding = self.tokenizer(samples, is_split_into_words=chosen.is_split_into_words, **options)
            except UnicodeEncodeError:
                words = ([sample] if isinstance(sample, str) else sample for sample in samples)
                encodable((f"row {row}", word) for row, of_row in enumerate(words, start) for word in of_row)
                raise
            yield samples, encoding, self._logits(encoding, chosen, start)

    def _window_options(self, chosen: TokenOptions) -> dict[str, Any]:
        """Options for the tokenizer: windows of what the model reads, unless the call says something else."""
        options = {**self._tokenizer_options(chosen), "return_offsets_mapping": True}
        limits = [options.get("max_length"), self.max_tokens, getattr(self.tokenizer, "model_max_length", None)]
        # Tokenizers without a limit of their own give a number beyond any text.
        limit = options.get("max_length") or min((one for one in limits if one is not None), default=None)
        if "truncation" in options:
            if chosen.truncates:
                options["max_length"] = limit
            return options
        if limit is None or limit > 1 << 30:
            return options
        special = self.tokenizer.num_special_tokens_to_add() if options.get("add_special_tokens", True) else 0
        options.setdefault("stride", window_stride(limit - special))
        return {**options, "truncation": True, "max_length": limit, "return_overflowing_tokens": True}

    def _logits(self, encoding: Any, chosen: TokenOptions, first: int) -> NDArray[np.float32]:
        """Logits of every token of an encoding, ``(tokens, labels)``."""
        rows = token_rows(encoding)
        inputs_of = first + samples_of(encoding, len(rows))
        if self.max_tokens is not None:
            long = np.flatnonzero(rows.lengths > self.max_tokens)
            if len(long):
                raise ConfigError(
                    f"row {inputs_of[long[0]]} has {int(rows.lengths[long[0]])} tokens, the model "
                    f"reads at most {self.max_tokens}; leave truncation and max_length out to read it in windows"
                )
        return self._token_logits(rows, chosen, ("logits",), inputs_of)[0]


def _words(value: Any, row: int) -> list[str]:
    """The words of one input."""
    words = None if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__") else list(value)
    if words is None or not all(isinstance(word, str) for word in words):
        raise TextTypeError(f"row {row}: is_split_into_words=True needs a list of words, got {type(value).__name__}")
    return words


def _tokenizer_options(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults without the task's own."""
    return {name: value for name, value in defaults.items() if name not in OWN_OPTIONS}
