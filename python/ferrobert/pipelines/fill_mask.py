"""Fill-mask: the tokens that a masked-language model puts in the place of each mask.

Arguments and results are those of transformers' ``FillMaskPipeline`` (v5); scores differ by the rounding of batched
against single arithmetic, below 1e-5. What differs is how it runs: texts are batched by length under a budget of
tokens, those that are too long for the model in windows, and the vocabulary is scored at the masks alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, TextTypeError
from ferrobert.inputs import check_count
from ferrobert.models.checkpoint import MASKED_LM
from ferrobert.pipelines.base import Pipeline, check_numbers
from ferrobert.pipelines.forward import Forward
from ferrobert.pipelines.inputs import check_text
from ferrobert.pipelines.options import CallOptions, shared_options
from ferrobert.pipelines.rows import TokenRows
from ferrobert.pipelines.windows import Windows

TOP_K = 5


@dataclass(frozen=True, slots=True)
class FillOptions(CallOptions):
    """The options of one call, checked.

    Attributes:
        top_k: how many tokens a mask gets.
        targets: the tokens to choose from; ``None`` is the whole vocabulary.
        target_ids: their ids, each once, int64 ``(targets,)``.
    """

    top_k: int = TOP_K
    targets: tuple[str, ...] | None = None
    target_ids: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of token rows and what fills them, in the order of the rows and from left to right.

    Attributes:
        tokens: position of each mask in the flat ids, int64 ``(masks,)``.
        splits: where the masks of each row start, and the end, int64 ``(rows + 1,)``.
        scores: float32 ``(masks, top_k)``, the highest first.
        ids: token ids, int64 ``(masks, top_k)``.
    """

    tokens: NDArray[np.int64]
    splits: NDArray[np.int64]
    scores: NDArray[np.float32]
    ids: NDArray[np.int64]


