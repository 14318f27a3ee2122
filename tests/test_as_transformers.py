"""What as_transformers() gives is taken by transformers' Trainer, data collators and pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tests.made_checkpoints import roberta_folder

from ferrobert import BertTokenizer

TEXTS = ["The cat sat on the mat.", "Hello, world!", "", "unaffable [MASK] caf\u00e9 \u4e2d"]


@pytest.fixture(scope="module")
def made(tokenizer: BertTokenizer) -> Any:
    return tokenizer.as_transformers()


@pytest.fixture(scope="module")
def model(tokenizer: BertTokenizer) -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    return transformers.BertForSequenceClassification(config).eval()


def test_it_is_the_class_of_the_family(made: Any) -> None:
    assert isinstance(made, transformers.BertTokenizer)


def test_it_encodes_and_decodes_equally(tokenizer: BertTokenizer, made: Any) -> None:
    for options in ({}, {"padding": True, "truncation": True, "max_length": 8}, {"padding": "max_length"}):
        ours, theirs = tokenizer(TEXTS, **options), made(TEXTS, **options)
        assert dict(ours.items()) == dict(theirs.items())
        assert tokenizer.batch_decode(ours["input_ids"]) == made.batch_decode(theirs["input_ids"])


def test_settings_that_the_family_cannot_express_survive(vocab: dict[str, int]) -> None:
    ours = BertTokenizer(vocab, max_input_chars_per_word=4, single=[("sequence", 0, 0), ("special", "[SEP]", 0)])
    theirs = ours.as_transformers()
    assert not isinstance(theirs, transformers.BertTokenizer)
    for text in TEXTS:
        assert ours(text)["input_ids"] == theirs(text)["input_ids"]


def test_options_and_the_name_survive(tokenizer: BertTokenizer) -> None:
    made = tokenizer.replace(padding_side="left", model_max_length=7, name_or_path="somewhere").as_transformers()
    assert (made.padding_side, made.model_max_length, made.name_or_path) == ("left", 7, "somewhere")


def test_the_padding_collator_takes_it(tokenizer: BertTokenizer, made: Any) -> None:
    rows = [{"input_ids": tokenizer(text)["input_ids"], "labels": 0} for text in TEXTS]
    batch = transformers.DataCollatorWithPadding(made)(rows)
    assert batch["input_ids"].tolist() == tokenizer(TEXTS, padding=True)["input_ids"]


def test_the_masking_collator_takes_it(tokenizer: BertTokenizer, made: Any) -> None:
    rows = [{"input_ids": tokenizer(text)["input_ids"]} for text in TEXTS]
    batch = transformers.DataCollatorForLanguageModeling(made, mlm_probability=0.5, seed=1)(rows)
    chosen = batch["labels"] != -100
    assert chosen.any()
    special = torch.isin(batch["labels"][chosen], torch.tensor([tokenizer.cls_token_id, tokenizer.sep_token_id]))
    assert not special.any()


def test_the_pipeline_takes_it(model: Any, made: Any) -> None:
    classify = transformers.pipeline("text-classification", model=model, tokenizer=made, device="cpu")
    assert [set(answer) for answer in classify(TEXTS[:2])] == [{"label", "score"}] * 2


def test_the_trainer_takes_it_and_saves_it(tokenizer: BertTokenizer, model: Any, made: Any, tmp_path: Path) -> None:
    rows = [{**dict(tokenizer(text).items()), "labels": number % 2} for number, text in enumerate(TEXTS)]
    arguments = transformers.TrainingArguments(
        str(tmp_path), max_steps=1, report_to=[], use_cpu=True, save_strategy="no", disable_tqdm=True
    )
    trainer = transformers.Trainer(model, arguments, train_dataset=rows, processing_class=made)
    trainer.train()
    trainer.save_model()
    assert BertTokenizer.from_pretrained(tmp_path)(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]


def test_roberta_gets_the_class_of_its_family(tmp_path: Path) -> None:
    from ferrobert import AutoTokenizer

    made = AutoTokenizer.from_pretrained(roberta_folder(tmp_path)).as_transformers()
    assert isinstance(made, transformers.RobertaTokenizer)
