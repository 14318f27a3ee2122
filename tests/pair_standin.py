"""Sentence pairs in a few lines, until the real ones are merged."""

import numpy as np

import ferrobert


def sentence_pairs(documents, tokenizer, *, max_length, next_sentence_prob=0.5, seed=0, epoch=0, **_):
    documents = [list(document) for document in documents]
    generator = np.random.Generator(np.random.Philox([seed, epoch]))
    first, second, labels = [], [], []
    everything = [sentence for document in documents for sentence in document]
    for document in documents:
        for index in range(len(document)):
            random = index + 1 == len(document) or generator.random() > next_sentence_prob
            first.append(document[index])
            second.append(everything[generator.integers(len(everything))] if random else document[index + 1])
            labels.append(int(random))
    encoding = tokenizer(first, second, truncation=True, max_length=max_length)
    encoding["next_sentence_label"] = np.array(labels, dtype=np.int64)
    yield encoding


def pack_sentences(documents, tokenizer, *, max_length):
    texts = [" ".join(document) for document in documents]
    yield tokenizer(texts, truncation=True, max_length=max_length)


def install():
    if "sentence_pairs" not in ferrobert.__all__:
        ferrobert.sentence_pairs = sentence_pairs
        ferrobert.pack_sentences = pack_sentences


install()
