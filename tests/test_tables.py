import json

import pytest

from ferrobert.errors import ConfigError, DataError
from ferrobert.tables import Table, TableWriter, chunks

ROWS = [
    {"text": "Not bad, at all.", "label": "good"},
    {"text": 'He said "never again".', "label": "bad"},
    {"text": "Größe: 東京 🙂", "label": "good"},
]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def values(table):
    return [row.values for row in table]


def write_chunks(path, chunks):
    with TableWriter(path) as writer:
        for rows in chunks:
            writer.write(rows)


def test_csv_values_may_be_quoted_and_hold_line_breaks(tmp_path):
    path = write(tmp_path / "a.csv", 'id,text\n1,"Good, ""very"" good.\nTwice."\n2,plain\n')
    table = Table(path)
    assert table.columns == ["id", "text"]
    assert values(table) == [{"id": "1", "text": 'Good, "very" good.\nTwice.'}, {"id": "2", "text": "plain"}]
    assert [row.number for row in table] == [2, 4]


def test_csv_values_stay_text(tmp_path):
    path = write(tmp_path / "a.csv", "id,text\n007,NA\n1e5,\n")
    assert values(Table(path)) == [{"id": "007", "text": "NA"}, {"id": "1e5", "text": ""}]


def test_tsv_has_no_quoting(tmp_path):
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"open\tbad\nsaid "so"\tgood\n')
    assert [row["text"] for row in values(Table(path))] == ['"open', 'said "so"']


def test_windows_line_ends_and_byte_order_mark_are_no_part_of_the_values(tmp_path):
    content = "\ufefftext\tlabel\r\nfine\tgood\r\n"
    assert values(Table(write(tmp_path / "a.tsv", content))) == [{"text": "fine", "label": "good"}]
    assert values(Table(write(tmp_path / "a.csv", content.replace("\t", ",")))) == [{"text": "fine", "label": "good"}]


def test_blank_lines_are_skipped_and_counted(tmp_path):
    rows = list(Table(write(tmp_path / "a.csv", "text\n\none\n\ntwo\n")))
    assert [(row.number, row.values["text"]) for row in rows] == [(3, "one"), (5, "two")]


def test_columns_name_a_file_without_header(tmp_path):
    path = write(tmp_path / "a.tsv", "fine\t1\nbad\t0\n")
    assert values(Table(path, columns=["text", "label"]))[0] == {"text": "fine", "label": "1"}


def test_a_table_can_be_read_twice(tmp_path):
    table = Table(write(tmp_path / "a.csv", "text\none\ntwo\n"))
    assert values(table) == values(table)
    assert len(list(table)) == 2


def test_values_longer_than_the_csv_module_allows_by_default(tmp_path):
    long = "word " * 100_000
    assert values(Table(write(tmp_path / "a.csv", f"text\n{long}\n")))[0]["text"] == long


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_what_is_written_reads_back(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"out.{ending}"
    with TableWriter(path) as writer:
        writer.write(ROWS[:2])
        assert not path.exists()
        writer.write(ROWS[2:])
    table = Table(path)
    assert table.columns == ["text", "label"]
    assert values(table) == ROWS
    assert table.share_read() == 1.0
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_leaves_what_was_there_before(tmp_path):
    path = write(tmp_path / "out.jsonl", "old\n")

    def broken_rows():
        yield ROWS
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_chunks(path, broken_rows())
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_is_readable_like_any_new_file(tmp_path):
    with TableWriter(tmp_path / "out.jsonl") as writer:
        writer.write(ROWS)
    (tmp_path / "plain").touch()
    assert (tmp_path / "out.jsonl").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_no_rows_make_an_empty_file(tmp_path):
    pytest.importorskip("pyarrow")
    for name in ("out.jsonl", "out.parquet"):
        with TableWriter(tmp_path / name):
            pass
        assert list(Table(tmp_path / name)) == []


def test_parquet_keeps_types(tmp_path):
    pytest.importorskip("pyarrow")
    rows = [{"text": "a", "score": 0.5, "tags": ["x"]}, {"text": "b", "score": 1.0, "tags": []}]
    with TableWriter(tmp_path / "out.parquet") as writer:
        writer.write(rows)
    assert values(Table(tmp_path / "out.parquet")) == rows


def test_chunks_are_consecutive(tmp_path):
    table = Table(write(tmp_path / "a.csv", "text\n" + "".join(f"{n}\n" for n in range(7))))
    assert [[row.values["text"] for row in chunk] for chunk in chunks(table, 3)] == [
        ["0", "1", "2"],
        ["3", "4", "5"],
        ["6"],
    ]


def test_a_chunk_ends_with_the_row_that_makes_it_long(tmp_path):
    path = tmp_path / "a.jsonl"
    with TableWriter(path) as writer:
        writer.write([{"id": id, "words": ["four"] * id, "text": "two" * id} for id in range(5)])
    found = [[row.values["id"] for row in chunk] for chunk in chunks(Table(path), 3, 14)]
    assert found == [[0, 1, 2], [3], [4]]
    assert [len(chunk) for chunk in chunks(Table(path), 3, 1000)] == [3, 2]


# What is refused


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        Table(tmp_path / "none.csv")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        Table(tmp_path / "a.csv")


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"must be one of \.csv, .*, got '\.xlsx'"):
        Table(write(tmp_path / "a.xlsx", ""))


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="format must be csv, tsv, jsonl, parquet, conll or squad, got 'xml'"):
        Table(write(tmp_path / "a.csv", ""), format="xml")


