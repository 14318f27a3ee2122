"""BertTokenizer beside transformers' own, on small vocabularies. The large comparison is tests/parity."""

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import transformers

from ferrobert import AddedToken, BertTokenizer, reference
from ferrobert.errors import ConfigError

TEXTS = [
    "The cat sat on the mat.",
    "Elon Musk founded Tesla in California.",
    "",
    "unaffable!? [MASK] [SEP]x",
    "中国人 Caf\u00e9 re\u0301sume\u0301 \U0001f600 e\u0301\u0316",
    "\u0130stanbul  don't\t\u200dhello\u00a0world " + "x" * 101,
]
ACCESSORS = ("tokens", "word_ids", "sequence_ids")


@pytest.fixture(scope="module")
def theirs(checkpoint):
    return transformers.BertTokenizer.from_pretrained(checkpoint)


@pytest.fixture(scope="module")
def ours(checkpoint):
    return BertTokenizer.from_pretrained(checkpoint)


def plain(encoding):
    return {key: np.asarray(value).tolist() if hasattr(value, "shape") else value for key, value in encoding.items()}


def check_equal(ours, theirs, *texts, **options):
    options.setdefault("return_offsets_mapping", True)
    options.setdefault("return_special_tokens_mask", True)
    options.setdefault("return_length", True)
    got, expected = ours(*texts, **options), theirs(*texts, **options)
    assert list(got) == list(expected)
    assert plain(got) == plain(expected)
    for row in range(len(expected.encodings)):
        for accessor in ACCESSORS:
            assert getattr(got, accessor)(row) == getattr(expected, accessor)(row), (accessor, row)


# --- encoding ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_a_single_text_equals_the_reference(ours, theirs, text):
    check_equal(ours, theirs, text)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": True},
        {"padding": "max_length", "truncation": True},
        {"padding": True, "padding_side": "left", "pad_to_multiple_of": 8},
        {"padding": True, "truncation": True, "max_length": 8, "return_tensors": "np"},
        {"padding": True, "truncation": True, "max_length": 8, "return_tensors": "pt"},
        {"truncation": True, "max_length": 9, "stride": 2, "return_overflowing_tokens": True},
        {
            "truncation": True,
            "max_length": 7,
            "return_overflowing_tokens": True,
            "padding": True,
            "return_tensors": "np",
        },
        {"max_length": 5},
        {"add_special_tokens": False, "return_token_type_ids": False, "return_attention_mask": False},
        {"split_special_tokens": True},
    ],
    ids=str,
)
def test_batches_equal_the_reference(ours, theirs, options):
    check_equal(ours, theirs, TEXTS, **options)
    check_equal(ours, theirs, TEXTS, TEXTS[::-1], **options)


@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
def test_truncated_pairs_equal_the_reference(ours, theirs, strategy):
    pairs = [("the cat sat on the mat", "hello world hello"), ("the cat sat on the mat", "it was a lazy afternoon .")]
    for overflow in (False, True):
        for max_length in (11, 13):
            check_equal(
                ours,
                theirs,
                pairs,
                truncation=strategy,
                max_length=max_length,
                stride=1,
                return_overflowing_tokens=overflow,
            )


def test_windows_of_both_sequences_come_in_the_references_order(ours, theirs):
    first, second = "the cat sat on mat the cat sat", "a b c d e a b c d e"
    check_equal(ours, theirs, first, second, truncation=True, max_length=9, return_overflowing_tokens=True)


def test_words_equal_the_reference(ours, theirs):
    words = [text.split() for text in TEXTS]
    check_equal(ours, theirs, words, is_split_into_words=True)
    check_equal(ours, theirs, words, words[::-1], is_split_into_words=True, truncation=True, max_length=9)
    check_equal(ours, theirs, words[1], is_split_into_words=True)
    check_equal(ours, theirs, list(zip(words, words[::-1], strict=True)), is_split_into_words=True)


def test_an_empty_pair_of_a_single_text_is_no_pair(ours, theirs):
    check_equal(ours, theirs, "the cat", "")
    check_equal(ours, theirs, ["the cat"], [""])


