"""The command line as the tests call it."""

from typer.testing import CliRunner

from ferrobert.cli import app


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return result


def refused(*arguments):
    """The one line that a wrong call prints."""
    result = run(*arguments, exit_code=2)
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("ferrobert: ")
    return line.removeprefix("ferrobert: ")
