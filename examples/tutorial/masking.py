"""What a masked language model learns from: 15 % of the tokens; of these 80 % are masked, 10 % random, 10 % unchanged.

usage: python examples/tutorial/masking.py
"""

from importlib.resources import files

import ferrobert as fb
from ferrobert.models.encoder import encoder_folder
from ferrobert.tables import Table

ENCODER = str(encoder_folder())  # has bert-base-uncased's vocabulary; with the hub: "bert-base-uncased"
REVIEWS = str(files("ferrobert") / "data" / "reviews_train.tsv")

tokenizer = fb.BertTokenizer.from_pretrained(ENCODER)

# Every choice is a function of the seed: 121 happens to select the tutorial's two words.
sentence = tokenizer("The cat sat on the mat.")
inputs, labels = fb.mask_tokens(sentence, tokenizer, seed=121)
targets = [tokenizer.convert_ids_to_tokens(id) if id != -100 else "" for id in labels[0].tolist()]
print("input   target")
for token, target in zip(tokenizer.convert_ids_to_tokens(inputs[0].tolist()), targets, strict=True):
    print(f"{token:<7} {target}".rstrip())

# The shares, in 580 reviews of one sentence.
reviews = tokenizer([row.values["text"] for row in Table(REVIEWS)])
inputs, labels = fb.mask_tokens(reviews, tokenizer, seed=42)
selected = labels.values != -100
new, true = inputs.values[selected], labels.values[selected]
words = len(labels.values) - 2 * len(labels)  # without [CLS] and [SEP]
masked, kept = (new == tokenizer.mask_token_id).sum(), (new == true).sum()
print()
print(f"{words:,} tokens, {len(true):,} selected: {len(true) / words:.1%}")
for name, count in (("[MASK]", masked), ("a random token", len(true) - masked - kept), ("unchanged", kept)):
    print(f"  {name:<15} {count:>5,}  {count / len(true):.1%}")
