"""The encoder without padding: equal to the model's own forward, which takes over where it does not know the model."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import ferrobert as fb
from ferrobert.models import attention, products
from ferrobert.models import unpadded as module
from ferrobert.models.unpadded import Read, unpadded

SIZES: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 24,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "num_hidden_layers": 4,
    "max_position_embeddings": 40,
}
CONFIGS = {
    "albert": lambda: transformers.AlbertConfig(**SIZES, embedding_size=8, num_hidden_groups=2, inner_group_num=2),
    "bert": lambda: transformers.BertConfig(**SIZES, hidden_act="gelu_new"),
    "camembert": lambda: transformers.CamembertConfig(**SIZES),
    "distilbert": lambda: transformers.DistilBertConfig(
        vocab_size=60, dim=24, n_heads=4, hidden_dim=40, n_layers=3, max_position_embeddings=40
    ),
    "roberta": lambda: transformers.RobertaConfig(**SIZES, pad_token_id=1),
    "xlm-roberta": lambda: transformers.XLMRobertaConfig(**SIZES),
}
HEADS = ("SequenceClassification", "TokenClassification", "QuestionAnswering", "MaskedLM")
LENGTHS = [17, 17, 9, 1, 4, 4, 4, 30]
WITH_TYPES = ("albert", "bert")


def model_of(family: str, head: str = "TokenClassification", seed: int = 0) -> Any:
    """A random model with weights that make a difference."""
    torch.manual_seed(seed)
    model = getattr(transformers, f"AutoModelFor{head}").from_config(CONFIGS[family]()).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model


def rows_of(family: str, lengths: list[int] = LENGTHS) -> tuple[Any, Any, list[int]]:
    """Ids with a padding token among them, segment ids where the family has them, and lengths."""
    torch.manual_seed(1)
    ids = torch.randint(3, 60, (sum(lengths),))
    if len(ids) > 5:
        ids[3] = ids[4] = CONFIGS[family]().pad_token_id
    types = torch.arange(len(ids)) % 2 if family in WITH_TYPES else None
    return ids, types, lengths


def one_by_one(model: Any, ids: Any, types: Any, lengths: list[int]) -> list[Any]:
    """What the model's own forward gives for each row alone, where nothing is padded."""
    outputs = []
    for start, end in pairwise(accumulate(lengths, initial=0)):
        inputs = {"input_ids": ids[None, start:end]}
        if types is not None:
            inputs["token_type_ids"] = types[None, start:end]
        with torch.inference_mode():
            outputs.append(model(**inputs, attention_mask=torch.ones(1, end - start)))
    return outputs


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", CONFIGS)
def test_outputs_equal_those_of_each_row_alone(family, head):
    model = model_of(family, head)
    rows = rows_of(family)
    alone = unpadded(model)
    read = Read.FIRST if head == "SequenceClassification" else Read.ALL
    with torch.inference_mode():
        found = alone(*rows, read)
    expected = one_by_one(model, *rows)
    assert found.keys() == expected[0].keys()
    for name in found:
        wanted = torch.cat([one[name] for one in expected], dim=0 if read is Read.FIRST else 1)
        assert found[name].shape == wanted.shape
        torch.testing.assert_close(found[name], wanted, atol=1e-5, rtol=0)
        assert wanted.std() > 0.02  # they are not all alike


@pytest.mark.parametrize("family", CONFIGS)
def test_positions_are_those_of_all_hidden_states(family):
    alone = unpadded(model_of(family))
    rows = rows_of(family)
    read = torch.tensor([40, 0, 25, 26, 26, sum(LENGTHS) - 1])
    with torch.inference_mode():
        torch.testing.assert_close(alone.hidden(*rows, read), alone.hidden(*rows)[read], atol=1e-5, rtol=0)
        firsts = torch.tensor(list(accumulate(LENGTHS, initial=0))[:-1])
        torch.testing.assert_close(alone.hidden(*rows, Read.FIRST), alone.hidden(*rows)[firsts], atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["bert", "roberta", "albert"])
def test_next_sentence_and_other_heads_that_read_the_pooler(family):
    model = transformers.AutoModelForPreTraining.from_config(CONFIGS[family]()).eval()
    if family == "bert":
        model = transformers.BertForNextSentencePrediction(CONFIGS[family]()).eval()
    ids, types, lengths = rows_of(family)
    alone = unpadded(model)
    with torch.inference_mode():
        found = alone(ids, types, lengths, Read.FIRST)
    expected = one_by_one(model, ids, types, lengths)
    name = next(name for name in found if name in ("logits", "sop_logits"))
    wanted = torch.cat([one[name][:, :1] if family == "roberta" else one[name] for one in expected])
    torch.testing.assert_close(found[name], wanted, atol=1e-5, rtol=0)


