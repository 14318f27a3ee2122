"""Four tasks, each in one call, with the models that ship.

usage: python examples/tutorial/pipelines.py
"""

from ferrobert import pipeline

NEWS = "Apple CEO Tim Cook announced a new product at their Cupertino headquarters."
POLICY = "The government announced new economic policies today."
TOPICS = ["politics", "technology", "sports", "entertainment"]

sentiment = pipeline("sentiment-analysis")
for result in sentiment(
    ["I absolutely loved this product!", "Terrible quality, fell apart after a day.", "It's okay, nothing special."]
):
    print(f"{result['label']:<10} {result['score']:.3f}")

print()
ner = pipeline("ner", grouped_entities=True)
for entity in ner(NEWS):
    print(f"{entity['entity_group']:<8} {entity['word']:<25} score={entity['score']:.3f}")

print()
qa = pipeline("question-answering")
result = qa(question="Who is the CEO of Apple?", context=NEWS)
print(f"Answer: {result['answer']}  (score: {result['score']:.3f})")

print()
classifier = pipeline("zero-shot-classification")
result = classifier(POLICY, candidate_labels=TOPICS)
for label, score in zip(result["labels"], result["scores"], strict=True):
    print(f"{label:<15}: {score:.3f}")
