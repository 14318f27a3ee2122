"""RoBERTa's and ALBERT's tokenizers beside transformers' on both corpora: ``make families-check``.

`ferrobert.AutoTokenizer` and transformers' tokenizer of the same folder, with the published vocabularies: ids, type
ids, masks, offsets, masks of special tokens, word ids and sequence ids of every line alone, of pairs of neighbouring
lines, and in windows of 64 tokens that share 16. What differs is shown, and is an error.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import transformers
from tests.conftest import data_folder
from tests.made_checkpoints import albert_of_transformers

import ferrobert as fb

CLASSES = {"roberta-base": "RobertaTokenizer", "albert-base": "AlbertTokenizer"}
FILES = ("english.txt", "multilingual.txt")
LINES_A_CALL = 500
SHOWN = 10
ALL: dict[str, Any] = {
    "return_token_type_ids": True,
    "return_offsets_mapping": True,
    "return_special_tokens_mask": True,
    "verbose": False,
}
WINDOWS: dict[str, Any] = {"truncation": True, "max_length": 64, "stride": 16, "return_overflowing_tokens": True}


def tokenizers_of(vocabulary: Path, folder: Path) -> tuple[Any, Any]:
    """Ours and theirs, of a folder with the files of a vocabulary."""
    for file in vocabulary.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    settings = {"tokenizer_class": CLASSES[vocabulary.name]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    ours = fb.AutoTokenizer.from_pretrained(str(folder))
    if vocabulary.name == "albert-base":
        return ours, albert_of_transformers(folder)
    return ours, transformers.AutoTokenizer.from_pretrained(folder)


def calls(lines: list[str]) -> Iterator[tuple[str, tuple[list[str], ...], dict[str, Any]]]:
    """What is asked of both: its name, texts, options."""
    yield "texts", (lines,), {}
    yield "pairs", (lines[:-1:2], lines[1::2]), {}
    yield "windows", (lines,), WINDOWS


def columns(encoding: Any) -> dict[str, list[Any]]:
    """Everything an encoding says, a row each."""
    found = {name: [one if isinstance(one, int) else list(one) for one in rows] for name, rows in encoding.items()}
    found["offset_mapping"] = [[tuple(pair) for pair in row] for row in found["offset_mapping"]]
    for name in ("word_ids", "sequence_ids"):
        found[name] = [getattr(encoding, name)(row) for row in range(len(found["input_ids"]))]
    return found


def compare(ours: Any, theirs: Any, lines: list[str], where: str) -> tuple[int, int, list[str]]:
    """Rows and tokens of some lines, and what differs."""
    rows = tokens = 0
    differences = []
    for what, texts, settings in calls(lines):
        found, wanted = (columns(one(*texts, **ALL, **settings)) for one in (ours, theirs))
        assert found.keys() == wanted.keys(), (found.keys(), wanted.keys())
        rows += len(wanted["input_ids"])
        tokens += sum(map(len, wanted["input_ids"]))
        for key, of_rows in wanted.items():
            for row, (one, other) in enumerate(zip(found[key], of_rows, strict=True)):
                if one != other:
                    told = f"{where}, {what}, row {row}: {key}"
                    differences.append(f"{told}\n  ferrobert    {one}\n  transformers {other}")
    return rows, tokens, differences


def main() -> int:
    """Both corpora with both vocabularies; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="one in EVERY blocks of 500 lines")
    options = parser.parse_args()
    data = data_folder()
    if data is None:
        raise SystemExit("the real data is not here (FERROBERT_DATA)")
    all_differences = 0
    for name in CLASSES:
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = tokenizers_of(data / "vocab" / name, Path(folder))
            for file in FILES:
                began = time.perf_counter()
                lines = (data / "corpus" / file).read_text("utf-8").removesuffix("\n").split("\n")
                rows = tokens = differences = 0
                for start in range(0, len(lines), LINES_A_CALL * options.every):
                    where = f"{name}, {file} from line {start}"
                    found = compare(ours, theirs, lines[start : start + LINES_A_CALL], where)
                    rows, tokens, differences = rows + found[0], tokens + found[1], differences + len(found[2])
                    for one in found[2][:SHOWN]:
                        print(one)
                seconds = time.perf_counter() - began
                told = f"{rows:,} rows, {tokens:,} tokens, {differences} differences, {seconds:.0f} s"
                print(f"{name}, {file}: {len(lines):,} lines, {told}", flush=True)
                all_differences += differences
    return int(all_differences > 0)


if __name__ == "__main__":
    sys.exit(main())
