"""How many labels and answers bfloat16 keeps.

    python -m tests.precision_check [--classifier FOLDER] [--reader FOLDER]

A fine-tuned classifier on the development set of SST-2, a fine-tuned reader on questions of SQuAD 1.1; float32 beside
bfloat16, with the accuracy and F1 of both. ``dtype="auto"`` takes bfloat16 for tasks that keep 99.5 % of their labels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benches.bench_training import rows_of
from tests.conftest import data_folder

import ferrobert as fb
from ferrobert.tables import Table


def labels(folder: str) -> None:
    """Labels of a classifier."""
    dev = rows_of("dev")
    found = {}
    for dtype in ("float32", "bfloat16"):
        pipe = fb.pipeline("text-classification", folder, device="cpu", dtype=dtype)
        found[dtype] = [pipe.model.config.label2id[one["label"]] for one in pipe([text for text, _ in dev])]
        right = sum(one == int(label) for one, (_, label) in zip(found[dtype], dev, strict=True))
        print(f"text-classification, {dtype}: accuracy {right / len(dev):.4f}")
    equal = sum(one == other for one, other in zip(*found.values(), strict=True))
    print(f"  {equal:,} of {len(dev):,} labels equal ({100 * equal / len(dev):.2f} %)", flush=True)


def answers(folder: str, number: int) -> None:
    """Answers of a reader."""
    rows = [row.values for row in Table(Path(data_folder() or ".") / "squad" / "dev-v1.1.json")][:: 10_570 // number]
    found = {}
    for dtype in ("float32", "bfloat16"):
        pipe = fb.pipeline("question-answering", folder, device="cpu", dtype=dtype)
        asked = [{"question": row["question"], "context": row["context"]} for row in rows]
        found[dtype] = {row["id"]: one["answer"] for row, one in zip(rows, pipe(asked), strict=True)}
        scores = fb.metrics.squad(found[dtype], rows)
        print(f"question-answering, {dtype}: {json.dumps({name: round(scores[name], 2) for name in ('exact', 'f1')})}")
    equal = sum(found["float32"][row["id"]] == found["bfloat16"][row["id"]] for row in rows)
    print(f"  {equal:,} of {len(rows):,} answers equal ({100 * equal / len(rows):.2f} %)", flush=True)


def main() -> None:
    """Both, where there is a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classifier", help="folder of a model that was fine-tuned on SST-2")
    parser.add_argument("--reader", help="folder of a model that was fine-tuned on SQuAD")
    parser.add_argument("--questions", type=int, default=1000)
    options = parser.parse_args()
    if options.classifier is not None:
        labels(options.classifier)
    if options.reader is not None:
        answers(options.reader, options.questions)


if __name__ == "__main__":
    main()
