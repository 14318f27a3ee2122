"""Logits of tokens become entities with spans of the text."""

from __future__ import annotations

import copy
import itertools
import json
import math
import pickle
import sys
import types
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import entities_check

import ferrobert as fb
from ferrobert import reference
from ferrobert.entities.decoding import label_words

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
BIOES = ["O", "B-PER", "I-PER", "E-PER", "S-PER", "B-ORG", "I-ORG", "E-ORG", "S-ORG"]
STRATEGIES = ("none", "simple", "first", "average", "max")
TEXT = "Elon Musk founded Tesla, in California!"
TOKENS = "[CLS] el ##on mu ##sk founded tesla , in california ! [SEP]".split()


@pytest.fixture(params=[fb.decode_entities, reference.decode_entities], ids=["core", "twin"])
def decode(request: pytest.FixtureRequest) -> Any:
    return request.param


def one_hot(labels: list[int], names: list[str] = LABELS, height: float = 9.0) -> NDArray[np.float32]:
    """Logits that are sure of these labels."""
    return np.eye(len(names), dtype=np.float32)[labels] * height


def shown(entities: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one.get("entity_group", one.get("entity")), one["word"], one["start"], one["end"]) for one in entities]


def rounded(found: list[Any]) -> list[Any]:
    return [[{**one, "score": round(one["score"], 12)} for one in entities] for entities in found]


# --- strategies -------------------------------------------------------------------------------------------------------


