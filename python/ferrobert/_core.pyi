"""The Rust core. Use the modules of ``ferrobert``; this one may change without notice."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DEBUG_BUILD",
    "AnswerDecoder",
    "Encodings",
    "EntityDecoder",
    "LabelVocab",
    "Masker",
    "TextColumn",
    "TextEncoder",
    "WordPiece",
    "__version__",
    "align_labels",
    "answer_positions",
    "attention_mask",
    "convert_scheme",
    "encode_labelled",
    "first_tokens",
    "flatten",
    "flatten_labels",
    "gather_rows",
    "label_spans",
    "lists",
    "matrix_of_rows",
    "max_contexts",
    "pack_sentences",
    "pad",
    "pad_rows",
    "panic_for_test",
    "row_lengths",
    "sentence_pairs",
    "token_batches",
    "word_counts",
]

__version__: str
DEBUG_BUILD: bool

@final
class TextColumn(Sequence[Any]):
    """Texts of an Arrow column, in the memory of whoever made it, or lists of words. Immutable; can be pickled.

    A row becomes a Python string (or a list of them) when it is read. UTF-8 is checked here, once, and only in the
    rows of the column: O(bytes). Costs 16 bytes a string.

    Args:
        data: Anything with ``__arrow_c_stream__`` or ``__arrow_c_array__``: string, large_string, string_view,
            dictionaries of these, or list, large_list and fixed_size_list of them; or a numpy array ``(n,)`` of
            ``StringDType``, whose texts are copied.
        argument: What errors call it.

    Raises:
        TextTypeError: another type, a table, or a row that is null.
        UnicodeDecodeError: a row that is not UTF-8.
        DataError: data that break the Arrow C data interface.
    """

    def __new__(cls, data: Any, argument: str = "text") -> Self: ...
    @staticmethod
    def of_words(samples: Iterable[Iterable[str]], argument: str = "text") -> TextColumn:
        """Copies of the words of samples, or TextTypeError where one is no ``str``."""

    @property
    def is_split_into_words(self) -> bool:
        """Whether rows are lists of words."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __reversed__(self) -> Iterator[Any]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def count(self, value: Any) -> int:
        """Rows that are equal to a value."""

    def index(self, value: Any, *place: int) -> int:
        """The first row that is equal to a value, or ValueError."""

    def tolist(self) -> list[Any]:
        """All rows as Python objects."""

    @staticmethod
    def of_bytes(text: bytes, ends: bytes, splits: bytes | None) -> TextColumn:
        """What pickling calls: UTF-8, the ends of the strings and the splits of the rows as 64-bit numbers.

        Raises:
            DataError: these do not fit each other.
        """

