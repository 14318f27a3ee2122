"""Logits decoded to answers, in pure Python: what the core does, to be read; and what the tutorial does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ferrobert.answers.decoding import decoded_by
from ferrobert.answers.options import DecodingOptions, options_of
from ferrobert.answers.rows import ContextRows, SpanLogits, context_rows, span_logits_of
from ferrobert.errors import DecodeError

__all__ = ["argmax_answer", "decode_answers", "decode_rows"]


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
    """:func:`ferrobert.decode_answers` in pure Python: same call, same result. All spans are sorted.

    Example:
        >>> from ferrobert import BertTokenizer, reference
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "who": 3, "ada": 4})
        >>> features = tokenizer("who", "Ada")  # [CLS] who [SEP] ada [SEP]
        >>> reference.decode_answers([0.0, 0, 0, 1, 0], [0.0, 0, 0, 1, 0], features)[0]["answer"]
        'Ada'
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


def argmax_answer(start_logits: Any, end_logits: Any, features: Any, contexts: Any = None) -> list[dict[str, Any]]:
    """What tutorials do: the token with the highest start logit, to the one with the highest end logit, of all tokens.

    The end may lie before the start (no tokens, an empty answer), and either may lie in the question.

    Args:
        start_logits, end_logits, features, contexts: As of :func:`ferrobert.decode_answers`; a window an example.

    Returns:
        For each feature ``{"start", "end", "answer"}``: tokens of the feature, the end not included, and the tokens in
        between as the tokenizer joins them.

    Example:
        >>> from ferrobert import BertTokenizer, reference
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "who": 3, "ada": 4})
        >>> features = tokenizer("who", "Ada")  # [CLS] who [SEP] ada [SEP]
        >>> reference.answers.argmax_answer([0.0, 2, 0, 1, 0], [0.0, 0, 0, 1, 0], features)
        [{'start': 1, 'end': 4, 'answer': 'who [SEP] ada'}]
    """
    rows = context_rows(features, contexts)
    logits = span_logits_of(start_logits, end_logits, rows)
    answers = []
    for row, (first, last) in enumerate(pairwise(rows.row_splits.tolist())):
        place = slice(int(logits.row_starts[row]), int(logits.row_starts[row]) + last - first)
        start, end = int(logits.starts[place].argmax()), int(logits.ends[place].argmax()) + 1
        tokens = [token for token in features[row].tokens if token != "[PAD]"][start:end]
        answers.append({"start": start, "end": end, "answer": " ".join(tokens).replace(" ##", "")})
    return answers


class Span(NamedTuple):
    """A span of tokens, or ``[CLS]`` for no answer."""

    value: float
    """What it is ranked by."""
    row: int
    chars: tuple[int, int]
    start_logit: float
    end_logit: float

    @property
    def sum(self) -> float:
        """Of its logits."""
        return self.start_logit + self.end_logit


class Feature(NamedTuple):
    """A question and a window of its context."""

    row: int
    offsets: list[list[int]]
    word_ids: list[int]
    starts: list[float]
    ends: list[float]
    null: tuple[float, float]
    """Logits of the first token, which stands for no answer."""


def decode_rows(rows: ContextRows, logits: SpanLogits, options: DecodingOptions) -> list[list[dict[str, Any]]]:
    """Answers of each sample, the best first."""
    features: list[list[Feature]] = [[] for _ in rows.contexts]
    for row, (first, last) in enumerate(pairwise(rows.row_splits.tolist())):
        place = slice(int(logits.row_starts[row]), int(logits.row_starts[row]) + last - first)
        starts, ends = logits.starts[place].tolist(), logits.ends[place].tolist()
        for name, values in (("start", starts), ("end", ends)):
            for token, logit in enumerate(values):
                if not math.isfinite(logit):
                    raise DecodeError(
                        f"the {name} logit of token {token} in row {row} is NaN or infinite; tokens are counted "
                        "without padding"
                    )
        if not starts:
            continue
        begin, end = rows.spans[row].tolist()
        inner = slice(first + begin, first + end)
        features[rows.sample_ids[row]].append(
            Feature(
                row,
                rows.offsets[inner].tolist(),
                rows.word_ids[inner].tolist(),
                starts[begin:end],
                ends[begin:end],
                (starts[0], ends[0]),
            )
        )
    return [answers_of(context, of, options) for context, of in zip(rows.contexts, features, strict=True)]