def test_the_tutorials_sentence_has_six_words_and_nine_pieces(ours):
    encoding = ours("Elon Musk founded Tesla in California.".split(), is_split_into_words=True)
    assert encoding.tokens()[1:-1] == ["el", "##on", "mu", "##sk", "founded", "tesla", "in", "california", "."]
    assert encoding.word_ids()[1:-1] == [0, 0, 1, 1, 2, 3, 4, 5, 5]


def test_truncation_from_the_left_equals_the_reference(checkpoint):
    ours = BertTokenizer.from_pretrained(checkpoint, truncation_side="left", padding_side="left")
    theirs = transformers.BertTokenizer.from_pretrained(checkpoint, truncation_side="left", padding_side="left")
    check_equal(ours, theirs, TEXTS, truncation=True, max_length=6, stride=1, return_overflowing_tokens=True)
    check_equal(ours, theirs, TEXTS, truncation=True, max_length=6, padding=True)


def test_accessors_equal_the_reference_at_every_place(ours, theirs):
    arguments = (["unaffable cat", "hello"], ["mat", "California."])
    got, expected = (
        tokenizer(*arguments, padding=True, padding_side="left", return_tensors="np") for tokenizer in (ours, theirs)
    )
    for row in range(2):
        for token in range(len(expected.tokens(row))):
            for accessor in ("token_to_sequence", "token_to_word", "token_to_chars"):
                assert getattr(got, accessor)(row, token) == getattr(expected, accessor)(row, token)
        for sequence in (0, 1):
            for place in range(15):
                assert got.char_to_token(row, place, sequence) == expected.char_to_token(row, place, sequence)
                assert got.char_to_word(row, place, sequence) == expected.char_to_word(row, place, sequence)
                assert got.word_to_tokens(row, place, sequence) == expected.word_to_tokens(row, place, sequence)


def test_columns_are_flat_and_unpadded(ours):
    encoding = ours(["the cat", "sat"], padding=True, return_tensors="np")
    columns = encoding.columns
    assert columns.row_splits.tolist() == [0, 4, 7]
    assert columns.ids.tolist() == encoding["input_ids"][encoding["attention_mask"] == 1].tolist()
    assert columns["word_ids"].tolist() == [-1, 0, 1, -1, -1, 0, -1]
    assert columns.offsets.tolist() == [[0, 0], [0, 3], [4, 7], [0, 0], [0, 0], [0, 3], [0, 0]]
    assert columns.sample_ids.tolist() == [0, 1]
    assert {str(columns[name].dtype) for name in ("ids", "type_ids", "offsets", "word_ids")} == {"int32"}


def test_texts_of_an_encoding_are_what_was_given(ours):
    texts = ["the cat", "sat"]
    encoding = ours(texts)
    texts.clear()
    assert encoding.texts == ["the cat", "sat"]
    assert encoding.word_ids(1) == [None, 0, None]
    words = [["the", "cat"]]
    encoding = ours(words, is_split_into_words=True)
    words[0].clear()
    assert encoding.word_ids() == [None, 0, 1, None]


def test_a_column_of_a_table_is_a_batch(ours):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"text": TEXTS})
    assert ours(table["text"])["input_ids"] == ours(TEXTS)["input_ids"]
    assert ours(np.array(TEXTS))["input_ids"] == ours(TEXTS)["input_ids"]


def test_large_batches_run_on_all_cores_with_equal_results(ours):
    texts = [text * (1 + row % 3) for row in range(1000) for text in TEXTS]
    rows = ours(texts, verbose=False)["input_ids"]
    assert rows[::601] == [ours(text, verbose=False)["input_ids"] for text in texts[::601]]


def test_a_text_longer_than_a_chunk_equals_the_reference(ours, theirs):
    text = ("the caf\u00e9 \u4e2d" + "y" * 90 + " [MASK] ") * 200
    check_equal(ours, theirs, text, verbose=False)
    check_equal(ours, theirs, "the" * 3000, verbose=False)


def test_a_row_longer_than_the_model_takes_is_a_warning(ours):
    with pytest.warns(UserWarning, match="a row has 22 tokens, the model takes 16"):
        ours("the cat " * 10)


