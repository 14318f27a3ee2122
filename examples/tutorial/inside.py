"""What a classifier adds to BERT, how many parameters learn, and what is left of them when BERT is frozen.

usage: python examples/tutorial/inside.py
"""

import torch
from transformers import BertConfig, BertModel

from ferrobert import BertTokenizer
from ferrobert.models import BertClassifier
from ferrobert.models.encoder import encoder_folder

ENCODER = str(encoder_folder())  # MiniLM; with the hub: "bert-base-uncased"


def show_parameters(name: str, model: BertClassifier) -> None:
    """Print how many parameters there are, and how many learn with and without the encoder."""
    total, trainable = model.parameter_counts()
    print(name)
    print(f"  Total parameters:       {total:>11,}")
    print(f"  Trainable parameters:   {trainable:>11,}")
    print(f"  Trainable (head only):  {model.freeze().parameter_counts().trainable:>11,}")


# Parameters are a matter of the config: bert-base-uncased's is BertConfig(), and "meta" makes no weights.
with torch.device("meta"):
    show_parameters("bert-base-uncased", BertClassifier(n_classes=2, model=BertModel(BertConfig())))
model = BertClassifier(n_classes=2, dropout=0.3, model=ENCODER).eval()
show_parameters("MiniLM", model)

tokenizer = BertTokenizer.from_pretrained(ENCODER)
batch = tokenizer(["A warm and witty film.", "Two hours that I want back."], padding=True, return_tensors="pt")
with torch.no_grad():
    outputs = model.bert(**batch)
    pooled = torch.tanh(model.bert.pooler.dense(outputs.last_hidden_state[:, 0]))
    logits = model(**batch)
print("last_hidden_state", tuple(outputs.last_hidden_state.shape))
print("pooler_output    ", tuple(outputs.pooler_output.shape))
print("logits           ", tuple(logits.shape))
print("pooler_output is [CLS] through a linear layer and tanh:", torch.allclose(pooled, outputs.pooler_output))
