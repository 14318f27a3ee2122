"""The jobs of ``ferrobert bench wordpiece`` under pytest-benchmark, for its statistics and comparisons of runs.

    pytest benches --benchmark-enable --benchmark-only
    ferrobert bench                                      # the ratios of one run, on more text, in turns

Every result is compared before it is timed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ferrobert import BertTokenizer
from ferrobert.bench.job import Job
from ferrobert.bench.peers import PEERS
from ferrobert.bench.peers.ferrobert import Ferrobert
from ferrobert.bench.peers.transformers import Transformers
from ferrobert.bench.results import equal_rows
from ferrobert.bench.subject import Library, Setting
from ferrobert.bench.texts import read_corpus, vocabulary
from ferrobert.bench.wordpiece import JOBS

# What the twin does in a second.
TEXTS = 80

SUBJECTS = (Ferrobert(), *(peer for peer in PEERS if isinstance(peer, Library)))


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """One folder for everybody."""
    folder: Path = tmp_path_factory.mktemp("vocabulary")
    BertTokenizer.from_pretrained(vocabulary(None)[0]).save_pretrained(folder)
    return Setting(folder)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
@pytest.mark.parametrize("job", [job for job in JOBS if not job.threads], ids=lambda job: job.name)
def bench_wordpiece(benchmark: Any, setting: Setting, job: Job, subject: Library) -> None:
    """One job by one library, on the texts that the twin can do in a second."""
    if not subject.version():
        pytest.skip(f"not installed: {subject.install}")
    if reason := subject.cannot(job, setting):
        pytest.skip(reason)
    work = job.work(read_corpus(None).texts[:TEXTS])
    reference = Transformers().runner(job, work, setting).first(compare=True)[1]
    equal, rows = equal_rows(subject.runner(job, work, setting).first(compare=True)[1], reference)
    benchmark.group = job.title
    benchmark.extra_info.update(docs=work.docs, bytes=work.bytes, equal=equal, rows=rows)
    benchmark(subject.call(subject.load(setting), job, work, setting))
    if subject.name in ("ferrobert", "twin"):
        assert equal == rows
