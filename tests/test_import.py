"""What importing takes and leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import ferrobert

HEAVY = ("torch", "transformers", "datasets", "pandas", "pyarrow", "sklearn", "peft")


def loaded_by(source: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after the source has run."""
    code = f"{source}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "source",
    [
        "import ferrobert",
        "from ferrobert import AutoTokenizer, BertTokenizer, BatchEncoding, Ragged",
        "from ferrobert import reference, errors",
        (
            "import sys\nfrom ferrobert.cli import main\nsys.argv = ['ferrobert', '--help']\n"
            "try: main()\nexcept SystemExit: pass"
        ),
    ],
    ids=["the package", "the tokenizers", "the twins", "the command line's help"],
)
def test_no_torch_and_no_transformers(source: str) -> None:
    assert not loaded_by(source).intersection(HEAVY)


def test_tokenizing_takes_neither_torch_nor_transformers(checkpoint: object) -> None:
    call = f"AutoTokenizer.from_pretrained({str(checkpoint)!r})('the cat', return_tensors='np')"
    source = f"from ferrobert import AutoTokenizer\n{call}"
    assert not loaded_by(source).intersection(HEAVY)


def test_the_time_of_an_import_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import time; t = time.perf_counter(); import ferrobert; print(time.perf_counter() - t)"
    seconds = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    with capsys.disabled():
        print(f"\nimport ferrobert: {min(seconds) * 1e3:.0f} ms")


def test_the_tokenizer_is_one_class_under_both_of_its_names() -> None:
    assert ferrobert.BertTokenizerFast is ferrobert.BertTokenizer


def test_every_public_name_is_there() -> None:
    for name in ferrobert.__all__:
        assert getattr(ferrobert, name) is not None
    assert set(ferrobert.__all__) <= set(dir(ferrobert))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'bert'"):
        ferrobert.bert  # noqa: B018


def test_the_version_is_that_of_the_installed_package() -> None:
    assert ferrobert.__version__ == version("ferrobert")


def test_a_debug_build_warns_when_it_is_imported() -> None:
    code = (
        "import sys, types, warnings\n"
        "core = types.ModuleType('ferrobert._core'); core.DEBUG_BUILD = True; core.__version__ = '0'\n"
        "sys.modules['ferrobert._core'] = core\n"
        "warnings.simplefilter('error')\n"
        "import ferrobert\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "RuntimeWarning: this is a debug build" in done.stderr
