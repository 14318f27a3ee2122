"""Sentence pairs as BERT was pretrained on them: label 0 where B follows A, 1 where B is of another document.

usage: python examples/tutorial/next_sentence.py
"""

import ferrobert as fb
from ferrobert.models.encoder import encoder_folder

ENCODER = str(encoder_folder())  # has bert-base-uncased's vocabulary; with the hub: "bert-base-uncased"
DOCUMENTS = [
    ["The cat sat on the mat.", "It was a lazy afternoon."],
    ["The stock market crashed."],
]
NAMES = {0: "B follows A", 1: "B is random"}

tokenizer = fb.BertTokenizer.from_pretrained(ENCODER)
for seed in (1, 0):  # whether B is random is drawn from the seed
    [encoding] = fb.sentence_pairs(DOCUMENTS, tokenizer, max_length=32, seed=seed)
    label = int(encoding["next_sentence_label"][0])
    print(*encoding.tokens(0))
    print(f"  label {label}: {NAMES[label]}")
