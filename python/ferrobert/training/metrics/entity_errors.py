"""Which entities a model gets wrong, and what they read: `entity_errors`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ferrobert.errors import ConfigError, DataError
from ferrobert.training.metrics.error_kinds import KINDS, kind_of, paired
from ferrobert.training.metrics.label_spans import LabelSpans, Span, check_rows

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group, RenderResult

# Wide enough for an example with its context, narrow enough for a log.
PLAIN_WIDTH = 110


@dataclass(frozen=True, slots=True)
class TypeConfusion:
    """How often entities of one true type went wrong in one way.

    Attributes:
        true, predicted: the types; ``None`` where there is no true entity (invented) or no predicted one (missed).
        kind: one of ``KINDS``.
        count: how often.
    """

    true: str | None
    predicted: str | None
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """Errors that read the same, with one place where they are.

    Attributes:
        kind: one of ``KINDS``.
        true, predicted: the types, or ``None``.
        true_text, predicted_text: the words of the true and of the predicted entity; empty where there is none.
        before, text, after: the words around, both entities together, and the words that follow.
        count: how often this error is made.
        row, start, end: where the example is: number of the row and half-open range of words of ``text``.
        score: mean score of the words that were predicted there; ``None`` where no scores were given.
    """

    kind: str
    true: str | None
    predicted: str | None
    true_text: str
    predicted_text: str
    before: str
    text: str
    after: str
    count: int
    row: int
    start: int
    end: int
    score: float | None


@dataclass(frozen=True, slots=True)
class EntityErrors:
    """What is wrong in the predictions of a model: plain data (``dataclasses.asdict``), printed as tables.

    Attributes:
        right, true, predicted: how many entities are right, how many there are, how many were predicted.
        kinds: kind of error -> how often, in the order of ``KINDS``.
        confusions: true type -> predicted type with counts, the most frequent first.
        examples: the worst errors with their text.
    """

    right: int
    true: int
    predicted: int
    kinds: dict[str, int]
    confusions: tuple[TypeConfusion, ...]
    examples: tuple[ErrorExample, ...]

    def tables(self) -> Group:
        """The tables for rich's console."""
        from ferrobert.training.metrics.entity_error_tables import tables

        return tables(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.tables()

    def __str__(self) -> str:
        from ferrobert.training.metrics.entity_error_tables import plain

        return plain(self, PLAIN_WIDTH)


def entity_errors(
    true: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    words: Sequence[Sequence[str]],
    *,
    top: int = 20,
    context: int = 4,
    scores: Sequence[Sequence[float]] | None = None,
    mode: str = "strict",
    scheme: str = "BIO",
) -> EntityErrors:
    """The errors of predicted entities: counts by kind and type, and the worst ones with their text.

    A true and a predicted entity that overlap are one error: "wrong type" (same words), "wrong boundary" (same type) or
    "wrong type and boundary". Each is paired once, with the partner of the same words, else of its type, else with the
    largest overlap; what has no partner is "missed" or "invented". Cost: linear in the number of words.

    Args:
        true, predicted: a row a sentence, a label a word, as for `entity_f1`.
        words: the words, in the same rows.
        top: how many examples at most. Errors that read the same are one example with its count; the most frequent come
            first, then those of the most frequent confusion of types, then the most confident.
        context: how many words to show on each side.
        scores: for each word the score of its predicted label, to say how sure the model was.
        mode, scheme: as in `entity_f1`.

    Returns:
        Counts and examples; ``print`` shows them as tables, and so does rich's console.

    Raises:
        ConfigError: an unknown mode or scheme, or a negative ``top`` or ``context``.
        DataError: no rows, rows of different length, a word that is not a string, a score that is not a number, or in
            strict mode a label that is not of the scheme; row and column are named.

    Example:
        >>> words = [["Ann", "Lee", "left", "Bank", "of", "Oslo"]]
        >>> true = [["B-PER", "I-PER", "O", "B-ORG", "I-ORG", "I-ORG"]]
        >>> errors = entity_errors(true, [["B-PER", "I-PER", "O", "O", "O", "B-LOC"]], words)
        >>> errors.right, errors.kinds["wrong type and boundary"]
        (1, 1)
        >>> one = errors.examples[0]
        >>> one.true, one.true_text, one.predicted, one.predicted_text
        ('ORG', 'Bank of Oslo', 'LOC', 'Oslo')
    """
    counts = ErrorCounts(context=context, mode=mode, scheme=scheme)
    counts.add(true, predicted, words, scores=scores)
    if not counts.rows:
        raise DataError("no labels to compare")
    return counts.worst(top)


class Error(NamedTuple):
    """What makes two errors the same one."""

    kind: str
    true: str | None
    predicted: str | None
    true_text: str
    predicted_text: str


class ErrorCounts:
    """What `entity_errors` is made of, counted as rows come; memory grows with the number of different errors alone.

    Args:
        context, mode, scheme: those of `entity_errors`.

    Attributes:
        rows: how many rows were counted.

    Example:
        >>> counts = ErrorCounts()
        >>> counts.add([["B-PER"]], [["O"]], [["Ann"]])
        >>> counts.add([["B-PER", "O"]], [["O", "O"]], [["Ann", "left"]])
        >>> [(one.kind, one.text, one.count) for one in counts.worst().examples]
        [('missed', 'Ann', 2)]
    """

    def __init__(self, *, context: int = 4, mode: str = "strict", scheme: str = "BIO") -> None:
        if context < 0:
            raise ConfigError(f"context must be 0 or more, got {context}")
        self._spans = LabelSpans(mode, scheme)
        self._context = context
        self._right = self._true = self._predicted = 0
        self._counts: Counter[Error] = Counter()
        self._examples: dict[Error, ErrorExample] = {}
        self.rows = 0

    def add(
        self,
        true: Sequence[Sequence[str]],
        predicted: Sequence[Sequence[str]],
        words: Sequence[Sequence[str]],
        *,
        scores: Sequence[Sequence[float]] | None = None,
    ) -> None:
        """Count rows; rows in messages are numbered from the first call on.

        Raises:
            DataError: as `entity_errors`.
        """
        check_rows(true, predicted, words, first=self.rows)
        if scores is not None:
            _check_scores(scores, words, self.rows)
        for row, row_words in enumerate(words):
            number = self.rows
            self.rows += 1
            expected = self._spans.of_row(true[row], "true", number)
            found = self._spans.of_row(predicted[row], "predicted", number)
            self._true += len(expected)
            self._predicted += len(found)
            same = set(expected).intersection(found)
            self._right += len(same)
            left = [span for span in expected if span not in same]
            wrong = [span for span in found if span not in same]
            if left or wrong:
                _check_words(row_words, number)
                for one in paired(left, wrong):
                    self._count(*one, row_words, number, None if scores is None else scores[row])

    def worst(self, top: int = 20) -> EntityErrors:
        """The counts so far, and up to ``top`` examples.

        Raises:
            ConfigError: a negative ``top``.
        """
        if top < 0:
            raise ConfigError(f"top must be 0 or more, got {top}")
        confusions: Counter[tuple[str | None, str | None, str]] = Counter()
        for error, count in self._counts.items():
            confusions[error.true, error.predicted, error.kind] += count
        kinds: Counter[str] = Counter()
        for (_, _, kind), count in confusions.items():
            kinds[kind] += count

        def badness(error: Error) -> tuple[Any, ...]:
            one = self._examples[error]
            together = confusions[error.true, error.predicted, error.kind]
            return -self._counts[error], -together, -(one.score or 0.0), one.row, one.start

        worst = sorted(self._counts, key=badness)[:top]
        ordered = sorted(confusions.items(), key=lambda item: (-item[1], *(part or "" for part in item[0])))
        return EntityErrors(
            right=self._right,
            true=self._true,
            predicted=self._predicted,
            kinds={kind: kinds[kind] for kind in KINDS},
            confusions=tuple(TypeConfusion(*key, count) for key, count in ordered),
            examples=tuple(replace(self._examples[error], count=self._counts[error]) for error in worst),
        )

    def _count(
        self,
        true: Span | None,
        predicted: Span | None,
        words: Sequence[str],
        row: int,
        scores: Sequence[float] | None,
    ) -> None:
        error = Error(
            kind_of(true, predicted),
            None if true is None else true[0],
            None if predicted is None else predicted[0],
            "" if true is None else " ".join(words[true[1] : true[2]]),
            "" if predicted is None else " ".join(words[predicted[1] : predicted[2]]),
        )
        self._counts[error] += 1
        there = [span for span in (true, predicted) if span is not None]
        start, end = min(span[1] for span in there), max(span[2] for span in there)
        score = None
        if scores is not None:
            _, first, last = there[-1]
            score = float(sum(scores[first:last]) / (last - first))
        known = self._examples.get(error)
        if known is None or (score is not None and (known.score is None or score > known.score)):
            before, after = max(0, start - self._context), end + self._context
            self._examples[error] = ErrorExample(
                *error,
                before=" ".join([*(["…"] if before else []), *words[before:start]]),
                text=" ".join(words[start:end]),
                after=" ".join([*words[end:after], *(["…"] if after < len(words) else [])]),
                count=1,
                row=row,
                start=start,
                end=end,
                score=score,
            )


def _check_words(words: Sequence[Any], row: int) -> None:
    for column, word in enumerate(words):
        if not isinstance(word, str):
            raise DataError(f"words, row {row}, column {column}: must be a string, got {word!r}")


def _check_scores(scores: Sequence[Sequence[Any]], words: Sequence[Sequence[str]], first: int) -> None:
    if len(scores) != len(words):
        raise DataError(f"rows must be as many on each side, got {len(words)} words and {len(scores)} scores")
    for row, (row_scores, row_words) in enumerate(zip(scores, words, strict=True), start=first):
        if len(row_scores) != len(row_words):
            raise DataError(f"row {row}: {len(row_words)} words and {len(row_scores)} scores")
        for column, score in enumerate(row_scores):
            if not isinstance(score, (int, float)) and not hasattr(score, "__float__"):
                raise DataError(f"scores, row {row}, column {column}: must be a number, got {score!r}")
            if float(score) != float(score):
                raise DataError(f"scores, row {row}, column {column}: NaN")
