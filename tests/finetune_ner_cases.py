"""What the tests of fine-tuning for entities share: words with tags, texts with spans, quick settings."""

import ferrobert as fb

PEOPLE = [["one", "two"], ["three"], ["good"]]
PLACES = [["film"], ["book", "room"]]
# A sentence: who wrote a <place> and <person> was good.
TRAIN = [
    (
        ["who", "wrote", *place, "and", *person, "was", "!"],
        ["O", "O", "B-LOC", *["I-LOC"] * (len(place) - 1), "O", "B-PER", *["I-PER"] * (len(person) - 1), "O", "O"],
    )
    for person in PEOPLE
    for place in PLACES
] * 4
COLUMNS = {"tokens": [words for words, _ in TRAIN], "tags": [tags for _, tags in TRAIN]}
CHECK = TRAIN[:6]
NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
FAST = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 8, "device": "cpu", "progress": False}
LONGER = {**FAST, "epochs": 8, "learning_rate": 5e-3}
SPANS = [
    {"text": "Elon Musk wrote this.", "spans": [{"start": 0, "end": 9, "label": "PER"}]},
    {"text": "a film in Oslo", "spans": [{"start": 10, "end": 14, "label": "LOC"}]},
] * 8


def finetune(model, train=TRAIN, validation=None, **settings):
    return fb.finetune("ner", model, train, validation, **{**FAST, **settings})
