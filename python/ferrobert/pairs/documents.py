"""Documents in the several forms that they come in, as blocks of flat columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ferrobert import _core
from ferrobert.encoding import Ragged
from ferrobert.errors import ConfigError, DataError, DecodeError, TextTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ferrobert.tokenizer import Tokenizer

__all__ = ["Block", "blocks_of", "check_documents", "filled_blocks"]

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
    first, held, size = 0, [], 0
    for number, document in enumerate(documents):
        sentences = _sentences(document, number)
        held.append(sentences)
        size += reader.size(sentences, number)
        if len(held) >= block_documents or size >= block_tokens * reader.unit:
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
        self._is_text: bool | None = None

    @property
    def unit(self) -> int:
        """How much of :meth:`size` counts as a token."""
        return _CHARACTERS_PER_TOKEN if self._is_text else 1

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
            _refuse(sentences, number, self._is_text)

    def _check_kind(self, is_text: bool, number: int) -> None:
        if self._is_text is None:
            self._is_text = is_text
        elif self._is_text != is_text:
            kinds = ("text", "token ids") if is_text else ("token ids", "text")
            raise TextTypeError(f"documents[{number}] has sentences of {kinds[0]}, documents before it of {kinds[1]}")

    def block(self, documents: Sequence[Any], first: int) -> Block:
        """A block of documents."""
        document_splits = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(sentences) for sentences in documents], out=document_splits[1:])
        if self._is_text:
            ids, sentence_splits = self._tokenized(documents, first)
        else:
            ids, sentence_splits = self._flat(documents, first)
        return Block(ids, sentence_splits, document_splits, first)

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

    def _flat(self, documents: Sequence[Any], first: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        if all(isinstance(document, Ragged) for document in documents):
            ids = np.concatenate([document.values for document in documents])
            lengths = np.concatenate([np.diff(document.row_splits) for document in documents])
            splits = np.zeros(len(lengths) + 1, np.int64)
            np.cumsum(lengths, out=splits[1:])
            if ids.dtype.kind not in "iu" and len(ids):
                raise TextTypeError(f"token ids must be integers, got an array of {ids.dtype}")
        else:
            try:
                ids, splits = _core.flatten(list(chain.from_iterable(documents)), "documents")
            except ConfigError:
                for number, document in enumerate(documents, first):
                    try:
                        _core.flatten(list(document), f"documents[{number}]")
                    except ConfigError as error:
                        raise TextTypeError(str(error)) from None
                raise
        if len(ids):
            self._check_range(ids, splits, documents, first)
        return ids.astype(np.int32, copy=False), splits

    def _check_range(self, ids: NDArray[Any], splits: NDArray[np.int64], documents: Sequence[Any], first: int) -> None:
        try:
            self._tokenizer.convert_ids_to_tokens([int(ids.min()), int(ids.max())])
        except DecodeError:
            last = max(self._tokenizer.get_vocab().values())
        else:
            return
        place = int(np.flatnonzero((ids < 0) | (ids > last))[0])
        sentence = int(np.searchsorted(splits, place, side="right")) - 1
        for number, document in enumerate(documents, first):
            if sentence < len(document):
                raise DataError(
                    f"token id {ids[place]} (documents[{number}][{sentence}]) is outside of the vocabulary: "
                    f"ids are 0 to {last}"
                )
            sentence -= len(document)


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
