"""From text to answers: one file a task, transformers' arguments and outputs.

Pipelines import torch; this module does not until `pipeline` is called.
"""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ferrobert.errors import ConfigError
from ferrobert.inputs import check_flag
from ferrobert.models import shipped
from ferrobert.models.adapters import tokenizer_of
from ferrobert.models.checkpoint import NEXT_SENTENCE, load_model, require, require_torch
from ferrobert.tasks import task_name

if TYPE_CHECKING:
    import torch

    from ferrobert.pipelines.base import Pipeline

# Task -> module and class.
MADE_BY = {
    "text-classification": ("ferrobert.pipelines.text_classification", "TextClassificationPipeline"),
    "token-classification": ("ferrobert.pipelines.token_classification", "TokenClassificationPipeline"),
    "question-answering": ("ferrobert.pipelines.question_answering", "QuestionAnsweringPipeline"),
    "zero-shot-classification": ("ferrobert.pipelines.zero_shot_classification", "ZeroShotClassificationPipeline"),
    "fill-mask": ("ferrobert.pipelines.fill_mask", "FillMaskPipeline"),
    "feature-extraction": ("ferrobert.pipelines.feature_extraction", "FeatureExtractionPipeline"),
    "next-sentence-prediction": ("ferrobert.pipelines.next_sentence_prediction", "NextSentencePredictionPipeline"),
}
BACKENDS = ("torch", "onnx")


def pipeline(
    task: str,
    model: Any = None,
    tokenizer: Any = None,
    *,
    device: int | str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    batch_tokens: int | None = None,
    backend: str = "torch",
    allow_pickle: bool = False,
    **options: Any,
) -> Pipeline:
    """Make a pipeline for a task.

    Args:
        task: "text-classification" or its alias "sentiment-analysis"; "token-classification" or its alias "ner";
            "question-answering"; "zero-shot-classification"; "fill-mask"; "feature-extraction";
            "next-sentence-prediction".
        model: a checkpoint folder, the id of a model on the hub, or a loaded model of transformers; by default the one
            that ships: all-MiniLM-L6-v2, from its package (extra ``demo``) or from the hub, with an adapter for the
            task. Which it is, is logged once. For "next-sentence-prediction" none ships.
        tokenizer: a tokenizer or where to load one from; by default from the model's folder.
        device: "cpu", "cuda", "cuda:1", a number (-1 is the CPU); by default the first GPU, else the CPU.
        dtype: precision of the weights, such as "bfloat16"; by default that of the checkpoint. "auto" is bfloat16 where
            the processor computes it natively and the task keeps its labels (text-classification), else as by default.
            With "onnx" float32.
        batch_tokens: tokens of a batch, padding included; by default 2,048 on the CPU and 32,768 on a GPU.
        backend: what runs the model: "torch"; "onnx" is onnxruntime for the encoder's layers, which are exported once
            and compared with torch each time they are loaded. Embeddings and head are torch's, on the CPU.
        allow_pickle: also load ``pytorch_model.bin``, of which torch takes tensors alone; ``save_pretrained`` of the
            pipeline then writes safetensors. By default a pickle is refused.
        **options: the task's own call options, as defaults for each call (``top_k``, ``truncation``, ...).

    Returns:
        The pipeline of the task, such as `TextClassificationPipeline`.

    Raises:
        ConfigError: an unknown task, backend, device or option; a tokenizer without a model; no model for a task for
            which none ships. With "onnx" a family that it does not run, a dtype other than float32, a cache folder
            that cannot be written to.
        UnsafeCheckpointError: (a CheckpointError) the weights are a pickle and ``allow_pickle`` is not given, or hold
            something else than tensors; an index names a file outside of its folder.
        CheckpointError: the model cannot be loaded or has no head for the task; its export differs from it; without
            ``model=`` the encoder has other weights than the adapter was trained on.
        MissingDependencyError: torch or transformers is not installed, or what the backend needs; without ``model=``
            the encoder's package is not, and the hub does not give it.

    Example:
        >>> pipeline("sentiment-analysis")("I loved it.")  # doctest: +SKIP
        [{'label': 'POSITIVE', 'score': 0.99}]
        >>> classifier = pipeline("text-classification", "path/to/model")  # doctest: +SKIP
        >>> classifier("A joy from start to finish.")  # doctest: +SKIP
        [{'label': 'positive', 'score': 0.98}]
    """
    name = task_name(task)
    if backend not in BACKENDS:
        raise ConfigError(f"backend must be {' or '.join(map(repr, BACKENDS))}, got {backend!r}")
    by_default = model is None
    if by_default:
        if name not in shipped.TASKS:
            raise ConfigError(f"pipeline({task!r}) needs model=, as none ships for it: {NEXT_SENTENCE.advice}")
        if tokenizer is not None:
            raise ConfigError("tokenizer= needs model= beside it: the model that ships has its own tokenizer")
        require("a pipeline without model=", ("torch", "transformers", "peft"), "demo")
        model = shipped.default_model(name)
    if isinstance(model, (str, os.PathLike)) and not os.fspath(model):
        raise ConfigError("model= is empty; give a checkpoint folder or the id of a model on the hub")
    require_torch("a pipeline")
    module, class_name = MADE_BY[name]
    pipeline_class = getattr(import_module(module), class_name)
    if check_flag("allow_pickle", allow_pickle) and isinstance(model, (str, os.PathLike)):
        from ferrobert.pipelines.device import find_dtype

        tokenizer = tokenizer_of(os.fspath(model)) if tokenizer is None else tokenizer
        model = load_model(model, pipeline_class.head, dtype=find_dtype(dtype), allow_pickle=True).model
    if backend == "onnx":
        from ferrobert.pipelines.onnx import onnx_pipeline

        pipeline_class = partial(onnx_pipeline, pipeline_class)
    made: Pipeline = pipeline_class(model, tokenizer, device=device, dtype=dtype, batch_tokens=batch_tokens, **options)
    if by_default:
        shipped.announce(name)
    return made
