"""Sentence pairs and packed sentences: what is in the rows, shares, equality with the twin."""

import os
import pickle
import subprocess
import sys
from collections import Counter
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_checkpoints import albert_folder, roberta_folder

import ferrobert as fb
from ferrobert import BertTokenizer, Ragged, reference
from ferrobert.pairs import TokenizedDocuments

CLS, SEP = 2, 3
FIRST = 10
"""The first id that is no special one."""


@pytest.fixture(scope="module")
def wide():
    """A tokenizer of 200,000 ids, so that every token of a corpus can be another one."""
    vocab = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
    return BertTokenizer(vocab | {f"t{id}": id for id in range(5, 200_000)})


def corpus(documents, sentences, tokens):
    """Documents of which every token is another one; ``sentences(d)`` and ``tokens(d, s)`` say how many."""
    made, next_id = [], FIRST
    for document in range(documents):
        made.append([])
        for sentence in range(sentences(document)):
            length = tokens(document, sentence)
            made[-1].append(list(range(next_id, next_id + length)))
            next_id += length
    return made


def random_corpus(documents=600, seed=0, longest=12, most=9):
    rng = np.random.default_rng(seed)
    return corpus(documents, lambda _: int(rng.integers(1, most)), lambda *_: int(rng.integers(1, longest)))


def rows_of(encodings):
    """(A, B, label, sample id) of each row, special tokens checked and taken off."""
    rows = []
    for encoding in encodings:
        columns = encoding.columns
        [label_name] = [key for key in encoding if key.endswith("_label")]
        for start, end, label, sample in zip(
            columns.row_splits[:-1].tolist(),
            columns.row_splits[1:].tolist(),
            encoding[label_name].tolist(),
            columns.sample_ids.tolist(),
            strict=True,
        ):
            ids, types = columns.ids[start:end].tolist(), columns.type_ids[start:end].tolist()
            sep = ids.index(SEP)
            assert (ids[0], ids[-1]) == (CLS, SEP)
            assert types == [0] * (sep + 1) + [1] * (len(ids) - sep - 1)
            rows.append((ids[1:sep], ids[sep + 1 : -1], label, sample))
    return rows


def document_of(documents):
    return {id: number for number, document in enumerate(documents) for sentence in document for id in sentence}


def equal(mine, other):
    mine, other = list(mine), list(other)
    assert len(mine) == len(other)
    for left, right in zip(mine, other, strict=True):
        assert list(left) == list(right)
        for name in ("ids", "type_ids", "sequence_ids", "row_splits", "sample_ids"):
            np.testing.assert_array_equal(left.columns[name], right.columns[name])
        for key in left:
            if key.endswith("_label"):
                np.testing.assert_array_equal(left[key], right[key])
                assert left[key].dtype == right[key].dtype == np.int64


# --- sentence pairs --------------------------------------------------------------------------------


def test_the_rows_are_what_a_tokenizer_returns(tokenizer):
    documents = [["the cat sat on the mat .", "it was lazy ."], ["hello world !", "tesla ."]]
    [encoding] = fb.sentence_pairs(documents, tokenizer, max_length=16, next_sentence_prob=0, short_seq_prob=0)
    expected = tokenizer([documents[0][0], documents[1][0]], [documents[0][1], documents[1][1]])
    assert list(encoding) == ["input_ids", "token_type_ids", "attention_mask", "next_sentence_label"]
    for key in expected:
        assert encoding[key] == expected[key]
    assert encoding["next_sentence_label"].tolist() == [0, 0]
    assert encoding.tokens(1) == expected.tokens(1)
    assert encoding.sequence_ids(1) == expected.sequence_ids(1)
    assert encoding.n_sequences == 2
    assert encoding.to_arrow().column_names == list(encoding)
    assert tokenizer.pad(encoding, return_tensors="np")["input_ids"].shape == (2, 14)


def test_rows_can_be_pickled(tokenizer):
    encodings = list(fb.sentence_pairs([["the cat"], ["hello"]], tokenizer, max_length=16))
    equal(pickle.loads(pickle.dumps(encodings)), encodings)


