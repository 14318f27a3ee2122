"""The texts of the demo: short sentences of the tutorial, and others written for it."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).resolve().parent.parent.parent / "data"
TRAIN = DATA / "reviews_train.tsv"
TEST = DATA / "reviews_test.tsv"

CAT = "The cat sat on the mat."
AFTERNOON = "It was a lazy afternoon."
CRASH = "The stock market crashed."
MUSK = "Elon Musk founded Tesla in California."
COOK = "Apple CEO Tim Cook announced a new product at their Cupertino headquarters."

# Of the words of MUSK, as the tutorial labels them.
MUSK_LABELS = ("B-PER", "I-PER", "O", "B-ORG", "O", "B-LOC")

MASKED = (CAT, AFTERNOON, CRASH, MUSK, COOK)
DOCUMENTS = ((CAT, AFTERNOON), (CRASH, "Banks closed early that day."))

PRODUCTS = (
    "I absolutely loved this product!",
    "Terrible quality, fell apart after a day.",
    "It's okay, nothing special.",
)

NEWS = (
    "The Lisbon architect Marta Figueira will build the new concert hall of Bergen. The city council chose her design "
    "on Thursday over plans from Japan and Brazil, said Mayor Jonas Haugland. The Vestland Savings Bank pays a third "
    "of the costs.\n\n"
    'Figueira, who studied in Porto and worked for Atelier Renaud in Lyon, called the harbour "a stage that Norway has '
    'kept to itself". The Bergen Youth Orchestra moves in next year and opens the hall with Peer Gynt.'
)

TOWER = (
    "On the Champ de Mars in Paris, not far from the Seine, stands the Eiffel Tower. Gustave Eiffel and his engineers "
    "designed it for the World's Fair of 1889. It was built between 1887 and 1889, out of 18,000 pieces of iron that "
    "were made in a workshop outside the city."
)
QUESTIONS = (
    ("Where is the Eiffel Tower located?", TOWER),
    ("Who designed the Eiffel Tower?", TOWER),
    ("When was the Eiffel Tower built?", TOWER),
    ("Who is the CEO of Apple?", COOK),
)

TOPICS = ("politics", "technology", "sports", "entertainment")
TOPICAL = (
    "The government announced new economic policies today.",
    "She scored twice in the last five minutes of the final.",
    "The new phone folds in half and charges in ten minutes.",
)

# {mask} is the tokenizer's mask token.
GAPS = ("Paris is the {mask} of France.", "She plays the {mask} in an orchestra.", "The cat {mask} on the {mask}.")

ALIKE = (
    CAT,
    "A kitten was asleep on the rug.",
    CRASH,
    "Share prices fell sharply.",
    "She plays the violin in an orchestra.",
)
