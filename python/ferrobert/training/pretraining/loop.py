"""The training itself, once the corpus is encoded and the model is made."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from rich.console import Console
from transformers import PrinterCallback, TrainingArguments

from ferrobert.models.adapters import is_adapter, merged, save_adapter
from ferrobert.models.checkpoint import quiet_transformers
from ferrobert.models.parameters import ParameterCounts, count_parameters
from ferrobert.models.saving import save_model
from ferrobert.training.checkpoints import checkpoint_step
from ferrobert.training.pretraining.baseline import Baselines, held_out_baselines
from ferrobert.training.pretraining.curve import CURVE, draw
from ferrobert.training.pretraining.log import LOG, Rhythm, RunLog, StepProgress, read_log
from ferrobert.training.pretraining.objective import PretrainingLoss
from ferrobert.training.pretraining.preparation import collator
from ferrobert.training.pretraining.recipe import Recipe
from ferrobert.training.pretraining.result import PretrainingResult
from ferrobert.training.pretraining.rows import EncodedRows, EpochOrder
from ferrobert.training.pretraining.shards import HELD_OUT, HELD_OUT_SEED, TRAIN, ShardFolder
from ferrobert.training.pretraining.trainer import PretrainingTrainer, evaluation_batches
from ferrobert.training.run_folder import ADAPTER, CHECKPOINTS, FINISHED, drop, prepare_run

REPORT = "pretraining_report.json"
# Where evaluate_every is not given, a run is evaluated this often.
EVALUATIONS = 20
KEPT_CHECKPOINTS = 2


@dataclass(frozen=True, slots=True)
class Setup:
    """The recipe, and what does not decide the weights: where to write, when to log, evaluate and save."""

    recipe: Recipe
    folder: Path
    console: Console
    use_cpu: bool
    bf16: bool
    draws: bool
    evaluate_every: int | None
    save_every: int | None
    log_every: int
    workers: int
    resume: bool
    overwrite: bool


def train(setup: Setup, network: Any, tokenizer: Any, shards: ShardFolder) -> PretrainingResult:
    """Train a model on encoded rows and save it.

    Args:
        setup: the settings.
        network: the model with its heads, or the peft model around it.
        tokenizer: the tokenizer of the rows.
        shards: the rows.
    """
    recipe = setup.recipe
    plain = network if recipe.lora is None else network.get_base_model()
    counts = count_parameters(plain)
    rows = EncodedRows(shards, TRAIN)
    held_out = EncodedRows(shards, HELD_OUT) if recipe.held_out else None
    world = int(os.environ.get("WORLD_SIZE", "1"))
    order = EpochOrder(rows, recipe.batch_size * recipe.gradient_accumulation_steps * world, recipe.seed)
    steps = recipe.max_steps or recipe.epochs * (len(order) // order.global_batch)
    arguments = _arguments(setup, steps)
    settings = recipe.settings(world, setup.bf16, _fingerprint(shards))

    def prepare() -> str | None:
        return prepare_run(setup.folder, settings, REPORT, resume=setup.resume, overwrite=setup.overwrite)

    with arguments.main_process_first(local=False):
        checkpoint = prepare()
    if checkpoint == FINISHED:
        return _result(setup.folder, rows)

    mask = collator(recipe, tokenizer, recipe.seed)
    mask_held_out = collator(recipe, tokenizer, HELD_OUT_SEED)
    baselines = None
    if held_out is not None:
        batches = evaluation_batches(held_out, arguments.per_device_eval_batch_size)
        vocab_size = plain.get_input_embeddings().num_embeddings
        special = tokenizer.all_special_ids
        baselines = held_out_baselines(rows, held_out, batches, mask_held_out, vocab_size, special)
        setup.console.print(f"token frequencies alone: held-out MLM loss {baselines.unigram_loss:.3f}", highlight=False)

    def picture(records: list[dict[str, float]]) -> None:
        if setup.draws:
            draw(setup.folder / CURVE, records, baselines, _title(plain, counts, rows, recipe))

    shown = StepProgress(setup.console, rows.tokens() / len(rows) * order.global_batch)
    trainer = PretrainingTrainer(
        loss=PretrainingLoss(plain),
        train_rows=rows,
        held_out=held_out,
        mask_held_out=mask_held_out,
        args=arguments,
        data_collator=mask,
        callbacks=[Rhythm(), RunLog(setup.folder / LOG, picture), shown],
    )
    trainer.remove_callback(PrinterCallback)
    ended = checkpoint is not None and checkpoint_step(Path(checkpoint)) >= steps
    started = time.monotonic()
    transformers.set_seed(recipe.seed)
    try:
        with quiet_transformers():
            if checkpoint is not None and ended:
                trainer.restore(checkpoint)  # what is left is to save the model
            else:
                trainer.args.eval_on_start = held_out is not None and checkpoint is None
                trainer.train(resume_from_checkpoint=checkpoint)
    finally:
        shown.bar.stop()
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        report = {
            "settings": settings,
            "parameters": {"trained": counts.trainable, "all": counts.total},
            "rows": {"train": len(rows), "held_out": 0 if held_out is None else len(held_out)},
            "tokens": {"train": rows.tokens(), "held_out": 0 if held_out is None else held_out.tokens()},
            "documents": {split: sum(shard.documents for shard in shards.shards(split)) for split in (TRAIN, HELD_OUT)},
            "corpus": [file.path for file in shards.files],
            "steps": steps,
            "processes": world,
            "device": str(arguments.device),
            "seconds": round(time.monotonic() - started, 3),
            "tokens_per_second": None if ended else round(shown.tokens_per_second(steps), 1),
            "metrics": _metrics(setup.folder / LOG, baselines),
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        }
        if recipe.lora is not None:
            save_adapter(network, setup.folder / ADAPTER)
        elif is_adapter(setup.folder / ADAPTER):  # of an earlier run
            drop(setup.folder / ADAPTER)
        learned = trainer.plain_model() if recipe.lora is None else merged(network)
        save_model(learned, tokenizer, setup.folder, reports={REPORT: report})
        drop(setup.folder / CHECKPOINTS)
    trainer.accelerator.wait_for_everyone()
    return _result(setup.folder, rows)


def _arguments(setup: Setup, steps: int) -> TrainingArguments:
    recipe = setup.recipe
    evaluate_every = setup.evaluate_every or max(1, steps // EVALUATIONS)
    arguments = TrainingArguments(
        output_dir=str(setup.folder / CHECKPOINTS),
        max_steps=steps,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=recipe.warmup_ratio,
        optim="adamw_torch_fused",
        adam_beta2=recipe.adam_beta2,
        adam_epsilon=recipe.adam_epsilon,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        seed=recipe.seed,
        bf16=setup.bf16,
        use_cpu=setup.use_cpu,
        dataloader_num_workers=setup.workers,
        dataloader_persistent_workers=setup.workers > 0,
        dataloader_pin_memory=not setup.use_cpu,
        logging_strategy="steps",
        logging_steps=setup.log_every,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=setup.save_every or evaluate_every,
        save_total_limit=KEPT_CHECKPOINTS,
        eval_strategy="steps" if recipe.held_out else "no",
        eval_steps=evaluate_every,
        average_tokens_across_devices=True,
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        label_names=["labels"],
        disable_tqdm=True,
        report_to="none",
    )
    # Several GPUs are used by several processes (torchrun), never by the threads of one.
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def _fingerprint(shards: ShardFolder) -> str:
    return hashlib.sha256(json.dumps(shards.fingerprint, sort_keys=True).encode()).hexdigest()[:16]


def _title(network: Any, counts: ParameterCounts, rows: EncodedRows, recipe: Recipe) -> str:
    millions = f"{counts.total / 1e6:.1f}"
    if counts.trainable < counts.total:
        millions = f"{counts.trainable / 1e6:.1f} of {millions}"
    tokens = rows.tokens() / 1e6
    return f"{type(network).__name__}, {millions} M parameters, {tokens:.1f} M tokens, rows of {recipe.max_length}"


def _metrics(log: Path, baselines: Baselines | None) -> dict[str, float]:
    evaluations = [record for record in read_log(log) if "held_out_mlm_loss" in record]
    if not evaluations or baselines is None:
        return {}
    found = {name: value for name, value in evaluations[-1].items() if name.startswith("held_out_")}
    return {**found, **baselines.metrics}


def _result(folder: Path, rows: EncodedRows) -> PretrainingResult:
    report = json.loads((folder / REPORT).read_text("utf-8"))
    curve, adapter = folder / CURVE, folder / ADAPTER
    return PretrainingResult(
        model_dir=folder,
        log=folder / LOG,
        curve=curve if curve.is_file() else None,
        report=folder / REPORT,
        adapter=adapter if is_adapter(adapter) else None,
        metrics=report["metrics"],
        steps=report["steps"],
        tokens=rows.tokens(),
    )
