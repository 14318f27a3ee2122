"""The corpus as text, its vocabulary, and the encoded rows."""

import pickle

import numpy as np
import pytest

from ferrobert import BertTokenizer
from ferrobert.errors import ConfigError, DataError
from ferrobert.training.pretraining.corpus import find_files, inspect, is_held_out, read_documents, split_sentences
from ferrobert.training.pretraining.shards import HELD_OUT, TRAIN, ShardFolder
from ferrobert.training.pretraining.vocabulary import train_vocabulary

pytest.importorskip("pyarrow")


def written(folder, text, name="corpus.txt"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def documents_of(path, **options):
    return [document.sentences for document in read_documents([inspect(path, **options)])]


# Text


def test_blank_lines_stand_between_documents(tmp_path):
    path = written(tmp_path, "one.\ntwo.\n\n \t\nthree.\n\n")
    assert documents_of(path) == [["one.", "two."], ["three."]]


def test_without_blank_lines_each_line_is_a_document(tmp_path):
    path = written(tmp_path, "One. Two!\r\nThree? Four\n")
    assert documents_of(path) == [["One.", "Two!"], ["Three?", "Four"]]


def test_a_blank_line_at_the_end_separates_nothing(tmp_path):
    assert inspect(written(tmp_path, "\n\none\ntwo\n\n")).layout == "line"


def test_a_blank_line_far_into_the_file_is_found(tmp_path, monkeypatch):
    from ferrobert.training.pretraining import corpus

    monkeypatch.setattr(corpus, "CHUNK_BYTES", 4)
    assert inspect(written(tmp_path, "one two\nthree\n   \nfour")).layout == "blank-line"
    assert inspect(written(tmp_path, "one two\nthree\nfour   \n")).layout == "line"


def test_the_format_may_be_given(tmp_path):
    path = written(tmp_path, "one\ntwo\n")
    assert documents_of(path, document_format="blank-line") == [["one", "two"]]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("One", ["One"]),
        ("One.Two. Three", ["One.Two.", "Three"]),
        ("He said “Go.” Now (really?) go...  Yes", ["He said “Go.”", "Now (really?)", "go...", "Yes"]),
        ("今天。明天！「走？」后天", ["今天。", "明天！", "「走？」", "后天"]),
        ("3.14 is pi. 2.72 is e.", ["3.14 is pi.", "2.72 is e."]),
    ],
)
def test_sentences_end_by_a_simple_rule(text, sentences):
    assert split_sentences(text) == sentences


def test_reading_goes_on_from_any_document(tmp_path):
    files = [
        inspect(written(tmp_path, "a\nb\n\nc\n\n\nd\n", "1.txt")),
        inspect(written(tmp_path, "e. f.\ng\n", "2.txt")),
    ]
    everything = list(read_documents(files))
    assert [document.start.document for document in everything] == [0, 1, 2, 3, 4]
    for index, document in enumerate(everything):
        assert list(read_documents(files, document.next)) == everything[index + 1 :]


def test_a_byte_order_mark_is_no_text(tmp_path):
    assert documents_of(written(tmp_path, "\ufeffone\n")) == [["one"]]


def test_bytes_that_are_not_utf_8_are_named_with_file_and_line(tmp_path):
    path = written(tmp_path, b"one\ntwo \xff\n")
    with pytest.raises(DataError, match=r"corpus\.txt, line 2 is not UTF-8: byte 0xff at position 4"):
        documents_of(path)


def test_a_file_without_text_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"corpus\.txt holds no text"):
        inspect(written(tmp_path, " \n\n\t"))


def test_patterns_and_folders_are_searched_and_files_count_once(tmp_path):
    paths = [written(tmp_path, "x", name) for name in ("b.txt", "a.txt")]
    written(tmp_path, "x", "c.md")
    assert find_files([tmp_path, paths[0], str(tmp_path / "*.txt")]) == sorted(paths)


def test_a_pattern_without_files_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        find_files(str(tmp_path / "*.txt"))


def test_a_folder_without_text_files_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"holds no \.txt file"):
        find_files(tmp_path)


def test_a_corpus_that_is_no_path_is_an_error():
    with pytest.raises(ConfigError, match="corpus must be paths of text files, got int"):
        find_files(5)


def test_a_corpus_of_nothing_is_an_error():
    with pytest.raises(ConfigError, match="corpus is empty"):
        find_files([])


def test_the_share_held_out_is_the_one_asked_for_and_a_larger_share_holds_the_smaller():
    few = {number for number in range(20000) if is_held_out(number, 0.05, 1)}
    more = {number for number in range(20000) if is_held_out(number, 0.1, 1)}
    assert few < more
    assert 0.045 < len(few) / 20000 < 0.055


# The vocabulary


