"""Masks of ten million tokens: shares, chi-square tests, and one digest for any number of threads.

    python -m tests.masking_statistics [--tokens N]      # half a minute; exit status 1 where something is wrong

Reads the real corpus where it is ($FERROBERT_DATA), else ids at random.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
from scipy.stats import chisquare
from tests.conftest import SPECIAL, data_folder

import ferrobert as fb

OPTIONS: dict[str, dict[str, Any]] = {
    "tokens": {},
    "whole words": {"whole_word_mask": True},
    "exact": {"exact": True},
    "exact, whole words": {"exact": True, "whole_word_mask": True},
    "spans": {"max_span_length": 10},
}
REJECTED = 1e-4
LENGTH = 128


def rows_of(tokens: int) -> tuple[fb.BertTokenizer, fb.BatchEncoding | Any, str]:
    """Rows of so many tokens that may be selected."""
    data = data_folder()
    if data is None:
        vocab = {token: id for id, token in enumerate([*SPECIAL, *(f"w{number}" for number in range(30_000))])}
        ids = np.random.default_rng(1).integers(len(SPECIAL), len(vocab), size=(tokens // (LENGTH - 2) + 1, LENGTH))
        ids[:, 0], ids[:, -1] = vocab["[CLS]"], vocab["[SEP]"]
        return fb.BertTokenizer(vocab), ids, "ids at random"
    tokenizer = fb.BertTokenizer.from_pretrained(data / "vocab" / "bert-base-uncased")
    text = (data / "corpus" / "english.txt").read_text(encoding="utf-8").split("\n")
    joined = [" ".join(text[start : start + 8]) for start in range(0, len(text), 8)]
    windows = tokenizer(joined, truncation=True, max_length=LENGTH, return_overflowing_tokens=True).columns
    full = np.flatnonzero(np.diff(windows.row_splits) == LENGTH)
    ids = windows.ids[windows.row_splits[full][:, None] + np.arange(LENGTH)].astype(np.int64)
    times = tokens // ids.size + 1
    return tokenizer, np.concatenate([ids] * times), "english.txt with bert-base-uncased"


def digest(tokenizer: fb.BertTokenizer, ids: Any) -> str:
    """Of the masks of every kind."""
    made = hashlib.sha256()
    for options in OPTIONS.values():
        for array in fb.mask_tokens(ids[:40_000], tokenizer, seed=2026, epoch=1, **options):
            made.update(array.tobytes())
    return made.hexdigest()


def main() -> None:
    """Prints every figure; ends with 1 where one is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=10_000_000)
    parser.add_argument("--digest", action="store_true", help="print the digest alone")
    options = parser.parse_args()
    tokenizer, ids, name = rows_of(options.tokens)
    if options.digest:
        print(digest(tokenizer, ids))
        return
    failed = []
    special = np.isin(ids, tokenizer.all_special_ids)
    may_be = int((~special).sum())
    print(f"{name}: {ids.size:,} tokens, of which {may_be:,} may be selected")
    vocab = tokenizer.get_vocab()
    unused = {id for token, id in vocab.items() if token.startswith("[unused")}
    drawn_from = np.array(sorted(set(vocab.values()) - unused - set(tokenizer.all_special_ids)))
    for kind, given in OPTIONS.items():
        masked, labels = fb.mask_tokens(ids, tokenizer, seed=7, **given)
        selected = labels != -100
        number = int(selected.sum())
        is_mask = (masked == tokenizer.mask_token_id)[selected].sum() / number
        is_kept = (masked == ids)[selected].sum() / number
        share = number / may_be
        print(f"{kind:20} selected {share:.4%}, masked {is_mask:.4%}, kept {is_kept:.4%}", end="")
        if (selected & special).any():
            failed.append(f"{kind}: special tokens are selected")
        random = masked[selected & (masked != ids) & (masked != tokenizer.mask_token_id)]
        if not np.isin(random, drawn_from).all():
            failed.append(f"{kind}: a special or unused token was drawn")
        if not (abs(share - 0.15) < 0.001 or given) or abs(is_mask - 0.8) > 0.003 or abs(is_kept - 0.1) > 0.003:
            failed.append(f"{kind}: shares")
        # Random ids: of each, as often as not equal to the token that was there.
        p_ids = chisquare(np.bincount(random, minlength=len(vocab))[drawn_from]).pvalue
        print(f"; random ids p = {p_ids:.3f}", end="")
        if p_ids < REJECTED:
            failed.append(f"{kind}: random ids are not uniform")
        if not given:
            at = selected.sum(axis=0)
            chances = (~special).sum(axis=0)
            inner = chances > 0
            p_at = chisquare(at[inner], chances[inner] / chances.sum() * number).pvalue
            print(f", positions p = {p_at:.3f}", end="")
            if p_at < REJECTED:
                failed.append("positions are not uniform")
        print()
    digests = {}
    for threads in ("1", "2"):
        environment = {**os.environ, "RAYON_NUM_THREADS": threads}
        command = [sys.executable, "-m", "tests.masking_statistics", "--digest", "--tokens", str(options.tokens)]
        digests[threads] = subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()
        print(f"{threads} thread{'s' * (threads != '1')}: {digests[threads]}")
    if len(set(digests.values())) > 1:
        failed.append("masks depend on the number of threads")
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main()
