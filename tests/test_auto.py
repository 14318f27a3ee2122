"""AutoTokenizer: the family is found, and every family equals transformers' own tokenizer."""

from __future__ import annotations

import json
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import transformers
from tests.made_checkpoints import (
    PIECES,
    albert_folder,
    albert_of_transformers,
    deberta_folder,
    gpt2_folder,
    roberta_folder,
    sentencepiece_model,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from ferrobert import AutoTokenizer, BertTokenizer
from ferrobert.errors import CheckpointError, ConfigError, TextTypeError, VocabError
from ferrobert.subword import TokenizersTokenizer
from ferrobert.subword.sentencepiece import read_sentencepiece_model

TEXTS = [
    "hello world hello",
    "Hello, (world)! It's  the café … \t twice  ",
    "",
    " ",
    "hello <mask> world [MASK]. </s>x<s>",
    "한국어 中文 \U0001f600 e\u0301\u0316 ``quoted'' \u200d\ufeff",
    "the " * 40,
]

CALLS: list[dict[str, Any]] = [
    {},
    {"add_special_tokens": False},
    {"truncation": True, "max_length": 9},
    {"truncation": True, "max_length": 11, "stride": 2, "return_overflowing_tokens": True},
    {"truncation": True, "max_length": 9, "stride": 1, "return_overflowing_tokens": True, "padding": "max_length"},
    {"padding": True, "pad_to_multiple_of": 8},
    {"padding": True, "padding_side": "left"},
    {"split_special_tokens": True},
    {"return_token_type_ids": True},
]


def check_equal(ours: Any, theirs: Any, *texts: Any, **options: Any) -> None:
    asked = {"return_offsets_mapping": True, "return_special_tokens_mask": True, "return_length": True, **options}
    got, expected = ours(*texts, **asked), theirs(*texts, **asked)
    assert dict(got.items()) == dict(expected.items())
    for row in range(len(expected.encodings)):
        assert got.tokens(row) == expected.tokens(row)
        assert got.word_ids(row) == expected.word_ids(row)
        assert got.sequence_ids(row) == expected.sequence_ids(row)


@pytest.fixture(
    params=["roberta", "roberta with a prefix space", "gpt2", "deberta", "albert", "albert cased with accents"]
)
def family(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Any, Any]:
    """A folder, our tokenizer of it, and transformers'."""
    match request.param:
        case "roberta":
            folder = roberta_folder(tmp_path)
            theirs = transformers.RobertaTokenizer.from_pretrained(folder)
        case "roberta with a prefix space":
            folder = roberta_folder(tmp_path, add_prefix_space=True)
            theirs = transformers.RobertaTokenizer.from_pretrained(folder)
        case "gpt2":
            folder = gpt2_folder(tmp_path, pad_token="<|endoftext|>")
            theirs = transformers.GPT2Tokenizer.from_pretrained(folder)
        case "deberta":
            folder = deberta_folder(tmp_path)
            theirs = transformers.DebertaTokenizer.from_pretrained(folder)
        case "albert":
            folder = albert_folder(tmp_path)
            theirs = albert_of_transformers(folder)
        case _:
            folder = albert_folder(tmp_path, do_lower_case=False, keep_accents=True)
            theirs = albert_of_transformers(folder, do_lower_case=False, keep_accents=True)
    return folder, AutoTokenizer.from_pretrained(folder), theirs


# --- equal to transformers -----------------------------------------------------------------------------


@pytest.mark.parametrize("options", CALLS, ids=str)
def test_batches_and_pairs_equal_the_reference(family: tuple[Path, Any, Any], options: dict[str, Any]) -> None:
    _, ours, theirs = family
    check_equal(ours, theirs, TEXTS, **options)
    check_equal(ours, theirs, TEXTS, TEXTS[::-1], **options)


@pytest.mark.parametrize("text", TEXTS)
def test_a_single_text_equals_the_reference(family: tuple[Path, Any, Any], text: str) -> None:
    _, ours, theirs = family
    check_equal(ours, theirs, text)
    check_equal(ours, theirs, text, "hello world")


def test_words_equal_the_reference(family: tuple[Path, Any, Any]) -> None:
    _, ours, theirs = family
    words = [text.split() for text in TEXTS]
    check_equal(ours, theirs, words, is_split_into_words=True)
    check_equal(ours, theirs, words, words[::-1], is_split_into_words=True, truncation=True, max_length=12)


def test_decoding_equals_the_reference(family: tuple[Path, Any, Any]) -> None:
    _, ours, theirs = family
    rows = theirs(TEXTS)["input_ids"]
    assert ours.batch_decode(rows) == theirs.batch_decode(rows)
    assert ours.batch_decode(rows, skip_special_tokens=True) == theirs.batch_decode(rows, skip_special_tokens=True)
    for row in rows:
        tokens = theirs.convert_ids_to_tokens(row)
        assert ours.convert_ids_to_tokens(row) == tokens
        assert ours.convert_tokens_to_string(tokens) == theirs.convert_tokens_to_string(tokens)
        assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)


