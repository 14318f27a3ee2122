"""The command ``ferrobert``: one file a command.

Commands import torch and transformers when they run, never before: ``ferrobert --help`` needs neither. An error of use
is one line on stderr and exit code 2.
"""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ferrobert import __version__
from ferrobert.cli import (
    answer,
    bench,
    classify,
    demo,
    evaluate,
    fill_mask,
    models,
    ner,
    predict,
    pretrain,
    tokenize,
    train,
    zero_shot,
)
from ferrobert.errors import FerrobertError, InternalError

USE_ERROR = 2
INTERRUPTED = 130
# What messages of the library advise, as it is said at the prompt.
OPTIONS = {
    "overwrite=True": "--overwrite",
    "resume=True": "--resume",
    "another output_dir": "another --output-dir",
    "candidate_labels are missing: a list of labels, or a str with commas between them": "--labels must be labels with "
    "commas between them",
    "hypothesis_template must be a str with": "--template must be a text with",
    "lora must be True, a rank from 1, a dict or a LoraConfig": "--lora must be a rank from 1",
    "top_k must be": "--top-k must be",
}


class OneLineErrors(TyperGroup):
    """A command group whose errors of use are one line on stderr and exit code 2."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run; ``standalone_mode=False`` leaves errors to the caller."""

        def run() -> Any:
            return super(OneLineErrors, self).main(args, prog_name, complete_var, False, windows_expand_args, **extra)

        if not standalone_mode:
            return run()
        try:
            with _warnings_in_lines():
                result = run()
        except BrokenPipeError:
            # The reader (head, less) has left: what Python flushes at exit has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except InternalError:
            raise
        except (FerrobertError, OSError, UnicodeError) as error:
            _complain(_reason(error))
            sys.exit(USE_ERROR)
        except typer.Abort:
            sys.exit(INTERRUPTED)
        except Exception as error:
            # What click calls ClickException; typer ships a click of its own since 0.26, so the class has no one home.
            if not hasattr(error, "format_message"):
                raise
            _complain(str(error.format_message()))
            sys.exit(USE_ERROR)
        sys.exit(result if isinstance(result, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what it kept of its work when Ctrl-C stopped it is said on stderr."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            # A second Ctrl-C, while the rows were kept, stands for the first.
            if notes := getattr(error, "__notes__", ()) or getattr(error.__context__, "__notes__", ()):
                _complain(f"interrupted: {'; '.join(notes)}")
            raise


@contextmanager
def _warnings_in_lines() -> Iterator[None]:
    """Warnings to the user are one line on stderr, without the line of code that they come from."""
    shown = warnings.showwarning

    def show(message: Any, category: Any, filename: Any, lineno: Any, file: Any = None, line: Any = None) -> None:
        if category is UserWarning and file is None:
            print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)
        else:
            shown(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.strerror}: {error.filename}"
    text = " ".join([str(error), *(f"({note})" for note in getattr(error, "__notes__", ()))])
    for setting, option in OPTIONS.items():
        text = text.replace(setting, option)
    return text


def _complain(message: str) -> None:
    print(f"ferrobert: {' '.join(message.split())}", file=sys.stderr)


app = typer.Typer(
    cls=OneLineErrors,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("classify")(classify.classify)
app.command("ner")(ner.ner)
app.command("answer")(answer.answer)
app.command("zero-shot")(zero_shot.zero_shot)
app.command("fill-mask")(fill_mask.fill_mask)
app.command("tokenize")(tokenize.tokenize)
app.command("train")(train.train)
app.command("pretrain")(pretrain.pretrain)
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.command("models")(models.models)
app.command("bench")(bench.bench)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ferrobert {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """BERT-family encoders: text in, answers out."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run the command line."""
    try:
        app()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            _leave()
        raise


def _leave() -> None:
    """End at once after Ctrl-C: to take torch and transformers apart, module by module, is a second's work."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(INTERRUPTED)
