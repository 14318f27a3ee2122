"""Fine-tuning an encoder to classify texts, on transformers.Trainer."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from rich.console import Console
from transformers import EarlyStoppingCallback, PrinterCallback, TrainingArguments

from ferrobert.errors import ConfigError, DataError
from ferrobert.inputs import check_count
from ferrobert.models.checkpoint import (
    LoadedModel,
    load_sequence_classifier,
    position_limit,
    quiet_transformers,
)
from ferrobert.models.saving import save_model
from ferrobert.pipelines.rows import TokenRows, token_rows
from ferrobert.pipelines.text_classification import TextClassificationPipeline
from ferrobert.training.examples import Columns, Examples, label_ids, label_names, read_examples, split
from ferrobert.training.metrics import accuracy, f1
from ferrobert.training.progress import EpochProgress, epoch_history
from ferrobert.training.run_folder import CHECKPOINTS, FINISHED, drop, prepare_run
from ferrobert.training.trainable import add_lora, count_parameters, freeze_encoder, merged
from ferrobert.training.trainer import ClassifierTrainer, LabelledRows, as_batch

REPORT = "training_report.json"
# Below this, a head or a LoRA that starts from nothing hardly moves in a few epochs.
SMALL_PART_RATE = 1e-4


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings that decide which weights come out; a run resumes only under the same ones."""

    model: str
    epochs: int
    learning_rate: float
    batch_size: int
    gradient_accumulation_steps: int
    warmup_ratio: float
    max_grad_norm: float
    weight_decay: float
    freeze_encoder: bool
    lora: Any
    class_weight: Any
    max_length: int | None
    label_names: list[str]
    early_stopping_patience: int | None
    select_best: str | None
    mixed_precision: str | None
    seed: int
    data: str

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "gradient_accumulation_steps"):
            check_count(name, getattr(self, name), 1)
        for name in ("max_grad_norm", "weight_decay"):
            if not getattr(self, name) >= 0.0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)!r}")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(f"learning_rate must lie between 0 and 1, got {self.learning_rate!r}")
        if not 0.0 <= self.warmup_ratio < 1.0:
            raise ConfigError(f"warmup_ratio must lie in [0, 1), got {self.warmup_ratio!r}")
        if self.freeze_encoder and self.lora:
            raise ConfigError("freeze_encoder=True trains the head alone, lora= the attention too: choose one")
        if self.mixed_precision not in (None, "bf16", "fp16"):
            raise ConfigError(f"mixed_precision must be None, 'bf16' or 'fp16', got {self.mixed_precision!r}")
        if self.select_best not in (None, "loss", "accuracy", "f1"):
            raise ConfigError(f"select_best must be None, 'loss', 'accuracy' or 'f1', got {self.select_best!r}")
        if self.early_stopping_patience is not None:
            check_count("early_stopping_patience", self.early_stopping_patience, 1)


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
    gradient_accumulation_steps: int = 1,
    freeze_encoder: bool = False,
    lora: bool | int | Mapping[str, Any] | Any | None = None,
    class_weight: str | Mapping[Any, float] | None = None,
    max_length: int | None = None,
    label_names: Sequence[str] | None = None,
    text_column: str = "text",
    text_pair_column: str | None = None,
    label_column: str = "label",
    early_stopping_patience: int | None = None,
    select_best: str | None = None,
    mixed_precision: str | None = None,
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
    falls linearly to 0, gradients clipped at ``max_grad_norm``; batches hold texts of similar length. Runs on the first
    GPU, else on the CPU; under ``torchrun`` or ``accelerate launch`` on all of theirs.

    Args:
        model: the checkpoint to start from. A head for the labels is made where it has none.
        train: the examples: a path to CSV, TSV, JSONL or Parquet; a list of ``(text, label)``,
            ``(text, text_pair, label)`` or dicts; a dict of columns; a DataFrame; a `datasets.Dataset`.
        validation: likewise, or a share of ``train`` to set aside, such as 0.1.
        output_dir: where the trained model goes, with ``training_report.json``; ``checkpoints/`` in it holds the
            last epochs until the run ends.
        epochs, learning_rate, batch_size, warmup_ratio, max_grad_norm, weight_decay, gradient_accumulation_steps:
            the optimisation.
        freeze_encoder: train the head alone (two to four times faster; wants a learning rate near 1e-3).
        lora: train a low-rank addition to the attention and the head: ``True`` for rank 8, a rank, settings of
            ``peft.LoraConfig`` or one (wants a learning rate near 5e-4). It is folded into the weights that are saved.
        class_weight: "balanced", or a weight for each label by name, for labels of unequal frequency.
        max_length: tokens at which a text is cut; by default what the model can read. The report counts cut texts.
        label_names: the labels in the order of their ids; by default the source's, else those found, sorted.
        text_column, text_pair_column, label_column: where a source with columns holds what.
        early_stopping_patience: stop after this many epochs without a better validation loss (or ``select_best``).
        select_best: keep the epoch with the best validation "loss", "accuracy" or "f1"; by default the last epoch,
            or the one with the lowest loss under early stopping.
        mixed_precision: "bf16" or "fp16" on a GPU.
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
    if hasattr(model, "parameters"):
        raise ConfigError("model must be a checkpoint folder or the id of a model on the hub, got a loaded model")
    columns = Columns(text_column, text_pair_column, label_column)
    learn = read_examples(train, columns, "train")
    check: Examples | None = None
    if isinstance(validation, float):
        learn, check = split(learn, validation, seed)
    elif validation is not None:
        check = read_examples(validation, columns, "validation")
    if check is None and (early_stopping_patience is not None or select_best is not None):
        raise ConfigError("early_stopping_patience and select_best need validation=")
    if not checkpoints and (resume or early_stopping_patience is not None or select_best is not None):
        raise ConfigError("resume, early_stopping_patience and select_best need checkpoints=True")
    names = _label_names(learn, label_names, model)
    train_ids = label_ids(learn, names, "train")
    check_ids = None if check is None else label_ids(check, names, "validation")
    if check is not None and (check.pairs is None) != (learn.pairs is None):
        raise DataError("train and validation must both hold pairs of texts, or both single texts")
    recipe = Recipe(
        model=os.fspath(model),
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        gradient_accumulation_steps=gradient_accumulation_steps,
        warmup_ratio=warmup_ratio,
        max_grad_norm=max_grad_norm,
        weight_decay=weight_decay,
        freeze_encoder=freeze_encoder,
        lora=_plain(lora),
        class_weight=_plain(class_weight),
        max_length=max_length,
        label_names=names,
        early_stopping_patience=early_stopping_patience,
        select_best=select_best or ("loss" if early_stopping_patience is not None else None),
        mixed_precision=mixed_precision,
        seed=seed,
        data=_fingerprint(learn, check),
    )
    weights = _class_weights(class_weight, names, train_ids)
    if (freeze_encoder or lora) and learning_rate < SMALL_PART_RATE:
        warnings.warn(
            f"learning_rate {learning_rate:g} hardly moves {'a head' if freeze_encoder else 'a LoRA'} "
            f"in {epochs} epochs; try {'1e-3' if freeze_encoder else '5e-4'}",
            stacklevel=2,
        )
    folder = Path(output_dir)
    checkpoint = prepare_run(folder, asdict(recipe), REPORT, resume=resume, overwrite=overwrite)
    if checkpoint == FINISHED:
        return TextClassificationPipeline(folder, device=device)

    transformers.set_seed(seed)
    loaded = load_sequence_classifier(model, dtype=torch.float32, labels=names)
    if tokenizer is None:
        from ferrobert import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(os.fspath(model))
    longest = _longest(loaded, max_length)
    train_rows, cut = _encode(learn, tokenizer, longest)
    trained, counts = _make_trainable(loaded, freeze_encoder, lora)
    pad_id = tokenizer.pad_token_id or 0
    check_data = None
    if check is not None and check_ids is not None:
        check_rows, _ = _encode(check, tokenizer, longest)
        check_data = _sorted_rows(check_rows, check_ids, pad_id)
    callbacks: list[Any] = []
    shown = EpochProgress(progress if isinstance(progress, Console) else Console(stderr=True, quiet=not progress))
    callbacks.append(shown)
    if early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(early_stopping_patience))
    trainer = ClassifierTrainer(
        model=trained,
        args=_arguments(recipe, folder / CHECKPOINTS, check is not None, device, saves=checkpoints),
        data_collator=as_batch,
        train_dataset=LabelledRows(train_rows, train_ids, pad_id),
        eval_dataset=check_data,
        compute_metrics=_scores,
        callbacks=callbacks,
        class_weight=weights,
    )
    trainer.remove_callback(PrinterCallback)
    try:
        with quiet_transformers():
            trainer.train(resume_from_checkpoint=checkpoint)
    finally:
        shown.bar.stop()
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        plain = merged(trainer.accelerator.unwrap_model(trainer.model))
        plain.config.problem_type = "single_label_classification"
        report = _report(recipe, trainer, learn, check, counts, cut, longest)
        save_model(plain, tokenizer, folder, reports={REPORT: report})
        drop(folder / CHECKPOINTS)
    trainer.accelerator.wait_for_everyone()
    return TextClassificationPipeline(folder, device=device)


