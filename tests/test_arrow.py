"""Columns of texts that never become Python strings, and encodings as Arrow tables."""

import ctypes
import gc
import pickle
import random
import re
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from ferrobert import Ragged, reference
from ferrobert._core import TextColumn
from ferrobert.errors import ConfigError, DataError, TextTypeError

pa = pytest.importorskip("pyarrow")

pytestmark = pytest.mark.filterwarnings("ignore:a row has .* tokens")

TEXT_TYPES = [pa.string(), pa.large_string(), pa.string_view()]
DICTIONARY_TYPES = [pa.dictionary(keys, pa.string()) for keys in (pa.int8(), pa.uint16(), pa.int32(), pa.int64())]
SAMPLES = [
    "The cat sat.",
    "",
    "the",
    "中国 cat",
    "afternoon in California, Ä ö!",
    "🎉 a b",
    "exactly12byt",
    "exactly13byte",
]


def random_texts(count: int, seed: int = 0) -> list[str]:
    """Texts of all scripts: the lengths around those that a view holds inline."""
    draw = random.Random(seed)
    planes = [(32, 126)] * 4 + [(0x20, 0x2FF), (0x4E00, 0x9FFF), (0xE000, 0xFFFF), (0x1F300, 0x1FAFF)]
    return ["".join(chr(draw.randint(*draw.choice(planes))) for _ in range(draw.randint(0, 30))) for _ in range(count)]


def pieces_of(array):
    """The same column whole, cut, in chunks, and with empty chunks."""
    yield array
    yield array[3:-2]
    yield array[len(array) :]
    yield pa.chunked_array([array[:5], array[5:5], array[2:9]], array.type)
    yield pa.chunked_array([], array.type)


def of_buffers(data_type, length, buffers, **more):
    """An array that pyarrow has not checked."""
    return pa.Array.from_buffers(data_type, length, [None if b is None else pa.py_buffer(b) for b in buffers], **more)


class ArrowArray(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
        ("buffers", ctypes.POINTER(ctypes.c_void_p)),
        ("children", ctypes.POINTER(ctypes.c_void_p)),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    )


class Crafted:
    """An array whose C structure has been changed: what pyarrow itself would not make."""

    def __init__(self, array, change):
        self.array, self.change = array, change

    def __arrow_c_array__(self, requested_schema=None):
        schema, array = self.array.__arrow_c_array__()
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        self.change(ArrowArray.from_address(pointer(array, b"arrow_array")))
        return schema, array


def with_buffer(array, index, data):
    """The array with other bytes (or none) as its buffer."""
    kept = None if data is None else ctypes.create_string_buffer(data, len(data))

    def change(array):
        array.buffers[index] = ctypes.cast(kept, ctypes.c_void_p).value

    crafted = Crafted(array, change)
    crafted.kept = kept
    return crafted


def offsets(*numbers, dtype=np.int32):
    return np.array(numbers, dtype).tobytes()


# --- the same as lists --------------------------------------------------------------------------------


@pytest.mark.parametrize("data_type", TEXT_TYPES, ids=str)
def test_a_column_of_texts_equals_the_list(tokenizer, data_type):
    for column in pieces_of(pa.array(random_texts(60) + SAMPLES, data_type)):
        assert_equal(tokenizer, column, column.to_pylist())


@pytest.mark.parametrize("data_type", DICTIONARY_TYPES, ids=str)
def test_a_dictionary_of_texts_equals_the_list(tokenizer, data_type):
    for column in pieces_of(pa.array(SAMPLES * 3).cast(data_type)):
        assert_equal(tokenizer, column, column.to_pylist())


