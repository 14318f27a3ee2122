"""``ferrobert train``: fine-tune a model on a labelled file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ferrobert.cli.options import (
    ContextColumn,
    Device,
    Dropout,
    FileFormat,
    LabelColumn,
    LoraTargets,
    MaxLength,
    Model,
    PairColumn,
    QuestionColumn,
    SpansColumn,
    TagsColumn,
    TextColumn,
    TokensColumn,
    console,
    lora_settings,
)
from ferrobert.errors import ConfigError


def train(
    file: Annotated[
        Path, typer.Argument(help="CSV, TSV, JSONL, Parquet, CoNLL or SQuAD file with labels.", show_default=False)
    ],
    model: Model,
    output_dir: Annotated[Path, typer.Option("--output-dir", "-o", help="Folder for the trained model.")],
    validation: Annotated[
        str | None, typer.Option(help="Labelled file to validate on, or a share of the rows such as 0.1.")
    ] = None,
    task: Annotated[str, typer.Option(help="text-classification, ner or question-answering.")] = "text-classification",
    text_column: TextColumn = "text",
    text_pair_column: PairColumn = None,
    label_column: LabelColumn = "label",
    tokens_column: TokensColumn = "tokens",
    tags_column: TagsColumn = "tags",
    spans_column: SpansColumn = "spans",
    scheme: Annotated[
        str | None, typer.Option(help="ner: BIO, IOB1, BIOES or BILOU; by default the one that the tags show.")
    ] = None,
    label_all_tokens: Annotated[
        bool, typer.Option("--label-all-tokens", help="ner: label all tokens of a word, not the first alone.")
    ] = False,
    question_column: QuestionColumn = "question",
    context_column: ContextColumn = "context",
    wrong_answers: Annotated[
        str | None,
        typer.Option(help="question-answering: skip leaves out rows whose answer does not stand at its answer_start."),
    ] = None,
    file_format: FileFormat = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 3,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 2e-5,
    batch_size: Annotated[int, typer.Option(help="Texts of a batch.")] = 16,
    max_length: MaxLength = None,
    warmup_ratio: Annotated[float, typer.Option(help="Share of the steps in which the learning rate rises.")] = 0.1,
    weight_decay: Annotated[float, typer.Option(help="AdamW's weight decay.")] = 0.01,
    dropout: Dropout = None,
    group_by_length: Annotated[
        bool | None,
        typer.Option(
            "--group-by-length/--no-group-by-length",
            help="Batches of similar length, which are faster; by default for texts, not for ner.",
        ),
    ] = None,
    freeze_encoder: Annotated[bool, typer.Option("--freeze-encoder", help="Train the head alone.")] = False,
    lora: Annotated[int | None, typer.Option(help="Train a LoRA of this rank instead of all weights.")] = None,
    lora_target: LoraTargets = None,
    balanced: Annotated[bool, typer.Option("--balanced", help="Weigh rare labels up.")] = False,
    early_stopping: Annotated[
        int | None, typer.Option(help="Stop after this many epochs without a better validation loss.")
    ] = None,
    select_best: Annotated[
        str | None,
        typer.Option(help="Keep the epoch with the best validation loss, f1 or accuracy (texts), exact (questions)."),
    ] = None,
    mixed_precision: Annotated[str | None, typer.Option(help="bf16 or fp16 on a GPU.")] = None,
    no_calibrate: Annotated[
        bool,
        typer.Option("--no-calibrate", help="Save scores as they are learned, without a temperature from validation."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of all random choices.")] = 42,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Drop checkpoints of an unfinished run.")] = False,
    device: Device = None,
) -> None:
    """Fine-tune a model on a labelled file.

    Example: ferrobert train train.csv --model bert-base-uncased --validation 0.1 -o ./my-model
    Entities: ferrobert train train.conll --task ner --model bert-base-cased --validation dev.conll -o ./my-tagger
    Answers: ferrobert train train-v2.0.json --task question-answering --model bert-base-cased -o ./my-reader
    """
    from ferrobert.tasks import ALIASES
    from ferrobert.training import finetune

    settings: dict[str, Any]
    tags, asks = (ALIASES.get(task, task) == one for one in ("token-classification", "question-answering"))
    if wrong_answers is not None and not asks:
        raise ConfigError(f"--wrong-answers goes with --task question-answering, not with {task}")
    if asks:
        if text_pair_column is not None or scheme is not None or label_all_tokens or balanced or no_calibrate:
            raise ConfigError(
                "--text-pair-column, --scheme, --label-all-tokens, --balanced and --no-calibrate do not go with "
                f"--task {task}"
            )
        settings = {
            "question_column": question_column,
            "context_column": context_column,
            "wrong_answers": wrong_answers or "raise",
            "file_format": file_format,
        }
    elif tags:
        if text_pair_column is not None:
            raise ConfigError("--text-pair-column does not go with --task ner")
        settings = {
            "tokens_column": tokens_column,
            "tags_column": tags_column,
            "spans_column": spans_column,
            "scheme": scheme,
            "label_all_tokens": label_all_tokens,
            "file_format": file_format,
            "text_column": text_column,
        }
    else:
        if scheme is not None or label_all_tokens or file_format is not None:
            raise ConfigError(f"--scheme, --label-all-tokens and --format go with --task ner, not with {task}")
        settings = {
            "text_column": text_column,
            "text_pair_column": text_pair_column,
            "label_column": label_column,
        }
    if no_calibrate:
        settings["calibrate"] = False
    if group_by_length is not None:
        settings["group_by_length"] = group_by_length
    finetune(
        task,
        model,
        file,
        _share_or_file(validation),
        output_dir=output_dir,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        max_length=max_length,
        warmup_ratio=warmup_ratio,
        weight_decay=weight_decay,
        dropout=dropout,
        freeze_encoder=freeze_encoder,
        lora=lora_settings(lora, lora_target),
        class_weight="balanced" if balanced else None,
        early_stopping_patience=early_stopping,
        select_best=select_best,
        mixed_precision=mixed_precision,
        seed=seed,
        resume=resume,
        overwrite=overwrite,
        device=device,
        **settings,
    )
    out = console()
    out.print(f"model saved in {output_dir}, its report in {output_dir / 'training_report.json'}", soft_wrap=True)
    of_task = " --task ner" if tags else f" --task {task}" if asks else ""
    out.print(f"try: ferrobert predict FILE --model {output_dir}{of_task}", soft_wrap=True)


def _share_or_file(validation: str | None) -> Any:
    if validation is None or Path(validation).exists():
        return validation
    try:
        return float(validation)
    except ValueError:
        raise ConfigError(f"--validation must be a file or a share such as 0.1; no such file: {validation}") from None