def _label_names(learn: Examples, given: Sequence[str] | None, model: str | os.PathLike[str]) -> list[str]:
    known = None
    config = Path(model) / "config.json"
    if config.is_file():
        settings = json.loads(config.read_text(encoding="utf-8"))
        architectures = settings.get("architectures") or [""]
        id2label = settings.get("id2label")
        if id2label and architectures[0].endswith("ForSequenceClassification"):
            ordered = [str(id2label[key]) for key in sorted(id2label, key=int)]
            known = ordered if len(set(ordered)) == len(ordered) else None
    return label_names(learn, given, known)


def _class_weights(
    class_weight: str | Mapping[Any, float] | None, names: Sequence[str], ids: NDArray[np.int64]
) -> torch.Tensor | None:
    if class_weight is None:
        return None
    if class_weight == "balanced":
        counts = np.bincount(ids, minlength=len(names))
        # rows / (labels * rows of the label), as in scikit-learn; a label without rows is never weighted.
        return torch.tensor(len(ids) / (len(names) * np.maximum(counts, 1)), dtype=torch.float32)
    if not isinstance(class_weight, Mapping):
        raise ConfigError(f"class_weight must be 'balanced' or a weight for each label, got {class_weight!r}")
    found = {
        names[key] if isinstance(key, int) and str(key) not in names and 0 <= key < len(names) else str(key): weight
        for key, weight in class_weight.items()
    }
    if set(found) != set(names):
        raise ConfigError(f"class_weight must name each of the labels {list(names)}, names {list(found)}")
    if any(not weight > 0 for weight in found.values()):
        raise ConfigError(f"class_weight must hold positive numbers, got {dict(class_weight)!r}")
    return torch.tensor([float(found[name]) for name in names], dtype=torch.float32)


