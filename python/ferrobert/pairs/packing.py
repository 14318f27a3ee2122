"""Full sentences, packed into rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding
from ferrobert.errors import ConfigError
from ferrobert.inputs import check_count
from ferrobert.pairs.documents import Block, blocks_of, check_documents, filled_blocks
from ferrobert.pairs.pairing import BLOCK_DOCUMENTS, BLOCK_TOKENS
from ferrobert.pairs.template import row_maker

__all__ = ["pack_sentences", "packed_by"]


def pack_sentences(
    documents: Iterable[Any],
    tokenizer: Any,
    *,
    max_length: int = 512,
    cross_documents: bool = True,
    block_documents: int = BLOCK_DOCUMENTS,
    block_tokens: int = BLOCK_TOKENS,
) -> Iterator[BatchEncoding]:
    """Rows of full sentences, as RoBERTa is pretrained on (Liu et al., 2019: FULL-SENTENCES), block by block.

    A row takes sentences in their order as long as they fit into ``max_length``. With ``cross_documents`` it goes on
    with the next document, behind a separator (``[SEP]``, ``</s>``); without, it ends with its document
    (DOC-SENTENCES). A sentence that is longer than a row is cut into rows, and its last part goes on with the next
    sentence. No token is lost, nothing is random, and rows do not depend on the blocks.

    Args:
        documents: As :func:`ferrobert.sentence_pairs` takes them.
        tokenizer: A tokenizer of ferrobert, of any family.
        max_length: Most tokens of a row, special tokens included.
        cross_documents: Whether a row may hold several documents. The separators between them count as tokens of the
            text (``sequence_ids`` 0): only those of the template are "added".
        block_documents: Most documents that are read at a time.
        block_tokens: A block ends with the document that reaches so many tokens (of text, 4 characters count as one).

    Returns:
        An iterator of encodings, one a block that fills a row: ``input_ids``, ``token_type_ids`` and
        ``attention_mask`` as the tokenizer's model takes them. ``columns.sample_ids`` are the numbers of the rows.

    Raises:
        ConfigError: ``max_length`` leaves no room, or is more than the model takes; the tokenizer has no separator.
        TextTypeError: something is no document or no sentence; says where.
        UnicodeEncodeError: a sentence holds a lone surrogate.
        DataError: a token id lies outside of the vocabulary; there are no tokens.

    Example:
        >>> from ferrobert import BertTokenizer, pack_sentences
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "rain", "fell"]
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> [encoding] = pack_sentences([["the cat", "sat"], ["rain fell"]], tokenizer, max_length=16)
        >>> encoding.tokens(0)
        ['[CLS]', 'the', 'cat', 'sat', '[SEP]', 'rain', 'fell', '[SEP]']
    """
    return packed_by(
        _core.pack_sentences, documents, tokenizer, max_length, cross_documents, block_documents, block_tokens
    )


def packed_by(
    pack: Callable[..., tuple[Any, Any]],
    documents: Any,
    tokenizer: Any,
    max_length: Any,
    cross_documents: Any,
    block_documents: Any,
    block_tokens: Any,
) -> Iterator[BatchEncoding]:
    """The packed rows of a corpus; ``pack`` is the core's function or its twin's."""
    rows = row_maker(tokenizer, max_length, is_pair=False)
    if not isinstance(cross_documents, (bool, np.bool_)):
        raise ConfigError(f"cross_documents must be True or False, got {cross_documents!r}")
    separator = None
    if cross_documents:
        separator = tokenizer.sep_token_id
        if separator is None:
            raise ConfigError("the tokenizer has no sep_token to put between documents: pass cross_documents=False")
    arguments = {"template": rows.template, "max_length": rows.max_length, "separator": separator}
    block_documents = check_count("block_documents", block_documents, 1)
    block_tokens = check_count("block_tokens", block_tokens, 1)
    blocks = filled_blocks(blocks_of(check_documents(documents), tokenizer, block_documents, block_tokens), least=1)

    def encodings() -> Iterator[BatchEncoding]:
        open_row, done = np.zeros(0, np.int32), 0
        block = next(blocks, None)
        while block is not None:
            following: Block | None = next(blocks, None)
            columns, open_row = pack(block.arguments, open_row, done, following is None, **arguments)
            done += len(columns.sample_ids)
            if len(columns.sample_ids):
                yield rows.encoding(columns)
            block = following

    return encodings()