def test_a_model_without_a_head_gives_its_hidden_states_and_pooler():
    model = transformers.BertModel(CONFIGS["bert"]()).eval()
    rows = rows_of("bert")
    with torch.inference_mode():
        found = unpadded(model)(*rows, Read.FIRST)
    expected = one_by_one(model, *rows)
    wanted = torch.cat([one.pooler_output for one in expected])
    torch.testing.assert_close(found.pooler_output, wanted, atol=1e-5, rtol=0)


def test_rows_without_tokens_are_left_out():
    alone = unpadded(model_of("bert"))
    ids, types, _ = rows_of("bert", [5, 3])
    with torch.inference_mode():
        torch.testing.assert_close(alone.hidden(ids, types, [0, 5, 0, 0, 3, 0]), alone.hidden(ids, types, [5, 3]))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("family", ["bert", "albert", "distilbert", "roberta"])
def test_other_precisions(family, dtype, monkeypatch):
    monkeypatch.setattr(attention, "SCORES", 600)  # attention in several parts
    model = model_of(family)
    rows = rows_of(family)
    exact = torch.cat([one.logits for one in one_by_one(model, *rows)], dim=1)
    model = model.to(getattr(torch, dtype))
    with torch.inference_mode():
        found = unpadded(model)(*rows).logits
    assert found.dtype == getattr(torch, dtype)
    theirs = torch.cat([one.logits for one in one_by_one(model, *rows)], dim=1)
    # As near to float32 as the model's own forward in that precision.
    assert (found - exact).abs().mean() < 1.25 * (theirs - exact).abs().mean() + 1e-6


def test_bfloat16_where_onednn_has_no_instructions_for_it(monkeypatch):
    def refuse(*_):
        raise RuntimeError("could not create a primitive descriptor")

    model = model_of("bert").to(torch.bfloat16)
    rows = rows_of("bert")
    monkeypatch.setattr(products, "_onednn_has_bfloat16", lambda: False)
    monkeypatch.setattr(products, "product", refuse)
    with torch.inference_mode():
        found = unpadded(model)(*rows).logits
    theirs = torch.cat([one.logits for one in one_by_one(model, *rows)], dim=1)
    torch.testing.assert_close(found, theirs, atol=0.1, rtol=0.1)


class OnGpu:
    """torch's attention of rows of any lengths, as its documentation describes it, on the CPU."""

    def __init__(self, wrong: float = 0.0) -> None:
        self.wrong = wrong
        self.calls = 0

    def __call__(self, query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, scale):
        self.calls += 1
        assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
        assert max_q == cu_seq_q.diff().max()
        assert max_k == cu_seq_k.diff().max()
        parts = []
        for (first, last), (start, end) in zip(pairwise(cu_seq_q.tolist()), pairwise(cu_seq_k.tolist()), strict=True):
            some = (flat.transpose(0, 1) for flat in (query[first:last], key[start:end], value[start:end]))
            parts.append(torch.nn.functional.scaled_dot_product_attention(*some, scale=scale).transpose(0, 1))
        return torch.cat(parts) + self.wrong


@pytest.fixture
def on_gpu(monkeypatch):
    """Attention as on a GPU."""
    on_gpu = OnGpu()
    monkeypatch.setattr(attention, "varlen_attn", on_gpu)
    monkeypatch.setattr(
        module,
        "attention",
        lambda query, key, value, rows, heads, layer: attention.attention_on_gpu(
            query, key, value, rows, heads, layer.scaling
        ),
    )
    return on_gpu


@pytest.mark.parametrize("read", [Read.ALL, Read.FIRST, torch.tensor([40, 0, 25])])
@pytest.mark.parametrize("family", ["bert", "roberta", "albert", "distilbert"])
def test_attention_of_a_gpu_is_given_the_rows_as_they_are(family, read, on_gpu):
    model = model_of(family)
    rows = rows_of(family)
    alone = unpadded(model)
    with torch.inference_mode():
        found = alone.hidden(*rows, read)
        calls = on_gpu.calls
        states = [one.last_hidden_state[0] for one in one_by_one(model.base_model, *rows)]
    assert calls == len(alone.layers)
    wanted = torch.cat([one[:1] for one in states] if read is Read.FIRST else states)
    torch.testing.assert_close(found, wanted if isinstance(read, Read) else wanted[read], atol=1e-5, rtol=0)


class Elsewhere:
    """A model that says that it is on a GPU."""

    def __init__(self, model, dtype=torch.bfloat16, device="cuda"):
        self.device = torch.device(device)
        self.dtype = dtype
        self.training = model.training


