"""Labels of words and spans as labels of subwords, and back, in pure Python: the copied loops, made whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrobert import labels as core_labels
from ferrobert.encoding import Ragged
from ferrobert.errors import AlignmentError, ConfigError, TextTypeError
from ferrobert.labels.alignment import aligned_by, words_by
from ferrobert.labels.schemes import converted_by
from ferrobert.labels.spans import Spans, spans_aligned_by
from ferrobert.labels.vocabulary import SCHEMES, labels_and_ids
from ferrobert.labels.words import WordRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DataCollatorForTokenClassification", "align_labels", "align_spans", "convert_scheme", "word_labels"]


def align_labels(
    enc: Any,
    word_labels: Any,
    *,
    label_all_tokens: bool = False,
    ignore_index: int = -100,
    label2id: Any = None,
) -> Ragged:
    """:func:`ferrobert.align_labels` in pure Python: same call, same result.

    Example:
        >>> from ferrobert import BertTokenizer, reference
        >>> tokenizer = BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "mu": 3, "##sk": 4})
        >>> enc = tokenizer(["Musk"], is_split_into_words=True)
        >>> reference.align_labels(enc, ["B-PER"], label2id=["O", "B-PER"])[0].tolist()
        [-100, 1, -100, -100]
    """
    return aligned_by(align_rows, enc, word_labels, label_all_tokens, ignore_index, label2id)


def align_spans(
    enc: Any,
    spans: Any,
    *,
    scheme: str = "BIO",
    label2id: Any = None,
    ignore_index: int = -100,
    label_all_tokens: bool = False,
) -> Ragged:
    """:func:`ferrobert.align_spans` in pure Python: same call, same result."""
    return spans_aligned_by(align_span_rows, enc, spans, scheme, label2id, ignore_index, label_all_tokens)


def word_labels(enc: Any, token_labels: Any, *, id2label: Any = None, ignore_index: int = -100) -> list[list[Any]]:
    """:func:`ferrobert.word_labels` in pure Python: same call, same result."""
    return words_by(first_tokens, enc, token_labels, id2label, ignore_index)


def convert_scheme(labels: Any, *, source: str, target: str) -> list[Any]:
    """:func:`ferrobert.convert_scheme` in pure Python: same call, same result."""
    return converted_by(convert_rows, labels, source, target)


class DataCollatorForTokenClassification(core_labels.DataCollatorForTokenClassification):
    """:class:`ferrobert.DataCollatorForTokenClassification` with the alignment itself in pure Python."""

    _align_rows = staticmethod(lambda *arguments: align_rows(*arguments))
    _encode_labelled = None


# --- labels of words -> labels of tokens ------------------------------------------------------------------


def align_rows(
    words: WordRows, labels: Any, label2id: Any, label_all_tokens: bool, ignore_index: int
) -> NDArray[np.int64]:
    """Label ids of tokens, ``(tokens,)``."""
    vocab = None if label2id is None else labels_and_ids(label2id)
    if label_all_tokens and vocab is not None:
        _check_scheme(vocab)
    ids = [_ids_of_row(row, number, vocab, ignore_index) for number, row in enumerate(labels)]
    continuing = _continuing(vocab) if label_all_tokens and vocab is not None else None
    return _align(words, ids, continuing, ignore_index)


def _align(
    words: WordRows, labels: list[list[int]], continuing: dict[int, int] | None, ignore_index: int
) -> NDArray[np.int64]:
    if len(labels) != words.samples:
        raise AlignmentError(
            f"word_labels has {len(labels)} rows, the encoding {words.samples} samples; give one row of labels for "
            "each sample"
        )
    if words.counts is not None or words.whole:
        for row, (count, given) in enumerate(zip(_word_counts(words), labels, strict=True)):
            if count != len(given):
                raise AlignmentError(
                    f"word_labels[{row}] has {len(given)} labels, sample {row} has {count} words; give one label for "
                    "each word"
                )
    aligned = []
    for row, (sample, tokens) in enumerate(_rows(words)):
        given = labels[sample]
        previous = None
        for word in tokens:
            if word is None:
                aligned.append(ignore_index)
            elif word >= len(given):
                raise AlignmentError(
                    f"row {row} has tokens of word {word}, but sample {sample} has {len(given)} labels; give one label "
                    "for each word"
                )
            elif word != previous:
                aligned.append(given[word])
            elif continuing is not None:
                aligned.append(continuing.get(given[word], given[word]))
            else:
                aligned.append(ignore_index)
            previous = word
    return np.array(aligned, np.int64)


def _rows(words: WordRows) -> Iterator[tuple[int, list[int | None]]]:
    """Sample and words of each row."""
    ids = [None if word < 0 else word for word in words.word_ids.tolist()]
    for sample, (start, end) in zip(words.sample_ids.tolist(), pairwise(words.row_splits.tolist()), strict=True):
        yield sample, ids[start:end]


def _word_counts(words: WordRows) -> list[int]:
    """How many words each sample has: as given, else up to the last that has a token."""
    if words.counts is not None:
        return list(words.counts.tolist())
    counts = [0] * words.samples
    for sample, tokens in _rows(words):
        counts[sample] = max([counts[sample], *(word + 1 for word in tokens if word is not None)])
    return counts


def _ids_of_row(labels: Any, row: int, vocab: dict[str, int] | None, ignore_index: int) -> list[int]:
    labels = list(labels.tolist() if hasattr(labels, "tolist") else labels)
    if not labels:
        return []
    if not isinstance(labels[0], str):
        for word, id in enumerate(labels):
            if isinstance(id, (bool, np.bool_)) or not isinstance(id, (int, np.integer)):
                raise ConfigError(f"word_labels[{row}][{word}] must be an int of 64 bits, got {type(id).__name__}")
            if vocab is not None and id != ignore_index and id not in vocab.values():
                raise AlignmentError(
                    f"label id {id} (row {row}, word {word}) is not in label2id; its labels are {_listed(vocab)}"
                )
        return [int(id) for id in labels]
    if vocab is None:
        raise AlignmentError(f"word_labels[{row}] has labels that are strings: give label2id, which says their ids")
    for word, label in enumerate(labels):
        if not isinstance(label, str):
            raise TextTypeError(f"word_labels[{row}][{word}] must be str, got {type(label).__name__}")
        if label not in vocab:
            raise AlignmentError(
                f'label "{label}" (row {row}, word {word}) is not in label2id; its labels are {_listed(vocab)}'
            )
    return [vocab[label] for label in labels]


def _listed(vocab: dict[str, int]) -> str:
    labels = sorted(vocab, key=lambda label: (vocab[label], label))
    return ", ".join(labels[:50]) + (f" and {len(labels) - 50} more" if len(labels) > 50 else "")


def _continuing(vocab: dict[str, int]) -> dict[int, int]:
    """Label ids of tokens behind a word's first: of B- that of I-, else the same."""
    return {
        id: vocab[f"I-{label[2:]}"]
        for label, id in sorted(vocab.items())
        if label.startswith("B-") and f"I-{label[2:]}" in vocab
    }


