"""Labels of words as labels of tokens, for named entities.

usage: python examples/tutorial/alignment.py
"""

import ferrobert as fb
from ferrobert.errors import AlignmentError
from ferrobert.models.encoder import encoder_folder

ENCODER = str(encoder_folder())  # has bert-base-uncased's vocabulary; with the hub: "bert-base-uncased"
LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
SENTENCE = "Elon Musk founded Tesla in California."

tokenizer = fb.BertTokenizer.from_pretrained(ENCODER)


def show_alignment(words, word_labels):
    """Print the tokens of words, each with its label; IGN is -100, which the loss leaves out."""
    encoding = tokenizer(words, is_split_into_words=True)
    [row] = fb.align_labels(encoding, [word_labels], label2id=LABELS)
    for token, label in zip(encoding.tokens(), row.tolist(), strict=True):
        print(f"  {token:<12} {'IGN' if label == -100 else LABELS[label]}")


print("Token -> Label alignment:")
show_alignment(SENTENCE.split(), ["B-PER", "I-PER", "O", "B-ORG", "O", "B-LOC"])

# Seven labels for six words, as in the tutorial: its loop over word_ids() never looks at the last one.
try:
    show_alignment(SENTENCE.split(), ["B-PER", "I-PER", "O", "B-ORG", "O", "B-LOC", "O"])
except AlignmentError as error:
    print("Seven labels:", error)

print("The full stop as a word of its own:")
show_alignment([*SENTENCE.removesuffix(".").split(), "."], ["B-PER", "I-PER", "O", "B-ORG", "O", "B-LOC", "O"])
