"""What tokenization returns: flat columns, and the dictionary of rows that models take.

Nothing is kept per token but numpy columns; lists, matrices and tensors are made when they are asked for.
"""

from ferrobert.encoding.batch import BatchEncoding
from ferrobert.encoding.columns import Columns
from ferrobert.encoding.ragged import Ragged
from ferrobert.encoding.row import CharSpan, EncodedRow, TokenSpan

__all__ = ["BatchEncoding", "CharSpan", "Columns", "EncodedRow", "Ragged", "TokenSpan"]
