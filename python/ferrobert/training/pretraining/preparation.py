"""From text files to encoded rows: the first process works, the others wait for its files."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ferrobert.errors import ConfigError
from ferrobert.training.pretraining.corpus import SourceFile, find_files, inspect
from ferrobert.training.pretraining.files import read_json, write_json
from ferrobert.training.pretraining.recipe import Recipe
from ferrobert.training.pretraining.shards import HELD_OUT_SEED, Encoder, ShardFolder
from ferrobert.training.pretraining.vocabulary import (
    save_trained,
    train_vocabulary,
    trained_tokenizer,
    vocabulary_record,
)

SOURCES = "corpus.json"
POLL_SECONDS = 0.5


def is_main() -> bool:
    """Whether this is the only process, or the first one under ``torchrun``."""
    return os.environ.get("RANK", "0") == "0"


def wait_for(ready: Callable[[], Any]) -> Any:
    """Wait until the first process has made something: what ``ready`` returns once it is not false.

    Files, not a barrier: encoding may take longer than the time limit of any collective operation. Where the first
    process fails, ``torchrun`` ends the others.
    """
    while not (found := ready()):
        time.sleep(POLL_SECONDS)
    return found


def inspect_corpus(corpus: Any, document_format: str, data: Path) -> list[SourceFile]:
    """Fingerprints of the corpus's files; files that have not changed since the last run are not read again."""
    record = data / SOURCES
    known = {entry["path"]: SourceFile(**entry) for entry in read_json(record) or []}
    files = [inspect(path, document_format, known.get(str(path))) for path in find_files(corpus)]
    if is_main():
        data.mkdir(parents=True, exist_ok=True)
        write_json(record, [asdict(file) for file in files])
    return files


def prepare_tokenizer(
    folder: Path,
    files: list[SourceFile],
    recipe: Recipe,
    *,
    vocab_size: int,
    do_lower_case: bool,
    overwrite: bool,
    console: Console,
) -> Any:
    """The tokenizer of the corpus's own vocabulary, trained unless it is there."""
    record = vocabulary_record(files, vocab_size=vocab_size, do_lower_case=do_lower_case, held_out=recipe.held_out)

    def found() -> Any:
        try:
            return trained_tokenizer(folder, record, recipe.max_length)
        except ConfigError:
            if not overwrite:
                raise
            return None

    if not is_main():
        return wait_for(found)
    tokenizer = found()
    if tokenizer is None:
        started = time.monotonic()
        vocab = train_vocabulary(
            files, vocab_size=vocab_size, do_lower_case=do_lower_case, held_out=recipe.held_out, seed=HELD_OUT_SEED
        )
        save_trained(folder, vocab, do_lower_case, record)
        tokenizer = trained_tokenizer(folder, record, recipe.max_length)
        seconds = time.monotonic() - started
        console.print(f"vocabulary of {len(vocab):,} tokens trained in {seconds:.1f} s", highlight=False)
    return tokenizer


def shard_folder(data: Path, files: list[SourceFile], tokenizer: Any, recipe: Recipe) -> ShardFolder:
    """The folder of the corpus's shards under a recipe."""
    options = {
        "tokenizer": tokenizer_fingerprint(tokenizer),
        "objective": recipe.objective,
        "max_length": recipe.max_length,
    }
    if recipe.objective != "mlm":
        options |= {
            "short_seq_prob": recipe.short_seq_prob,
            "next_sentence_prob": recipe.next_sentence_prob,
            "seed": recipe.seed,
        }
    return ShardFolder(data, files, options, recipe.held_out)


def prepare_shards(
    make: Callable[[], ShardFolder], encode: Encoder, recipe: Recipe, *, overwrite: bool, console: Console
) -> ShardFolder:
    """Encode what is not encoded yet.

    Args:
        make: reads the folder's manifest.
        encode: makes batch encodings of documents.
        recipe: the recipe, for its seed.
        overwrite: encode anew where the folder holds another corpus or other options.
        console: for the bar and the closing line.
    """
    shards = make()
    if not overwrite:
        shards.check()
    if shards.complete:
        return shards
    if not is_main():

        def finished() -> ShardFolder | None:
            there = make()
            return there if there.complete else None

        waited: ShardFolder = wait_for(finished)
        return waited
    if shards.differs:
        shards.clear()
    _encode_with_bar(shards, encode, recipe.seed, console)
    return shards


def _encode_with_bar(shards: ShardFolder, encode: Encoder, seed: int, console: Console) -> None:
    bar = Progress(
        TextColumn("encoding"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[tokens]:,} tokens"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    total = sum(file.size for file in shards.files)
    started, counted = time.monotonic(), 0
    with bar:
        task = bar.add_task("encoding", total=total, tokens=0)

        def said(characters: int, tokens: int) -> None:
            nonlocal counted
            counted += tokens
            bar.update(task, advance=characters, tokens=counted)

        shards.encode(encode, seed, said)
    seconds = time.monotonic() - started
    console.print(f"{counted:,} tokens encoded in {seconds:.1f} s", highlight=False)


def document_encoder(tokenizer: Any, recipe: Recipe) -> Encoder:
    """Makes rows of documents, as the objective wants them: pairs, or sentences packed one after another."""
    from ferrobert.pairs import pack_sentences, sentence_pairs

    def encode(documents: Iterable[list[str]], seed: int, shard: int) -> Iterator[Any]:
        if recipe.objective == "mlm":
            return iter(pack_sentences(documents, tokenizer, max_length=recipe.max_length))
        # Samples are numbered from 0 in each shard; the shard's number in place of the epoch makes its draws its own.
        return iter(
            sentence_pairs(
                documents,
                tokenizer,
                max_length=recipe.max_length,
                short_seq_prob=recipe.short_seq_prob,
                next_sentence_prob=recipe.next_sentence_prob,
                objective="next-sentence" if recipe.objective == "mlm+nsp" else "sentence-order",
                seed=seed,
                epoch=shard,
            )
        )

    return encode


def collator(recipe: Recipe, tokenizer: Any, seed: int) -> Any:
    """What masks and pads rows, as a recipe says.

    Raises:
        ConfigError: the options do not fit each other or the tokenizer.
    """
    from ferrobert.masking import DataCollatorForLanguageModeling

    made = DataCollatorForLanguageModeling(
        tokenizer,
        mlm_probability=recipe.mlm_probability,
        whole_word_mask=recipe.whole_word_mask,
        mask_replace_prob=recipe.mask_replace_prob,
        random_replace_prob=recipe.random_replace_prob,
        seed=seed,
        exact=recipe.exact,
        max_span_length=recipe.max_span_length,
    )
    # Now, not after hours of encoding: byte-level BPE, for instance, knows no whole words.
    made([{"input_ids": tokenizer("a")["input_ids"], "sample_id": 0, "epoch": 0}])
    return made


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """SHA-256 of the tokenizer as it is saved."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return hashlib.sha256(Path(folder, "tokenizer.json").read_bytes()).hexdigest()
