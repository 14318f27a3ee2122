"""Texts in windows are decoded as one text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.test_entities import LABELS, STRATEGIES, decode, rounded

import ferrobert as fb

__all__ = ["decode"]

LONG = "the cat sat on the mat, unaffable Elon Musk founded Tesla in California. " * 6


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize(("max_length", "stride"), [(16, 4), (16, 0), (12, 9), (9, 1), (64, 16), (5, 1)])
def test_windows_are_read_as_one_text(
    decode: Any, tokenizer: fb.BertTokenizer, strategy: str, constrained: bool, max_length: int, stride: int
) -> None:
    table = np.random.default_rng(3).normal(0, 4, (len(tokenizer), 5)).astype(np.float32)
    options = {"aggregation_strategy": strategy, "constrained": constrained}
    whole = tokenizer(LONG, verbose=False)
    expected = decode(table[whole["input_ids"]], whole, LABELS, **options)
    for side in ("right", "left"):
        windows = tokenizer(
            ["Tesla", LONG, ""],
            truncation=True,
            max_length=max_length,
            stride=stride,
            truncation_side=side,
            return_overflowing_tokens=True,
        )
        found = decode(table[windows.columns.ids], windows, LABELS, **options)
        assert rounded(found[1:2]) == rounded(expected), "each token once, with its index in the whole text"
        assert len(found) == 3


def test_a_word_is_read_where_most_is_seen_around_it(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    """Each window names itself: with room for 8 tokens and an overlap of 4, a token at place p of a window that has
    another after it is read from there while it has more to its right than it would have to its left in the next."""
    text = " ".join(["cat", "mat"] * 10)
    windows = tokenizer([text], truncation=True, max_length=10, stride=4, return_overflowing_tokens=True)
    count = len(windows.columns.sample_ids)
    names = ["O", *(f"W{window}" for window in range(count))]
    logits = np.zeros((len(windows.columns.ids), len(names)))
    owner = np.repeat(np.arange(count), np.diff(windows.columns.row_splits))
    logits[np.arange(len(owner)), owner + 1] = 9
    for strategy in ("none", "first"):
        [found] = decode(logits, windows, names, aggregation_strategy=strategy)
        tokens = [one.get("entity") or one["entity_group"] for one in found]
        if strategy == "none":
            # Windows of 8 begin at 0, 4, 8, 12. In the first, tokens 4 to 7 have 3, 2, 1, 0 on their right; in the
            # second they have 0, 1, 2, 3 on their left.
            assert tokens[:8] == ["W0"] * 6 + ["W1"] * 2
            assert len(tokens) == 20
        else:
            assert tokens == list(dict.fromkeys(tokens)), "a window's part is in one piece"


def test_a_word_is_never_put_together_of_two_windows(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    text = "sat unaffable sat unaffable sat unaffable sat unaffable"
    windows = tokenizer([text], truncation=True, max_length=9, stride=4, return_overflowing_tokens=True)
    count = len(windows.columns.sample_ids)
    names = ["O", *(f"W{window}" for window in range(count))]
    owner = np.repeat(np.arange(count), np.diff(windows.columns.row_splits))
    logits = np.eye(len(names))[owner + 1] * 9
    [found] = decode(logits, windows, names, aggregation_strategy="none")
    by_word: dict[int, set[str]] = {}
    for one in found:
        by_word.setdefault(text.count(" ", 0, one["start"]), set()).add(one["entity"])
    assert set(map(len, by_word.values())) == {1}
    assert len(found) == len(tokenizer(text, verbose=False)["input_ids"]) - 2


def test_a_word_that_no_window_holds_loses_nothing(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    word = "un" + "abcde" * 12
    table = np.random.default_rng(3).normal(0, 4, (len(tokenizer), 5))
    whole = tokenizer(f"sat {word} sat", verbose=False)
    assert len(whole["input_ids"]) > 40
    windows = tokenizer([f"sat {word} sat"], truncation=True, max_length=16, stride=4, return_overflowing_tokens=True)
    for strategy in STRATEGIES:
        expected, found = (
            decode(table[encoding.columns.ids], encoding, LABELS, aggregation_strategy=strategy)
            for encoding in (whole, windows)
        )
        assert rounded(found) == rounded(expected)


def test_rows_of_a_sample_may_be_in_any_order(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    table = np.random.default_rng(3).normal(0, 4, (len(tokenizer), 5))
    theirs = tokenizer.as_transformers()
    encoding = theirs([LONG], truncation=True, max_length=16, stride=5, return_overflowing_tokens=True)
    expected = decode([table[ids] for ids in encoding["input_ids"]], encoding, LABELS, texts=[LONG])
    del encoding["overflow_to_sample_mapping"]  # as before a call of the model
    assert decode([table[ids] for ids in encoding["input_ids"]], encoding, LABELS, texts=[LONG]) == expected
    encoding._encodings.reverse()
    encoding["input_ids"].reverse()
    assert decode([table[ids] for ids in encoding["input_ids"]], encoding, LABELS, texts=[LONG]) == expected