@pytest.mark.parametrize("whole_word_mask", [False, True])
def test_pairs_and_packed_rows_can_be_masked(tokenizer, whole_word_mask):
    documents = [["the cats sat .", "unaffable cats"], ["hello world", "musk founded tesla"]]
    for call in (fb.sentence_pairs, fb.pack_sentences):
        [encoding] = call(documents, tokenizer, max_length=16)
        columns = encoding.columns
        masked, labels = fb.mask_tokens(
            encoding, tokenizer, whole_word_mask=whole_word_mask, mlm_probability=1.0, sample_ids=columns.sample_ids
        )
        np.testing.assert_array_equal(labels.row_splits, columns.row_splits)
        special = np.isin(columns.ids, [CLS, SEP])
        assert (labels.values[special] == -100).all()
        assert (labels.values[~special] == columns.ids[~special]).all()
        assert not np.isin(masked.values[~special], [CLS, SEP]).any()


def test_rows_can_be_collated_with_their_labels(tokenizer):
    [encoding] = fb.sentence_pairs([["the cat", "sat"], ["hello"]], tokenizer, max_length=16)
    collator = fb.DataCollatorForLanguageModeling(tokenizer, return_tensors="np", seed=1)
    rows = [{key: encoding[key][row] for key in encoding} for row in range(len(encoding["input_ids"]))]
    batch = collator(rows)
    assert batch["next_sentence_label"].tolist() == encoding["next_sentence_label"].tolist()
    assert batch["labels"].shape == batch["input_ids"].shape == batch["token_type_ids"].shape


def test_offsets_of_rows_that_were_made_of_tokens_are_an_error(tokenizer):
    [encoding] = fb.sentence_pairs([["the cat"], ["hello"]], tokenizer, max_length=16)
    with pytest.raises(fb.errors.ConfigError, match="word_ids are not there"):
        encoding.word_ids(0)


def test_a_random_b_has_label_1_and_is_of_another_document(wide):
    documents = random_corpus()
    home = document_of(documents)
    for a, b, label, sample in rows_of(fb.sentence_pairs(documents, wide, max_length=24)):
        of_a, of_b = {home[id] for id in a}, {home[id] for id in b}
        assert of_a == {sample >> 24}
        assert len(of_b) == 1
        assert (of_a != of_b) == label


def test_b_follows_a_in_the_document_where_the_label_is_0(wide):
    documents = random_corpus()
    rows = rows_of(fb.sentence_pairs(documents, wide, max_length=200, short_seq_prob=0.5))
    next_ones = [(a, b) for a, b, label, _ in rows if label == 0]
    assert len(next_ones) > 100
    assert all(a[-1] + 1 == b[0] for a, b in next_ones)  # nothing was cut: rows are long


def test_no_token_is_lost_but_by_truncation(wide):
    documents = random_corpus()
    rows = rows_of(fb.sentence_pairs(documents, wide, max_length=200, short_seq_prob=1.0))
    own = Counter(chain.from_iterable(a + b * (label == 0) for a, b, label, _ in rows))
    assert own == Counter(chain.from_iterable(chain.from_iterable(documents)))


def test_what_is_cut_off_is_what_a_row_cannot_hold(wide):
    documents = random_corpus(longest=40)
    whole = rows_of(reference.sentence_pairs(documents, wide, max_length=16, next_sentence_prob=0))
    assert all(len(a) + len(b) <= 13 and a and b for a, b, *_ in whole)
    # Segments lose tokens at their ends alone.
    assert all(end - start == 1 for a, b, *_ in whole for part in (a, b) for start, end in pairwise(part))
    full = [len(a) + len(b) for a, b, *_ in whole if len(a) + len(b) == 13]
    assert len(full) > len(whole) / 2


def test_both_ends_are_cut_equally_often(wide):
    documents = corpus(3000, lambda _: 2, lambda *_: 20)
    rows = rows_of(fb.sentence_pairs(documents, wide, max_length=23, next_sentence_prob=0, short_seq_prob=0))
    starts = {sentence[0] for document in documents for sentence in document}
    cut = Counter()
    for part in chain.from_iterable((a, b) for a, b, *_ in rows):
        [start] = [id for id in range(part[0], part[0] - 20, -1) if id in starts]
        cut["front"] += part[0] - start
        cut["all"] += 20 - len(part)
    assert cut["all"] == 6000 * 20  # a sentence fills a row, so each has a random one beside it
    assert abs(cut["front"] / cut["all"] - 0.5) < 0.008  # 5 standard errors of 120,000 coins


