"""Tokens and where they stand in the text; windows over a long text; labels of words on their tokens.

usage: python examples/tokenize_text.py [FOLDER, vocab.txt OR HUB ID]
"""

import sys

from encoder import default_encoder

from ferrobert import AutoTokenizer

tok = AutoTokenizer.from_pretrained(sys.argv[1] if len(sys.argv) > 1 else default_encoder())

text = "Elon Musk founded Tesla in California."
enc = tok(text)
print(f"{text!r}: token, characters, word")
for place, (token, word) in enumerate(zip(enc.tokens(), enc.word_ids(), strict=True)):
    span = enc.token_to_chars(place)
    print(f"  {token:<12} {text[span.start : span.end] if span else '':<12} {'' if word is None else word}")

# The words of a labelled sentence; the first token of a word carries its label, the others -100.
words = ["Elon", "Musk", "founded", "Tesla", "in", "California."]
labels = ["B-PER", "I-PER", "O", "B-ORG", "O", "B-LOC"]
enc = tok(words, is_split_into_words=True)
word_ids = enc.word_ids()
print("\nlabels on tokens")
for place, word in enumerate(word_ids):
    is_first = word is not None and word != word_ids[place - 1]
    print(f"  {enc.tokens()[place]:<12} {labels[word] if is_first else -100}")

# A text longer than the model reads becomes windows that overlap by 4 tokens; none of it is lost.
enc = tok(" ".join([text] * 6), truncation=True, max_length=24, stride=4, return_overflowing_tokens=True)
print(f"\n{len(enc['input_ids'])} windows of at most 24 tokens")
