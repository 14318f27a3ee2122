"""Decodes logits of starts and ends to answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ferrobert import _core
from ferrobert.answers.options import DecodingOptions, options_of
from ferrobert.answers.rows import ContextRows, SpanLogits, context_rows, span_logits_of

__all__ = ["DecodeRows", "decode_answers", "decode_rows", "decoded_by"]

#: Decodes rows to the answers of each sample: the core's function, or its pure-Python twin's.
DecodeRows = Callable[[ContextRows, SpanLogits, DecodingOptions], list[list[dict[str, Any]]]]


def decode_answers(
    start_logits: Any,
    end_logits: Any,
    features: Any,
    *,
    top_k: int = 1,
    n_best: int = 20,
    max_answer_length: int = 30,
    handle_impossible_answer: bool = False,
    null_score_diff_threshold: float = 0.0,
    rank_by: str = "logits",
    align_to_words: bool = False,
    details: bool = False,
    contexts: Sequence[str] | str | None = None,
) -> list[Any]:
    """Answers of logits: the exact best spans of each context, over all of its windows.

    An answer is a span of tokens of the context, of at most ``max_answer_length``, that does not end before it begins.
    No span is left out: starts and ends are not pruned to the best of them first. Spans with the same characters, of
    several windows, are one answer: the best of them. Of equal answers the one of the earlier window comes first, then
    the earlier start, then the earlier end.

    Cost: O(tokens x log(max_answer_length)), and O(max_answer_length) for each further answer; no Python for tokens.

    Args:
        start_logits, end_logits: Both ``(features, width)`` padded as ``features`` are, ``(tokens,)`` of all features
            without padding, or lists of ``(tokens of the feature,)``; arrays or tensors of float16, bfloat16, float32
            or float64.
        features: What :func:`ferrobert.encode_questions` returned, or the encoding of pairs of a tokenizer of
            ferrobert (or of transformers' fast ones, with ``contexts``); the second texts are the contexts.
        top_k: Answers of an example, at most.
        n_best: With ``details``: the best answers that share ``n_best_probability``; ``top_k`` where that is more.
        max_answer_length: Most tokens of an answer.
        handle_impossible_answer: An example may have no answer: the first token of its windows (``[CLS]``) stands for
            that, in the window where its logits are lowest.
        null_score_diff_threshold: How much higher than the best answer's the sum of these logits must be.
        rank_by: ``"logits"`` for the sum of the logits of start and end (as ``run_qa.py`` of transformers);
            ``"probability"`` for ``score`` (as the pipeline of transformers 4).
        align_to_words: Widen answers to whole words of the tokenizer.
        details: Add to each answer ``"start_logit"``, ``"end_logit"``, ``"feature"`` (the row that shows it),
            ``"probability"`` (its share among all spans of all windows), ``"n_best_probability"`` (among the
            ``n_best`` best answers, as in the n-best files of SQuAD) and, where there may be no answer,
            ``"null_score_diff"`` of the example (as in its file of null odds).
        contexts: The contexts, one an example, where ``features`` do not keep them.

    Returns:
        For each example ``{"score", "start", "end", "answer"}``; with ``top_k`` above 1 a list of them, the best first.
        ``start`` and ``end`` are characters of the context, ``answer`` is their slice; no answer is the empty string at
        0. ``score`` is the probability of the start times that of the end, in the window: softmax over the context's
        tokens and ``[CLS]``. An example whose context has no tokens has no answer, of score 0 (an empty list).

    Raises:
        DecodeError: (a ValueError) logits that are NaN (row and token are named), or of another shape than features.
        ConfigError: (a ValueError) an option that is not allowed; features without offsets, or not of pairs.

    Example:
        >>> import numpy as np
        >>> from ferrobert import BertTokenizer, decode_answers
        >>> vocab = "[PAD] [UNK] [CLS] [SEP] who wrote it ada love ##lace".split()
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> features = tokenizer("Who wrote it", "Ada Lovelace wrote it")
        >>> features.tokens()[4:8]
        ['[SEP]', 'ada', 'love', '##lace']
        >>> starts, ends = np.zeros(11), np.zeros(11)
        >>> starts[5] = ends[7] = 6.0
        >>> [answer] = decode_answers(starts, ends, features)
        >>> answer["answer"], answer["start"], answer["end"], round(answer["score"], 3)
        ('Ada Lovelace', 0, 12, 0.976)
    """
    options = options_of(
        top_k,
        n_best,
        max_answer_length,
        handle_impossible_answer,
        null_score_diff_threshold,
        rank_by,
        align_to_words,
        details,
    )
    return decoded_by(decode_rows, start_logits, end_logits, features, options, contexts)


def decoded_by(
    decode: DecodeRows,
    start_logits: Any,
    end_logits: Any,
    features: Any,
    options: DecodingOptions,
    contexts: Sequence[str] | str | None,
) -> list[Any]:
    """Answers of logits; ``decode`` is the core's function or its twin's."""
    rows = context_rows(features, contexts)
    found = decode(rows, span_logits_of(start_logits, end_logits, rows), options)
    if options.top_k > 1:
        return found
    return [answers[0] if answers else {"score": 0.0, "start": 0, "end": 0, "answer": ""} for answers in found]


def decode_rows(rows: ContextRows, logits: SpanLogits, options: DecodingOptions) -> list[list[dict[str, Any]]]:
    """Answers by the core."""
    row_starts = np.ascontiguousarray(logits.row_starts)
    decoder = _core.AnswerDecoder(*options)
    return decoder.decode((logits.starts, logits.ends), row_starts, rows.columns, rows.contexts)