# --- added tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags",
    [
        {"lstrip": True},
        {"rstrip": True},
        {"lstrip": True, "rstrip": True, "normalized": True},
        {"single_word": True},
        {"normalized": True},
        {"special": True},
    ],
    ids=str,
)
def test_added_tokens_equal_the_reference(vocab, flags):
    flags = {"normalized": False, "special": False, **flags}
    ours = BertTokenizer(vocab, added_tokens={len(vocab): AddedToken("Foo", **flags)})
    theirs = transformers.BertTokenizer(vocab)
    theirs.add_tokens([transformers.AddedToken("Foo", **flags)])
    for text in ["a  Foo  b", "aFoo b", "Foob", "foo FOO Foo", "Foo", "a\u00a0 Foo\t\nFoo  Foo c"]:
        check_equal(ours, theirs, text)
        check_equal(ours, theirs, text, split_special_tokens=True)
    assert ours.get_vocab() == theirs.get_vocab()
    assert len(ours) == len(theirs) == len(vocab) + 1
    ids = list(range(len(ours)))
    assert ours.convert_ids_to_tokens(ids) == theirs.convert_ids_to_tokens(ids)
    assert ours.decode(ids, skip_special_tokens=True) == theirs.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize(
    "options",
    [
        {"do_lower_case": False},
        {"strip_accents": True, "do_lower_case": False},
        {"strip_accents": False},
        {"tokenize_chinese_chars": False},
        {"cls_token": "<s>", "sep_token": "</s>"},
        {"extra_special_tokens": ["<e1>", "<e2>"]},
    ],
    ids=str,
)
def test_constructor_options_equal_the_reference(vocab, options):
    ours, theirs = BertTokenizer(vocab, **options), transformers.BertTokenizer(vocab, **options)
    check_equal(ours, theirs, [*TEXTS, "<e1> Hello <s>"])
    check_equal(ours, theirs, TEXTS, TEXTS)
    assert ours.all_special_tokens == theirs.all_special_tokens
    assert ours.all_special_ids == theirs.all_special_ids
    assert ours.special_tokens_map == theirs.special_tokens_map


def test_a_tokenizer_without_vocabulary_has_the_special_tokens():
    assert BertTokenizer().get_vocab() == transformers.BertTokenizer().get_vocab()


# --- back to text --------------------------------------------------------------------------------------


def test_decoding_equals_the_reference(ours, theirs):
    rows = ours([*TEXTS, "don ' t , a . b ? it ' s"], verbose=False)["input_ids"]
    for skip in (False, True):
        assert ours.batch_decode(rows, skip_special_tokens=skip) == theirs.batch_decode(rows, skip_special_tokens=skip)
    assert ours.decode(rows[0], clean_up_tokenization_spaces=True) == theirs.decode(
        rows[0], clean_up_tokenization_spaces=True
    )
    assert ours.decode(np.array(rows[0])) == ours.decode(rows[0]) == "[CLS] the cat sat on the mat. [SEP]"
    assert ours.decode(rows) == ours.batch_decode(rows)
    assert ours.decode(5) == "the"
    assert ours.decode([]) == ""


def test_converting_equals_the_reference(ours, theirs):
    tokens = ["[CLS]", "un", "##aff", "nowhere", "."]
    assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
    assert ours.convert_tokens_to_ids("cat") == theirs.convert_tokens_to_ids("cat")
    assert ours.convert_tokens_to_string(tokens) == theirs.convert_tokens_to_string(tokens)
    ids = np.array([2, 5, 6])
    assert ours.convert_ids_to_tokens(ids, skip_special_tokens=True) == ["the", "cat"]
    assert ours.tokenize("unaffable!") == theirs.tokenize("unaffable!")
    assert ours.encode("the cat", "sat") == theirs.encode("the cat", "sat")
    assert ours.num_special_tokens_to_add() == 2
    assert ours.num_special_tokens_to_add(pair=True) == 3
    mask = {"already_has_special_tokens": True}
    assert ours.get_special_tokens_mask([2, 5, 3], **mask) == theirs.get_special_tokens_mask([2, 5, 3], **mask)