@pytest.mark.parametrize("make", [pa.list_, pa.large_list, lambda words: pa.list_(words, 2)], ids=["32", "64", "fixed"])
@pytest.mark.parametrize("words_type", [*TEXT_TYPES, DICTIONARY_TYPES[0]], ids=str)
def test_a_column_of_words_equals_the_lists(tokenizer, make, words_type):
    rows = [SAMPLES[:2], SAMPLES[2:4], SAMPLES[4:6], SAMPLES[6:8]] * 3
    if make(pa.string()) != pa.list_(pa.string(), 2):
        rows[4:6] = [[], ["the"]]
    if pa.types.is_dictionary(words_type):
        flat = pa.array([word for row in rows for word in row]).cast(words_type)
        splits = np.cumsum([0, *map(len, rows)])
        arrays = {pa.list_: pa.ListArray, pa.large_list: pa.LargeListArray}
        if make not in arrays:
            array = pa.FixedSizeListArray.from_arrays(flat, 2)
        else:
            dtype = np.int32 if make is pa.list_ else np.int64
            array = arrays[make].from_arrays(pa.array(splits.astype(dtype)), flat)
    else:
        array = pa.array(rows, make(words_type))
    for column in pieces_of(array):
        if len(column):
            assert_equal(tokenizer, column, column.to_pylist(), is_split_into_words=True)


def assert_equal(tokenizer, column, rows, **options):
    options |= {"return_offsets_mapping": True, "return_overflowing_tokens": True, "truncation": True, "stride": 2}
    encoding, expected = tokenizer(column, **options), tokenizer(rows, **options)
    assert isinstance(encoding.texts, TextColumn)
    for name in ("ids", "type_ids", "sequence_ids", "offsets", "word_ids", "row_splits", "sample_ids"):
        assert np.array_equal(encoding.columns[name], expected.columns[name]), name
    assert encoding.data == expected.data
    assert encoding.texts.tolist() == list(encoding.texts) == rows


def test_pairs_of_columns_and_lists_mix(tokenizer):
    texts, pairs = random_texts(40, seed=1), random_texts(40, seed=2)
    expected = tokenizer(texts, pairs)["input_ids"]
    for text in (texts, pa.array(texts), pa.array(texts, pa.string_view())):
        for pair in (pairs, pa.chunked_array([pairs[:7], pairs[7:]])):
            assert tokenizer(text, pair)["input_ids"] == expected


def test_pairs_of_columns_of_words(tokenizer):
    texts, pairs = [["the", "cat"], ["sat"]], [["on"], ["the", "mat"]]
    column = tokenizer(pa.array(texts), pa.array(pairs), is_split_into_words=True)
    assert column["input_ids"] == tokenizer(texts, pairs, is_split_into_words=True)["input_ids"]
    assert column.word_ids(1) == tokenizer(texts, pairs, is_split_into_words=True).word_ids(1)


def test_a_column_of_texts_as_words_is_one_row(tokenizer):
    words = ["the", "cat"]
    assert tokenizer(pa.array(words), is_split_into_words=True).data == tokenizer(words, is_split_into_words=True).data


def test_a_list_of_columns_of_words_is_a_batch(tokenizer):
    rows = [["the", "cat"], ["sat"]]
    expected = tokenizer(rows, is_split_into_words=True)["input_ids"]
    for make in (pa.array, lambda row: np.array(row, np.dtypes.StringDType()), np.array, tuple):
        assert tokenizer([make(row) for row in rows], is_split_into_words=True)["input_ids"] == expected


def test_the_texts_of_an_encoding_may_be_encoded_again(tokenizer):
    encoding = tokenizer(pa.array(SAMPLES))
    assert tokenizer(encoding.texts, encoding.texts).texts is encoding.texts


def test_a_column_of_pairs_is_a_batch_of_pairs(tokenizer):
    pairs = [["the", "cat"], ["sat", "on"]]
    assert tokenizer(pa.array(pairs)).data == tokenizer(pairs).data


def test_a_scalar_is_one_text(tokenizer):
    assert tokenizer(pa.scalar("the cat")).data == tokenizer("the cat").data


def test_an_array_of_nothing_is_an_empty_batch(tokenizer):
    assert tokenizer(pa.array([])).data == tokenizer([]).data


def test_alignment_may_be_asked_for_later(tokenizer):
    encoding = tokenizer(pa.array(["the cat", "sat"]))
    assert encoding.word_ids(0) == [None, 0, 1, None]
    assert encoding.token_to_chars(0, 2) == (4, 7)


