"""DataCollatorForLanguageModeling: rows of a data set in, a batch out."""

import hashlib
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch.utils.data import DataLoader, Dataset

import ferrobert as fb

TEXTS = ["The cat sat on the mat.", "hello", "unaffable!", "Elon Musk founded Tesla in California", "a lazy afternoon"]


def rows_of(tokenizer: fb.BertTokenizer, texts: list[str] = TEXTS) -> list[dict[str, Any]]:
    encoding = tokenizer(texts)
    return [{key: encoding[key][row] for key in encoding} for row in range(len(texts))]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("multiple", [None, 8])
def test_everything_but_the_masks_is_as_transformers_has_it(
    tokenizer: fb.BertTokenizer, side: str, multiple: int | None
) -> None:
    ours = tokenizer.replace(padding_side=side)
    theirs = transformers.DataCollatorForLanguageModeling(ours.as_transformers(), pad_to_multiple_of=multiple)
    rows = rows_of(tokenizer)
    for row, label in zip(rows, (0, 1, 1, 0, 1), strict=True):
        row["next_sentence_label"] = label
    expected = theirs([dict(row) for row in rows])
    batch = fb.DataCollatorForLanguageModeling(ours, pad_to_multiple_of=multiple)(rows)
    assert set(batch) == set(expected)
    for key in ("attention_mask", "token_type_ids", "next_sentence_label"):
        assert batch[key].dtype == expected[key].dtype
        assert torch.equal(batch[key], expected[key])
    for made in (batch, expected):  # before masking, they are the same
        made["input_ids"] = torch.where(made["labels"] == -100, made["input_ids"], made["labels"])
    assert torch.equal(batch["input_ids"], expected["input_ids"])


def test_causal_labels_are_those_of_transformers(tokenizer: fb.BertTokenizer) -> None:
    expected = transformers.DataCollatorForLanguageModeling(tokenizer.as_transformers(), mlm=False)(rows_of(tokenizer))
    batch = fb.DataCollatorForLanguageModeling(tokenizer, mlm=False)(rows_of(tokenizer))
    for key in expected:
        assert torch.equal(batch[key], expected[key]), key


def test_an_encoding_gives_the_same_as_its_rows(tokenizer: fb.BertTokenizer) -> None:
    for options in ({}, {"whole_word_mask": True}, {"exact": True}, {"max_span_length": 3}):
        collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=3, mlm_probability=0.4, **options)
        of_rows, of_encoding = collator(rows_of(tokenizer)), collator(tokenizer(TEXTS))
        for key in of_rows:
            assert torch.equal(of_rows[key], of_encoding[key]), key


def test_a_tokenizer_of_transformers_gives_the_same(tokenizer: fb.BertTokenizer) -> None:
    rows = rows_of(tokenizer)
    for whole_word_mask in (False, True):
        one, other = (
            fb.DataCollatorForLanguageModeling(given, seed=3, whole_word_mask=whole_word_mask)(rows)
            for given in (tokenizer, tokenizer.as_transformers())
        )
        assert torch.equal(one["input_ids"], other["input_ids"])


def test_arrays_tensors_and_tuples_are_rows_too(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=3)
    rows = rows_of(tokenizer)
    expected = collator(rows)
    for make in (
        np.array,
        torch.tensor,
        tuple,
        lambda ids: np.array(ids, np.int32),
        lambda ids: np.array(ids, np.uint16),
    ):
        batch = collator([{key: make(value) for key, value in row.items()} for row in rows])
        assert all(torch.equal(batch[key], expected[key]) for key in expected)
    assert torch.equal(collator([row["input_ids"] for row in rows])["labels"], expected["labels"])


def test_special_tokens_mask_keeps_more_tokens_from_being_selected(tokenizer: fb.BertTokenizer) -> None:
    rows = [{"input_ids": [2, 5, 6, 7, 3], "special_tokens_mask": [1, 0, 1, 0, 1]}]
    labels = fb.DataCollatorForLanguageModeling(tokenizer, mlm_probability=1.0)(rows)["labels"]
    assert labels.tolist() == [[-100, 5, -100, 7, -100]]


def test_masks_may_be_bools(tokenizer: fb.BertTokenizer) -> None:
    rows: list[dict[str, Any]] = [
        {
            "input_ids": [2, 5, 6, 7, 3],
            "special_tokens_mask": [True, False, True, False, True],
            "attention_mask": [True] * 5,
        },
        {"input_ids": [2, 5, 3], "special_tokens_mask": [True, False, True], "attention_mask": [1, 1, 0]},
    ]
    batch = fb.DataCollatorForLanguageModeling(tokenizer, mlm_probability=1.0)(rows)
    assert batch["labels"].tolist() == [[-100, 5, -100, 7, -100], [-100, 5, -100, -100, -100]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]


