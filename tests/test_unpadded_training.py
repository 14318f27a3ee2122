"""Training through the encoder without padding: gradients of the model's own forward, and dropout where that has it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.test_unpadded import CONFIGS, HEADS, LENGTHS, model_of, rows_of

from ferrobert.models import attention
from ferrobert.models.unpadded import Read, unpadded
from ferrobert.training.trainer import _plain


def padded_of(family: str) -> dict[str, torch.Tensor]:
    """The rows of `rows_of` as a padded batch."""
    ids, types, lengths = rows_of(family)
    at = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    batch = {"input_ids": torch.full(at.shape, CONFIGS[family]().pad_token_id), "attention_mask": at.long()}
    batch["input_ids"][at] = ids
    if types is not None:
        batch["token_type_ids"] = torch.zeros(at.shape, dtype=torch.long)
        batch["token_type_ids"][at] = types
    return batch


def loss_of(output: Any, mask: torch.Tensor) -> torch.Tensor:
    """A number that every output at a token has a part in."""
    total = torch.zeros(())
    for number, value in enumerate(output.values()):
        at_tokens = value[mask.bool()] if value.shape[:2] == mask.shape else value
        weights = torch.linspace(-1, 1, at_tokens.numel()).view(at_tokens.shape)
        total = total + (number + 1) * (weights * at_tokens.float()).mean()
    return total


def gradients(model: Any, output: Any, mask: torch.Tensor) -> dict[str, torch.Tensor]:
    """Gradients of all parameters that have one."""
    model.zero_grad()
    loss_of(output, mask).backward()
    return {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


def assert_gradients_are_equal(found: dict[str, Any], expected: dict[str, Any], close: float = 1e-5) -> None:
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        torch.testing.assert_close(
            found[name], wanted, atol=close, rtol=0, msg=lambda text, name=name: f"{name}: {text}"
        )
    assert max(wanted.abs().max() for wanted in expected.values()) > 1e-3  # they are not all nothing


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", CONFIGS)
def test_outputs_and_gradients_equal_those_of_forward(family, head):
    model = model_of(family, head)
    batch = padded_of(family)
    mask = batch["attention_mask"]
    first = head == "SequenceClassification"
    theirs = model(**batch)
    expected = gradients(model, theirs, mask)
    ours = unpadded(model).of_padded(batch, reads_first=first)
    assert ours.keys() == theirs.keys()
    for name in theirs:
        at = slice(None) if first else mask.bool()
        torch.testing.assert_close(ours[name][at], theirs[name][at], atol=1e-5, rtol=0)
        assert first or not ours[name][~mask.bool()].any()
    assert_gradients_are_equal(gradients(model, ours, mask), expected)


@pytest.mark.parametrize("learns", ["head", "first layer", "biases"])
def test_gradients_where_only_some_parameters_learn(learns):
    model = model_of("bert")
    batch = padded_of("bert")
    chosen = {
        "head": lambda name: not name.startswith("bert."),
        "first layer": lambda name: name.startswith("bert.encoder.layer.0."),
        "biases": lambda name: name.endswith("bias"),
    }[learns]
    for name, parameter in model.named_parameters():
        parameter.requires_grad = chosen(name)
    mask = batch["attention_mask"]
    expected = gradients(model, model(**batch), mask)
    assert_gradients_are_equal(gradients(model, unpadded(model).of_padded(batch, reads_first=False), mask), expected)
    assert len(expected) == sum(chosen(name) for name, _ in model.named_parameters())


@pytest.mark.parametrize("target", [["query", "value"], ["query", "key", "value", "dense"]])
def test_lora_gives_the_gradients_of_forward(target):
    peft = pytest.importorskip("peft")
    model = peft.get_peft_model(
        model_of("bert"), peft.LoraConfig(task_type="TOKEN_CLS", target_modules=target, init_lora_weights=False)
    )
    batch = padded_of("bert")
    mask = batch["attention_mask"]
    for mode in (model.eval(), model.train()):
        for part in mode.modules():  # no dropout, in training too
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        expected = gradients(model, model(**batch), mask)
        found = gradients(model, unpadded(_plain(model)).of_padded(batch, reads_first=False), mask)
        assert_gradients_are_equal(found, expected)
        assert any("lora_A" in name for name in expected)


def test_under_autocast_gradients_are_as_near_as_those_of_forward():
    model = model_of("bert")
    batch = padded_of("bert")
    mask = batch["attention_mask"]
    exact = gradients(model, model(**batch), mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        theirs = gradients(model, model(**batch), mask)
        output = unpadded(model).of_padded(batch, reads_first=False)
        ours = gradients(model, output, mask)
    assert output.logits.dtype == torch.bfloat16

    def distance(found: dict[str, torch.Tensor]) -> float:
        return sum(float((found[name] - exact[name]).norm()) for name in exact)

    assert 0 < distance(ours) < 1.25 * distance(theirs)


@pytest.mark.parametrize(
    ("family", "dtype"),
    [*((family, torch.float32) for family in ("bert", "distilbert", "albert")), ("bert", torch.bfloat16)],
)
def test_dropout_has_the_mean_and_spread_of_forward(family, dtype):
    """Each of the model's kinds of dropout alone: mean and standard deviation of the logits over many draws."""
    torch.manual_seed(0)
    batch = {name: one[:3, :9] for name, one in padded_of(family).items()}
    model = model_of(family, "SequenceClassification").to(dtype)
    kinds: dict[str, list[Any]] = {}
    for name, part in model.named_modules():
        if isinstance(part, torch.nn.Dropout):
            kinds.setdefault(".".join(name.split(".")[-2:]), []).append(part)
    model.train()
    for chosen in kinds:
        for kind, parts in kinds.items():
            for part in parts:
                part.p = 0.2 if kind == chosen else 0.0
        with torch.no_grad():
            theirs = torch.stack([model(**batch).logits.double() for _ in range(150)])
            alone = unpadded(model)
            ours = torch.stack([alone.of_padded(batch, reads_first=True).logits.double() for _ in range(150)])
        error = theirs.std(dim=0) / 150**0.5
        rounding = 1e-5 if dtype == torch.float32 else 0.03
        assert ((ours.mean(dim=0) - theirs.mean(dim=0)).abs() <= 6 * error + rounding).all(), chosen
        spread = ours.std(dim=0) / theirs.std(dim=0).clamp(min=1e-9)
        if theirs.std() > 1e-6 and (theirs.std(dim=0) > 1e-3).all():
            assert (spread > 0.65).all(), chosen
            assert (spread < 1.54).all(), chosen
        else:
            assert (ours.std(dim=0) < 1e-3).all()


def test_dropout_follows_the_modules_that_train():
    model = model_of("bert", "SequenceClassification").train()
    rows = rows_of("bert")
    with torch.no_grad():
        assert not torch.equal(*(unpadded(model)(*rows, Read.FIRST).logits for _ in range(2)))
        model.bert.eval()
        model.dropout.eval()
        torch.testing.assert_close(*(unpadded(model)(*rows, Read.FIRST).logits for _ in range(2)))


def test_attention_in_parts_has_the_same_gradients(monkeypatch):
    model = model_of("bert").to(torch.bfloat16)
    rows = rows_of("bert")
    whole = gradients(model, {"logits": unpadded(model)(*rows).logits}, torch.ones(1, sum(LENGTHS)))
    monkeypatch.setattr(attention, "SCORES", 600)
    parts = gradients(model, {"logits": unpadded(model)(*rows).logits}, torch.ones(1, sum(LENGTHS)))
    assert_gradients_are_equal(parts, whole)
