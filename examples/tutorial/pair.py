"""Two sentences in one row: the token types tell them apart.

usage: python examples/tutorial/pair.py
"""

from ferrobert import BertTokenizer
from ferrobert.models.encoder import encoder_folder

ENCODER = str(encoder_folder())  # has bert-base-uncased's vocabulary; with the hub: "bert-base-uncased"

tokenizer = BertTokenizer.from_pretrained(ENCODER)
pair = tokenizer("The cat sat on the mat.", "It was a lazy afternoon.")

print("Pair tokens:", pair.tokens())
print("Token types:", pair["token_type_ids"])