def test_special_tokens_have_names(ours, theirs):
    for name in ("cls", "sep", "pad", "mask", "unk", "bos", "eos"):
        for attribute in (f"{name}_token", f"{name}_token_id"):
            assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert (ours.vocab_size, len(ours), ours.model_max_length) == (theirs.vocab_size, len(theirs), 16)
    assert ours.model_input_names == theirs.model_input_names


# --- padding -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "max_length", "max_length": 12},
        {"pad_to_multiple_of": 8, "padding_side": "left"},
        {"return_tensors": "np"},
        {"return_tensors": "pt"},
        {"padding": False},
        {"return_attention_mask": False},
    ],
    ids=str,
)
def test_padding_rows_equals_the_reference(ours, theirs, options):
    if options == {"return_attention_mask": False}:
        rows = [{"input_ids": [2, 5, 3]}, {"input_ids": [2, 5, 6, 3]}]
    else:
        rows = [{**ours(text, return_special_tokens_mask=True)} for text in TEXTS[:3]]
    assert plain(ours.pad(rows, **options)) == plain(theirs.pad(rows, **options))


def test_padding_keeps_other_keys_and_takes_a_mapping_of_rows(ours):
    padded = ours.pad({"input_ids": [[2, 3], [2, 5, 3]], "labels": [0, 1]}, return_tensors="np")
    assert padded["input_ids"].tolist() == [[2, 3, 0], [2, 5, 3]]
    assert padded["labels"].tolist() == [0, 1]


# --- the object ----------------------------------------------------------------------------------------


def test_saving_and_loading_keeps_every_option(vocab, tmp_path):
    added = {len(vocab): AddedToken("<Ent>", lstrip=True, normalized=False)}
    tokenizer = BertTokenizer(
        vocab, do_lower_case=False, added_tokens=added, extra_special_tokens=["<x>"], padding_side="left"
    )
    paths = tokenizer.save_pretrained(tmp_path)
    assert {os.path.basename(path) for path in paths} == {"tokenizer.json", "tokenizer_config.json", "vocab.txt"}
    assert sorted(os.listdir(tmp_path)) == ["tokenizer.json", "tokenizer_config.json", "vocab.txt"]
    loaded = BertTokenizer.from_pretrained(tmp_path)
    assert loaded.replace(name_or_path="") == tokenizer
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in [*TEXTS, "The  <Ent> <x>"]:
        check_equal(loaded, theirs, text)
    assert theirs.padding_side == "left"


def test_settings_inside_tokenizer_json_leave_truncation_and_padding_to_the_call(checkpoint, tmp_path):
    BertTokenizer.from_pretrained(checkpoint).save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    content["truncation"] = {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    content["padding"] = {
        "strategy": {"Fixed": 9},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    path.write_text(json.dumps(content), "utf-8")
    ours, theirs = (kind.from_pretrained(tmp_path) for kind in (BertTokenizer, transformers.BertTokenizer))
    check_equal(ours, theirs, "the cat sat on the mat")
    check_equal(ours, theirs, "the cat sat on the mat", truncation=True, max_length=6)


def test_flags_in_special_tokens_map_are_honoured(checkpoint, tmp_path):
    for name in ("vocab.txt", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
    mask = {"content": "[MASK]", "lstrip": True, "rstrip": False, "single_word": False, "normalized": True}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"mask_token": mask}), "utf-8")
    ours, theirs = (kind.from_pretrained(tmp_path) for kind in (BertTokenizer, transformers.BertTokenizer))
    check_equal(ours, theirs, "the   [MASK] cat [mask]")


def test_a_file_of_any_name_can_be_loaded(checkpoint, tmp_path):
    (tmp_path / "my-words.txt").write_bytes((checkpoint / "vocab.txt").read_bytes())
    assert BertTokenizer.from_pretrained(tmp_path / "my-words.txt").tokenize("The cat") == ["the", "cat"]


def test_options_of_the_call_count_over_those_of_the_files(checkpoint):
    tokenizer = BertTokenizer.from_pretrained(checkpoint, do_lower_case=False, model_max_length=99)
    assert tokenizer.tokenize("The cat") == ["[UNK]", "cat"]
    assert tokenizer.model_max_length == 99


def test_a_tokenizer_survives_pickling(ours):
    again = pickle.loads(pickle.dumps(ours))
    assert again == ours
    assert hash(again) == hash(ours)
    assert again(TEXTS)["input_ids"] == ours(TEXTS)["input_ids"]