def test_the_vocabulary_and_the_special_tokens_equal_the_reference(family: tuple[Path, Any, Any]) -> None:
    _, ours, theirs = family
    assert len(ours) == len(theirs)
    assert ours.vocab_size == theirs.vocab_size
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.special_tokens_map == {
        name: token for name, token in theirs.special_tokens_map.items() if name.endswith("_token")
    }
    assert ours.all_special_ids == theirs.all_special_ids
    assert ours.num_special_tokens_to_add(pair=True) == theirs.num_special_tokens_to_add(pair=True)
    for name in ("cls", "sep", "mask", "pad", "unk"):
        assert getattr(ours, f"{name}_token_id") == getattr(theirs, f"{name}_token_id")


def test_a_saved_folder_gives_the_same_tokenizer_here_and_in_transformers(
    family: tuple[Path, Any, Any], tmp_path: Path
) -> None:
    _, ours, _ = family
    ours.save_pretrained(tmp_path / "saved")
    check_equal(ours, transformers.AutoTokenizer.from_pretrained(tmp_path / "saved"), TEXTS, TEXTS[::-1])
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert again.replace(name_or_path="") == ours.replace(name_or_path="")


def test_a_pickled_tokenizer_equals_its_original(family: tuple[Path, Any, Any]) -> None:
    _, ours, _ = family
    copy = pickle.loads(pickle.dumps(ours))
    assert copy == ours
    assert hash(copy) == hash(ours)
    assert copy(TEXTS)["input_ids"] == ours(TEXTS)["input_ids"]


def test_threads_with_different_options_do_not_disturb_each_other(family: tuple[Path, Any, Any]) -> None:
    _, ours, _ = family
    lengths = [4 + number % 5 for number in range(200)]
    expected = {length: ours(TEXTS, truncation=True, max_length=length)["input_ids"] for length in set(lengths)}
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda length: ours(TEXTS, truncation=True, max_length=length)["input_ids"], lengths))
    assert got == [expected[length] for length in lengths]


@pytest.mark.parametrize("name", ["roberta-base", "albert-base"])
@pytest.mark.parametrize("corpus", ["english", "multilingual"])
def test_real_lines_with_real_vocabularies_equal_the_reference(data: Path, name: str, corpus: str) -> None:
    folder = data / "vocab" / name
    ours = AutoTokenizer.from_pretrained(folder)
    theirs: Any = (
        transformers.RobertaTokenizer.from_pretrained(folder)
        if name == "roberta-base"
        else albert_of_transformers(folder)
    )
    lines = (data / "corpus" / f"{corpus}.txt").read_text("utf-8").split("\n")
    # Windows of pairs multiply: 100 lines of at most 300 characters make about 1,500 rows.
    lines = [line[:300] for line in random.Random(1).sample(lines, 100)]
    check_equal(ours, theirs, lines)
    check_equal(
        ours, theirs, lines, lines[::-1], truncation=True, max_length=48, stride=7, return_overflowing_tokens=True
    )


# --- the family ----------------------------------------------------------------------------------------


def test_a_vocabulary_alone_is_bert(checkpoint: Path) -> None:
    assert isinstance(AutoTokenizer.from_pretrained(checkpoint / "vocab.txt"), BertTokenizer)


