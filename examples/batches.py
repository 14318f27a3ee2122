"""Padded batches for a loop of your own: sentence vectors by mean pooling, and which sentences are closest.

usage: python examples/batches.py [FOLDER OR HUB ID]
"""

import sys

import torch
from encoder import default_encoder
from transformers import AutoModel

from ferrobert import AutoTokenizer

SENTENCES = [
    "The cat sat on the mat.",
    "A kitten was sitting on a rug.",
    "The stock market crashed.",
    "Shares fell sharply today.",
]

name = sys.argv[1] if len(sys.argv) > 1 else default_encoder()
tok = AutoTokenizer.from_pretrained(name)
model = AutoModel.from_pretrained(name).eval()

batch = tok(SENTENCES, padding=True, truncation=True, return_tensors="pt")  # (4, longest), int64
with torch.inference_mode():
    hidden = model(**batch).last_hidden_state  # (4, longest, width)
mask = batch["attention_mask"].unsqueeze(-1)
vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)  # (4, width)

similarity = vectors @ vectors.T
similarity.fill_diagonal_(-1.0)
for row, closest in enumerate(similarity.argmax(-1).tolist()):
    print(f"{SENTENCES[row]}  ~  {SENTENCES[closest]}  ({similarity[row, closest]:.2f})")
