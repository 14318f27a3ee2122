"""mask_tokens and DataCollatorForLanguageModeling."""

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import ferrobert as fb
from ferrobert import reference
from ferrobert.errors import ConfigError

VOCAB_SIZE = 2000
SPECIAL = {"[PAD]": 0, "[unused0]": 1, "[UNK]": 2, "[CLS]": 3, "[SEP]": 4, "[MASK]": 5, "[unused1]": 6}


@pytest.fixture(scope="module")
def numbered() -> fb.BertTokenizer:
    """A vocabulary of words w0, w1, ... and pieces ##p0, ##p1, ..., so that ids are easy to make."""
    vocab = dict(SPECIAL)
    while len(vocab) < VOCAB_SIZE:
        number = len(vocab)
        vocab[f"##p{number}" if number % 4 == 0 else f"w{number}"] = number
    return fb.BertTokenizer(vocab)


@pytest.fixture(scope="module")
def corpus() -> NDArray[np.int64]:
    """Ids of 20,000 rows of 128 tokens, [CLS] and [SEP] at their ends."""
    ids = np.random.default_rng(7).integers(7, VOCAB_SIZE, size=(20_000, 128))
    ids[:, 0], ids[:, -1] = SPECIAL["[CLS]"], SPECIAL["[SEP]"]
    return ids