def test_a_bert_folder_is_bert(checkpoint: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    assert isinstance(tokenizer, BertTokenizer)
    assert tokenizer.model_max_length == 16


def test_a_saved_bert_tokenizer_is_bert(tokenizer: BertTokenizer, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    for name in (tmp_path, tmp_path / "tokenizer.json"):
        assert isinstance(AutoTokenizer.from_pretrained(name), BertTokenizer)


def test_a_distilbert_folder_gives_no_token_type_ids(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes((checkpoint / "vocab.txt").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "DistilBertTokenizerFast"}', "utf-8")
    assert list(AutoTokenizer.from_pretrained(tmp_path)("the cat")) == ["input_ids", "attention_mask"]


def test_the_model_type_names_the_family_where_the_tokenizer_does_not(tmp_path: Path) -> None:
    roberta_folder(tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "config.json").write_text('{"model_type": "longformer"}', "utf-8")
    assert AutoTokenizer.from_pretrained(tmp_path)("hello")["input_ids"][0] == 0


def test_deberta_without_a_tokenizer_json_is_not_taken_for_gpt2(tmp_path: Path) -> None:
    deberta_folder(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "gpt2"}', "utf-8")
    (tmp_path / "config.json").write_text('{"model_type": "deberta"}', "utf-8")
    ours, theirs = AutoTokenizer.from_pretrained(tmp_path), transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert ours.convert_ids_to_tokens(ours("hello")["input_ids"]) == ["[CLS]", "hello", "[SEP]"]
    check_equal(ours, theirs, TEXTS, TEXTS[::-1])


@pytest.mark.parametrize("make", [roberta_folder, gpt2_folder, albert_folder])
def test_the_files_name_the_family_where_nothing_else_does(make: Any, tmp_path: Path) -> None:
    named = AutoTokenizer.from_pretrained(make(tmp_path))
    (tmp_path / "tokenizer_config.json").unlink()
    assert AutoTokenizer.from_pretrained(tmp_path) == named


def test_a_spiece_model_file_is_albert(tmp_path: Path) -> None:
    folder = albert_folder(tmp_path)
    by_file = AutoTokenizer.from_pretrained(folder / "spiece.model")
    assert by_file("hello world")["input_ids"] == AutoTokenizer.from_pretrained(folder)("hello world")["input_ids"]


def test_wordpiece_with_another_normalizer_runs_its_tokenizer_json(tmp_path: Path) -> None:
    words = Tokenizer(models.WordPiece({"[UNK]": 0, "cafe": 1, "##s": 2}, unk_token="[UNK]"))
    words.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(tmp_path / "tokenizer.json"))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(tokenizer, TokenizersTokenizer)
    assert tokenizer.tokenize("caf\u00e9s") == ["cafe", "##s"]


def test_truncation_and_padding_of_a_tokenizer_json_do_not_apply_by_themselves(tmp_path: Path) -> None:
    words = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1, "<pad>": 2}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.enable_truncation(2)
    words.enable_padding(pad_id=2, pad_token="<pad>", length=7, direction="left")
    words.save(str(tmp_path / "tokenizer.json"))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer("a a a")["input_ids"] == [1, 1, 1]
    assert tokenizer(["a a", "a"], padding=True)["input_ids"] == [[1, 1], [2, 1]]


def test_options_count_over_the_checkpoint(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(roberta_folder(tmp_path), add_prefix_space=True, model_max_length=9)
    assert tokenizer.tokenize("hello") == ["Ġhello"]
    assert tokenizer.model_max_length == 9


def test_a_checkpoint_for_words_of_mecab_is_loaded_with_a_warning(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes((checkpoint / "vocab.txt").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"word_tokenizer_type": "mecab"}', "utf-8")
    with pytest.warns(UserWarning, match="mecab"):
        AutoTokenizer.from_pretrained(tmp_path)


# --- errors --------------------------------------------------------------------------------------------


def test_auto_tokenizer_is_not_built() -> None:
    with pytest.raises(ConfigError, match="from_pretrained"):
        AutoTokenizer()


def test_a_missing_folder_is_an_error() -> None:
    with pytest.raises(CheckpointError, match="no such file or folder"):
        AutoTokenizer.from_pretrained("./nowhere")


def test_a_folder_without_tokenizer_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds none of"):
        AutoTokenizer.from_pretrained(tmp_path)


def test_a_vocab_json_without_merges_is_an_error(tmp_path: Path) -> None:
    (roberta_folder(tmp_path) / "merges.txt").unlink()
    with pytest.raises(VocabError, match=r"missing \['merges.txt'\]"):
        AutoTokenizer.from_pretrained(tmp_path)


def test_a_merge_of_unknown_tokens_is_an_error(tmp_path: Path) -> None:
    (roberta_folder(tmp_path) / "merges.txt").write_text("#version: 0.2\nno such\n", "utf-8")
    with pytest.raises(VocabError, match="merges"):
        AutoTokenizer.from_pretrained(tmp_path)


def test_a_special_token_that_the_vocabulary_lacks_is_added_behind_it(tmp_path: Path) -> None:
    folder = roberta_folder(tmp_path)
    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    (folder / "vocab.json").write_text(json.dumps({t: i for t, i in vocab.items() if t != "<mask>"}), "utf-8")
    theirs = transformers.RobertaTokenizer.from_pretrained(folder)
    assert theirs.mask_token_id == len(vocab) - 1
    check_equal(AutoTokenizer.from_pretrained(folder), theirs, TEXTS)


def test_a_broken_tokenizer_json_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": ', "utf-8")
    with pytest.raises(VocabError, match="not JSON"):
        AutoTokenizer.from_pretrained(tmp_path)


def test_a_tokenizer_json_without_a_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(VocabError, match="no model"):
        AutoTokenizer.from_pretrained(tmp_path)


def test_an_unknown_family_without_tokenizer_json_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "deberta-v2"}', "utf-8")
    message = r"a checkpoint of deberta-v2 needs tokenizer\.json; found config\.json\. transformers' AutoTokenizer"
    with pytest.raises(VocabError, match=message):
        AutoTokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize("model_type", ["mpnet", "funnel"])
def test_a_vocab_txt_of_a_family_with_other_special_tokens_is_not_taken_for_bert(
    checkpoint: Path, tmp_path: Path, model_type: str
) -> None:
    (tmp_path / "vocab.txt").write_bytes((checkpoint / "vocab.txt").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}), "utf-8")
    with pytest.raises(VocabError, match=r"Tokenizer needs tokenizer\.json; found config\.json, vocab\.txt"):
        AutoTokenizer.from_pretrained(tmp_path)


