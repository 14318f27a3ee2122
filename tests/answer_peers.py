"""What people run today to decode answers, written anew in plain form: the yardsticks of checks and benches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def prepare_train_features(
    tokenizer: Any,
    questions: Sequence[str],
    contexts: Sequence[str],
    answers: Sequence[dict[str, Any]],
    *,
    max_length: int = 384,
    doc_stride: int = 128,
) -> Any:
    """The features of ``run_qa.py``: transformers' tokenizer, and a loop over offsets for each feature.

    Args:
        tokenizer: A fast tokenizer of transformers.
        questions, contexts: As many.
        answers: ``{"text": [...], "answer_start": [...]}`` of each.

    Returns:
        The encoding, with ``start_positions`` and ``end_positions``.
    """
    encoding = tokenizer(
        [question.lstrip() for question in questions],
        list(contexts),
        truncation="only_second",
        max_length=max_length,
        stride=doc_stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    samples, mapping = encoding["overflow_to_sample_mapping"], encoding["offset_mapping"]
    starts, ends = [], []
    for row, offsets in enumerate(mapping):
        null = encoding["input_ids"][row].index(tokenizer.cls_token_id)
        sequences = encoding.sequence_ids(row)
        of_example = answers[samples[row]]
        if len(of_example["answer_start"]) == 0:
            starts.append(null)
            ends.append(null)
            continue
        first_char = of_example["answer_start"][0]
        last_char = first_char + len(of_example["text"][0])
        start = 0
        while sequences[start] != 1:
            start += 1
        end = len(encoding["input_ids"][row]) - 1
        while sequences[end] != 1:
            end -= 1
        if not (offsets[start][0] <= first_char and offsets[end][1] >= last_char):
            starts.append(null)
            ends.append(null)
            continue
        while start < len(offsets) and offsets[start][0] <= first_char:
            start += 1
        starts.append(start - 1)
        while offsets[end][1] >= last_char:
            end -= 1
        ends.append(end + 1)
    encoding["start_positions"], encoding["end_positions"] = starts, ends
    return encoding


def postprocess_predictions(
    contexts: Sequence[str],
    samples: Sequence[int],
    offsets: Sequence[Sequence[tuple[int, int] | None]],
    starts: NDArray[Any],
    ends: NDArray[Any],
    *,
    n_best: int = 20,
    max_answer_length: int = 30,
    with_null: bool = False,
    threshold: float = 0.0,
) -> list[list[dict[str, Any]]]:
    """The post-processing of ``run_qa.py``: the best starts and ends of each feature, all pairs of them, sorted.

    Args:
        contexts: One an example.
        samples: The example of each feature.
        offsets: Characters of each token of each feature, ``None`` outside of the context.
        starts, ends: Logits, ``(features, width)``.

    Returns:
        The n-best list of each example, with ``probability``; with a null the answer that is chosen stands first.
    """
    features: list[list[int]] = [[] for _ in contexts]
    for feature, sample in enumerate(samples):
        features[sample].append(feature)
    made = []
    for context, of_example in zip(contexts, features, strict=True):
        found: list[dict[str, Any]] = []
        null: dict[str, Any] | None = None
        for feature in of_example:
            places, of_start, of_end = offsets[feature], starts[feature], ends[feature]
            null_score = of_start[0] + of_end[0]
            if null is None or null["value"] > null_score:
                null = {"start": 0, "end": 0, "value": null_score}
            best_starts = np.argsort(of_start)[-1 : -n_best - 1 : -1].tolist()
            best_ends = np.argsort(of_end)[-1 : -n_best - 1 : -1].tolist()
            for start in best_starts:
                for end in best_ends:
                    if start >= len(places) or end >= len(places) or places[start] is None or places[end] is None:
                        continue
                    if end < start or end - start + 1 > max_answer_length:
                        continue
                    found.append(
                        {"start": places[start][0], "end": places[end][1], "value": of_start[start] + of_end[end]}
                    )
        best = sorted(found, key=lambda one: one["value"], reverse=True)[:n_best]
        if with_null and null is not None:
            best = sorted([*found, null], key=lambda one: one["value"], reverse=True)[:n_best]
            if all(one is not null for one in best):
                best.append(null)
        for one in best:
            one["answer"] = context[one["start"] : one["end"]]
        if not best or (len(best) == 1 and best[0]["answer"] == ""):
            best.insert(0, {"start": 0, "end": 0, "value": 0.0, "answer": "empty"})
        values = np.array([one["value"] for one in best])
        shares = np.exp(values - values.max())
        for one, share in zip(best, shares / shares.sum(), strict=True):
            one["probability"] = float(share)
        if with_null and null is not None:
            answered = next(one for one in best if one["answer"] != "")
            chosen = null if null["value"] - answered["value"] > threshold else answered
            best = [chosen, *(one for one in best if one is not chosen)]
        made.append(best)
    return made


def pipeline_decode(
    contexts: Sequence[str],
    samples: Sequence[int],
    encodings: Sequence[Any],
    starts: NDArray[np.float32],
    ends: NDArray[np.float32],
    *,
    top_k: int = 1,
    max_answer_length: int = 15,
    with_null: bool = False,
    align_to_words: bool = True,
) -> list[list[dict[str, Any]]]:
    """The decoding of transformers 4's pipeline: in each window softmax over starts and ends, and their outer product.

    Args:
        contexts: One an example.
        samples: The example of each window.
        encodings: Of the tokenizers package, one a window, whose second sequence is the context.
        starts, ends: Logits, ``(windows, width)``.

    Returns:
        The answers of each example, the best first.
    """
    answers: list[list[dict[str, Any]]] = [[] for _ in contexts]
    nulls = [1_000_000.0] * len(contexts)
    for window, (sample, encoding) in enumerate(zip(samples, encodings, strict=True)):
        tokens = len(encoding.ids)
        allowed = np.array([sequence == 1 for sequence in encoding.sequence_ids]) & np.array(
            encoding.attention_mask, bool
        )
        allowed[0] = True  # [CLS]
        columns = []
        for logits in (starts[window, :tokens], ends[window, :tokens]):
            masked = np.where(allowed, logits, -10000.0)
            powers = np.exp(masked - masked.max())
            columns.append(powers / powers.sum())
        of_start, of_end = columns
        if with_null:
            nulls[sample] = min(nulls[sample], float(of_start[0] * of_end[0]))
        of_start[0] = of_end[0] = 0.0
        scores = np.tril(np.triu(np.outer(of_start, of_end)), max_answer_length - 1)
        flat = scores.ravel()
        number = top_k * 2 + 10 if align_to_words else top_k
        if number == 1:
            order = np.array([flat.argmax()])
        elif len(flat) <= number:
            order = np.argsort(-flat)
        else:
            chosen = np.argpartition(-flat, number)[:number]
            order = chosen[np.argsort(-flat[chosen])]
        for start, end in zip(*np.unravel_index(order, scores.shape), strict=True):
            if not (allowed[start] and allowed[end]) or start == 0 or end == 0:
                continue
            first, last = encoding.offsets[start][0], encoding.offsets[end][1]
            if align_to_words:
                first = encoding.word_to_chars(encoding.token_to_word(int(start)), 1)[0]
                last = encoding.word_to_chars(encoding.token_to_word(int(end)), 1)[1]
            answers[sample].append(
                {
                    "score": float(scores[start, end]),
                    "start": first,
                    "end": last,
                    "answer": contexts[sample][first:last],
                }
            )
    for of_example, null in zip(answers, nulls, strict=True):
        if with_null:
            of_example.append({"score": null, "start": 0, "end": 0, "answer": ""})
        of_example.sort(key=lambda one: -one["score"])
        del of_example[top_k:]
    return answers