def test_without_a_seed_masks_follow_the_generators_of_torch_and_numpy(tokenizer: fb.BertTokenizer) -> None:
    rows = rows_of(tokenizer, TEXTS * 10)
    for kind, set_seed in (("pt", torch.manual_seed), ("np", np.random.seed)):
        collator = fb.DataCollatorForLanguageModeling(tokenizer, return_tensors=kind)
        labels = []
        for seed in (1, 1, 2):
            set_seed(seed)
            labels.append(np.asarray(collator(rows)["labels"]))
        assert np.array_equal(labels[0], labels[1])
        assert not np.array_equal(labels[0], labels[2])


def test_masks_change_with_the_epoch(tokenizer: fb.BertTokenizer) -> None:
    rows = rows_of(tokenizer, TEXTS * 10)
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=1)
    first = collator(rows)["labels"]
    collator.set_epoch(1)
    assert not torch.equal(first, collator(rows)["labels"])
    assert torch.equal(first, collator([{**row, "epoch": 0} for row in rows])["labels"])


def test_sample_ids_decide_where_they_are_given(tokenizer: fb.BertTokenizer) -> None:
    rows = [{"input_ids": [2, *[5] * 30, 3]}] * 2
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=1)
    same = collator(rows)["labels"]
    assert torch.equal(same[0], same[1])  # equal content
    other = collator([{**row, "sample_id": number} for number, row in enumerate(rows)])["labels"]
    assert not torch.equal(other[0], other[1])