def test_the_pure_python_twin_takes_columns(tokenizer, vocab):
    twin = reference.BertTokenizer(vocab)
    assert twin(pa.array(SAMPLES)).data == tokenizer(SAMPLES).data
    words = pa.array([SAMPLES, []])
    assert twin(words, is_split_into_words=True).data == tokenizer(words, is_split_into_words=True).data


# --- other libraries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["str", "string[python]", "string[pyarrow]", "category", "object"])
def test_a_series_of_pandas_equals_the_list(tokenizer, dtype):
    pd = pytest.importorskip("pandas")
    series = pd.Series(SAMPLES).astype(dtype)
    assert tokenizer(series)["input_ids"] == tokenizer(SAMPLES)["input_ids"]
    assert tokenizer(series[1::2])["input_ids"] == tokenizer(SAMPLES[1::2])["input_ids"]


def test_a_series_of_polars_equals_the_list(tokenizer):
    pl = pytest.importorskip("polars")
    series = pl.Series(SAMPLES)
    for column in (series, series[2:], series[::2], series.cast(pl.Categorical), series.append(series)):
        assert tokenizer(column)["input_ids"] == tokenizer(column.to_list())["input_ids"]
    words = pl.Series([SAMPLES[:3], [], SAMPLES[3:]])
    assert tokenizer(words, is_split_into_words=True).texts.tolist() == words.to_list()


@pytest.mark.parametrize("step", [1, 2, -1])
@pytest.mark.parametrize("dtype", [np.str_, np.dtypes.StringDType(), np.object_], ids=str)
def test_an_array_of_numpy_equals_the_list(tokenizer, dtype, step):
    array = np.array(random_texts(50) + SAMPLES, dtype)[::step]
    assert tokenizer(array)["input_ids"] == tokenizer(array.tolist())["input_ids"]


def test_strings_of_numpy_are_kept_as_they_were(tokenizer):
    array = np.array(SAMPLES * 50, np.dtypes.StringDType())
    encoding = tokenizer(array[::-1])
    array[:] = "changed to something that is longer than what was there before"
    assert isinstance(encoding.texts, TextColumn)
    assert encoding.texts.tolist() == (SAMPLES * 50)[::-1]


@pytest.mark.parametrize("missing", [None, float("nan")], ids=str)
def test_a_missing_string_of_numpy_is_an_error(tokenizer, missing):
    array = np.array(["the", missing], np.dtypes.StringDType(na_object=missing))
    with pytest.raises(TextTypeError, match=re.escape("text[1] must be str, got null")):
        tokenizer(array)


def test_a_missing_string_of_numpy_may_be_a_string(tokenizer):
    array = np.array(["the", "cat"], np.dtypes.StringDType(na_object="cat"))
    assert tokenizer(array)["input_ids"] == tokenizer(["the", "cat"])["input_ids"]


def test_rows_of_numpy_are_pairs(tokenizer):
    pairs = [["the", "cat"], ["sat", "on"]]
    for dtype in (np.str_, np.dtypes.StringDType()):
        assert tokenizer(np.array(pairs, dtype)).data == tokenizer(pairs).data


def test_strings_of_numpy_are_read_while_other_threads_write(tokenizer):
    array, stop = np.array(SAMPLES * 50, np.dtypes.StringDType()), threading.Event()

    def write():
        while not stop.is_set():
            array[::2] = "the cat " * 9
            array[::2] = "a"

    thread = threading.Thread(target=write)
    thread.start()
    try:
        lengths = {len(tokenizer(array).texts) for _ in range(100)}
    finally:
        stop.set()
        thread.join()
    assert lengths == {len(array)}


def test_a_column_of_datasets_is_read_in_place(tokenizer):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"text": SAMPLES, "number": range(len(SAMPLES))})
    for dataset in (table, table.select([5, 1, 1]), table.shuffle(seed=1), table.with_format("numpy")):
        encoding = tokenizer(dataset["text"])
        assert isinstance(encoding.texts, TextColumn)
        assert encoding["input_ids"] == tokenizer([row["text"] for row in dataset])["input_ids"]


def test_a_transform_of_datasets_is_kept(tokenizer):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"text": ["cat"]}).with_transform(lambda rows: {"text": ["the mat"]})
    assert tokenizer(table["text"])["input_ids"] == tokenizer(["the mat"])["input_ids"]


