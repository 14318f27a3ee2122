"""BatchEncoding as the mapping that training code makes of it."""

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
