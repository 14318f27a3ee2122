"""Encodes questions with their contexts, in windows, with the places of their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert import _core
from ferrobert.answers.features import QuestionFeatures
from ferrobert.answers.rows import ContextRows, context_rows
from ferrobert.encoding.values import as_tensor
from ferrobert.errors import AlignmentError, ConfigError, TextTypeError
from ferrobert.inputs import check_count, encodable
from ferrobert.tokenizer import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FindPositions", "encode_questions", "encoded_by", "find_positions"]

_FORM = '{"text": [str], "answer_start": [int]} or a list of {"text": str, "answer_start": int}'
#: Tokens of a question that pipelines and training read, as transformers 4 does.
LONGEST_QUESTION = 64
#: First and last token of the answer in each row: the core's function, or its pure-Python twin's.
FindPositions = Callable[[ContextRows, "NDArray[np.int32]"], "NDArray[np.int64]"]


def encode_questions(
    questions: Sequence[str] | str,
    contexts: Sequence[str] | str,
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
    """Features of questions: each question with its context, in as many windows as the context takes.

    Rows are those of ``tokenizer(questions, contexts, truncation="only_second", max_length=..., stride=doc_stride,
    return_overflowing_tokens=True, return_offsets_mapping=True)``.

    With ``answers`` the first answer of each example is looked up by its characters: ``start_positions`` and
    ``end_positions`` are the first and the last of the fewest tokens that hold these, also where the answer begins or
    ends inside of a token. A window that does not hold all of it has ``[CLS]`` for both, as has an example without
    answers. White space at the ends of an answer does not count.

    Cost: O(characters), on all cores; no Python for each token.

    Args:
        questions: A string, or a list or column of them.
        contexts: As many.
        tokenizer: A tokenizer of ferrobert.
        answers: A row an example: ``{"text": [...], "answer_start": [...]}`` (as in ``datasets``), a list of
            ``{"text", "answer_start"}`` (as in SQuAD's files) or one of these; empty or ``None`` for none.
        max_length: Tokens of a window, question and special tokens included.
        doc_stride: Tokens of the context that a window shares with the one before; by default 128, or where that is
            less half of ``max_length``, or of what a question of ``max_question_length`` leaves of it.
        max_question_length: Tokens of a question; what is longer is cut behind the last whole word. Without it a
            question that leaves no room for its context is an error.
        wrong_answers: What to do with an example whose answer does not stand where it is said to: ``"raise"``, or
            ``"skip"``, which leaves the example out (``features.wrong_answers`` lists them).
        padding: As of the tokenizer: ``False``, ``True`` or ``"max_length"``.
        return_tensors: ``None`` for lists, ``"np"`` for int64 arrays, ``"pt"`` for tensors.

    Returns:
        QuestionFeatures: a row a window; ``overflow_to_sample_mapping`` says which example it is of.

    Raises:
        ConfigError: (a ValueError) an empty question or context, a question without tokens; lists of different lengths;
            a question that leaves no room; an option that is not allowed.
        TextTypeError: (a TypeError) something is not a string.
        UnicodeEncodeError: (a ValueError) a text holds a lone surrogate.
        AlignmentError: (a ValueError) an answer that does not stand at its ``answer_start``; the example is named.

    Example:
        >>> from ferrobert import BertTokenizer, encode_questions
        >>> vocab = "[PAD] [UNK] [CLS] [SEP] who wrote it ada love ##lace".split()
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> answers = {"text": ["Ada Lovelace"], "answer_start": [0]}
        >>> features = encode_questions("Who wrote it", "Ada Lovelace wrote it", tokenizer, answers=answers)
        >>> features["start_positions"], features["end_positions"], features.tokens()[5:8]
        ([5], [7], ['ada', 'love', '##lace'])
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
    """First and last token of the answer in each row by the core, ``(rows, 2)``; spans of -1 for none."""
    return _core.answer_positions(rows.columns, spans)


def encoded_by(
    find: FindPositions,
    questions: Any,
    contexts: Any,
    tokenizer: Any,
    answers: Any,
    max_length: int,
    doc_stride: int | None,
    max_question_length: int | None,
    wrong_answers: str,
    padding: bool | str,
    return_tensors: str | None,
    place: Callable[[int], str] = "questions[{}]".format,
) -> QuestionFeatures:
    """Features; ``find`` is the core's function or its twin's, ``place`` names a question in messages."""
    if wrong_answers not in ("raise", "skip"):
        raise ConfigError(f'wrong_answers must be "raise" or "skip", got {wrong_answers!r}')
    if not isinstance(tokenizer, Tokenizer):
        raise ConfigError(
            "questions are encoded by a tokenizer of ferrobert (ferrobert.AutoTokenizer.from_pretrained), got "
            f"{type(tokenizer).__module__}.{type(tokenizer).__name__}"
        )
    max_length = check_count("max_length", max_length, 1)
    if max_question_length is not None:
        max_question_length = check_count("max_question_length", max_question_length, 1)
    if doc_stride is None:
        doc_stride = default_stride(tokenizer, max_length, max_question_length)
    doc_stride = check_count("doc_stride", doc_stride, 0)
    alone = isinstance(questions, str) or hasattr(questions, "as_py")
    questions = _listed(questions, "questions")
    contexts = _listed(contexts, "contexts")
    if len(questions) != len(contexts):
        raise ConfigError(f"there are {len(questions)} questions and {len(contexts)} contexts: give one for each other")
    for name, texts in (("questions", questions), ("contexts", contexts)):
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise TextTypeError(f"{name}[{row}] must be str, got {type(text).__name__}")
            if not text or text.isspace():
                raise ConfigError(f"{name}[{row}] is empty")
    kept, spans = list(range(len(questions))), None
    wrong: list[int] = []
    if answers is not None:
        spans, wrong = _spans_of(answers, contexts, alone, wrong_answers == "raise")
        if wrong:
            left_out = set(wrong)
            kept = [row for row in kept if row not in left_out]
            questions, contexts = [questions[row] for row in kept], [contexts[row] for row in kept]
            spans = spans[kept]
    try:
        if max_question_length is not None:
            questions = _cut(questions, tokenizer, max_question_length)
        encoding = tokenizer(
            questions,
            contexts,
            truncation="only_second",
            max_length=max_length,
            stride=doc_stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding=padding,
            return_tensors=return_tensors,
        )
    except ConfigError:
        _check_room(questions, contexts, tokenizer, max_length, doc_stride, lambda row: place(kept[row]))
        raise
    except UnicodeEncodeError:
        for row, question, context in zip(kept, questions, contexts, strict=True):
            encodable([(place(row), question), (f"the context of {place(row)}", context)])
        raise
    features = QuestionFeatures.of(encoding, doc_stride, kept, wrong)
    empty = np.flatnonzero(_without_question(features.columns))
    if len(empty):
        sample = int(features.columns.sample_ids[empty[0]])
        raise ConfigError(f"{place(kept[sample])}: the question {questions[sample]!r:.80} has no tokens")
    if spans is not None:
        rows = context_rows(features)
        places = find(rows, _within_tokens(spans, rows))
        if rows.side == "left" and rows.width is not None:
            places = places + (rows.width - np.diff(rows.row_splits))[:, None]
        for name, column in (("start_positions", places[:, 0]), ("end_positions", places[:, 1])):
            column = np.ascontiguousarray(column)
            features[name] = column.tolist() if return_tensors is None else as_tensor(column, return_tensors, name)
    return features


def _within_tokens(spans: NDArray[np.int32], rows: ContextRows) -> NDArray[np.int32]:
    """Spans of characters without those at the ends of contexts that no token holds, such as a last accent."""
    begins, ends = rows.row_splits[:-1] + rows.spans[:, 0], rows.row_splits[:-1] + rows.spans[:, 1]
    some = ends > begins
    samples = rows.sample_ids[some]
    lowest = np.full(len(spans), np.iinfo(np.int32).max, np.int32)
    highest = np.zeros(len(spans), np.int32)
    np.minimum.at(lowest, samples, rows.offsets[begins[some], 0])
    np.maximum.at(highest, samples, rows.offsets[ends[some] - 1, 1])
    clipped = np.stack([np.maximum(spans[:, 0], lowest), np.minimum(spans[:, 1], highest)], axis=1)
    held = (spans[:, 0] >= 0) & (clipped[:, 0] < clipped[:, 1])
    return np.where(held[:, None], clipped, -1).astype(np.int32)


def default_stride(tokenizer: Tokenizer, max_length: int, max_question_length: int | None) -> int:
    """Tokens that windows share by default: 128, or half of a window, or of what the longest question leaves of one."""
    stride = min(128, max_length // 2)
    if max_question_length is not None:
        room = max_length - tokenizer.num_special_tokens_to_add(True) - max_question_length
        if room > 0:
            stride = min(stride, room // 2)
    return stride


def question_lengths(questions: Sequence[str], tokenizer: Any) -> NDArray[np.int64]:
    """Tokens of each question, without special ones, ``(questions,)``."""
    lengths: NDArray[np.int64] = np.diff(
        tokenizer(questions, add_special_tokens=False, verbose=False).columns.row_splits
    )
    return lengths


def _check_room(
    questions: list[str],
    contexts: list[str],
    tokenizer: Any,
    max_length: int,
    doc_stride: int,
    place: Callable[[int], str],
) -> None:
    """Raise ConfigError for the first question that leaves its context too little of a window."""
    taken = question_lengths(questions, tokenizer)
    rooms = max_length - tokenizer.num_special_tokens_to_add(True) - taken
    short = np.flatnonzero((rooms <= doc_stride) & (question_lengths(contexts, tokenizer) > rooms))
    if len(short):
        row = int(short[0])
        most = f"; windows that share {doc_stride} tokens (doc_stride) need more" if rooms[row] > 0 else ""
        raise ConfigError(
            f"{place(row)}: the question takes {taken[row]} tokens and leaves {max(rooms[row], 0)} of a window of "
            f"{max_length} for its context{most}; make the window longer, or cut questions to a length"
        )


def _without_question(columns: Any) -> NDArray[np.bool_]:
    """Rows that hold no token of a question, ``(rows,)``: it would be the first, or behind one special token."""
    starts = columns.row_splits[:-1]
    last = max(len(columns.sequence_ids) - 1, 0)
    sides = columns.sequence_ids
    without: NDArray[np.bool_] = (sides[np.minimum(starts, last)] != 0) & (sides[np.minimum(starts + 1, last)] != 0)
    return without


def _listed(texts: Any, name: str) -> list[Any]:
    """Strings of a call as a list."""
    if hasattr(texts, "as_py"):  # a scalar of Arrow
        texts = texts.as_py()
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, (bytes, Mapping)) or not hasattr(texts, "__iter__"):
        raise TextTypeError(f"{name} must be a string or a list of strings, got {type(texts).__name__}")
    if hasattr(texts, "to_pylist"):  # Arrow
        return list(texts.to_pylist())
    return texts if isinstance(texts, list) else list(texts)


def _spans_of(answers: Any, contexts: Sequence[str], alone: bool, strict: bool) -> tuple[NDArray[np.int32], list[int]]:
    """Characters of the first answer of each example, -1 for none; and the examples whose answer is wrong."""
    if hasattr(answers, "to_pylist"):  # Arrow
        answers = answers.to_pylist()
    if isinstance(answers, (str, bytes)) or not hasattr(answers, "__iter__"):
        raise AlignmentError(f"answers must hold {_FORM}, for each question, got {answers!r:.120}")
    rows = [answers] if isinstance(answers, Mapping) or (alone and not _is_rows(answers)) else list(answers)
    if len(rows) != len(contexts):
        raise ConfigError(f"answers has {len(rows)} rows, there are {len(contexts)} questions")
    spans = np.full((len(rows), 2), -1, np.int32)
    wrong = []
    for row, (given, context) in enumerate(zip(rows, contexts, strict=True)):
        first = _first(given, row)
        if first is None:
            continue
        text, start = first
        fault = misplaced(text, start, context)
        if fault is not None:
            if strict:
                raise AlignmentError(f'answers[{row}]: {fault}; wrong_answers="skip" leaves such examples out')
            wrong.append(row)
            continue
        start += len(text) - len(text.lstrip())
        spans[row] = start, start + len(text.strip())
    return spans, wrong


def misplaced(text: str, start: int, context: str) -> str | None:
    """What is wrong with an answer that does not stand where it is said to, else ``None``."""
    if start >= 0 and text.strip() and context[start : start + len(text)] == text:
        return None
    there = context[max(start, 0) : max(start, 0) + len(text)]
    return f"{text!r:.80} does not stand at character {start} of its context, which has {there!r:.80} there"


def _is_rows(answers: Any) -> bool:
    """Whether these are rows of answers, and not those of one example as SQuAD's files have them."""
    return not (
        isinstance(answers, Sequence)
        and all(isinstance(answer, Mapping) and isinstance(answer.get("text"), str) for answer in answers)
    )


def _first(given: Any, row: int) -> tuple[str, int] | None:
    """Text and start of the first answer of an example."""
    if given is None or (hasattr(given, "__len__") and not len(given)):
        return None
    text: Any
    start: Any
    if isinstance(given, Mapping):
        text, start = given.get("text"), given.get("answer_start")
        if not isinstance(text, str) and hasattr(text, "__len__") and hasattr(start, "__len__"):
            if len(text) != len(start):
                raise AlignmentError(f"answers[{row}] has {len(text)} texts and {len(start)} answer_start")
            if not len(text):
                return None
            text, start = text[0], start[0]
    elif isinstance(given, Sequence) and isinstance(given[0], Mapping):
        text, start = given[0].get("text"), given[0].get("answer_start")
    else:
        text = start = None
    if not isinstance(text, str) or isinstance(start, bool) or not isinstance(start, (int, np.integer)):
        raise AlignmentError(f"answers[{row}] must be {_FORM}, got {given!r:.120}")
    return text, int(start)


def _cut(questions: list[str], tokenizer: Any, most: int) -> list[str]:
    """Questions of at most so many tokens, cut behind a whole word where there is one."""
    encoding = tokenizer(questions, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    columns = encoding.columns
    splits, words, ends = columns.row_splits.tolist(), columns.word_ids, columns.offsets[:, 1]
    cut = list(questions)
    for row, (first, last) in enumerate(pairwise(splits)):
        if last - first <= most:
            continue
        token = first + most
        while token > first and words[token] == words[token - 1]:
            token -= 1
        cut[row] = questions[row][: int(ends[(token if token > first else first + most) - 1])]
    return cut
