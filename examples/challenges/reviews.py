"""Challenge 1: twenty film reviews, each prediction with its confidence, and which kinds of review go wrong.

usage: python examples/challenges/reviews.py [MODEL]
"""

import sys
from collections import Counter
from pathlib import Path

import ferrobert as fb
from ferrobert.tables import Table

rows = [row.values for row in Table(Path(__file__).with_name("reviews.csv"))]
classify = fb.pipeline("sentiment-analysis", *sys.argv[1:2])  # without a model the one that ships
results = classify([row["text"] for row in rows])

right = Counter()
for row, result in zip(rows, results, strict=True):
    is_right = result["label"].upper() == row["label"]
    right[row["kind"]] += is_right
    print(f"{'' if is_right else 'wrong':<5} {result['label']:<8} {result['score']:.3f}  {row['text']}")
print()
for kind, count in Counter(row["kind"] for row in rows).items():
    print(f"{kind:<8} {right[kind]} of {count} right")
print(f"{'all':<8} {right.total()} of {len(rows)} right")