def _check_scheme(vocab: dict[str, int]) -> None:
    with_scheme = sorted(label for label in vocab if _parts(label) is not None and label != "O")
    without = sorted(label for label in vocab if _parts(label) is None)
    if with_scheme and without:
        raise AlignmentError(
            f'label "{without[0]}" belongs to no scheme, but "{with_scheme[0]}" does: with label_all_tokens a word '
            "goes on with I- behind B-, so that either all labels are O or have a prefix (B-, I-, E-, S-, L-, U-), or "
            "none has"
        )


# --- labels of tokens -> labels of words ------------------------------------------------------------------


def first_tokens(words: WordRows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The token that speaks for each word, -1 for none, ``(words,)``, and the splits of the samples."""
    counts = _word_counts(words)
    splits = np.cumsum([0, *counts])
    best: dict[tuple[int, int], tuple[int, int, int]] = {}
    for (sample, tokens), start in zip(_rows(words), words.row_splits.tolist(), strict=False):
        for word, group in groupby(range(len(tokens)), key=tokens.__getitem__):
            run = list(group)
            if word is None:
                continue
            context = min(run[0], len(tokens) - 1 - run[-1])
            seen = best.get((sample, word))
            if seen is None or (len(run), context) > seen[:2]:
                best[sample, word] = len(run), context, start + run[0]
    places = [
        best[sample, word][2] if (sample, word) in best else -1
        for sample, count in enumerate(counts)
        for word in range(count)
    ]
    return np.array(places, np.int64), splits.astype(np.int64)


# --- schemes ------------------------------------------------------------------------------------------------


def _parts(label: str) -> tuple[str, str] | None:
    """Prefix and type of a label; ``None`` for what belongs to no scheme."""
    if label == "O":
        return "O", ""
    prefix, dash, kind = label.partition("-")
    return (prefix, kind) if dash and kind and prefix and prefix in "BIESLU" and len(prefix) == 1 else None


def convert_rows(rows: list[Any], source: str, target: str) -> list[list[str]]:
    """Rows of labels in another scheme."""
    converted = []
    for row, labels in enumerate(rows):
        for word, label in enumerate(labels):
            if not isinstance(label, str):
                raise TextTypeError(f"labels[{row}][{word}] must be str, got {type(label).__name__}")
            parts = _parts(label)
            if parts is None or parts[0] not in {"O", *SCHEMES[source]}:
                allowed = ", ".join(f"{prefix}-" for prefix in SCHEMES[source])
                raise AlignmentError(
                    f'label "{label}" (row {row}, word {word}) is none of scheme {source}: its labels are O and '
                    f"{allowed} with a type"
                )
        result = ["O"] * len(labels)
        before = (0, "")
        for start, end, kind in entities(labels):
            for word in range(start, end):
                prefix = prefix_in(target, word - start, end - start, follows=before == (start, kind))
                result[word] = f"{prefix}-{kind}"
            before = end, kind
        converted.append(result)
    return converted


def entities(labels: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """First word, word behind the last, and type of each entity, as ``conlleval`` reads them."""
    start: int | None = None
    kind = ""
    for word, label in enumerate([*labels, "O"]):
        prefix, found = _parts(label) or ("O", "")
        goes_on = start is not None and prefix in "IEL" and found == kind
        if start is not None and not goes_on:
            yield start, word, kind
            start = None
        if prefix != "O" and start is None:
            start, kind = word, found
        if start is not None and prefix in "ELSU":
            yield start, word + 1, kind
            start = None


def prefix_in(scheme: str, index: int, words: int, *, follows: bool) -> str:
    """Prefix of word ``index`` of an entity; ``follows``: the word before it is of another entity of its type."""
    if scheme == "IOB1":
        return "B" if index == 0 and follows else "I"
    if scheme in ("BIOES", "BILOU"):
        if words == 1:
            return SCHEMES[scheme][3]
        if index == words - 1:
            return SCHEMES[scheme][2]
    return "B" if index == 0 else "I"


# --- spans --------------------------------------------------------------------------------------------------


def align_span_rows(
    words: WordRows,
    offsets: NDArray[np.int32],
    texts: Any,
    spans: Spans,
    scheme: str,
    label2id: Any,
    label_all_tokens: bool,
    ignore_index: int,
) -> NDArray[np.int64]:
    """Label ids of tokens, ``(tokens,)``."""
    vocab = labels_and_ids(label2id)
    if label_all_tokens:
        _check_scheme(vocab)
    samples = len(spans.splits) - 1
    if samples != words.samples:
        raise AlignmentError(
            f"spans has {samples} rows, the encoding {words.samples} samples; give one row of spans for each sample"
        )
    if "O" not in vocab:
        raise AlignmentError(_no_label("O", 0, 0, vocab))
    bounds: list[dict[int, tuple[int, int]]] = [{} for _ in range(samples)]
    flat = offsets.tolist()
    for (sample, tokens), first in zip(_rows(words), words.row_splits.tolist(), strict=False):
        for word, (start, end) in zip(tokens, flat[first:], strict=False):
            if word is not None and start < end:
                known = bounds[sample].get(word, (start, end))
                bounds[sample][word] = min(known[0], start), max(known[1], end)
    whole = words.counts is not None or words.whole
    labels = []
    for row, count in enumerate(_word_counts(words)):
        given = range(*spans.splits[row : row + 2].tolist())
        listed = [
            (*spans.bounds[2 * span : 2 * span + 2].tolist(), spans.kinds[spans.kind_ids[span]]) for span in given
        ]
        text = None if texts is None else texts[row]
        ids = [vocab["O"]] * count
        for word, id in _label_words(
            row, dict(sorted(bounds[row].items())), listed, text, scheme, vocab, whole
        ).items():
            ids[word] = id
        labels.append(ids)
    continuing = _continuing(vocab) if label_all_tokens else None
    return _align(words._replace(counts=None, whole=False), labels, continuing, ignore_index)


def _label_words(
    row: int,
    bounds: dict[int, tuple[int, int]],
    spans: list[tuple[int, int, str]],
    text: str | None,
    scheme: str,
    vocab: dict[str, int],
    whole: bool,
) -> dict[int, int]:
    """The label id of each word of a span."""
    if not spans:
        return {}
    if any(other[0] < one[0] or other[1] < one[1] for one, other in pairwise(bounds.values())):
        raise AlignmentError(
            f"spans count characters of a text, but the offsets of row {row} are those of words: encode the text"
        )
    known = list(bounds)
    labels: dict[int, int] = {}
    behind, before = -1, (-1, "")
    for span in sorted(range(len(spans)), key=lambda span: spans[span][:2]):
        start, end, kind = spans[span]

        def refuse(problem: str, span: int = span) -> AlignmentError:
            start, end, kind = spans[span]
            return AlignmentError(f'span {span} of row {row} ({start} to {end}, "{kind}") {problem}')

        if start >= end:
            raise refuse("is empty")
        if start < 0 or (text is not None and end > len(text)):
            raise refuse(f"lies outside of its text of {'many' if text is None else len(text)} characters")
        if start < behind:
            raise refuse(f"overlaps the span before it, which ends at {behind}")
        behind = end
        covered = [word for word in known if bounds[word][0] < end and bounds[word][1] > start]
        if not covered:
            if whole:
                raise refuse("has no word")
            continue
        for word, cut in (
            (covered[0], range(bounds[covered[0]][0], start)),
            (covered[-1], range(end, bounds[covered[-1]][1])),
        ):
            if cut and not (text is not None and text[cut.start : cut.stop].isspace()):
                raise refuse(f"cuts the word of characters {bounds[word][0]} to {bounds[word][1]}")
        place = known.index(covered[0])
        follows = place > 0 and before == (known[place - 1], kind)
        for index, word in enumerate(covered):
            label = f"{prefix_in(scheme, index, len(covered), follows=follows)}-{kind}"
            if label not in vocab:
                raise AlignmentError(_no_label(label, row, span, vocab))
            labels[word] = vocab[label]
        before = covered[-1], kind
    return labels


def _no_label(label: str, row: int, span: int, vocab: dict[str, int]) -> str:
    return f'label "{label}" (row {row}, span {span}) is not in label2id; its labels are {_listed(vocab)}'