def test_a_document_is_short_with_the_probability_that_is_asked_for(wide):
    documents = corpus(4000, lambda _: 40, lambda *_: 1)
    for probability in (0.0, 0.1, 1.0):
        encodings = fb.sentence_pairs(
            documents, wide, max_length=43, short_seq_prob=probability, next_sentence_prob=0, block_documents=10**6
        )
        rows = rows_of(encodings)
        # The first chunk of a document tells its target: sentences have one token.
        firsts = [len(a) + len(b) for a, b, _, sample in rows if sample % 2**24 == 0]
        assert len(firsts) == 4000
        # Of the targets 2 to 40 one is no shorter.
        share = sum(length < 40 for length in firsts) / 4000
        expected = probability * 38 / 39
        assert abs(share - expected) <= 5 * (expected * (1 - expected) / 4000) ** 0.5
        if probability == 1.0:
            assert abs(np.mean(firsts) - 21) < 5 * np.std(range(2, 41)) / 4000**0.5
            assert set(firsts) == set(range(2, 41))


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.5, 1.0])
def test_next_sentence_prob_is_the_share_of_random_next_among_chunks_of_several_sentences(wide, probability):
    documents = corpus(4000, lambda _: 2, lambda *_: 3)
    rows = rows_of(fb.sentence_pairs(documents, wide, max_length=64, short_seq_prob=0, next_sentence_prob=probability))
    labels = [label for *_, label, sample in rows if sample % 2**24 == 0]
    assert abs(np.mean(labels) - probability) <= 5 * (probability * (1 - probability) / 4000) ** 0.5
    # The sentence that was put back is alone: always a random next.
    assert all(label == 1 for *_, label, sample in rows if sample % 2**24)


def test_a_chunk_of_one_sentence_always_has_a_random_next(wide):
    documents = corpus(100, lambda _: 1, lambda *_: 5)
    assert {label for *_, label, _ in rows_of(fb.sentence_pairs(documents, wide, next_sentence_prob=0))} == {1}


def test_a_random_b_starts_at_any_sentence_of_any_other_document_alike(wide):
    documents = corpus(60, lambda _: 10, lambda *_: 1)
    home = document_of(documents)
    starts, targets = Counter(), Counter()
    for epoch in range(60):
        for _, b, label, _ in rows_of(
            fb.sentence_pairs(documents, wide, max_length=7, short_seq_prob=0, next_sentence_prob=1, epoch=epoch)
        ):
            assert label == 1
            targets[home[b[0]]] += 1
            starts[(b[0] - FIRST) % 10] += 1
    for counts, places in ((starts, 10), (targets, 60)):
        total = sum(counts.values())
        expected = total / places
        chi_square = sum((counts[place] - expected) ** 2 / expected for place in range(places))
        assert chi_square < (places - 1) + 6 * (2 * (places - 1)) ** 0.5


def test_empty_sentences_and_documents_are_skipped_and_counted(wide):
    documents = [[], [[], [10, 11], [], [12]], [[]], [[13, 14], []]]
    filled = [[[10, 11], [12]], [[13, 14]]]
    mine = rows_of(fb.sentence_pairs(documents, wide, max_length=16, next_sentence_prob=0, short_seq_prob=0))
    assert [(a, b, label) for a, b, label, _ in mine if label == 0] == [([10, 11], [12], 0)]
    assert [sample >> 24 for *_, sample in mine] == [1, 3]
    assert len(rows_of(fb.sentence_pairs(filled, wide, max_length=16, next_sentence_prob=0))) == len(mine)


def test_a_last_block_of_one_document_borrows_from_the_block_before_it(wide):
    documents = corpus(5, lambda _: 3, lambda *_: 4)
    home = document_of(documents)
    rows = rows_of(fb.sentence_pairs(documents, wide, max_length=32, next_sentence_prob=1, block_documents=2))
    last = [home[b[0]] for _, b, _, sample in rows if sample >> 24 == 4]
    assert last
    assert set(last) <= {2, 3}


def test_blocks_that_are_too_small_are_joined(wide):
    documents = corpus(7, lambda _: 3, lambda *_: 4)
    rows = rows_of(fb.sentence_pairs(documents, wide, max_length=32, block_tokens=1))
    home = document_of(documents)
    assert all((home[a[0]] != home[b[0]]) == label for a, b, label, _ in rows)
    assert {sample >> 24 for *_, sample in rows} == set(range(7))


