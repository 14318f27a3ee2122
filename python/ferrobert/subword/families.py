"""Tokenizers of the families that do not use WordPiece, built step by step as transformers 5.24 builds them.

RoBERTa and ALBERT are built from their vocabulary even where the checkpoint has a tokenizer.json, because transformers
does so and lets tokenizer_config.json decide. Every other family runs its tokenizer.json as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import tokenizers
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram

from ferrobert.errors import VocabError
from ferrobert.tokenizer import AddedToken
from ferrobert.tokenizer.options import SPECIAL_TOKEN_NAMES

ROBERTA_TOKENS: Mapping[str, str] = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
GPT2_TOKENS: Mapping[str, str] = {
    "unk_token": "<|endoftext|>",
    "bos_token": "<|endoftext|>",
    "eos_token": "<|endoftext|>",
}
DEBERTA_TOKENS: Mapping[str, str] = {
    "bos_token": "[CLS]",
    "eos_token": "[SEP]",
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
ALBERT_TOKENS: Mapping[str, str] = {
    "bos_token": "[CLS]",
    "eos_token": "[SEP]",
    "unk_token": "<unk>",
    "sep_token": "[SEP]",
    "pad_token": "<pad>",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """The tokens that a checkpoint adds to its vocabulary.

    Attributes:
        named: attribute -> token, for instance ``{"mask_token": AddedToken("<mask>")}``.
        extra: further special tokens.
        by_id: every added token that the checkpoint lists with its id.
    """

    named: Mapping[str, AddedToken]
    extra: Sequence[AddedToken] = ()
    by_id: Mapping[int, AddedToken] = field(default_factory=dict)

    def add_to(self, tokenizer: Tokenizer) -> None:
        """Add those that the tokenizer does not have, in the reference's order: by id, named, extra."""
        present = {AddedToken.of(token) for token in tokenizer.get_added_tokens_decoder().values()}
        named = {token.content for token in self.named.values()}
        missing = [token for _, token in sorted(self.by_id.items()) if token not in present]
        contents = {token.content for token in (*present, *missing)}
        for token in (*(self.named[name] for name in SPECIAL_TOKEN_NAMES if name in self.named), *self.extra):
            if token.content not in contents:
                missing.append(token)
                contents.add(token.content)
        tokenizer.add_tokens(
            [
                tokenizers.AddedToken(
                    token.content,
                    single_word=token.single_word,
                    lstrip=token.lstrip,
                    rstrip=token.rstrip,
                    normalized=token.normalized,
                    special=token.special or token.content in named,
                )
                for token in missing
            ]
        )


def byte_level_bpe(vocab: Mapping[str, int], merges: Sequence[tuple[str, str]], *, add_prefix_space: bool) -> Tokenizer:
    """GPT-2's byte-level BPE, without a post-processor (Radford et al. 2019).

    Raises:
        VocabError: a merge names a token that the vocabulary lacks.
    """
    try:
        model = BPE(
            vocab=dict(vocab),
            merges=list(merges),
            dropout=None,
            continuing_subword_prefix="",
            end_of_word_suffix="",
            fuse_unk=False,
        )
    except Exception as error:
        raise VocabError(f"the merges do not fit the vocabulary of {len(vocab)} tokens: {error}") from error
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def frame_as_roberta(tokenizer: Tokenizer, cls: str, sep: str, *, add_prefix_space: bool, trim_offsets: bool) -> None:
    """``<s> A </s>`` and ``<s> A </s></s> B </s>``; every type id is 0; offsets leave out the space before a word.

    Raises:
        VocabError: one of the two tokens has no id.
    """
    tokenizer.post_processor = processors.RobertaProcessing(
        (sep, _id_of(tokenizer, sep)), (cls, _id_of(tokenizer, cls)), trim_offsets, add_prefix_space
    )


def frame_plain(tokenizer: Tokenizer, *, before: str | None, after: str | None) -> None:
    """The text itself between an optional first and last token; the second text of a pair has type id 1."""
    single = " ".join(filter(None, (before and f"{before}:0", "$A:0", after and f"{after}:0")))
    second = " ".join(filter(None, (before and f"{before}:1", "$B:1", after and f"{after}:1")))
    specials = [(token, _id_of(tokenizer, token)) for token in (before, after) if token]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=f"{single} {second}", special_tokens=specials
    )


def frame_as_deberta(tokenizer: Tokenizer, cls: str, sep: str) -> None:
    """``[CLS] A [SEP]`` and ``[CLS] A [SEP] [SEP] B [SEP]``; every type id is 0.

    Raises:
        VocabError: one of the two tokens has no id.
    """
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} {sep} $B {sep}",
        special_tokens=[(token, _id_of(tokenizer, token)) for token in (cls, sep)],
    )


def albert_unigram(
    vocab: Sequence[tuple[str, float]],
    *,
    precompiled_charsmap: bytes,
    do_lower_case: bool,
    keep_accents: bool,
    add_prefix_space: bool,
    cls: str,
    sep: str,
) -> Tokenizer:
    """ALBERT's Unigram tokenizer (Lan et al. 2019): two quote marks become one, accents and case go.

    Raises:
        VocabError: the vocabulary is empty or lacks `cls` or `sep`.
    """
    try:
        # ALBERT's vocabularies keep <pad> at 0 and <unk> at 1; transformers fixes the 1.
        tokenizer = Tokenizer(Unigram(list(vocab), unk_id=1, byte_fallback=False))
    except Exception as error:
        raise VocabError(f"no Unigram vocabulary: {error}") from error
    steps: list[normalizers.Normalizer] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not keep_accents:
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if do_lower_case:
        steps.append(normalizers.Lowercase())
    if precompiled_charsmap:
        steps.append(normalizers.Precompiled(precompiled_charsmap))
    tokenizer.normalizer = normalizers.Sequence(steps)
    scheme = "always" if add_prefix_space else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme)]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme=scheme)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", _id_of(tokenizer, cls)), ("[SEP]", _id_of(tokenizer, sep))],
    )
    return tokenizer


def _id_of(tokenizer: Tokenizer, token: str) -> int:
    found: int | None = tokenizer.token_to_id(token)
    if found is None:
        raise VocabError(f"the vocabulary of {tokenizer.get_vocab_size()} tokens lacks {token!r}")
    return found
