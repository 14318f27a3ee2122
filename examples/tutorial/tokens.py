"""One text as BERT reads it: ids, types, mask and tokens.

usage: python examples/tutorial/tokens.py
"""

from ferrobert import BertTokenizer
from ferrobert.models.encoder import encoder_folder

ENCODER = str(encoder_folder())  # has bert-base-uncased's vocabulary; with the hub: "bert-base-uncased"

tokenizer = BertTokenizer.from_pretrained(ENCODER)
tokens = tokenizer("The cat sat on the mat.")

print("Input IDs:     ", tokens["input_ids"])
print("Token type IDs:", tokens["token_type_ids"])
print("Attention mask:", tokens["attention_mask"])
print()
print("Tokens:", tokenizer.convert_ids_to_tokens(tokens["input_ids"]))
