"""Which scheme tags are of, and how many of them break it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ferrobert.errors import DataError

# An entity goes on behind these letters, and with those.
OPEN = frozenset("BI")
CONTINUES = frozenset("IEL")


def detect_scheme(rows: Iterable[Sequence[str]]) -> str:
    """The scheme of tags: "BIO", "IOB1", "BIOES" or "BILOU".

    E- and S- are BIOES, L- and U- BILOU. Of B- and I- alone, IOB1 writes B- only for an entity right behind one of its
    own type, and I- for the first word of any other; so it is IOB1 where an entity begins with I- and no B- stands
    anywhere else, else BIO.

    Args:
        rows: the tags of sentences; each is "O", or a letter, a hyphen and a type.

    Raises:
        DataError: tags of two schemes.

    Example:
        >>> detect_scheme([["I-PER", "I-PER", "O"], ["I-LOC", "B-LOC"]])
        'IOB1'
        >>> detect_scheme([["B-PER", "I-PER", "O"], ["I-LOC"]])
        'BIO'
    """
    begins_inside = begins_otherwise = False
    letters: set[str] = set()
    for row in rows:
        before = "O"
        for tag in row:
            if tag != "O":
                letters.add(tag[0])
                apart = before == "O" or before[2:] != tag[2:]
                begins_inside |= apart and tag[0] == "I"
                begins_otherwise |= apart and tag[0] == "B"
            before = tag
    if letters & set("ES") and letters & set("LU"):
        raise DataError("the tags mix E- and S- (BIOES) with L- and U- (BILOU)")
    if letters & set("ES"):
        return "BIOES"
    if letters & set("LU"):
        return "BILOU"
    return "IOB1" if begins_inside and not begins_otherwise else "BIO"


def scheme_of_labels(labels: Iterable[str]) -> str:
    """The scheme of a model's labels: "BIOES" or "BILOU" where some are for the ends of entities, else "BIO"."""
    letters = {label[0] for label in labels if label[1:2] == "-"}
    if letters & set("ES"):
        return "BIOES"
    return "BILOU" if letters & set("LU") else "BIO"


def inconsistent_tags(rows: Iterable[Sequence[str]], scheme: str) -> int:
    """How many tags break their scheme: I- (E-, L-) without a beginning; in BIOES and BILOU also entities without end.

    IOB1 has no such tags.

    Example:
        >>> inconsistent_tags([["O", "I-PER"], ["B-LOC", "I-PER", "I-PER"]], "BIO")
        2
        >>> inconsistent_tags([["B-PER", "O", "S-LOC"]], "BIOES")
        1
    """
    if scheme == "IOB1":
        return 0
    ends = scheme != "BIO"
    count = 0
    for row in rows:
        before = "O"
        for tag in row:
            if tag == before == "O":
                continue
            is_open = before[0] in OPEN
            goes_on = tag[0] in CONTINUES
            fits = is_open and before[2:] == tag[2:]
            count += (goes_on and not fits) or (ends and is_open and not (goes_on and fits))
            before = tag
        count += ends and before[0] in OPEN
    return count
