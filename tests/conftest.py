"""Fixtures that several test files share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# Before the hub's client is imported: no test may ask the hub.
os.environ["HF_HUB_OFFLINE"] = "1"

from ferrobert import BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = """
the cat sat on mat . , ! ? ' - it was a lazy afternoon el ##on mu ##sk founded tesla in california hello world
un ##aff ##able ##s ##ing ##ed 中 国 人 ä ö cafe resume don t [ ] ( ) 1 2 3 ##1 ##2 ##3 b c d e ##a ##b ##c ##d ##e
""".split()


def data_folder() -> Path | None:
    """The real data: $FERROBERT_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("FERROBERT_DATA", Path(__file__).parents[2] / "shared" / "data"))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def data() -> Path:
    """The real data; a test that needs it is skipped where it is not."""
    folder = data_folder()
    if folder is None:
        pytest.skip("the real data is not here (FERROBERT_DATA)")
    return folder


@pytest.fixture(scope="session")
def vocab() -> dict[str, int]:
    return {token: id for id, token in enumerate(SPECIAL + PIECES)}


@pytest.fixture(scope="session")
def tokenizer(vocab: dict[str, int]) -> BertTokenizer:
    return BertTokenizer(vocab, model_max_length=16)


@pytest.fixture(scope="session")
def checkpoint(vocab: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with vocab.txt and tokenizer_config.json, as checkpoints of transformers have them."""
    folder = tmp_path_factory.mktemp("checkpoint")
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocab), "utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true, "model_max_length": 16}', "utf-8")
    return folder


# Tiny random models, made once a session: they check the plumbing in milliseconds, not the answers.
REVIEW_PIECES = """
a the it was is not film book food room good bad great awful nice dull love hate very and or but ! . , ?
##s ##ed ##ing ##ly un ##believ ##able who wrote this one two three
"""


def write_tokenizer(folder: Path) -> None:
    """The vocabulary of the tiny models, as checkpoints ship it."""
    letters = [prefix + letter for prefix in ("", "##") for letter in "abcdefghijklmnopqrstuvwxyz"]
    vocab = list(dict.fromkeys([*SPECIAL, *REVIEW_PIECES.split(), *letters]))
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "BertTokenizer", "do_lower_case": true, "model_max_length": 64}', encoding="utf-8"
    )


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a folder with a random two-layer BERT: with labels a classifier, without them an encoder."""

    def make(labels: list[str] | None = None, *, seed: int = 0, **config: object) -> Path:
        import torch
        from transformers import BertConfig, BertForSequenceClassification, BertModel

        folder = tmp_path_factory.mktemp("checkpoint")
        write_tokenizer(folder)
        settings = {
            "vocab_size": 128,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "max_position_embeddings": 64,
            # Far from 0, so that different texts get different scores.
            "initializer_range": 0.4,
            **config,
        }
        if labels is not None:
            settings["id2label"] = dict(enumerate(labels))
            settings["label2id"] = {label: index for index, label in enumerate(labels)}
        # Threads of a model this small only wait for each other; on a busy machine they make it ten times slower.
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        kind = BertModel if labels is None else BertForSequenceClassification
        kind(BertConfig(**settings)).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_encoder(make_checkpoint: Callable[..., Path]) -> Path:
    """A random encoder without a head, as BERT starts: it can learn."""
    return make_checkpoint(initializer_range=0.02)


@pytest.fixture(scope="session")
def tiny_classifier(make_checkpoint: Callable[..., Path]) -> Path:
    """A random classifier of three labels."""
    return make_checkpoint(["bad", "fair", "good"])