def test_datasets_map_takes_the_table(tokenizer):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"text": SAMPLES}).with_format("arrow")
    mapped = table.map(lambda rows: tokenizer(rows["text"]).to_arrow(), batched=True, batch_size=3)
    assert mapped.with_format(None)["input_ids"][:] == tokenizer(SAMPLES)["input_ids"]


# --- what is kept -------------------------------------------------------------------------------------


def test_texts_are_strings_one_by_one(tokenizer):
    texts = tokenizer(pa.array(SAMPLES)).texts
    assert (len(texts), texts[0], texts[-1], texts[2:4]) == (len(SAMPLES), SAMPLES[0], SAMPLES[-1], SAMPLES[2:4])
    assert repr(texts) == f"TextColumn({len(SAMPLES)} texts)"


def test_texts_are_a_sequence(tokenizer):
    texts = tokenizer(pa.array(SAMPLES)).texts
    assert isinstance(texts, Sequence)
    assert "the" in texts
    assert (texts.index("the"), texts.index("the", 1), texts.count("the")) == (2, 2, 1)
    assert list(reversed(texts)) == SAMPLES[::-1]


def test_texts_equal_columns_and_lists_of_the_same(tokenizer):
    texts = tokenizer(pa.array(SAMPLES)).texts
    assert texts == SAMPLES
    assert texts == tokenizer(pa.array(SAMPLES, pa.string_view())).texts
    assert texts != SAMPLES[1:]
    assert texts != tokenizer(pa.array([SAMPLES]), is_split_into_words=True).texts
    assert texts != "the"


def test_a_row_behind_the_texts_is_an_error(tokenizer):
    texts = tokenizer(pa.array(["the"])).texts
    for row in (1, -2):
        with pytest.raises(IndexError, match=f"row {row} is out of range: there are 1 rows"):
            texts[row]


@pytest.mark.parametrize("words", [False, True])
def test_an_encoding_of_a_column_is_pickled(tokenizer, words):
    rows = [["the", "", "中"], [], ["cat"]] if words else SAMPLES
    encoding = tokenizer(pa.array(rows), is_split_into_words=words)
    again = pickle.loads(pickle.dumps(encoding))
    assert again.data == encoding.data
    assert again.texts.tolist() == rows
    assert again.tokens(0) == encoding.tokens(0)


@pytest.mark.parametrize(
    "parts",
    [
        (b"\xff", offsets(1, dtype=np.int64), None),
        (b"abc", offsets(4, dtype=np.int64), None),
        (b"abc", offsets(2, 1, dtype=np.int64), None),
        ("ä".encode(), offsets(1, 2, dtype=np.int64), None),
        (b"abc", offsets(3, dtype=np.int64), offsets(0, 2, dtype=np.int64)),
        (b"abc", offsets(3, dtype=np.int64), b""),
    ],
)
def test_a_pickle_that_does_not_fit_is_an_error(parts):
    with pytest.raises(DataError, match="no TextColumn"):
        TextColumn.of_bytes(*parts)


def test_the_memory_lives_as_long_as_the_encoding(tokenizer):
    texts = random_texts(2000, seed=3)
    encoding = tokenizer(pa.array(texts, pa.string_view()))
    gc.collect()
    junk = [pa.array([text[::-1] for text in texts]) for _ in range(20)]
    assert encoding.texts.tolist() == texts
    assert len(junk) == 20


