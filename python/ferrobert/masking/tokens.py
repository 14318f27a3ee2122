"""Masks a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ferrobert.encoding import Ragged
from ferrobert.inputs import EPOCH_BITS, check_counter
from ferrobert.masking.rows import Rows, rows_of, sample_ids_of
from ferrobert.masking.vocabulary import MaskingOptions, MaskingVocabulary, masker_of, options_of, vocabulary_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MaskRows", "mask_rows", "mask_tokens", "masked_by"]

#: Masks flat rows: the core's function, or its pure-Python twin's.
MaskRows = Callable[..., tuple[Any, Any]]


def mask_tokens(
    input_ids: Any,
    tokenizer: Any,
    *,
    mlm_probability: float = 0.15,
    mask_replace_prob: float = 0.8,
    random_replace_prob: float = 0.1,
    whole_word_mask: bool = False,
    exact: bool = False,
    max_span_length: int | None = None,
    seed: int = 0,
    epoch: int = 0,
    sample_ids: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[Any, Any]:
    """Inputs and labels of masked language modeling: some tokens are hidden, and are to be predicted.

    As in BERT (Devlin et al., 2019, section 3.1): each token is selected with ``mlm_probability``; of the selected,
    80 % become the mask token, 10 % a random token, 10 % stay. Special tokens and padding are never selected; random
    tokens are never special, and never a place that the vocabulary keeps free (``[unused5]``).

    Every choice is a pure function of (seed, epoch, sample id, position in the row without padding): the same for any
    order of the rows, for ragged and padded rows, any number of threads and processes.

    Args:
        input_ids: An encoding of a tokenizer, a :class:`ferrobert.Ragged`, an int array or tensor ``(rows, width)`` or
            ``(tokens,)``, or lists of ints. It is not changed.
        tokenizer: A tokenizer of ferrobert or of transformers.
        mlm_probability: Share of the tokens that are selected.
        mask_replace_prob: Share of the selected that become the mask token.
        random_replace_prob: Share of the selected that become a random token.
        whole_word_mask: Select words, each with ``mlm_probability``; a word is masked, made random or kept as one.
            WordPiece and Unigram tell words by their tokens; byte-level BPE needs an encoding with word ids.
        exact: Select ``max(1, round(mlm_probability * n))`` of the n tokens of a row that may be selected, as Google's
            original script does, instead of each on its own. With whole words: as many words as fit that number.
        max_span_length: Select spans of words, 1 to this many long, lengths geometric with p = 0.2 (Joshi et al., 2020,
            SpanBERT, which takes 10); a span is masked, made random or kept as one. The number of tokens is exact.
        seed: 0 to 2^64 - 1.
        epoch: Another number gives other masks: 0 to 2^29 - 1.
        sample_ids: One a row, not negative; by default the number of the row.

    Returns:
        Masked ids and labels, int64: two arrays or tensors of the shape of the input where it is padded or an array,
        else two :class:`ferrobert.Ragged`. Labels are the ids before masking, -100 for tokens that are not selected.

    Raises:
        ConfigError: an option is not allowed; an id lies outside of the vocabulary; the tokenizer has no mask token;
            whole words are asked for where nothing tells them.

    Example:
        >>> from ferrobert import BertTokenizer, mask_tokens
        >>> tokenizer = BertTokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "hello": 5})
        >>> masked, labels = mask_tokens(tokenizer(["hello hello"]), tokenizer, exact=True, mask_replace_prob=1.0,
        ...                              random_replace_prob=0.0)
        >>> masked[0].tolist(), labels[0].tolist()
        ([2, 5, 4, 3], [-100, -100, 5, -100])
    """
    options = options_of(
        mlm_probability, mask_replace_prob, random_replace_prob, whole_word_mask, exact, max_span_length
    )
    return masked_by(mask_rows, input_ids, tokenizer, options, seed, epoch, sample_ids)


def masked_by(
    mask: MaskRows,
    input_ids: Any,
    tokenizer: Any,
    options: MaskingOptions,
    seed: int,
    epoch: int,
    sample_ids: Sequence[int] | NDArray[np.integer] | None,
) -> tuple[Any, Any]:
    """Inputs and labels in the form of the input; ``mask`` is the core's function or its twin's."""
    vocabulary = vocabulary_of(tokenizer)
    seed, epoch = check_counter("seed", seed), check_counter("epoch", epoch, EPOCH_BITS)
    rows = rows_of(input_ids, words=options.words)
    masked, labels = mask(rows, vocabulary, options, seed, epoch, sample_ids_of(sample_ids, rows.number))
    if rows.device is not None:
        import torch

        masked, labels = (torch.from_numpy(array).to(rows.device) for array in (masked, labels))
    elif rows.shape is None and rows.padding is None:
        return Ragged(masked, rows.row_splits), Ragged(labels, rows.row_splits)
    return (masked, labels) if rows.shape is None else (masked.reshape(rows.shape), labels.reshape(rows.shape))


def mask_rows(
    rows: Rows,
    vocabulary: MaskingVocabulary,
    options: MaskingOptions,
    seed: int,
    epoch: int,
    sample_ids: NDArray[np.int64],
) -> tuple[Any, Any]:
    """Masked ids and labels by the core: flat ``(tokens,)``, or ``(rows, width)`` where the rows have a padding."""
    words = None if vocabulary.ids_tell_words else rows.word_ids
    padding = rows.padding
    masked, labels = masker_of(vocabulary, options).mask(
        rows.ids,
        rows.row_splits,
        words,
        rows.special,
        sample_ids,
        vocabulary.pad_id if padding is None else padding.pad_id,
        seed,
        epoch,
        *(() if padding is None else (padding.width or 0, padding.side)),
    )
    if padding is None:
        return masked, labels
    shape = rows.number, padding.width or 0
    return masked.reshape(shape), labels.reshape(shape)
