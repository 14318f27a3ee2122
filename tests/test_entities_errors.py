"""Logits, encodings and options that cannot be decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.test_entities import LABELS, TEXT, TEXTS, decode, one_hot
from tests.test_entities_windows import LONG

import ferrobert as fb
from ferrobert.entities.decoding import label_words

__all__ = ["decode"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_nan_or_infinite(decode: Any, tokenizer: fb.BertTokenizer, value: float) -> None:
    encoding = tokenizer(TEXTS)
    logits = np.zeros((len(encoding.columns.ids), 5), np.float32)
    logits[encoding.columns.row_splits[2] + 3, 4] = value
    with pytest.raises(fb.errors.DecodeError, match="logits of token 3 in row 2 are NaN or infinite"):
        decode(logits, encoding, LABELS)


def test_logits_of_a_special_token_that_are_nan(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits = np.zeros((12, 5))
    logits[0, 0] = np.nan
    with pytest.raises(fb.errors.DecodeError, match="token 0 in row 0"):
        decode(logits, tokenizer(TEXT), LABELS)


def test_logits_that_give_no_label_a_chance(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits = np.zeros((12, 5))
    logits[4] = -np.inf
    with pytest.raises(fb.errors.DecodeError, match="token 4 in row 0"):
        decode(logits, tokenizer(TEXT), LABELS)


def test_id2label_that_is_too_short_or_too_long(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    for names, number in ((LABELS[:4], 4), ([*LABELS, "X"], 6), ([], 0)):
        with pytest.raises(fb.errors.DecodeError, match=f"id2label names {number} labels, a token has 5 logits"):
            decode(one_hot([0] * 12), tokenizer(TEXT), names)


@pytest.mark.parametrize("id2label", [{0: "O", 2: "X"}, {"a": "O"}, {None: "O"}, {0: "O", "0": "X"}])
def test_id2label_with_other_keys(decode: Any, tokenizer: fb.BertTokenizer, id2label: Any) -> None:
    with pytest.raises(fb.errors.DecodeError, match="the keys of id2label must be 0 to"):
        decode(one_hot([0] * 12), tokenizer(TEXT), id2label)


def test_id2label_that_is_none(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    for wrong in (None, "O", 3):
        with pytest.raises(fb.errors.DecodeError, match="id2label must be a dict of names by id, or a list"):
            decode(one_hot([0] * 12), tokenizer(TEXT), wrong)


@pytest.mark.parametrize("shape", [(11, 5), (13, 5), (1, 11, 5), (2, 12, 5), (5,), (1, 1, 12, 5)])
def test_logits_of_another_shape_than_the_encoding(decode: Any, tokenizer: fb.BertTokenizer, shape: Any) -> None:
    with pytest.raises(fb.errors.DecodeError) as error:
        decode(np.zeros(shape), tokenizer(TEXT), LABELS)
    assert str(shape) in str(error.value)
    assert "1 rows of up to 12 tokens, 12 in all" in str(error.value)


def test_logits_of_another_width_than_the_padded_encoding(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    encoding = tokenizer(TEXTS, padding=True, return_tensors="np")
    width = encoding["input_ids"].shape[1]
    with pytest.raises(fb.errors.DecodeError, match=rf"shape \(4, 20, 5\), the encoding has 4 rows padded to {width}"):
        decode(np.zeros((4, 20, 5)), encoding, LABELS)


def test_listed_logits_that_do_not_fit(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    encoding = tokenizer(TEXTS[:2])
    with pytest.raises(fb.errors.DecodeError, match="a list of 1, the encoding has 2 rows"):
        decode([np.zeros((8, 5))], encoding, LABELS)
    with pytest.raises(fb.errors.DecodeError, match=r"row 1 have shape \(3, 5\), the row has 2 tokens"):
        decode([np.zeros((8, 5)), np.zeros((3, 5))], encoding, LABELS)
    with pytest.raises(fb.errors.DecodeError, match=r"row 1 have shape \(2, 4\)"):
        decode([np.zeros((8, 5)), np.zeros((2, 4))], encoding, LABELS)


def test_logits_that_are_no_floats(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    for wrong in (np.zeros((12, 5), int), [["a"]], None):
        with pytest.raises(fb.errors.DecodeError, match="logits must be floats"):
            decode(wrong, tokenizer(TEXT), LABELS)


def test_strategy_that_there_is_not(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    with pytest.raises(fb.errors.ConfigError, match="one of 'none', 'simple', 'first', 'average', 'max', got 'last'"):
        decode(one_hot([0] * 12), tokenizer(TEXT), LABELS, aggregation_strategy="last")


def test_constraints_for_labels_of_no_scheme(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    encoding = tokenizer(TEXT)
    for names in (["O", "NOUN"], ["LABEL_0", "LABEL_1"], ["O", "I-PER"], ["O", "O"]):
        with pytest.raises(fb.errors.ConfigError, match="constrained=True needs labels of a scheme"):
            decode(np.zeros((12, 2)), encoding, names, constrained=True)
    with pytest.raises(fb.errors.ConfigError, match='"I-ORG" can never begin, as there is no label "B-ORG"'):
        decode(np.zeros((12, 3)), encoding, ["O", "B-PER", "I-ORG"], constrained=True)
    with pytest.raises(fb.errors.ConfigError, match="constrained must be True or False, got 'yes'"):
        decode(np.zeros((12, 5)), encoding, LABELS, constrained="yes")


def test_encodings_without_offsets(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    for encoding in ({"input_ids": [[2, 3]]}, tokenizer.pad({"input_ids": [[2, 3]]}), [[2, 3]], None):
        with pytest.raises(fb.errors.ConfigError, match="needs the offsets and word ids of the tokens"):
            decode(np.zeros((2, 5)), encoding, LABELS)


def test_encodings_of_pairs(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    pairs = [("Elon", "Musk")]
    with pytest.raises(fb.errors.ConfigError, match="the rows are pairs of texts"):
        decode(np.zeros((7, 5)), tokenizer(pairs), LABELS)
    with pytest.raises(fb.errors.ConfigError, match="the rows are pairs of texts"):
        decode(np.zeros((7, 5)), tokenizer.as_transformers()(pairs), LABELS, texts=["Elon"])


def test_texts_that_are_not_those_of_the_encoding(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    theirs = tokenizer.as_transformers()
    with pytest.raises(fb.errors.ConfigError, match="does not keep its texts: pass texts="):
        decode(one_hot([0] * 12), theirs(TEXT), LABELS)
    with pytest.raises(fb.errors.ConfigError, match="texts must be 1, one a sample of the encoding, got 2"):
        decode(one_hot([0] * 12), tokenizer([TEXT]), LABELS, texts=[[TEXT], TEXT])
    with pytest.raises(fb.errors.ConfigError, match=r"texts\[0\] must be a list of words"):
        decode(np.zeros((4, 5)), tokenizer([["sat", "on"]], is_split_into_words=True), LABELS, texts=["sat on"])
    with pytest.raises(fb.errors.ConfigError, match=r"texts\[0\] has 1 words, the encoding has a word 1"):
        decode(np.zeros((4, 5)), tokenizer([["sat", "on"]], is_split_into_words=True), LABELS, texts=[["sat"]])
    with pytest.raises(fb.errors.ConfigError, match=r"texts\[0\] must be a str, got int"):
        decode(one_hot([0] * 12), tokenizer([TEXT]), LABELS, texts=[3])


def test_windows_of_transformers_that_do_not_tell_their_samples(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    windows = tokenizer.as_transformers()([LONG, "sat"], truncation=True, max_length=16, return_overflowing_tokens=True)
    del windows["overflow_to_sample_mapping"]
    with pytest.raises(fb.errors.ConfigError, match=r"texts has 2, the encoding \d+ rows and no overflow_to_sample"):
        decode([np.zeros((len(ids), 5)) for ids in windows["input_ids"]], windows, LABELS, texts=[LONG, "sat"])


def test_texts_that_are_shorter_than_their_entities(tokenizer: fb.BertTokenizer) -> None:
    logits = one_hot([0, 1, 2, 2, 2, 0, 3, 0, 0, 0, 0, 0])
    with pytest.raises(fb.errors.DecodeError, match="characters 0 to 9 lies outside of text 0, which has 4"):
        fb.decode_entities(logits, tokenizer(TEXT), LABELS, texts=["Elon"])


def test_compat_without_a_tokenizer(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    with pytest.raises(fb.errors.ConfigError, match="compat=True joins tokens as the tokenizer does: pass tokenizer="):
        decode(one_hot([0] * 12), tokenizer(TEXT), LABELS, compat=True)


def test_labels_of_words_of_a_text(tokenizer: fb.BertTokenizer) -> None:
    with pytest.raises(fb.errors.ConfigError, match="need an encoding of words"):
        label_words(one_hot([0] * 12), tokenizer(TEXT), LABELS)