class FillMaskPipeline(Pipeline):
    """Fill the masks of texts with a masked-language model.

    Args:
        model, tokenizer, device, dtype, batch_tokens: see `ferrobert.pipeline`.
        **options: defaults for the options of ``__call__``.

    Raises:
        CheckpointError: no such model, or it has no masked-language-model head.
        ConfigError: an option that is not known or has a value that is not allowed; a tokenizer without a mask token.

    Example:
        >>> from transformers import BertConfig, BertForMaskedLM
        >>> from ferrobert import BertTokenizer
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "."]
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> config = BertConfig(vocab_size=9, hidden_size=8, num_attention_heads=2, intermediate_size=8)
        >>> fill = FillMaskPipeline(BertForMaskedLM(config), tokenizer, device="cpu")
        >>> sorted(one["sequence"] for one in fill("The [MASK] sat.", targets=["cat", "the"]))
        ['the cat sat.', 'the the sat.']
    """

    task = "fill-mask"
    head = MASKED_LM
    reads_windows = True

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
        super().__init__(model, tokenizer, device=device, dtype=dtype, batch_tokens=batch_tokens, **options)
        if self.tokenizer.mask_token_id is None:
            raise ConfigError(f"fill-mask needs a mask token, and {type(self.tokenizer).__name__} has none")
        self._default_ids = self._target_ids(self._call_options(options).targets)

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Fill the masks of one text, a list, or a stream.

        Args:
            inputs: a ``str``; a list (or tuple, array, column) of those; or a stream of those (generator, torch
                ``Dataset``, any other iterable). Each text holds the tokenizer's mask token at least once. A text
                longer than the model reads is read in windows, and each mask filled from the window that shows most
                tokens on both sides of it.
            top_k: how many tokens a mask gets (default 5); of fewer targets, all.
            targets: a token or a list of tokens to choose from. Their scores stay those among the whole vocabulary.
                A target outside the vocabulary stands for its first subword, with a warning.
            tokenizer_kwargs: options for the tokenizer, such as ``{"truncation": True}``; they may also be given
                directly: ``truncation=True``, which cuts long texts, or ``stride``, the tokens that windows share (a
                quarter of a window, at most 128).
            batch_size: at most this many rows in a batch; also how far a stream is read ahead (default 1,024).
            progress: ``True`` shows a bar on stderr, where that is a terminal: rows, rows a second, time that remains.

        Returns:
            For a text with one mask a list of ``{"score": float, "token": int, "token_str": str, "sequence": str}``,
            the highest score first; for a text with several masks such a list for each of them, where the sequence
            keeps the other masks and the special tokens. For a list of texts a list of these; a ``list`` of one text
            gives what that text gives, as in transformers. A stream gives an iterator, in the order of the input.

        Raises:
            ConfigError: (a ValueError) an option that is not allowed; a text without a mask, or with
                ``truncation=False`` longer than the model can read: the message names the row.
            TextTypeError: (a TypeError and ValueError) a text that is not a ``str``.
            DecodeError: the model returns NaN.
            UnicodeEncodeError: a text holds a lone surrogate.

        Example:
            >>> fill("Paris is the [MASK] of France.", top_k=1)  # doctest: +SKIP
            [{'score': 0.997, 'token': 3007, 'token_str': 'capital', 'sequence': 'paris is the capital of france.'}]
        """
        given = {name: value for name, value in options.items() if value is not None}
        chosen = self._call_options({**self._defaults, **given})
        ids = self._target_ids(chosen.targets) if "targets" in given else self._default_ids
        chosen = replace(chosen, target_ids=ids)
        if isinstance(inputs, str):
            return self._run([inputs], chosen, 0)[0]
        if isinstance(inputs, Mapping):
            raise TextTypeError("inputs must be texts or an iterable of them, got a dict")
        results = self._results(inputs, chosen)
        return results[0] if isinstance(inputs, list) and len(inputs) == 1 else results

    def mask_counts(self, inputs: Sequence[str], **tokenizer_options: Any) -> list[int]:
        """Masks that each text holds where the tokenizer has these options."""
        rows = self._encode(inputs, CallOptions(tokenizer=tokenizer_options), range(len(inputs)), self.max_tokens)
        counts: list[int] = np.diff(self._masks(rows)[1]).tolist()
        return counts

    @classmethod
    def _call_options(cls, options: Mapping[str, Any]) -> FillOptions:
        rest = {name: value for name, value in options.items() if value is not None}
        top_k = check_count("top_k", rest.pop("top_k", TOP_K), 1)
        targets = rest.pop("targets", None)
        nested = rest.pop("tokenizer_kwargs", {})
        if not isinstance(nested, Mapping):
            raise ConfigError(f"tokenizer_kwargs must be a dict of options, got {type(nested).__name__}")
        if targets is not None:
            if isinstance(targets, str) or not isinstance(targets, Iterable):
                targets = (targets,)
            targets = tuple(targets)
            for target in targets:
                if not isinstance(target, str):
                    raise TextTypeError(f"targets must be str or a list of str, got {type(target).__name__}")
        shared = shared_options({**rest, **nested}, ("top_k", "targets", "tokenizer_kwargs"))
        return FillOptions(**shared, top_k=top_k, targets=targets)

    def _read(self, value: Any, row: int) -> tuple[str, None]:
        return check_text(value, row), None

    @cached_property
    def _vocab(self) -> dict[str, int]:
        return dict(self.tokenizer.get_vocab())

    @cached_property
    def _ids(self) -> frozenset[int]:
        """Ids that are tokens: a model may have more rows than its tokenizer has tokens."""
        return frozenset(self._vocab.values())

    def _target_ids(self, targets: tuple[str, ...] | None) -> NDArray[np.int64] | None:
        if targets is None:
            return None
        ids: set[int] = set()
        for target in targets:
            id = self._vocab.get(target)
            if id is None:
                pieces = self.tokenizer(target, add_special_tokens=False, max_length=1, truncation=True)["input_ids"]
                if not pieces:
                    warnings.warn(f"the target {target!r} has no token in the vocabulary and is ignored", stacklevel=3)
                    continue
                id = int(pieces[0])
                token = self.tokenizer.convert_ids_to_tokens(id)
                warnings.warn(
                    f"the target {target!r} is not in the vocabulary; its first subword {token!r} takes its place",
                    stacklevel=3,
                )
            ids.add(id)
        if not ids:
            raise ConfigError("targets holds no token of the vocabulary; give one or more, or leave it out")
        return np.array(list(ids), dtype=np.int64)

    def _run(self, inputs: Sequence[Any], chosen: FillOptions, first: int) -> list[Any]:
        if not inputs:
            return []
        windows = self._windows(inputs, chosen, range(first, first + len(inputs)))
        rows = windows.whole
        tokens, splits = self._masks(rows)
        missing = np.flatnonzero(np.diff(splits) == 0)
        if len(missing):
            row, mask = int(missing[0]), self.tokenizer.mask_token
            cut = chosen.truncates and mask in inputs[row]
            raise ConfigError(
                f"row {first + row} has no mask: {mask!r} {'is cut off by truncation' if cut else 'is not in its text'}"
            )
        return self._sequences(rows, self._fill(windows, tokens, splits, chosen, first))

    def _masks(self, rows: TokenRows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of the masks in the flat ids, ``(masks,)``, and the splits by row, ``(rows + 1,)``."""
        tokens = np.flatnonzero(rows.ids == self.tokenizer.mask_token_id)
        return tokens, np.searchsorted(tokens, rows.row_splits)

    def _fill(
        self, windows: Windows, tokens: NDArray[np.int64], splits: NDArray[np.int64], chosen: FillOptions, first: int
    ) -> Masks:
        targets = None if chosen.target_ids is None else torch.from_numpy(chosen.target_ids).to(self.device)
        top_k = chosen.top_k if targets is None else min(chosen.top_k, len(targets))
        scores = np.empty((len(tokens), top_k), dtype=np.float32)
        ids = np.empty((len(tokens), top_k), dtype=np.int64)
        forward = Forward(self, chosen, len(windows.whole))
        best = forward.of_masks(windows.rows, windows.where(tokens), lambda logits: _best(logits, targets, top_k))
        for places, (of_some, their_ids) in best:
            scores[places], ids[places] = of_some, their_ids
        broken = np.isnan(scores[:, 0])
        check_numbers(np.logical_or.reduceat(broken, splits[:-1]), first)
        return Masks(tokens, splits, scores, ids)

    def _sequences(self, rows: TokenRows, masks: Masks) -> list[Any]:
        """What transformers returns for each row: the filled texts of its masks."""
        alone = np.diff(masks.splits) == 1
        shown = self._ids - {self.tokenizer.pad_token_id}
        filled: dict[bool, list[list[int]]] = {True: [], False: []}
        for row, one in enumerate(alone.tolist()):
            start, end = rows.row_splits[row : row + 2].tolist()
            for mask in range(masks.splits[row], masks.splits[row + 1]):
                token = int(masks.tokens[mask])
                before = [id for id in rows.ids[start:token].tolist() if id in shown]
                after = [id for id in rows.ids[token + 1 : end].tolist() if id in shown]
                for id in masks.ids[mask].tolist():
                    filled[one].append([*before, id, *after] if id in shown else before + after)
        # With several masks in a text the special tokens stay, as the other masks are among them.
        texts = {one: iter(self.tokenizer.batch_decode(ids, skip_special_tokens=one)) for one, ids in filled.items()}
        used = np.unique(masks.ids).tolist()
        names = self.tokenizer.batch_decode([[id] if id in self._ids else [] for id in used])
        token_of = dict(zip(used, names, strict=True))
        results: list[Any] = []
        for row, one in enumerate(alone.tolist()):
            lists = [
                [
                    {"score": score, "token": id, "token_str": token_of[id], "sequence": next(texts[one])}
                    for score, id in zip(masks.scores[mask].tolist(), masks.ids[mask].tolist(), strict=True)
                ]
                for mask in range(masks.splits[row], masks.splits[row + 1])
            ]
            results.append(lists[0] if one else lists)
        return results


def _best(
    logits: torch.Tensor, targets: torch.Tensor | None, top_k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The best scores and their token ids, each ``(masks, top_k)``, of logits ``(masks, vocabulary)``."""
    size = logits.shape[1]
    if top_k > size:
        raise ConfigError(f"top_k is {top_k}, the model's vocabulary has {size} tokens")
    if targets is not None and int(targets.max()) >= size:
        raise ConfigError(f"a target has the token id {int(targets.max())}, the model's vocabulary has {size} tokens")
    scores = logits.float().softmax(dim=-1)
    if targets is None:
        best = scores.topk(top_k)
        return best.values.cpu().numpy(), best.indices.cpu().numpy()
    best = scores[:, targets].topk(top_k)
    return best.values.cpu().numpy(), targets[best.indices].cpu().numpy()