def test_writing_csv_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"must be one of \.jsonl, \.ndjson, \.parquet, \.conll, got '\.csv'"):
        TableWriter(tmp_path / "out.csv")


def test_writing_into_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        TableWriter(tmp_path / "none" / "out.jsonl")


def test_a_missing_column_lists_the_columns_there_are(tmp_path):
    with pytest.raises(DataError, match=r"has no column 'text'; its columns are 'review', 'stars'"):
        Table(write(tmp_path / "a.csv", "review,stars\nfine,5\n")).require("text")


def test_a_column_named_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match="'text' is there more than once"):
        Table(write(tmp_path / "a.csv", "text,text\na,b\n"))


def test_an_empty_csv_is_refused(tmp_path):
    with pytest.raises(DataError, match="is empty"):
        Table(write(tmp_path / "a.csv", "\n"))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path, name):
    start = b'{"text": "fine"}\n' if name == "a.jsonl" else b"text\nfine\n"
    path = write(tmp_path / name, start + b"na\xefve\n")
    line = 2 if name == "a.jsonl" else 3
    with pytest.raises(DataError, match=rf"{name}, line {line}: not UTF-8 \(byte 0xef at position 2\)"):
        list(Table(path))


def test_a_csv_row_with_too_many_values_is_named_with_its_line(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"two\nlines",good\nfine,good,extra\n')
    with pytest.raises(DataError, match=r"line 4: 3 values for 2 columns \(text, label\)"):
        list(Table(path))


def test_a_quotation_mark_that_never_closes_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", 'text\nfine\n"open\nrest\n')
    with pytest.raises(DataError, match="line 3: unexpected end of data"):
        list(Table(path))


def test_a_tsv_row_with_too_few_values_is_named_with_its_line(tmp_path):
    with pytest.raises(DataError, match="line 2: 1 values for 2 columns"):
        list(Table(write(tmp_path / "a.tsv", "text\tlabel\nfine\n")))


def test_a_broken_json_line_is_named(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a"}\n\n{"text": \n')
    with pytest.raises(DataError, match="line 3: not JSON"):
        list(Table(path))


def test_json_nested_beyond_measure_is_refused(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a"}\n' + "[" * 100_000 + "\n")
    with pytest.raises(DataError, match="line 2: not JSON"):
        list(Table(path))


def test_a_json_line_that_is_no_object_is_named(tmp_path):
    with pytest.raises(DataError, match="line 2: a line must be a JSON object, got list"):
        list(Table(write(tmp_path / "a.jsonl", '{"text": "a"}\n["b"]\n')))


def test_a_json_row_without_text_is_named(tmp_path):
    table = Table(write(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": null}\n'))
    with pytest.raises(DataError, match="line 2: column 'text' must hold a string, holds nothing"):
        [table.text_of(row, "text") for row in table]


def test_a_number_where_text_should_be_is_named(tmp_path):
    table = Table(write(tmp_path / "a.jsonl", json.dumps({"text": 5})))
    with pytest.raises(DataError, match="must hold a string, holds int"):
        [table.text_of(row, "text") for row in table]


def test_a_file_that_is_not_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="is not a Parquet file"):
        Table(write(tmp_path / "a.parquet", "text\nfine\n"))


def test_columns_for_a_file_that_names_its_own_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="names the columns of CSV and TSV"):
        Table(write(tmp_path / "a.jsonl", "{}"), columns=["text"])


def test_parquet_rows_with_a_new_column_are_refused(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="new column 'extra'"):
        write_chunks(tmp_path / "out.parquet", [[{"text": "a"}], [{"text": "b", "extra": 1}]])
    assert list(tmp_path.iterdir()) == []


def test_parquet_rows_of_another_type_are_refused(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="do not fit"):
        write_chunks(tmp_path / "out.parquet", [[{"text": "a"}], [{"text": 5}]])


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    import sys

    from ferrobert.errors import MissingDependencyError

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "ferrobert\[tables\]"'):
        TableWriter(tmp_path / "out.parquet")
