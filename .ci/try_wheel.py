"""What a user does first with an installed wheel and a vocabulary: no torch, no transformers."""

import importlib.util
from pathlib import Path

import ferrobert as fb

for absent in ("torch", "transformers"):
    assert importlib.util.find_spec(absent) is None, f"{absent} is installed: not an empty environment"

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "##s", "."]
vocab = Path("vocab.txt")
vocab.write_text("\n".join(words) + "\n", encoding="utf-8")
tokenizer = fb.BertTokenizer.from_pretrained(vocab)
batch = tokenizer(["The cats sat.", "Cat"], padding=True, return_tensors="np")
assert batch["input_ids"].tolist() == [[2, 5, 6, 8, 7, 9, 3], [2, 6, 3, 0, 0, 0, 0]], batch["input_ids"]
assert batch.word_ids(0) == [None, 0, 1, 1, 2, 3, None], batch.word_ids(0)
