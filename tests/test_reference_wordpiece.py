"""Both WordPiece backends beside the tokenizers package, case by case, and the errors of the pure-Python one."""

import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.parity.calls import Call, Options, Text
from tests.parity.compare import compare
from tests.parity.folders import Added, Settings
from tests.parity.random_calls import random_call
from tests.parity.random_texts import RandomTexts
from tests.parity.subjects import load
from tests.parity.tokenizers_under_test import Reference, UnderTest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from ferrobert.errors import ConfigError, DecodeError, TextTypeError, VocabError
from ferrobert.reference.wordpiece import WordPiece

SETTINGS = {
    "uncased": Settings(),
    "cased": Settings(do_lower_case=False),
    "accents without case": Settings(strip_accents=False),
    "case without accents": Settings(do_lower_case=False, strip_accents=True),
    "CJK in words": Settings(tokenize_chinese_chars=False),
    "left": Settings(truncation_side="left"),
    "added": Settings(
        added=(
            Added("<ent>", special=True, normalized=False),
            Added("Foo"),
            Added("foo bar", lstrip=True, rstrip=True),
            Added("word", single_word=True),
            Added("[L]", lstrip=True, normalized=False),
            Added("[R]", rstrip=True, normalized=False),
            Added("  ", normalized=False),
            Added("\t\t", lstrip=True, normalized=False),
            Added("é"),
            Added("Special", special=True),
        )
    ),
}

TEXTS: dict[str, Text] = {
    "nothing": "",
    "white space alone": " \t\n\u2003\u3000",
    "case and punctuation": "Hello, World! it's (so) well-known...",
    "precomposed accents": "Café Ångström naïve ẞ İstanbul ŉ ΟΔΟΣ",
    "marks out of canonical order": "a\u0323\u0307 a\u0307\u0323 q\u0307\u0323\u0316\u0307 é\u0316\u0301",
    "marks alone": "\u0301\u0323 \u0344\u0f73\u0f81",
    "marks around removed characters": "e\u0301\u200d\u0323 e\u0323\ufeff\u0301",
    "decompositions that end in marks of several classes": "\u1e69\u0316 \u1ed9\u0323\u0302 \u0390",
    "Hangul syllables and jamo": "한국어 각 \u1112\u1161\u11ab",
    "ideographs, the gap and its neighbours": "中文ab日本\U0002b820\U0002b91f\U0002b920\U0002ceaf\uf900",
    "kana with voicing marks": "か\u3099ガ ｶﾞ",
    "Thai, Hindi, Arabic, Hebrew": "ภาษาไทย हिन्दी العَرَبِيَّة עִבְרִית",
    "controls": "a\x00b\x01c\x7fd\x85e\xadf\u200bg\u2028h\ufffdi\x1cj\x0bk",
    "private use and unassigned": "a\ue000b\U000f0000c\U0010fffdd\u0378e\uffff",
    "emoji": "ok 👩\u200d👩\u200d👧 👍🏽 🇩🇪 ❤\ufe0f",
    "a word of 100 characters": "e" * 100,
    "a word of 101 characters": "e" * 101,
    "a word of 101 characters before cleaning": "e" * 50 + "\x00" + "e" * 50,
    "special tokens in the text": "a [MASK] b[SEP]c[CLS] [mask] [MASK [PAD]",
    "special tokens behind one another": "[MASK][MASK] [UNK][SEP]",
    "added tokens": "<ent>x foo FOO bar foo  bar  word words a[L]  [L] b [R]  c   d\tE\u0301e\u0301 special SPECIAL",
    "an added token inside white space that another took": "a   [L]    [R]     b",
    "an added token of white space that is all taken": "[R]  \t\tx",
    "an added token of white space that begins in what is taken": "[R] \t\t  x",
    "an added token of white space that lies inside what is taken": "[R]\t\t\t x",
    "words": ("Hello,", "world!", "", "  ", "don't", "[MASK]", "中文", "x [SEP] y"),
    "no words": (),
}

OPTIONS = {
    "no special tokens": Options(add_special_tokens=False),
    "special tokens as text": Options(split_special_tokens=True),
    "windows": Options(truncation="longest_first", max_length=6, stride=2, return_overflowing_tokens=True),
    "windows without stride": Options(truncation="longest_first", max_length=5, return_overflowing_tokens=True),
    "only special tokens fit": Options(truncation="longest_first", max_length=2, return_overflowing_tokens=True),
    "nothing fits": Options(
        add_special_tokens=False, truncation="longest_first", max_length=0, return_overflowing_tokens=True
    ),
}