def test_a_model_on_a_gpu_runs_without_padding_in_half_precision_where_it_does_not_learn(monkeypatch):
    model = model_of("bert")
    monkeypatch.setattr(attention, "varlen_attn", OnGpu())
    assert module._device_obstacle(Elsewhere(model)) is None
    assert module._device_obstacle(Elsewhere(model, torch.float16)) is None
    assert module._device_obstacle(Elsewhere(model, torch.float32)) == "it is on a GPU in float32"
    assert module._device_obstacle(Elsewhere(model, device="mps")) == "it is on the device mps"
    assert module._device_obstacle(Elsewhere(model.train())) == "it trains on a GPU"
    monkeypatch.setattr(attention, "varlen_attn", None)
    assert "torch 2.10 has" in module._device_obstacle(Elsewhere(model))


def test_a_model_on_a_gpu_is_compared_with_its_own_forward(on_gpu, monkeypatch):
    found = unpadded(model_of("bert"))
    assert module._disagreement(found) is None
    assert on_gpu.calls == len(found.layers)
    on_gpu.wrong = 3.0
    assert "it gives other hidden states on this GPU, by" in module._disagreement(found)
    monkeypatch.setattr(attention, "varlen_attn", lambda *args, **more: torch.ones(2) @ torch.ones(3))
    assert "attention without padding fails on this GPU: " in module._disagreement(found)


def test_a_class_whose_forward_was_replaced_goes_through_forward(monkeypatch):
    def forward(self, hidden_states, *args, **options):
        return hidden_states * 3, None

    model = model_of("bert")
    assert unpadded(model) is not None
    monkeypatch.setattr(transformers.models.bert.modeling_bert.BertSelfAttention, "forward", forward)
    assert unpadded(model) is None
    assert "has a forward that is not transformers' own" in module.obstacle(model)


def test_changed_weights_are_seen():
    model = model_of("bert")
    rows = rows_of("bert")
    alone = unpadded(model)
    with torch.inference_mode():
        before = alone(*rows).logits
        model.bert.encoder.layer[1].attention.self.query.weight.mul_(2)
        assert not torch.allclose(alone(*rows).logits, before)


def test_a_changed_scaling_of_attention_is_seen():
    model = model_of("bert")
    rows = rows_of("bert")
    model.bert.encoder.layer[0].attention.self.scaling *= 3
    expected = torch.cat([one.logits for one in one_by_one(model, *rows)], dim=1)
    for dtype, close in ((torch.float32, 1e-5), (torch.bfloat16, 0.3)):
        with torch.inference_mode():
            found = unpadded(model.to(dtype))(*rows).logits
        torch.testing.assert_close(found.float(), expected, atol=close, rtol=0)


def test_hooks_for_all_modules_go_through_forward():
    model = model_of("bert")
    hook = torch.nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert unpadded(model) is None
    finally:
        hook.remove()
    assert unpadded(model) is not None


def test_the_model_stays_as_it_is():
    model = model_of("bert")
    before = {name: id(part) for name, part in model.named_modules()}
    with torch.inference_mode():
        unpadded(model)(*rows_of("bert"))
    assert {name: id(part) for name, part in model.named_modules()} == before
    assert sum(1 for _ in model.parameters()) == len(model.state_dict())


class OwnBert(transformers.BertForTokenClassification):
    """A class of one's own, whose forward may do anything."""


def _hooked(model: Any) -> Any:
    model.bert.encoder.layer[2].output.register_forward_hook(lambda *_: None)
    return model


def _with_setting(name: str) -> Any:
    model = model_of("bert")
    model.set_attn_implementation("eager")  # the one that gives attentions
    setattr(model.config, name, True)
    return model


def _compiled() -> Any:
    model = model_of("bert")
    model.compile(backend="eager")
    return model


def _with_attention_of_its_own() -> Any:
    model = model_of("bert")
    transformers.AttentionInterface.register("own_attention", lambda *_, **__: None)
    model.set_attn_implementation("own_attention")
    return model


def _without_layers() -> Any:
    return transformers.BertForTokenClassification(transformers.BertConfig(**{**SIZES, "num_hidden_layers": 0})).eval()


def _checkpointing() -> Any:
    model = model_of("bert").train()
    model.gradient_checkpointing_enable()
    return model


def _with_adapter() -> Any:
    model = model_of("bert")
    model.bert.encoder.layer[1].attention.self.query = torch.nn.Bilinear(24, 24, 24)
    return model


def _with_own_norm() -> Any:
    model = model_of("bert")
    model.bert.encoder.layer[1].output.LayerNorm = torch.nn.RMSNorm(24)
    return model


