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
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from ferrobert.models import attention as attending
from ferrobert.models.attention import Rows, attention, flat_rows
from ferrobert.models.checkpoint import position_limit
from ferrobert.models.layers import FAMILIES, Layer
from ferrobert.models.products import linear

__all__ = ["Read", "UnpaddedModel", "changed_forward", "obstacle", "unpadded"]

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


class Read(Enum):
    """Which hidden states are read, where it is not a list of positions."""

    ALL = "all"
    FIRST = "first"


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
    if attending.varlen_attn is None:
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
        return embedded if self.family.mapping is None else linear(embedded, self.family.mapping(base))

    def _through(self, layer: Layer, hidden: Tensor, rows: Rows, read: Read | Tensor) -> Tensor:
        """One layer: ``(tokens, hidden)`` to ``(positions read, hidden)``."""
        asking = hidden
        if read is Read.FIRST:
            asking = hidden[rows.starts]
        query = linear(asking, layer.query)
        key, value = linear(hidden, layer.key), linear(hidden, layer.value)
        mixed = attention(query, key, value, rows, self.heads, layer)
        if isinstance(read, Tensor):
            mixed, asking = mixed[read], asking[read]
        attended: Tensor = layer.attention_norm(asking + layer.output_dropout(linear(mixed, layer.output)))
        changed = linear(layer.activation(linear(attended, layer.up)), layer.down)
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
