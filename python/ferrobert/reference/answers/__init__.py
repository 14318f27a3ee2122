"""Extractive question answering in pure Python."""

from ferrobert.reference.answers.decoding import argmax_answer, decode_answers

__all__ = ["argmax_answer", "decode_answers"]
