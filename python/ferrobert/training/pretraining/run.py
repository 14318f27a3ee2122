"""A pretraining run from its arguments to its result."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
import transformers
from rich.console import Console

from ferrobert.errors import ConfigError
from ferrobert.hub import where_is
from ferrobert.inputs import check_count
from ferrobert.models.checkpoint import LoadedModel
from ferrobert.training.pretraining import architecture
from ferrobert.training.pretraining.curve import can_draw
from ferrobert.training.pretraining.loop import Setup, train
from ferrobert.training.pretraining.preparation import (
    collator,
    document_encoder,
    inspect_corpus,
    is_main,
    prepare_shards,
    prepare_tokenizer,
    shard_folder,
)
from ferrobert.training.pretraining.recipe import Recipe
from ferrobert.training.pretraining.result import PretrainingResult
from ferrobert.training.pretraining.shards import require_pyarrow
from ferrobert.training.recipe import plain
from ferrobert.training.run_folder import check_unused
from ferrobert.training.trainable import add_lora, set_dropout

DATA, TOKENIZER = "data", "tokenizer"


def run(
    corpus: Any,
    *,
    output_dir: str | os.PathLike[str],
    model: str | os.PathLike[str] | None,
    config: Any,
    tokenizer: Any,
    vocab_size: int,
    do_lower_case: bool,
    objective: str | None,
    document_format: str,
    lora: Any,
    bf16: bool | None,
    device: str | None,
    evaluate_every: int | None,
    save_every: int | None,
    log_every: int,
    workers: int,
    curve: bool | None,
    resume: bool,
    overwrite: bool,
    progress: bool | Console,
    **settings: Any,
) -> PretrainingResult:
    """See :func:`ferrobert.pretrain`, which documents the arguments."""
    if hasattr(model, "parameters"):
        raise ConfigError("model must be a checkpoint folder or the id of a model on the hub, got a loaded model")
    if model is not None and config is not None:
        raise ConfigError("model= goes on from a checkpoint, config= makes a new model: give one of the two")
    lora = None if lora is False else lora
    for name, value in (("evaluate_every", evaluate_every), ("save_every", save_every), ("log_every", log_every)):
        if value is not None:
            check_count(name, value, 1)
    check_count("workers", workers, 0)
    require_pyarrow()
    draws = can_draw(curve)
    use_cpu, bf16 = _precision(device, bf16)
    folder = Path(output_dir)
    check_unused(folder, resume=resume, overwrite=overwrite)
    console = progress if isinstance(progress, Console) else Console(stderr=True, quiet=not progress or not is_main())

    named = None if model is None else os.fspath(model)
    model = None if named is None else where_is(named)
    family = _family(model, config)
    recipe = Recipe(
        model=named,
        config=_plain("base" if config is None and model is None else config),
        objective=architecture.choose_objective(objective, family, lora=lora is not None),
        lora=plain(lora),
        **settings,
    )
    if recipe.config is not None:
        architecture.check_positions(recipe.config, recipe.max_length)
    files = inspect_corpus(corpus, document_format, folder / DATA)
    words = _tokenizer(tokenizer, model)
    if words is None:
        words = prepare_tokenizer(
            folder / TOKENIZER,
            files,
            recipe,
            vocab_size=vocab_size,
            do_lower_case=do_lower_case,
            overwrite=overwrite,
            console=console,
        )
    collator(recipe, words, recipe.seed)
    transformers.set_seed(recipe.seed)
    loaded = _network(recipe, model, words)
    architecture.check_fit(loaded.model, words, recipe.max_length, own_tokenizer=model is None or tokenizer is None)
    network: Any = loaded.model
    if recipe.dropout is not None:
        set_dropout(network, recipe.dropout)
    if recipe.lora is not None:
        network = add_lora(loaded, recipe.lora, None, recipe.dropout)
    shards = prepare_shards(
        lambda: shard_folder(folder / DATA, files, words, recipe),
        document_encoder(words, recipe),
        recipe,
        overwrite=overwrite,
        console=console,
    )
    setup = Setup(
        recipe=recipe,
        folder=folder,
        console=console,
        use_cpu=use_cpu,
        bf16=bf16,
        draws=draws,
        evaluate_every=evaluate_every,
        save_every=save_every,
        log_every=log_every,
        workers=workers,
        resume=resume,
        overwrite=overwrite,
    )
    return train(setup, network, words, shards)


def _precision(device: str | None, bf16: bool | None) -> tuple[bool, bool]:
    """Whether to stay on the CPU, and whether to compute in bfloat16."""
    if device not in (None, "cpu", "cuda"):
        raise ConfigError(f"device must be None, 'cpu' or 'cuda', got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device 'cuda' is not there: torch sees no CUDA device")
    use_cpu = device == "cpu" or not torch.cuda.is_available()
    if bf16 is None:
        bf16 = not use_cpu and torch.cuda.is_bf16_supported(including_emulation=False)
    return use_cpu, bf16


def _family(model: str | os.PathLike[str] | None, config: Any) -> str:
    """The family of the model: "bert", "roberta", ..."""
    if model is not None:
        return str(architecture.checkpoint_config(model).model_type)
    return architecture.family_of("base" if config is None else config)


def _tokenizer(tokenizer: Any, model: str | os.PathLike[str] | None) -> Any:
    """The tokenizer that was given, or that of the model; ``None`` where one is to be trained."""
    from ferrobert import AutoTokenizer

    if tokenizer is not None and not isinstance(tokenizer, (str, os.PathLike)):
        if not hasattr(tokenizer, "save_pretrained") or not hasattr(tokenizer, "mask_token_id"):
            raise ConfigError(f"tokenizer must be a tokenizer or the name of one, got {type(tokenizer).__name__}")
        return tokenizer
    source = model if tokenizer is None else tokenizer
    return None if source is None else AutoTokenizer.from_pretrained(source)


def _network(recipe: Recipe, model: str | os.PathLike[str] | None, tokenizer: Any) -> LoadedModel:
    if model is not None:
        return architecture.load_model(model, architecture.checkpoint_config(model), recipe.objective)
    made = architecture.make_model(architecture.new_config(recipe.config, tokenizer), recipe.objective)
    return LoadedModel(made, frozenset(name for name, _ in made.named_parameters()))


def _plain(config: Any) -> Any:
    """A configuration as JSON holds it: a path becomes the settings in its file."""
    if config is None or (isinstance(config, str) and config in architecture.SIZES):
        return config
    return json.loads(json.dumps(architecture.settings_of(config), default=str))
