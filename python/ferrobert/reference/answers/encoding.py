"""Places of answers in features, in pure Python."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.answers.encoding import encoded_by
from ferrobert.answers.features import QuestionFeatures
from ferrobert.answers.rows import ContextRows

__all__ = ["encode_questions", "find_positions"]


def encode_questions(
    questions: Any,
    contexts: Any,
    tokenizer: Any,
    *,
    answers: Any = None,
    max_length: int = 384,
    doc_stride: int | None = None,
    max_question_length: int | None = None,
    wrong_answers: str = "raise",
    padding: bool | str = False,
    return_tensors: str | None = None,
) -> QuestionFeatures:
    """:func:`ferrobert.encode_questions` with places of answers found in pure Python: same call, same result.

    Example:
        >>> from ferrobert import BertTokenizer, reference
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "who": 3, "ada": 4})
        >>> answers = {"text": ["Ada"], "answer_start": [0]}
        >>> reference.encode_questions("who", "Ada", tokenizer, answers=answers)["start_positions"]
        [3]
    """
    return encoded_by(
        find_positions,
        questions,
        contexts,
        tokenizer,
        answers,
        max_length,
        doc_stride,
        max_question_length,
        wrong_answers,
        padding,
        return_tensors,
    )


def find_positions(rows: ContextRows, spans: NDArray[np.int32]) -> NDArray[np.int64]:
    """First and last token of the answer in each row, ``(rows, 2)``; 0 and 0 where the row does not hold it."""
    places = np.zeros((len(rows.sample_ids), 2), np.int64)
    for row, (first, _) in enumerate(pairwise(rows.row_splits.tolist())):
        start, end = spans[rows.sample_ids[row]].tolist()
        begin, stop = rows.spans[row].tolist()
        window = rows.offsets[first + begin : first + stop].tolist()
        if start < 0 or not window or window[0][0] > start or window[-1][1] < end:
            continue
        touched = [token for token, (left, right) in enumerate(window) if left < end and right > start]
        if touched:
            # Tokens may overlap, and share a character: the fewest that hold all of it.
            right = min(window[token][1] for token in touched if window[token][1] >= min(end, window[touched[-1]][1]))
            last_token = next(token for token in reversed(touched) if window[token][1] == right)
            touched = [token for token in touched if token <= last_token]
            begins = [token for token in touched if window[token][0] <= start] or touched[:1]
            first_token = next(token for token in touched if window[token] == window[begins[-1]])
            places[row] = begin + first_token, begin + last_token
    return places
