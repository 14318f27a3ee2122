"""Encoders without padding: all tokens of a batch in one matrix, attention within each row.

A padded batch computes as many slots as its longest row has, for each of its rows. Here the matrix of a batch holds its
tokens and nothing else: linear layers, normalisation and activation act on each token alone, and attention is made for
the rows of each length together, on a GPU for all rows at once. The weights, embeddings and heads are those of the
model, at the time of the call; what is written anew is the way through the layers. The last layer computes only the
positions that are read.

    ids (tokens,) -> embeddings (tokens, hidden) -> layers -> hidden states (positions read, hidden) -> the model's head

It serves training as it serves inference: dropout is where the model has it, gradients are those of its own forward.
Families: BERT, RoBERTa (XLM-RoBERTa, CamemBERT), DistilBERT, ALBERT, with LoRA adapters or without. `unpadded` gives
``None`` for anything else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate, groupby
from operator import attrgetter
from typing import Any, NamedTuple
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.nn.modules import module as torch_module

from ferrobert.models.checkpoint import position_limit

varlen_attn: Any = None
with suppress(ImportError):
    from torch.nn.attention import varlen

    varlen_attn = varlen.varlen_attn

__all__ = ["FAMILIES", "Family", "Read", "UnpaddedModel", "changed_forward", "flat_rows", "obstacle", "unpadded"]

logger = logging.getLogger(__name__)
_told: set[str] = set()

# Where the classes of a model's modules come from: transformers' own, with peft's LoRA in it.
LORA = "peft.tuners.lora."
OWN = ("torch.nn.", "transformers.", LORA, "peft.utils.other")
# What torch's attention of rows of any lengths takes on a GPU.
HALF = (torch.bfloat16, torch.float16)
# Tokens of the rows that are compared there, and the share of hidden states by which half precision does not differ.
COMPARED = (2, 7, 7, 19, 43)
DISAGREES = 0.1
_agreed: WeakSet[nn.Module] = WeakSet()
# torch and oneDNN each keep the last 1,024 products and activations that were compiled, one for every number of tokens
# that a batch has had: 700 MB in a long stream. The layers of a batch use theirs at once, other batches hardly ever.
# Both are read when the first one is compiled.
for _cache in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
    os.environ.setdefault(_cache, "64")
# Scores of attention held at once in bfloat16: 2 MB, which the cache of a core holds.
SCORES = 1 << 20


class Read(Enum):
    """Which hidden states are read, where it is not a list of positions."""

    ALL = "all"
    FIRST = "first"


class Run(NamedTuple):
    """Rows of one length that follow each other."""

    start: int  # of its first token
    rows: int
    length: int


class Rows(NamedTuple):
    """Where the rows of a batch are in its tokens."""

    starts: Tensor  # of each row that has tokens, int64, (rows,)
    splits: Tensor  # the same and the end, int32, (rows + 1,)
    longest: int
    runs: list[Run]


@dataclass(frozen=True, slots=True)
class Layer:
    """The modules of a layer, by what they do. ``norm(x + dropout(part(x)))`` is the form of both its parts."""

    query: nn.Module
    key: nn.Module
    value: nn.Module
    output: nn.Module
    output_dropout: Callable[[Tensor], Tensor]
    attention_norm: nn.LayerNorm
    up: nn.Module
    activation: Callable[[Tensor], Tensor]
    down: nn.Module
    dropout: Callable[[Tensor], Tensor]
    norm: nn.LayerNorm
    attention_dropout: float  # share of attention that is dropped
    scaling: float  # of the products of queries and keys

    @property
    def linears(self) -> tuple[nn.Module, ...]:
        return self.query, self.key, self.value, self.output, self.up, self.down


def bert_layers(base: Any) -> Iterator[Layer]:
    for layer in base.encoder.layer:
        mixed, taken, grown, shrunk = layer.attention.self, layer.attention.output, layer.intermediate, layer.output
        yield Layer(
            *(mixed.query, mixed.key, mixed.value, taken.dense, taken.dropout, taken.LayerNorm),
            *(grown.dense, grown.intermediate_act_fn, shrunk.dense, shrunk.dropout, shrunk.LayerNorm),
            *(_share(mixed, mixed.dropout), mixed.scaling),
        )


def distilbert_layers(base: Any) -> Iterator[Layer]:
    for layer in base.transformer.layer:
        mixed, ffn = layer.attention, layer.ffn
        yield Layer(
            *(mixed.q_lin, mixed.k_lin, mixed.v_lin, mixed.out_lin, _kept, layer.sa_layer_norm),
            *(ffn.lin1, ffn.activation, ffn.lin2, ffn.dropout, layer.output_layer_norm),
            *(_share(mixed, mixed.dropout), mixed.scaling),
        )


def albert_layers(base: Any) -> Iterator[Layer]:
    config, groups = base.config, base.encoder.albert_layer_groups
    for number in range(config.num_hidden_layers):
        for layer in groups[int(number / (config.num_hidden_layers / config.num_hidden_groups))].albert_layers:
            mixed = layer.attention
            yield Layer(
                *(mixed.query, mixed.key, mixed.value, mixed.dense, mixed.output_dropout, mixed.LayerNorm),
                *(layer.ffn, layer.activation, layer.ffn_output, _kept, layer.full_layer_layer_norm),
                *(_share(mixed, mixed.attention_dropout), mixed.scaling),
            )


def _share(attention: Any, dropout: Any) -> float:
    """Share of attention that is dropped: as in transformers the attention, not its dropout, says whether it trains."""
    return float(dropout.p) if attention.training else 0.0


def _kept(x: Tensor) -> Tensor:
    """No dropout."""
    return x


class Family(NamedTuple):
    """How the encoders of a family are read."""

    base: str  # name of the encoder's class
    layers: Callable[[Any], Iterator[Layer]]
    heads: str = "num_attention_heads"  # in the config
    takes_types: bool = True
    counts_from_padding: bool = False  # positions begin behind that of the padding
    mapping: Callable[[Any], nn.Module] | None = None  # from the size of the embeddings to that of the hidden states


FAMILIES = {
    "albert": Family("AlbertModel", albert_layers, mapping=attrgetter("encoder.embedding_hidden_mapping_in")),
    "bert": Family("BertModel", bert_layers),
    "camembert": Family("CamembertModel", bert_layers, counts_from_padding=True),
    "distilbert": Family("DistilBertModel", distilbert_layers, heads="n_heads", takes_types=False),
    "roberta": Family("RobertaModel", bert_layers, counts_from_padding=True),
    "xlm-roberta": Family("XLMRobertaModel", bert_layers, counts_from_padding=True),
}


def unpadded(model: Any) -> UnpaddedModel | None:
    """The model without padding; ``None`` where only its own ``forward`` knows what to do.

    That is for other families, classes that are not transformers' own, replaced parts (adapters other than LoRA,
    quantised layers), hooks, outputs that are asked for in the config; on a GPU also for float32 and for training.
    Which of these it is, is logged once, at level INFO. On a GPU a model is compared with its own forward when it is
    first seen.
    """
    reason = _obstacle(model)
    if reason is None:
        found = UnpaddedModel(model)
        reason = _replaced(found)
        if reason is None and model.device.type != "cpu" and model not in _agreed:
            reason = _disagreement(found)
            if reason is None:
                _agreed.add(model)
        if reason is None:
            return found
    if reason not in _told:
        _told.add(reason)
        logger.info("%s runs padded, by its own forward: %s", type(model).__name__, reason)
    return None


def obstacle(model: Any) -> str | None:
    """Why a model cannot run without padding, or ``None``."""
    return _obstacle(model) or _replaced(UnpaddedModel(model))


def _obstacle(model: Any) -> str | None:
    """What is about the model, its class and its modules that only its own forward knows, or ``None``."""
    from transformers import PreTrainedModel

    config = getattr(model, "config", None)
    family = FAMILIES.get(getattr(config, "model_type", ""))
    if config is None or family is None:
        return f"its family ({getattr(config, 'model_type', None)}) is not one of {', '.join(FAMILIES)}"
    if not isinstance(model, PreTrainedModel) or type(model.base_model).__name__ != family.base:
        return "its class is not transformers' own"
    if model.device.type != "cpu":
        reason = _device_obstacle(model)
        if reason is not None:
            return reason
    if getattr(config, "is_decoder", False) or getattr(config, "add_cross_attention", False):
        return "it is a decoder"
    if config.output_attentions or config.output_hidden_states:
        return "its config asks for attentions or hidden states"
    if getattr(config, "position_embedding_type", "absolute") != "absolute":
        return "its positions are not absolute"
    if getattr(config, "_attn_implementation", None) not in ("eager", "sdpa", None):
        return f"its attention is {config._attn_implementation}"
    if torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks:
        return "torch has a hook for all modules"
    for name, module in model.named_modules():
        what = name or type(module).__name__
        reason = changed_forward(module)
        if reason is not None:
            return f"{what} {reason}"
        if module.training and getattr(module, "gradient_checkpointing", False):
            return f"{what} computes its activations anew for the gradients"
    return None


def changed_forward(module: nn.Module) -> str | None:
    """How a call of a module does something else than transformers' own code, or ``None``."""
    if not type(module).__module__.startswith(OWN) or "forward" in vars(module):
        return "is not transformers' own"
    if not (getattr(type(module).forward, "__module__", None) or "").startswith(OWN):
        return "has a forward that is not transformers' own"
    if module._compiled_call_impl is not None:
        return "is compiled"
    if module._forward_hooks or module._forward_pre_hooks or "_hf_hook" in vars(module):
        return "has a hook"
    return None