def test_sample_ids_do_not_repeat(wide):
    rows = rows_of(fb.sentence_pairs(random_corpus(), wide, max_length=24, block_documents=7))
    samples = [sample for *_, sample in rows]
    assert samples == sorted(set(samples))


def test_documents_are_read_a_block_at_a_time(wide):
    taken = []

    def endless():
        while True:
            taken.append(None)
            yield [[10, 11, 12], [13, 14]]

    encodings = fb.sentence_pairs(endless(), wide, max_length=16, block_documents=8)
    assert not taken
    next(encodings)
    assert len(taken) == 8
    next(encodings)
    assert len(taken) == 16


def test_epochs_and_seeds_give_other_pairs(wide):
    documents = random_corpus(50)
    made = [
        rows_of(fb.sentence_pairs(documents, wide, max_length=24, seed=seed, epoch=epoch))
        for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    ]
    assert made[0] == made[1]
    assert made[0] != made[2] != made[3] != made[0]


def test_lists_arrays_ragged_and_text_give_the_same_pairs(tokenizer):
    texts = [["the cat sat .", "it was lazy ."], ["hello world", "", "mat ! unaffable"], ["tesla"]]
    ids = [tokenizer(sentences, add_special_tokens=False)["input_ids"] for sentences in texts]
    forms = {
        "text": texts,
        "lists": ids,
        "tuples": tuple(tuple(map(tuple, document)) for document in ids),
        "arrays": [[np.array(sentence, np.int64) for sentence in document] for document in ids],
        "int32": [[np.array(sentence, np.int32) for sentence in document] for document in ids],
        "ragged": [tokenizer(sentences, add_special_tokens=False).columns for sentences in texts],
        "arrays of text": [np.array(sentences, object) for sentences in texts],
        "generators": (iter(sentences) for sentences in texts),
    }
    forms["ragged"] = [Ragged(columns.ids, columns.row_splits) for columns in forms["ragged"]]
    columns = tokenizer([sentence for document in texts for sentence in document], add_special_tokens=False).columns
    forms["flat"] = TokenizedDocuments(columns.ids, columns.row_splits, [0, 2, 5, 6])
    expected = list(fb.sentence_pairs(texts, tokenizer, max_length=16, seed=3))
    for form in forms.values():
        equal(fb.sentence_pairs(form, tokenizer, max_length=16, seed=3), expected)


@pytest.mark.parametrize("block", [{}, {"block_documents": 3}, {"block_tokens": 50}, {"block_tokens": 1}])
def test_flat_documents_are_cut_into_the_blocks_of_any_others(wide, block):
    documents = [*random_corpus(100), [], [[]], *random_corpus(20, seed=1)]
    sentences = [sentence for document in documents for sentence in document]
    flat = TokenizedDocuments(
        list(chain.from_iterable(sentences)),
        np.cumsum([0, *map(len, sentences)]),
        np.cumsum([0, *map(len, documents)]),
    )
    assert [[sentence.tolist() for sentence in document] for document in flat] == documents
    for call in (fb.sentence_pairs, fb.pack_sentences):
        equal(call(flat, wide, max_length=24, **block), call(documents, wide, max_length=24, **block))


def test_threads_do_not_change_the_pairs():
    script = """
import hashlib, numpy as np, ferrobert as fb
rng = np.random.default_rng(0)
vocab = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4} | {f"t{id}": id for id in range(5, 1000)}
documents = [[rng.integers(5, 1000, rng.integers(1, 40)) for _ in range(rng.integers(1, 30))] for _ in range(2000)]
digest = hashlib.sha256()
for objective in ("next-sentence", "sentence-order"):
    for encoding in fb.sentence_pairs(documents, fb.BertTokenizer(vocab), max_length=128, objective=objective):
        columns = encoding.columns
        for array in (columns.ids, columns.type_ids, columns.row_splits, columns.sample_ids):
            digest.update(array.tobytes())
print(digest.hexdigest())
"""
    made = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "5")
    }
    assert len(made) == 1


# --- sentence order ----------------------------------------------------------------------------------


