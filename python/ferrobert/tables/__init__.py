"""Reading and writing tables a row at a time: CSV, TSV, JSONL, Parquet and CoNLL; reading SQuAD's files.

A table of any size passes through in bounded memory, and every error names the file and the line (CSV, TSV, JSONL,
CoNLL) or the row (Parquet), counted from 1 as an editor counts.

CSV is RFC 4180: values may be quoted and hold line breaks. TSV has no quoting, as in GLUE's files: a quotation mark
is a character like any other. JSONL holds one object a line. CoNLL holds a token and its tag a line, and a blank line
between sentences (`ferrobert.tables.conll`); its rows are sentences. A file of SQuAD (``.json``) is one document, read
as a whole; its rows are questions (`ferrobert.tables.squad`). All are UTF-8; a byte order mark is skipped.
"""

from ferrobert.tables.formats import READ_FORMATS, WRITE_FORMATS, format_of
from ferrobert.tables.table import Row, Table, chunks
from ferrobert.tables.values import word_list
from ferrobert.tables.writer import TableWriter

__all__ = ["READ_FORMATS", "WRITE_FORMATS", "Row", "Table", "TableWriter", "chunks", "format_of", "word_list"]
