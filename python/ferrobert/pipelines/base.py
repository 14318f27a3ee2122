"""What the pipelines share: a model on a device, and the way from texts to its outputs and back into their order."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, DecodeError, FerrobertError, row_named_by
from ferrobert.inputs import check_count, encodable
from ferrobert.models.adapters import tokenizer_of
from ferrobert.models.checkpoint import Head, load_model, position_limit
from ferrobert.models.unpadded import UnpaddedModel
from ferrobert.pipelines.device import auto_dtype, find_device, find_dtype
from ferrobert.pipelines.forward import Forward
from ferrobert.pipelines.inputs import is_finite, stream_of, text_and_pair
from ferrobert.pipelines.options import WITHOUT_EFFECT, CallOptions
from ferrobert.pipelines.progress import RowBar
from ferrobert.pipelines.rows import TokenRows, joined, token_rows, window_stride
from ferrobert.pipelines.windows import Layout, Windows, windows_of

BATCH_TOKENS_CPU = 2_048
BATCH_TOKENS_GPU = 32_768
# Rows that a stream is read ahead, so that they can be sorted by length.
READ_AHEAD = 1024
# Characters (or words) after which a block of inputs ends: logits of about a million tokens are kept at a time.
LARGEST_BLOCK = 1 << 22

Options = TypeVar("Options", bound=CallOptions)


class Pipeline(ABC):
    """A model and its tokenizer on a device; each task is a subclass with its own ``__call__``.

    Args:
        model, tokenizer, device, dtype, batch_tokens: see `ferrobert.pipeline`.
        **options: defaults for the options of ``__call__``.

    Attributes:
        task: the task's name.
        head: what the task reads of a checkpoint besides the encoder.
        reads_windows: whether texts longer than the model reads are read in windows.
        keeps_labels: whether bfloat16 gives at least 99.5 % of the labels of float32: what ``dtype="auto"`` goes by.
        model: the transformers model, in evaluation mode.
        tokenizer: what encodes the texts.
        device: where the model runs.
        batch_tokens: tokens of a batch, padding included; halved where a batch does not fit into memory.
        max_tokens: the most tokens of one row that the model can read; ``None`` where it sets no limit.
        onnx: what runs the encoder's layers with ``backend="onnx"``, else ``None``.

    Raises:
        CheckpointError: no such model, or it lacks the task's head.
        ConfigError: an option that is not known or has a value that is not allowed.
    """

    task: ClassVar[str]
    head: ClassVar[Head]
    reads_windows: ClassVar[bool] = False
    keeps_labels: ClassVar[bool] = False

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
        self._call_options(options)
        precision = find_dtype(dtype)
        self.device = find_device(device)
        if isinstance(model, (str, os.PathLike)):
            source = os.fspath(model)
            loaded = load_model(source, self.head, dtype=precision).model
            tokenizer = tokenizer_of(source) if tokenizer is None else tokenizer
        else:
            loaded = model
            if not hasattr(loaded, "parameters"):
                raise ConfigError(
                    f"model must be a checkpoint folder, the id of a model on the hub or a loaded model, got {model!r}"
                )
            if tokenizer is None:
                raise ConfigError("a model that is already loaded needs tokenizer= beside it")
            if precision is not None:
                loaded = loaded.to(precision)
        if dtype == "auto":
            loaded = loaded.to(auto_dtype(loaded.dtype, self.device, keeps_labels=self.keeps_labels))
        self.model: Any = loaded.to(self.device).eval()
        if isinstance(tokenizer, (str, os.PathLike)):
            from ferrobert import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(os.fspath(tokenizer))
        self.tokenizer = tokenizer
        default = BATCH_TOKENS_CPU if self.device.type == "cpu" else BATCH_TOKENS_GPU
        self.batch_tokens = default if batch_tokens is None else check_count("batch_tokens", batch_tokens, 1)
        self.max_tokens = position_limit(self.model)
        self.onnx: UnpaddedModel | None = None

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the model's weights."""
        found: torch.dtype = self.model.dtype
        return found

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Save model and tokenizer as a folder that `pipeline` and transformers load.

        Raises:
            CheckpointError: ``directory`` is a file, or holds an adapter.
        """
        from ferrobert.models.saving import save_model

        save_model(self.model, self.tokenizer, Path(directory))

    def token_counts(self, inputs: Sequence[Any], **tokenizer_options: Any) -> list[int]:
        """Tokens that each input takes, special tokens included."""
        chosen = CallOptions(tokenizer=tokenizer_options)
        counts: list[int] = self._encode(inputs, chosen, range(len(inputs))).lengths.tolist()
        return counts

    # What a task says

    @classmethod
    @abstractmethod
    def _call_options(cls, options: Mapping[str, Any]) -> Any:
        """The options of a call, checked: a `CallOptions`."""

    def _read(self, value: Any, row: int) -> tuple[str, str | None]:
        """The text of one input and the second text of its pair."""
        return text_and_pair(value, row)

    @abstractmethod
    def _run(self, inputs: Sequence[Any], chosen: Any, first: int) -> list[Any]:
        """Results for inputs, the first of which is named ``first`` in messages."""

    # What they share

    def _results(self, inputs: Any, chosen: CallOptions) -> Any:
        """A list of results for what is at hand, an iterator for a stream."""
        if not is_finite(inputs):
            # Results that are made wait in an iterator of C, where no Ctrl-C ends them; in a generator it would.
            return chain.from_iterable(self._stream(stream_of(inputs), chosen))
        rows = list(inputs)
        with self._with_bar(chosen, len(rows)) as with_bar:
            return self._run(rows, with_bar, 0)

    def _stream(self, rows: Iterator[Any], chosen: CallOptions) -> Iterator[list[Any]]:
        """Results of a stream, in its order; where the stream ends with an error, that comes after the last result."""
        first = 0
        ended: Exception | None = None
        with self._with_bar(chosen, None) as with_bar:
            while ended is None:
                chunk = []
                try:
                    for row in islice(rows, self._read_ahead(chosen)):
                        chunk.append(row)
                except Exception as error:  # noqa: BLE001  it is raised after the results of what came before
                    ended = error
                if not chunk and ended is None:
                    return
                try:
                    found = self._run(chunk, with_bar, first)
                except (FerrobertError, UnicodeEncodeError) as error:
                    # What came before the row that it names is answered all the same.
                    ended = error
                    _, row = row_named_by(error)
                    found = self._run(chunk[: max(0, int(row[1]) - first)] if row else [], with_bar, first)
                yield found
                first += len(chunk)
        raise ended

    @contextmanager
    def _with_bar(self, chosen: Options, rows: int | None) -> Iterator[Options]:
        """The options of a call with a bar of so many rows where it asks for one."""
        if chosen.progress is not True:
            yield chosen
            return
        with RowBar(self.task, rows) as bar:
            yield replace(chosen, progress=bar)

    def _read_ahead(self, chosen: CallOptions) -> int:
        """Inputs of a stream that are read, and answered, at a time."""
        return chosen.batch_size or READ_AHEAD

    def _rows(self, inputs: Sequence[Any], chosen: CallOptions, numbers: Sequence[int]) -> TokenRows:
        """Token rows that the model can read, one an input; inputs are called by their numbers in messages.

        Raises:
            ConfigError: an input that is not allowed, without tokens, or longer than the model can read and not cut.
        """
        rows = self._encode(inputs, chosen, numbers, self.max_tokens)
        self._check_lengths(rows, numbers, cut=chosen.truncates)
        return rows

    def _windows(self, inputs: Sequence[Any], chosen: CallOptions, numbers: Sequence[int]) -> Windows:
        """Token rows that the model can read, one or more for each input.

        What is longer than the model reads goes on in further rows, which overlap: of a pair the first text, each time
        with all of the second. A call that says how to cut has one row for each input. Inputs are called by their
        numbers in messages.

        Raises:
            ConfigError: an input that is not allowed or has no tokens; a second text that leaves no room for the first;
                a stride that leaves no room for anything new.
        """
        limit = self.max_tokens
        cuts = any(chosen.tokenizer.get(name) is not None for name in ("truncation", "max_length"))
        if cuts or limit is None or not self.reads_windows:
            rows = self._rows(inputs, chosen, numbers)
            return Windows(rows, rows, np.arange(len(rows)))
        whole = self._encode(inputs, chosen, numbers)
        long = np.flatnonzero(whole.lengths > limit).tolist()
        layouts = {row: self._layout(inputs[row], chosen, numbers[row], limit) for row in long}
        from_end = getattr(self.tokenizer, "truncation_side", "right") == "left"
        windows, inputs_of = windows_of(whole, limit, layouts, from_end=from_end)
        self._check_lengths(windows.rows, [numbers[place] for place in inputs_of.tolist()])
        return windows

    def _layout(self, value: Any, chosen: CallOptions, row: int, limit: int) -> Layout:
        """What of one long input is in all of its windows."""
        text, pair = self._read(value, row)
        options = {**self._tokenizer_options(chosen), "return_special_tokens_mask": True}
        # What stands before a text does not depend on it: a short one will do, where it has a token.
        masks = (
            list(self.tokenizer(*([[one]] if pair is None else [[one], [one]]), **options)["special_tokens_mask"][0])
            for one in ("a", text)
        )
        before = next(mask.index(0) for mask in masks if 0 in mask)
        taken = (
            self.tokenizer.num_special_tokens_to_add(pair is not None) if options.get("add_special_tokens", True) else 0
        )
        if pair is not None:
            taken += len(self.tokenizer([pair], add_special_tokens=False, verbose=False)["input_ids"][0])
        if taken >= limit:
            raise ConfigError(
                f"row {row}: its second text takes {taken} tokens with the special ones and leaves no room "
                f"for the first, as the model reads {limit}"
            )
        room = limit - taken
        stride = check_count("stride", options.get("stride", window_stride(room)), 0)
        if stride >= room:
            raise ConfigError(
                f"row {row}: stride {stride} must be less than {room}, the tokens of the text that a window holds"
            )
        return Layout(before, taken - before, stride)

    def _check_lengths(self, rows: TokenRows, numbers: Sequence[int], *, cut: bool = False) -> None:
        empty = np.flatnonzero(rows.lengths == 0)
        if len(empty):
            raise ConfigError(f"row {numbers[int(empty[0])]} has no tokens: it is empty, and special tokens are off")
        if self.max_tokens is not None:
            long = np.flatnonzero(rows.lengths > self.max_tokens)
            if len(long):
                advice = "max_length must not be more" if cut else "pass truncation=True to cut it, or split the text"
                raise ConfigError(
                    f"row {numbers[int(long[0])]} has {int(rows.lengths[long[0]])} tokens, the model reads at most "
                    f"{self.max_tokens}; {advice}"
                )

    def _tokenizer_options(self, chosen: CallOptions) -> dict[str, Any]:
        """Options of a call for the tokenizer."""
        options = {name: value for name, value in chosen.tokenizer.items() if name not in WITHOUT_EFFECT}
        return {**options, "verbose": False}  # its warning of long rows would come before our error

    def _encode(
        self, inputs: Sequence[Any], chosen: CallOptions, numbers: Sequence[int], limit: int | None = None
    ) -> TokenRows:
        """Token rows, one an input; where the tokenizer cuts to no length of its own, it cuts to the limit."""
        values = [self._read(value, number) for value, number in zip(inputs, numbers, strict=True)]
        options = self._tokenizer_options(chosen)
        if chosen.truncates and limit is not None and options.get("max_length") is None:
            own = getattr(self.tokenizer, "model_max_length", None)
            if own is None or own > limit:
                options["max_length"] = limit

        def encoded(rows: Sequence[int]) -> TokenRows:
            texts, pairs = [values[row][0] for row in rows], [values[row][1] for row in rows]
            if pairs and pairs[0] is not None:
                return token_rows(self.tokenizer(texts, pairs, **options))
            return token_rows(self.tokenizer(texts, **options))

        try:
            return self._in_parts(values, encoded)
        except UnicodeEncodeError:
            encodable(
                (f"row {number}", text) for number, pair in zip(numbers, values, strict=True) for text in pair if text
            )
            raise

    @staticmethod
    def _in_parts(values: Sequence[tuple[str, str | None]], encoded: Callable[[Sequence[int]], TokenRows]) -> TokenRows:
        """Token rows of texts and of pairs of texts, which are encoded apart."""
        single = [row for row, (_, pair) in enumerate(values) if pair is None]
        paired = [row for row, (_, pair) in enumerate(values) if pair is not None]
        if not single or not paired:
            return encoded(single or paired)
        order = np.argsort(np.array(single + paired, dtype=np.int64))
        return joined([encoded(single), encoded(paired)]).in_order(order)

    def _blocks(
        self,
        inputs: Sequence[Any],
        first: int,
        read: Callable[[Any, int], Any],
        size_of: Callable[[Any], int] = len,
        largest: int = LARGEST_BLOCK,
    ) -> Iterator[tuple[int, list[Any]]]:
        """Inputs, each checked by ``read(value, row)``, in blocks that are encoded together; before each its first row.

        A block ends after `READ_AHEAD` inputs, or with the one that makes it larger than ``largest``, by ``size_of``
        (characters, words).
        """
        samples: list[Any] = []
        size = 0
        for row, value in enumerate(inputs, start=first):
            samples.append(read(value, row))
            size += size_of(samples[-1])
            if len(samples) == READ_AHEAD or size > largest:
                yield row + 1 - len(samples), samples
                samples, size = [], 0
        if samples:
            yield first + len(inputs) - len(samples), samples

    def _token_logits(
        self, rows: TokenRows, chosen: CallOptions, fields: Sequence[str], inputs_of: NDArray[np.integer]
    ) -> list[NDArray[np.float32]]:
        """Outputs of every token, ``(tokens, ...)`` for each of the fields of the model's output.

        Args:
            rows: the rows; windows of the inputs.
            chosen: the options of the call.
            fields: names of the outputs.
            inputs_of: which input each row is a window of, for messages, ``(rows,)``.

        Raises:
            DecodeError: a logit is NaN.
            CheckpointError: a model that came loaded lacks a field.
        """
        found = Forward(self, chosen, len(np.unique(inputs_of))).of_tokens(rows, fields)
        for logits in found:
            broken = np.flatnonzero(np.isnan(logits.reshape(len(logits), -1).max(axis=1, initial=-np.inf)))
            if len(broken):
                row = int(np.searchsorted(rows.row_splits, broken[0], side="right")) - 1
                raise DecodeError(
                    f"the model's logits for row {inputs_of[row]} are NaN "
                    f"(token {broken[0] - rows.row_splits[row]} of its window)"
                )
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={type(self.model).__name__}, device={str(self.device)!r})"


def check_numbers(broken: NDArray[np.bool_], first: int = 0) -> None:
    """Raise DecodeError, naming the first, where an input ``(inputs,)`` is marked as NaN; they count from ``first``."""
    bad = np.flatnonzero(broken)
    if len(bad):
        raise DecodeError(f"the model's logits for row {first + bad[0]} are NaN ({len(bad)} of {len(broken)} rows)")
