"""Logits decoded to entities, in pure Python: what the core does, to be read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np

from ferrobert.entities.decoding import Found, decoded_by
from ferrobert.entities.options import DecodingOptions, options_of
from ferrobert.entities.result import Entities
from ferrobert.entities.rows import AlignedRows, TokenLogits
from ferrobert.errors import ConfigError, DecodeError

__all__ = ["decode_entities", "decode_rows"]

#: Logarithm of a probability of 0: finite, so that sums stay comparable.
_LOG_OF_ZERO = -1e30


def decode_entities(
    logits: Any,
    enc: Any,
    id2label: Mapping[Any, str] | Sequence[str],
    *,
    aggregation_strategy: str = "simple",
    constrained: bool = False,
    texts: Sequence[Any] | None = None,
    compat: bool = False,
    tokenizer: Any = None,
    ignore_labels: Iterable[str] | None = ("O",),
    delimiter: str = " ",
) -> list[Entities]:
    """:func:`ferrobert.decode_entities` in pure Python: same call, same result.

    Example:
        >>> import numpy as np
        >>> from ferrobert import BertTokenizer, reference
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "tesla": 3})
        >>> found = reference.decode_entities(np.eye(2)[[0, 1, 0]], tokenizer("Tesla"), ["O", "B-ORG"])
        >>> found[0][0]["entity_group"], found[0][0]["word"]
        ('ORG', 'Tesla')
    """
    options = options_of(id2label, aggregation_strategy, constrained, ignore_labels)
    return decoded_by(decode_rows, logits, enc, options, texts, compat, tokenizer, delimiter)


class Token(NamedTuple):
    """A token of a text."""

    place: int
    """In the columns."""
    word: int
    start: int
    end: int
    logits: list[float]


def decode_rows(rows: AlignedRows, logits: TokenLogits, options: DecodingOptions, with_tokens: bool) -> Found:
    """Entities of each sample and, where asked for, places of their tokens and how many each has."""
    labels = Labels(options)
    count = logits.values.shape[1]
    if count != len(options.labels):
        raise DecodeError(
            f"id2label names {len(options.labels)} labels, a token has {count} logits: each needs its name"
        )
    windows: list[list[tuple[int, list[Token]]]] = [[] for _ in rows.texts]
    for row, (start, end) in enumerate(pairwise(rows.row_splits.tolist())):
        values = logits.values[logits.row_starts[row] :][: end - start].tolist()
        for token, numbers in enumerate(values):
            if not all(number < math.inf for number in numbers) or max(numbers, default=0) == -math.inf:
                raise DecodeError(
                    f"the logits of token {token} in row {row} are NaN or infinite; tokens are counted without padding"
                )
        words = rows.word_ids[start:end].tolist()
        spans = rows.offsets[start:end].tolist()
        tokens = [
            Token(start + place, word, spans[place][0], spans[place][1], values[place])
            for place, word in enumerate(words)
            if word >= 0
        ]
        before = next((place for place, word in enumerate(words) if word >= 0), len(words))
        windows[int(rows.sample_ids[row])].append((before, tokens))
    found, places, counts = [], [], []
    for text, of_text in zip(rows.texts, windows, strict=True):
        shown = [window for window in of_text if window[1]] or of_text
        tokens = merge([window for _, window in shown])
        before = shown[-1][0] if shown else 0
        entities = []
        for units, chosen in labels.groups(tokens):
            group = [token for unit in units for token in unit]
            scores = [labels.score(unit, label) for unit, label in zip(units, chosen, strict=True)]
            start, end, word = trimmed(text, group[0].start, group[-1].end)
            name = labels.name(chosen[0])
            score = sum(scores) / len(scores)
            if options.strategy == "none":
                index = before + tokens.index(group[0])
                entity = {"entity": name, "score": score, "index": index, "word": word, "start": start, "end": end}
            else:
                entity = {"entity_group": name, "score": score, "word": word, "start": start, "end": end}
            entities.append(entity)
            places += [token.place for token in group]
            counts.append(len(group))
        found.append(entities)
    return found, (np.array(places, np.int64), np.array(counts, np.int64)) if with_tokens else None


def trimmed(text: str, start: int, end: int) -> tuple[int, int, str]:
    """A span without white space at its ends, unless there is nothing else in it."""
    slice = text[start:end]
    word = slice.strip()
    if not word:
        return start, end, slice
    start += len(slice) - len(slice.lstrip())
    return start, start + len(word), word


# --- windows ------------------------------------------------------------------------------------------------------


def merge(windows: list[list[Token]]) -> list[Token]:
    """The tokens of a text, each word from the window that shows most of what is around it."""
    if len(windows) < 2:
        return windows[0] if windows else []
    windows = sorted(windows, key=lambda window: (window[0].word, window[0].start, window[0].end))
    overlaps = [
        max(overlap for overlap in range(len(window) + 1) if _fits(window, following, overlap))
        for window, following in pairwise(windows)
    ]
    # Of equal tokens more than one overlap fits; a tokenizer makes all windows overlap by the same number.
    least = min(overlaps)
    if all(_fits(window, following, least) for window, following in pairwise(windows)):
        overlaps = [least] * len(overlaps)
    starts = [0]
    for window, overlap in zip(windows, overlaps, strict=False):
        starts.append(starts[-1] + len(window) - overlap)
    # What the text's tokens are, whichever window says so.
    text: dict[int, Token] = {}
    for start, window in zip(starts, windows, strict=True):
        text |= dict(enumerate(window, start))
    words: dict[int, tuple[int, int]] = {}
    for _, group in groupby(sorted(text), key=lambda place: text[place].word):
        places = list(group)
        words |= dict.fromkeys(places, (places[0], places[-1]))
    best: dict[int, tuple[bool, int]] = {}
    for start, window in zip(starts, windows, strict=True):
        last = start + len(window) - 1
        for place, token in enumerate(window, start):
            first_of_word, last_of_word = words[place]
            is_whole = start <= first_of_word and last_of_word <= last
            # A word that no window holds is put together of its tokens.
            left, right = (first_of_word, last_of_word) if is_whole else (place, place)
            context = is_whole, min(left - start, last - right)
            if place not in best or best[place] < context:
                best[place], text[place] = context, token
    return [text[place] for place in sorted(text)]


def _fits(window: list[Token], following: list[Token], overlap: int) -> bool:
    """Whether a window may end with as many tokens of the next one."""
    shared = zip(window[len(window) - overlap :], following, strict=False)
    return overlap <= len(window) and all(one[1:4] == other[1:4] for one, other in shared)


# --- labels -------------------------------------------------------------------------------------------------------


class Labels:
    """The labels, and how units of tokens get them."""

    def __init__(self, options: DecodingOptions) -> None:
        self.options = options
        parts = [self._parts(name) for name in options.labels]
        prefixes = [prefix for prefix, _ in parts]
        # E-, S-, L- and U- are prefixes where all labels have one.
        whole = None not in prefixes and ("B" in prefixes or "I" in prefixes)
        self.prefixes = [prefix if whole or prefix in ("B", "I") else None for prefix in prefixes]
        self.kinds = [
            kind if prefix is not None else name
            for prefix, (_, kind), name in zip(self.prefixes, parts, options.labels, strict=True)
        ]
        self.allowed = self._transitions() if options.constrained else None

    @staticmethod
    def _parts(name: str) -> tuple[str | None, str]:
        if name == "O":
            return "O", "O"
        prefix, _, kind = name.partition("-")
        if kind and prefix in ("B", "I", "E", "L", "S", "U"):
            return {"L": "E", "U": "S"}.get(prefix, prefix), kind
        return None, name

    def name(self, label: int) -> str:
        """What an entity of a label is called."""
        return self.options.labels[label] if self.options.strategy == "none" else self.kinds[label]

    def groups(self, tokens: list[Token]) -> Iterable[tuple[list[list[Token]], list[int]]]:
        """Units of tokens that are one entity, and their labels."""
        strategy = self.options.strategy
        if strategy in ("none", "simple"):
            units = [[token] for token in tokens]
        else:
            units = [list(word) for _, word in groupby(tokens, key=lambda token: token.word)]
        chosen = self._path(units) if self.options.constrained else [_best(self._scores(unit)) for unit in units]
        groups: list[tuple[list[list[Token]], list[int]]] = []
        for unit, label in zip(units, chosen, strict=True):
            if groups and strategy != "none" and self._continues(groups[-1][1][-1], label):
                groups[-1][0].append(unit)
                groups[-1][1].append(label)
            else:
                groups.append(([unit], [label]))
        return [group for group in groups if self.name(group[1][0]) not in self.options.ignore_labels]

    def _continues(self, before: int, label: int) -> bool:
        return (
            self.kinds[before] == self.kinds[label]
            and self.prefixes[label] not in ("B", "S")
            and self.prefixes[before] not in ("E", "S")
        )

    def _scores(self, unit: list[Token]) -> list[float]:
        """What the labels of a unit are compared by: logits of one token, or mean probabilities."""
        if len(unit) == 1 or self.options.strategy != "average":
            return self._speaker(unit).logits
        probabilities = [softmax(token.logits) for token in unit]
        return [sum(of_label) / len(unit) for of_label in zip(*probabilities, strict=True)]

    def _speaker(self, unit: list[Token]) -> Token:
        """The token that stands for a unit."""
        if self.options.strategy == "max":
            return max(unit, key=lambda token: max(softmax(token.logits)))
        return unit[0]

    def score(self, unit: list[Token], label: int) -> float:
        """Probability of a label."""
        if len(unit) == 1 or self.options.strategy != "average":
            return softmax(self._speaker(unit).logits)[label]
        return sum(softmax(token.logits)[label] for token in unit) / len(unit)

    # Constraints

    def _transitions(self) -> list[list[int]]:
        """For each label those that it may follow; -1 is the beginning. Last, those that may end the text."""
        names, labels = self.options.labels, range(len(self.options.labels))
        pairs = list(zip(self.prefixes, self.kinds, strict=True))
        for label, prefix in enumerate(self.prefixes):
            if prefix is None or "B" not in self.prefixes:
                named = names[label] if prefix is None else names[0]
                raise ConfigError(
                    'constrained=True needs labels of a scheme (BIO, BIOES or BILOU): "O", "B-PER", "I-PER" ...; '
                    f'"{named}" is none, or no label has "B-"'
                )

        def closes(label: int) -> bool:
            prefix, kind = pairs[label]
            ends, single = ("E", kind) in pairs, ("S", kind) in pairs
            return not ((prefix == "I" and ends) or (prefix == "B" and ends and single))

        closing = [label for label in labels if closes(label)]
        allowed = []
        for label, (prefix, kind) in enumerate(pairs):
            if prefix not in ("I", "E"):
                allowed.append([-1, *closing])
                continue
            if ("B", kind) not in pairs:
                raise ConfigError(
                    f'constrained=True: "{names[label]}" can never begin, as there is no label "B-{kind}"'
                )
            allowed.append([before for before in labels if pairs[before] in (("B", kind), ("I", kind))])
        return [*allowed, closing]

    def _path(self, units: list[list[Token]]) -> list[int]:
        """The most probable labels that may follow each other (Viterbi)."""
        if not units or self.allowed is None:
            return []
        *allowed, closing = self.allowed
        totals: list[float] = []
        back: list[list[int]] = []
        for unit in units:
            scores = self._log_scores(unit)
            new, came = [], []
            for label, before in enumerate(allowed):
                if not back:
                    new.append(scores[label] if -1 in before else -math.inf)
                    came.append(-1)
                    continue
                best = max((other for other in before if other >= 0), key=totals.__getitem__)
                new.append(totals[best] + scores[label])
                came.append(best)
            totals = new
            back.append(came)
        path = [max(closing, key=totals.__getitem__)]
        for came in reversed(back[1:]):
            path.append(came[path[-1]])
        return path[::-1]

    def _log_scores(self, unit: list[Token]) -> list[float]:
        """Logarithms of the probabilities of all labels, up to what they have in common."""
        scores = self._scores(unit)
        if len(unit) == 1 or self.options.strategy != "average":
            highest = max(scores)
            return [max(score - highest, _LOG_OF_ZERO) for score in scores]
        return [math.log(score) if score > 0 else _LOG_OF_ZERO for score in scores]


def softmax(logits: list[float]) -> list[float]:
    """Probabilities of logits."""
    highest = max(logits)
    exponents = [math.exp(logit - highest) for logit in logits]
    total = sum(exponents)
    return [exponent / total for exponent in exponents]


def _best(scores: list[float]) -> int:
    """The highest, the first of several."""
    return max(range(len(scores)), key=scores.__getitem__)
