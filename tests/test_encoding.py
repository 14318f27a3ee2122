"""BatchEncoding as the mapping that training code makes of it."""

import copy
import pickle
import re

import pytest

from ferrobert import BatchEncoding
from ferrobert.errors import ConfigError


def test_an_encoding_can_be_made_of_values():
    encoding = BatchEncoding({"input_ids": [[1, 2]], "labels": [0]}, tensor_type="pt")
    assert encoding.input_ids.tolist() == [[1, 2]]
    assert type(encoding)({**encoding}).labels.tolist() == [0]
    assert not encoding.is_fast


def test_the_words_of_an_encoding_made_of_values_are_an_error():
    with pytest.raises(ConfigError, match=re.escape("its keys are input_ids")):
        BatchEncoding({"input_ids": [[1, 2]]}).word_ids()


def test_data_holds_the_values(tokenizer):
    assert tokenizer("the cat").data == dict(tokenizer("the cat"))


def test_padded_rows_are_an_encoding(tokenizer):
    padded = tokenizer.pad([tokenizer("the"), tokenizer("the cat")], return_tensors="pt").to("cpu")
    assert padded.input_ids.shape == (2, 4)


def test_an_arrow_column_is_a_batch(tokenizer):
    pa = pytest.importorskip("pyarrow")
    for column in (pa.array(["the", "cat"]), pa.chunked_array([["the"], ["cat"]])):
        assert tokenizer(column)["input_ids"] == tokenizer(["the", "cat"])["input_ids"]


def test_accelerate_slices_and_joins_encodings(tokenizer):
    operations = pytest.importorskip("accelerate.utils.operations")
    encoding = tokenizer(["the", "cat", "sat"], return_tensors="pt")
    first = operations.slice_tensors(encoding, slice(0, 1))
    rest = operations.slice_tensors(encoding, slice(1, 3))
    assert operations.concatenate([first, rest])["input_ids"].tolist() == encoding["input_ids"].tolist()


def test_trainer_takes_encodings_from_a_collator(tokenizer, tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        num_labels=2,
    )

    def collate(rows):
        batch = tokenizer([text for text, _ in rows], padding=True, return_tensors="pt")
        batch["labels"] = __import__("torch").tensor([label for _, label in rows])
        return batch

    trainer = transformers.Trainer(
        transformers.BertForSequenceClassification(config),
        transformers.TrainingArguments(
            str(tmp_path), max_steps=2, report_to="none", remove_unused_columns=False, use_cpu=True, save_strategy="no"
        ),
        train_dataset=[("the cat", 0), ("it was", 1)] * 4,
        eval_dataset=[("the cat", 0), ("it was a lazy", 1), ("on", 0)],
        data_collator=collate,
    )
    assert trainer.train().global_step == 2
    assert "eval_loss" in trainer.evaluate()


# --- a single text: lists at once, everything else when it is asked for ---------------------------------


def test_a_text_and_a_batch_of_it_are_the_same(tokenizer):
    text = "The cat, it was [MASK] unaffable cafés 中文"
    for options in ({}, {"truncation": True, "max_length": 4}, {"add_special_tokens": False}):
        one, batch = tokenizer(text, **options), tokenizer([text], **options)
        assert {key: [value] for key, value in one.items()} == dict(batch)
        assert (one.tokens(), one.word_ids(), one.sequence_ids()) == (
            batch.tokens(),
            batch.word_ids(),
            batch.sequence_ids(),
        )
        assert one.columns.offsets.tolist() == batch.columns.offsets.tolist()
        assert (one.texts, one.n_sequences, one.is_fast) == ([text], 1, True)


def test_what_is_done_to_the_lists_of_a_text_does_not_change_its_columns(tokenizer):
    encoding = tokenizer("the cat")
    ids = list(encoding["input_ids"])
    encoding["input_ids"].append(0)
    encoding["labels"] = 1
    assert encoding.columns.ids.tolist() == ids
    assert encoding["labels"] == 1


def test_the_encoding_of_a_text_can_be_pickled_and_copied(tokenizer):
    encoding = tokenizer("the cat")
    for other in (pickle.loads(pickle.dumps(encoding)), copy.deepcopy(encoding), copy.copy(encoding)):
        assert dict(other) == dict(encoding)
        assert other.columns.offsets.tolist() == encoding.columns.offsets.tolist()


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        ({"max_length": 8}, {"max_length": 8.0}),
        ({"max_length": 1, "add_special_tokens": False}, {"max_length": True, "add_special_tokens": False}),
        ({"padding": True}, {"padding": 1}),
        ({"truncation": False}, {"truncation": 0}),
        ({"stride": 0}, {"stride": 0.0}),
        ({"add_special_tokens": True}, {"add_special_tokens": 1}),
    ],
)
def test_an_option_of_another_type_is_an_error_after_an_equal_one_was_allowed(tokenizer, allowed, refused):
    tokenizer("the cat", **allowed)
    with pytest.raises(ConfigError):
        tokenizer("the cat", **refused)


