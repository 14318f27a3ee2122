"""Next-sentence and sentence-order pairs of a corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ferrobert import _core
from ferrobert.encoding import BatchEncoding
from ferrobert.errors import ConfigError
from ferrobert.inputs import EPOCH_BITS, check_count, check_counter
from ferrobert.pairs.documents import Block, blocks_of, check_documents, filled_blocks
from ferrobert.pairs.template import RowMaker, row_maker

__all__ = ["BLOCK_DOCUMENTS", "BLOCK_TOKENS", "PairSettings", "pair_settings", "pairs_by", "sentence_pairs"]

BLOCK_DOCUMENTS = 4096
BLOCK_TOKENS = 1 << 19
"""2 MB of ids, which caches hold, and as much text."""

_LABELS = {"next-sentence": "next_sentence_label", "sentence-order": "sentence_order_label"}


@dataclass(frozen=True, slots=True)
class PairSettings:
    """The options of a call, checked."""

    rows: RowMaker
    short_seq_prob: float
    next_sentence_prob: float
    objective: str
    seed: int
    epoch: int
    block_documents: int
    block_tokens: int

    @property
    def arguments(self) -> dict[str, Any]:
        """The keywords of the core's function."""
        return {
            "template": self.rows.template,
            "max_length": self.rows.max_length,
            "short_seq_prob": self.short_seq_prob,
            "next_sentence_prob": self.next_sentence_prob,
            "sentence_order": self.objective == "sentence-order",
            "seed": self.seed,
            "epoch": self.epoch,
        }


def sentence_pairs(
    documents: Iterable[Any],
    tokenizer: Any,
    *,
    max_length: int = 512,
    short_seq_prob: float = 0.1,
    next_sentence_prob: float = 0.5,
    objective: str = "next-sentence",
    seed: int = 0,
    epoch: int = 0,
    block_documents: int = BLOCK_DOCUMENTS,
    block_tokens: int = BLOCK_TOKENS,
) -> Iterator[BatchEncoding]:
    """Pairs of segments as BERT and ALBERT are pretrained on, block by block; nothing is masked yet.

    The semantics of google-research/bert's ``create_pretraining_data.py``: a document's sentences are gathered into
    a chunk until they reach the target length (``max_length`` without special tokens; with ``short_seq_prob`` a
    random shorter one, drawn once a document) or the document ends. A is the first sentences of the chunk, a random
    number of them; B is the rest (label 0) or, with ``next_sentence_prob``, sentences of another document from a
    random one on (label 1), and the rest of the chunk begins the next one. What is too long loses tokens one by one,
    the longer segment first, from the front or the back at random. A chunk of one sentence always gets a random B, so
    of all pairs more than ``next_sentence_prob`` have label 1.

    **Labels are those of transformers: 0 means that B follows A, 1 that it is random.** Some tutorials print the
    opposite.

    The random document is one of the same block, never the same document (Google's script may fall back to it). A
    block ends with ``block_documents`` documents or ``block_tokens`` tokens (of text, 4 characters count as one), and
    has at least two documents; a last block of one document draws from the block before it. So memory does not depend
    on the size of the corpus. A random B comes from the neighbourhood: shuffle documents that are sorted by subject.

    Every choice is a pure function of (seed, epoch, number of the document) and the block: the same for any number of
    threads. Rows come in the order of the documents; shuffling them is the data loader's job.

    Args:
        documents: An iterable of documents, read once and never held whole; those of a block are held until it is
            full, so each must be an object of its own. A document is a sequence of sentences:
            strings; or sequences of token ids without special tokens (lists, arrays, or a :class:`ferrobert.Ragged`
            of them). A corpus that is tokenized once and paired in every epoch is read fastest as
            :class:`ferrobert.pairs.TokenizedDocuments`. A document that is one string is refused: pass
            ``text.splitlines()`` where it has a sentence a line. Sentences without tokens and documents without
            sentences are skipped, and counted.
        tokenizer: A tokenizer of ferrobert, of any family: special tokens and type ids stand where it puts them.
        max_length: Most tokens of a row, special tokens included.
        short_seq_prob: Probability that a document aims at a shorter length, uniform from 2.
        next_sentence_prob: Probability of label 1 for chunks of several sentences.
        objective: ``"next-sentence"``, or ``"sentence-order"`` (Lan et al., 2020, ALBERT): label 1 is A and B in the
            wrong order, both of one document. A chunk of one sentence is then cut in two at a random token; one of a
            single token makes no pair.
        seed: 0 to 2^64 - 1.
        epoch: Another number gives other pairs: 0 to 2^29 - 1.
        block_documents: Most documents of a block: the window that random documents come from.
        block_tokens: A block ends with the document that reaches so many tokens.

    Returns:
        An iterator of encodings, one a block that has pairs: ``input_ids``, ``token_type_ids`` and ``attention_mask``
        as the tokenizer's model takes them, and ``next_sentence_label`` or ``sentence_order_label``, an int64 array
        ``(rows,)``. ``columns.sample_ids`` are the document's number * 2^24 + the row's number within the document.

    Raises:
        ConfigError: an option is not allowed; ``max_length`` leaves no room for a token of each segment, or is more
            than the model takes.
        TextTypeError: something is no document or no sentence; says where.
        UnicodeEncodeError: a sentence holds a lone surrogate.
        DataError: a token id lies outside of the vocabulary; there are no tokens; for ``"next-sentence"``, there is
            one document only. The iterator raises it, before its first encoding in the last two cases.

    Example:
        >>> from ferrobert import BertTokenizer, sentence_pairs
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "rain", "fell"]
        >>> tokenizer = BertTokenizer({token: id for id, token in enumerate(vocab)})
        >>> documents = [["the cat", "the cat sat"], ["rain fell", "the rain"]]
        >>> [encoding] = sentence_pairs(documents, tokenizer, max_length=16, next_sentence_prob=0.0)
        >>> encoding["next_sentence_label"], encoding.tokens(0)
        (array([0, 0]), ['[CLS]', 'the', 'cat', '[SEP]', 'the', 'cat', 'sat', '[SEP]'])
    """
    settings = pair_settings(
        tokenizer,
        max_length,
        short_seq_prob,
        next_sentence_prob,
        objective,
        seed,
        epoch,
        block_documents,
        block_tokens,
    )
    return pairs_by(_core.sentence_pairs, check_documents(documents), settings)


