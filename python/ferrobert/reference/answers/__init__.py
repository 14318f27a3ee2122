"""Extractive question answering in pure Python."""

from ferrobert.reference.answers.decoding import argmax_answer, decode_answers
from ferrobert.reference.answers.encoding import encode_questions

__all__ = ["argmax_answer", "decode_answers", "encode_questions"]
