"""Products of hidden states and weights, by oneDNN where torch has it."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

__all__ = ["linear", "product"]

# torch and oneDNN each keep the last 1,024 products and activations that were compiled, one for every number of tokens
# that a batch has had: 700 MB in a long stream. The layers of a batch use theirs at once, other batches hardly ever.
# Both are read when the first one is compiled.
for _cache in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
    os.environ.setdefault(_cache, "64")


def linear(x: Tensor, layer: Any) -> Tensor:
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
        return product(x, layer.weight, layer.bias)
    learning: Tensor = _Product.apply(x, layer.weight, layer.bias)
    return learning


def _onednn_has_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 on this processor: it wants AVX-512."""
    found: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return found


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias`` of ``(tokens, in)`` and ``(out, in)``: ``(tokens, out)``.

    torch gives float32 products to MKL, which leaves AVX-512 unused on processors that are not Intel's; oneDNN uses it
    there. This operator is the one that torch.compile calls.
    """
    made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return made


class _Product(torch.autograd.Function):
    """`product` with its gradients, which are products as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            product(gradient, weight.t()) if of_x else None,
            product(gradient.t(), x.t()) if of_weight else None,
            gradient.sum(dim=0) if of_bias else None,
        )