def test_simple_groups_neighbouring_tokens_of_a_type(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits = one_hot([0, 1, 2, 2, 2, 0, 3, 0, 0, 0, 0, 0])
    [found] = decode(logits, tokenizer(TEXT), LABELS)
    assert shown(found) == [("PER", "Elon Musk", 0, 9), ("ORG", "Tesla", 18, 23)]
    assert found[0]["score"] == pytest.approx(math.exp(9) / (math.exp(9) + 4))
    assert list(found[0]) == ["entity_group", "score", "word", "start", "end"]


def test_none_gives_each_token(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits = one_hot([0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    [found] = decode(logits, tokenizer(TEXT), LABELS, aggregation_strategy="none")
    assert shown(found) == [("B-PER", "El", 0, 2), ("I-PER", "on", 2, 4)]
    assert [one["index"] for one in found] == [1, 2]
    assert list(found[0]) == ["entity", "score", "index", "word", "start", "end"]


def test_words_are_labelled_by_first_average_and_max(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits = np.full((12, 5), -9, np.float32)
    logits[:, 0] = 9
    logits[3] = [0, 1.0, 0, 0, 0]  # mu: PER, hardly
    logits[4] = [0, 0, 0, 3.0, 0]  # ##sk: ORG, surely
    encoding = tokenizer(TEXT)
    first, average, most = (
        decode(logits, encoding, LABELS, aggregation_strategy=strategy)[0] for strategy in ("first", "average", "max")
    )
    assert shown(first) == [("PER", "Musk", 5, 9)]
    assert shown(average) == shown(most) == [("ORG", "Musk", 5, 9)]
    sure, hardly = math.exp(3) / (math.exp(3) + 4), 1 / (math.e + 4)
    assert most[0]["score"] == pytest.approx(sure)
    assert average[0]["score"] == pytest.approx((sure + hardly) / 2)
    assert first[0]["score"] == pytest.approx(math.e / (math.e + 4))


def test_an_entity_that_begins_inside_is_one_all_the_same(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits = one_hot([0, 2, 2, 1, 2, 0, 4, 0, 0, 0, 0, 0])
    [found] = decode(logits, tokenizer(TEXT), LABELS)
    assert shown(found) == [("PER", "Elon", 0, 4), ("PER", "Musk", 5, 9), ("ORG", "Tesla", 18, 23)]


def test_entities_of_bioes_and_bilou_end_where_their_labels_say(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    for end, single in (("E", "S"), ("L", "U")):
        names = [name.replace("E-", f"{end}-").replace("S-", f"{single}-") for name in BIOES]
        logits = one_hot([0, 1, 3, 4, 4, 2, 2, 3, 3, 0, 0, 0], names)
        [found] = decode(logits, tokenizer(TEXT), names)
        assert [one["word"] for one in found] == ["Elon", "Mu", "sk", "founded Tesla,", "in"]
        assert {one["entity_group"] for one in found} == {"PER"}


def test_labels_without_prefix_are_names(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    names = ["O", "work-of-art", "E-mail"]
    [found] = decode(one_hot([0, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0], names), tokenizer(TEXT), names)
    assert shown(found) == [("work-of-art", "Elon", 0, 4), ("E-mail", "Mu", 5, 7)]


def test_ignored_labels_are_names_of_groups_or_of_tokens_labels(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits, encoding = one_hot([0, 1, 2, 2, 2, 0, 3, 0, 0, 0, 0, 0]), tokenizer(TEXT)
    assert len(decode(logits, encoding, LABELS, ignore_labels=["O", "PER"])[0]) == 1
    assert len(decode(logits, encoding, LABELS, ignore_labels=["B-PER"])[0]) == 4
    assert len(decode(logits, encoding, LABELS, ignore_labels=["O", "I-PER"], aggregation_strategy="none")[0]) == 2
    everything = decode(logits, encoding, LABELS, ignore_labels=[])[0]
    assert [one["entity_group"] for one in everything] == ["PER", "O", "ORG", "O"]


def test_id2label_may_be_a_list_or_a_dictionary_of_json(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits, encoding = one_hot([0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]), tokenizer(TEXT)
    expected = decode(logits, encoding, LABELS)
    by_id = dict(reversed(list(enumerate(LABELS))))
    assert decode(logits, encoding, by_id) == expected
    assert decode(logits, encoding, json.loads(json.dumps(by_id))) == expected


# --- constraints ------------------------------------------------------------------------------------------------------


def allowed(path: tuple[str, ...], ends: bool) -> bool:
    """Whether labels follow each other as their scheme wants, said once more in other words than the code's."""
    open_kind = None
    for label in path:
        place, _, kind = label.partition("-")
        if place in "IE" and open_kind != kind:
            return False
        if ends and open_kind is not None and place not in "IE":
            return False
        open_kind = None if place in "OES" else kind
    return not (ends and open_kind is not None)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("names", [LABELS, BIOES[:5], ["O", "B-X", "I-X", "L-X", "U-X"]], ids=["BIO", "BIOES", "BILOU"])
def test_constrained_labels_are_the_most_probable_that_the_scheme_allows(
    decode: Any, tokenizer: fb.BertTokenizer, strategy: str, names: list[str]
) -> None:
    plain = [name.replace("L-", "E-").replace("U-", "S-") for name in names]
    draws = np.random.default_rng(6)
    encoding = tokenizer("Elon Musk founded Tesla", add_special_tokens=False)
    for _ in range(12):
        logits = draws.normal(0, 2, (6, len(names)))
        exponents = np.exp(logits)
        scores = exponents / exponents.sum(axis=1, keepdims=True)
        if strategy not in ("none", "simple"):
            words = [[0, 1], [2, 3], [4], [5]]
            if strategy == "first":
                scores = np.stack([scores[word[0]] for word in words])
            elif strategy == "average":
                scores = np.stack([scores[word].mean(axis=0) for word in words])
            else:
                scores = np.stack([scores[word[int(scores[word].max(axis=1).argmax())]] for word in words])
        paths = itertools.product(range(len(names)), repeat=len(scores))
        valid = [path for path in paths if allowed(tuple(plain[label] for label in path), names is not LABELS)]
        best = max(valid, key=lambda path: sum(math.log(row[label]) for row, label in zip(scores, path, strict=True)))
        [found] = decode(logits, encoding, names, aggregation_strategy=strategy, constrained=True, ignore_labels=["O"])
        expected = [scores[place][label] for place, label in enumerate(best) if names[label] != "O"]
        if strategy == "none":
            assert [one["entity"] for one in found] == [names[label] for label in best if names[label] != "O"]
            assert [one["score"] for one in found] == pytest.approx(expected)
        else:
            begins = sum(plain[label][0] in "BS" for label in best)
            assert len(found) == begins


def test_constrained_labels_may_have_no_probability_at_all(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    logits = np.full((12, 5), -np.inf)
    logits[:, 2] = 0.0
    for strategy in STRATEGIES:
        [found] = decode(logits, tokenizer(TEXT), LABELS, constrained=True, aggregation_strategy=strategy)
        assert all(one["score"] >= 0 for one in found)


def test_constrained_texts_may_be_empty(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    assert decode(one_hot([0, 0]), tokenizer(""), LABELS, constrained=True) == [[]]


# --- forms of logits and encodings ------------------------------------------------------------------------------------

TEXTS = ["Elon Musk founded Tesla", "", "the cat sat on the mat in California", "un 中国 unaffable"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_padded_flat_and_listed_logits_are_the_same(decode: Any, tokenizer: fb.BertTokenizer, strategy: str) -> None:
    draws = np.random.default_rng(1)
    ragged = tokenizer(TEXTS)
    lengths = np.diff(ragged.columns.row_splits).tolist()
    rows = [draws.normal(0, 3, (length, 5)).astype(np.float32) for length in lengths]
    expected = decode(rows, ragged, LABELS, aggregation_strategy=strategy)
    assert sum(map(len, expected)) > 3
    for side in ("left", "right"):
        for options in ({}, {"return_tensors": "np"}, {"pad_to_multiple_of": 7}):
            padded = tokenizer(TEXTS, padding=True, padding_side=side, **options)
            width = len(padded["input_ids"][0])
            matrix = np.full((4, width, 5), np.nan, np.float32)  # what padding says is not read
            for row, values in enumerate(rows):
                matrix[row, slice(width - len(values), None) if side == "left" else slice(len(values))] = values
            assert decode(matrix, padded, LABELS, aggregation_strategy=strategy) == expected
            if side == "right":
                assert decode(matrix, ragged, LABELS, aggregation_strategy=strategy) == expected
    assert decode(np.concatenate(rows), ragged, LABELS, aggregation_strategy=strategy) == expected
    strided = np.concatenate(rows)[:, ::-1].copy()[:, ::-1]
    assert decode(strided, ragged, LABELS, aggregation_strategy=strategy) == expected


def test_tensors_and_other_precisions_are_read(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    import torch

    encoding = tokenizer([TEXT], return_tensors="pt")
    logits = torch.from_numpy(one_hot([0, 1, 2, 2, 2, 0, 3, 0, 0, 0, 0, 0]))[None].requires_grad_()
    expected = shown(decode(logits, encoding, LABELS)[0])
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert shown(decode(logits.to(dtype), encoding, LABELS)[0]) == expected
    for kind in (np.float16, np.float64):
        assert shown(decode(logits.detach().numpy().astype(kind), encoding, LABELS)[0]) == expected
    double = decode(logits.detach().double().numpy() + 1e-9, encoding, LABELS)[0]
    assert double[0]["score"] == pytest.approx(decode(logits, encoding, LABELS)[0][0]["score"], abs=1e-9)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("padding", [False, True])
def test_encodings_of_transformers_are_read_too(
    decode: Any, tokenizer: fb.BertTokenizer, strategy: str, padding: bool
) -> None:
    theirs = tokenizer.as_transformers()
    options = {"truncation": True, "max_length": 6, "stride": 2, "return_overflowing_tokens": True, "padding": padding}
    ours, encoding = tokenizer(TEXTS, **options), theirs(TEXTS, **options)
    width = 6 if padding else None
    rows = [
        np.random.default_rng(row).normal(0, 3, (width or len(ids), 5)) for row, ids in enumerate(ours["input_ids"])
    ]
    expected = decode(rows, ours, LABELS, aggregation_strategy=strategy)
    assert decode(rows, encoding, LABELS, aggregation_strategy=strategy, texts=TEXTS) == expected
    if padding:
        assert decode(np.stack(rows), encoding, LABELS, aggregation_strategy=strategy, texts=TEXTS) == expected
    words = [text.split() for text in TEXTS]
    of_words = theirs(words, is_split_into_words=True)
    rows = [np.random.default_rng(row).normal(0, 3, (len(ids), 5)) for row, ids in enumerate(of_words["input_ids"])]
    assert decode(rows, of_words, LABELS, aggregation_strategy=strategy, texts=words) == decode(
        rows, tokenizer(words, is_split_into_words=True), LABELS, aggregation_strategy=strategy
    )


def test_an_encoding_that_was_sent_elsewhere_still_decodes(tokenizer: fb.BertTokenizer) -> None:
    logits, encoding = one_hot([0, 1, 2, 2, 2, 0, 3, 0, 0, 0, 0, 0]), tokenizer([TEXT])
    expected = fb.decode_entities(logits, encoding, LABELS)
    assert fb.decode_entities(logits, pickle.loads(pickle.dumps(encoding)), LABELS) == expected


def test_columns_of_texts_are_read(tokenizer: fb.BertTokenizer) -> None:
    import pyarrow

    logits = one_hot([0, 1, 2, 2, 2, 0, 3, 0, 0, 0, 0, 0])
    [found] = fb.decode_entities(logits, tokenizer(pyarrow.array([TEXT])), LABELS)
    assert shown(found) == [("PER", "Elon Musk", 0, 9), ("ORG", "Tesla", 18, 23)]
    assert found.text == TEXT


# --- words ------------------------------------------------------------------------------------------------------------

WORDS = [["Elon", "Musk", "don't", "", "sat"], [], ["\u200b", "中国"]]


def test_entities_of_words_are_spans_of_the_joined_text(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    encoding = tokenizer(WORDS, is_split_into_words=True)
    logits = np.zeros((len(encoding.columns.ids), 5), np.float32)
    logits[:, 0] = 5
    tokens = list(itertools.chain.from_iterable(encoding.tokens(row) for row in range(3)))
    logits[tokens.index("don"), 3] = 9
    logits[tokens.index("国"), 1] = 9
    for delimiter in (" ", "", "--"):
        found = decode(logits, encoding, LABELS, aggregation_strategy="first", delimiter=delimiter)
        start = len("ElonMusk") + 2 * len(delimiter)
        assert found[0].text == delimiter.join(WORDS[0])
        assert shown(found[0]) == [("ORG", "don't", start, start + 5)], "a word that was given is one word"
        assert found[1] == []
    assert shown(decode(logits, encoding, LABELS)[2]) == [("PER", "国", 3, 4)]


def test_words_have_one_label_each(tokenizer: fb.BertTokenizer) -> None:
    encoding = tokenizer(WORDS, is_split_into_words=True)
    logits = np.random.default_rng(0).normal(0, 3, (len(encoding.columns.ids), 5))
    expected = [["O"] * len(words) for words in WORDS]
    for row in range(3):
        start = int(encoding.columns.row_splits[row])
        for token, word in reversed(list(enumerate(encoding.word_ids(row)))):
            if word is not None:
                expected[row][word] = LABELS[int(logits[start + token].argmax())]
    assert label_words(logits, encoding, LABELS) == expected
    for labels in label_words(logits, encoding, LABELS, constrained=True):
        assert allowed(tuple(labels), ends=False)
    names = ["NOUN", "VERB", "ADJ", "X", "Y"]
    assert label_words(logits, encoding, names)[0][3] == "NOUN", "the empty word"


# --- windows ----------------------------------------------------------------------------------------------------------

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


# --- the core and its twin, and transformers --------------------------------------------------------------------------


def test_the_core_and_its_twin_agree(tokenizer: fb.BertTokenizer) -> None:
    draws = np.random.default_rng(8)
    for case in range(60):
        names = [LABELS, BIOES, ["X-ray", "B-PER", "PER", "O"]][case % 3]
        texts = [" ".join(draws.choice(entities_check.WORDS, draws.integers(0, 30))) for _ in range(3)]
        length = int(draws.integers(6, 16))
        encoding = tokenizer(
            texts,
            truncation=True,
            max_length=length,
            stride=int(draws.integers(0, length - 2)),
            return_overflowing_tokens=True,
        )
        logits = draws.normal(0, 2, (len(encoding.columns.ids), len(names)))
        logits = logits.astype(np.float32) if case % 2 else logits
        options = {"aggregation_strategy": STRATEGIES[case % 5], "constrained": case % 3 < 2 and case % 4 < 2}
        options |= {"compat": case % 7 == 0, "tokenizer": tokenizer, "ignore_labels": ["O"] if case % 6 else []}
        core, twin = (package.decode_entities(logits, encoding, names, **options) for package in (fb, reference))
        assert rounded(core) == rounded(twin)


def test_many_texts_are_decoded_by_all_threads(tokenizer: fb.BertTokenizer) -> None:
    texts = TEXTS * 1000
    encoding = tokenizer(texts)
    logits = np.random.default_rng(0).normal(0, 2, (len(encoding.columns.ids), 5))
    assert logits.size > 1 << 17
    found = fb.decode_entities(logits, encoding, LABELS, aggregation_strategy="first", compat=True, tokenizer=tokenizer)
    splits = encoding.columns.row_splits
    for row in (0, 2, 1001, 3999):
        alone = tokenizer(texts[row])
        part = logits[splits[row] : splits[row + 1]]
        assert found[row : row + 1] == fb.decode_entities(
            part, alone, LABELS, aggregation_strategy="first", compat=True, tokenizer=tokenizer
        )
    words = label_words(logits, tokenizer([text.split() for text in texts], is_split_into_words=True), LABELS)
    assert list(map(len, words)) == [len(text.split()) for text in texts]


def test_entities_are_those_of_transformers() -> None:
    for strategy, cases, _, failures in entities_check.check(40, seed=1):
        assert not failures, f"{strategy}, {cases} cases: {failures[:3]}"


def test_the_comparison_with_transformers_can_fail() -> None:
    right = [{"entity_group": "PER", "score": 0.5, "word": " Elon", "start": 3, "end": 8}]
    none: Counter[str] = Counter()
    assert entities_check.difference(right, copy.deepcopy(right), "It, Elon", none) is None
    for key, value in (("entity_group", "ORG"), ("score", 0.50001), ("word", "Elon"), ("start", 2), ("end", 9)):
        assert entities_check.difference([{**right[0], key: value}], right, "It, Elon", none), key
    assert entities_check.difference([], right, "It, Elon", none)
    assert not none
    assert entities_check.difference([{**right[0], "start": 4}], right, "It, Elon", none) is None
    assert none == {"white space": 1}


def test_white_space_in_the_offsets_of_a_token_is_not_part_of_the_span(data: Path) -> None:
    albert = fb.AutoTokenizer.from_pretrained(data / "vocab" / "albert-base")
    encoding = albert("In Berlin  now")
    tokens = encoding.tokens()
    logits = one_hot([1 if "berlin" in token.lower() else 0 for token in tokens])
    [found] = fb.decode_entities(logits, encoding, LABELS)
    assert shown(found) == [("PER", "Berlin", 3, 9)]


def test_compat_joins_tokens_as_the_tokenizer_does(decode: Any, tokenizer: fb.BertTokenizer) -> None:
    encoding = tokenizer("Elon xyzzy Musk")
    logits = one_hot([0, 1, 2, 2, 2, 2, 0])
    [found] = decode(logits, encoding, LABELS, compat=True, tokenizer=tokenizer)
    assert shown(found) == [("PER", "elon xyzzy musk", 0, 15)]
    [found] = decode(logits, encoding, LABELS, aggregation_strategy="none", compat=True, tokenizer=tokenizer)
    assert [one["word"] for one in found] == ["el", "##on", "xyzzy", "mu", "##sk"]


# --- the result -------------------------------------------------------------------------------------------------------


def test_entities_are_a_list_that_knows_its_text(tokenizer: fb.BertTokenizer) -> None:
    [found] = fb.decode_entities(one_hot([0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]), tokenizer(TEXT), LABELS)
    assert isinstance(found, list)
    assert isinstance(found, fb.Entities)
    assert found.text == TEXT
    assert found == list(found)
    assert type(found[0]["score"]) is float
    for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found), copy.copy(found)):
        assert again == found
        assert again.text == TEXT
    assert json.loads(json.dumps(found)) == found


def test_notebooks_show_the_text_in_colour(tokenizer: fb.BertTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    render = types.ModuleType("ferrobert.render")
    render.render_entities = lambda *given, **options: calls.append((given, options)) or "<p>"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ferrobert.render", render)
    entities = fb.Entities([{"entity_group": "PER", "start": 0, "end": 4}], TEXT)
    assert entities._repr_html_() == "<p>"
    assert calls == [((TEXT, entities), {"format": "html"})]


# --- errors -----------------------------------------------------------------------------------------------------------


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