def answers_of(context: str, features: list[Feature], options: DecodingOptions) -> list[dict[str, Any]]:
    """The answers of one example."""
    if not features:
        return []
    norms = {feature.row: (log_sum_exp(feature, 0), log_sum_exp(feature, 1)) for feature in features}
    norm = {row: sum(pair) if options.rank_by == "probability" else 0.0 for row, pair in norms.items()}
    spans = [span for feature in features for span in spans_of(feature, norm[feature.row], options)]
    # Sorting keeps the order of equals: window, start, end.
    spans.sort(key=lambda span: -span.value)
    wanted = max(options.top_k, options.n_best) if options.details else options.top_k
    found: list[Span] = []
    for span in spans:
        if len(found) < wanted and all(span.chars != other.chars for other in found):
            found.append(span)
    nulls = [
        Span(sum(feature.null) - norm[feature.row], feature.row, (0, 0), *feature.null)
        for feature in features
        if options.null_threshold is not None
    ]
    difference = 0.0
    if options.null_threshold is not None:
        null = min(nulls, key=lambda null: null.value)
        difference = null.sum - (found[0].sum if found else -math.inf)
        better = [span for span in found if null.value - span.value <= options.null_threshold]
        found.insert(len(better), null)
        spans.append(null)
    answers = []
    for span in found[: options.top_k]:
        start, end = norms[span.row]
        answer: dict[str, Any] = {
            "score": math.exp(span.start_logit - start) * math.exp(span.end_logit - end),
            "start": span.chars[0],
            "end": span.chars[1],
            "answer": context[slice(*span.chars)],
        }
        if options.details:
            answer["start_logit"], answer["end_logit"], answer["feature"] = span.start_logit, span.end_logit, span.row
            answer["probability"] = share(span, spans)
            answer["n_best_probability"] = share(span, found[:wanted])
            if options.null_threshold is not None:
                answer["null_score_diff"] = difference
        answers.append(answer)
    return answers


def spans_of(feature: Feature, norm: float, options: DecodingOptions) -> list[Span]:
    """All spans of a window that may be answers."""
    spans = []
    for start, start_logit in enumerate(feature.starts):
        for end in range(start, min(start + options.max_answer_length, len(feature.ends))):
            chars = characters(feature, start, end, options.align_to_words)
            value = start_logit + feature.ends[end] - norm
            spans.append(Span(value, feature.row, chars, start_logit, feature.ends[end]))
    return spans


def characters(feature: Feature, start: int, end: int, align_to_words: bool) -> tuple[int, int]:
    """The characters of a span of tokens."""
    words = feature.word_ids
    if align_to_words:
        first, last = words[start], words[end]
        while start > 0 and words[start - 1] == first:
            start -= 1
        while end + 1 < len(words) and words[end + 1] == last:
            end += 1
    return feature.offsets[start][0], feature.offsets[end][1]


def log_sum_exp(feature: Feature, which: int) -> float:
    """Logarithm of what the exponentials of starts (0) or ends (1) are divided by, those of ``[CLS]`` among them."""
    logits = [feature.null[which], *(feature.starts, feature.ends)[which]]
    highest = max(logits)
    return highest + math.log(sum(math.exp(logit - highest) for logit in logits))


def share(span: Span, spans: list[Span]) -> float:
    """Softmax over spans."""
    highest = max(other.sum for other in spans)
    return math.exp(span.sum - highest) / sum(math.exp(other.sum - highest) for other in spans)