def test_one_column_is_encoded_in_many_threads(tokenizer):
    column, failures = pa.array(random_texts(500)), []
    expected = tokenizer(column).columns.ids

    def encode():
        for _ in range(20):
            if not np.array_equal(tokenizer(column).columns.ids, expected):
                failures.append(1)

    threads = [threading.Thread(target=encode) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures


def test_the_memory_is_released_with_the_encoding(tokenizer):
    before = pa.total_allocated_bytes()
    column = pa.array(["the cat"]).take(pa.array(np.zeros(100_000, np.int64)))
    encoding = tokenizer(column)
    del column
    assert pa.total_allocated_bytes() > before
    del encoding
    gc.collect()
    assert pa.total_allocated_bytes() == before


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("data_type", [*TEXT_TYPES, DICTIONARY_TYPES[0]], ids=str)
def test_a_row_without_text_is_an_error(tokenizer, data_type):
    column = pa.chunked_array([pa.array(["the"]).cast(data_type), pa.array(["cat", None]).cast(data_type)])
    with pytest.raises(TextTypeError, match=re.escape("text[2] must be str, got null")):
        tokenizer(column)


def test_a_row_without_text_that_was_cut_off_is_none(tokenizer):
    assert len(tokenizer(pa.array([None, "the", None])[1:2]).texts) == 1


def test_a_pair_without_text_is_an_error(tokenizer):
    with pytest.raises(TextTypeError, match=re.escape("text_pair[0] must be str, got null")):
        tokenizer(["the"], pa.array([None], pa.string()))


def test_a_column_of_nulls_is_an_error(tokenizer):
    with pytest.raises(TextTypeError, match=re.escape("text[0] must be str, got null")):
        tokenizer(pa.array([None, None]))


def test_a_dictionary_whose_used_value_is_null_is_an_error(tokenizer):
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["the", None]))
    with pytest.raises(TextTypeError, match=re.escape("text[1] must be str, got null")):
        tokenizer(column)


def test_a_row_without_words_is_an_error(tokenizer):
    with pytest.raises(TextTypeError, match=re.escape("text[1] must be str, got null")):
        tokenizer(pa.array([["the"], None]), is_split_into_words=True)


def test_a_word_without_text_is_an_error(tokenizer):
    with pytest.raises(TextTypeError, match=re.escape("word 1 of text[1] must be str, got null")):
        tokenizer(pa.array([["the"], ["cat", None]]), is_split_into_words=True)


@pytest.mark.parametrize("column", [pa.array([1]), pa.array([b"the"]), pa.array([1.5]), pa.array([True])], ids=str)
def test_a_column_of_something_else_is_an_error(tokenizer, column):
    with pytest.raises(TextTypeError, match="text is an Arrow column of .* allowed are string, large_string"):
        tokenizer(column)


def test_a_table_is_an_error(tokenizer):
    with pytest.raises(
        TextTypeError, match=re.escape('table with the columns a, b; pass one column of it, e.g. table["a"]')
    ):
        tokenizer(pa.table({"a": ["the"], "b": ["cat"]}))


def test_columns_of_different_lengths_are_an_error(tokenizer):
    with pytest.raises(ConfigError, match="batch length of text is 1, of text_pair 2"):
        tokenizer(pa.array(["the"]), pa.array(["cat", "mat"]))


def test_a_stream_that_fails_is_an_error(tokenizer):
    class Broken:
        def __arrow_c_stream__(self, requested_schema=None):
            raise RuntimeError("no data today")

    with pytest.raises(RuntimeError, match="no data today"):
        tokenizer(Broken())


def test_capsules_of_another_kind_are_an_error(tokenizer):
    class Wrong:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.array(["the"]).__arrow_c_array__()[1]

    with pytest.raises(ValueError, match="PyCapsule"):
        tokenizer(Wrong())


def test_a_capsule_that_was_used_is_an_error(tokenizer):
    class Once:
        capsules = pa.array(["the"]).__arrow_c_array__()

        def __arrow_c_array__(self, requested_schema=None):
            return self.capsules

    once = Once()
    tokenizer(once)
    with pytest.raises(DataError, match="used up"):
        tokenizer(once)


# --- what only a defect or an attack makes ------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_type", "dtype"), [(pa.string(), np.int32), (pa.large_string(), np.int64)], ids=["32", "64"]
)
def test_bytes_that_are_not_utf8_are_an_error(tokenizer, data_type, dtype):
    column = of_buffers(data_type, 3, [None, offsets(0, 2, 5, 6, dtype=dtype), b"ok" + b"b\xffd" + b"x"])
    with pytest.raises(UnicodeDecodeError, match=re.escape("position 1: not UTF-8 in text[1]")):
        tokenizer(column)


