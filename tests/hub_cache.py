"""A cache as the hub's client lays it out."""

import shutil
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def cached(cache: Path, name: str, folder: Path) -> Path:
    """The folder where the files of a checkpoint stand, as if they had been fetched from the hub by its name."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    return Path(shutil.copytree(folder, repository / "snapshots" / COMMIT))
