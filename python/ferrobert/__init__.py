"""The toolkit for BERT-family encoders: text in, answers out."""

from ferrobert._core import __version__

__all__ = ["__version__"]
