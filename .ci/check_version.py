"""One version: Cargo.toml, the compiled module, the installed package, and the newest entry of the changelog."""

import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import ferrobert
from ferrobert import _core

root = Path(__file__).resolve().parent.parent
newest = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
versions = {
    "Cargo.toml": tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"],
    "ferrobert.__version__": ferrobert.__version__,
    "ferrobert._core.__version__": _core.__version__,
    "installed package": version("ferrobert"),
    "CHANGELOG.md": newest.group(1) if newest else "no entry",
}
if len(set(versions.values())) > 1:
    sys.exit("the version differs: " + ", ".join(f"{where} {what}" for where, what in versions.items()))
print(f"version {ferrobert.__version__} everywhere")
