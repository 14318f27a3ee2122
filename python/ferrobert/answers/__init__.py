"""Extractive question answering: questions and contexts to features, logits to answers."""

from ferrobert.answers.decoding import decode_answers

__all__ = ["decode_answers"]