def test_an_encoding_survives_pickling(ours):
    encoding = ours(TEXTS, padding=True, return_tensors="np")
    again = pickle.loads(pickle.dumps(encoding))
    assert plain(again) == plain(encoding)
    assert again.word_ids(1) == encoding.word_ids(1)
    assert again.columns.offsets.tolist() == encoding.columns.offsets.tolist()


def test_the_hash_is_the_same_in_every_process(checkpoint, ours):
    code = f"from ferrobert import BertTokenizer as T; print(T.from_pretrained({str(checkpoint)!r}).fingerprint())"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        printed = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert printed.stdout.strip() == ours.fingerprint()
    assert ours.replace(do_lower_case=False).fingerprint() != ours.fingerprint()


def test_the_fingerprint_of_datasets_does_not_change_by_use(checkpoint):
    hasher = pytest.importorskip("datasets.fingerprint").Hasher
    first = BertTokenizer.from_pretrained(checkpoint)
    before = hasher.hash(first)
    first("the cat", return_tensors="np")
    first.convert_ids_to_tokens([1])
    assert hasher.hash(first) == before == hasher.hash(BertTokenizer.from_pretrained(checkpoint))


def test_datasets_map_takes_the_encoding(ours):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"text": TEXTS})
    mapped = table.map(lambda rows: ours(rows["text"], truncation=True), batched=True)
    assert mapped["input_ids"][:] == ours(TEXTS, truncation=True)["input_ids"]


def test_many_threads_share_a_tokenizer(ours):
    batch = TEXTS * 100
    expected = ours(batch, verbose=False)["input_ids"]
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: ours(batch, verbose=False)["input_ids"], range(16)))
    assert all(result == expected for result in results)


def _rows_in_child(tokenizer, queue):
    queue.put(tokenizer(TEXTS * 100, verbose=False)["input_ids"])


def test_a_tokenizer_works_after_fork(ours):
    expected = ours(TEXTS * 100, verbose=False)["input_ids"]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_rows_in_child, args=(ours, queue))
    child.start()
    assert queue.get(timeout=60) == expected
    child.join(60)
    assert child.exitcode == 0


def test_the_twin_is_the_same_tokenizer_in_python(checkpoint, ours):
    twin = reference.BertTokenizer.from_pretrained(checkpoint)
    for options in ({}, {"padding": True, "truncation": True, "max_length": 7, "return_tensors": "np"}):
        got, expected = (
            twin(TEXTS, return_offsets_mapping=True, **options),
            ours(TEXTS, return_offsets_mapping=True, **options),
        )
        assert plain(got) == plain(expected)


def test_null_in_the_config_takes_a_special_token_away(checkpoint, tmp_path):
    (tmp_path / "vocab.txt").write_bytes((checkpoint / "vocab.txt").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"mask_token": null, "pad_token": null}', "utf-8")
    ours, theirs = (kind.from_pretrained(tmp_path) for kind in (BertTokenizer, transformers.BertTokenizer))
    check_equal(ours, theirs, "the [MASK] [PAD]")
    assert ours.mask_token is ours.pad_token is None


def test_an_extra_special_token_keeps_its_flags(checkpoint, tmp_path):
    (tmp_path / "vocab.txt").write_bytes((checkpoint / "vocab.txt").read_bytes())
    extra = {"content": "<ent>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}
    config = {"additional_special_tokens": [{**extra, "__type": "AddedToken"}]}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    ours, theirs = (kind.from_pretrained(tmp_path) for kind in (BertTokenizer, transformers.BertTokenizer))
    check_equal(ours, theirs, "the  <ent> cat")
    ids = ours("the <ent> cat")["input_ids"]
    assert ours.decode(ids, skip_special_tokens=True) == theirs.decode(ids, skip_special_tokens=True)


def test_an_unknown_option_of_from_pretrained_is_an_error_that_says_what_there_is(checkpoint):
    with pytest.raises(ConfigError, match="unknown option 'never_split'; the options are vocab, do_lower_case"):
        BertTokenizer.from_pretrained(checkpoint, never_split=[])
