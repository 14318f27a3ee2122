"""Challenge 1: twenty film reviews, ten of them positive; each prediction with its confidence, and where it is wrong.

usage: python examples/challenges/reviews.py [MODEL]
"""

import sys
from pathlib import Path

import ferrobert as fb
from ferrobert.tables import Table

rows = [row.values for row in Table(Path(__file__).with_name("reviews.csv"))]
classify = fb.pipeline("sentiment-analysis", *sys.argv[1:2])  # without a model the one that ships
results = classify([row["text"] for row in rows])

right = 0
for row, result in zip(rows, results, strict=True):
    is_right = result["label"].upper() == row["label"]
    right += is_right
    print(f"{'     ' if is_right else 'wrong'} {result['label']:<8} {result['score']:.3f}  {row['text']}")
print(f"{right} of {len(rows)} right")