def test_both_segments_of_a_sentence_order_pair_are_of_one_document(wide):
    documents = random_corpus()
    home = document_of(documents)
    rows = rows_of(fb.sentence_pairs(documents, wide, max_length=200, objective="sentence-order"))
    for a, b, label, sample in rows:
        assert {home[id] for id in a + b} == {sample >> 24}
        assert (a[0] > b[0]) == label
        assert (b[-1] + 1 == a[0]) if label else (a[-1] + 1 == b[0])
    tokens = Counter(chain.from_iterable(a + b for a, b, *_ in rows))
    lost = Counter(chain.from_iterable(chain.from_iterable(documents))) - tokens
    # A document's last sentence of one token cannot be cut in two.
    assert set(lost.values()) <= {1}
    assert set(lost) <= {document[-1][0] for document in documents if len(document[-1]) == 1}


def test_next_sentence_prob_is_the_share_of_swapped_pairs(wide):
    documents = corpus(4000, lambda document: 1 + document % 3, lambda *_: 3)
    encodings = list(fb.sentence_pairs(documents, wide, objective="sentence-order"))
    labels = np.concatenate([encoding["sentence_order_label"] for encoding in encodings])
    assert abs(labels.mean() - 0.5) < 5 * 0.5 / len(labels) ** 0.5


def test_one_document_has_sentence_order_pairs(wide):
    [encoding] = fb.sentence_pairs([[[10, 11], [12]]], wide, objective="sentence-order", next_sentence_prob=1.0)
    assert encoding["input_ids"] == [[2, 12, 3, 10, 11, 3]]


# --- packing -----------------------------------------------------------------------------------------


def packed_rows(encodings):
    rows = [row for encoding in encodings for row in encoding["input_ids"]]
    assert all((row[0], row[-1]) == (CLS, SEP) for row in rows)
    return [row[1:-1] for row in rows]


@pytest.mark.parametrize("cross_documents", [True, False])
def test_packing_loses_nothing_and_keeps_the_order(wide, cross_documents):
    documents = random_corpus(longest=40)
    encodings = list(fb.pack_sentences(documents, wide, max_length=22, cross_documents=cross_documents))
    rows = packed_rows(encodings)
    assert all(0 < len(row) <= 20 for row in rows)
    assert [id for row in rows for id in row if id != SEP] == list(chain.from_iterable(chain(*documents)))
    samples = np.concatenate([encoding.columns.sample_ids for encoding in encodings])
    assert samples.tolist() == list(range(len(rows)))


def test_a_packed_row_holds_whole_sentences_as_long_as_they_fit(wide):
    documents = random_corpus()
    ends = {sentence[-1] for document in documents for sentence in document}
    following = {document[i][-1]: document[i + 1] for document in documents for i in range(len(document) - 1)}
    for row in packed_rows(fb.pack_sentences(documents, wide, max_length=22, cross_documents=False)):
        assert row[-1] in ends
        assert row[-1] not in following or len(row) + len(following[row[-1]]) > 20


def test_a_separator_stands_between_documents_alone(wide):
    documents = random_corpus()
    last = {document[-1][-1] for document in documents}
    rows = packed_rows(fb.pack_sentences(documents, wide, max_length=64))
    separators = [(row[place - 1], row[place + 1]) for row in rows for place, id in enumerate(row) if id == SEP]
    assert len(separators) > 100
    assert all(before in last and after == before + 1 for before, after in separators)
    assert all(SEP in (a, b) or a not in last for row in rows for a, b in pairwise(row))


def test_packed_rows_do_not_depend_on_the_blocks(wide):
    documents = random_corpus(100, longest=30)
    rows = packed_rows(fb.pack_sentences(documents, wide, max_length=22))
    for block in (1, 2, 7):
        encodings = list(fb.pack_sentences(documents, wide, max_length=22, block_documents=block))
        assert packed_rows(encodings) == rows
        samples = np.concatenate([encoding.columns.sample_ids for encoding in encodings])
        assert samples.tolist() == list(range(len(rows)))


def test_one_document_can_be_packed(wide):
    [encoding] = fb.pack_sentences([[[10, 11], [12]]], wide)
    assert encoding["input_ids"] == [[2, 10, 11, 12, 3]]
    assert encoding["token_type_ids"] == [[0, 0, 0, 0, 0]]