def _device_obstacle(model: Any) -> str | None:
    """Why a model that is not on the CPU cannot run without padding, or ``None``: where torch's attention can not."""
    if model.device.type != "cuda":
        return f"it is on the device {model.device.type}"
    if varlen_attn is None:
        return "this torch has no attention for rows of any lengths on a GPU (torch 2.10 has)"
    if model.dtype not in HALF:
        return f"it is on a GPU in {str(model.dtype).removeprefix('torch.')}"
    if model.training:
        return "it trains on a GPU"
    return None


def _disagreement(found: UnpaddedModel) -> str | None:
    """How hidden states differ from those of the model's own forward on a few rows, or ``None``."""
    model = found.model
    lengths = [min(length, position_limit(model) or length) for length in COMPARED]
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids = torch.randint(model.config.vocab_size, mask.shape, generator=torch.Generator().manual_seed(0))
    ids, mask = ids.masked_fill(~mask, 0).to(model.device), mask.to(model.device)
    try:
        with torch.inference_mode():
            wanted = model.base_model(input_ids=ids, attention_mask=mask.long()).last_hidden_state[mask].float()
            difference = found.hidden(ids[mask], None, lengths).float() - wanted
    except (RuntimeError, ValueError, NotImplementedError) as error:
        return f"attention without padding fails on this GPU: {' '.join(str(error).split())[:200]}"
    share = float(difference.norm() / wanted.norm())
    return None if share < DISAGREES else f"without padding it gives other hidden states on this GPU, by {share:.1%}"


