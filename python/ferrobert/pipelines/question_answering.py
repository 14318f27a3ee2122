"""Question answering: the span of a context that answers a question.

Arguments and results are those of ``QuestionAnsweringPipeline`` of transformers 4, which transformers 5 removed. What
differs, with reasons, is listed in docs/answers.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferrobert.answers import QuestionFeatures
from ferrobert.answers.decoding import decode_rows, decoded_by
from ferrobert.answers.encoding import LONGEST_QUESTION, encoded_by, find_positions
from ferrobert.answers.options import DecodingOptions, options_of
from ferrobert.auto import AutoTokenizer
from ferrobert.errors import ConfigError, DecodeError, TextTypeError
from ferrobert.inputs import check_count
from ferrobert.models.checkpoint import QUESTION_ANSWERER
from ferrobert.pipelines.base import Pipeline
from ferrobert.pipelines.inputs import rows_of_table
from ferrobert.pipelines.options import CallOptions, check_progress
from ferrobert.pipelines.rows import token_rows
from ferrobert.tokenizer import Tokenizer

WINDOW = 384
OPTIONS = (
    *("top_k", "doc_stride", "max_answer_len", "max_seq_len", "max_question_len", "handle_impossible_answer"),
    *("null_score_diff_threshold", "align_to_words", "rank_by", "details", "batch_size", "progress"),
)


class Question(NamedTuple):
    """A question, and the text that is to answer it."""

    question: str
    context: str


#: What transformers 4 does.
DECODING = options_of(1, 1, 15, False, 0.0, "probability", True, False)


@dataclass(frozen=True, slots=True)
class AnswerOptions(CallOptions):
    """The options of one call, checked.

    Attributes:
        decoding: how logits become answers.
        window: tokens of a window; by default 384, or as many as the model reads.
        stride: tokens that windows share; by default 128, or half of a window.
        longest_question: tokens of a question.
    """

    decoding: DecodingOptions = DECODING
    window: int | None = None
    stride: int | None = None
    longest_question: int = LONGEST_QUESTION


class QuestionAnsweringPipeline(Pipeline):
    """Answer questions with spans of their contexts, of any length.

    Args:
        model, tokenizer, device, dtype, batch_tokens: see `ferrobert.pipeline`.
        **options: defaults for the options of ``__call__``.

    Raises:
        CheckpointError: no such model, or it has no question-answering head.
        ConfigError: an option that is not known or has a value that is not allowed.

    Example:
        >>> from transformers import BertConfig, BertForQuestionAnswering
        >>> from ferrobert import BertTokenizer
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "wrote", "it", "ada"]
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> config = BertConfig(vocab_size=9, hidden_size=8, num_attention_heads=2, intermediate_size=8)
        >>> qa = QuestionAnsweringPipeline(BertForQuestionAnswering(config), tokenizer, device="cpu")
        >>> sorted(qa(question="Who wrote it", context="Ada"))
        ['answer', 'end', 'score', 'start']
    """

    task = "question-answering"
    head = QUESTION_ANSWERER
    reads_windows = True

    def __init__(self, model: Any, tokenizer: Any = None, **options: Any) -> None:
        super().__init__(model, tokenizer, **options)
        if not isinstance(self.tokenizer, Tokenizer):
            self.tokenizer = _own_tokenizer(self.tokenizer)

    def __call__(self, *inputs: Any, question: Any = None, context: Any = None, **options: Any) -> Any:
        """Answer one question, a list, or a stream.

        Args:
            inputs: ``{"question": ..., "context": ...}`` or several of these; a list of these; a stream of these
                (generator, torch ``Dataset``, any other iterable); or a question and its context, two strings.
            question, context: in the place of ``inputs``: strings, or lists of as many; one context serves all
                questions of a list.
            top_k: answers of each question; above 1 each gives a list of at most so many.
            doc_stride: tokens of the context that windows share; by default 128, or half of a window.
            max_answer_len: most tokens of an answer (15).
            max_seq_len: tokens of a window; by default 384, or as many as the model reads.
            max_question_len: tokens of a question (64); what is longer is cut behind a whole word.
            handle_impossible_answer: an answer may be empty, where the model says so.
            null_score_diff_threshold: with ``rank_by="logits"``: how much more than the best answer's the logits of no
                answer must be (0.0).
            align_to_words: answers are whole words (``True``).
            rank_by: "probability" (as in transformers 4) ranks answers by ``score``, which is a probability in a window
                of the context; "logits" by logits, which can be compared between windows.
            details: add what `ferrobert.decode_answers` knows of an answer, such as its share among all spans of all
                windows, ``"probability"``.
            batch_size: at most this many windows in a batch; also how far a stream is read ahead (default 1,024).
            progress: ``True`` shows a bar on stderr, where that is a terminal: rows, rows a second, time that remains.

        Returns:
            ``{"score", "start", "end", "answer"}`` for one question, a list of them where ``top_k`` is above 1; for a
            list of questions a list. A stream gives an iterator, in the order of the input. ``start`` and ``end`` are
            characters of the context, ``answer`` is their slice.

        Raises:
            ConfigError: (a ValueError) an option or input that is not allowed; an empty question or context; a question
                that leaves no room in its window.
            TextTypeError: (a TypeError and ValueError) a text that is not a ``str``.
            DecodeError: the model returns NaN.
            UnicodeEncodeError: a text holds a lone surrogate.

        Example:
            >>> qa(question="Who founded Tesla?", context="Elon Musk founded Tesla.")  # doctest: +SKIP
            {'score': 0.97, 'start': 0, 'end': 9, 'answer': 'Elon Musk'}
        """
        for name in ("inputs", "data", "X"):  # as transformers 4 takes them by name
            if name in options:
                inputs = (*inputs, options.pop(name))
        chosen = self._call_options({**self._defaults, **options})
        if question is not None or context is not None:
            if inputs:
                raise ConfigError("give question= and context=, or dictionaries of them, not both")
            inputs = (_asked(question, context),)
        elif len(inputs) == 2 and all(isinstance(text, str) for text in inputs):
            inputs = (_asked(*inputs),)
        if not inputs or inputs[0] is None:
            raise ConfigError('give question= and context=, or {"question": ..., "context": ...}')
        given = inputs[0] if len(inputs) == 1 else list(inputs)
        if isinstance(given, Mapping) and any(isinstance(given.get(name), (list, tuple)) for name in Question._fields):
            given = _asked(given.get("question"), given.get("context"))
        if isinstance(given, Mapping):
            return self._run([given], chosen, 0)[0]
        given = rows_of_table(given)
        if isinstance(given, str):
            raise TextTypeError("a question needs its context: give question= and context=, got a str")
        return self._results(given, chosen)

    predict = transform = __call__

    @classmethod
    def _call_options(cls, options: Mapping[str, Any]) -> AnswerOptions:
        rest = {name: value for name, value in options.items() if value is not None}
        for without_effect in ("padding", "num_workers"):  # windows are padded here; the tokenizer has its own threads
            rest.pop(without_effect, None)
        if "topk" in rest:
            rest.setdefault("top_k", rest.pop("topk"))
        unknown = sorted(set(rest) - set(OPTIONS))
        if unknown:
            raise ConfigError(f"unknown option {unknown[0]!r}; the options are {', '.join(OPTIONS)}")
        counts = {
            name: check_count(name, rest[name], least)
            for name, least in (("max_seq_len", 1), ("doc_stride", 0), ("max_question_len", 1), ("batch_size", 1))
            if name in rest
        }
        top_k = check_count("top_k", rest.get("top_k", 1), 1)
        return AnswerOptions(
            batch_size=counts.get("batch_size"),
            progress=check_progress(rest.get("progress", False)),
            decoding=options_of(
                top_k,
                top_k,
                check_count("max_answer_len", rest.get("max_answer_len", 15), 1),
                rest.get("handle_impossible_answer", False),
                rest.get("null_score_diff_threshold", 0.0),
                rest.get("rank_by", "probability"),
                rest.get("align_to_words", True),
                rest.get("details", False),
            ),
            window=counts.get("max_seq_len"),
            stride=counts.get("doc_stride"),
            longest_question=counts.get("max_question_len", LONGEST_QUESTION),
        )

    def _run(self, inputs: Sequence[Any], chosen: AnswerOptions, first: int) -> list[Any]:
        found: list[Any] = []
        for features, starts, ends in self._encoded(inputs, chosen, first):
            found += decoded_by(decode_rows, starts, ends, features, chosen.decoding, None)
        return found

    def _encoded(
        self, inputs: Sequence[Any], chosen: AnswerOptions, first: int
    ) -> Iterator[tuple[QuestionFeatures, NDArray[np.float32], NDArray[np.float32]]]:
        """Inputs, block by block, as features, with the logits of starts and ends of their tokens, ``(tokens,)``."""
        limits = [self.max_tokens, getattr(self.tokenizer, "model_max_length", None)]
        limit = min((one for one in limits if one is not None), default=WINDOW)
        window = min(WINDOW, limit) if chosen.window is None else min(chosen.window, limit)
        for start, samples in self._blocks(inputs, first, _checked, lambda sample: len(sample.context)):
            features = encoded_by(
                find_positions,
                [sample.question for sample in samples],
                [sample.context for sample in samples],
                self.tokenizer,
                answers=None,
                max_length=window,
                doc_stride=chosen.stride,
                max_question_length=chosen.longest_question,
                wrong_answers="raise",
                padding=False,
                return_tensors=None,
                place=lambda row, start=start: f"row {start + row}",  # type: ignore[misc]
            )
            rows, inputs_of = token_rows(features), start + features.columns.sample_ids
            starts, ends = self._token_logits(rows, chosen, ("start_logits", "end_logits"), inputs_of)
            broken = np.flatnonzero(~(np.isfinite(starts) & np.isfinite(ends)))
            if len(broken):
                window_of = int(np.searchsorted(rows.row_splits, broken[0], side="right")) - 1
                raise DecodeError(f"the model's logits for row {inputs_of[window_of]} are infinite")
            yield features, starts, ends


def _own_tokenizer(tokenizer: Any) -> Tokenizer:
    """The tokenizer of ferrobert that is equal to a fast one of transformers."""
    if not getattr(tokenizer, "is_fast", False) or not hasattr(tokenizer, "save_pretrained"):
        raise ConfigError(
            f"question answering needs a tokenizer of ferrobert or a fast one of transformers, got "
            f"{type(tokenizer).__module__}.{type(tokenizer).__name__}"
        )
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return AutoTokenizer.from_pretrained(folder)


def _asked(question: Any, context: Any) -> Any:
    """``question=`` and ``context=`` as one dictionary or a list of them."""
    if question is None or context is None:
        missing = "question" if question is None else "context"
        raise ConfigError(f"{missing}= is missing: a question is answered from its context")
    question, context = (one.as_py() if hasattr(one, "as_py") else one for one in (question, context))
    if isinstance(question, str):
        if not isinstance(context, str):
            raise ConfigError(f"context must be a str, as question is one, got {type(context).__name__}")
        return {"question": question, "context": context}
    if not isinstance(question, Iterable):
        raise TextTypeError(f"question must be a str or a list of them, got {type(question).__name__}")
    if not isinstance(context, Iterable):
        raise TextTypeError(f"context must be a str or a list of them, got {type(context).__name__}")
    questions = _listed(question)
    contexts = [context] * len(questions) if isinstance(context, str) else _listed(context)
    if len(questions) != len(contexts):
        raise ConfigError(f"there are {len(questions)} questions and {len(contexts)} contexts: give one for each other")
    return [{"question": one, "context": other} for one, other in zip(questions, contexts, strict=True)]


def _listed(texts: Iterable[Any]) -> list[Any]:
    return list(texts.to_pylist() if hasattr(texts, "to_pylist") else texts)  # Arrow's values are no str


def _checked(value: Any, row: int) -> Question:
    """One input, or the error that names its row."""
    if not isinstance(value, Mapping):
        raise TextTypeError(f'row {row} must be {{"question": ..., "context": ...}}, got {type(value).__name__}')
    missing = [name for name in Question._fields if name not in value]
    if missing:
        raise ConfigError(f"row {row} has no {missing[0]!r}; its keys are {', '.join(map(repr, value)) or 'none'}")
    texts = [value[name] for name in Question._fields]
    for name, text in zip(Question._fields, texts, strict=True):
        if not isinstance(text, str):
            raise TextTypeError(f"row {row}: {name} must be a str, got {type(text).__name__}")
        if not text or text.isspace():
            raise ConfigError(f"row {row}: {name} is empty")
    return Question(*texts)
