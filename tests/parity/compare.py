"""Runs calls on the reference and on a tokenizer under test, counts what was compared, shrinks what differs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Self

from tests.parity.calls import Call, Options, Refused, Rows, Text, first_difference
from tests.parity.tokenizers_under_test import Reference, UnderTest

SHRINKING_CALLS = 2000


@dataclass(slots=True)
class Report:
    """What was compared, and the differences found, each in words."""

    calls: int = 0
    texts: int = 0
    rows: int = 0
    tokens: int = 0
    refused: int = 0
    """Calls that the reference refuses; the tokenizer under test must refuse them too."""
    differences: list[str] = field(default_factory=list)

    def __iadd__(self, other: "Report") -> Self:
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))
        return self

    def __str__(self) -> str:
        return (
            f"{self.texts:,} texts in {self.calls:,} calls, {self.rows:,} rows, {self.tokens:,} tokens, "
            f"{self.refused:,} calls refused by both, {len(self.differences):,} differences"
        )


def compare(reference: Reference, tested: UnderTest, call: Call, where: str = "") -> Report:
    """Compares one call; where the reference refuses a batch, also each of its texts alone.

    Args:
        where: what the tokenizer is, for the description of a difference.
    """
    report = Report(calls=1, texts=len(call.texts) + len(call.pairs or ()))
    expected = _outcome(reference, call)
    if isinstance(expected, Refused):
        report.refused += 1
    else:
        report.rows += len(expected["input_ids"])
        report.tokens += sum(map(len, expected["input_ids"]))
    if _difference(expected, tested, call) is not None:
        small = _shrink(call, lambda smaller: _difference(_outcome(reference, smaller), tested, smaller) is not None)
        difference = _difference(_outcome(reference, small), tested, small)
        report.differences.append(f"{where}\n  {small}\n  {difference}")
    elif isinstance(expected, Refused) and len(call.texts) > 1:
        for index in range(len(call.texts)):
            report += compare(reference, tested, call.row(index), where)
    return report


def _outcome(reference: Reference, call: Call) -> Rows | Refused:
    try:
        return reference.encode(call)
    except Refused as refused:
        return refused


def _difference(expected: Rows | Refused, tested: UnderTest, call: Call) -> str | None:
    try:
        actual = tested.encode(call)
    except Refused as refused:
        return None if isinstance(expected, Refused) else f"raised ValueError: {refused}"
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    if isinstance(expected, Refused):
        return f"must raise ValueError (reference: {expected}), returned rows"
    return first_difference(expected, actual)


def _shrink(call: Call, differs: Callable[[Call], bool]) -> Call:
    """A smaller call that still differs: fewer texts, fewer options, shorter texts."""
    budget = SHRINKING_CALLS
    shrunk = True
    while shrunk:
        shrunk = False
        for smaller in _smaller_calls(call):
            budget -= 1
            if budget < 0:
                return call
            if differs(smaller):
                call, shrunk = smaller, True
                break
    return call


def _smaller_calls(call: Call) -> Iterator[Call]:
    if len(call.texts) > 1:
        for index in range(len(call.texts)):
            yield call.row(index)
        half = len(call.texts) // 2
        for part in (slice(None, half), slice(half, None)):
            yield replace(call, texts=call.texts[part], pairs=call.pairs and call.pairs[part])
        return
    if call.single:
        yield replace(call, single=False)
    if call.pairs is not None:
        yield replace(call, pairs=None)
    plain = Options(is_split_into_words=call.options.is_split_into_words)
    for item in fields(Options):
        if getattr(call.options, item.name) != getattr(plain, item.name):
            yield replace(call, options=replace(call.options, **{item.name: getattr(plain, item.name)}))
    for text in _shorter(call.texts[0]):
        yield replace(call, texts=(text,))
    if call.pairs is not None:
        for text in _shorter(call.pairs[0]):
            yield replace(call, pairs=(text,))


def _shorter(text: Text) -> Iterator[Text]:
    """The text without each of its parts: halves, quarters, ..., single characters (or words, then their parts)."""
    size = len(text) // 2
    while size > 0:
        for start in range(0, len(text), size):
            yield text[:start] + text[start + size :]  # type: ignore[operator]
        size //= 2
    if len(text) == 1:
        yield text[:0]
    if not isinstance(text, str):
        for index, word in enumerate(text):
            for shorter in _shorter(word):
                yield (*text[:index], str(shorter), *text[index + 1 :])
