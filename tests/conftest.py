"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest

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
