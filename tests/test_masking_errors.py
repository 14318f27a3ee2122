"""What masking refuses, and what it says."""

from typing import Any

import numpy as np
import pytest

import ferrobert as fb
from ferrobert import reference
from ferrobert.errors import ConfigError

NO_MASK = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "hello": 4}


@pytest.fixture(params=[fb, reference], ids=["core", "twin"])
def mask_tokens(request: pytest.FixtureRequest) -> Any:
    return request.param.mask_tokens


@pytest.mark.parametrize("name", ["mlm_probability", "mask_replace_prob", "random_replace_prob"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), "0.1", None, True])
def test_probability_outside_0_to_1(tokenizer: fb.BertTokenizer, mask_tokens: Any, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{name} must .*\[0, 1\], got"):
        mask_tokens([[2, 5, 3]], tokenizer, **{name: value})
    with pytest.raises(ConfigError, match=rf"{name} must .*\[0, 1\], got"):
        fb.DataCollatorForLanguageModeling(tokenizer, **{name: value})


def test_replacements_that_sum_to_more_than_1(tokenizer: fb.BertTokenizer, mask_tokens: Any) -> None:
    with pytest.raises(ConfigError, match=r"0.8 and random_replace_prob 0.3 sum to more than 1"):
        mask_tokens([[2, 5, 3]], tokenizer, random_replace_prob=0.3)


@pytest.mark.parametrize("length", [0, -1, 2.5, True])
def test_spans_of_no_word(tokenizer: fb.BertTokenizer, mask_tokens: Any, length: Any) -> None:
    with pytest.raises(ConfigError, match="max_span_length must be None or at least 1 word"):
        mask_tokens([[2, 5, 3]], tokenizer, max_span_length=length)


def test_vocabulary_without_a_mask_token(mask_tokens: Any) -> None:
    tokenizer = fb.BertTokenizer(NO_MASK, mask_token=None)
    with pytest.raises(ConfigError, match="no mask token, which masked language modeling needs"):
        mask_tokens([[2, 4, 3]], tokenizer)
    with pytest.raises(ConfigError, match="no mask token"):
        fb.DataCollatorForLanguageModeling(tokenizer)
    assert fb.DataCollatorForLanguageModeling(tokenizer, mlm=False)([[2, 4, 3]])["labels"].tolist() == [[2, 4, 3]]


def test_id_outside_of_the_vocabulary(tokenizer: fb.BertTokenizer, mask_tokens: Any) -> None:
    size = len(tokenizer)
    for stranger in (size, -1, 2**31, -(2**63), 2**63 - 1):
        with pytest.raises(
            ConfigError, match=rf"token id {stranger} \(row 1, position 2\) is outside .* 0 to {size - 1}"
        ):
            mask_tokens([[2, 3], [2, 5, stranger, 3]], tokenizer)


def test_vocabulary_of_special_tokens_only(mask_tokens: Any) -> None:
    tokenizer = fb.BertTokenizer({token: id for id, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])})
    with pytest.raises(ConfigError, match="random_replace_prob is above 0"):
        mask_tokens([[2, 3]], tokenizer)


@pytest.mark.parametrize(("name", "bits"), [("seed", 64), ("epoch", 29)])
@pytest.mark.parametrize("value", [-1, None, 1.5, True])
def test_seed_or_epoch_that_is_no_counter(
    tokenizer: fb.BertTokenizer, mask_tokens: Any, name: str, bits: int, value: Any
) -> None:
    with pytest.raises(ConfigError, match=rf"{name} must"):
        mask_tokens([[2, 5, 3]], tokenizer, **{name: value})
    with pytest.raises(ConfigError, match=rf"{name} must lie in 0 to 2\^{bits} - 1"):
        mask_tokens([[2, 5, 3]], tokenizer, **{name: 2**bits})


