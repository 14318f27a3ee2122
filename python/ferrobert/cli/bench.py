"""``ferrobert bench``: how fast it is here, against its twin and the peers, on a text of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ferrobert.cli.options import console
from ferrobert.errors import ConfigError

LINES = 4000
ROUNDS = 5


def bench(
    suite: Annotated[str | None, typer.Argument(help="wordpiece; by default all suites.", show_default=False)] = None,
    job: Annotated[list[str] | None, typer.Option("--job", help="Only this job; can be repeated.")] = None,
    peer: Annotated[list[str] | None, typer.Option("--peer", help="Only this peer; can be repeated.")] = None,
    peers: Annotated[
        str | None, typer.Option(help="installed, or all: also those that get an environment of their own.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="UTF-8 text, a paragraph a line; by default Python's language reference.")
    ] = None,
    vocab: Annotated[
        str | None, typer.Option(help="Folder, vocab.txt or tokenizer.json; by default bert-base-uncased's.")
    ] = None,
    lines: Annotated[int, typer.Option(help="Paragraphs to use, taken evenly; 0 for all.")] = LINES,
    rounds: Annotated[int, typer.Option(help="Rounds in turns.")] = ROUNDS,
    threads: Annotated[int, typer.Option(help="Threads of each subject.")] = 1,
    json: Annotated[Path | None, typer.Option("--json", help="Write everything measured as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a chart: .png or .svg.")] = None,
    theme: Annotated[str, typer.Option(help="Of the chart: both (transparent), light or dark.")] = "both",
) -> None:
    """Measure ferrobert against its pure-Python twin and the installed peers.

    Results are compared first, calls are timed in turns.

    Example: ferrobert bench --corpus my.txt --json speed.json --plot speed.png
    """
    for name, value, least in (("--lines", lines, 0), ("--rounds", rounds, 1), ("--threads", threads, 1)):
        if value < least:
            raise ConfigError(f"{name} must be at least {least}, got {value}")
    if peer and peers:
        raise ConfigError("give --peer or --peers, one of the two")
    from ferrobert.bench.process import thread_environment

    # Each library reads these once, when it starts its threads: so before any of them is imported.
    os.environ.update(thread_environment(threads))
    _measure(suite, job or [], peer or [], peers, corpus, vocab, lines, rounds, threads, json, plot, theme)


def _measure(
    suite: str | None,
    jobs: list[str],
    names: list[str],
    every: str | None,
    corpus: Path | None,
    vocab: str | None,
    lines: int,
    rounds: int,
    threads: int,
    json: Path | None,
    plot: Path | None,
    theme: str,
) -> None:
    from ferrobert.bench import table
    from ferrobert.bench.output import check_output, write_report
    from ferrobert.bench.peers import chosen_peers
    from ferrobert.bench.run import run
    from ferrobert.bench.suites import chosen_jobs
    from ferrobert.bench.texts import read_corpus, vocabulary

    check_output(json, plot, theme)
    chosen = chosen_jobs(suite, jobs)
    peers = chosen_peers(names, every)
    texts = read_corpus(corpus).sample(lines)
    source, vocabulary_name = vocabulary(vocab)
    out, status = console(), console(stderr=True)
    with status.status("loading") as shown:
        report = run(
            chosen,
            texts,
            source,
            peers,
            vocabulary_name=vocabulary_name,
            threads=threads,
            rounds=rounds,
            start=lambda surroundings: table.show_surroundings(out, surroundings),
            done=lambda one: table.show_job(out, one),
            watch=lambda job, subject, what: shown.update(f"{job}: {subject}, {what}"),
        )
    for path in write_report(report, json, plot, theme):
        out.print(f"written: {path}", soft_wrap=True)
