"""A sample of what ``make parity`` runs in full: the tokenizers against the reference."""

from pathlib import Path
from typing import Any

import pytest
from tests.parity import corpus, random_calls, scalars
from tests.parity.calls import Call, Options, Rows
from tests.parity.compare import Report, compare
from tests.parity.folders import Added, Settings
from tests.parity.subjects import load
from tests.parity.tokenizers_under_test import Backend, Reference

pytestmark = pytest.mark.parity

SEED = 20181011


def run(tasks: Any) -> Report:
    report = Report()
    for task in tasks:
        report += task.run()
    assert report.texts > 0
    return report


@pytest.mark.parametrize("subject", ["package", "twin"])
def test_random_texts_under_random_options_are_encoded_as_by_the_reference(subject: str) -> None:
    tasks = [task._replace(texts=400) for task in random_calls.tasks(subject, 6 * random_calls.TEXTS_A_TASK, SEED)]
    report = run(tasks)
    assert report.refused > 0
    assert not report.differences, report.differences[0]


def test_scalars_that_a_unicode_table_singles_out_are_encoded_as_by_the_reference() -> None:
    report = run(task for task in scalars.tasks("package", every=5000) if task.strip_accents is None)
    assert report.texts > 20_000
    assert not report.differences, report.differences[0]


@pytest.mark.skipif(corpus.missing_data() is not None, reason=str(corpus.missing_data()))
def test_corpus_lines_are_encoded_as_by_the_reference_with_every_vocabulary() -> None:
    tasks = list(corpus.tasks("package"))[::7]
    report = run(task._replace(last_line=task.first_line + 25) for task in tasks)
    assert {task.vocabulary for task in tasks} == set(corpus.WORDPIECE_VOCABULARIES)
    assert not report.differences, report.differences[0]


ONCE_DIFFERENT = {
    "a mask token that is stored as not special": (
        Settings(added=(Added("[MASK]", special=False),)),
        Call(("[MASK] a",), None, Options(split_special_tokens=True)),
    ),
    "an added token that is a piece of the vocabulary too": (
        Settings(added=(Added("##a", lstrip=True, normalized=False),)),
        Call(("ba ##a",)),
    ),
    "an added token that takes the space beside an ideograph": (
        Settings(added=(Added("[MASK]", rstrip=True),)),
        Call(("[MASK]\u4e00 [mask] a",)),
    ),
    "an ideograph as added token behind another one": (
        Settings(do_lower_case=False, added=(Added("\u4e2d", single_word=True, lstrip=True),)),
        Call(("\ub4f0\u4e2d\u4e2d",)),
    ),
    "an added token whose white space the one before has taken": (
        Settings(added=(Added(" x ", lstrip=True, rstrip=True, normalized=False),)),
        Call((" x  x ",)),
    ),
}


@pytest.mark.parametrize("name", ONCE_DIFFERENT)
def test_a_call_that_once_differed_is_encoded_as_by_the_reference(name: str, tmp_path: Path) -> None:
    settings, call = ONCE_DIFFERENT[name]
    report = compare(*load("package", settings.write(tmp_path)), call)
    assert not report.differences, report.differences[0]


class Uncleaned(Backend):
    """A backend with a defect: it hands on texts without their tabs."""

    def encode(self, call: Call) -> Rows:
        texts = tuple(text.replace("\t", "") for text in call.texts if isinstance(text, str))
        return super().encode(Call(texts, None, call.options))


def test_a_defect_is_found_and_shrunk_to_the_characters_that_show_it(tmp_path: Path) -> None:
    from ferrobert.reference.wordpiece import WordPiece

    reference = Reference(Settings().write(tmp_path))
    texts = ("no defect here", "and some words\there, with a tab between", "none")
    options = Options(add_special_tokens=False, truncation="longest_first", max_length=50)
    report = compare(reference, Uncleaned(WordPiece, reference), Call(texts, None, options))
    assert len(report.differences) == 1
    _, call, *_ = report.differences[0].split("\n")
    assert call.startswith("  tokenizer(['")
    assert len(call.split("'")[1].replace("\\t", "t")) <= 3
    assert "max_length" not in call
