"""The tags of examples: their scheme, their names in the order of ids, and those that no name is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ferrobert.errors import ConfigError, DataError
from ferrobert.labels import convert_scheme, label_list
from ferrobert.training.tag_schemes import detect_scheme, inconsistent_tags
from ferrobert.training.tagged_examples import Tagged, TaggedTexts, TaggedWords


@dataclass(frozen=True, slots=True)
class SchemeNote:
    """What was found about the scheme of a source, for the report.

    Attributes:
        scheme: the scheme that is trained: "BIO", "BIOES" or "BILOU".
        converted_from: "IOB1" where tags were converted to BIO.
        inconsistent: tags that break the scheme, such as I- without B-. They are trained as they are.
    """

    scheme: str
    converted_from: str | None
    inconsistent: int


def in_scheme(examples: Tagged, scheme: str | None, of_train: str | None = None) -> tuple[Tagged, SchemeNote]:
    """Examples in the scheme that is trained: IOB1 becomes BIO, others stay as they are.

    Args:
        examples: words with tags, or texts with spans.
        scheme: the scheme of the tags; by default the one that they show.
        of_train: for validation, the scheme that is trained, which a few sentences need not show.

    Raises:
        DataError: tags of two schemes.
    """
    if isinstance(examples, TaggedTexts):
        return examples, SchemeNote(of_train or ("BIO" if scheme in (None, "IOB1") else scheme), None, 0)
    found = detect_scheme(examples.labels) if scheme is None else scheme
    if found == "IOB1":
        labels = convert_scheme(examples.labels, source="IOB1", target="BIO")
        return replace(examples, labels=labels), SchemeNote("BIO", "IOB1", 0)
    kept = of_train or found
    return examples, SchemeNote(kept, None, inconsistent_tags(examples.labels, kept))


def tag_names(
    examples: Tagged, scheme: str, given: Sequence[str] | None = None, known: Sequence[str] | None = None
) -> list[str]:
    """Names of the tags in the order of their ids.

    In this order: the names given; the source's own; those of the model (``known``) where they are the same ones as in
    the data; else "O" and the tags of the types in the data, sorted, also where a tag such as I-X does not occur.

    Raises:
        ConfigError: names given twice, or fewer than two.
        DataError: no entity in the data.
    """
    types = sorted(_types(examples))
    if not types:
        raise DataError(f"train: no entity in {len(examples)} rows; a token classifier needs some")
    own = examples.names if isinstance(examples, TaggedWords) else None
    names = given if given is not None else own
    if names is not None:
        names = [str(name) for name in names]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ConfigError(f"label_names must be two or more different names, got {names}")
        return names
    found = label_list(types, scheme)
    return list(known) if known is not None and set(known) == set(found) else found


def check_tags(examples: Tagged, names: Sequence[str], scheme: str) -> None:
    """Check that each tag has a name.

    Raises:
        DataError: one has none; the message names its place and the names there are.
    """
    known = set(names)
    if isinstance(examples, TaggedTexts):
        for row, spans in enumerate(examples.labels):
            for number, (_, _, label) in enumerate(spans):
                missing = [name for name in label_list([label], scheme) if name not in known]
                if missing:
                    raise DataError(
                        f"{examples.where(row)}, span {number}: label {label!r} needs the tag {missing[0]!r}; the tags "
                        f"are {_told(names)}"
                    )
        return
    for row, tags in enumerate(examples.labels):
        if not known.issuperset(tags):
            word = next(position for position, tag in enumerate(tags) if tag not in known)
            raise DataError(
                f"{examples.where_word(row, word)}: unknown tag {tags[word]!r}; the tags are {_told(names)}"
            )


def counted(examples: Tagged) -> dict[str, int]:
    """How often each tag of words occurs, or each type of spans."""
    if isinstance(examples, TaggedTexts):
        return dict(sorted(Counter(label for spans in examples.labels for _, _, label in spans).items()))
    return dict(sorted(Counter(tag for tags in examples.labels for tag in tags).items()))


def _types(examples: Tagged) -> set[str]:
    if isinstance(examples, TaggedTexts):
        return {label for spans in examples.labels for _, _, label in spans}
    return {tag[2:] for tags in examples.labels for tag in set(tags) if tag != "O"}


def _told(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:20])
