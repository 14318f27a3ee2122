"""How fast the Rust core is on this machine: short rounds in turns, after the results have been compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ferrobert.cli.demo.blocks import Bar, Bars, Block, Line, Score
from ferrobert.cli.demo.texts import TRAIN

__all__ = ["Job", "jobs", "paragraphs", "speeds"]

ROUNDS = 5
MAX_LENGTH = 128
# Enough to time, and little enough that all jobs together take some seconds.
PARAGRAPHS = 1000
PLAIN_PARAGRAPHS = 100
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
PLAIN = "plain Python"


@dataclass(frozen=True, slots=True)
class Job:
    """The same work, done twice.

    Attributes:
        name: what is done.
        rival: who else does it.
        ours, theirs: the calls that are timed.
        differs: names what differs in the two results, or nothing.
    """

    name: str
    rival: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    differs: Callable[[Any, Any], str]


def speeds(jobs: Sequence[Job], rounds: int = ROUNDS) -> Iterator[Block]:
    """Each job with both times, once the results are equal; a job whose results differ is said to, and not timed."""
    from ferrobert.bench.timing import calls_in_turns

    yield Line(f"Results are compared first. Medians of {rounds} rounds in turns, on this machine as it is now.")
    for job in jobs:
        differs = job.differs(job.ours(), job.theirs())
        if differs:
            yield Line(f"{job.name}: {differs} differ, so nothing is timed: please report this.", strong=True)
            continue
        timed = calls_in_turns({"ours": job.ours, "theirs": job.theirs}, rounds)
        ours, theirs = timed["ours"].median, timed["theirs"].median
        slowest = max(ours, theirs)
        bars = [
            Bar(who, Score(one / slowest, _seconds(one))) for who, one in (("ferrobert", ours), (job.rival, theirs))
        ]
        times = timed["theirs"].over(timed["ours"]).median
        yield Bars(f"{job.name}: {times:,.{0 if times >= 10 else 1}f} times as fast", tuple(bars))


def jobs(folder: str) -> list[Job]:
    """The jobs of the demo.

    Args:
        folder: holds the encoder's tokenizer.
    """
    import transformers

    from ferrobert import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    texts, what = paragraphs()
    some = texts[:PLAIN_PARAGRAPHS]
    return [
        _tokenizing(tokenizer, theirs, texts, what),
        _masking(tokenizer, some),
        _alignment(tokenizer, some),
        _entities(tokenizer, some),
    ]


def paragraphs() -> tuple[list[str], str]:
    """Some English text that every Python brings along, a paragraph an item, and what it is."""
    try:
        from ferrobert.bench.texts import read_corpus
    except ImportError:  # a Python without its own documentation
        from ferrobert.tables import Table

        return [row.values["text"] for row in Table(TRAIN)] * 20, "the training reviews, 20 times"
    corpus = read_corpus(None).sample(PARAGRAPHS)
    return corpus.texts, corpus.name


def _tokenizing(tokenizer: Any, theirs: Any, texts: list[str], what: str) -> Job:
    import numpy as np
    import transformers

    options: dict[str, Any] = {"padding": True, "truncation": True, "max_length": MAX_LENGTH, "return_tensors": "np"}
    megabytes = sum(len(one.encode()) for one in texts) / 1e6

    def differs(ours: Any, others: Any) -> str:
        names = ("input_ids", "token_type_ids", "attention_mask")
        return " and ".join(name for name in names if not np.array_equal(ours[name], others[name]))

    return Job(
        f"Tokenizing {len(texts):,} paragraphs, {megabytes:.1f} MB ({what}), to padded arrays",
        f"transformers {transformers.__version__}",
        lambda: dict(tokenizer(texts, **options)),  # our arrays are made when they are asked for
        lambda: theirs(texts, **options),
        differs,
    )


def _masking(tokenizer: Any, texts: list[str]) -> Job:
    import ferrobert
    from ferrobert import reference

    encoding = tokenizer(texts, truncation=True, max_length=MAX_LENGTH)
    return Job(
        f"Masking {len(encoding.columns.ids):,} tokens",
        PLAIN,
        lambda: ferrobert.mask_tokens(encoding, tokenizer, seed=1),
        lambda: reference.mask_tokens(encoding, tokenizer, seed=1),
        lambda ours, theirs: " and ".join(
            name for name, one, other in zip(("ids", "labels"), ours, theirs, strict=True) if not _same(one, other)
        ),
    )


def _alignment(tokenizer: Any, texts: list[str]) -> Job:
    import ferrobert
    from ferrobert import reference

    words = [text.split() for text in texts]
    labels = [["B-X" if place % 7 == 0 else "O" for place, _ in enumerate(row)] for row in words]
    encoding = tokenizer(words, is_split_into_words=True)
    names = ["O", "B-X"]
    return Job(
        f"Labels of {sum(map(len, words)):,} words for their tokens",
        PLAIN,
        lambda: ferrobert.align_labels(encoding, labels, label2id=names),
        lambda: reference.align_labels(encoding, labels, label2id=names),
        lambda ours, theirs: "" if _same(ours, theirs) else "labels",
    )


def _entities(tokenizer: Any, texts: list[str]) -> Job:
    import numpy as np

    import ferrobert
    from ferrobert import reference

    options = {"truncation": True, "max_length": MAX_LENGTH, "padding": True, "return_offsets_mapping": True}
    encoding = tokenizer(texts, **options)
    # Scores of a model that finds a mention here and there: most tokens are O.
    shape = (len(texts), len(encoding["input_ids"][0]), len(TAGS))
    logits = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    logits[:, :, 0] += 2
    return Job(
        f"Entities from the scores of {len(encoding.columns.ids):,} tokens",
        PLAIN,
        lambda: ferrobert.decode_entities(logits, encoding, TAGS),
        lambda: reference.decode_entities(logits, encoding, TAGS),
        lambda ours, theirs: "" if _rounded(ours) == _rounded(theirs) else "entities",
    )


def _rounded(found: Sequence[Sequence[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    # Sums of exponentials in another order: the last digits of a score are nobody's.
    return [[{**one, "score": round(float(one["score"]), 9)} for one in row] for row in found]


def _same(one: Any, other: Any) -> bool:
    import numpy as np

    return np.array_equal(one.values, other.values) and np.array_equal(one.row_splits, other.row_splits)


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.{1 if seconds >= 1e-2 else 2}f} ms"