def test_equal_corpora_give_equal_vocabularies(tmp_path):
    files = [inspect(written(tmp_path, "unaffable affable table able cable stable\n" * 5 + "fable tables\n" * 3))]
    first = train_vocabulary(files, vocab_size=40)
    assert list(first)[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert all(train_vocabulary(files, vocab_size=40) == first for _ in range(5))
    assert len(first) <= 40
    tokenizer = BertTokenizer(first)
    assert tokenizer.unk_token not in tokenizer.tokenize("unstable fables")


# Encoded rows

TEXT = "".join(f"the cat sat on mat {number % 10} .\nhello world {number % 7} !\n\n" for number in range(60))


class Encoding(dict):
    """What an encoder gives: a row for each document, its type ids and labels made of the seed."""

    def __init__(self, documents, seed, shard):
        lengths = [2 + len(document[0]) % 3 for document in documents]
        self.columns = type("Columns", (), {})()
        self.columns.row_splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.columns.ids = (np.arange(sum(lengths)) + seed + shard).astype(np.int32) % 50
        self.columns.type_ids = np.concatenate([[0] * (n - 1) + [1] for n in lengths]).astype(np.int32)
        super().__init__(next_sentence_label=np.array([(seed + n) % 2 for n in lengths]))


def encode(documents, seed, shard):
    return iter([Encoding(list(documents), seed, shard)])


@pytest.fixture
def small_shards(monkeypatch):
    from ferrobert.training.pretraining import shards

    monkeypatch.setattr(shards, "SHARD_CHARACTERS", 300)
    monkeypatch.setattr(shards, "LEAST_DOCUMENTS", 4)


def folder_of(tmp_path, name="data", held_out=0.2, **options):
    files = [inspect(written(tmp_path, TEXT))]
    return ShardFolder(tmp_path / name, files, {"max_length": 8, **options}, held_out)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.folder.iterdir()}


def test_an_interrupted_encoding_goes_on_after_its_last_shard(tmp_path, small_shards):
    whole = folder_of(tmp_path, "whole")
    whole.encode(encode, 1)
    assert len(whole.shards(TRAIN)) > 3
    calls = []

    def breaks(documents, seed, shard):
        calls.append(shard)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return encode(documents, seed, shard)

    with pytest.raises(KeyboardInterrupt):
        folder_of(tmp_path).encode(breaks, 1)
    again = folder_of(tmp_path)
    assert not again.complete
    times = {path: path.stat().st_mtime_ns for path in again.folder.glob("*.arrow")}
    again.encode(encode, 1)
    assert folder_of(tmp_path).complete
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert contents(again) == contents(whole)


def test_every_document_is_in_one_split(tmp_path, small_shards):
    folder = folder_of(tmp_path)
    folder.encode(encode, 1)
    counts = {split: sum(shard.documents for shard in folder.shards(split)) for split in (TRAIN, HELD_OUT)}
    assert sum(counts.values()) == 60
    assert 3 <= counts[HELD_OUT] <= 24


def test_other_options_are_refused(tmp_path, small_shards):
    folder_of(tmp_path).encode(encode, 1)
    with pytest.raises(ConfigError, match="was encoded with another max_length"):
        folder_of(tmp_path, max_length=9).check()


def test_a_shard_of_another_size_is_an_error(tmp_path, small_shards):
    folder = folder_of(tmp_path)
    folder.encode(encode, 1)
    path = folder.folder / folder.shards(TRAIN)[0].file
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match="to encode the corpus again"):
        folder.open(TRAIN)


def rows_in(tmp_path):
    pytest.importorskip("torch")
    from ferrobert.training.pretraining.rows import EncodedRows

    folder = folder_of(tmp_path)
    folder.encode(encode, 1)
    return EncodedRows(folder, TRAIN)


def test_items_are_views_with_what_the_collator_takes(tmp_path, small_shards):
    rows = rows_in(tmp_path)
    item = rows[len(rows) - 1]
    assert list(item) == ["input_ids", "token_type_ids", "next_sentence_label", "sample_id", "epoch"]
    assert item["input_ids"].base is not None
    assert item["token_type_ids"].tolist() == [0] * (len(item["input_ids"]) - 1) + [1]
    assert item["sample_id"] == len(rows) - 1
    rows.set_epoch(3)
    assert rows[0]["epoch"] == 3


def test_a_row_that_is_not_there_is_an_index_error(tmp_path, small_shards):
    rows = rows_in(tmp_path)
    with pytest.raises(IndexError, match="rows are 0 to"):
        rows[len(rows)]


def test_a_pickled_data_set_opens_the_files_itself(tmp_path, small_shards):
    rows = rows_in(tmp_path)
    rows.set_epoch(2)
    copy = pickle.loads(pickle.dumps(rows))
    assert len(pickle.dumps(rows)) < 10_000
    assert copy[5]["epoch"] == 2
    assert np.array_equal(copy[5]["input_ids"], rows[5]["input_ids"])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_persistent_workers_see_the_next_epoch(tmp_path, small_shards, context):
    from torch.utils.data import DataLoader

    rows = rows_in(tmp_path)
    loader = DataLoader(
        rows, batch_size=8, num_workers=2, persistent_workers=True, collate_fn=list, multiprocessing_context=context
    )
    for epoch in (0, 1, 5):
        rows.set_epoch(epoch)
        items = [item for batch in loader for item in batch]
        assert {item["epoch"] for item in items} == {epoch}
        assert [item["sample_id"] for item in items] == list(range(len(rows)))


def test_an_order_is_of_whole_batches_and_its_own_for_each_epoch(tmp_path, small_shards):
    rows = rows_in(tmp_path)
    from ferrobert.training.pretraining.rows import EpochOrder

    order = EpochOrder(rows, 16, seed=1)
    assert len(order) == len(rows) // 16 * 16
    first = list(order)
    assert len(set(first)) == len(order)
    assert list(order) == first
    order.set_epoch(1)
    assert rows.epoch == 1
    assert list(order) != first


def test_the_unigram_loss_counts_ordinary_tokens(tmp_path, small_shards):
    rows = rows_in(tmp_path)
    counts = rows.token_counts(50)
    assert counts.sum() == rows.tokens()
    with pytest.raises(ConfigError, match="the model's vocabulary has 20 tokens"):
        rows.token_counts(20)