@final
class WordPiece:
    """BERT's tokenizer, immutable. The same in pure Python: ``ferrobert.reference.wordpiece.WordPiece``.

    Args:
        vocab: Token -> id.
        unk_token: Stands for words without pieces; must be in ``vocab``.
        continuing_subword_prefix: Marks pieces that continue a word.
        max_input_chars_per_word: Longer words are unknown.
        clean_text: Remove control characters, make all white space spaces.
        handle_chinese_chars: Put spaces around CJK ideographs.
        strip_accents: Remove accents; ``None`` follows ``lowercase``.
        lowercase: Lower-case the text.
        added_tokens: (id, content, single_word, lstrip, rstrip, normalized, special).
        single: Template of a text: ("special", id, type id) or ("sequence", 0, type id).
        pair: Template of a pair: also ("sequence", 1, type id).
        decoder_prefix: What ``decode`` removes to join pieces.
        decoder_cleanup: Whether ``decode`` removes spaces before punctuation.

    Raises:
        VocabError: no unknown token, ids that are no integers from 0, added tokens that cannot be told apart.
    """

    def __new__(
        cls,
        vocab: dict[str, int],
        *,
        unk_token: str,
        continuing_subword_prefix: str,
        max_input_chars_per_word: int,
        clean_text: bool,
        handle_chinese_chars: bool,
        strip_accents: bool | None,
        lowercase: bool,
        added_tokens: Sequence[tuple[int, str, bool, bool, bool, bool, bool]],
        single: Sequence[tuple[str, int, int]],
        pair: Sequence[tuple[str, int, int]],
        decoder_prefix: str,
        decoder_cleanup: bool,
    ) -> WordPiece: ...
    def encode(
        self,
        texts: Sequence[Any],
        pairs: Sequence[Any] | None,
        *,
        add_special_tokens: bool,
        truncation: str | None,
        max_length: int | None,
        truncation_side: str,
        stride: int,
        overflow: bool,
        is_split_into_words: bool,
        align: bool,
        split_special_tokens: bool,
    ) -> Encodings:
        """Encodes a batch on all cores without the GIL.

        Args:
            texts: Strings, or sequences of words where ``is_split_into_words``; or a :class:`TextColumn` of such.
            pairs: Second sequences, as many as texts.
            add_special_tokens: Apply the template's special tokens.
            truncation: ``None``, ``"longest_first"``, ``"only_first"`` or ``"only_second"``.
            max_length: Largest row, needed for truncation.
            truncation_side: ``"left"`` or ``"right"``.
            stride: Tokens that a window shares with the one before.
            overflow: Return all windows of a sample, not only the first.
            is_split_into_words: Samples are sequences of words.
            align: Compute offsets and word ids.
            split_special_tokens: Treat special tokens in the text as text.

        Returns:
            The flat columns of all rows, not padded.

        Raises:
            TextTypeError: something is not a string; says where.
            UnicodeEncodeError: a string holds a lone surrogate; a note says where.
            ConfigError: ``max_length`` does not hold the special tokens, ``stride`` leaves no room, or the
                sequence that may be cut is too short.
        """

    def text_encoder(
        self,
        *,
        add_special_tokens: bool,
        truncation: str | None,
        max_length: int | None,
        truncation_side: str,
        split_special_tokens: bool,
        token_type_ids: bool,
        attention_mask: bool,
    ) -> TextEncoder:
        """Encodes single texts, always with the same options. See :meth:`encode`."""

    def decode(self, ids: Sequence[int], skip_special_tokens: bool) -> str:
        """The text of ids.

        Raises:
            DecodeError: an id is out of range.
        """

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Tokens joined to text."""

    def normalize(self, text: str) -> str:
        """The text as it is matched against the vocabulary."""

    def token_to_id(self, token: str) -> int | None:
        """Id of a token: added tokens first, then the vocabulary."""

    def id_to_token(self, id: int) -> str | None:
        """Token of an id; of an added token that is matched normalized its normalized form."""

    def vocab(self, with_added_tokens: bool) -> dict[str, int]:
        """Token -> id, in no order."""

@final
class Encodings:
    """The rows of a batch as flat columns, over the memory of the core.

    Columns that follow from the others are made when they are asked for, each time.
    """

    @property
    def ids(self) -> NDArray[np.int32]:
        """Token ids, ``(tokens,)``."""

    @property
    def offsets(self) -> NDArray[np.int32] | None:
        """Start and end of each token in characters, ``(tokens, 2)``; ``None`` without ``align``."""

    @property
    def word_ids(self) -> NDArray[np.int32] | None:
        """Word of each token, -1 for none, ``(tokens,)``; ``None`` without ``align``."""

    @property
    def row_splits(self) -> NDArray[np.int64]:
        """First token of each row and, last, the number of tokens, ``(rows + 1,)``."""

    @property
    def sample_ids(self) -> NDArray[np.int64]:
        """Sample of each row, ``(rows,)``."""

    @property
    def type_ids(self) -> NDArray[np.int32]:
        """Token type ids, ``(tokens,)``. Made anew each time."""

    @property
    def sequence_ids(self) -> NDArray[np.int32]:
        """0 for the text, 1 for its pair, -1 for added special tokens, ``(tokens,)``. Made anew each time."""

    @property
    def all_types_are_zero(self) -> bool:
        """Whether that is known without a look at each token: single texts with the usual template."""

@final
class TextEncoder:
    """Encodes single texts, always with the same options: see :meth:`WordPiece.text_encoder`."""

    def __call__(self, text: str) -> dict[str, list[int]]:
        """``input_ids``, and ``token_type_ids`` and ``attention_mask`` where asked for.

        Raises:
            UnicodeEncodeError: the string holds a lone surrogate.
            ConfigError: ``max_length`` does not hold the special tokens.
        """

def pad(
    values: NDArray[np.int32], row_splits: NDArray[np.int64], width: int, fill: int, side: str
) -> NDArray[np.int64]:
    """Rows of ``values`` as a matrix ``(rows, width)``, padded with ``fill`` on the given side.

    Raises:
        ConfigError: a row is longer than ``width``, or the splits do not describe the values.
    """

def attention_mask(row_splits: NDArray[np.int64], width: int, side: str) -> NDArray[np.int64]:
    """1 for tokens and 0 for padding, ``(rows, width)``.

    Raises:
        ConfigError: a row is longer than ``width``, or the splits are not in order.
    """

def lists(
    values: NDArray[np.int32], row_splits: NDArray[np.int64], width: int, fill: int, side: str
) -> list[list[int]]:
    """Rows of ``values`` as lists, each padded to ``width`` with ``fill``; longer rows stay as they are.

    Raises:
        ConfigError: the splits do not describe the values.
    """

def sentence_pairs(
    block: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], int],
    others: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], int] | None,
    *,
    template: Sequence[tuple[str, int, int]],
    max_length: int,
    short_seq_prob: float,
    next_sentence_prob: float,
    sentence_order: bool,
    seed: int,
    epoch: int,
) -> tuple[Encodings, NDArray[np.int64]]:
    """Pairs of sentences of documents, and their labels ``(rows,)``. See :func:`ferrobert.sentence_pairs`.

    Args:
        block: Ids, sentence splits, document splits, number of the first document.
        others: Where the other documents come from, if the block has one document.
        template: That of pairs: ("special", id, type id) or ("sequence", 0 or 1, type id).
        max_length: Most tokens of a row.
        short_seq_prob: Probability of a shorter target.
        next_sentence_prob: Probability of label 1 where a chunk has several sentences.
        sentence_order: Whether the label tells order instead of what comes next.
        seed: Names the draws, with ``epoch``.
        epoch: Names the draws, with ``seed``.

    Raises:
        ConfigError: no room for a pair, a probability outside of [0, 1], splits that do not describe the ids.
        DataError: there is no other document, or a document has 2^24 rows.
    """

def pack_sentences(
    block: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], int],
    open: NDArray[np.int32],
    first_row: int,
    is_last: bool,
    *,
    template: Sequence[tuple[str, int, int]],
    max_length: int,
    separator: int | None,
) -> tuple[Encodings, NDArray[np.int32]]:
    """Full sentences packed into rows, and the tokens of the row that is not done.

    Args:
        block: Ids, sentence splits, document splits, number of the first document.
        open: Tokens of the row that was not done before.
        first_row: Rows that were done before.
        is_last: Whether no documents follow.
        template: That of single texts: ("special", id, type id) or ("sequence", 0, type id).
        max_length: Most tokens of a row.
        separator: What stands between two documents in a row; a row ends with its document without one.

    Raises:
        ConfigError: no room for a token, splits that do not describe the ids.
    """

def panic_for_test() -> None:
    """Panics in the core, as a defect would.

    Raises:
        InternalError: always.
    """

@final
class Masker:
    """Masks rows of token ids. Immutable; used from many threads."""

    def __new__(
        cls,
        vocab_size: int,
        mask_id: int | None,
        special_ids: Sequence[int],
        not_drawn: Sequence[int],
        word_classes: tuple[Sequence[int], Sequence[int]] | None,
        mlm_probability: float,
        mask_replace_prob: float,
        random_replace_prob: float,
        whole_word_mask: bool,
        exact: bool,
        max_span_length: int | None,
    ) -> Self: ...
    def mask(
        self,
        ids: NDArray[np.int32] | NDArray[np.int64],
        row_splits: NDArray[np.int64],
        word_ids: NDArray[np.int32] | None,
        special: NDArray[np.int64] | None,
        sample_ids: NDArray[np.int64],
        pad_id: int | None,
        seed: int,
        epoch: int,
        width: int | None = None,
        side: str = "right",
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Masked ids and labels: ``(tokens,)`` or, where a width is given, the cells of ``(rows, width)``; or
        ConfigError."""

