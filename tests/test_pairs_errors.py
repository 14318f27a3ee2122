"""Bad input to sentence pairs and packing: each gets a clear error, named here one by one."""

import re

import numpy as np
import pytest

import ferrobert as fb
from ferrobert import BertTokenizer, Ragged, _core, reference
from ferrobert.errors import ConfigError, DataError, TextTypeError
from ferrobert.pairs import TokenizedDocuments

IDS = [[[5, 6], [7]], [[8], [9, 10]]]
TEXTS = [["the cat", "sat"], ["hello", "world"]]

CALLS = (fb.sentence_pairs, fb.pack_sentences, reference.sentence_pairs, reference.pack_sentences)
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.__module__}.{call.__name__}")
every_pair_call = pytest.mark.parametrize("call", [call for call in CALLS if "pairs" in call.__name__])


def refused(error: type[Exception], message: str):
    return pytest.raises(error, match=re.escape(message))


# --- options: refused by the call, before anything is read ---------------------------------------------


@every_pair_call
def test_max_length_without_room_for_two_tokens_is_an_error(tokenizer, call):
    with refused(ConfigError, "max_length 4 must be at least 5: 3 special tokens and a token of each segment"):
        call(IDS, tokenizer, max_length=4)


@pytest.mark.parametrize("call", [fb.pack_sentences, reference.pack_sentences])
def test_max_length_without_room_for_a_token_is_an_error(tokenizer, call):
    with refused(ConfigError, "max_length 2 must be at least 3: 2 special tokens and a token"):
        call(IDS, tokenizer, max_length=2)


@every_call
def test_max_length_above_what_the_model_takes_is_an_error(tokenizer, call):
    with refused(ConfigError, "max_length 17 must be at most 16, the tokens that the model takes"):
        call(IDS, tokenizer, max_length=17)


@every_call
@pytest.mark.parametrize("value", [0, -1, 8.0, "8", None, True, 2**40])
def test_max_length_that_is_no_length_is_an_error(vocab, call, value):
    with refused(ConfigError, "max_length"):
        call(IDS, BertTokenizer(vocab), max_length=value)