PAIR_OPTIONS = {
    "whole": Options(),
    "longest first": Options(truncation="longest_first", max_length=9, stride=1, return_overflowing_tokens=True),
    "odd room": Options(truncation="longest_first", max_length=10, return_overflowing_tokens=True),
    "one token each": Options(truncation="longest_first", max_length=5, return_overflowing_tokens=True),
    "one token for both": Options(truncation="longest_first", max_length=4, return_overflowing_tokens=True),
    "only first": Options(truncation="only_first", max_length=9, return_overflowing_tokens=True),
    "only second": Options(truncation="only_second", max_length=9, stride=1, return_overflowing_tokens=True),
    "too short for only first": Options(truncation="only_first", max_length=4),
    "stride as large as the room": Options(truncation="longest_first", max_length=7, stride=2),
}


@pytest.fixture(scope="module", params=product(SETTINGS, ("twin", "core")), ids="-".join)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, UnderTest]:
    """The reference and each implementation: the cases are the same for both."""
    name, subject = request.param
    settings = SETTINGS[name]
    folder = settings.write(tmp_path_factory.mktemp("tokenizer"))
    return load(subject, folder, settings.truncation_side)


def check_equal(both: tuple[Reference, UnderTest], call: Call) -> None:
    report = compare(*both, call)
    assert not report.differences, report.differences[0]


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_encoded_as_by_the_reference(both: tuple[Reference, UnderTest], name: str) -> None:
    text = TEXTS[name]
    check_equal(both, Call((text,), None, Options(is_split_into_words=not isinstance(text, str))))


@pytest.mark.parametrize("name", OPTIONS)
def test_a_batch_is_encoded_as_by_the_reference_with(both: tuple[Reference, UnderTest], name: str) -> None:
    texts = tuple(text for text in TEXTS.values() if isinstance(text, str))
    check_equal(both, Call(texts, None, OPTIONS[name]))


@pytest.mark.parametrize("name", PAIR_OPTIONS)
def test_pairs_are_encoded_as_by_the_reference(both: tuple[Reference, UnderTest], name: str) -> None:
    texts = ("a b c", "a b c d e f", "", "a", "a b c d e f")
    pairs = ("d e f", "g", "a b c d e f g h", "b", "g h i j k l m")
    for text, pair in zip(texts, pairs, strict=True):
        check_equal(both, Call((text,), (pair,), PAIR_OPTIONS[name]))


def test_random_calls_are_encoded_as_by_the_reference(both: tuple[Reference, UnderTest]) -> None:
    generator = random.Random(7)
    reference = both[0]
    source = RandomTexts(generator, list(reference.tokenizer.get_vocab()), list(reference.tokenizer.get_added_vocab()))
    for _ in range(25):
        check_equal(both, random_call(generator, source, padding=False))


def test_tokens_and_ids_are_converted_as_by_the_reference(tmp_path: Path) -> None:
    reference, tested = load("twin", SETTINGS["added"].write(tmp_path))
    backend, twin = reference.tokenizer.backend_tokenizer, tested.tokenizer  # type: ignore[attr-defined]
    vocab = backend.get_vocab(with_added_tokens=True)
    assert twin.vocab(with_added_tokens=True) == vocab
    assert twin.vocab(with_added_tokens=False) == backend.get_vocab(with_added_tokens=False)
    for token in [*vocab, "no such token", ""]:
        assert twin.token_to_id(token) == backend.token_to_id(token)
    for id_ in range(len(vocab) + 1):
        assert twin.id_to_token(id_) == backend.id_to_token(id_)


@pytest.mark.parametrize("cleanup", [True, False])
def test_tokens_are_joined_as_by_the_reference(cleanup: bool) -> None:
    from tokenizers.decoders import WordPiece as Decoder

    tokens = ["##do", "n't", ".", "##s", "i", "'m", "'", "##", "a ' b", "x do not", "?", "'s 've 're", ",", "!"]
    twin = WordPiece({"[UNK]": 0}, decoder_cleanup=cleanup)
    assert twin.convert_tokens_to_string(tokens) == Decoder(cleanup=cleanup).decode(tokens)
    assert twin.convert_tokens_to_string([]) == ""


def test_further_windows_keep_their_sequence_as_type_whatever_the_template_says() -> None:
    vocab = {"[UNK]": 0, "[S]": 1, "a": 2, "b": 3, "c": 4}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A:5 [S]:6", pair="[S]:7 $B:8 [S]:9 $A:4", special_tokens=[("[S]", 1)]
    )
    tokenizer.enable_truncation(4, stride=0, strategy="longest_first")
    single = (("sequence", 0, 5), ("special", 1, 6))
    pair = (("special", 1, 7), ("sequence", 1, 8), ("special", 1, 9), ("sequence", 0, 4))
    twin = WordPiece(vocab, single=single, pair=pair)
    for text, pair_text in (("a b c a b", None), ("a b c", "c b a")):
        row = tokenizer.encode(text, pair_text)
        rows = [row, *row.overflowing]
        ids, types, sequences, *_, splits, _ = twin.encode(
            [text],
            None if pair_text is None else [pair_text],
            truncation="longest_first",
            max_length=4,
            overflow=True,
        )
        assert splits.tolist() == [sum(len(row) for row in rows[:count]) for count in range(len(rows) + 1)]
        assert ids.tolist() == [id_ for row in rows for id_ in row.ids]
        assert types.tolist() == [type_ for row in rows for type_ in row.type_ids]
        assert sequences.tolist() == [-1 if value is None else value for row in rows for value in row.sequence_ids]