def test_options_of_ever_new_values_are_not_all_kept(tokenizer):
    for max_length in range(2, 200):
        tokenizer("the cat", truncation=True, max_length=max_length)
    assert len(tokenizer._plans) <= 64


def test_a_long_text_is_warned_of_each_time(tokenizer):
    short = tokenizer.replace(model_max_length=3)
    for _ in range(2):
        with pytest.warns(UserWarning, match="a row has 4 tokens, the model takes 3"):
            short("the cat")


def test_words_that_change_later_do_not_change_an_encoding(tokenizer):
    words = ["the", "cat"]
    encoding = tokenizer(words, is_split_into_words=True)
    words[1] = "sat"
    assert encoding.columns.word_ids.tolist() == [-1, 0, 1, -1]
    assert list(encoding.texts[0]) == ["the", "cat"]


def test_ids_that_were_changed_stay_changed_when_offsets_are_read(tokenizer):
    columns = tokenizer(["the cat"]).columns
    columns.ids[1] = 4
    assert columns.offsets.tolist() == [[0, 0], [0, 3], [4, 7], [0, 0]]
    assert columns.ids[1] == 4


def test_padding_that_does_not_fit_the_memory_is_a_memory_error(tokenizer):
    # One row of 2^31 - 1 tokens is 16 GB; thousands of them are more than any machine has.
    with pytest.raises(MemoryError):
        tokenizer(["the"] * 100_000, padding="max_length", max_length=2**31 - 1, return_tensors="np")["input_ids"]


@pytest.mark.parametrize(
    "option", [{"padding": "max_length", "max_length": 2**40}, {"padding": True, "pad_to_multiple_of": 2**62}]
)
def test_a_width_that_no_row_can_have_is_an_error(tokenizer, option):
    with pytest.raises(ConfigError, match="is more than a row can have"):
        tokenizer(["the"], return_tensors="np", **option)


def test_a_max_length_of_any_size_cuts_nothing(tokenizer):
    assert tokenizer("the cat", truncation=True, max_length=int(1e30)) == tokenizer("the cat")


@pytest.mark.parametrize("option", ["padding_side", "truncation_side"])
def test_an_empty_side_is_an_error(tokenizer, option):
    with pytest.raises(ConfigError, match=option):
        tokenizer("the cat", **{option: ""})


# --- what users of transformers call -------------------------------------------------------------------

ROW = ("ids", "type_ids", "tokens", "offsets", "attention_mask", "special_tokens_mask", "word_ids", "sequence_ids")
LOOK_UPS = {
    "token_to_sequence": [(0,), (1,)],
    "token_to_word": [(0,), (1,)],
    "token_to_chars": [(0,), (1,)],
    "char_to_token": [(0,), (3,), (5,), (99,)],
    "char_to_word": [(0,), (3,), (5,)],
    "word_to_tokens": [(0,), (1,), (99,)],
    "word_to_chars": [(0,), (1,), (99,)],
}


@pytest.fixture(scope="module")
def theirs(checkpoint):
    return pytest.importorskip("transformers").BertTokenizer.from_pretrained(checkpoint)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": True},
        {"padding": True, "padding_side": "left"},
        {"truncation": True, "max_length": 5, "stride": 1, "return_overflowing_tokens": True},
        {"truncation": True, "max_length": 5, "return_overflowing_tokens": True, "padding": "max_length"},
    ],
)
@pytest.mark.parametrize("pairs", [None, ["it was", "a lazy cat on it", "the"]])
def test_an_indexed_row_says_what_the_encoding_of_the_reference_says(tokenizer, theirs, options, pairs):
    texts = ["the cat, unaffable cats", "The [MASK] on 中文", ""]
    if pairs is not None and "max_length" in options:
        options = {**options, "truncation": "only_first", "max_length": 10}
    ours, expected = tokenizer(texts, pairs, **options), theirs(texts, pairs, **options)
    assert len(ours.encodings) == len(expected.encodings)
    for index, want in enumerate(expected.encodings):
        row = ours[index]
        assert {name: getattr(row, name) for name in ROW} == {name: getattr(want, name) for name in ROW}
        assert (len(row), row.n_sequences) == (len(want), want.n_sequences)
        for name, calls in LOOK_UPS.items():
            for arguments in calls:
                assert getattr(row, name)(*arguments) == getattr(want, name)(*arguments), (name, arguments)


