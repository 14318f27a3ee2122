"""Compares tokenizers with the reference, transformers on the tokenizers package, on everything that it returns.

Run in full with ``python -m tests.parity`` from the root of the repository (``make parity``); ``tests/test_parity.py``
runs a sample. Three sources of texts: :mod:`.corpus` (real lines, every vocabulary), :mod:`.scalars` (every Unicode
scalar in context), :mod:`.random_calls` (random strings, tokenizers and options). A difference is shrunk to a small
failing call and printed with its options.
"""
