"""A WordPiece vocabulary from the corpus itself."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count
from ferrobert.training.pretraining.corpus import SourceFile, is_held_out, read_documents
from ferrobert.training.pretraining.files import read_json, write_json
from ferrobert.wordpiece import BertTokenizer

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
RECORD = "vocabulary.json"
PREFIX = "##"
# BertWordPieceTokenizer's own defaults: characters that are kept, and how often a pair must occur to be merged.
ALPHABET = 1000
MIN_FREQUENCY = 2


def train_vocabulary(
    files: list[SourceFile],
    *,
    vocab_size: int = 30522,
    do_lower_case: bool = True,
    held_out: float = 0.0,
    seed: int = 0,
) -> dict[str, int]:
    """Learn a WordPiece vocabulary with the `tokenizers` package's trainer, from a stream of sentences read twice.

    Equal corpora and options give equal vocabularies.

    Args:
        files: the corpus.
        vocab_size: the most tokens; a small corpus gives fewer.
        do_lower_case: lower-case and strip accents first, as the tokenizer will.
        held_out, seed: leave out the documents that :func:`is_held_out` sets aside.

    Returns:
        Token -> id; ``[PAD] [UNK] [CLS] [SEP] [MASK]`` are 0 to 4. Memory grows with the number of different words.

    Raises:
        ConfigError: ``vocab_size`` leaves no room beside the special tokens.
    """
    check_count("vocab_size", vocab_size, len(SPECIAL_TOKENS) + 1)

    def batches() -> Iterator[list[str]]:
        for document in read_documents(files):
            if not is_held_out(document.start.document, held_out, seed):
                yield document.sentences

    # The trainer numbers single characters inside words (##a) as its hash map gives them, and breaks ties by number. A
    # first pass, which learns no merges, finds these tokens; given in order, they make the second one repeatable.
    alphabet = _learn(batches(), len(SPECIAL_TOKENS), SPECIAL_TOKENS, do_lower_case)
    inner = sorted(token for token in alphabet if token.startswith(PREFIX) and len(token) == len(PREFIX) + 1)
    return _learn(batches(), vocab_size, [*SPECIAL_TOKENS, *inner], do_lower_case)


def _learn(
    batches: Iterator[list[str]], vocab_size: int, first_tokens: list[str], do_lower_case: bool
) -> dict[str, int]:
    from tokenizers.implementations import BertWordPieceTokenizer

    learner = BertWordPieceTokenizer(lowercase=do_lower_case)
    learner.train_from_iterator(
        batches,
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        limit_alphabet=ALPHABET,
        special_tokens=first_tokens,
        show_progress=False,
        wordpieces_prefix=PREFIX,
    )
    return dict(sorted(learner.get_vocab().items(), key=lambda item: item[1]))


def vocabulary_record(files: list[SourceFile], **options: Any) -> dict[str, Any]:
    """What decides a vocabulary."""
    return {"corpus": [[file.sha256, file.layout] for file in files], **options}


def trained_tokenizer(folder: Path, record: dict[str, Any], max_length: int) -> BertTokenizer | None:
    """The tokenizer that was trained into this folder before, ``None`` where there is none.

    Raises:
        ConfigError: it was trained on another corpus or with other options.
    """
    found = read_json(folder / RECORD)
    if found is None:
        return None
    differ = sorted(name for name in record if found.get(name) != record[name])
    if differ:
        raise ConfigError(
            f"{folder} holds a vocabulary that was trained with another {', '.join(differ)}; overwrite=True trains it "
            "anew, or choose another output_dir"
        )
    return BertTokenizer.from_pretrained(folder, model_max_length=max_length)


def save_trained(folder: Path, vocab: dict[str, int], do_lower_case: bool, record: Any) -> None:
    """Write the tokenizer's folder, complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".vocabulary-", dir=folder.parent))
    try:
        BertTokenizer(vocab, do_lower_case=do_lower_case).save_pretrained(beside)
        write_json(beside / RECORD, record)
        beside.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