def _longest(loaded: LoadedModel, max_length: int | None) -> int | None:
    limit = position_limit(loaded.model)
    if max_length is not None:
        check_count("max_length", max_length, 3)
    if max_length is not None and limit is not None and max_length > limit:
        raise ConfigError(f"max_length {max_length} is more than the {limit} tokens that the model can read")
    return max_length if max_length is not None else limit


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
    starts = rows.row_splits[:-1][order]
    splits = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum(rows.lengths[order], out=splits[1:])
    source = np.arange(splits[-1]) + np.repeat(starts - splits[:-1], np.diff(splits))
    type_ids = None if rows.type_ids is None else rows.type_ids[source]
    return LabelledRows(TokenRows(rows.ids[source], type_ids, splits), ids[order], pad_id)


def _make_trainable(loaded: LoadedModel, freeze: bool, lora: Any) -> tuple[Any, tuple[int, int]]:
    trained: Any = loaded.model
    if freeze:
        freeze_encoder(loaded)
    elif lora:
        trained = add_lora(loaded, lora)
    return trained, count_parameters(trained)


def _arguments(
    recipe: Recipe, checkpoints: Path, validates: bool, device: str | None, *, saves: bool
) -> TrainingArguments:
    if device not in (None, "cpu", "cuda"):
        raise ConfigError(f"device must be None, 'cpu' or 'cuda', got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device 'cuda' is not there: torch sees no CUDA device")
    on_gpu = torch.cuda.is_available() and device != "cpu"
    best = recipe.select_best
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=2 * recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=recipe.warmup_ratio,
        optim="adamw_torch",
        adam_epsilon=1e-8,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        seed=recipe.seed,
        bf16=recipe.mixed_precision == "bf16",
        fp16=recipe.mixed_precision == "fp16",
        use_cpu=not on_gpu and device == "cpu",
        dataloader_pin_memory=on_gpu,
        logging_strategy="epoch",
        save_strategy="epoch" if saves else "no",
        # The best epoch's checkpoint is kept beside the last one's.
        save_total_limit=2 if best else 1,
        eval_strategy="epoch" if validates else "no",
        load_best_model_at_end=best is not None,
        metric_for_best_model=None if best is None else f"eval_{best}",
        greater_is_better=None if best is None else best != "loss",
        label_names=["labels"],
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
    )


def _scores(evaluation: Any) -> dict[str, float]:
    logits = evaluation.predictions
    predicted = (logits[0] if isinstance(logits, tuple) else logits).argmax(axis=-1)
    true = evaluation.label_ids
    return {"accuracy": accuracy(true, predicted), "f1": f1(true, predicted, average="macro")}


def _report(
    recipe: Recipe,
    trainer: ClassifierTrainer,
    learn: Examples,
    check: Examples | None,
    counts: tuple[int, int],
    cut: int,
    longest: int | None,
) -> dict[str, Any]:
    history = epoch_history(trainer.state.log_history)
    best = None
    if recipe.select_best is not None:
        key = f"validation_{recipe.select_best}"
        sign = 1 if recipe.select_best == "loss" else -1
        best = min(history, key=lambda record: (sign * record[key], record["epoch"]))["epoch"]
    return {
        "task": "text-classification",
        "settings": asdict(recipe),
        "rows": {
            "train": len(learn),
            "validation": 0 if check is None else len(check),
            "train_by_label": {str(label): count for label, count in sorted(Counter(map(str, learn.labels)).items())},
        },
        "max_tokens": longest,
        "cut_texts": cut,
        "parameters": {"trained": counts[0], "all": counts[1]},
        "steps": trainer.state.global_step,
        "device": str(trainer.args.device),
        "history": history,
        "best_epoch": best,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }


def _plain(value: Any) -> Any:
    """A setting as JSON holds it."""
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    return json.loads(json.dumps(value, default=lambda one: sorted(one) if isinstance(one, set) else str(one)))


def _fingerprint(*parts: Examples | None) -> str:
    digest = hashlib.sha256()
    for examples in parts:
        rows = [] if examples is None else [examples.texts, examples.pairs, examples.labels]
        digest.update(json.dumps(rows).encode())
    return digest.hexdigest()[:16]