# --- other families -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [roberta_folder, albert_folder], ids=["roberta", "albert"])
def test_special_tokens_are_the_tokenizers_own(make, tmp_path):
    tokenizer = fb.AutoTokenizer.from_pretrained(make(tmp_path))
    documents = [["hello world", "the cat"], ["the world", "cat"]]
    [pairs] = fb.sentence_pairs(documents, tokenizer, max_length=64, next_sentence_prob=0, short_seq_prob=0)
    expected = tokenizer([document[0] for document in documents], [document[1] for document in documents])
    assert list(pairs) == [*expected, "next_sentence_label"]
    for key in expected:
        assert pairs[key] == expected[key]
    assert len(pairs.tokens(0)) == len(pairs["input_ids"][0])
    [packed] = fb.pack_sentences(documents, tokenizer, max_length=64)
    single = [
        [id for text in document for id in tokenizer(text, add_special_tokens=False)["input_ids"]]
        for document in documents
    ]
    start, *_, end = tokenizer("the")["input_ids"]
    assert packed["input_ids"] == [[start, *single[0], tokenizer.sep_token_id, *single[1], end]]


# --- the twin ------------------------------------------------------------------------------------------

DOCUMENTS = st.lists(st.lists(st.lists(st.integers(5, 30), max_size=12), max_size=7), max_size=9)


@settings(max_examples=300, deadline=None)
@given(
    documents=DOCUMENTS,
    max_length=st.integers(5, 40),
    short=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    label_1=st.sampled_from([0.0, 0.5, 1.0]),
    objective=st.sampled_from(["next-sentence", "sentence-order"]),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 100),
    block=st.integers(1, 5),
)
def test_pairs_are_the_twins(documents, max_length, short, label_1, objective, seed, epoch, block):
    vocab = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4} | {f"t{id}": id for id in range(5, 31)}
    tokenizer = BertTokenizer(vocab)
    options = {
        "max_length": max_length,
        "short_seq_prob": short,
        "next_sentence_prob": label_1,
        "objective": objective,
        "seed": seed,
        "epoch": epoch,
        "block_documents": block,
    }
    results = []
    for module in (fb, reference):
        try:
            results.append(list(module.sentence_pairs(documents, tokenizer, **options)))
        except fb.errors.DataError as error:
            results.append(str(error))
    if isinstance(results[0], str):
        assert results[0] == results[1]
    else:
        equal(*results)


@settings(max_examples=200, deadline=None)
@given(documents=DOCUMENTS, max_length=st.integers(3, 40), cross_documents=st.booleans(), block=st.integers(1, 5))
def test_packed_rows_are_the_twins(documents, max_length, cross_documents, block):
    vocab = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4} | {f"t{id}": id for id in range(5, 31)}
    if not any(chain.from_iterable(documents)):
        documents = [[[5]]]
    options = {"max_length": max_length, "cross_documents": cross_documents, "block_documents": block}
    tokenizer = BertTokenizer(vocab)
    equal(fb.pack_sentences(documents, tokenizer, **options), reference.pack_sentences(documents, tokenizer, **options))


def test_real_text_gives_the_twins_pairs_and_the_known_share_of_random_next(data):
    tokenizer = BertTokenizer.from_pretrained(data / "vocab" / "bert-base-uncased")
    with (data / "corpus" / "english.txt").open(encoding="utf-8") as file:
        lines = [line for _, line in zip(range(3000), file, strict=False)]
    # A document is ten paragraphs; sentences end with a full stop.
    documents = [[s for line in lines[i : i + 10] for s in line.split(". ")] for i in range(0, len(lines), 10)]
    for options in ({}, {"max_length": 128}, {"max_length": 128, "objective": "sentence-order"}):
        mine = list(fb.sentence_pairs(documents, tokenizer, seed=1, block_documents=100, **options))
        equal(mine, reference.sentence_pairs(documents, tokenizer, seed=1, block_documents=100, **options))
        [name] = [key for key in mine[0] if key.endswith("_label")]
        share = np.concatenate([encoding[name] for encoding in mine]).mean()
        assert 0.5 < share < 0.65 if name == "next_sentence_label" else 0.45 < share < 0.55
    packed = list(fb.pack_sentences(documents, tokenizer))
    equal(packed, reference.pack_sentences(documents, tokenizer))
