"""Real lines, with every WordPiece vocabulary that was published."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from tests.parity.calls import Call
from tests.parity.compare import Report, compare
from tests.parity.folders import WORDPIECE_VOCABULARIES, data_folder
from tests.parity.subjects import load

FILES = ("english.txt", "multilingual.txt")
LINES_A_TASK = 2000
LINES_A_CALL = 250

_load = lru_cache(maxsize=1)(load)


class CorpusTask(NamedTuple):
    """Some lines of a corpus, encoded with one vocabulary."""

    subject: str
    vocabulary: str
    file: str
    first_line: int
    last_line: int

    def run(self) -> Report:
        """Compares the lines."""
        reference, tested = _load(self.subject, data_folder() / "vocab" / self.vocabulary)
        lines = _lines(self.file)[self.first_line : self.last_line]
        report = Report()
        for start in range(0, len(lines), LINES_A_CALL):
            call = Call(tuple(lines[start : start + LINES_A_CALL]))
            report += compare(reference, tested, call, f"{self.vocabulary}, {self.file} from line {start}")
        return report


def missing_data() -> str | None:
    """Why the corpus part cannot run, or ``None``."""
    folder = data_folder()
    needed = [folder / "corpus" / file for file in FILES]
    needed += [folder / "vocab" / vocabulary / "vocab.txt" for vocabulary in WORDPIECE_VOCABULARIES]
    absent = next((path for path in needed if not path.is_file()), None)
    return None if absent is None else f"no {absent} (set FERROBERT_DATA)"


def tasks(subject: str, every: int = 1) -> Iterator[CorpusTask]:
    """All lines of both files with each vocabulary; of ``every`` tasks, one."""
    count = 0
    for vocabulary in WORDPIECE_VOCABULARIES:
        for file in FILES:
            lines = len(_lines(file))
            for first in range(0, lines, LINES_A_TASK):
                if count % every == 0:
                    yield CorpusTask(subject, vocabulary, file, first, min(first + LINES_A_TASK, lines))
                count += 1


@lru_cache(maxsize=2)
def _lines(file: str) -> list[str]:
    return (data_folder() / "corpus" / file).read_text(encoding="utf-8").removesuffix("\n").split("\n")
