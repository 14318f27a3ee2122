"""Answers of random and of peaked logits, compared with all spans and with what people run today.

    python -m tests.answers_check [--cases N] [--questions N] [--seed N] [--model FOLDER]

Exit status 1 where anything differs.

- all spans: random rows and logits, ties included; the core and its twin, which sorts every span, must agree in all.
- ``run_qa.py``: features of SQuAD dev. Where its 20 best starts and ends hold the best span, it is ours; where they do
  not, ours must be better, and is counted.
- transformers 4's pipeline: likewise, the best answer of its scores.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.answer_peers import pipeline_decode, postprocess_predictions
from tests.conftest import data_folder

import ferrobert as fb
from ferrobert.answers.decoding import decode_rows
from ferrobert.answers.options import DecodingOptions
from ferrobert.answers.rows import ContextRows, SpanLogits
from ferrobert.pipelines.forward import Forward
from ferrobert.pipelines.rows import token_rows
from ferrobert.reference.answers.decoding import decode_rows as twin_rows

SCORES_WITHIN = 1e-9


# --- all spans ----------------------------------------------------------------------------------------------------


def random_case(draws: np.random.Generator) -> tuple[ContextRows, SpanLogits, DecodingOptions]:
    """Rows of some samples, some of them windows of one context, with logits that are often equal."""
    samples, rows = int(draws.integers(1, 4)), []
    for sample in range(samples):
        words = int(draws.integers(0, 12))
        tokens = []  # start, end and word of each token of the context
        char = 0
        for word in range(words):
            for _ in range(draws.choice([1, 1, 2, 3])):
                # Tokens of one character that share it, as the bytes of an emoji do.
                length = int(draws.choice([0, 1, 2, 3], p=[0.1, 0.4, 0.3, 0.2]))
                tokens.append((char, char + max(length, 1), word))
                char += length
            char += 2
        width, overlap = int(draws.integers(1, 9)), 0
        if width > 1:
            overlap = int(draws.integers(0, width))
        starts = range(0, max(1, len(tokens) - overlap), max(1, width - overlap)) if draws.random() < 0.7 else [0]
        for start in starts:
            rows.append((sample, tokens[start : start + width] if len(starts) > 1 else tokens))
    draws.shuffle(rows)  # type: ignore[arg-type]
    spans, offsets, word_ids, splits = [], [], [], [0]
    for _, tokens in rows:
        question = int(draws.integers(0, 4))
        before = [(0, 0, -1)] + [(0, 1, 0)] * question + [(0, 0, -1)]
        row = [*before, *tokens, (0, 0, -1)]
        spans.append((len(before), len(before) + len(tokens)))
        offsets += [token[:2] for token in row]
        word_ids += [token[2] for token in row]
        splits.append(len(offsets))
    total = splits[-1]
    top_k = int(draws.choice([1, 1, 2, 5, 20]))
    impossible = draws.random() < 0.4
    rank_by = "probability" if draws.random() < 0.4 else "logits"
    options = DecodingOptions(
        top_k,
        int(draws.choice([1, 3, 20])),
        int(draws.choice([1, 2, 3, 5, 30])),
        rank_by,
        (float(draws.choice([-2.0, 0.0, 1.5])) if rank_by == "logits" else 0.0) if impossible else None,
        bool(draws.random() < 0.4),
        bool(draws.random() < 0.5),
    )
    kind = np.float32 if draws.random() < 0.5 else np.float64
    # Norms are rounded: with them equal values would not be equal on both sides.
    even = rank_by == "probability" or draws.random() < 0.3
    logits = draws.normal(0, 3, (2, total)) if even else draws.integers(-3, 4, (2, total)) / 2
    context = ContextRows(
        np.array(offsets, np.int32).reshape(-1, 2),
        np.array(word_ids, np.int32),
        np.array(splits, np.int64),
        np.array([sample for sample, _ in rows], np.int64),
        np.array(spans, np.int64).reshape(-1, 2),
        ["x" * 80] * samples,
        None,
        "right",
    )
    return context, SpanLogits(logits[0].astype(kind), logits[1].astype(kind), context.row_splits[:-1]), options


def same_answers(ours: list[list[dict[str, Any]]], theirs: list[list[dict[str, Any]]]) -> bool:
    """Whether all is equal, and scores nearly."""
    if [len(answers) for answers in ours] != [len(answers) for answers in theirs]:
        return False
    for mine, their in zip(ours, theirs, strict=True):
        for one, other in zip(mine, their, strict=True):
            if one.keys() != other.keys():
                return False
            for key, value in one.items():
                if isinstance(value, float) and not math.isinf(value):
                    if not math.isclose(value, other[key], rel_tol=SCORES_WITHIN, abs_tol=1e-15):
                        return False
                elif value != other[key]:
                    return False
    return True


def check_all_spans(cases: int, seed: int) -> Counter[str]:
    """The core beside its twin."""
    draws = np.random.Generator(np.random.Philox(seed))
    counts: Counter[str] = Counter()
    for case in range(cases):
        rows, logits, options = random_case(draws)
        ours, theirs = decode_rows(rows, logits, options), twin_rows(rows, logits, options)
        if not same_answers(ours, theirs):
            print(f"case {case}: {options}\n{rows}\n{logits}\nours   {ours}\ntheirs {theirs}")
            raise SystemExit(1)
        counts["cases"] += 1
        counts["answers"] += sum(map(len, ours))
        counts["no answer first"] += sum(bool(answers) and not answers[0]["answer"] for answers in ours)
    return counts


# --- what people run today ----------------------------------------------------------------------------------------


def questions_of(number: int, seed: int) -> tuple[list[str], list[str]]:
    """Questions and contexts of SQuAD dev, drawn at random."""
    folder = data_folder()
    if folder is None:
        raise SystemExit("the real data is not here (FERROBERT_DATA)")
    articles = json.loads((folder / "squad" / "dev-v1.1.json").read_text("utf-8"))["data"]
    pairs = [
        (question["question"], paragraph["context"])
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    chosen = np.random.Generator(np.random.Philox(seed)).permutation(len(pairs))[:number]
    return [pairs[at][0] for at in chosen], [pairs[at][1] for at in chosen]


def logits_for(kind: str, shape: tuple[int, int], draws: np.random.Generator) -> NDArray[np.float32]:
    """Logits of starts and ends, ``(2, *shape)``: even; low with a few peaks; or low ones that rise around one
    place, as those of trained models do."""
    logits = draws.normal(0, 1, (2, *shape))
    if kind == "trained":
        places = np.arange(shape[1])
        # Behind the question, and within the context of most features.
        start = draws.integers(25, 80, (shape[0], 1))
        for of_which, center in zip(logits, (start, start + draws.integers(0, 6, (shape[0], 1))), strict=True):
            of_which += 12 * np.exp(-np.abs(places - center) / 6) - 7
    if kind == "peaked":
        logits -= 6
        for row in logits.reshape(-1, shape[1]):
            row[draws.integers(0, shape[1], 4)] += draws.uniform(4, 12, 4)
    return logits.astype(np.float32)


def logits_of(pipe: Any, features: Any, width: int) -> NDArray[np.float32]:
    """Logits of starts and ends by a model, ``(2, rows, width)``, padded on the right."""
    rows = token_rows(features)
    found = Forward(pipe).of_tokens(rows, ("start_logits", "end_logits"))
    logits = np.zeros((2, len(rows), width), np.float32)
    logits[:, np.arange(width) < rows.lengths[:, None]] = found
    return logits


def check_peers(number: int, seed: int, model: str | None) -> Counter[str]:
    """The core beside the post-processing of run_qa.py and the decoding of transformers 4."""
    folder = data_folder()
    assert folder is not None
    tokenizer = fb.BertTokenizer.from_pretrained(folder / "vocab" / "bert-base-uncased", model_max_length=384)
    theirs = tokenizer.as_transformers()
    questions, contexts = questions_of(number, seed)
    draws = np.random.Generator(np.random.Philox(seed + 1))
    pipe = None if model is None else fb.pipeline("question-answering", model, tokenizer, device="cpu")
    counts: Counter[str] = Counter()
    for length, stride in ((384, 128), (96, 32)):
        options: dict[str, Any] = {
            "truncation": "only_second",
            "max_length": length,
            "stride": stride,
            "return_overflowing_tokens": True,
            "return_offsets_mapping": True,
            "padding": "max_length",
        }
        features = tokenizer(questions, contexts, **options)
        other = theirs(questions, contexts, **options)
        samples = list(other["overflow_to_sample_mapping"])
        offsets = [
            [span if sequence == 1 else None for span, sequence in zip(row.offsets, row.sequence_ids, strict=True)]
            for row in other.encodings
        ]
        for kind in ("even", "peaked", "trained", *([] if pipe is None else ["the model's"])):
            made = pipe is None or kind != "the model's"
            shape = (len(samples), length)
            starts, ends = logits_for(kind, shape, draws) if made else logits_of(pipe, features, length)
            ours = fb.decode_answers(starts, ends, features, top_k=20, details=True)
            todays = postprocess_predictions(contexts, samples, offsets, starts, ends)
            for mine, their in zip(ours, todays, strict=True):
                counts[f"run_qa, {kind} logits, {length} tokens"] += 1
                best = mine[0]["start_logit"] + mine[0]["end_logit"]
                if abs(best - their[0]["value"]) < 1e-6 and their[0]["answer"] != "empty":
                    same = (mine[0]["start"], mine[0]["end"]) == (their[0]["start"], their[0]["end"])
                    tied = abs(their[0]["value"] - their[1]["value"]) < 1e-6 if len(their) > 1 else False
                    if not same and not tied:
                        raise SystemExit(f"run_qa: {their[0]}, ours {mine[0]}")
                elif their[0]["answer"] == "empty":
                    counts[f"run_qa, {kind} logits, {length} tokens: 'empty'"] += 1
                elif best > their[0]["value"]:
                    counts[f"run_qa, {kind} logits, {length} tokens: missed the best"] += 1
                else:
                    raise SystemExit(f"run_qa finds better: {their[0]}, ours {mine[0]}")
            settings: dict[str, Any] = {"max_answer_length": 15, "rank_by": "probability", "align_to_words": True}
            ours = fb.decode_answers(starts, ends, features, **settings)
            todays = pipeline_decode(contexts, samples, other.encodings, starts, ends)
            for mine, their in zip(ours, todays, strict=True):
                counts[f"pipeline, {kind} logits, {length} tokens"] += 1
                if not their:
                    counts[f"pipeline, {kind} logits, {length} tokens: none"] += 1
                elif any(mine[key] != their[0][key] for key in ("start", "end", "answer")):
                    tied = abs(mine["score"] - their[0]["score"]) < 1e-6 * mine["score"]
                    if mine["score"] < their[0]["score"] and not tied:
                        raise SystemExit(f"the pipeline finds better: {their[0]}, ours {mine}")
                    counts[f"pipeline, {kind} logits, {length} tokens: " + ("tied" if tied else "missed the best")] += 1
                elif abs(mine["score"] - their[0]["score"]) > 1e-6:
                    raise SystemExit(f"the pipeline's score is {their[0]}, ours {mine}")
    return counts


def main() -> None:
    """Both checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model", help="also with the logits of this model, uncased, as make squad-check trains it")
    options = parser.parse_args()
    for name, counts in (
        ("all spans", check_all_spans(options.cases, options.seed)),
        (
            "what people run today",
            check_peers(options.questions, options.seed, options.model) if options.questions else Counter(),
        ),
    ):
        print(name)
        for what, number in counts.items():
            print(f"  {what:60} {number:>9,}")
    sys.exit(0)


if __name__ == "__main__":
    main()