@final
class AnswerDecoder:
    """Decodes logits of starts and ends to answers. Immutable; used from many threads.

    Columns are row splits, sample ids, the tokens of the context in each row ``(rows, 2)``, word ids, and offsets
    ``(tokens, 2)``.
    """

    def __new__(
        cls,
        top_k: int,
        n_best: int,
        max_answer_length: int,
        rank_by: str,
        null_threshold: float | None,
        align_to_words: bool,
        details: bool,
    ) -> Self: ...
    def decode(
        self,
        logits: tuple[NDArray[Any], NDArray[Any]],
        row_starts: NDArray[np.int64],
        columns: tuple[NDArray[Any], ...],
        contexts: list[str],
    ) -> list[list[dict[str, Any]]]:
        """The answers of each context, the best first.

        Raises:
            DecodeError: a logit is NaN or infinite; contexts that are too short.
        """

@final
class EntityDecoder:
    """Decodes logits of tokens to entities. Immutable; used from many threads.

    Columns are the place of each row's first token among the logits, row splits, sample ids, word ids, and offsets
    ``(tokens, 2)``.
    """

    def __new__(cls, labels: Sequence[str], ignore_labels: Sequence[str], strategy: str, constrained: bool) -> Self: ...
    def decode(
        self,
        logits: NDArray[np.float32] | NDArray[np.float64],
        columns: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]],
        texts: list[str],
        with_tokens: bool = False,
    ) -> tuple[list[list[dict[str, Any]]], tuple[NDArray[np.int64], NDArray[np.int64]] | None]:
        """Entities of each text; places of their tokens in the columns, and how many each has, where asked for.

        Raises:
            DecodeError: a logit is NaN or infinite; another number of labels; texts that are too short.
        """

    def label_words(
        self,
        logits: NDArray[np.float32] | NDArray[np.float64],
        columns: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]],
        samples: int,
    ) -> tuple[NDArray[np.int32], NDArray[np.uint32], NDArray[np.int64]]:
        """Word ids, label ids, and row splits by sample: a label for each word that has tokens, or DecodeError."""