def test_a_view_that_is_not_utf8_is_an_error(tokenizer):
    view = np.array([1, 0xFF, 0, 0], np.int32).tobytes()
    with pytest.raises(UnicodeDecodeError, match=re.escape("not UTF-8 in text[0]")):
        tokenizer(of_buffers(pa.string_view(), 1, [None, view]))


def test_a_character_cut_by_an_offset_is_an_error(tokenizer):
    column = of_buffers(pa.string(), 2, [None, offsets(0, 1, 2), "ä".encode()])
    with pytest.raises(UnicodeDecodeError, match=re.escape("not UTF-8 in text[0]")):
        tokenizer(column)


def test_bytes_that_are_not_utf8_in_a_word_are_an_error(tokenizer):
    words = of_buffers(pa.string(), 2, [None, offsets(0, 1, 2), b"a\xc3"])
    column = pa.ListArray.from_arrays(pa.array([0, 2], pa.int32()), words)
    with pytest.raises(UnicodeDecodeError, match=re.escape("not UTF-8 in word 1 of text[0]")):
        tokenizer(column, is_split_into_words=True)


def test_bytes_outside_the_slice_are_not_read(tokenizer):
    column = of_buffers(pa.string(), 3, [None, offsets(0, 1, 4, 5), b"\xff" + b"the" + b"\xff"])
    assert tokenizer(column[1:2])["input_ids"] == tokenizer(["the"])["input_ids"]


@pytest.mark.parametrize("wrong", [(0, 3, 1, 4), (-1, 0, 1, 2), (2, 1, 1, 1), (0, 9, 9, 4), (0, 0, 0, -7)], ids=str)
def test_offsets_that_decrease_are_an_error(tokenizer, wrong):
    column = with_buffer(pa.array(["abc", "def", "ghi"]), 1, offsets(*wrong))
    with pytest.raises(DataError, match="offsets decrease|negative"):
        tokenizer(column)


@pytest.mark.parametrize("wrong", [(0, 5), (0, -1), (1, 0)], ids=str)
def test_offsets_of_lists_outside_the_words_are_an_error(tokenizer, wrong):
    with pytest.raises(DataError, match="offsets of lists|negative"):
        tokenizer(with_buffer(pa.array([["the"]]), 1, offsets(*wrong)), is_split_into_words=True)


def test_missing_offsets_are_an_error(tokenizer):
    with pytest.raises(DataError, match="a buffer is null"):
        tokenizer(with_buffer(pa.array(["the"]), 1, None))


def test_missing_text_is_an_error(tokenizer):
    with pytest.raises(DataError, match="null or too long"):
        tokenizer(with_buffer(pa.array(["the"]), 2, None))


@pytest.mark.parametrize(
    ("field", "value"), [("length", -1), ("offset", -1), ("length", 2**62), ("n_buffers", 1)], ids=str
)
def test_a_structure_that_contradicts_itself_is_an_error(tokenizer, field, value):
    with pytest.raises(DataError, match="text break the C data interface"):
        tokenizer(Crafted(pa.array(["the"]), lambda array: setattr(array, field, value)))


def test_a_list_without_its_child_is_an_error(tokenizer):
    column = Crafted(pa.array([["the"]]), lambda array: setattr(array, "n_children", 0))
    with pytest.raises(DataError, match="without its one child"):
        tokenizer(column, is_split_into_words=True)


def test_a_dictionary_without_values_is_an_error(tokenizer):
    column = Crafted(pa.array(["the"]).dictionary_encode(), lambda array: setattr(array, "dictionary", None))
    with pytest.raises(DataError, match="a dictionary is missing"):
        tokenizer(column)


@pytest.mark.parametrize(("buffer", "place"), [(1, 0), (0, 90), (-1, 0), (0, -5)], ids=str)
def test_a_view_outside_its_buffers_is_an_error(tokenizer, buffer, place):
    view = np.array([20, 0, buffer, place], np.int32).tobytes()
    with pytest.raises(DataError, match="a view|negative"):
        tokenizer(of_buffers(pa.string_view(), 1, [None, view, b"a" * 100]))


def test_a_view_of_negative_length_is_an_error(tokenizer):
    view = np.array([-1, 0, 0, 0], np.int32).tobytes()
    with pytest.raises(DataError, match="negative"):
        tokenizer(of_buffers(pa.string_view(), 1, [None, view]))


