"""Logits of tokens, decoded to entities with spans of the original text."""

from ferrobert.entities.decoding import decode_entities
from ferrobert.entities.result import Entities

__all__ = ["Entities", "decode_entities"]