def answer_positions(columns: tuple[NDArray[Any], ...], spans: NDArray[np.int32]) -> NDArray[np.int64]:
    """First and last token of the answer in each row, ``(rows, 2)``; spans are characters ``(samples, 2)``, or -1."""

def max_contexts(columns: tuple[NDArray[Any], ...], samples: int, stride: int) -> NDArray[np.bool_]:
    """Whether each token of a context has its maximal context in its row, ``(tokens,)``."""

def flatten(rows: list[Any], name: str, none: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of ints (lists, tuples, arrays, tensors) as one column and row splits, or ConfigError."""

def matrix_of_rows(
    rows: list[Any], name: str, row_splits: NDArray[np.int64], width: int, fill: int, side: str
) -> NDArray[np.int64]:
    """Rows of ints as a matrix ``(rows, width)``; ConfigError where their lengths are not those of the splits."""

def row_lengths(row_splits: NDArray[np.int64]) -> tuple[int, int]:
    """Tokens of the shortest and of the longest row; 0 and 0 without rows."""

#: Word ids, row splits, sample ids, number of samples, words of each sample if known, whether rows hold all words.
_WordRows: TypeAlias = tuple[
    NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], int, NDArray[np.int64] | None, bool
]

@final
class LabelVocab:
    """Labels and their ids. Immutable. ConfigError for ids outside of 0 to 2^20 - 1."""

    def __new__(cls, labels: Sequence[tuple[str, int]]) -> Self: ...
    def check_ids(self, ids: NDArray[np.int64], row_splits: NDArray[np.int64], ignore_index: int) -> None:
        """AlignmentError for an id that no label has."""

    def check_scheme(self) -> None:
        """AlignmentError where some labels belong to a scheme and some to none."""

def word_counts(column: TextColumn) -> NDArray[np.int64]:
    """The number of words of each row of a column of words, ``(rows,)``."""

def flatten_labels(
    rows: Any, vocab: LabelVocab | None, ignore_index: int, name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of labels (a list, or a TextColumn of lists) as one column of ids and row splits.

    Raises:
        AlignmentError: a label or an id that the vocabulary lacks, or strings without one.
        ConfigError: something that is no label.
    """

def align_labels(
    rows: _WordRows,
    label_ids: NDArray[np.int64],
    label_splits: NDArray[np.int64],
    continuing: LabelVocab | None,
    ignore_index: int,
) -> NDArray[np.int64]:
    """Label ids of tokens, ``(tokens,)``; those behind a word's first too where ``continuing`` is given.

    Raises:
        AlignmentError: labels that are not one a word.
        ConfigError: columns that do not fit each other.
    """

def first_tokens(rows: _WordRows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The token that speaks for each word, -1 for none, ``(words,)``, and the splits of the samples.

    Raises:
        ConfigError: columns that do not fit each other.
    """

def label_spans(
    rows: _WordRows,
    offsets: NDArray[np.int32],
    texts: Sequence[str] | None,
    spans: tuple[NDArray[np.int64], list[int], list[str], NDArray[np.int64]],
    scheme: str,
    vocab: LabelVocab,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Label ids of words, ``(words,)``, and the splits of the samples.

    Raises:
        AlignmentError: a span that fits no words, or a label that the vocabulary lacks.
        ConfigError: columns that do not fit each other.
    """

def convert_scheme(rows: list[list[str]], source: str, target: str) -> list[list[str]]:
    """Rows of labels in another scheme.

    Raises:
        AlignmentError: a label that is none of the scheme.
        TextTypeError: something is no string.
    """

def encode_labelled(
    tokenizer: WordPiece,
    words: Sequence[Any],
    word_labels: Any,
    vocab: LabelVocab | None,
    *,
    label_all_tokens: bool,
    ignore_index: int,
    add_special_tokens: bool,
    truncation: str | None,
    max_length: int | None,
    truncation_side: str,
    split_special_tokens: bool,
    width: int,
    multiple: int,
    side: str,
    pad_id: int,
) -> NDArray[np.int64]:
    """Rows of words and of their labels as ids, attention mask and labels, ``(3, rows, width)``.

    Args:
        tokenizer: Encodes the words.
        words: Lists of words, or a :class:`TextColumn` of such.
        word_labels: Lists of labels, or a :class:`TextColumn` of such.
        vocab: Ids of labels that are strings.
        label_all_tokens: Label the tokens behind a word's first too.
        ignore_index: Label of other tokens and of padding.
        add_special_tokens: Apply the template's special tokens.
        truncation: ``None``, ``"longest_first"``, ``"only_first"`` or ``"only_second"``.
        max_length: Largest row, needed for truncation.
        truncation_side: ``"left"`` or ``"right"``.
        split_special_tokens: Treat special tokens in the text as text.
        width: Least number of columns.
        multiple: Round the columns up to a multiple.
        side: Where padding goes.
        pad_id: Id of padding.

    Raises:
        AlignmentError: labels that are not one a word, or not in the vocabulary.
        ConfigError: options that cannot be met.
        TextTypeError: something is not a string; says where.
    """

def token_batches(
    lengths: NDArray[np.int64], batch_tokens: int, max_rows: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of similar length together, the longest first.

    Args:
        lengths: Tokens of each row, ``(rows,)``.
        batch_tokens: The budget of a batch, padding included.
        max_rows: Also at most this many rows.

    Returns:
        Positions of the rows of all batches, ``(rows,)``, and where batches begin, ``(batches + 1,)``.

    Raises:
        ConfigError: a budget of 0 rows or tokens, a length below 0.
    """

def gather_rows(
    values: NDArray[np.int32] | NDArray[np.int64], row_splits: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The values of some rows, one row behind the other.

    Args:
        values: Of all tokens, ``(tokens,)``.
        row_splits: ``(all rows + 1,)``.
        rows: Which rows, ``(rows,)``.

    Returns:
        ``(tokens of these rows,)``.

    Raises:
        ConfigError: splits that are not those of the values, a row that is not there.
    """

def pad_rows(
    values: NDArray[np.int32] | NDArray[np.int64],
    row_splits: NDArray[np.int64],
    rows: NDArray[np.int64],
    padding: int,
) -> NDArray[np.int64]:
    """The values of some rows as a matrix, padded on the right.

    Args:
        values: Of all tokens, ``(tokens,)``.
        row_splits: ``(all rows + 1,)``.
        rows: Which rows, ``(rows,)``.
        padding: What fills short rows.

    Returns:
        ``(rows, longest)``.

    Raises:
        ConfigError: splits that are not those of the values, a row that is not there.
    """
