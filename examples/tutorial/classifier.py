"""Fine-tune a classifier in a loop of one's own, on eight sentences.

usage: python examples/tutorial/classifier.py [LEARNING_RATE EPOCHS]
"""

import sys

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import BertForSequenceClassification, get_linear_schedule_with_warmup

from ferrobert import BertTokenizer
from ferrobert.models.encoder import encoder_folder

ENCODER = str(encoder_folder())  # MiniLM; with the hub: "bert-base-uncased"
LEARNING_RATE, EPOCHS = (float(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (2e-5, 3)
LIKED = ["A warm and witty film.", "The acting is superb.", "I could watch it again tonight.", "Moving and well made."]
DISLIKED = ["Two hours I want back.", "The script is a mess.", "A loud and empty film.", "I was bored from the start."]


class SentimentDataset(Dataset):
    """Encoded texts with their labels, a row an item."""

    def __init__(self, texts, labels, tokenizer, max_len=64):
        self.encodings = tokenizer(texts, truncation=True, padding=True, max_length=max_len, return_tensors="pt")
        self.labels = torch.tensor(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row):
        return {**{name: tensor[row] for name, tensor in self.encodings.items()}, "labels": self.labels[row]}


torch.manual_seed(0)
device = "cuda" if torch.cuda.is_available() else "cpu"
tokenizer = BertTokenizer.from_pretrained(ENCODER)
data = SentimentDataset(LIKED + DISLIKED, [1] * len(LIKED) + [0] * len(DISLIKED), tokenizer)
loader = DataLoader(data, batch_size=4, shuffle=True)
model = BertForSequenceClassification.from_pretrained(ENCODER, num_labels=2).to(device).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
scheduler = get_linear_schedule_with_warmup(optimizer, 0, len(loader) * EPOCHS)
for epoch in range(1, EPOCHS + 1):
    losses = []
    for batch in loader:
        loss = model(**{name: tensor.to(device) for name, tensor in batch.items()}).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    print(f"Epoch {epoch}: loss={sum(losses) / len(losses):.4f}")

new = ["I loved every minute of it!", "This is the worst film of the year."]
with torch.no_grad():
    logits = model.eval()(**tokenizer(new, padding=True, return_tensors="pt").to(device)).logits
for text, label in zip(new, logits.argmax(dim=1).tolist(), strict=True):
    print(f"{text} -> {'Positive' if label else 'Negative'}")