def test_the_overflowing_of_a_first_window_are_the_others(tokenizer, theirs):
    options = {"truncation": True, "max_length": 4, "return_overflowing_tokens": True}
    texts = ["the cat sat on it", "the"]
    ours, expected = tokenizer(texts, **options), theirs(texts, **options)
    assert [[window.ids for window in row.overflowing] for row in ours.encodings] == [
        [window.ids for window in row.overflowing] for row in expected.encodings
    ]
    assert [row.ids for row in ours[0].overflowing] == ours["input_ids"][1:3]


def test_the_overflowing_of_a_text_that_was_cut_names_the_option_that_keeps_it(tokenizer):
    row = tokenizer("the cat sat on it", truncation=True, max_length=4)[0]
    with pytest.raises(ConfigError, match="return_overflowing_tokens=True"):
        row.overflowing  # noqa: B018


def test_rows_are_indexed_from_the_end_too(tokenizer):
    encoding = tokenizer(["the", "the cat"])
    assert (encoding[-1].ids, encoding[-1].index) == (encoding["input_ids"][1], 1)


def test_a_row_that_is_not_there_is_an_index_error(tokenizer):
    with pytest.raises(IndexError, match="row 2 is out of range: there are 2 rows"):
        tokenizer(["the", "cat"])[2]


def test_a_row_of_an_encoding_made_of_values_is_an_error():
    encoding = BatchEncoding({"input_ids": [[1, 2]]})
    assert encoding.encodings is None
    with pytest.raises(KeyError, match="0: keys are input_ids"):
        encoding[0]


def test_an_index_that_is_neither_name_nor_number_is_an_error(tokenizer):
    with pytest.raises(KeyError, match="None: keys are input_ids"):
        tokenizer(["the"])[None]


def test_a_padded_row_of_words_counts_them_from_the_first(tokenizer):
    row = tokenizer([["the", "cats"], ["cat"]], is_split_into_words=True, padding=True)[1]
    padding = len(row) - 3
    assert row.tokens == ["[CLS]", "cat", "[SEP]"] + ["[PAD]"] * padding
    assert row.word_ids == [None, 0, None] + [None] * padding


def test_a_copy_has_keys_of_its_own(tokenizer):
    encoding = tokenizer(["the", "cat"])
    copied = encoding.copy()
    copied["labels"] = [0, 1]
    del copied["token_type_ids"]
    assert list(encoding) == ["input_ids", "token_type_ids", "attention_mask"]
    assert copied["input_ids"] is encoding["input_ids"]
    assert copied.tokens(1) == encoding.tokens(1)


@pytest.mark.parametrize("kind", ["np", "pt"])
def test_a_batch_axis_is_put_before_the_values_of_a_text(tokenizer, kind):
    encoding = tokenizer("the cat", return_length=True).convert_to_tensors(kind, prepend_batch_axis=True)
    assert {key: tuple(value.shape) for key, value in encoding.items()} == {
        "input_ids": (1, 4),
        "token_type_ids": (1, 4),
        "attention_mask": (1, 4),
        "length": (1, 1),
    }


def test_a_batch_axis_is_put_before_values_when_an_encoding_is_made(theirs):
    made = BatchEncoding({"input_ids": [2, 3], "label": 1}, tensor_type="np", prepend_batch_axis=True)
    expected = type(theirs("the"))({"input_ids": [2, 3], "label": 1}, tensor_type="np", prepend_batch_axis=True)
    assert {key: value.tolist() for key, value in made.items()} == {
        key: value.tolist() for key, value in expected.items()
    }


def test_without_a_type_of_tensors_no_batch_axis_is_made(tokenizer):
    encoding = tokenizer("the cat")
    assert encoding.convert_to_tensors(prepend_batch_axis=True) == tokenizer("the cat")


def test_numbers_and_fractions_become_tensors_as_they_are():
    encoding = BatchEncoding({"label": 1, "weights": [0.25, 0.5]}, tensor_type="pt")
    assert (encoding["label"].item(), encoding["weights"].tolist()) == (1, [0.25, 0.5])


def test_a_batch_axis_before_uneven_rows_is_an_error_that_names_the_rows(tokenizer):
    with pytest.raises(ConfigError, match="input_ids has rows of 3 to 4 tokens"):
        tokenizer(["the", "the cat"]).convert_to_tensors("pt", prepend_batch_axis=True)
