"""Documents in the several forms that they come in, as blocks of flat columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ferrobert import _core
from ferrobert.encoding import Ragged
from ferrobert.errors import ConfigError, DataError, DecodeError, TextTypeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ferrobert.tokenizer import Tokenizer

__all__ = ["Block", "TokenizedDocuments", "blocks_of", "check_documents", "filled_blocks"]

# English text has four to five characters a token, white space counted.
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Block:
    """Tokenized documents that follow one another in the corpus."""

    ids: NDArray[np.int32]
    """``(tokens,)``."""
    sentence_splits: NDArray[np.int64]
    """First token of each sentence and, last, the number of tokens, ``(sentences + 1,)``."""
    document_splits: NDArray[np.int64]
    """First sentence of each document and, last, the number of sentences, ``(documents + 1,)``."""
    first: int
    """Place of the first document in the corpus."""

    @property
    def filled(self) -> int:
        """Documents that have tokens."""
        return int(np.count_nonzero(np.diff(self.sentence_splits[self.document_splits])))

    @property
    def arguments(self) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], int]:
        """As the core takes it."""
        return self.ids, self.sentence_splits, self.document_splits, self.first

    def joined(self, other: Block) -> Block:
        """Both, the other one behind."""
        return Block(
            np.concatenate((self.ids, other.ids)),
            np.concatenate((self.sentence_splits, other.sentence_splits[1:] + self.sentence_splits[-1])),
            np.concatenate((self.document_splits, other.document_splits[1:] + self.document_splits[-1])),
            self.first,
        )


class TokenizedDocuments:
    """A corpus that is tokenized already, as three flat arrays: the form that costs nothing to read.

    The arrays may be memory maps: blocks are views of them. Iteration gives a :class:`ferrobert.Ragged` a document.

    Args:
        ids: Token ids of all sentences without special tokens, ``(tokens,)``; int32, or they are copied.
        sentence_splits: First token of each sentence and, last, the number of tokens, ``(sentences + 1,)``.
        document_splits: First sentence of each document and, last, the number of sentences, ``(documents + 1,)``.

    Raises:
        ConfigError: splits do not describe what they split.
        TextTypeError: ids are no integers.

    Example:
        >>> documents = TokenizedDocuments([7, 8, 9], [0, 2, 3], [0, 1, 2])
        >>> [[sentence.tolist() for sentence in document] for document in documents]
        [[[7, 8]], [[9]]]
    """

    __slots__ = ("_documents", "_sentences")

    def __init__(self, ids: ArrayLike, sentence_splits: ArrayLike, document_splits: ArrayLike) -> None:
        tokens = np.asarray(ids)
        if tokens.dtype.kind not in "iu" and tokens.size:
            raise TextTypeError(f"token ids must be integers, got an array of {tokens.dtype}")
        if tokens.ndim != 1:
            raise ConfigError(f"token ids must have shape (tokens,), got {tokens.shape}")
        if tokens.size and tokens.dtype != np.int32 and not -(2**31) <= tokens.min() <= tokens.max() < 2**31:
            raise DataError(f"token ids must lie in 0 to {2**31 - 1}, got {tokens.min()} to {tokens.max()}")
        self._sentences = Ragged(np.require(tokens, np.int32, ["C", "A"]), _splits(sentence_splits))
        self._documents = Ragged(self._sentences.row_splits[:-1], _splits(document_splits))

    def __len__(self) -> int:
        return len(self._documents)

    def __iter__(self) -> Iterator[Ragged]:
        for block in self.blocks(1, sys.maxsize):
            yield Ragged(block.ids, block.sentence_splits)

    def blocks(self, block_documents: int, block_tokens: int) -> Iterator[Block]:
        """Blocks of documents, as :func:`blocks_of` makes them of any iterable."""
        sentence_splits, document_splits = self._sentences.row_splits, self._documents.row_splits
        token_splits = sentence_splits[document_splits]
        start = 0
        while start < len(self):
            full = int(np.searchsorted(token_splits[1:], token_splits[start] + min(block_tokens, 2**62)))
            end = min(full + 1, start + block_documents, len(self))
            sentences = sentence_splits[document_splits[start] : document_splits[end] + 1]
            yield Block(
                self._sentences.values[sentences[0] : sentences[-1]],
                sentences - sentences[0],
                document_splits[start : end + 1] - document_splits[start],
                start,
            )
            start = end


def _splits(splits: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(splits)
    if array.dtype.kind not in "iu" and array.size:
        raise ConfigError(f"splits must be ints, got an array of {array.dtype}")
    return np.require(array, np.int64, ["C", "A"])


def check_documents(documents: Any) -> Iterable[Any]:
    """The documents, or TextTypeError where they are none."""
    if isinstance(documents, (str, bytes, Mapping)) or not hasattr(documents, "__iter__"):
        raise TextTypeError(
            f"documents must be an iterable of documents, each a sequence of sentences, got {type(documents).__name__}"
        )
    iterable: Iterable[Any] = documents
    return iterable


def filled_blocks(blocks: Iterable[Block], least: int) -> Iterator[Block]:
    """Blocks joined until each has ``least`` documents with tokens; the last one may have fewer.

    Raises:
        DataError: there is no token at all.
    """
    held: Block | None = None
    is_empty = True
    for block in blocks:
        held = block if held is None else held.joined(block)
        if held.filled >= least:
            yield held
            held, is_empty = None, False
    if held is not None and held.filled:
        yield held
    elif is_empty:
        raise DataError("documents hold no token: an iterator that was read before is empty the second time")


def blocks_of(
    documents: Iterable[Any], tokenizer: Tokenizer, block_documents: int, block_tokens: int
) -> Iterator[Block]:
    """Reads documents, as many at a time as a block holds, and tokenizes those of text.

    Raises:
        TextTypeError: a document is no sequence of sentences, or sentences are no text where others are.
        UnicodeEncodeError: a sentence holds a lone surrogate.
        DataError: an id lies outside of the vocabulary.
    """
    reader = _Reader(tokenizer)
    if isinstance(documents, TokenizedDocuments):
        for block in documents.blocks(block_documents, block_tokens):
            reader.check_range(block.ids, block.sentence_splits, block.document_splits, block.first)
            yield block
        return
    first, held, size, limit = 0, [], 0, block_tokens
    for number, document in enumerate(documents):
        if type(document) is Ragged and reader.is_text is False:
            held.append(document)  # the short way of the form that costs least
            size += document.values.size
        else:
            held.append(_sentences(document, number))
            size += reader.size(held[-1], number)
            limit = block_tokens * (_CHARACTERS_PER_TOKEN if reader.is_text else 1)
        if size >= limit or len(held) >= block_documents:
            yield reader.block(held, first)
            first, held, size = number + 1, [], 0
    if held:
        yield reader.block(held, first)


def _sentences(document: Any, number: int) -> Any:
    """A document as a list, tuple or :class:`Ragged`."""
    if isinstance(document, (list, tuple, Ragged)):
        return document
    if hasattr(document, "as_py"):  # a scalar of pyarrow
        return _sentences(document.as_py(), number)
    if isinstance(document, str):
        raise TextTypeError(
            f"documents[{number}] is one string; a document is a list of sentences: split it, or pass its "
            "splitlines() where it has a sentence a line"
        )
    if isinstance(document, (bytes, Mapping, set)) or not hasattr(document, "__iter__"):
        raise TextTypeError(f"documents[{number}] must be a sequence of sentences, got {type(document).__name__}")
    return list(document)


class _Reader:
    """Turns documents into blocks. The first sentence decides whether sentences are text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.is_text: bool | None = None

    def size(self, sentences: Any, number: int) -> int:
        """Characters or tokens of a document."""
        if isinstance(sentences, Ragged):
            self._check_kind(False, number)
            return len(sentences.values)
        if not sentences:
            return 0
        self._check_kind(isinstance(sentences[0], str), number)
        try:
            return sum(map(len, sentences))
        except TypeError:
            _refuse(sentences, number, self.is_text)

    def _check_kind(self, is_text: bool, number: int) -> None:
        if self.is_text is None:
            self.is_text = is_text
        elif self.is_text != is_text:
            kinds = ("text", "token ids") if is_text else ("token ids", "text")
            raise TextTypeError(f"documents[{number}] has sentences of {kinds[0]}, documents before it of {kinds[1]}")

    def block(self, documents: Sequence[Any], first: int) -> Block:
        """A block of documents."""
        if self.is_text is False and all(type(document) is Ragged for document in documents):
            ids = np.concatenate([document.values for document in documents])
            sentence_splits, counts = _joined_splits([document.row_splits for document in documents])
            if ids.dtype.kind not in "iu" and len(ids):
                raise TextTypeError(f"token ids must be integers, got an array of {ids.dtype}")
        else:
            counts = np.array(list(map(len, documents)), np.int64)
            ids, sentence_splits = (self._tokenized if self.is_text else self._flat)(documents, first)
        document_splits = np.zeros(len(documents) + 1, np.int64)
        np.cumsum(counts, out=document_splits[1:])
        if not self.is_text:
            self.check_range(ids, sentence_splits, document_splits, first)
        return Block(ids.astype(np.int32, copy=False), sentence_splits, document_splits, first)

    def _tokenized(self, documents: Sequence[Any], first: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        sentences = list(chain.from_iterable(documents))
        try:
            columns = self._tokenizer(sentences, add_special_tokens=False, truncation=False, verbose=False).columns
        except (TextTypeError, UnicodeEncodeError) as error:
            for number, document in enumerate(documents, first):
                if not all(isinstance(sentence, str) for sentence in document):
                    _refuse(document, number, True)
                for place, sentence in enumerate(document):
                    if isinstance(error, UnicodeEncodeError) and _has_surrogate(sentence):
                        error.add_note(f"in documents[{number}][{place}]")
                        raise
            raise
        return columns.ids, columns.row_splits

    def _flat(self, documents: Sequence[Any], first: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        try:
            return _core.flatten(list(chain.from_iterable(documents)), "documents")
        except ConfigError:
            for number, document in enumerate(documents, first):
                try:
                    _core.flatten(list(document), f"documents[{number}]")
                except ConfigError as error:
                    raise TextTypeError(str(error)) from None
            raise

    def check_range(
        self, ids: NDArray[Any], sentence_splits: NDArray[np.int64], document_splits: NDArray[np.int64], first: int
    ) -> None:
        """DataError where an id lies outside of the vocabulary."""
        if not len(ids):
            return
        try:
            largest = int(ids.view(np.uint32).max()) if ids.dtype == np.int32 else int(ids.max())
            smallest = 0 if ids.dtype == np.int32 else int(ids.min())  # a negative one is a large one there
            self._tokenizer.convert_ids_to_tokens([smallest, largest])
        except DecodeError:
            last = max(self._tokenizer.get_vocab().values())
        else:
            return
        place = int(np.flatnonzero((ids < 0) | (ids > last))[0])
        sentence = int(np.searchsorted(sentence_splits, place, side="right")) - 1
        document = int(np.searchsorted(document_splits, sentence, side="right")) - 1
        raise DataError(
            f"token id {ids[place]} (documents[{first + document}][{sentence - document_splits[document]}]) is outside "
            f"of the vocabulary: ids are 0 to {last}"
        )


def _joined_splits(splits: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The splits of arrays that are joined, and how many rows each has."""
    counts = np.array(list(map(len, splits)), np.int64) - 1
    lengths = np.diff(np.concatenate(splits), prepend=0)
    # The first split of each array is 0: the difference to the last one of the array before it says nothing.
    joined = np.zeros(int(counts.sum()) + 1, np.int64)
    np.cumsum(np.delete(lengths, np.cumsum(counts + 1) - counts - 1), out=joined[1:])
    return joined, counts


def _refuse(sentences: Any, number: int, is_text: bool | None) -> NoReturn:
    """Says which sentence is none."""
    expected = "str" if is_text else "a sequence of token ids"
    for place, sentence in enumerate(sentences):
        if isinstance(sentence, str) if not is_text else not isinstance(sentence, str):
            raise TextTypeError(f"documents[{number}][{place}] must be {expected}, got {type(sentence).__name__}")
        if not hasattr(sentence, "__len__"):
            raise TextTypeError(f"documents[{number}][{place}] must be {expected}, got {type(sentence).__name__}")
    raise TextTypeError(f"documents[{number}] must be a sequence of sentences, each {expected}")


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
