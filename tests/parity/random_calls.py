"""Random texts, tokenizers and options."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tests.parity.calls import Call, Options
from tests.parity.compare import Report, compare
from tests.parity.corpus import missing_data
from tests.parity.folders import WORDPIECE_VOCABULARIES, Added, Settings
from tests.parity.random_texts import RandomTexts
from tests.parity.subjects import load

TEXTS_A_TASK = 4000
IDEOGRAPH = "中"
CONTENTS = (
    "<ent>",
    "Foo",
    "foo bar",
    "é",
    "İ",
    "[X]",
    "[MASK]",
    IDEOGRAPH,
    "##x",
    "a",
    "'s",
    " x ",
    "e-mail",
    "ΣΑΣ",
    "<E><E>",
)


class RandomTask(NamedTuple):
    """Random calls on one random tokenizer."""

    subject: str
    seed: int
    texts: int
    with_data: bool

    def run(self) -> Report:
        """Compares the calls."""
        generator = random.Random(self.seed)
        settings = random_settings(generator, self.with_data)
        source = RandomTexts(generator, list(settings.entries()), [token.content for token in settings.added])
        with tempfile.TemporaryDirectory() as name:
            reference, tested = load(self.subject, settings.write(Path(name)), settings.truncation_side)
        report = Report()
        texts = 0
        while texts < self.texts:
            call = random_call(generator, source, padding=tested.pads)
            texts += len(call.texts) + len(call.pairs or ())
            report += compare(reference, tested, call, f"seed {self.seed}, {settings}")
        return report


def tasks(subject: str, count: int, seed: int) -> Iterator[RandomTask]:
    """``count`` random texts in tasks of at most TEXTS_A_TASK, seeded ``seed``, ``seed + 1``, ..."""
    with_data = missing_data() is None
    for index, start in enumerate(range(0, count, TEXTS_A_TASK)):
        yield RandomTask(subject, seed + index, min(TEXTS_A_TASK, count - start), with_data)


def random_settings(generator: random.Random, with_data: bool) -> Settings:
    """Any tokenizer: case, accents, CJK, truncation side, up to four added tokens with any flags."""
    flags = (False, True)
    vocabularies = ("made", "made", *WORDPIECE_VOCABULARIES) if with_data else ("made",)
    contents = generator.sample(CONTENTS, generator.choice((0, 0, 1, 2, 4)))
    added = [
        Added(content, *(generator.random() < 0.3 for _ in range(3)), *generator.choices(flags, k=2))
        for content in contents
    ]
    # An ideograph that is a piece as well, where the added token does not match: tokens() differs, see docs/parity.md.
    added = [
        replace(token, single_word=False, special=False) if token.content == IDEOGRAPH else token for token in added
    ]
    return Settings(
        vocabulary=generator.choice(vocabularies),
        do_lower_case=generator.choice(flags),
        strip_accents=generator.choice((None, None, False, True)),
        tokenize_chinese_chars=generator.random() < 0.8,
        added=tuple(added),
        truncation_side=generator.choice(("right", "right", "left")),
    )


def random_call(generator: random.Random, source: RandomTexts, padding: bool) -> Call:
    """A call on 1 to 50 texts, with or without pairs, with any options.

    Args:
        padding: whether the tokenizer pads, and takes a single text.
    """
    words = generator.random() < 0.25
    text = source.words if words else source.text
    size = generator.choice((1, 1, 2, 5, 20, 50))
    texts = tuple(text() for _ in range(size))
    pairs = tuple(text() for _ in range(size)) if generator.random() < 0.35 else None
    return Call(
        texts,
        pairs,
        _random_options(generator, words, padding),
        # A single text of no words is taken for an empty batch, as it is by the reference.
        single=padding and size == 1 and texts[0] != () and generator.random() < 0.5,
    )


def _random_options(generator: random.Random, words: bool, padding: bool) -> Options:
    pads = padding and generator.random() < 0.5
    truncates = generator.random() < 0.6
    max_length = (
        generator.choice((None, *range(13), 8, 10, 10, 12, 12, 14, 16, 16, 20, 24, 24, 32, 64, 128))
        if truncates
        else None
    )
    multiple = generator.choice((None, None, 1, 2, 4, 7)) if pads else None
    stride = 0
    if truncates and generator.random() < 0.4:
        stride = generator.choice((1, 1, 2, 3, generator.randint(0, max_length or 1)))
    return Options(
        add_special_tokens=generator.random() < 0.8,
        padding=generator.choice((True, "longest", "max_length")) if pads else False,
        truncation=generator.choice(
            (None, True, "longest_first", "longest_first", "only_first", "only_second", "do_not_truncate", False)
        )
        if truncates
        else None,
        max_length=max_length,
        stride=stride,
        is_split_into_words=words,
        pad_to_multiple_of=multiple,
        padding_side=generator.choice((None, "right", "left")) if pads else None,
        return_overflowing_tokens=generator.random() < (0.6 if truncates else 0.1),
        split_special_tokens=generator.random() < 0.15,
    )
