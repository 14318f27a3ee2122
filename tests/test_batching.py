"""Batches of rows: the core, its plain twin, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrobert import reference
from ferrobert.batching import gather_rows, pad_rows, token_batches
from ferrobert.errors import ConfigError

LENGTHS = st.lists(st.integers(0, 40) | st.integers(0, 3000), max_size=60)


def listed(batches: Any) -> list[list[int]]:
    return [[int(row) for row in batch] for batch in batches]


@given(LENGTHS, st.integers(1, 4000), st.none() | st.integers(1, 9))
def test_batches_equal_the_twins(lengths: list[int], budget: int, max_rows: int | None) -> None:
    batches = token_batches(lengths, budget, max_rows=max_rows)
    assert listed(batches) == reference.batching.token_batches(lengths, budget, max_rows=max_rows)
    assert sorted(row for batch in listed(batches) for row in batch) == list(range(len(lengths)))
    for batch in listed(batches):
        assert len(batch) == 1 or max(lengths[row] for row in batch) * len(batch) <= budget
        assert max_rows is None or len(batch) <= max_rows


@given(st.lists(st.lists(st.integers(-5, 2**31 - 1), max_size=7), min_size=1, max_size=9), st.data())
def test_rows_equal_the_twins(rows: list[list[int]], data: st.DataObject) -> None:
    picked = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=12))
    splits = np.cumsum([0, *map(len, rows)])
    plain = [value for row in rows for value in row]
    for dtype in (np.int32, np.int64):
        values = np.array(plain, dtype=dtype)
        together, padded = gather_rows(values, splits, picked), pad_rows(values, splits, picked, -100)
        assert together.dtype == padded.dtype == np.int64
        assert together.tolist() == reference.batching.gather_rows(plain, splits.tolist(), picked)
        expected = reference.batching.pad_rows(plain, splits.tolist(), picked, -100)
        assert padded.shape == (len(picked), max((len(rows[row]) for row in picked), default=0))
        assert padded.tolist() == expected


def test_views_and_other_integers_are_taken() -> None:
    values = np.arange(20, dtype=np.int32)[::2]
    assert gather_rows(values, np.array([0, 4, 10], np.int32), np.array([1], np.uint8)).tolist() == [
        8,
        10,
        12,
        14,
        16,
        18,
    ]
    assert pad_rows(values.astype(np.uint16), [0, 4, 10], [0], 0).tolist() == [[0, 2, 4, 6]]


@pytest.mark.parametrize("budget", [0, -1, 2.5, True, "9"])
def test_a_budget_below_1_is_refused(budget: Any) -> None:
    with pytest.raises(ConfigError, match="batch_tokens must be an integer of at least 1"):
        token_batches([1, 2], budget)
    with pytest.raises(ConfigError, match="max_rows must be an integer of at least 1"):
        token_batches([1, 2], 5, max_rows=budget)


def test_a_length_below_0_is_refused() -> None:
    with pytest.raises(ConfigError, match="row 1 has -2 tokens; lengths are 0 or more"):
        token_batches([1, -2], 5)


@pytest.mark.parametrize("row", [2, -1, 2**40])
def test_a_row_that_is_not_there_is_refused(row: int) -> None:
    for call in (gather_rows, lambda *columns: pad_rows(*columns, 0)):
        with pytest.raises(ConfigError, match=f"there is no row {row}: there are 2 rows"):
            call(np.arange(3), np.array([0, 1, 3]), [0, row])


@pytest.mark.parametrize("splits", [[0, 2], [0, 4], [1, 3], [0, 2, 1, 3], []])
def test_splits_of_other_values_are_refused(splits: list[int]) -> None:
    with pytest.raises(ConfigError, match="row_splits must rise from 0 to 3"):
        pad_rows(np.arange(3), splits, [0], 0)
