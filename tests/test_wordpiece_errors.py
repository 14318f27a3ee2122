"""Bad input: each gets a clear error, named here one by one."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ferrobert import BertTokenizer, _core
from ferrobert.errors import (
    CheckpointError,
    ConfigError,
    DecodeError,
    FerrobertError,
    InternalError,
    MissingDependencyError,
    TextTypeError,
    VocabError,
)

SURROGATE = "bad \ud800 text"


def refused(error: type[Exception], message: str):
    return pytest.raises(error, match=re.escape(message))


# --- texts -------------------------------------------------------------------------------------------


def test_none_is_an_error(tokenizer):
    with refused(TextTypeError, "text must be str or a list of str, got NoneType"):
        tokenizer(None)


def test_none_in_a_batch_is_an_error_that_names_the_row(tokenizer):
    with refused(TextTypeError, "text[1] must be str, got NoneType"):
        tokenizer(["a", None])


def test_none_among_pairs_is_an_error_that_names_the_row(tokenizer):
    with refused(TextTypeError, "text_pair[1] must be str, got NoneType"):
        tokenizer(["a", "b"], ["c", None])


def test_none_among_words_is_an_error_that_names_row_and_word(tokenizer):
    with refused(TextTypeError, "word 1 of text[1] must be str, got NoneType"):
        tokenizer([["a"], ["b", None]], is_split_into_words=True)


def test_bytes_are_an_error(tokenizer):
    with refused(TextTypeError, "got bytes"):
        tokenizer(b"the cat")


def test_bytes_in_a_batch_are_an_error(tokenizer):
    with refused(TextTypeError, "text[0] must be str, got bytes"):
        tokenizer([b"the cat"])


def test_a_number_is_an_error(tokenizer):
    with refused(TextTypeError, "got float"):
        tokenizer(float("nan"))


def test_a_type_error_is_also_a_value_error_as_transformers_raises_both():
    assert issubclass(TextTypeError, (TypeError, FerrobertError))
    assert issubclass(TextTypeError, ValueError)


def test_a_string_where_words_are_asked_for_is_an_error(tokenizer):
    with refused(TextTypeError, "is_split_into_words=True asks for a list of words"):
        tokenizer("the cat", is_split_into_words=True)


def test_one_string_among_lists_of_words_is_named(tokenizer):
    with refused(TextTypeError, "text[1] is one string; is_split_into_words=True asks for a list of words"):
        tokenizer([["the"], "cat"], is_split_into_words=True)


def test_a_string_as_pair_of_a_batch_is_an_error(tokenizer):
    with refused(TextTypeError, "text is a batch, so text_pair must be one too"):
        tokenizer(["the cat", "sat"], "on")


def test_a_batch_of_three_pairs_for_two_texts_is_an_error(tokenizer):
    with refused(ConfigError, "batch length of text is 2, of text_pair 3"):
        tokenizer(["a", "b"], ["a", "b", "c"])


def test_a_triple_among_pairs_is_an_error(tokenizer):
    with refused(TextTypeError, "text[1] must be a pair of texts"):
        tokenizer([("a", "b"), ("a", "b", "c")])


def test_a_lone_surrogate_is_an_error(tokenizer):
    with pytest.raises(UnicodeEncodeError):
        tokenizer(SURROGATE)


def test_a_lone_surrogate_in_a_batch_is_an_error_with_the_row_in_a_note(tokenizer):
    with pytest.raises(UnicodeEncodeError) as caught:
        tokenizer(["fine", SURROGATE])
    assert caught.value.__notes__ == ["in text[1]"]


def test_a_lone_surrogate_in_a_pair_is_an_error(tokenizer):
    with pytest.raises(UnicodeEncodeError) as caught:
        tokenizer("fine", SURROGATE)
    assert caught.value.__notes__ == ["in text_pair[0]"]


def test_a_lone_surrogate_among_words_is_an_error_with_row_and_word_in_a_note(tokenizer):
    with pytest.raises(UnicodeEncodeError) as caught:
        tokenizer([["a"], [], ["b", SURROGATE]], is_split_into_words=True)
    assert caught.value.__notes__ == ["in word 1 of text[2]"]


def test_a_lone_surrogate_in_tokenize_and_convert_is_an_error(tokenizer):
    with pytest.raises(UnicodeEncodeError):
        tokenizer.tokenize(SURROGATE)
    with pytest.raises(UnicodeEncodeError):
        tokenizer.convert_tokens_to_ids(SURROGATE)


# --- not errors ----------------------------------------------------------------------------------------


def test_nul_is_removed(tokenizer):
    assert tokenizer("the\0cat\0")["input_ids"] == tokenizer("thecat")["input_ids"]


def test_an_empty_text_is_its_special_tokens(tokenizer):
    assert tokenizer("").tokens() == ["[CLS]", "[SEP]"]
    assert tokenizer("", add_special_tokens=False)["input_ids"] == []


@pytest.mark.parametrize("tensors", [None, "np", "pt"])
def test_an_empty_batch_is_an_empty_batch(tokenizer, tensors):
    encoding = tokenizer([], padding=True, return_tensors=tensors, return_offsets_mapping=True)
    assert len(encoding["input_ids"]) == len(encoding["offset_mapping"]) == 0
    assert encoding.columns.row_splits.tolist() == [0]


def test_no_words_are_an_empty_text(tokenizer):
    assert tokenizer([], is_split_into_words=True).tokens() == ["[CLS]", "[SEP]"]


def test_a_text_of_64_mib_is_encoded_to_its_end(tokenizer):
    text = "the cat " * (8 << 20)
    columns = tokenizer(text, verbose=False, return_offsets_mapping=True).columns
    assert columns.row_splits.tolist() == [0, 2 + (16 << 20)]
    assert columns.offsets[-2].tolist() == [len(text) - 4, len(text) - 1]
    assert len(tokenizer(text, truncation=True)["input_ids"]) == 16


# --- lengths -------------------------------------------------------------------------------------------


def test_a_stride_as_large_as_max_length_is_an_error(tokenizer):
    with refused(ConfigError, "stride 9 must be less than 8, the tokens that max_length 10 leaves after 2 special"):
        tokenizer("the cat", truncation=True, max_length=10, stride=9)


def test_a_stride_that_leaves_no_room_is_an_error_that_names_the_sample(tokenizer):
    with refused(
        ConfigError, "stride 2 must be less than 2, the tokens that a window holds of the sequence that is cut"
    ):
        tokenizer(["a", "the cat sat"], truncation=True, max_length=4, stride=2)


def test_a_stride_that_leaves_no_room_beside_the_question_is_an_error(tokenizer):
    with refused(ConfigError, "stride 3 must be less than 3"):
        tokenizer("the cat sat", "on the mat it was", truncation="only_second", max_length=9, stride=3)


def test_a_negative_stride_is_an_error(tokenizer):
    with refused(ConfigError, "stride must be an integer of at least 0, got -1"):
        tokenizer("the cat", truncation=True, stride=-1)


@pytest.mark.parametrize("max_length", [0, 1])
def test_a_max_length_below_the_special_tokens_is_an_error(tokenizer, max_length):
    with refused(ConfigError, f"max_length {max_length} must be at least 2, the number of special tokens"):
        tokenizer("the cat", truncation=True, max_length=max_length)


def test_max_length_0_without_special_tokens_is_empty(tokenizer):
    encoding = tokenizer("the cat", truncation=True, max_length=0, add_special_tokens=False)
    assert encoding["input_ids"] == []


def test_max_length_2_is_the_special_tokens_alone(tokenizer):
    assert tokenizer("the cat", truncation=True, max_length=2).tokens() == ["[CLS]", "[SEP]"]


def test_max_length_2_for_a_pair_is_an_error(tokenizer):
    with refused(ConfigError, "max_length 2 must be at least 3"):
        tokenizer("the cat", "sat", truncation=True, max_length=2)


@pytest.mark.parametrize("max_length", [-1, 1.5, "8", True])
def test_a_max_length_that_is_no_count_is_an_error(tokenizer, max_length):
    with refused(ConfigError, f"max_length must be an integer of at least 0, got {max_length!r}"):
        tokenizer("the cat", truncation=True, max_length=max_length)


def test_a_pair_that_cannot_fit_is_an_error_that_names_the_sample(tokenizer):
    with refused(ConfigError, 'truncation "only_first" must remove 3 tokens from a sequence of 1 (sample 1)'):
        tokenizer(["a", "b"], ["c", "the cat sat on"], truncation="only_first", max_length=5)


def test_only_second_without_a_pair_is_an_error(tokenizer):
    with refused(ConfigError, 'truncation "only_second" needs a text_pair (sample 0 has 3 tokens, room is 2)'):
        tokenizer("the cat sat", truncation="only_second", max_length=4)


@pytest.mark.parametrize("multiple", [0, -8, 2.5])
def test_padding_to_a_multiple_below_1_is_an_error(tokenizer, multiple):
    with refused(ConfigError, f"pad_to_multiple_of must be an integer of at least 1, got {multiple}"):
        tokenizer("the cat", padding=True, pad_to_multiple_of=multiple)


def test_a_max_length_that_is_no_multiple_is_an_error(tokenizer):
    with refused(ConfigError, "max_length 10 must be a multiple of pad_to_multiple_of 8"):
        tokenizer("the cat", padding=True, truncation=True, max_length=10, pad_to_multiple_of=8)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("padding", "longer"),
        ("padding", 2),
        ("truncation", "first"),
        ("padding_side", "middle"),
        ("truncation_side", "both"),
        ("return_tensors", "tf"),
    ],
)
def test_an_option_that_is_not_known_is_an_error_that_says_what_is(tokenizer, option, value):
    with refused(ConfigError, repr(value)) as caught:
        tokenizer("the cat", **{option: value})
    assert option in str(caught.value)
    assert '"' in str(caught.value)


def test_rows_of_different_lengths_as_tensor_are_an_error(tokenizer):
    with refused(ConfigError, "input_ids has rows of 3 to 4 tokens, which one tensor cannot hold: pass padding=True"):
        tokenizer(["the", "the cat"], return_tensors="pt")


def test_padding_without_a_pad_token_is_an_error(vocab):
    with refused(ConfigError, "padding needs a pad token"):
        BertTokenizer(vocab, pad_token=None)("the cat", padding=True)


def test_a_tensor_without_torch_is_an_error_that_names_the_extra(tokenizer, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with refused(MissingDependencyError, 'pip install "ferrobert[torch]"'):
        tokenizer("the cat", return_tensors="pt")


# --- ids -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", [-1, 10**6, 2**40])
def test_an_id_out_of_range_is_an_error(tokenizer, vocab, id):
    message = f"token id {id} (position 1) is out of range: the vocabulary ends at {len(vocab) - 1}"
    with refused(DecodeError, message):
        tokenizer.decode([5, id])
    with refused(DecodeError, message):
        tokenizer.convert_ids_to_tokens([5, id])


def test_ids_that_are_no_integers_are_an_error(tokenizer):
    with refused(DecodeError, "token ids must be integers"):
        tokenizer.decode([5, "6"])


def test_rows_to_pad_without_ids_are_an_error(tokenizer):
    with refused(ConfigError, "rows to pad need input_ids; they have labels"):
        tokenizer.pad([{"labels": 1}])


def test_rows_to_pad_with_different_keys_are_an_error(tokenizer):
    with refused(ConfigError, "row 1 has keys ['input_ids', 'labels'], row 0 has ['input_ids']"):
        tokenizer.pad([{"input_ids": [1]}, {"input_ids": [1], "labels": 0}])


def test_an_encoding_row_that_does_not_exist_is_an_error(tokenizer):
    with pytest.raises(IndexError, match="row 2 is out of range: there are 2 rows"):
        tokenizer(["a", "b"]).word_ids(2)


# --- files ---------------------------------------------------------------------------------------------


def written(folder: Path, name: str, content: str | bytes) -> Path:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with refused(CheckpointError, "vocab.txt"):
        BertTokenizer.from_pretrained(str(tmp_path / "vocab.txt"))
    with refused(VocabError, f"{tmp_path / 'vocab.txt'} cannot be read: No such file"):
        BertTokenizer(tmp_path / "vocab.txt")


def test_an_empty_folder_is_an_error(tmp_path):
    with refused(CheckpointError, "tokenizer.json"):
        BertTokenizer.from_pretrained(tmp_path)


def test_a_vocabulary_that_is_not_utf8_is_an_error_that_names_the_line(tmp_path):
    with refused(VocabError, "is not UTF-8: byte 0xff in line 3"):
        BertTokenizer(written(tmp_path, "vocab.txt", b"[UNK]\n[CLS]\nab\xff\n"))


@pytest.mark.parametrize("content", ["", "\n", " \n\n"])
def test_an_empty_vocabulary_is_an_error(tmp_path, content):
    with refused(VocabError, "is empty; a vocabulary has one token a line"):
        BertTokenizer(written(tmp_path, "vocab.txt", content))
    with refused(VocabError, "the vocabulary is empty"):
        BertTokenizer({})


def test_a_vocabulary_without_the_unknown_token_is_an_error(tmp_path):
    with refused(VocabError, 'the vocabulary of 2 tokens has no unknown token "[UNK]"'):
        BertTokenizer(written(tmp_path, "vocab.txt", "[CLS]\n[SEP]\n"))


def test_a_vocabulary_with_duplicates_is_loaded_with_a_warning_that_names_the_lines(tmp_path):
    path = written(tmp_path, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\na\n\n")
    with pytest.warns(UserWarning, match=r"line 8 repeats 'a' of line 6; line 9 is blank"):
        tokenizer = BertTokenizer(path)
    assert tokenizer("a b", add_special_tokens=False)["input_ids"] == [7, 6]
    assert tokenizer.convert_ids_to_tokens([5, 6, 7]) == [None, "b", "a"]


@pytest.mark.parametrize("id", [-1, 1.5, "1", 2**31])
def test_a_vocabulary_id_that_is_no_small_integer_is_an_error(id):
    with refused(VocabError, str(id)):
        BertTokenizer({"[UNK]": 0, "a": id})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON: Expecting property name"),
        ("[]", "must hold a JSON object, got list"),
        ("{}", "has no WordPiece model with a vocabulary"),
        (b"\xff{}", "is not UTF-8"),
        (json.dumps({"model": {"vocab": {"[UNK]": 0}}}), "normalizer is None, BertTokenizer needs BertNormalizer"),
        (json.dumps({"model": {"type": "BPE", "vocab": {}}}), "model is BPE, BertTokenizer needs WordPiece"),
    ],
)
def test_a_broken_tokenizer_json_is_an_error(tmp_path, content, message):
    path = written(tmp_path, "tokenizer.json", content)
    with refused(VocabError, message) as caught:
        BertTokenizer.from_pretrained(path)
    assert str(path) in str(caught.value)


def test_a_tokenizer_json_with_a_torn_normalizer_is_an_error(checkpoint, tmp_path):
    BertTokenizer.from_pretrained(checkpoint).save_pretrained(tmp_path)
    content = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    del content["normalizer"]["lowercase"]
    written(tmp_path, "tokenizer.json", json.dumps(content))
    with refused(VocabError, "is not a tokenizer.json of the tokenizers package: KeyError('lowercase')"):
        BertTokenizer.from_pretrained(tmp_path)


def test_saving_over_a_file_is_an_error(tokenizer, tmp_path):
    with refused(VocabError, "is a file; a tokenizer is saved in a folder"):
        tokenizer.save_pretrained(written(tmp_path, "file", ""))


# --- the object ----------------------------------------------------------------------------------------


def test_an_attribute_cannot_be_set(tokenizer):
    with pytest.raises(AttributeError, match=r"use tokenizer\.replace\(padding_side=\.\.\.\)"):
        tokenizer.padding_side = "left"


def test_replacing_an_unknown_option_is_an_error(tokenizer):
    with refused(ConfigError, "unknown options ['paddingside']"):
        tokenizer.replace(paddingside="left")


def test_a_constructor_option_that_is_not_allowed_is_an_error(vocab):
    with refused(ConfigError, 'padding_side must be "left" or "right", got \'middle\''):
        BertTokenizer(vocab, padding_side="middle")


def test_of_two_added_tokens_with_one_normal_form_the_lower_id_matches_with_a_warning(vocab):
    # The reference loads them too, and matches one or the other at random.
    added = {200: {"content": "Foo", "normalized": True}, 201: {"content": "foo", "normalized": True}}
    with pytest.warns(UserWarning, match=r"'Foo' \(id \d+\) and 'foo' \(id \d+\) are both 'foo' once normalized"):
        tokenizer = BertTokenizer(vocab, added_tokens=added)
    assert tokenizer("foo FOO", add_special_tokens=False)["input_ids"] == [len(vocab)] * 2


def test_an_added_token_that_is_empty_once_normalized_is_an_error(vocab):
    with refused(VocabError, "is empty once normalized"):
        BertTokenizer(vocab, added_tokens={200: {"content": "\u200d", "normalized": True}})


def test_a_row_that_is_wider_than_the_matrix_is_an_error():
    with refused(ConfigError, "rows do not fit a width of 1"):
        _core.pad(np.array([1, 2], np.int32), np.array([0, 2]), 1, 0, "right")


def test_a_panic_of_the_core_is_an_internal_error(capfd):
    with refused(InternalError, "the Rust core panicked (asked for by a test); please report it"):
        _core.panic_for_test()
    assert "asked for by a test" in capfd.readouterr().err
