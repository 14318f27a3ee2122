"""Features: questions, each with a window of its context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ferrobert import _core
from ferrobert.answers.rows import context_rows
from ferrobert.encoding import BatchEncoding, Ragged

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["QuestionFeatures"]


class QuestionFeatures(BatchEncoding):
    """Questions with windows of their contexts: a row a window. Made by :func:`ferrobert.encode_questions`.

    A `BatchEncoding` of pairs with the keys ``input_ids``, ``attention_mask``, ``token_type_ids`` (where the model
    takes them), ``offset_mapping``, ``overflow_to_sample_mapping`` and, where answers were given, ``start_positions``
    and ``end_positions``.

    Example:
        >>> from ferrobert import BertTokenizer, encode_questions
        >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "who": 4, "ada": 5, "wrote": 6})
        >>> features = encode_questions("Who wrote", "Ada wrote", tokenizer)
        >>> features.tokens(0), features.context_spans.tolist()
        (['[CLS]', 'who', 'wrote', '[SEP]', 'ada', 'wrote', '[SEP]'], [[4, 6]])
    """

    __slots__ = ("_max_context", "_spans", "kept", "stride", "wrong_answers")

    _spans: NDArray[np.int64] | None
    _max_context: Ragged | None
    stride: int
    """Tokens that windows share."""
    kept: list[int]
    """The rows of the call that samples are of: all but those of `wrong_answers`."""
    wrong_answers: list[int]
    """Rows of the call that were left out, as their answers do not stand where they are said to."""

    @classmethod
    def of(cls, encoding: BatchEncoding, stride: int, kept: Sequence[int], wrong_answers: Sequence[int]) -> Self:
        """The features of an encoding of pairs in windows."""
        features = cls()
        features._values, features._made, features._encode = encoding._values, encoding._made, encoding._encode
        features._spans, features._max_context = None, None
        features.stride, features.kept, features.wrong_answers = stride, list(kept), list(wrong_answers)
        return features

    def __getstate__(self) -> dict[str, Any]:
        names = ("stride", "kept", "wrong_answers", "_spans", "_max_context")
        return {**super().__getstate__(), **{name: getattr(self, name) for name in names}}

    @property
    def questions(self) -> Sequence[str]:
        """The questions, one a sample."""
        return self.texts

    @property
    def contexts(self) -> Sequence[str]:
        """Their contexts."""
        contexts = self.text_pairs
        assert contexts is not None
        return contexts

    @property
    def context_spans(self) -> NDArray[np.int64]:
        """First token of the context in each row, and the one behind its last, ``(rows, 2)``; padding not counted."""
        if self._spans is None:
            self._spans = context_rows(self).spans
        return self._spans

    @property
    def is_max_context(self) -> Ragged:
        """Whether each token of the context has its maximal context in its row: bool, a row a window, without padding.

        Of the windows that show a token, the one with the most tokens on the side that has fewer; of these the longest
        (a token counts a hundredth); of equals the first. ``False`` for tokens that are not of the context.
        """
        if self._max_context is None:
            rows = context_rows(self)
            shown = _core.max_contexts(rows.columns, len(rows.contexts), self.stride)
            self._max_context = Ragged(shown, rows.row_splits)
        return self._max_context
