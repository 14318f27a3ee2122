"""The interface that the tokenizers of all families share: transformers' calls over a backend of flat columns."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from ferrobert.encoding.batch import BatchEncoding
from ferrobert.encoding.columns import Columns
from ferrobert.encoding.row import Encoded
from ferrobert.errors import ConfigError
from ferrobert.inputs import batch_of, check_side, check_tensors, chosen, columns_of, filled, rows_of
from ferrobert.tokenizer.plan import Plan, lengths_of, pad_id_of, plan_of
from ferrobert.tokenizer.vocabulary import Vocabulary

__all__ = ["Tokenizer"]

# Different options that are kept: more than a program has calls, and little memory.
_PLANS = 64


class Tokenizer(Vocabulary):
    """Immutable; usable from many threads, picklable, and after ``fork``. Options change by :meth:`replace`.

    Built by its subclasses. See :class:`ferrobert.BertTokenizer` for the arguments and an example.
    """

    _plans: dict[Any, Plan]

    is_fast = True

    def __call__(
        self,
        text: Any,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        split_special_tokens: bool | None = None,
        truncation_side: str | None = None,
    ) -> BatchEncoding:
        """Encodes one text or a batch; batches run on all cores without the GIL.

        Args:
            text: A string, a list of strings, or with ``is_split_into_words`` a list of words or a list of
                such lists. A batch may also be a list of pairs, or a column of texts (of lists of words): of
                pyarrow, polars, pandas, ``datasets`` or whatever else has ``__arrow_c_stream__`` or
                ``__arrow_c_array__``. A column is read where it is, without Python strings: its owner must not
                change the buffers while the call runs, nor while the encoding is used, which reads them again for
                offsets, words and ``texts``.
            text_pair: The second sequences, as many as texts: a list or a column.
            add_special_tokens: Put ``[CLS]`` and ``[SEP]`` around the sequences.
            padding: ``False``, ``True`` or ``"longest"``, ``"max_length"``.
            truncation: ``False``, ``True`` or ``"longest_first"``, ``"only_first"``, ``"only_second"``. ``None``
                means ``"longest_first"`` where ``max_length`` is given without ``padding``, else ``False``.
            max_length: Largest number of tokens; by default the model's.
            stride: Tokens that a window shares with the one before.
            is_split_into_words: Strings are words; offsets are then relative to the word.
            pad_to_multiple_of: Round the padded width up to a multiple.
            padding_side: ``"right"`` or ``"left"``; by default the tokenizer's.
            return_tensors: ``None`` for lists, ``"np"`` for int64 arrays, ``"pt"`` for tensors.
            return_token_type_ids: By default as the model takes them.
            return_attention_mask: By default as the model takes them.
            return_overflowing_tokens: Return all windows of long texts, not only the first.
            return_special_tokens_mask: 1 for added special tokens and padding.
            return_offsets_mapping: Character spans of the tokens.
            return_length: Number of tokens of each row.
            verbose: Warn where a row is longer than the model takes.
            split_special_tokens: Treat special tokens in the text as text.
            truncation_side: ``"right"`` or ``"left"``; by default the tokenizer's.

        Returns:
            BatchEncoding: rows under transformers' keys. For one text without ``return_tensors`` and windows the
            values are a single row.

        Raises:
            TextTypeError: something is not a string; says where.
            UnicodeEncodeError: a string holds a lone surrogate.
            UnicodeDecodeError: a row of a column is not UTF-8.
            DataError: a column breaks the Arrow C data interface.
            ConfigError: options that are not allowed, cannot be met or contradict each other.
        """
        options = (
            padding,
            truncation,
            max_length,
            pad_to_multiple_of,
            padding_side,
            return_tensors,
            add_special_tokens,
            truncation_side,
            stride,
            return_overflowing_tokens,
            is_split_into_words,
            split_special_tokens,
            return_offsets_mapping,
            return_token_type_ids,
            return_attention_mask,
            return_special_tokens_mask,
            return_length,
            verbose,
        )
        # Values of other types may be equal to allowed ones: 1 and True, 8.0 and 8.
        types = (padding.__class__, truncation.__class__, max_length.__class__, pad_to_multiple_of.__class__)
        try:
            plan = self._plans[options, types, add_special_tokens.__class__, stride.__class__]
        except (KeyError, TypeError):
            plan = plan_of(self, self._backend, *options)
            self._keep_plan((options, types, add_special_tokens.__class__, stride.__class__), plan)
        if plan.warning is not None:
            warnings.warn(plan.warning, stacklevel=2)
        if plan.encode_text is not None and text_pair is None and text.__class__ is str:
            values = plan.encode_text(text)
            if len(values["input_ids"]) > plan.longest_row:
                self._warn_of_long_row(len(values["input_ids"]))
            return BatchEncoding.of_text(values, (self._encode, plan, text))
        texts, pairs, batched = batch_of(text, text_pair, plan.arguments["is_split_into_words"])
        return self._encode(plan, texts, pairs, batched)

    def _keep_plan(self, key: Any, plan: Plan) -> None:
        """Remembers what the options of a call come to; not where they are arrays, or there are ever new ones."""
        try:
            hash(key)
        except TypeError:
            return
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        self._plans[key] = plan

    def _encode(self, plan: Plan, texts: Any, pairs: Any = None, batched: bool = False) -> BatchEncoding:
        """Encodes a batch; ``batched`` tells whether it came as one."""
        encode, arguments = self._backend.encode, plan.arguments
        columns = Columns(
            encode(texts, pairs, **arguments, align="offset_mapping" in plan.keys),
            lambda: encode(texts, pairs, **arguments, align=True),
        )
        padding = plan.padding
        if plan.strategy is not None:
            width = padding.width
            if width is None:
                width = _longest(columns, arguments["overflow"])
            padding = replace(padding, width=-(-width // plan.multiple) * plan.multiple)
        if len(columns.ids) > plan.longest_row:
            longest = columns.row_lengths[1]
            if longest > plan.longest_row:
                self._warn_of_long_row(longest)
        made = Encoded(
            columns,
            self,
            texts,
            pairs,
            arguments["is_split_into_words"],
            padding,
            plan.tensors,
            batched=batched or arguments["overflow"],
            whole=arguments["truncation"] is None or arguments["overflow"],
        )
        return BatchEncoding.of_columns(made, plan.keys)

    def _warn_of_long_row(self, longest: int) -> None:
        warnings.warn(
            f"a row has {longest} tokens, the model takes {self._options.model_max_length}: pass truncation=True, "
            "or return_overflowing_tokens=True for windows",
            stacklevel=_caller(),
        )

    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any) -> Any:
        """The tokens of a text, as strings."""
        return self(text, pair, add_special_tokens=add_special_tokens, **options).tokens()

    def encode(self, text: Any, text_pair: Any = None, add_special_tokens: bool = True, **options: Any) -> Any:
        """The ids of a text: ``tokenizer(text)["input_ids"]``."""
        return self(text, text_pair, add_special_tokens=add_special_tokens, **options)["input_ids"]

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Number of special tokens around a text, or around a pair."""
        return len(self([("", "")] if pair else [""])["input_ids"][0])

    @property
    def max_len_single_sentence(self) -> int:
        """Tokens of a text that fit the model."""
        return self._options.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self) -> int:
        """Tokens of a pair that fit the model."""
        return self._options.model_max_length - self.num_special_tokens_to_add(pair=True)

    def as_transformers(self) -> Any:
        """An equal tokenizer of transformers, for its Trainer, collators and pipelines.

        Raises:
            MissingDependencyError: transformers is not installed.
        """
        from ferrobert.models._hf import as_transformers

        return as_transformers(self)

    # --- rows to batches ---------------------------------------------------------------------------

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pads encoded rows to one width.

        Args:
            encoded_inputs: A list of encodings (mappings with ``input_ids``), or one mapping of rows. Other keys
                than those of tokenizers are kept as they are.
            padding: ``True`` or ``"longest"``, ``"max_length"``, ``False``.
            max_length: Width for ``"max_length"``.
            pad_to_multiple_of: Round the width up to a multiple.
            padding_side: ``"right"`` or ``"left"``; by default the tokenizer's.
            return_attention_mask: By default as the model takes them.
            return_tensors: ``None`` for lists, ``"np"``, ``"pt"``.
            verbose: Ignored.

        Returns:
            BatchEncoding: key -> rows.

        Raises:
            ConfigError: rows have no ``input_ids``, or have other keys than the first.
        """
        rows = rows_of(encoded_inputs)
        single = not isinstance(rows, list)
        columns: dict[str, list[Any]] = {key: [value] for key, value in rows.items()} if single else columns_of(rows)
        tensors = check_tensors(return_tensors)
        if not columns:
            return BatchEncoding()
        if "input_ids" not in columns:
            raise ConfigError(f"rows to pad need input_ids; they have {', '.join(columns)}")
        ids = columns["input_ids"]
        strategy, width, *_ = lengths_of(self, padding, False, max_length, pad_to_multiple_of)
        if strategy == "longest":
            width = max((len(row) for row in ids), default=0)
        if width is not None and pad_to_multiple_of:
            width = -(-width // pad_to_multiple_of) * pad_to_multiple_of
        side = check_side("padding_side", padding_side or self._options.padding_side)
        if chosen(return_attention_mask, "attention_mask" in self._options.model_input_names):
            columns.setdefault("attention_mask", [[1] * len(row) for row in ids])
        elif return_attention_mask is False:
            columns.pop("attention_mask", None)
        fills = {
            "input_ids": pad_id_of(self, strategy),
            "attention_mask": 0,
            "token_type_ids": self._options.pad_token_type_id,
            "special_tokens_mask": 1,
        }
        padded: dict[str, Any] = {}
        for key, values in columns.items():
            if key in fills and width is not None:
                values = [filled(row, width, fills[key], side) for row in values]
            padded[key] = values
        if tensors is not None:
            return BatchEncoding(padded, tensor_type=tensors)
        return BatchEncoding({key: values[0] for key, values in padded.items()} if single else padded)


def _longest(columns: Columns, overflow: bool) -> int:
    """The longest row; of windows only each sample's first counts, as in the reference."""
    samples = columns.sample_ids
    if not overflow or not len(samples):
        return columns.row_lengths[1]
    return int(np.diff(columns.row_splits)[np.diff(samples, prepend=-1) != 0].max())


def _caller() -> int:
    """How far up the stack, from the function that asks, the user's call is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "ferrobert":
        frame, level = frame.f_back, level + 1
    return level