class Numbered(Dataset[dict[str, Any]]):
    """Rows that know their number."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> dict[str, Any]:
        ids = np.random.default_rng(index).integers(5, 50, size=20 + index % 7)
        return {"input_ids": [2, *ids.tolist(), 3], "sample_id": index}


def digests(batches: Iterator[Any]) -> set[str]:
    """One of each row, without padding."""
    found = set()
    for batch in batches:
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
            row = torch.stack([ids[mask == 1], labels[mask == 1]])
            found.add(hashlib.sha256(row.numpy().tobytes()).hexdigest())
    return found


def test_any_number_of_workers_and_any_order_of_batches_give_the_same_masks(tokenizer: fb.BertTokenizer) -> None:
    def loaded(**options: Any) -> set[str]:
        collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=7)
        return digests(iter(DataLoader(Numbered(), collate_fn=collator, **options)))

    expected = loaded(batch_size=64)
    assert len(expected) == 64
    assert expected == loaded(batch_size=5)
    assert expected == loaded(batch_size=8, shuffle=True)
    assert expected == loaded(batch_size=8, shuffle=True, num_workers=1)
    assert expected == loaded(batch_size=3, num_workers=4)


def test_workers_that_already_run_see_a_new_epoch(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=7)
    loader = DataLoader(Numbered(), 8, collate_fn=collator, num_workers=1, persistent_workers=True)
    first = digests(iter(loader))
    collator.set_epoch(1)
    second = digests(iter(loader))
    assert not first & second
    collator.set_epoch(0)
    assert digests(iter(loader)) == first


def test_a_collator_can_be_pickled(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=7, exact=True)
    collator.set_epoch(3)
    copy = pickle.loads(pickle.dumps(collator))
    assert torch.equal(copy(rows_of(tokenizer))["labels"], collator(rows_of(tokenizer))["labels"])


def test_options_may_change_between_batches(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=7)
    collator.mlm_probability = 1.0
    assert (collator([[2, 5, 6, 3]])["labels"] == torch.tensor([[-100, 5, 6, -100]])).all()


def test_the_trainer_takes_it(tokenizer: fb.BertTokenizer, tmp_path: Any) -> None:
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    trainer = transformers.Trainer(
        transformers.BertForMaskedLM(config),
        transformers.TrainingArguments(
            output_dir=str(tmp_path), max_steps=2, per_device_train_batch_size=4, report_to=[], use_cpu=True
        ),
        data_collator=fb.DataCollatorForLanguageModeling(tokenizer, seed=7),
        train_dataset=rows_of(tokenizer, TEXTS * 4),
    )
    assert trainer.train().training_loss > 0


def test_a_resumed_run_has_the_masks_of_an_unbroken_one(tokenizer: fb.BertTokenizer, tmp_path: Any) -> None:
    """The callback of docs/masking.md, from a checkpoint inside of an epoch."""
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=7, mlm_probability=0.4)
    seen: list[list[int]] = []

    def watched(rows: list[Any]) -> Any:
        batch = collator(rows)
        seen.append(batch["labels"].flatten().tolist())
        return batch

    class NewMasks(transformers.TrainerCallback):
        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            collator.set_epoch(int(state.epoch + 1e-6))

    def train(**options: Any) -> list[list[int]]:
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
        )
        trainer = transformers.Trainer(
            transformers.BertForMaskedLM(config),
            transformers.TrainingArguments(
                output_dir=str(tmp_path),
                num_train_epochs=2,
                per_device_train_batch_size=1,
                save_steps=6,
                report_to=[],
                use_cpu=True,
                disable_tqdm=True,
            ),
            data_collator=watched,
            train_dataset=rows_of(tokenizer, TEXTS * 2),
            callbacks=[NewMasks()],
        )
        seen.clear()
        trainer.train(**options)
        return list(seen)

    whole = train()
    resumed = train(resume_from_checkpoint=str(tmp_path / "checkpoint-6"))
    assert len(whole) == 20
    assert resumed[-14:] == whole[-14:]


@pytest.mark.parametrize("kind", [None, "np", "pt"])
def test_what_was_changed_in_an_encoding_is_what_is_masked(tokenizer: fb.BertTokenizer, kind: str | None) -> None:
    encoding = tokenizer(["hello", "world"], return_tensors=kind)
    encoding["input_ids"][0][1] = 7
    collator = fb.DataCollatorForLanguageModeling(tokenizer, mlm_probability=1.0)
    assert collator(encoding)["labels"][0, 1] == 7
    assert fb.mask_tokens(encoding, tokenizer, mlm_probability=1.0)[1][0][1] == 7
    encoding["input_ids"] = [[2, 5, 6, 3], [2, 3]]
    encoding["attention_mask"], encoding["token_type_ids"] = [[1] * 4, [1] * 2], [[0] * 4, [0] * 2]
    assert collator(encoding)["labels"].tolist() == [[-100, 5, 6, -100], [-100] * 4]


def test_sample_ids_and_epoch_of_an_encoding_count(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=3, mlm_probability=0.4)
    rows = [{"input_ids": [2, *[5] * 9, 3], "sample_id": number, "epoch": 4} for number in (7, 9)]
    encoding = tokenizer(["the the the the the the the the the"] * 2)
    encoding["sample_id"], encoding["epoch"] = [7, 9], [4, 4]
    assert torch.equal(collator(encoding)["labels"], collator(rows)["labels"])


def test_a_dictionary_of_lists_and_an_encoding_of_transformers_are_rows(tokenizer: fb.BertTokenizer) -> None:
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=3)
    expected = collator(rows_of(tokenizer))
    theirs = tokenizer.as_transformers()(TEXTS)
    for given in (theirs, dict(theirs)):
        assert torch.equal(collator(given)["labels"], expected["labels"])


def test_padding_does_not_change_the_sample_id(tokenizer: fb.BertTokenizer) -> None:
    ids = [2, *range(5, 40), 3]
    collator = fb.DataCollatorForLanguageModeling(tokenizer, seed=3)
    bare = collator([ids])["labels"][0].tolist()
    assert collator([[*ids, *[0] * 5]])["labels"][0].tolist() == [*bare, *[-100] * 5]
    assert collator([[*[0] * 5, *ids]])["labels"][0].tolist() == [*[-100] * 5, *bare]


def test_another_mask_token_of_a_transformers_tokenizer_is_used(tokenizer: fb.BertTokenizer) -> None:
    theirs = tokenizer.as_transformers()
    options = {"mlm_probability": 1.0, "mask_replace_prob": 1.0, "random_replace_prob": 0.0}
    assert fb.mask_tokens([[2, 8, 3]], theirs, **options)[0][0].tolist() == [2, 4, 3]
    theirs.mask_token = "mat"
    assert fb.mask_tokens([[2, 8, 3]], theirs, **options)[0][0].tolist() == [2, theirs.mask_token_id, 3]


def test_a_long_first_row_reserves_no_memory_for_the_others(tokenizer: fb.BertTokenizer) -> None:
    masked, _ = fb.mask_tokens([[8] * 200_000] + [[8]] * 200_000, tokenizer)
    assert len(masked.values) == 400_000


def test_numbers_of_numpy_are_numbers(tokenizer: fb.BertTokenizer) -> None:
    fb.DataCollatorForLanguageModeling(
        tokenizer, mlm_probability=np.float32(0.2), pad_to_multiple_of=np.int64(8), max_span_length=np.int64(3)
    )(rows_of(tokenizer))


def test_misaligned_and_strided_arrays_are_read(tokenizer: fb.BertTokenizer) -> None:
    ids = np.array([2, *range(5, 40), 3])
    misaligned = np.frombuffer(b"x" + ids.tobytes(), np.int64, offset=1)
    strided = np.repeat(ids, 2)[::2]
    expected = fb.mask_tokens([ids.tolist()], tokenizer)[1][0].tolist()
    for given in (misaligned, strided):
        assert fb.mask_tokens([given], tokenizer)[1][0].tolist() == expected
        assert fb.mask_tokens(given, tokenizer)[1].tolist() == expected
