"""How good the adapters that ship are, on texts that they were not trained on; how far a second training is from them.

    python examples/recipes/measure.py DATA [OUT]

DATA is what prepare.py wrote. With OUT, where train.sh trained them anew, each is compared with the one that ships.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file

import ferrobert as fb
from ferrobert.cli.fill_mask import lists_of
from ferrobert.models.shipped import FOLDER
from ferrobert.tables import Table
from ferrobert.training.metrics import accuracy, calibration_error, entity_f1, f1, squad

NAMED = ("PER", "ORG", "LOC")
WEIGHTS = "adapter_model.safetensors"
SAME = 1e-3
# The tutorial's own example, and one a topic.
TOPICS = ["politics", "technology", "sports", "entertainment"]
ABOUT = {
    "The government announced new economic policies today.": "politics",
    "The new phone has a faster processor and a better camera.": "technology",
    "She scored twice in the last ten minutes and won them the cup.": "sports",
    "The band sold out every concert of its summer tour.": "entertainment",
}
GAPS = ["The capital of France is [MASK].", "The cat [MASK] on the [MASK].", "She works as a [MASK] in a hospital."]
MAX_LENGTH, BATCH = 128, 16


def rows(path: Path) -> list[dict[str, Any]]:
    return [row.values for row in Table(path)]


def text_classification(folder: Path) -> None:
    test = rows(folder / "test.csv")
    found = fb.pipeline("text-classification")([row["text"] for row in test])
    labels(test, found)


def token_classification(folder: Path) -> None:
    test = rows(folder / "test.conll")
    tags = fb.pipeline("token-classification").word_labels([row["tokens"] for row in test])
    scores = entity_f1([row["tags"] for row in test], tags)
    by_type = scores["per_type"]
    print(
        f"  {len(test):,} sentences, strict F1 of all types {scores['f1']:.3f}; "
        + ", ".join(f"{name} {by_type[name]['f1']:.3f} ({by_type[name]['support']:,})" for name in sorted(by_type))
    )
    named = [
        [[tag if tag[2:] in NAMED else "O" for tag in row] for row in side]
        for side in ([row["tags"] for row in test], tags)
    ]
    print(f"  F1 of {', '.join(NAMED)}: {entity_f1(*named)['f1']:.3f}")


def zero_shot_classification(folder: Path) -> None:
    test = rows(folder / "test.csv")
    judge = fb.pipeline("zero-shot-classification")
    pairs = [{"text": row["text"], "text_pair": row["text_pair"]} for row in test]
    found = fb.pipeline("text-classification", judge.model, judge.tokenizer)(pairs)
    labels(test, found)
    for text, topic in ABOUT.items():
        result = judge(text, TOPICS)
        scores = ", ".join(
            f"{name} {score:.3f}" for name, score in zip(result["labels"], result["scores"], strict=True)
        )
        print(f"  {'right' if result['labels'][0] == topic else 'WRONG'}: {text} {scores}")


def question_answering(folder: Path) -> None:
    test = rows(folder / "test.json")
    found = fb.pipeline("question-answering")(test, max_answer_len=30)
    scores = squad({row["id"]: answer["answer"] for row, answer in zip(test, found, strict=True)}, test)
    print(f"  {len(test):,} questions, F1 {scores['f1']:.2f}, exact match {scores['exact']:.2f}")


def fill_mask(folder: Path) -> None:
    fill = fb.pipeline("fill-mask", device="cpu")
    lines = (folder / "test.txt").read_text("utf-8").splitlines()
    collate = fb.DataCollatorForLanguageModeling(fill.tokenizer, mask_replace_prob=1.0, random_replace_prob=0.0, seed=0)
    ranks, losses = [], []
    for start in range(0, len(lines), BATCH):
        batch = collate(fill.tokenizer(lines[start : start + BATCH], truncation=True, max_length=MAX_LENGTH))
        labels = batch.pop("labels")
        with torch.inference_mode():
            logits = fill.model(**batch).logits[labels >= 0]  # (masked, vocabulary)
        true = labels[labels >= 0]
        losses.append(torch.nn.functional.cross_entropy(logits, true, reduction="none"))
        ranks.append((logits > logits.gather(1, true[:, None])).sum(dim=1))
    rank, loss = torch.cat(ranks), torch.cat(losses).mean()
    first, five = ((rank < places).float().mean() for places in (1, 5))
    print(f"  {len(lines):,} texts of at most {MAX_LENGTH} tokens, {len(rank):,} masks: the token that stood there is")
    print(f"  the first in {first:.3f}, among the first five in {five:.3f}; loss {loss:.3f}")
    for text in GAPS:
        for found in lists_of(fill(text)):
            print(f"  {text} {', '.join(one['token_str'] + format(one['score'], ' .3f') for one in found)}")


def labels(test: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    true, given = [row["label"] for row in test], [one["label"] for one in found]
    scores = [one["score"] for one in found]
    right = [label == one for label, one in zip(true, given, strict=True)]
    told = f"accuracy {accuracy(true, given):.3f}, macro F1 {f1(true, given, average='macro'):.3f}"
    sure = f"mean score {np.mean(scores):.3f}, calibration error {calibration_error(right, scores):.3f}"
    print(f"  {len(test):,} texts, {told}; {sure}")


def compare(task: str, out: Path) -> None:
    """Say by how much the parameters of two adapters differ."""
    anew = out / task / "adapter" / WEIGHTS
    if not anew.is_file():
        print(f"  not trained anew: there is no {anew}")
        return
    ours, theirs = load_file(FOLDER / task / WEIGHTS), load_file(anew)
    if ours.keys() != theirs.keys():
        print(f"  trained anew: OTHER parameters, such as {min(ours.keys() ^ theirs.keys())}")
        return
    apart = max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours)
    far = "" if apart <= SAME else ", MORE than they should"
    print(f"  trained anew: parameters differ by {apart:.1e} at most{far}")


MEASURES: dict[str, Callable[[Path], None]] = {
    "text-classification": text_classification,
    "token-classification": token_classification,
    "zero-shot-classification": zero_shot_classification,
    "question-answering": question_answering,
    "fill-mask": fill_mask,
}


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    data, *out = map(Path, sys.argv[1:])
    for task, measure in MEASURES.items():
        print(task, flush=True)
        if not (FOLDER / task).is_dir():
            print("  no adapter ships for it yet")
            continue
        measure(data / task)
        for folder in out:
            compare(task, folder)


if __name__ == "__main__":
    main()