def test_an_unknown_option_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="add_prefixspace"):
        AutoTokenizer.from_pretrained(roberta_folder(tmp_path), add_prefixspace=True)


def test_a_lone_surrogate_is_an_error(family: tuple[Path, Any, Any]) -> None:
    with pytest.raises(UnicodeEncodeError):
        family[1](["fine", "a\ud800b"])


def test_something_that_is_no_text_is_an_error_that_says_where(family: tuple[Path, Any, Any]) -> None:
    with pytest.raises(TextTypeError, match=r"text\[1\]"):
        family[1](["fine", None])


def test_a_stride_that_leaves_no_room_is_an_error(family: tuple[Path, Any, Any]) -> None:
    with pytest.raises(ConfigError, match="stride"):
        family[1]("the " * 20, truncation=True, max_length=6, stride=6, return_overflowing_tokens=True)


def test_a_stride_that_leaves_no_room_in_one_side_of_a_pair_is_an_error(family: tuple[Path, Any, Any]) -> None:
    pair = ("the hello world " * 9, "world hello the " * 9)
    with pytest.raises(ConfigError, match="stride 4 must be less than"):
        family[1](*pair, truncation=True, max_length=9, stride=4, return_overflowing_tokens=True)


def test_a_max_length_below_the_special_tokens_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="special tokens"):
        AutoTokenizer.from_pretrained(roberta_folder(tmp_path))("hello", truncation=True, max_length=1)


def test_a_side_that_is_too_short_to_cut_is_an_error(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(roberta_folder(tmp_path))
    with pytest.raises(ConfigError, match="cannot be truncated"):
        tokenizer("hello " * 9, "hello", truncation="only_second", max_length=6)


# --- SentencePiece files -------------------------------------------------------------------------------


def test_a_model_file_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "spiece.model"
    path.write_bytes(sentencepiece_model(PIECES, unk_id=1, charsmap=b"\x00\x01"))
    model = read_sentencepiece_model(path)
    assert [(piece.text, piece.score, int(piece.kind)) for piece in model.pieces] == PIECES
    assert (model.unk_id, model.byte_fallback, model.precompiled_charsmap) == (1, False, b"\x00\x01")


@pytest.mark.parametrize("kept", [1, 7, 40, 200])
def test_a_model_file_that_is_cut_short_is_an_error(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "spiece.model"
    path.write_bytes(sentencepiece_model(PIECES, unk_id=1)[:kept])
    with pytest.raises(VocabError, match="not a SentencePiece"):
        read_sentencepiece_model(path)


def test_a_model_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "spiece.model"
    path.write_bytes(sentencepiece_model(PIECES, unk_id=1, model_type=2))
    with pytest.raises(VocabError, match="Unigram is 1"):
        read_sentencepiece_model(path)


def test_an_empty_model_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "spiece.model"
    path.write_bytes(b"")
    with pytest.raises(VocabError, match="no pieces"):
        read_sentencepiece_model(path)


def test_text_in_place_of_a_model_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "spiece.model"
    path.write_text("version https://example.org/spec/v1\n", "utf-8")
    with pytest.raises(VocabError, match="not a SentencePiece"):
        read_sentencepiece_model(path)


# --- transformers' own objects -------------------------------------------------------------------------


def test_as_transformers_equals_the_reference(family: tuple[Path, Any, Any]) -> None:
    _, ours, theirs = family
    made = ours.as_transformers()
    assert type(made) is type(theirs)
    check_equal(ours, made, TEXTS, TEXTS[::-1])
