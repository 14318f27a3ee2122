"""Pretraining from raw text: `pretrain`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ferrobert.models.checkpoint import require_torch

if TYPE_CHECKING:
    from ferrobert.training.pretraining.result import PretrainingResult

__all__ = ["pretrain"]


def pretrain(
    corpus: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    output_dir: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    tokenizer: Any = None,
    vocab_size: int = 30522,
    do_lower_case: bool = True,
    objective: str | None = None,
    max_length: int = 128,
    mlm_probability: float = 0.15,
    mask_replace_prob: float = 0.8,
    random_replace_prob: float = 0.1,
    whole_word_mask: bool = False,
    exact: bool = False,
    max_span_length: int | None = None,
    short_seq_prob: float = 0.1,
    next_sentence_prob: float = 0.5,
    document_format: str = "auto",
    epochs: int = 10,
    max_steps: int | None = None,
    batch_size: int = 32,
    gradient_accumulation_steps: int = 1,
    learning_rate: float = 1e-4,
    warmup_ratio: float = 0.1,
    weight_decay: float = 0.01,
    adam_beta2: float = 0.999,
    adam_epsilon: float = 1e-8,
    max_grad_norm: float = 1.0,
    dropout: float | None = None,
    lora: bool | int | Mapping[str, Any] | Any | None = None,
    bf16: bool | None = None,
    device: str | None = None,
    held_out: float = 0.01,
    evaluate_every: int | None = None,
    save_every: int | None = None,
    log_every: int = 50,
    workers: int = 0,
    seed: int = 42,
    curve: bool | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Any = True,
) -> PretrainingResult:
    """Pretrain an encoder on raw text: masked tokens, and pairs of sentences.

    The corpus is encoded once into memory-mapped files in ``output_dir/data``; masks are drawn anew in each epoch.
    AdamW with a learning rate that rises over the first ``warmup_ratio`` of the steps and then falls linearly to 0, on
    transformers.Trainer. Runs on the first GPU, else on the CPU; under ``torchrun`` or ``accelerate launch`` on all of
    theirs, whose file system must be one. A run that was killed at any moment goes on with ``resume=True`` and ends
    with the weights of an unbroken one (bit for bit on the same CPU or GPU and number of processes).

    Args:
        corpus: text files in UTF-8: paths, patterns such as ``data/*.txt``, or folders (their ``.txt`` files).
        output_dir: where the model goes, with its tokenizer, ``pretraining_report.json``, ``pretraining_log.jsonl`` and
            ``loss_curve.png``; ``data/`` holds the encoded corpus, ``checkpoints/`` the last two checkpoints until the
            run ends.
        model: a checkpoint to go on from (a folder or the id of a model on the hub), to adapt it to a domain.
        config: for a new model: a size ("tiny", "mini", "small", "medium", "base", "large"; by default "base"), a dict
            of settings, or a config.json.
        tokenizer: a tokenizer or the name of one; by default that of ``model``, or a WordPiece vocabulary that is
            trained on the corpus.
        vocab_size, do_lower_case: of the vocabulary that is trained.
        objective: "mlm+nsp" (masked tokens and next sentences), "mlm+sop" (sentence order, ALBERT's), or "mlm", which
            fills rows with sentences one after another (RoBERTa's). By default "mlm+nsp" for BERT, "mlm" for others and
            with ``lora``.
        max_length: tokens of a row.
        mlm_probability, mask_replace_prob, random_replace_prob, whole_word_mask, exact, max_span_length: how tokens are
            masked, see :class:`ferrobert.DataCollatorForLanguageModeling`.
        short_seq_prob, next_sentence_prob: how pairs are made, see :func:`ferrobert.sentence_pairs`.
        document_format: "blank-line" (a sentence a line, blank lines between documents), "line" (a document a line,
            split into sentences after ``. ! ? 。 ！ ？``), or "auto", which takes the first for
            files with a blank line between texts.
        epochs: passes over the corpus.
        max_steps: optimizer steps, in place of ``epochs``.
        batch_size: rows of a batch, of each process.
        gradient_accumulation_steps, learning_rate, warmup_ratio, weight_decay, adam_beta2, adam_epsilon, max_grad_norm:
            the optimisation.
        dropout: share of hidden states and of attention that is dropped while it learns, in place of the model's own;
            that of ``lora`` too, unless its settings say ``lora_dropout``. 0.0 is faster on the CPU.
        lora: train a low-rank addition to the attention of ``model``, and the transform and bias of its head, in place
            of all weights: ``True`` for rank 8, a rank, settings of ``peft.LoraConfig``, or a ``LoraConfig``.
            ``output_dir/adapter`` then holds what was learned alone. It wants a higher ``learning_rate``, such as 1e-3.
        bf16: mixed precision; by default on GPUs that have it.
        device: "cpu" to stay off a GPU that is there.
        held_out: share of the documents that are set aside to evaluate on; which ones depends on their numbers alone.
        evaluate_every, save_every: optimizer steps between evaluations (by default a twentieth of the run), and between
            checkpoints (by default as often).
        log_every: optimizer steps between lines of the log.
        workers: processes that load data; any number gives the same masks.
        seed: seed of the weights, pairs, masks, order of rows and dropout.
        curve: draw the losses; by default where matplotlib is installed.
        resume: go on from the last complete checkpoint in ``output_dir``.
        overwrite: begin again where ``output_dir`` holds another run's model, checkpoints, vocabulary or data.
        progress: show bars and lines on stderr, or on this console of rich.

    Returns:
        Paths and the metrics of the last evaluation.

    Raises:
        ConfigError: a setting that is not allowed; another or an unfinished run in ``output_dir``.
        DataError: the corpus has no text, or bytes that are not UTF-8; the message names file and line.
        CheckpointError: ``model`` cannot be loaded.
        MissingDependencyError: torch, transformers or pyarrow is not installed, matplotlib for ``curve=True``, or peft
            for ``lora``.

    Example:
        >>> result = pretrain("corpus.txt", output_dir="my-bert", config="mini", epochs=3)  # doctest: +SKIP
        >>> result.metrics["held_out_mlm_loss"], result.metrics["unigram_loss"]  # doctest: +SKIP
        (4.2, 6.9)
    """
    settings = dict(locals())
    require_torch("pretrain")
    from ferrobert.training.pretraining.run import run

    return run(**settings)