@every_pair_call
@pytest.mark.parametrize("name", ["short_seq_prob", "next_sentence_prob"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5", None, True])
def test_a_probability_outside_of_0_to_1_is_an_error(tokenizer, call, name, value):
    with refused(ConfigError, f"{name} must lie in [0, 1], got {value!r}"):
        call(IDS, tokenizer, max_length=16, **{name: value})


@every_pair_call
@pytest.mark.parametrize("name", ["seed", "epoch"])
@pytest.mark.parametrize("value", [-1, 2**64, 1.0, "1", None, True])
def test_a_seed_or_epoch_that_is_no_64_bit_number_is_an_error(tokenizer, call, name, value):
    with refused(ConfigError, f"{name} must"):
        call(IDS, tokenizer, max_length=16, **{name: value})


@every_pair_call
def test_an_unknown_objective_is_an_error(tokenizer, call):
    with refused(ConfigError, 'objective must be "next-sentence" or "sentence-order", got \'nsp\''):
        call(IDS, tokenizer, max_length=16, objective="nsp")


@every_call
@pytest.mark.parametrize("name", ["block_documents", "block_tokens"])
def test_an_empty_block_is_an_error(tokenizer, call, name):
    with refused(ConfigError, f"{name} must be an integer of at least 1, got 0"):
        call(IDS, tokenizer, max_length=16, **{name: 0})


@every_call
def test_a_tokenizer_that_is_none_is_an_error(call):
    with refused(ConfigError, "tokenizer must be a tokenizer of ferrobert, got str"):
        call(IDS, "bert-base-uncased")


def test_cross_documents_that_is_no_bool_is_an_error(tokenizer):
    with refused(ConfigError, "cross_documents must be True or False, got 'yes'"):
        fb.pack_sentences(IDS, tokenizer, max_length=16, cross_documents="yes")


@every_call
@pytest.mark.parametrize("documents", ["the cat", b"the cat", None, 5, {"text": []}])
def test_documents_that_are_no_iterable_of_documents_are_an_error(tokenizer, call, documents):
    with refused(TextTypeError, "documents must be an iterable of documents, each a sequence of sentences, got"):
        call(documents, tokenizer, max_length=16)


# --- the corpus --------------------------------------------------------------------------------------


@every_pair_call
def test_one_document_without_another_is_an_error_before_any_pair(tokenizer, call):
    encodings = call([["the cat", "sat"], [], [""]], tokenizer, max_length=16)
    with refused(DataError, "the corpus has one document with tokens"):
        next(encodings)


@every_call
@pytest.mark.parametrize("documents", [[], [[]], [[""], ["", " "]], iter(())])
def test_an_empty_corpus_is_an_error(tokenizer, call, documents):
    with refused(DataError, "documents hold no token"):
        next(call(documents, tokenizer, max_length=16))


@every_call
def test_a_document_that_is_one_string_is_an_error_that_names_it(tokenizer, call):
    with refused(TextTypeError, "documents[1] is one string; a document is a list of sentences"):
        next(call([["the cat"], "sat. on. the mat."], tokenizer, max_length=16))


@every_call
@pytest.mark.parametrize("document", [None, 5, b"the", {"a": 1}])
def test_a_document_that_is_no_sequence_is_an_error_that_names_it(tokenizer, call, document):
    with refused(TextTypeError, "documents[1] must be a sequence of sentences, got"):
        next(call([["the cat"], document], tokenizer, max_length=16))


@every_call
@pytest.mark.parametrize("sentence", [None, 5, b"the", ["the"], [5]])
def test_a_sentence_that_is_no_text_is_an_error_that_names_it(tokenizer, call, sentence):
    with refused(TextTypeError, "documents[1][1] must be str, got"):
        next(call([["the cat"], ["sat", sentence]], tokenizer, max_length=16))


@every_call
def test_a_lone_surrogate_is_an_error_that_names_its_sentence(tokenizer, call):
    with pytest.raises(UnicodeEncodeError) as caught:
        next(call([["the cat"], ["sat", "bad \ud800 text"]], tokenizer, max_length=16))
    assert "in documents[1][1]" in caught.value.__notes__


@every_call
def test_text_among_token_ids_is_an_error_that_names_the_document(tokenizer, call):
    with refused(TextTypeError, "documents[1] has sentences of text, documents before it of token ids"):
        next(call([[[5]], ["the"]], tokenizer, max_length=16))
    with refused(TextTypeError, "documents[1] has sentences of token ids, documents before it of text"):
        next(call([["the"], [[5]]], tokenizer, max_length=16))


@every_call
@pytest.mark.parametrize("sentence", ["the", None, 7, [5.5], ["5"], [None], [[5]], np.array([1.5])])
def test_a_sentence_that_is_no_sequence_of_ids_is_an_error_that_names_it(tokenizer, call, sentence):
    with refused(TextTypeError, "documents[1][1]"):
        next(call([[[5]], [[6], sentence]], tokenizer, max_length=16))


@every_call
def test_a_document_that_is_one_sequence_of_ids_is_an_error(tokenizer, call):
    with refused(TextTypeError, "documents[0][0] must be a sequence of token ids, got int"):
        next(call([[5, 6, 7]], tokenizer, max_length=16))


@every_call
def test_ragged_floats_are_an_error(tokenizer, call):
    with refused(TextTypeError, "token ids must be integers, got an array of float64"):
        next(call([Ragged(np.array([5.0]), np.array([0, 1]))], tokenizer, max_length=16))


@every_call
@pytest.mark.parametrize("id", [-1, 10**6, 2**40])
def test_an_id_outside_of_the_vocabulary_is_an_error_that_names_its_sentence(tokenizer, call, id):
    last = max(tokenizer.get_vocab().values())
    message = f"token id {id} (documents[2][1]) is outside of the vocabulary: ids are 0 to {last}"
    with refused(DataError, message):
        next(call([[[5]], [], [[6], [7, id]]], tokenizer, max_length=16))


def test_an_id_outside_of_the_vocabulary_in_flat_documents_is_an_error_that_names_its_sentence(tokenizer):
    flat = TokenizedDocuments([5, 6, 7, 10**6], [0, 1, 2, 4], [0, 1, 1, 3])
    with refused(DataError, "token id 1000000 (documents[2][1]) is outside of the vocabulary"):
        next(fb.sentence_pairs(flat, tokenizer, max_length=16))


@pytest.mark.parametrize("splits", [([0, 2], [0, 1]), ([0, 3], [0, 2]), ([1, 3], [0, 1]), ([], [0])])
def test_flat_documents_with_splits_that_do_not_fit_are_an_error(splits):
    with refused(ConfigError, "row_splits must rise from 0"):
        TokenizedDocuments([5, 6, 7], *splits)


@pytest.mark.parametrize(("ids", "error"), [([1.5], TextTypeError), (["a"], TextTypeError), ([2**31], DataError)])
def test_flat_documents_of_what_is_no_id_are_an_error(ids, error):
    with refused(error, "token ids must"):
        TokenizedDocuments(ids, [0, 1], [0, 1])


# --- the core alone ------------------------------------------------------------------------------------


def test_splits_that_do_not_describe_the_ids_are_an_error():
    block = (np.zeros(3, np.int32), np.array([0, 2]), np.array([0, 1]), 0)
    with refused(ConfigError, "sentence and document splits must rise from 0 and end with the 3 tokens"):
        _core.pack_sentences(
            block, np.zeros(0, np.int32), 0, True, template=[("sequence", 0, 0)], max_length=8, separator=None
        )


@every_call
@pytest.mark.parametrize("sentence", [b"the cat", bytearray(b"the"), {5: 1}, {5, 6}, [True]])
def test_a_first_sentence_that_is_neither_text_nor_ids_is_an_error_that_names_it(tokenizer, call, sentence):
    with pytest.raises(TextTypeError, match=r"documents\[0\]\[0\]"):
        list(call([[sentence], [sentence]], tokenizer, max_length=16))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([5, 6], [0, 1.7, 2], [0, 1, 2]), "splits must be ints, got an array of float64"),
        (([[5], [6]], [0, 1, 2], [0, 1, 2]), r"must have shape \(tokens,\), got \(2, 1\)"),
        ((np.array([2**32 - 5], np.uint32), [0, 1], [0, 1]), "token ids must lie in 0 to 2147483647, got 4294967291"),
    ],
)
def test_tokenized_documents_that_are_none_are_an_error(arrays, message):
    with pytest.raises((ConfigError, DataError), match=message):
        TokenizedDocuments(*arrays)


def test_an_objective_that_is_no_string_is_an_error(tokenizer):
    with pytest.raises(ConfigError, match="objective must be"):
        fb.sentence_pairs([["the"]], tokenizer, max_length=16, objective=[])
