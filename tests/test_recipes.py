"""The recipes of the adapters that ship: what becomes of the published sets."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parent.parent / "examples" / "recipes" / "prepare.py"


@pytest.fixture(scope="module")
def prepare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("Thousands marched through London .", "Thousands marched through London."),
        ("Britain 's party , 45 % of it , would n't say :", "Britain's party, 45% of it, wouldn't say:"),
        ("the workers ' $ 40 million ( in 2005 ) ;", "the workers' $40 million (in 2005);"),
        ('He said " Stop . " and " Go ! "', 'He said "Stop." and "Go!"'),
        ('a " that never ends', 'a " that never ends'),
        ("it \x92s \x93 so \x94", 'it\'s "so"'),
    ],
)
def test_words_become_a_sentence_as_it_is_written(prepare: ModuleType, words: str, text: str) -> None:
    assert prepare.detokenized(words.split()) == text


def test_text_to_fill_masks_in_is_split_without_overlap(prepare: ModuleType, data: Path, tmp_path: Path) -> None:
    prepare.masks(data, tmp_path)
    train, test = ((tmp_path / f"{name}.txt").read_text("utf-8").splitlines() for name in ("train", "test"))
    assert len(set(train + test)) == len(train) + len(test)
    assert len(test) == (len(train) + len(test)) // 20
    assert all(line == " ".join(line.split()) != "" for line in train + test)