def test_without_alignment_there_are_no_offsets_and_word_ids() -> None:
    *_, offsets, words, splits, _ = WordPiece({"[UNK]": 0, "a": 1}).encode(["a", ""], None, align=False)
    assert offsets is None
    assert words is None
    assert splits.tolist() == [0, 1, 1]


def test_a_vocabulary_without_the_unknown_token_is_an_error() -> None:
    with pytest.raises(VocabError, match=r"2 tokens lacks the unknown token '\[UNK\]'"):
        WordPiece({"a": 0, "b": 1})


@pytest.mark.parametrize("id_", [-1, 2**31])
def test_an_id_that_does_not_fit_int32_is_an_error(id_: int) -> None:
    with pytest.raises(VocabError, match=f"token 'a' must lie in .*, got {id_}"):
        WordPiece({"[UNK]": 0, "a": id_})


def test_an_added_token_that_is_empty_once_normalized_is_an_error() -> None:
    with pytest.raises(VocabError, match=r"added token '\\u200d' is empty once normalized"):
        WordPiece({"[UNK]": 0}, added_tokens=[(1, "\u200d", False, False, False, True, False)])


def test_a_template_without_its_sequence_is_an_error() -> None:
    with pytest.raises(ConfigError, match="the pair template must hold each of its 2 sequences once"):
        WordPiece({"[UNK]": 0}, pair=(("sequence", 0, 0),))


def test_a_template_piece_of_another_kind_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'special' or 'sequence', got 'padding'"):
        WordPiece({"[UNK]": 0}, single=(("sequence", 0, 0), ("padding", 0, 0)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"truncation": "longest"}, "truncation='longest' needs max_length"),
        ({"truncation": "longest", "max_length": 3}, "truncation must be one of"),
        ({"truncation": "only_first", "max_length": -1}, "max_length must not be negative, got -1"),
        ({"truncation": "only_first", "max_length": 3, "stride": -1}, "stride must not be negative, got -1"),
        ({"truncation": "only_first", "max_length": 3, "truncation_side": "up"}, "must be left or right, got 'up'"),
        ({"truncation": "only_first", "max_length": 3, "stride": 4}, "stride 4 must be less than 3"),
        ({"truncation": "only_second", "max_length": 3}, "needs a text pair"),
        ({"truncation": "only_first", "max_length": 3, "stride": 3}, "stride 3 must be less than 3"),
    ],
)
def test_an_option_that_is_not_allowed_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        WordPiece({"[UNK]": 0}).encode(["a b c d"], None, **options)


def test_a_max_length_below_the_special_tokens_is_an_error() -> None:
    twin = WordPiece({"[UNK]": 0}, single=(("special", 0, 0), ("sequence", 0, 0)))
    with pytest.raises(ConfigError, match="max_length 0 is too small: a row has 1 special tokens alone"):
        twin.encode([""], None, truncation="longest_first", max_length=0)


def test_fewer_pairs_than_texts_are_an_error() -> None:
    with pytest.raises(ConfigError, match="2 texts need as many pairs, got 1"):
        WordPiece({"[UNK]": 0}).encode(["a", "b"], ["c"])


def test_none_among_texts_is_an_error() -> None:
    with pytest.raises(TextTypeError, match=r"text\[1\] must be str, got NoneType"):
        WordPiece({"[UNK]": 0}).encode(["a", None], None)  # type: ignore[list-item]


def test_a_string_where_words_are_asked_for_is_an_error() -> None:
    with pytest.raises(TextTypeError, match=r"text\[0\] must be a sequence of words, got str"):
        WordPiece({"[UNK]": 0}).encode(["a b"], None, is_split_into_words=True)


def test_a_lone_surrogate_is_an_error_with_the_word_in_a_note() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        WordPiece({"[UNK]": 0}).encode([["a", "\ud800"]], None, is_split_into_words=True)
    assert caught.value.__notes__ == ["in word 1 of text[0]"]


@pytest.mark.parametrize("id_", [-1, 1])
def test_decoding_an_id_out_of_range_is_an_error(id_: int) -> None:
    with pytest.raises(DecodeError, match=f"token id {id_} .position 1. is out of range"):
        WordPiece({"[UNK]": 0}).decode([0, id_])