@pytest.mark.parametrize("key", [1, 100, -1])
def test_a_key_outside_its_dictionary_is_an_error(tokenizer, key):
    column = pa.DictionaryArray.from_arrays(pa.array([key], pa.int8()), pa.array(["the"]), safe=False)
    with pytest.raises(DataError, match="key"):
        tokenizer(column)


# --- Arrow out ----------------------------------------------------------------------------------------


def test_a_table_holds_the_values(tokenizer):
    options = {"return_offsets_mapping": True, "return_special_tokens_mask": True, "return_length": True}
    encoding = tokenizer(SAMPLES, truncation=True, return_overflowing_tokens=True, **options)
    table = encoding.to_arrow()
    assert table.column_names == list(encoding)
    expected = {**encoding.data, "offset_mapping": [[list(span) for span in row] for row in encoding["offset_mapping"]]}
    assert table.to_pydict() == expected


def test_ids_of_a_table_lie_in_the_columns(tokenizer):
    encoding = tokenizer(SAMPLES)
    values = encoding.to_arrow()["input_ids"].chunk(0).values
    assert values.buffers()[1].address == encoding.columns.ids.ctypes.data


@pytest.mark.parametrize("tensors", [None, "np", "pt"])
@pytest.mark.parametrize("padding", [True, "max_length"])
def test_padded_rows_become_padded_lists(tokenizer, padding, tensors):
    options = {"padding": padding, "truncation": True, "return_offsets_mapping": True}
    encoding = tokenizer(SAMPLES, return_tensors=tensors, **options)
    table = encoding.to_arrow()
    assert table["input_ids"].to_pylist() == tokenizer(SAMPLES, **options)["input_ids"]
    assert table["offset_mapping"].to_pylist()[0][1] == list(tokenizer(SAMPLES, **options)["offset_mapping"][0][1])
    assert table.schema.equals(tokenizer(SAMPLES, return_offsets_mapping=True).to_arrow().schema)


def test_a_table_has_the_same_types_once_values_were_read(tokenizer):
    encoding = tokenizer(SAMPLES, return_offsets_mapping=True)
    before = encoding.to_arrow()
    assert encoding["input_ids"]
    assert encoding["offset_mapping"]
    assert encoding.to_arrow().equals(before)


def test_one_text_is_a_table_of_one_row(tokenizer):
    encoding = tokenizer("the cat")
    assert encoding.to_arrow().to_pydict() == {key: [value] for key, value in encoding.data.items()}
    assert encoding.to_arrow().num_rows == 1


def test_values_of_ones_own_become_columns(tokenizer):
    encoding = tokenizer(["the", "cat"])
    encoding["labels"] = [0, 1]
    encoding["rows"] = Ragged(np.array([1, 2, 3]), np.array([0, 1, 3]))
    table = encoding.to_arrow()
    assert (table["labels"].to_pylist(), table["rows"].to_pylist()) == ([0, 1], [[1], [2, 3]])


def test_values_of_another_length_are_an_error(tokenizer):
    encoding = tokenizer(["the", "cat"])
    encoding["labels"] = [0]
    with pytest.raises(ConfigError, match="columns of one length, got .*'labels': 1"):
        encoding.to_arrow()


def test_values_that_are_no_column_are_an_error(tokenizer):
    encoding = tokenizer(["the"])
    encoding["labels"] = [object()]
    with pytest.raises(ConfigError, match="the value of 'labels' is no column"):
        encoding.to_arrow()


def test_an_empty_batch_is_an_empty_table(tokenizer):
    table = tokenizer([]).to_arrow()
    assert (table.num_rows, table.column_names[0]) == (0, "input_ids")


def test_ragged_rows_are_an_arrow_array():
    rows = Ragged(np.array([1, 2, 3], np.int32), np.array([0, 1, 1, 3]))
    assert pa.array(rows).to_pylist() == [[1], [], [2, 3]]
    assert pa.array(rows).type == pa.list_(pa.int32())
    assert rows.to_arrow().values.buffers()[1].address == rows.values.ctypes.data
