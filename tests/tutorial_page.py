"""The commands of docs/tutorial.md and what it shows below them.

python -m tests.tutorial_page [PART ...]: runs those whose command has one of the parts, or all, and writes what they
print into the page; for when an adapter or a listing has changed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def with_one_end(output: str) -> str:
    """Without blank lines behind it, as a page shows it."""
    return output.rstrip("\n") + "\n" if output.strip() else ""


def sessions(text: str) -> dict[str, str]:
    """Command -> what the page shows below it; a page that has a command twice is refused."""
    shown: dict[str, str] = {}
    for block in blocks(text, "console"):
        for session in block.removeprefix("$ ").split("\n$ "):
            command, _, output = session.partition("\n")
            if command in shown:
                raise ValueError(f"{command} stands there twice")
            shown[command] = with_one_end(output)
    return shown


def with_outputs(text: str, outputs: Mapping[str, str]) -> str:
    """The page with these outputs in the place of those that it shows."""

    def written(block: re.Match[str]) -> str:
        shown = {**sessions(block[0]), **{name: outputs[name] for name in sessions(block[0]) if name in outputs}}
        return "```console\n" + "".join(f"$ {command}\n{output}" for command, output in shown.items()) + "```"

    return CONSOLE.sub(written, text)


def main() -> None:
    text = PAGE.read_text("utf-8")
    outputs = {}
    for command in sessions(text):
        if not sys.argv[1:] or any(part in command for part in sys.argv[1:]):
            arguments = [sys.executable, *command.split()[1:]]
            done = subprocess.run(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True)
            outputs[command] = with_one_end(done.stdout)
            print(f"$ {command}\n{outputs[command]}")
    PAGE.write_text(with_outputs(text, outputs), "utf-8")


if __name__ == "__main__":
    main()
