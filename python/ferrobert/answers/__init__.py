"""Extractive question answering: questions and contexts to features, logits to answers."""

from ferrobert.answers.decoding import decode_answers
from ferrobert.answers.encoding import encode_questions
from ferrobert.answers.features import QuestionFeatures

__all__ = ["QuestionFeatures", "decode_answers", "encode_questions"]
