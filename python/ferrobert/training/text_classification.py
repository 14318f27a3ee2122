"""Fine-tuning an encoder to classify texts, on transformers.Trainer."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from rich.console import Console

from ferrobert.errors import DataError
from ferrobert.models.checkpoint import load_sequence_classifier
from ferrobert.pipelines.rows import TokenRows, token_rows
from ferrobert.pipelines.text_classification import TextClassificationPipeline
from ferrobert.training.base_model import check_is_checkpoint, labels_of_checkpoint, longest_row, tokenizer_of
from ferrobert.training.class_weights import class_weights
from ferrobert.training.examples import Columns, Examples, label_ids, label_names, read_examples, split
from ferrobert.training.loop import REPORT, train_and_save
from ferrobert.training.metrics import accuracy, f1
from ferrobert.training.recipe import Recipe, fingerprint
from ferrobert.training.rows import LabelledRows
from ferrobert.training.run_folder import FINISHED, prepare_run
from ferrobert.training.trainer import ClassifierTrainer


def finetune(
    model: str | os.PathLike[str],
    train: Any,
    validation: Any = None,
    *,
    output_dir: str | os.PathLike[str],
    epochs: int = 3,
    learning_rate: float = 2e-5,
    batch_size: int = 16,
    warmup_ratio: float = 0.1,
    max_grad_norm: float = 1.0,
    weight_decay: float = 0.01,
    dropout: float | None = None,
    gradient_accumulation_steps: int = 1,
    freeze_encoder: bool = False,
    lora: bool | int | Mapping[str, Any] | Any | None = None,
    class_weight: str | Mapping[Any, float] | None = None,
    max_length: int | None = None,
    group_by_length: bool = True,
    label_names: Sequence[str] | None = None,
    text_column: str = "text",
    text_pair_column: str | None = None,
    label_column: str = "label",
    early_stopping_patience: int | None = None,
    select_best: str | None = None,
    mixed_precision: str | None = None,
    calibrate: bool = True,
    device: str | None = None,
    seed: int = 42,
    checkpoints: bool = True,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool | Console = True,
    tokenizer: Any = None,
) -> TextClassificationPipeline:
    """Train an encoder to classify texts, save it, and return a pipeline with it.

    AdamW (eps 1e-8), cross entropy, a learning rate that rises over the first ``warmup_ratio`` of the steps and then
    falls linearly to 0, gradients clipped at ``max_grad_norm``. Runs on the first GPU, else on the CPU;
    under ``torchrun`` or ``accelerate launch`` on all of theirs.

    Args:
        model: the checkpoint to start from. A head for the labels is made where it has none.
        train: the examples: a path to CSV, TSV, JSONL or Parquet; a list of ``(text, label)``,
            ``(text, text_pair, label)`` or dicts; a dict of columns; a DataFrame; a `datasets.Dataset`.
        validation: likewise, or a share of ``train`` to set aside, such as 0.1.
        output_dir: where the trained model goes, with ``training_report.json``; ``checkpoints/`` in it holds the
            last epochs until the run ends.
        epochs, learning_rate, batch_size, warmup_ratio, max_grad_norm, weight_decay, gradient_accumulation_steps:
            the optimisation.
        dropout: share of hidden states and of attention that is dropped while it learns, in place of the model's own;
            that of ``lora`` too, unless its settings say ``lora_dropout``. 0.0 is faster on the CPU.
        freeze_encoder: train the head alone (two to four times faster; wants a learning rate near 1e-3).
        lora: train a low-rank addition to the attention and the head: ``True`` for rank 8, a rank, settings of
            ``peft.LoraConfig`` or one (wants a learning rate near 5e-4). It is folded into the weights that are saved;
            ``adapter/`` in ``output_dir`` holds it alone, with the head.
        class_weight: "balanced", or a weight for each label by name, for labels of unequal frequency.
        max_length: tokens at which a text is cut; by default what the model can read. The report counts cut texts.
        group_by_length: batches hold texts of similar length: little padding, up to twice as fast.
        label_names: the labels in the order of their ids; by default the source's, else those found, sorted.
        text_column, text_pair_column, label_column: where a source with columns holds what.
        early_stopping_patience: stop after this many epochs without a better validation loss (or ``select_best``).
        select_best: keep the epoch with the best validation "loss", "accuracy" or "f1"; by default the last epoch,
            or the one with the lowest loss under early stopping.
        mixed_precision: "bf16", on a GPU or a processor with AVX-512 BF16 or AMX; "fp16" on a GPU.
        calibrate: divide the logits by the temperature that fits the labels of validation best, so that scores are as
            high as they are right; it is folded into the last layer. The report has the errors before and after.
        device: "cpu" to stay off a GPU that is there.
        seed: seed of the new head, the order of the batches and dropout.
        checkpoints: save model, optimiser and random state after each epoch (three times the model's size).
        resume: go on from the last checkpoint in ``output_dir``; the result is that of an uninterrupted run.
        overwrite: start again where ``output_dir`` holds checkpoints of an unfinished run.
        progress: show a bar and a line for each epoch on stderr, or on this console of rich.
        tokenizer: by default the model's own.

    Returns:
        A pipeline with the saved model. F1 in its report is the mean over the labels (macro).

    Raises:
        ConfigError: a setting that is not allowed; checkpoints of another or an unfinished run in ``output_dir``.
        DataError: no rows, one label alone, a row without text or label, a label in validation that train lacks.
        CheckpointError: the model cannot be loaded.
    """
    given = dict(locals())
    check_is_checkpoint(model)
    columns = Columns(text_column, text_pair_column, label_column)
    learn = read_examples(train, columns, "train")
    check: Examples | None = None
    if isinstance(validation, float):
        learn, check = split(learn, validation, seed)
    elif validation is not None:
        check = read_examples(validation, columns, "validation")
    names = _names(learn, label_names, model)
    train_ids = label_ids(learn, names, "train")
    check_ids = None if check is None else label_ids(check, names, "validation")
    if check is not None and (check.pairs is None) != (learn.pairs is None):
        raise DataError("train and validation must both hold pairs of texts, or both single texts")
    recipe = Recipe.of(
        given,
        validates=check is not None,
        label_names=names,
        data=fingerprint(_columns(learn), _columns(check)),
    )
    weights = class_weights(class_weight, names, train_ids)
    recipe.warn_of_small_rate(stacklevel=2)
    folder = Path(output_dir)
    checkpoint = prepare_run(folder, asdict(recipe), REPORT, resume=resume, overwrite=overwrite)
    if checkpoint == FINISHED:
        return TextClassificationPipeline(folder, device=device)

    transformers.set_seed(seed)
    loaded = load_sequence_classifier(model, dtype=torch.float32, labels=names)
    tokenizer = tokenizer_of(model, tokenizer)
    longest = longest_row(loaded, max_length)
    pad_id = tokenizer.pad_token_id or 0
    train_rows, cut = _encode(learn, tokenizer, longest)
    validation_rows = None
    if check is not None and check_ids is not None:
        validation_rows = _sorted_rows(_encode(check, tokenizer, longest)[0], check_ids, pad_id)
    train_and_save(
        loaded,
        tokenizer,
        recipe,
        folder,
        trainer_class=ClassifierTrainer,
        train_rows=LabelledRows(train_rows, train_ids, pad_id),
        validation_rows=validation_rows,
        report=_report(learn, check, longest, cut),
        checkpoint=checkpoint,
        checkpoints=checkpoints,
        device=device,
        progress=progress,
        compute_metrics=_scores,
        class_weight=weights,
    )
    return TextClassificationPipeline(folder, device=device)


def _names(learn: Examples, given: Sequence[str] | None, model: str | os.PathLike[str]) -> list[str]:
    return label_names(learn, given, labels_of_checkpoint(model, "ForSequenceClassification"))


def _encode(examples: Examples, tokenizer: Any, longest: int | None) -> tuple[TokenRows, int]:
    """Token rows of the examples, and how many of them were cut."""
    whole = token_rows(tokenizer(examples.texts, examples.pairs, verbose=False))
    cut = 0 if longest is None else int((whole.lengths > longest).sum())
    if not cut:
        return whole, 0
    return token_rows(tokenizer(examples.texts, examples.pairs, truncation=True, max_length=longest)), cut


def _sorted_rows(rows: TokenRows, ids: NDArray[np.int64], pad_id: int) -> LabelledRows:
    """Validation rows by length: the metrics do not depend on the order, the padding does."""
    order = np.argsort(-rows.lengths, kind="stable")
    return LabelledRows(rows.in_order(order), ids[order], pad_id)


def _scores(evaluation: Any) -> dict[str, float]:
    logits = evaluation.predictions
    predicted = (logits[0] if isinstance(logits, tuple) else logits).argmax(axis=-1)
    true = evaluation.label_ids
    return {"accuracy": accuracy(true, predicted), "f1": f1(true, predicted, average="macro")}


def _report(learn: Examples, check: Examples | None, longest: int | None, cut: int) -> dict[str, Any]:
    return {
        "task": "text-classification",
        "rows": {
            "train": len(learn),
            "validation": 0 if check is None else len(check),
            "train_by_label": {str(label): count for label, count in sorted(Counter(map(str, learn.labels)).items())},
        },
        "max_tokens": longest,
        "cut_texts": cut,
    }


def _columns(examples: Examples | None) -> list[Any]:
    return [] if examples is None else [examples.texts, examples.pairs, examples.labels]
