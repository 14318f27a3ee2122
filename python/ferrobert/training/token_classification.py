"""Fine-tuning an encoder to label words (named entities), on transformers.Trainer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from rich.console import Console

from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count
from ferrobert.labels.vocabulary import scheme_of
from ferrobert.models.checkpoint import load_token_classifier
from ferrobert.pipelines.token_classification import TokenClassificationPipeline
from ferrobert.training.base_model import check_is_checkpoint, labels_of_checkpoint, longest_row, tokenizer_of
from ferrobert.training.class_weights import class_weights
from ferrobert.training.loop import REPORT, train_and_save
from ferrobert.training.recipe import Recipe, fingerprint
from ferrobert.training.rows import IGNORED, LabelledTokens
from ferrobert.training.run_folder import FINISHED, prepare_run
from ferrobert.training.tagged_examples import Tagged, read_tagged, split
from ferrobert.training.tagged_rows import TagColumns
from ferrobert.training.tags import SchemeNote, check_tags, counted, in_scheme, tag_names
from ferrobert.training.token_labels import TokenLabels, encode_tagged
from ferrobert.training.token_scores import WordScores
from ferrobert.training.trainer import TokenClassifierTrainer


@dataclass(frozen=True, slots=True)
class TokenRecipe(Recipe):
    """The settings that decide which weights come out."""

    scores: ClassVar[tuple[str, ...]] = ("f1",)

    scheme: str
    label_all_tokens: bool
    stride: int | None


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
    group_by_length: bool = False,
    stride: int | None = None,
    label_names: Sequence[str] | None = None,
    scheme: str | None = None,
    label_all_tokens: bool = False,
    tokens_column: str = "tokens",
    tags_column: str = "tags",
    text_column: str = "text",
    spans_column: str = "spans",
    file_format: str | None = None,
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
) -> TokenClassificationPipeline:
    """Train an encoder to label words, save it, and return a pipeline with it.

    AdamW (eps 1e-8), a learning rate that rises over the first ``warmup_ratio`` of the steps and then falls linearly to
    0, gradients clipped at ``max_grad_norm``. The loss is cross entropy, the mean over all labelled tokens of an
    optimizer step, those of all accumulated batches and processes. Examples longer than the model reads are read in
    windows, each word in the one that shows most of what is around it: nothing is cut off. Runs on the
    first GPU, else on the CPU; under ``torchrun`` or ``accelerate launch`` on all of theirs.

    Args:
        model: the checkpoint to start from. A head for the labels is made where it has none.
        train: the examples, words with tags or texts with spans: a path to CoNLL, JSONL or Parquet; a list of
            ``(words, tags)`` or dicts; a dict of columns; a DataFrame; a `datasets.Dataset`.
        validation: likewise, or a share of ``train`` to set aside, such as 0.1.
        output_dir: where the trained model goes, with ``training_report.json``; ``checkpoints/`` in it holds the
            last epochs until the run ends.
        epochs, learning_rate, batch_size, warmup_ratio, max_grad_norm, weight_decay, gradient_accumulation_steps:
            the optimisation.
        dropout: share of hidden states and of attention that is dropped while it learns, in place of the model's own;
            that of ``lora`` too, unless its settings say ``lora_dropout``. 0.0 is faster on the CPU.
        freeze_encoder: train the head alone (wants a learning rate near 1e-3).
        lora: train a low-rank addition to the attention and the head: ``True`` for rank 8, a rank, settings of
            ``peft.LoraConfig`` or one (wants a learning rate near 5e-4). It is folded into the weights that are saved;
            ``adapter/`` in ``output_dir`` holds it alone, with the head.
        class_weight: "balanced", or a weight for each tag by name.
        max_length: tokens of a window; by default what the model can read.
        group_by_length: batches hold rows of similar length: up to twice as fast; may cost some F1 where sources differ
            in length (measured in docs/training.md).
        stride: tokens that neighbouring windows share; by default those of the pipeline: a quarter of a window, at
            most 128.
        label_names: the tags in the order of their ids; by default the source's, else "O" and those of the types in the
            data, sorted, B- before I-.
        scheme: "BIO" (IOB2), "IOB1", "BIOES" or "BILOU"; by default the one that the tags show, for spans BIO. IOB1 is
            converted to BIO.
        label_all_tokens: label all tokens of a word, the later ones I-, not the first alone.
        tokens_column, tags_column: where a source with columns holds lists of words and their tags, names or numbers.
        text_column, spans_column: where it holds texts and lists of ``{"start", "end", "label"}`` (characters,
            half-open); read where there is no column of words.
        file_format: "conll", "jsonl" or "parquet" for a file whose ending does not say it.
        early_stopping_patience: stop after this many epochs without a better validation loss (or ``select_best``).
        select_best: keep the epoch with the best validation "loss" or "f1"; by default the last epoch, or the one with
            the lowest loss under early stopping.
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
        A pipeline with the saved model. F1 in its report is that of whole entities, strict, all types together.

    Raises:
        ConfigError: a setting that is not allowed; checkpoints of another or an unfinished run in ``output_dir``.
        DataError: no rows, no entity, a row without words or tags, a tag of no scheme, a tag in validation that train
            lacks.
        AlignmentError: words and tags differ in number; a span that cuts a word, overlaps another or is outside.
        CheckpointError: the model cannot be loaded.

    Example:
        >>> train = [(["Elon", "Musk", "founded", "Tesla"], ["B-PER", "I-PER", "O", "B-ORG"])]
        >>> ner = finetune("path/to/encoder", train, output_dir="my-ner")  # doctest: +SKIP
        >>> ner("Elon Musk founded Tesla.", aggregation_strategy="simple")  # doctest: +SKIP
        [{'entity_group': 'PER', 'score': 0.9, 'word': 'Elon Musk', 'start': 0, 'end': 9}, ...]
    """
    given = dict(locals())
    check_is_checkpoint(model)
    scheme = None if scheme is None else scheme_of(scheme)
    if not isinstance(label_all_tokens, bool):
        raise ConfigError(f"label_all_tokens must be True or False, got {label_all_tokens!r}")
    if stride is not None:
        check_count("stride", stride, 0)
    columns = TagColumns(tokens_column, tags_column, text_column, spans_column)
    learn = read_tagged(train, columns, "train", names=label_names, file_format=file_format)
    learn, note = in_scheme(learn, scheme)
    known = labels_of_checkpoint(model, "ForTokenClassification")
    names = tag_names(learn, note.scheme, label_names, known)
    check_tags(learn, names, note.scheme)
    check: Tagged | None = None
    check_note: SchemeNote | None = None
    if isinstance(validation, float):
        learn, check = split(learn, validation, seed)
    elif validation is not None:
        check = read_tagged(validation, columns, "validation", names=names, file_format=file_format)
        check, check_note = in_scheme(check, scheme, note.scheme)
        check_tags(check, names, note.scheme)
    recipe = TokenRecipe.of(
        given,
        validates=check is not None,
        label_names=names,
        data=fingerprint(_columns(learn), _columns(check)),
        scheme=note.scheme,
    )
    class_weights(class_weight, names, np.zeros(0, dtype=np.int64))  # to refuse it before anything is loaded
    recipe.warn_of_small_rate(stacklevel=2)
    folder = Path(output_dir)
    checkpoint = prepare_run(folder, asdict(recipe), REPORT, resume=resume, overwrite=overwrite)
    if checkpoint == FINISHED:
        return TokenClassificationPipeline(folder, device=device)

    transformers.set_seed(seed)
    loaded = load_token_classifier(model, dtype=torch.float32, labels=names)
    tokenizer = tokenizer_of(model, tokenizer)
    longest = longest_row(loaded, max_length)

    def encoded(examples: Tagged) -> TokenLabels:
        return encode_tagged(
            examples,
            tokenizer,
            names,
            scheme=note.scheme,
            longest=longest,
            stride=stride,
            label_all_tokens=label_all_tokens,
        )

    pad_id = tokenizer.pad_token_id or 0
    train_tokens = encoded(learn)
    check_tokens = None if check is None else encoded(check)
    weights = class_weights(class_weight, names, train_tokens.labels[train_tokens.labels != IGNORED])
    scores = None
    if check is not None and check_tokens is not None:
        scores = WordScores(check, check_tokens, names, note.scheme, weights)
    train_and_save(
        loaded,
        tokenizer,
        recipe,
        folder,
        trainer_class=TokenClassifierTrainer,
        train_rows=LabelledTokens(train_tokens.rows, train_tokens.labels, pad_id),
        validation_rows=None if scores is None else scores.rows(pad_id),
        report={
            "task": "token-classification",
            "rows": {
                "train": len(learn),
                "validation": 0 if check is None else len(check),
                "train_by_label": counted(learn),
            },
            "tags": {"train": asdict(note), "validation": None if check_note is None else asdict(check_note)},
            "max_tokens": longest,
            "tokens": {"train": _told(train_tokens), "validation": check_tokens and _told(check_tokens)},
        },
        checkpoint=checkpoint,
        checkpoints=checkpoints,
        device=device,
        progress=progress,
        # A list of batches: joining them would pad all to the longest.
        arguments={"eval_do_concat_batches": False},
        lora_task="TOKEN_CLS",
        compute_metrics=scores,
        class_weight=weights,
    )
    return TokenClassificationPipeline(folder, device=device)


def _told(tokens: TokenLabels) -> dict[str, int]:
    """What became of the words of a source, for the report."""
    return {
        "labelled": int((tokens.labels != IGNORED).sum()),
        "windows": len(tokens.rows),
        "rows_in_windows": tokens.long_examples,
        "words_without_tokens": tokens.words_without_tokens,
    }


def _columns(examples: Tagged | None) -> list[Any]:
    return [] if examples is None else [examples.inputs, examples.labels]
