"""``ferrobert pretrain``: pretrain an encoder on raw text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ferrobert.cli.options import Dropout, LoraTargets, console, lora_settings


def pretrain(
    corpus: Annotated[
        list[str], typer.Argument(help="Text files, patterns, or folders of .txt files.", show_default=False)
    ],
    output_dir: Annotated[Path, typer.Option("--output-dir", "--output", "-o", help="Folder for the trained model.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Checkpoint to go on from: a folder or the id on the hub.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="tiny, mini, small, medium, base or large; or a config.json. By default base.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Tokenizer; by default the model's, or a vocabulary trained on the corpus.")
    ] = None,
    vocab_size: Annotated[int, typer.Option(help="Most tokens of a vocabulary that is trained.")] = 30522,
    cased: Annotated[bool, typer.Option("--cased", help="Train a vocabulary that keeps capitals and accents.")] = False,
    objective: Annotated[
        str | None,
        typer.Option(help="mlm+nsp, mlm+sop or mlm; by default mlm+nsp for BERT, mlm for others and with --lora."),
    ] = None,
    document_format: Annotated[
        str, typer.Option(help="blank-line (blank lines between documents), line (a document a line), or auto.")
    ] = "auto",
    max_length: Annotated[int, typer.Option(help="Tokens of a row.")] = 128,
    mlm_probability: Annotated[float, typer.Option(help="Share of the tokens that are masked.")] = 0.15,
    whole_word_mask: Annotated[bool, typer.Option("--whole-word-mask", help="Mask words, not tokens.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Mask an exact share of each row.")] = False,
    epochs: Annotated[int, typer.Option(help="Passes over the corpus.")] = 10,
    max_steps: Annotated[int | None, typer.Option(help="Optimizer steps, in place of epochs.")] = None,
    batch_size: Annotated[int, typer.Option(help="Rows of a batch, of each process.")] = 32,
    gradient_accumulation_steps: Annotated[int, typer.Option(help="Batches of an optimizer step.")] = 1,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-4,
    warmup_ratio: Annotated[float, typer.Option(help="Share of the steps in which the learning rate rises.")] = 0.1,
    weight_decay: Annotated[float, typer.Option(help="AdamW's weight decay.")] = 0.01,
    dropout: Dropout = None,
    lora: Annotated[
        int | None, typer.Option(help="Train a LoRA of this rank on --model, and the head, instead of all weights.")
    ] = None,
    lora_target: LoraTargets = None,
    held_out: Annotated[float, typer.Option(help="Share of the documents to evaluate on.")] = 0.01,
    evaluate_every: Annotated[int | None, typer.Option(help="Steps between evaluations.")] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between checkpoints.")] = None,
    log_every: Annotated[int, typer.Option(help="Steps between lines of the log.")] = 50,
    workers: Annotated[int, typer.Option(help="Processes that load data.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of all random choices.")] = 42,
    bf16: Annotated[
        bool | None, typer.Option("--bf16/--no-bf16", help="Mixed precision; by default on GPUs that have it.")
    ] = None,
    curve: Annotated[
        bool | None, typer.Option("--curve/--no-curve", help="Draw the losses; by default where matplotlib is there.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last complete checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what another run left.")] = False,
    device: Annotated[str | None, typer.Option(help="cpu to stay off a GPU that is there.")] = None,
) -> None:
    """Pretrain an encoder on raw text: masked tokens and next sentences.

    Example: ferrobert pretrain corpus.txt -o ./my-bert --config mini --epochs 3.
    To another domain: ferrobert pretrain reports.txt -o ./my-bert -m path/to/bert --lora 16 --learning-rate 1e-3
    On several GPUs: torchrun --nproc-per-node 4 -m ferrobert pretrain corpus.txt -o ./my-bert
    """
    from ferrobert.training import pretrain as run
    from ferrobert.training.pretraining.log import evaluation_text
    from ferrobert.training.pretraining.preparation import is_main

    result = run(
        corpus,
        output_dir=output_dir,
        model=model,
        config=config,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        do_lower_case=not cased,
        objective=objective,
        document_format=document_format,
        max_length=max_length,
        mlm_probability=mlm_probability,
        whole_word_mask=whole_word_mask,
        exact=exact,
        epochs=epochs,
        max_steps=max_steps,
        batch_size=batch_size,
        gradient_accumulation_steps=gradient_accumulation_steps,
        learning_rate=learning_rate,
        warmup_ratio=warmup_ratio,
        weight_decay=weight_decay,
        dropout=dropout,
        lora=lora_settings(lora, lora_target),
        held_out=held_out,
        evaluate_every=evaluate_every,
        save_every=save_every,
        log_every=log_every,
        workers=workers,
        seed=seed,
        bf16=bf16,
        curve=curve,
        resume=resume,
        overwrite=overwrite,
        device=device,
    )
    if not is_main():
        return
    out = console()
    out.print(f"model saved in {result.model_dir} after {result.steps:,} steps", soft_wrap=True)
    if result.adapter:
        out.print(f"adapter saved in {result.adapter}", soft_wrap=True)
    if result.metrics:
        baseline = f"token frequencies alone: {result.metrics['unigram_loss']:.3f}"
        out.print(f"{evaluation_text(dict(result.metrics))} ({baseline})", soft_wrap=True)
    out.print(f"losses: {result.log}" + (f", drawn in {result.curve}" if result.curve else ""), soft_wrap=True)