class OwnAttention(torch.nn.Module):
    """Attention of one's own that has the parts of BERT's."""

    def __init__(self, other: Any) -> None:
        super().__init__()
        self.query, self.key, self.value = other.query, other.key, other.value


def _with_own_attention() -> Any:
    model = model_of("bert")
    model.bert.encoder.layer[1].attention.self = OwnAttention(model.bert.encoder.layer[1].attention.self)
    return model


class Quantised(torch.Tensor):
    """Weights as torchao has them, in a layer that stays torch's own."""


def _with_quantised_weights() -> Any:
    model = model_of("bert")
    linear = model.bert.encoder.layer[1].intermediate.dense
    linear.weight = torch.nn.Parameter(linear.weight.detach().as_subclass(Quantised))
    return model


def _with_forward() -> Any:
    model = model_of("bert")
    model.forward = lambda *_, **__: None
    return model


OTHERS = {
    "is not one of": lambda: transformers.ElectraForTokenClassification(transformers.ElectraConfig(**SIZES)).eval(),
    "OwnBert is not transformers' own": lambda: OwnBert(CONFIGS["bert"]()).eval(),
    "BertForTokenClassification is not": _with_forward,
    "self is not transformers' own": _with_own_attention,
    "class is not transformers' own": lambda: type("Wrapped", (), {"config": CONFIGS["bert"]()})(),
    "anew for the gradients": _checkpointing,
    "on the device meta": lambda: model_of("bert").to("meta"),
    "is a decoder": lambda: _with_setting("is_decoder"),
    "asks for attentions": lambda: _with_setting("output_attentions"),
    "asks for attentions or hidden": lambda: _with_setting("output_hidden_states"),
    "bert.encoder.layer.2.output has a hook": lambda: _hooked(model_of("bert")),
    "a linear layer has been replaced": _with_adapter,
    "a normalisation has been replaced": _with_own_norm,
    "the weights of a linear layer have been replaced": _with_quantised_weights,
    "is compiled": _compiled,
    "its attention is own_attention": _with_attention_of_its_own,
    "it has no layers": _without_layers,
    "its family (None)": lambda: torch.nn.Linear(2, 2),
}


@pytest.mark.parametrize("reason", OTHERS)
def test_what_it_does_not_know_goes_through_forward_and_is_logged_once(reason, caplog, monkeypatch):
    monkeypatch.setattr(module, "_told", set())
    model = OTHERS[reason]()
    with caplog.at_level(logging.INFO, logger="ferrobert"):
        assert unpadded(model) is None
        assert unpadded(model) is None
    [message] = [record.getMessage() for record in caplog.records]
    assert reason in message
    assert "runs padded" in message


def test_pipelines_give_the_same_with_and_without_padding(monkeypatch):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(ord("a") + place) for place in range(26))]
    tokenizer = fb.BertTokenizer({word: id for id, word in enumerate(words)})
    texts = [" ".join("abcdefghij"[: 1 + row % 9]) for row in range(40)]
    calls = {
        "text-classification": lambda pipe: pipe(texts, top_k=None),
        "token-classification": lambda pipe: pipe(texts),
        "question-answering": lambda pipe: pipe(question=texts, context=texts[::-1]),
        "fill-mask": lambda pipe: pipe([f"{text} [MASK] [MASK]" for text in texts]),
    }
    heads = dict(
        zip(calls, ("SequenceClassification", "TokenClassification", "QuestionAnswering", "MaskedLM"), strict=True)
    )
    for task, call in calls.items():
        pipe = fb.pipeline(task, model_of("bert", heads[task]), tokenizer, device="cpu", batch_tokens=64)
        ours = call(pipe)
        with monkeypatch.context() as patch:
            patch.setattr("ferrobert.pipelines.forward.unpadded", lambda model: None)
            padded = call(pipe)
        assert rounded(ours) == rounded(padded)


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-5)
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else value


def test_without_onednn_the_products_are_torch_own(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    model = model_of("bert")
    rows = rows_of("bert")
    with torch.inference_mode():
        found = unpadded(model)(*rows).logits
    expected = torch.cat([one.logits for one in one_by_one(model, *rows)], dim=1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


GROWTH = """
from pathlib import Path
import torch
from ferrobert.models.products import product

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

weight = torch.randn(64, 32)
held = []
for tokens in range(1000, 1400):
    torch.nn.functional.gelu(product(torch.randn(tokens, 32), weight))
    held.append(resident())
print(held[-1] - held[99])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN")
def test_batches_of_many_sizes_run_in_flat_memory() -> None:
    names = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run([sys.executable, "-c", GROWTH], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000_000  # 300 MB where all are kept
