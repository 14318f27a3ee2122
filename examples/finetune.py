"""Fine-tune a classifier on rows of your own: here six sentences a label, so that it takes seconds.

usage: python examples/finetune.py OUTPUT_FOLDER
"""

import sys

from encoder import default_encoder

import ferrobert as fb

ROWS = [
    ("The invoice has not arrived yet.", "billing"),
    ("Why was I charged twice this month?", "billing"),
    ("Please refund the second payment.", "billing"),
    ("My card was declined when I paid.", "billing"),
    ("Can I get a receipt for last year?", "billing"),
    ("The price on the bill is wrong.", "billing"),
    ("The app crashes when I open it.", "technical"),
    ("I cannot log in since the update.", "technical"),
    ("The page stays blank in my browser.", "technical"),
    ("Uploading a photo ends in an error.", "technical"),
    ("The search finds nothing at all.", "technical"),
    ("Notifications stopped on my phone.", "technical"),
]

classify = fb.finetune(
    "text-classification",
    default_encoder(),
    ROWS,
    output_dir=sys.argv[1],
    epochs=8,
    learning_rate=1e-4,  # a few dozen steps: the usual 2e-5 is made for thousands
    batch_size=4,
    checkpoints=False,
)
for text in ("You billed me two times.", "It crashes every time I log in."):
    (answer,) = classify(text)
    print(f"{answer['label']:<10} {answer['score']:.2f}  {text}")