def _replaced(found: UnpaddedModel) -> str | None:
    """Which parts of the layers are others than the way through them knows, or ``None``."""
    if not found.layers:
        return "it has no layers"
    linears = [linear for layer in found.layers for linear in layer.linears]
    if found.family.mapping is not None:
        linears.append(found.family.mapping(found.model.base_model))
    if any(type(one) is not nn.Linear and not type(one).__module__.startswith(LORA) for one in linears):
        return "a linear layer has been replaced"
    if any(type(weight) is not nn.Parameter for linear in linears for weight in linear.parameters()):
        return "the weights of a linear layer have been replaced"  # quantised by torchao
    if any(type(one) is not nn.LayerNorm for layer in found.layers for one in (layer.attention_norm, layer.norm)):
        return "a normalisation has been replaced"
    return None


class UnpaddedModel:
    """A transformers model that takes rows without padding. `unpadded` makes it; it lives as long as a call.

    Args:
        model: a model without an `obstacle`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.family = FAMILIES[model.config.model_type]
        self.layers = list(self.family.layers(model.base_model))
        self.heads: int = getattr(model.config, self.family.heads)

    def __call__(
        self, ids: Tensor, type_ids: Tensor | None, lengths: Sequence[int], read: Read | Tensor = Read.ALL
    ) -> Any:
        """Output of the model, with its head.

        Args:
            ids: token ids of all rows, one behind the other, ``(tokens,)``.
            type_ids: segment ids, ``(tokens,)``, or ``None``.
            lengths: tokens of each row. Rows of one length should follow each other: their attention is one call.
            read: which positions the head is given: all, the first of each row, or these, ``(positions,)``.

        Returns:
            What the model's ``forward`` returns: of one row with all positions, ``(1, positions, ...)``; where the
            first are read, of rows with one token each, ``(rows, 1, ...)``.
        """
        hidden = self.hidden(ids, type_ids, lengths, read)
        return self._head(inputs_embeds=hidden[:, None] if read is Read.FIRST else hidden[None], return_dict=True)

    def of_padded(self, inputs: Mapping[str, Tensor], *, reads_first: bool) -> Any:
        """Output of the model for a padded batch, as its ``forward`` gives it.

        Args:
            inputs: "input_ids" and "attention_mask", ``(rows, width)``, rows filled up on the right; "token_type_ids"
                for models that have them.
            reads_first: whether the head reads nothing but the first token of each row.

        Returns:
            Outputs ``(rows, ...)`` of the first tokens; else ``(rows, width, ...)``, 0 at the padding.
        """
        at = inputs["attention_mask"].bool()
        types = inputs.get("token_type_ids")
        columns = inputs["input_ids"][at], None if types is None else types[at], at.sum(dim=1).tolist()
        if reads_first:
            return self(*columns, Read.FIRST)
        output = self(*columns)
        for name, of_tokens in output.items():
            padded = of_tokens.new_zeros(*at.shape, *of_tokens.shape[2:])
            padded[at] = of_tokens[0]
            output[name] = padded
        return output

    def hidden(
        self, ids: Tensor, type_ids: Tensor | None, lengths: Sequence[int], read: Read | Tensor = Read.ALL
    ) -> Tensor:
        """Hidden states of the last layer at the positions read, ``(positions, hidden)``. Arguments as for a call."""
        device = self.model.device
        ids = ids.to(device)
        type_ids = None if type_ids is None else type_ids.to(device)
        read = read.to(device) if isinstance(read, Tensor) else read
        rows = flat_rows([length for length in lengths if length], device)
        hidden = self._embedded(ids, type_ids, rows)
        for layer in self.layers[:-1]:
            hidden = self._through(layer, hidden, rows, Read.ALL)
        return self._through(self.layers[-1], hidden, rows, read)

    def _embedded(self, ids: Tensor, type_ids: Tensor | None, rows: Rows) -> Tensor:
        """``(tokens, hidden)`` of ids ``(tokens,)``."""
        base = self.model.base_model
        starts = rows.starts
        lengths = rows.splits.diff()
        if self.family.counts_from_padding:
            # As in transformers: a padding token in a text has no place in the count.
            padding = base.embeddings.padding_idx
            counted = (ids != padding).long()
            seen = counted.cumsum(0)
            before = torch.where(starts > 0, seen[(starts - 1).clamp(min=0)], 0)
            places = (seen - before.repeat_interleave(lengths)) * counted + padding
        else:
            places = torch.arange(len(ids), device=ids.device) - starts.repeat_interleave(lengths)
        types = {"token_type_ids": None if type_ids is None else type_ids[None]} if self.family.takes_types else {}
        embedded: Tensor = base.embeddings(ids[None], position_ids=places[None], **types)[0]
        return embedded if self.family.mapping is None else _linear(embedded, self.family.mapping(base))

    def _through(self, layer: Layer, hidden: Tensor, rows: Rows, read: Read | Tensor) -> Tensor:
        """One layer: ``(tokens, hidden)`` to ``(positions read, hidden)``."""
        asking = hidden
        if read is Read.FIRST:
            asking = hidden[rows.starts]
        query = _linear(asking, layer.query)
        key, value = _linear(hidden, layer.key), _linear(hidden, layer.value)
        mixed = _attention(query, key, value, rows, self.heads, layer)
        if isinstance(read, Tensor):
            mixed, asking = mixed[read], asking[read]
        attended: Tensor = layer.attention_norm(asking + layer.output_dropout(_linear(mixed, layer.output)))
        changed = _linear(layer.activation(_linear(attended, layer.up)), layer.down)
        found: Tensor = layer.norm(attended + layer.dropout(changed))
        return found

    @property
    def _head(self) -> Any:
        """The model with its encoder replaced by one that returns what it is given."""
        name = self.model.base_model_prefix
        if self.model.base_model is self.model:
            return _Encoded(self.model)
        head = object.__new__(type(self.model))
        head.__dict__ = {**vars(self.model), "_modules": {**self.model._modules, name: _Encoded(self.model.base_model)}}
        return head


class _Encoded(nn.Module):
    """In the place of an encoder: hidden states that are ready, with the pooler of the encoder."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self._base = [base]  # in a list, as it is not a part of this module

    def forward(self, *_args: Any, inputs_embeds: Tensor, **_kwargs: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        base = self._base[0]
        pooler = getattr(base, "pooler", None)
        pooled = None
        if hasattr(base, "pooler_activation"):  # ALBERT's pooler is a linear layer
            pooled = None if pooler is None else base.pooler_activation(pooler(inputs_embeds[:, 0]))
        elif pooler is not None:
            pooled = pooler(inputs_embeds)
        return BaseModelOutputWithPooling(last_hidden_state=inputs_embeds, pooler_output=pooled)


def flat_rows(lengths: list[int], device: torch.device) -> Rows:
    """Rows of these lengths, one behind the other; each has tokens."""
    runs = []
    start = 0
    for length, of_one in groupby(lengths):
        runs.append(Run(start, sum(1 for _ in of_one), length))
        start += runs[-1].rows * length
    splits = torch.tensor([0, *accumulate(lengths)], device=device)
    return Rows(splits[:-1], splits.int(), max(lengths, default=0), runs)


def _attention(query: Tensor, key: Tensor, value: Tensor, rows: Rows, heads: int, layer: Layer) -> Tensor:
    """Each row's queries over its own keys and values: ``(queries, hidden)``, where the keys are ``(tokens, hidden)``.

    The queries are those of all tokens, or of the first of each row.
    """
    if query.device.type == "cuda":
        return _attention_on_gpu(query, key, value, rows, heads, layer.scaling)
    runs = rows.runs
    whole = len(query) == len(key)
    parts = []
    first = 0
    for run in runs:
        last = first + run.rows * (run.length if whole else 1)
        tokens = slice(run.start, run.start + run.rows * run.length)
        asked, keys, values = (
            flat.view(run.rows, -1, heads, flat.shape[1] // heads).transpose(1, 2)  # (rows, heads, length, head size)
            for flat in (query[first:last], key[tokens], value[tokens])
        )
        mixed = _attend(asked, keys, values, layer.scaling, layer.attention_dropout)
        parts.append(mixed.transpose(1, 2).reshape(last - first, -1))
        first = last
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _attention_on_gpu(query: Tensor, key: Tensor, value: Tensor, rows: Rows, heads: int, scaling: float) -> Tensor:
    """`_attention` in one call of torch's, which takes rows of any lengths; without dropout."""
    asked, keys, values = (
        flat.view(len(flat), heads, -1) for flat in (query, key, value)
    )  # (tokens, heads, head size)
    whole = len(query) == len(key)
    splits = rows.splits if whole else torch.arange(len(rows.splits), dtype=torch.int32, device=query.device)
    longest = rows.longest if whole else 1
    mixed: Tensor = varlen_attn(asked, keys, values, splits, rows.splits, longest, rows.longest, scale=scaling)
    return mixed.reshape(len(query), -1)


def _attend(query: Tensor, key: Tensor, value: Tensor, scaling: float, dropped: float) -> Tensor:
    """Attention of ``(rows, heads, length, head size)``.

    torch's own is made for float32 on the CPU; in bfloat16 its products do not use the instructions for that type, and
    those of ``matmul`` do.
    """
    if query.dtype != torch.bfloat16:
        return functional.scaled_dot_product_attention(query, key, value, dropout_p=dropped, scale=scaling)
    rows = max(1, SCORES // (query.shape[1] * query.shape[2] * key.shape[2]))
    query = query * scaling
    parts = []
    for some, keys, values in zip(*(torch.split(one, rows) for one in (query, key, value)), strict=True):
        shares = torch.softmax(torch.matmul(some, keys.transpose(-1, -2)), dim=-1)
        parts.append(torch.matmul(functional.dropout(shares, dropped, training=dropped > 0), values))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _linear(x: Tensor, layer: Any) -> Tensor:
    """``layer(x)``, by oneDNN where torch has it."""
    if type(layer) is not nn.Linear or x.device.type != "cpu":
        made: Tensor = layer(x)  # with LoRA
        return made
    learns = torch.is_grad_enabled()
    # In bfloat16 torch calls oneDNN by itself, with some work around it, and knows the gradient.
    by_onednn = x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and not learns and _onednn_has_bfloat16())
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not by_onednn or not available or torch.is_autocast_enabled("cpu"):
        return functional.linear(x, layer.weight, layer.bias)
    if not learns:
        return _product(x, layer.weight, layer.bias)
    learning: Tensor = _Product.apply(x, layer.weight, layer.bias)
    return learning


def _onednn_has_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 on this processor: it wants AVX-512."""
    found: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return found


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias`` of ``(tokens, in)`` and ``(out, in)``: ``(tokens, out)``.

    torch gives float32 products to MKL, which leaves AVX-512 unused on processors that are not Intel's; oneDNN uses it
    there. This operator is the one that torch.compile calls.
    """
    made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return made


class _Product(torch.autograd.Function):
    """`_product` with its gradients, which are products as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            _product(gradient, weight.t()) if of_x else None,
            _product(gradient.t(), x.t()) if of_weight else None,
            gradient.sum(dim=0) if of_bias else None,
        )
