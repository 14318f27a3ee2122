"""A run: who can do a job does it, results are compared, rounds go in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ferrobert import BertTokenizer
from ferrobert.bench.job import Job, Kind
from ferrobert.bench.machine import installed_versions, this_machine
from ferrobert.bench.peers import REFERENCE, TWIN
from ferrobert.bench.peers.ferrobert import Ferrobert
from ferrobert.bench.report import JobReport, Report, Result, Surroundings
from ferrobert.bench.results import equal_rows
from ferrobert.bench.subject import Setting, Subject
from ferrobert.bench.texts import Corpus
from ferrobert.bench.threads import Threads
from ferrobert.bench.timing import Measured, in_turns

# The twin takes about 10 ms a paragraph. Even, for pairs.
FEW_TEXTS = 40

Watch = Callable[[str, str, str], None]


def run(
    jobs: Sequence[Job],
    corpus: Corpus,
    vocabulary: str,
    peers: Sequence[Subject],
    *,
    vocabulary_name: str,
    threads: int,
    rounds: int,
    start: Callable[[Surroundings], None] = lambda _surroundings: None,
    done: Callable[[JobReport], None] = lambda _report: None,
    watch: Watch = lambda _job, _subject, _what: None,
) -> Report:
    """Measure jobs.

    Args:
        jobs: What.
        corpus: On what.
        vocabulary: Folder, vocab.txt, tokenizer.json or hub id; everybody gets the same files, made of it.
        peers: Against whom; those that are not installed are told in the report.
        vocabulary_name: What to call it.
        threads: Of each subject; the caller has set the variables that libraries read when they start.
        rounds: Warm calls of each.
        start: Called before the first job.
        done: Called after each job.
        watch: Called with a job, a subject and what it does next.

    Raises:
        VocabError: the vocabulary cannot be loaded.
    """
    versions = {peer.name: peer.version() for peer in peers}
    present = [peer for peer in peers if versions[peer.name]]
    ours = Ferrobert()
    machine = this_machine()
    with TemporaryDirectory(prefix="ferrobert-bench-") as room:
        BertTokenizer.from_pretrained(vocabulary).save_pretrained(room)
        setting = Setting(Path(room), threads)
        surroundings = Surroundings(
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=machine,
            versions=installed_versions(),
            corpus=corpus.name,
            corpus_sha256=corpus.sha256,
            paragraphs=len(corpus.texts),
            bytes=corpus.bytes,
            vocabulary=vocabulary_name,
            threads=threads,
            rounds=rounds,
            subjects={ours.name: ours.version()} | {peer.name: versions[peer.name] or "" for peer in present},
            absent={peer.name: peer.install for peer in peers if not versions[peer.name]},
            notes={peer.name: peer.note for peer in present if peer.note},
        )
        start(surroundings)
        reports = []
        for job in jobs:
            report = measured_job(job, corpus.texts, ours, present, setting, rounds, watch)
            done(report)
            reports.append(report)
    return Report(surroundings, reports)


def measured_job(
    job: Job,
    texts: Sequence[str],
    ours: Subject,
    peers: Sequence[Subject],
    setting: Setting,
    rounds: int,
    watch: Watch = lambda _job, _subject, _what: None,
) -> JobReport:
    """One job by everybody who can do it."""
    if job.threads:
        return _threads_job(job, texts, setting, rounds, watch)
    subjects = [ours, *peers]
    cannot = {subject.name: reason for subject in subjects if (reason := subject.cannot(job, setting))}
    able = [subject for subject in subjects if subject.name not in cannot]
    if ours.name in cannot:
        return JobReport(job, ours.name, [], [], cannot, {})
    if job.kind is Kind.TENSORS:
        # Nobody is charged for the loading of a library that all share.
        import torch  # noqa: F401
    many = [subject for subject in able if not subject.few]
    few = [subject for subject in able if subject.few]
    work = job.work(texts)
    measured, failed = in_turns(
        {subject.name: subject.runner(job, work, setting) for subject in many},
        rounds,
        required=ours.name,
        watch=partial(watch, job.name),
    )
    first_texts = texts[:FEW_TEXTS]
    few_work = job.work(first_texts)
    few_measured: dict[str, Measured] = {}
    if few:
        few_measured, few_failed = in_turns(
            {subject.name: subject.runner(job, few_work, setting) for subject in (ours, *few)},
            rounds,
            required=ours.name,
            watch=partial(watch, job.name),
        )
        failed |= few_failed
    # Rows of a batch depend on the whole batch (its width): the first texts are encoded once more, alone.
    few_rows = {name: one.rows for name, one in few_measured.items()}
    if REFERENCE in measured:
        reference, rows = REFERENCE, {name: one.rows for name, one in measured.items()}
        few_rows[REFERENCE] = _rows_alone(job, first_texts, setting, many, [REFERENCE])[REFERENCE] if few else []
    elif TWIN in few_measured:
        reference, rows = TWIN, _rows_alone(job, first_texts, setting, many, list(measured)) | few_rows
    else:
        reference, rows = ours.name, {name: one.rows for name, one in measured.items()}
    return JobReport(
        job,
        ours.name,
        _results(measured, work.docs, work.bytes, ours.name, reference, rows),
        _results(few_measured, few_work.docs, few_work.bytes, ours.name, reference, few_rows),
        cannot,
        failed,
    )


def _threads_job(job: Job, texts: Sequence[str], setting: Setting, rounds: int, watch: Watch) -> JobReport:
    work = job.work(texts)
    subjects = [Threads(threads) for threads in reversed(job.threads)]
    leader, reference = subjects[0].name, subjects[-1].name
    measured, failed = in_turns(
        {subject.name: subject.runner(job, work, setting) for subject in subjects},
        rounds,
        required=leader,
        watch=partial(watch, job.name),
    )
    rows = {name: one.rows for name, one in measured.items()}
    if reference not in measured:
        reference = leader
    return JobReport(job, leader, _results(measured, work.docs, work.bytes, leader, reference, rows), [], {}, failed)


def _rows_alone(
    job: Job, texts: Sequence[str], setting: Setting, subjects: Sequence[Subject], names: Sequence[str]
) -> dict[str, list[str]]:
    rows = {}
    for subject in subjects:
        if subject.name in names:
            runner = subject.runner(job, job.work(texts), setting)
            try:
                rows[subject.name] = runner.first(compare=True)[1]
            finally:
                runner.close()
    return rows


def _results(
    measured: Mapping[str, Measured],
    docs: int,
    size: int,
    leader: str,
    reference: str,
    rows: Mapping[str, list[str]],
) -> list[Result]:
    results = []
    for name, one in measured.items():
        equal, of = equal_rows(rows[name], rows[reference])
        results.append(
            Result(
                subject=name,
                docs=docs,
                bytes=size,
                first=one.first,
                warm=one.warm,
                behind_first=one.first.over(measured[leader].first),
                behind_warm=one.warm.over(measured[leader].warm),
                over_reference=measured[reference].warm.over(one.warm) if reference in measured else None,
                equal=equal,
                rows=of,
                compared_with=reference,
            )
        )
    return results