@pytest.mark.parametrize("sample_ids", [[1], [1, 2, 3], [-1, 2], [0.5, 1.5], [[1], [2]], [2**63, 1]])
def test_sample_ids_that_are_not_one_counter_a_row(
    tokenizer: fb.BertTokenizer, mask_tokens: Any, sample_ids: Any
) -> None:
    with pytest.raises(ConfigError, match="sample_ids must"):
        mask_tokens([[2, 5, 3], [2, 3]], tokenizer, sample_ids=sample_ids)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((2, 2)), "must be ints, got an array of float64"),
        (np.ones((2, 2, 2), int), r"must have shape \(rows, width\)"),
        ([2, 5, 3], "one row of int"),
        ([[2, "5"]], r"input_ids\[0\]\[1\] must be an int of 64 bits, got str"),
        ([[2, 5.5]], r"input_ids\[0\]\[1\] must be an int of 64 bits, got float"),
        ([[2, 2**70]], r"input_ids\[0\]\[1\] must be an int"),
        ([[True, False]], r"input_ids\[0\]\[0\] must be an int of 64 bits, got bool"),
        ([b"hello"], r"input_ids\[0\] must be a list of int, got bytes"),
        ([{5, 6}], r"input_ids\[0\] must be a list of int, got set"),
        (np.array([2**63 + 5], np.uint64), "must be ints of 64 bits, got 9223372036854775813"),
        ([3.5], r"input_ids\[0\] must be a list of int, got float"),
        ("text", "must be an encoding"),
        ({"text": ["a"]}, "needs input_ids; it has text"),
    ],
)
def test_rows_that_are_no_rows_of_ints(tokenizer: fb.BertTokenizer, mask_tokens: Any, rows: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mask_tokens(rows, tokenizer)


def test_no_rows_are_no_rows(tokenizer: fb.BertTokenizer, mask_tokens: Any) -> None:
    masked, labels = mask_tokens([], tokenizer)
    assert (len(masked), len(labels)) == (0, 0)
    assert mask_tokens(np.zeros((0, 5), int), tokenizer)[0].shape == (0, 5)
    assert mask_tokens(np.zeros((5, 0), int), tokenizer)[0].shape == (5, 0)


def test_tokenizer_that_is_none(mask_tokens: Any) -> None:
    with pytest.raises(ConfigError, match="tokenizer must be one of ferrobert or transformers, got str"):
        mask_tokens([[2, 5, 3]], "bert-base-uncased")


# --- the collator ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "a batch needs at least one row"),
        ([{"labels": [1]}], "rows need input_ids; they have labels"),
        ([{"input_ids": [2, 3]}, {"input_ids": [2, 3], "label": 1}], "row 1 has keys"),
        ([{"input_ids": [2, 3]}, {"attention_mask": [1, 1]}], "row 1 has keys"),
        ([{"input_ids": [2, 3]}, [2]], "row 1 must be a mapping"),
        ([{"input_ids": [2, 3], "attention_mask": [1]}], r"attention_mask\[0\] has 1 values, input_ids\[0\] has 2"),
        ([{"input_ids": [2, 3], "special_tokens_mask": [1]}], r"special_tokens_mask\[0\] has 1 values"),
        ([{"input_ids": [2, 3], "text": "a"}], "the values of text are no numbers"),
        ([{"input_ids": [2], "x": [1]}, {"input_ids": [2], "x": [1, 2]}], "the values of x differ in shape"),
        ([{"input_ids": [2, 3]}, [2, 3]], "row 1 must be a mapping, as row 0 is, got list"),
        ([{"input_ids": [2], "epoch": None}], "epoch must be an int, got None"),
        ([{"input_ids": [2], "epoch": 1.5}], "epoch must be an int, got 1.5"),
        ([{"input_ids": [2], "sample_id": "x"}], "sample_ids must be ints"),
        ([{"input_ids": [2], "x": 2**64 - 1}], "the values of x are too large for int64"),
        ([{"input_ids": [2], "epoch": 1}, {"input_ids": [2], "epoch": 2}], r"must be of one epoch, got \[1, 2\]"),
    ],
)
def test_rows_that_make_no_batch(tokenizer: fb.BertTokenizer, rows: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fb.DataCollatorForLanguageModeling(tokenizer, seed=1)(rows)


def test_rows_of_different_length_without_a_padding_token() -> None:
    tokenizer = fb.BertTokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[MASK]": 3, "a": 4}, pad_token=None)
    collator = fb.DataCollatorForLanguageModeling(tokenizer)
    assert collator([[1, 4, 2]])["input_ids"].shape == (1, 3)
    with pytest.raises(ConfigError, match="no padding token"):
        collator([[1, 4, 2], [1, 2]])


def test_options_of_the_collator_that_are_not_allowed(tokenizer: fb.BertTokenizer) -> None:
    for options, message in (
        ({"pad_to_multiple_of": 0}, "pad_to_multiple_of must be an integer of at least 1"),
        ({"pad_to_multiple_of": True}, "pad_to_multiple_of must be an integer of at least 1"),
        ({"pad_to_multiple_of": 10**13}, "pad_to_multiple_of must be at most 1048576"),
        ({"whole_word_mask": "no"}, "whole_word_mask must be True or False"),
        ({"mlm": False, "exact": True}, "need mlm=True"),
        ({"return_tensors": "tf"}, "return_tensors"),
        ({"seed": -1}, "seed must lie in"),
        ({"mlm": False, "whole_word_mask": True}, "need mlm=True"),
    ):
        with pytest.raises(ConfigError, match=message):
            fb.DataCollatorForLanguageModeling(tokenizer, **options)


def test_id_that_does_not_fit_without_masking(tokenizer: fb.BertTokenizer) -> None:
    with pytest.raises(ConfigError, match="input_ids must be ints of 32 bits"):
        fb.DataCollatorForLanguageModeling(tokenizer, mlm=False)([[2**40 + 7, 5]])


def test_word_id_that_does_not_fit(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForLanguageModeling(tokenizer, whole_word_mask=True)
    with pytest.raises(ConfigError, match="word_ids must be ints of 32 bits"):
        collator([{"input_ids": [2, 5, 3], "word_ids": [None, 2**31, None]}])
