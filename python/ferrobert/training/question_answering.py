"""Fine-tuning an encoder to answer questions from contexts, on transformers.Trainer."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from rich.console import Console

from ferrobert.answers import QuestionFeatures, encode_questions
from ferrobert.answers.encoding import LONGEST_QUESTION, question_lengths
from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count
from ferrobert.models.checkpoint import QUESTION_ANSWERER, load_model
from ferrobert.pipelines.question_answering import WINDOW, QuestionAnsweringPipeline
from ferrobert.pipelines.rows import token_rows
from ferrobert.training.answer_scores import AnswerScores, positions_of
from ferrobert.training.base_model import check_is_checkpoint, longest_row, tokenizer_of
from ferrobert.training.loop import REPORT, train_and_save
from ferrobert.training.questions import QuestionColumns, Questions, read_questions, split
from ferrobert.training.recipe import Recipe, fingerprint
from ferrobert.training.rows import LabelledRows
from ferrobert.training.run_folder import FINISHED, prepare_run
from ferrobert.training.trainer import AnswerTrainer


@dataclass(frozen=True, slots=True)
class QuestionRecipe(Recipe):
    """The settings that decide which weights come out."""

    scores: ClassVar[tuple[str, ...]] = ("f1", "exact")

    doc_stride: int | None
    max_question_length: int
    wrong_answers: str


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
    class_weight: None = None,
    max_length: int | None = None,
    group_by_length: bool = True,
    doc_stride: int | None = None,
    max_question_length: int = LONGEST_QUESTION,
    wrong_answers: str = "raise",
    question_column: str = "question",
    context_column: str = "context",
    answers_column: str = "answers",
    id_column: str = "id",
    file_format: str | None = None,
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
) -> QuestionAnsweringPipeline:
    """Train an encoder to answer questions, save it, and return a pipeline with it.

    AdamW (eps 1e-8), a learning rate that rises over the first ``warmup_ratio`` of the steps and then falls linearly to
    0, gradients clipped at ``max_grad_norm``. The loss is the mean of the cross entropies of start and end, as in
    transformers; a window that does not hold the answer, and a question without one, has ``[CLS]`` for both. Runs on
    the first GPU, else on the CPU; under ``torchrun`` or ``accelerate launch`` on all of theirs.

    Args:
        model: the checkpoint to start from. A head is made where it has none.
        train: the examples: a path to a file of SQuAD (1.1 or 2.0), JSONL or Parquet; a list of dicts with
            ``question``, ``context`` and ``answers`` (``{"text": [...], "answer_start": [...]}``, empty for none; the
            first is learned); a dict of columns; a DataFrame; a `datasets.Dataset`.
        validation: likewise, or a share of the contexts of ``train`` to set aside, such as 0.1.
        output_dir: where the trained model goes, with ``training_report.json``; ``checkpoints/`` in it holds the
            last epochs until the run ends.
        epochs, learning_rate, batch_size, warmup_ratio, max_grad_norm, weight_decay, gradient_accumulation_steps:
            the optimisation; ``batch_size`` counts windows.
        dropout: share of hidden states and of attention that is dropped while it learns, in place of the model's own;
            that of ``lora`` too, unless its settings say ``lora_dropout``. 0.0 is faster on the CPU.
        freeze_encoder: train the head alone (wants a learning rate near 1e-3).
        lora: train a low-rank addition to the attention and the head: ``True`` for rank 8, a rank, settings of
            ``peft.LoraConfig`` or one (wants a learning rate near 5e-4). It is folded into the weights that are saved;
            ``adapter/`` in ``output_dir`` holds it alone, with the head.
        class_weight: not for this task.
        max_length: tokens of a window; by default 384, or what the model can read.
        group_by_length: batches hold windows of similar length: little padding, up to twice as fast.
        doc_stride: tokens of the context that windows share; by default 128, or half of a window.
        max_question_length: tokens of a question; what is longer is cut behind a whole word.
        wrong_answers: "raise", or "skip" to leave out rows whose answer does not stand at its ``answer_start``.
        question_column, context_column, answers_column, id_column: where a source holds what.
        file_format: "squad", "jsonl" or "parquet" for a file whose ending does not say it.
        early_stopping_patience: stop after this many epochs without a better validation loss (or ``select_best``).
        select_best: keep the epoch with the best validation "loss", "f1" or "exact"; by default the last epoch, or the
            one with the lowest loss under early stopping.
        mixed_precision: "bf16", on a GPU or a processor with AVX-512 BF16 or AMX; "fp16" on a GPU.
        device: "cpu" to stay off a GPU that is there.
        seed: seed of the new head, the order of the batches and dropout.
        checkpoints: save model, optimiser and random state after each epoch (three times the model's size).
        resume: go on from the last checkpoint in ``output_dir``; the result is that of an uninterrupted run.
        overwrite: start again where ``output_dir`` holds checkpoints of an unfinished run.
        progress: show a bar and a line for each epoch on stderr, or on this console of rich.
        tokenizer: by default the model's own.

    Returns:
        A pipeline with the saved model. F1 and exact match in its report are SQuAD's, in percent.

    Raises:
        ConfigError: a setting that is not allowed; checkpoints of another or an unfinished run in ``output_dir``.
        DataError: no rows, a row without question or context, a broken file.
        AlignmentError: an answer that does not stand where it is said to.
        CheckpointError: the model cannot be loaded.

    Example:
        >>> answers = {"text": ["Elon Musk"], "answer_start": [0]}
        >>> train = [{"question": "Who founded Tesla?", "context": "Elon Musk founded Tesla.", "answers": answers}]
        >>> qa = finetune("path/to/encoder", train, output_dir="my-qa")  # doctest: +SKIP
        >>> qa(question="Who founded Tesla?", context="Elon Musk founded Tesla.")  # doctest: +SKIP
        {'score': 0.9, 'start': 0, 'end': 9, 'answer': 'Elon Musk'}
    """
    given = dict(locals())
    check_is_checkpoint(model)
    if class_weight is not None:
        raise ConfigError("class_weight weighs labels; question answering has none")
    if wrong_answers not in ("raise", "skip"):
        raise ConfigError(f'wrong_answers must be "raise" or "skip", got {wrong_answers!r}')
    if doc_stride is not None:
        check_count("doc_stride", doc_stride, 0)
    check_count("max_question_length", max_question_length, 1)
    columns = QuestionColumns(question_column, context_column, answers_column, id_column)
    learn = read_questions(train, columns, "train", file_format=file_format, wrong_answers=wrong_answers)
    left_out = learn.left_out
    check: Questions | None = None
    if isinstance(validation, float):
        learn, check = split(learn, validation, seed)
    elif validation is not None:
        check = read_questions(validation, columns, "validation", file_format=file_format, wrong_answers=wrong_answers)
        left_out += check.left_out
    if left_out:
        warnings.warn(f"{left_out} rows are left out: their answers do not stand at answer_start", stacklevel=2)
    recipe = QuestionRecipe.of(
        given,
        validates=check is not None,
        calibrate=False,
        class_weight=None,
        label_names=[],
        data=fingerprint(_columns(learn), _columns(check)),
    )
    recipe.warn_of_small_rate(stacklevel=2)
    folder = Path(output_dir)
    checkpoint = prepare_run(folder, asdict(recipe), REPORT, resume=resume, overwrite=overwrite)
    if checkpoint == FINISHED:
        return QuestionAnsweringPipeline(folder, device=device)

    transformers.set_seed(seed)
    loaded = load_model(model, QUESTION_ANSWERER, dtype=torch.float32, new_head=True)
    tokenizer = tokenizer_of(model, tokenizer)
    limit = longest_row(loaded, max_length)
    window = (WINDOW if limit is None else min(WINDOW, limit)) if max_length is None else max_length

    def encoded(questions: Questions) -> QuestionFeatures:
        return encode_questions(
            questions.questions,
            questions.contexts,
            tokenizer,
            answers=questions.answers,
            max_length=window,
            doc_stride=doc_stride,
            max_question_length=max_question_length,
        )

    pad_id = tokenizer.pad_token_id or 0
    features = encoded(learn)
    positions = positions_of(features)
    scores = None if check is None else AnswerScores(check, encoded(check))
    train_and_save(
        loaded,
        tokenizer,
        recipe,
        folder,
        trainer_class=AnswerTrainer,
        train_rows=LabelledRows(token_rows(features), positions, pad_id),
        validation_rows=None if scores is None else scores.rows(pad_id),
        report={
            "task": "question-answering",
            "rows": {"train": len(learn), "validation": 0 if check is None else len(check)},
            "wrong_answers": left_out,
            "cut_questions": sum(
                int((question_lengths(of.questions, tokenizer) > max_question_length).sum())
                for of in (learn, check)
                if of is not None
            ),
            "max_tokens": window,
            "windows": {
                "train": len(positions),
                "with_an_answer": int(np.count_nonzero(positions[:, 0])),
                "validation": 0 if scores is None else len(scores.order),
            },
        },
        checkpoint=checkpoint,
        checkpoints=checkpoints,
        device=device,
        progress=progress,
        # A list of batches: joining them would pad all to the longest.
        arguments={"eval_do_concat_batches": False},
        lora_task="QUESTION_ANS",
        compute_metrics=scores,
    )
    return QuestionAnsweringPipeline(folder, device=device)


def _columns(questions: Questions | None) -> list[Any]:
    if questions is None:
        return []
    answers = [[of["text"], [int(start) for start in of["answer_start"]]] for of in questions.answers]
    return [questions.questions, questions.contexts, answers]
