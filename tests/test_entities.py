"""Logits of tokens become entities with spans of the text."""

from __future__ import annotations

import copy
import itertools
import json
import math
import pickle
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


def test_notebooks_show_the_text_in_colour() -> None:
    entities = fb.Entities([{"entity_group": "PER", "start": 0, "end": 4}], TEXT)
    assert entities._repr_html_() == fb.render_entities(TEXT, entities)
    tokens = fb.Entities([{"entity": "B-X", "start": 0, "end": 1}, {"entity": "I-X", "start": 0, "end": 1}], "a")
    assert "<mark" in tokens._repr_html_()  # tokens may share a character
