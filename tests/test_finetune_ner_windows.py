"""Sentences longer than a row: each word is learned once."""

import numpy as np
import pytest
from tests.finetune_cases import report_of
from tests.finetune_ner_cases import NAMES, SPANS, TRAIN, finetune

import ferrobert as fb


def test_long_sentences_are_trained_in_windows_and_each_word_once(tiny_encoder, tmp_path):
    long = (["film", "one", "two"] * 50, ["B-LOC", "B-PER", "I-PER"] * 50)
    finetune(tiny_encoder, [*TRAIN, long], [long], output_dir=tmp_path)
    tokens = report_of(tmp_path)["tokens"]
    assert tokens["train"]["labelled"] == sum(len(words) for words, _ in TRAIN) + 150
    assert tokens["train"]["rows_in_windows"] == 1
    assert tokens["train"]["windows"] == len(TRAIN) + tokens["validation"]["windows"]
    assert tokens["validation"]["labelled"] == 150


@pytest.mark.parametrize("label_all_tokens", [False, True])
def test_a_word_is_labelled_in_the_window_where_it_is_read(tiny_encoder, label_all_tokens):
    from ferrobert.training.tagged_examples import read_tagged
    from ferrobert.training.tagged_rows import TagColumns
    from ferrobert.training.token_labels import encode_tagged

    words = [f"{'x' * (1 + number % 5)}" for number in range(60)]
    tags = ["B-PER" if number % 2 else "O" for number in range(60)]
    examples = read_tagged([(words, tags)], TagColumns(), "train")
    tokenizer = fb.AutoTokenizer.from_pretrained(tiny_encoder)
    made = encode_tagged(
        examples, tokenizer, NAMES, scheme="BIO", longest=32, stride=None, label_all_tokens=label_all_tokens
    )
    encoding = tokenizer(
        [words], is_split_into_words=True, truncation=True, max_length=32, stride=7, return_overflowing_tokens=True
    )
    read = fb.word_labels(encoding, fb.Ragged(np.arange(len(made.labels)), encoding.columns.row_splits))[0]
    labelled = np.flatnonzero(made.labels != -100)
    tokens = sum(map(len, words)) if label_all_tokens else 60
    assert len(labelled) == tokens
    assert set(read) <= set(labelled.tolist())
    assert made.words(NAMES, made.labels) == [tags]


def test_spans_of_a_long_text_are_all_trained(tiny_encoder, tmp_path):
    text = "Elon wrote a film. " * 30
    spans = [{"start": 19 * number, "end": 19 * number + 4, "label": "PER"} for number in range(30)]
    finetune(tiny_encoder, [{"text": text, "spans": spans}, *SPANS], output_dir=tmp_path)
    report = report_of(tmp_path)
    assert report["rows"]["train_by_label"] == {"LOC": 8, "PER": 38}
    assert report["tokens"]["train"]["rows_in_windows"] == 1


def test_words_without_tokens_are_counted(tiny_encoder, tmp_path):
    train = [*TRAIN, (["film", "", "\u200b"], ["B-LOC", "O", "B-PER"])]
    pipe = finetune(tiny_encoder, train, train[-1:], output_dir=tmp_path)
    assert report_of(tmp_path)["tokens"]["train"]["words_without_tokens"] == 2
    assert len(pipe.word_labels([train[-1][0]])[0]) == 3
