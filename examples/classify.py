"""Use a trained classifier: one text, many texts, all labels.

usage: python examples/classify.py MODEL_FOLDER TEXT...
"""

import sys

import ferrobert as fb

model, *texts = sys.argv[1:]
classify = fb.pipeline("text-classification", model)
for text, scores in zip(texts, classify(texts, top_k=None), strict=True):
    print(text)
    for answer in scores:
        print(f"  {answer['label']:<10} {answer['score']:.3f}")