def kinds(ids: NDArray[np.int64], masked: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Shares: selected of all that may be, then masked, random and kept of the selected."""
    selected = labels != -100
    of_selected = max(1, int(selected.sum()))
    return {
        "selected": selected.sum() / (~np.isin(ids, list(SPECIAL.values()))).sum(),
        "mask": (masked[selected] == SPECIAL["[MASK]"]).sum() / of_selected,
        "kept": (masked[selected] == ids[selected]).sum() / of_selected,
    }


# --- what is selected, and what takes its place ------------------------------------------------------


def test_shares_are_those_that_were_asked_for(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    masked, labels = fb.mask_tokens(corpus, numbered, seed=3)
    shares = kinds(corpus, masked, labels)
    assert shares["selected"] == pytest.approx(0.15, abs=0.001)
    assert shares["mask"] == pytest.approx(0.8, abs=0.003)
    assert shares["kept"] == pytest.approx(0.1, abs=0.003)


@pytest.mark.parametrize("options", [{"whole_word_mask": True}, {"exact": True}, {"max_span_length": 10}])
def test_shares_of_words_exact_counts_and_spans(
    numbered: fb.BertTokenizer, corpus: NDArray[np.int64], options: dict[str, Any]
) -> None:
    shares = kinds(corpus, *fb.mask_tokens(corpus, numbered, seed=4, **options))
    assert shares["selected"] == pytest.approx(0.15, abs=0.002)
    assert shares["mask"] == pytest.approx(0.8, abs=0.005)
    assert shares["kept"] == pytest.approx(0.1, abs=0.005)


def test_labels_are_the_ids_before_masking(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    before = corpus[:500].copy()
    masked, labels = fb.mask_tokens(corpus[:500], numbered, seed=1)
    selected = labels != -100
    assert np.array_equal(corpus[:500], before)  # the input is not changed
    assert np.array_equal(labels[selected], before[selected])
    assert np.array_equal(masked[~selected], before[~selected])


def test_special_tokens_are_never_selected_nor_drawn(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    ids = corpus[:2000].copy()
    ids[:, 5:60] = np.random.default_rng(1).choice([0, 2, 3, 4, 5], size=(2000, 55))
    masked, labels = fb.mask_tokens(
        ids, numbered, mlm_probability=1.0, mask_replace_prob=0.0, random_replace_prob=1.0, seed=1
    )
    special = np.isin(ids, [0, 2, 3, 4, 5])
    assert (labels[special] == -100).all()
    assert (labels[~special] == ids[~special]).all()
    assert not np.isin(masked[~special], list(SPECIAL.values())).any()  # nor [unused0]


def test_positions_and_random_ids_are_uniform(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    """Chi-square tests that are not rejected at 10^-4."""
    masked, labels = fb.mask_tokens(corpus, numbered, seed=11)
    selected = labels != -100
    inner = selected[:, 1:-1].sum(axis=0)
    assert chi_square_is_plausible(inner)
    random = masked[selected & (masked != corpus) & (masked != SPECIAL["[MASK]"])]
    # A random token that equals the one it replaces looks kept: 1 in 1,993 of each id alike.
    assert chi_square_is_plausible(np.bincount(random, minlength=VOCAB_SIZE)[7:])


def chi_square_is_plausible(counts: NDArray[np.int64]) -> bool:
    """Whether equal shares are not rejected at 10^-4: Wilson and Hilferty's approximation of the quantile."""
    freedom = len(counts) - 1
    statistic = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
    quantile = freedom * (1 - 2 / (9 * freedom) + 3.719 * (2 / (9 * freedom)) ** 0.5) ** 3
    return bool(statistic < quantile)


def test_exact_selects_the_rounded_share_of_each_row(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    _, labels = fb.mask_tokens(corpus[:3000], numbered, exact=True, seed=2)
    assert set((labels != -100).sum(axis=1).tolist()) == {round(126 * 0.15)}


def test_exact_selects_one_token_of_a_short_row(numbered: fb.BertTokenizer) -> None:
    masked, labels = fb.mask_tokens([[3, 11, 4], [3, 4]], numbered, exact=True)
    assert labels[0].tolist() == [-100, 11, -100]
    assert labels[1].tolist() == [-100, -100]
    assert masked[1].tolist() == [3, 4]


def test_probability_0_selects_nothing_and_1_everything(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    for options in ({}, {"exact": True}, {"whole_word_mask": True}):
        assert (fb.mask_tokens(corpus[:50], numbered, mlm_probability=0.0, **options)[1] == -100).all()
        _, labels = fb.mask_tokens(corpus[:50], numbered, mlm_probability=1.0, **options)
        assert ((labels != -100).sum(axis=1) == 126).all()


# --- words --------------------------------------------------------------------------------------------

WORDS = "state of the art - . ( ) plays end 中 国 人 un ##aff ##able ##s".split()


@pytest.fixture(scope="module")
def words() -> fb.BertTokenizer:
    return fb.BertTokenizer(
        {token: id for id, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("state-of-the-art", ["state", "-", "of", "-", "the", "-", "art"]),
        ("end.", ["end", "."]),
        ("(plays)", ["(", "plays", ")"]),
        ("中国人", ["中", "国", "人"]),
        ("unaffables plays", ["un ##aff ##able ##s", "plays"]),
    ],
)
def test_whole_words_are_true_words(words: fb.BertTokenizer, text: str, expected: list[str]) -> None:
    encoding = words([text] * 400)
    _, labels = fb.mask_tokens(encoding, words, whole_word_mask=True, mlm_probability=0.5, seed=8)
    seen = set()
    for row in labels:
        seen |= set(spans_of(words, row))
    alone = {word for word in seen if word in expected}
    assert alone == set(expected)


def spans_of(tokenizer: fb.BertTokenizer, labels: NDArray[np.int64]) -> list[str]:
    """Runs of labels as text; neighbouring words that are both selected form one run."""
    tokens = ["|" if label == -100 else tokenizer.convert_ids_to_tokens(int(label)) for label in labels]
    return [run.strip() for run in " ".join(tokens).split("|") if run.strip()]


@pytest.mark.parametrize("options", [{}, {"exact": True}])
def test_no_word_is_split(numbered: fb.BertTokenizer, corpus: NDArray[np.int64], options: dict[str, Any]) -> None:
    ids = corpus[:3000]
    masked, labels = fb.mask_tokens(ids, numbered, whole_word_mask=True, seed=5, **options)
    selected, continues = labels != -100, (ids % 4 == 0) & (ids > 6)
    inside = continues[:, 1:] & ~np.isin(ids[:, :-1], list(SPECIAL.values()))
    assert (selected[:, 1:] == selected[:, :-1])[inside].all()
    # A word is masked, made random or kept as one.
    is_mask = masked == SPECIAL["[MASK]"]
    assert (is_mask[:, 1:] == is_mask[:, :-1])[inside].all()


def test_word_ids_of_the_encoding_are_the_words(words: fb.BertTokenizer) -> None:
    """Words that were given as words stay whole, whatever is in them."""
    encoding = words([["state-of-the-art", "plays"]] * 300, is_split_into_words=True)
    _, labels = fb.mask_tokens(encoding, words, whole_word_mask=True, mlm_probability=0.5, seed=1)
    runs = {tuple(row[1:8] != -100) for row in labels}
    assert runs == {(True,) * 7, (False,) * 7}


def test_words_of_text_and_pair_are_told_apart(words: fb.BertTokenizer) -> None:
    encoding = words(["plays"] * 300, ["plays"] * 300, add_special_tokens=False)
    _, labels = fb.mask_tokens(encoding, words, whole_word_mask=True, mlm_probability=0.5, seed=1)
    assert {tuple(row != -100) for row in labels} == {(a, b) for a in (True, False) for b in (True, False)}


FAMILIES = ["roberta-base", "albert-base"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it is state-of-the-art", ["it", "is", "state", "-", "of", "-", "the", "-", "art"]),
        ("the end.", ["the", "end", "."]),
        ("a (plays) b", ["a", "(", "plays", ")", "b"]),
    ],
)
def test_whole_words_of_other_families_are_true_words(data: Path, family: str, text: str, expected: list[str]) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(data / "vocab" / family)
    encoding = tokenizer([text] * 200)
    options: dict[str, Any] = {"whole_word_mask": True, "mlm_probability": 0.5, "seed": 4}
    masked, labels = fb.mask_tokens(encoding, tokenizer, **options)
    selected = np.stack([row != -100 for row in labels])
    # Tokens are of one word where they are always selected together.
    together = (selected[:, 1:] == selected[:, :-1]).all(axis=0)
    words, ids = [], encoding["input_ids"][0]
    for token, joined in zip(ids, [False, *together], strict=True):
        words[-1:] = [[*words[-1], token]] if joined and words else [*words[-1:], [token]]
    assert [tokenizer.decode(word).strip() for word in words[1:-1]] == expected
    plain = reference.mask_tokens(encoding, tokenizer, **options)
    assert np.array_equal(masked.values, plain[0].values)
    rows = [
        {"input_ids": row, "word_ids": encoding.word_ids(number)} for number, row in enumerate(encoding["input_ids"])
    ]
    collated = fb.DataCollatorForLanguageModeling(tokenizer, whole_word_mask=True, seed=1)(rows)["labels"] != -100
    assert ((collated[:, 1:] == collated[:, :-1]).all(dim=0).numpy() >= together).all()


def test_ideographs_of_the_chinese_vocabulary_are_words_each(data: Path) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(data / "vocab" / "bert-base-chinese")
    labels = fb.mask_tokens(tokenizer(["中国人"] * 200), tokenizer, whole_word_mask=True, mlm_probability=0.5)[1]
    assert len({tuple(row != -100) for row in labels}) == 8


def test_byte_level_bpe_without_word_ids_cannot_tell_words(data: Path) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(data / "vocab" / "roberta-base")
    for package in (fb, reference):
        with pytest.raises(ConfigError, match="whole words need word ids"):
            package.mask_tokens([[0, 100, 2]], tokenizer, whole_word_mask=True)


def test_spans_are_of_whole_words_and_at_most_as_long_as_asked_for(
    numbered: fb.BertTokenizer, corpus: NDArray[np.int64]
) -> None:
    ids = corpus[:2000].copy()
    ids[:, 1:-1] = np.where(ids[:, 1:-1] % 4 == 0, ids[:, 1:-1] + 1, ids[:, 1:-1])  # a word a token
    ids = np.minimum(ids, VOCAB_SIZE - 1)
    _, labels = fb.mask_tokens(ids, numbered, max_span_length=3, mlm_probability=0.05, seed=5)
    assert ((labels != -100).sum(axis=1) == round(0.05 * 126)).all()
    rows = ("".join("." if label == -100 else "x" for label in row) for row in labels)
    longest = max(len(run) for row in rows for run in re.findall("x+", row))
    assert 3 <= longest <= 9  # spans may touch


# --- a pure function of seed, epoch, sample id and position --------------------------------------------


def test_masks_are_the_recorded_ones(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    """On every platform, and in every version to come."""
    digest = hashlib.sha256()
    for options in ({}, {"whole_word_mask": True}, {"exact": True}, {"max_span_length": 10}):
        for array in fb.mask_tokens(corpus[:200], numbered, seed=2026, epoch=3, **options):
            digest.update(array.astype("<i8").tobytes())
    assert digest.hexdigest() == "309ff383bcd2aadbf94b95d3538cbce867224b582aa114cfa86c5b73eac3f2ea"


def test_rows_in_another_order_have_the_same_masks(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    order = np.random.default_rng(3).permutation(1000)
    straight = fb.mask_tokens(corpus[:1000], numbered, seed=1, epoch=2)
    shuffled = fb.mask_tokens(corpus[:1000][order], numbered, seed=1, epoch=2, sample_ids=order)
    for one, other in zip(straight, shuffled, strict=True):
        assert np.array_equal(one[order], other)


def test_ragged_and_padded_rows_have_the_same_masks(tokenizer: fb.BertTokenizer) -> None:
    texts = ["The cat sat on the mat.", "hello", "unaffable!", "Elon Musk founded Tesla in California"] * 20
    rows, row_labels = fb.mask_tokens(tokenizer(texts), tokenizer, seed=9, mlm_probability=0.4)
    for side in ("left", "right"):
        encoding = tokenizer(texts, padding="max_length", max_length=16, padding_side=side, return_tensors="np")
        for form in (encoding, encoding["input_ids"], torch.from_numpy(encoding["input_ids"])):
            masked, labels = fb.mask_tokens(form, tokenizer, seed=9, mlm_probability=0.4)
            assert type(masked) is (torch.Tensor if isinstance(form, torch.Tensor) else np.ndarray)
            for row, (padded, padded_labels) in enumerate(zip(masked, labels, strict=True)):
                place = slice(None, len(rows[row])) if side == "right" else slice(16 - len(rows[row]), None)
                assert padded[place].tolist() == rows[row].tolist()
                assert padded_labels[place].tolist() == row_labels[row].tolist()
                assert (padded_labels != -100).sum() == (row_labels[row] != -100).sum()


def test_many_threads_give_the_same_masks(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    """All 20,000 rows at once take the threads; 100 at a time do not."""
    whole, labels = fb.mask_tokens(corpus, numbered, seed=1, whole_word_mask=True)
    for start in range(0, 2000, 100):
        place = slice(start, start + 100)
        some = fb.mask_tokens(
            corpus[place], numbered, seed=1, whole_word_mask=True, sample_ids=range(start, start + 100)
        )
        assert np.array_equal(some[0], whole[place])
        assert np.array_equal(some[1], labels[place])


def test_seed_and_epoch_change_the_masks(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    base = fb.mask_tokens(corpus[:50], numbered, seed=1, epoch=1)[1]
    assert not np.array_equal(base, fb.mask_tokens(corpus[:50], numbered, seed=2, epoch=1)[1])
    assert not np.array_equal(base, fb.mask_tokens(corpus[:50], numbered, seed=1, epoch=2)[1])


# --- the twin ------------------------------------------------------------------------------------------

OPTIONS = st.fixed_dictionaries(
    {
        "mlm_probability": st.sampled_from([0.0, 0.1, 0.15, 0.5, 0.93, 1.0]),
        "whole_word_mask": st.booleans(),
        "exact": st.booleans(),
        "max_span_length": st.sampled_from([None, None, 1, 3, 10, 500]),
        "seed": st.integers(0, 2**64 - 1),
        "epoch": st.integers(0, 2**29 - 1),
    }
)
SHARES = st.sampled_from([(0.8, 0.1), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.5, 0.5), (1 / 3, 1 / 3)])
ROWS = st.lists(st.lists(st.integers(0, VOCAB_SIZE - 1), max_size=40), max_size=6)


@settings(max_examples=300, deadline=None)
@given(OPTIONS, SHARES, ROWS, st.integers(0, 2**63 - 10))
def test_the_twin_gives_the_same_draw_for_draw(
    numbered: fb.BertTokenizer, options: dict[str, Any], shares: tuple[float, float], rows: list[list[int]], first: int
) -> None:
    options |= {"mask_replace_prob": shares[0], "random_replace_prob": shares[1]}
    options["sample_ids"] = [first + row for row in range(len(rows))]
    fast, plain = (twin(rows, numbered, **options) for twin in (fb.mask_tokens, reference.mask_tokens))
    for one, other in zip(fast, plain, strict=True):
        assert one.row_splits.tolist() == other.row_splits.tolist()
        assert one.values.tolist() == other.values.tolist()


@pytest.mark.parametrize("scattered", [(), (300,), (300, 700, 1100)])
@pytest.mark.parametrize(
    "options", [{}, {"mlm_probability": 1.0}, {"mlm_probability": 0.6, "random_replace_prob": 0.2}]
)
def test_rows_of_any_length_and_special_tokens_anywhere_give_the_same_as_the_twin(
    numbered: fb.BertTokenizer, corpus: NDArray[np.int64], scattered: tuple[int, ...], options: dict[str, Any]
) -> None:
    """Blocks of 64 tokens and what is left of them; special ids that lie in one range, in two, and in more."""
    names = [numbered.convert_ids_to_tokens(id) for id in scattered]
    tokenizer = fb.BertTokenizer(numbered.get_vocab(), extra_special_tokens=names)
    assert set(scattered) <= set(tokenizer.all_special_ids)
    rows = [corpus[row, 1 : 1 + length].tolist() for row, length in enumerate((0, 1, 63, 64, 65, 100, 126))]
    rows[-1][3::7] = [(*scattered, 5)[0]] * len(rows[-1][3::7])
    special = [[int(place % 3 == 1) for place in range(len(row))] for row in rows]
    for batch in (rows, {"input_ids": rows, "special_tokens_mask": special}):
        fast, plain = (package.mask_tokens(batch, tokenizer, seed=8, **options) for package in (fb, reference))
        for one, other in zip(fast, plain, strict=True):
            assert one.values.tolist() == other.values.tolist()


def test_the_twin_collator_gives_the_same(numbered: fb.BertTokenizer, corpus: NDArray[np.int64]) -> None:
    rows = [{"input_ids": row[: 100 - number].tolist(), "sample_id": number} for number, row in enumerate(corpus[:9])]
    for options in ({}, {"whole_word_mask": True}, {"exact": True}, {"max_span_length": 4}):
        fast, plain = (
            package.DataCollatorForLanguageModeling(numbered, seed=5, return_tensors="np", **options)(rows)
            for package in (fb, reference)
        )
        for key in fast:
            assert np.array_equal(fast[key], plain[key]), key


def test_real_text_gives_the_same_as_the_twin(data: Path) -> None:
    tokenizer = fb.BertTokenizer.from_pretrained(data / "vocab" / "bert-base-uncased")
    with (data / "corpus" / "english.txt").open(encoding="utf-8") as file:
        encoding = tokenizer([line for line, _ in zip(file, range(150), strict=False)], truncation=True, max_length=128)
    for options in ({}, {"whole_word_mask": True}, {"exact": True, "whole_word_mask": True}, {"max_span_length": 10}):
        fast, plain = (
            package.mask_tokens(encoding, tokenizer, seed=12, epoch=1, **options) for package in (fb, reference)
        )
        assert np.array_equal(fast[0].values, plain[0].values)
        assert np.array_equal(fast[1].values, plain[1].values)
