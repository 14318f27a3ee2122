"""Pipelines whose encoder runs in onnxruntime."""

from __future__ import annotations

from typing import Any

import torch

from ferrobert.errors import ConfigError
from ferrobert.models.onnx import OnnxModel, require_onnx
from ferrobert.pipelines.base import BATCH_TOKENS_GPU, Pipeline
from ferrobert.pipelines.device import find_device, find_dtype


def onnx_pipeline(
    pipeline_class: type[Pipeline],
    model: Any,
    tokenizer: Any = None,
    *,
    device: int | str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    batch_tokens: int | None = None,
    **options: Any,
) -> Pipeline:
    """A pipeline with the layers of its encoder in onnxruntime; embeddings and head run in torch, on the CPU.

    Args:
        pipeline_class: the pipeline of a task.
        model, tokenizer, batch_tokens, **options: see `ferrobert.pipeline`.
        device: where the layers run; by default on CUDA where torch and onnxruntime have it, else on the CPU.
        dtype: float32, "auto" or ``None``.

    Raises:
        ConfigError: another dtype, or what `OnnxModel` says.
        CheckpointError, MissingDependencyError: see `ferrobert.pipeline`.
    """
    require_onnx()
    layers_device = None if device is None else find_device(device)
    if dtype not in (None, "auto") and find_dtype(dtype) is not torch.float32:
        raise ConfigError(f'backend="onnx" runs in float32, got dtype={dtype!r}')
    pipe = pipeline_class(model, tokenizer, device="cpu", dtype=torch.float32, batch_tokens=batch_tokens, **options)
    encoder = OnnxModel(pipe.model, layers_device)
    pipe.onnx = encoder
    if batch_tokens is None and encoder.device.type != "cpu":
        pipe.batch_tokens = BATCH_TOKENS_GPU
    return pipe
