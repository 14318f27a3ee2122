"""``ferrobert answer``: a question at the prompt, answered from texts or text files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ferrobert.cli.options import Backend, BatchTokens, Device, ModelOrDefault, open_pipeline
from ferrobert.cli.sources import read_sources
from ferrobert.files import check_target, write_file

# Characters of the context that are shown on either side of an answer.
AROUND = 300


def answer(
    question: Annotated[str, typer.Argument(help="The question.", metavar="QUESTION", show_default=False)],
    contexts: Annotated[
        list[str],
        typer.Argument(
            help="Texts that hold the answer, or text files (UTF-8): an argument that is an existing file is read; - "
            "reads stdin.",
            metavar="TEXT|FILE",
            show_default=False,
        ),
    ],
    model: ModelOrDefault = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the answer marked to this file.")] = None,
    top_k: Annotated[int, typer.Option(help="Answers of each text.")] = 1,
    max_answer_len: Annotated[int, typer.Option(help="Most tokens of an answer.")] = 15,
    handle_impossible_answer: Annotated[
        bool, typer.Option("--handle-impossible-answer", help="There may be no answer, where the model says so.")
    ] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a text.")] = False,
    batch_tokens: BatchTokens = None,
    device: Device = None,
    backend: Backend = "torch",
) -> None:
    """Answer a question with a span of a text, however long it is.

    Where the output is no terminal, or NO_COLOR is set, the answer stands in brackets.

    Example: ferrobert answer "Who founded Tesla?" article.txt
    """
    from ferrobert.answers.encoding import LONGEST_QUESTION, question_lengths
    from ferrobert.render import entities_page
    from ferrobert.render.answer import marked_answers, render_answer
    from ferrobert.render.spans import visible

    if html is not None:
        check_target(html)
    sources = read_sources(contexts)
    pipe = open_pipeline("question-answering", model, device=device, batch_tokens=batch_tokens, backend=backend)
    results: list[Any] = pipe(
        question=[question] * len(sources),
        context=[source.text for source in sources],
        top_k=top_k,
        max_answer_len=max_answer_len,
        handle_impossible_answer=handle_impossible_answer,
    )
    if question_lengths([question], pipe.tokenizer)[0] > LONGEST_QUESTION:
        print(f"the question has more than {LONGEST_QUESTION} tokens and was cut", file=sys.stderr)
    found = [(source, [one] if isinstance(one, dict) else one) for source, one in zip(sources, results, strict=True)]
    if json_lines:
        for source, answers in found:
            print(json.dumps({**source.file, "question": question, "answers": answers}, ensure_ascii=False))
    if html is not None:
        pages = [(source.name, source.text, marked_answers(answers)) for source, answers in found]
        write_file(html, entities_page(pages, title=question, legend=False))
        print(f"wrote {html}", file=sys.stderr)
    elif not json_lines:
        for number, (source, answers) in enumerate(found):
            if number:
                print()
            if source.name is not None and len(found) > 1:
                print(f"{source.name}:")
            for one in answers:
                print(f"{one['score']:.3f}  {' '.join(visible(one['answer']).splitlines()) or '(no answer)'}")
            if answers and answers[0]["answer"]:
                best = answers[0]
                start, end = max(0, best["start"] - AROUND), best["end"] + AROUND
                text = source.text[start:end]
                excerpt = {"start": best["start"] - start, "end": best["end"] - start}
                dots = ("..." if start else "", "..." if end < len(source.text) else "")
                shown = render_answer(text, excerpt, format="ansi", color=None).rstrip("\n")
                print(f"\n{dots[0]}{shown}{dots[1]}")