def pair_settings(
    tokenizer: Any,
    max_length: Any,
    short_seq_prob: Any,
    next_sentence_prob: Any,
    objective: Any,
    seed: Any,
    epoch: Any,
    block_documents: Any,
    block_tokens: Any,
) -> PairSettings:
    """Checks the options of a call.

    Raises:
        ConfigError: an option is not allowed.
    """
    if not isinstance(objective, str) or objective not in _LABELS:
        raise ConfigError(f'objective must be "next-sentence" or "sentence-order", got {objective!r}')
    return PairSettings(
        row_maker(tokenizer, max_length, is_pair=True),
        _check_probability("short_seq_prob", short_seq_prob),
        _check_probability("next_sentence_prob", next_sentence_prob),
        objective,
        check_counter("seed", seed),
        check_counter("epoch", epoch, EPOCH_BITS),
        check_count("block_documents", block_documents, 1),
        check_count("block_tokens", block_tokens, 1),
    )


def pairs_by(
    make: Callable[..., tuple[Any, Any]], documents: Iterable[Any], settings: PairSettings
) -> Iterator[BatchEncoding]:
    """The pairs of a corpus; ``make`` is the core's function or its twin's."""
    is_next = settings.objective == "next-sentence"
    blocks = blocks_of(documents, settings.rows.tokenizer, settings.block_documents, settings.block_tokens)
    before: Block | None = None
    for block in filled_blocks(blocks, least=2 if is_next else 1):
        others = before if is_next and block.filled == 1 else None
        columns, labels = make(block.arguments, others and others.arguments, **settings.arguments)
        before = block if is_next else None
        if len(labels):
            encoding = settings.rows.encoding(columns)
            encoding[_LABELS[settings.objective]] = labels
            yield encoding


def _check_probability(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not 0 <= value <= 1:
        raise ConfigError(f"{name} must lie in [0, 1], got {value!r}")
    return float(value)
