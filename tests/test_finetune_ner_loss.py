"""The loss of tokens: weighted, accumulated, of validation."""

import pytest
import torch
import transformers
from tests.finetune_cases import report_of, weights_of
from tests.finetune_ner_cases import CHECK, NAMES, TRAIN, finetune

import ferrobert as fb


def loss_trainer(model, class_weight=None, **arguments):
    from ferrobert.training.trainer import TokenClassifierTrainer

    made = transformers.TrainingArguments(output_dir="unused", use_cpu=True, report_to="none", **arguments)
    return TokenClassifierTrainer(model=model, args=made, class_weight=class_weight)


class Fixed(torch.nn.Module):
    """Logits that depend on the ids alone."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(10, 3)

    def forward(self, input_ids):
        return transformers.modeling_outputs.TokenClassifierOutput(logits=self.table(input_ids))


@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 2.0, 3.0])], ids=["plain", "weighted"])
def test_the_loss_of_accumulated_batches_is_the_mean_over_all_their_labelled_tokens(weight):
    torch.manual_seed(0)
    model = Fixed()
    trainer = loss_trainer(model, weight)
    ids = torch.randint(0, 10, (4, 6))
    labels = torch.randint(0, 3, (4, 6))
    labels[0, 1:] = -100
    labels[3, 4:] = -100
    batches = [{"input_ids": ids[part], "labels": labels[part]} for part in (slice(0, 1), slice(1, 4))]
    count = trainer._get_num_items_in_batch(batches, torch.device("cpu"))
    parts = sum(trainer.compute_loss(model, batch, num_items_in_batch=count) for batch in batches)
    whole = torch.nn.functional.cross_entropy(model.table(ids).flatten(0, 1), labels.flatten(), weight=weight)
    assert parts.item() == pytest.approx(whole.item(), rel=1e-6)


def test_one_batch_has_the_loss_of_the_model_itself(tiny_encoder):
    from ferrobert.models.checkpoint import load_token_classifier

    model = load_token_classifier(tiny_encoder, labels=NAMES).model
    ids = torch.tensor([[2, 10, 11, 12, 3], [2, 14, 3, 0, 0]])
    labels = torch.tensor([[-100, 0, 1, -100, -100], [-100, 3, -100, -100, -100]])
    trainer = loss_trainer(model)
    batch = {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}
    count = trainer._get_num_items_in_batch([batch], torch.device("cpu"))
    ours = trainer.compute_loss(model, batch, num_items_in_batch=count)
    assert ours.item() == pytest.approx(model(**batch).loss.item(), rel=1e-6)


def test_accumulated_batches_train_as_one_large_batch_does(tiny_encoder, tmp_path):
    settings = {"checkpoints": False}
    from ferrobert.models.checkpoint import load_token_classifier

    folder = tmp_path / "plain"
    model = load_token_classifier(tiny_encoder, labels=NAMES).model
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
    model.save_pretrained(folder)
    fb.AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder)
    finetune(folder, output_dir=tmp_path / "one", batch_size=8, **settings)
    finetune(folder, output_dir=tmp_path / "two", batch_size=4, gradient_accumulation_steps=2, **settings)
    one, two = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    # AdamW's first steps magnify what the order of additions leaves of gradients near 0.
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-4
    assert report_of(tmp_path / "one")["history"][0]["loss"] == pytest.approx(
        report_of(tmp_path / "two")["history"][0]["loss"], abs=1e-5
    )


def test_the_validation_loss_is_the_mean_over_labelled_tokens(tiny_encoder, tmp_path):
    check = [*CHECK[:1], (["film"] * 9, ["O"] * 9)]
    weights = {"O": 0.5, "B-LOC": 1.0, "I-LOC": 1.0, "B-PER": 2.0, "I-PER": 1.0}
    pipe = finetune(tiny_encoder, TRAIN, check, output_dir=tmp_path, class_weight=weights)
    total = weight = 0.0
    for words, tags in check:
        encoding = pipe.tokenizer([words], is_split_into_words=True, return_tensors="pt")
        labels = torch.from_numpy(fb.align_labels(encoding, [tags], label2id=NAMES).values)
        logits = pipe.model(**encoding).logits[0]
        of_label = torch.tensor([weights[name] for name in NAMES])
        total += torch.nn.functional.cross_entropy(logits, labels, weight=of_label, reduction="sum").item()
        weight += of_label[labels[labels >= 0]].sum().item()
    assert report_of(tmp_path)["history"][-1]["validation_loss"] == pytest.approx(total / weight, rel=1e-4)
