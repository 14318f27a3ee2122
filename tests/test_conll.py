import pytest
from tests.test_tables import write

from ferrobert.errors import ConfigError, DataError
from ferrobert.tables import Table, TableWriter

TWO = "Elon\tB-PER\nMusk\tI-PER\nwon\tO\n\nParis\tB-LOC\n"


def read(path, **options):
    return [(row.number, row.values["tokens"], row.values.get("tags")) for row in Table(path, **options)]


def test_sentences_are_rows_numbered_by_their_first_line(tmp_path):
    path = write(tmp_path / "a.conll", TWO)
    assert Table(path).columns == ["tokens", "tags"]
    assert read(path) == [(1, ["Elon", "Musk", "won"], ["B-PER", "I-PER", "O"]), (5, ["Paris"], ["B-LOC"])]


@pytest.mark.parametrize("ending", ["conll", "iob", "iob2", "bio"])
def test_every_ending_of_conll_is_known(tmp_path, ending):
    assert len(read(write(tmp_path / f"a.{ending}", TWO))) == 2


def test_a_txt_file_is_conll_where_the_format_says_so(tmp_path):
    path = write(tmp_path / "a.txt", TWO)
    assert len(read(path, format="conll")) == 2
    with pytest.raises(ConfigError, match="ending must be one of"):
        Table(path)


def test_the_token_is_the_first_of_several_columns_and_the_tag_the_last(tmp_path):
    path = write(tmp_path / "a.conll", "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n")
    assert read(path) == [(1, ["EU", "rejects"], ["B-ORG", "O"])]


def test_between_tabs_a_token_may_hold_spaces_or_nothing(tmp_path):
    path = write(tmp_path / "a.conll", "New York\tB-LOC\n \tO\n\tO\n\u00a0\tO\n")
    assert read(path) == [(1, ["New York", " ", "", "\u00a0"], ["B-LOC", "O", "O", "O"])]


def test_columns_may_be_separated_by_runs_of_spaces(tmp_path):
    assert read(write(tmp_path / "a.conll", "Elon   B-PER  \n Musk  I-PER\n")) == [
        (1, ["Elon", "Musk"], ["B-PER", "I-PER"])
    ]


def test_document_starts_are_skipped_and_end_a_sentence(tmp_path):
    path = write(tmp_path / "a.conll", "-DOCSTART- -X- O O\n\nEU NNP O B-ORG\n-DOCSTART- -X- O O\nUN NNP O B-ORG\n")
    assert read(path) == [(3, ["EU"], ["B-ORG"]), (5, ["UN"], ["B-ORG"])]


def test_comments_before_a_sentence_are_skipped(tmp_path):
    path = write(tmp_path / "a.conll", "# id = 1\n# text = Elon won\nElon\tB-PER\n\n# id = 2\n#\nParis\tB-LOC\n")
    assert read(path) == [(3, ["Elon"], ["B-PER"]), (7, ["Paris"], ["B-LOC"])]


def test_a_hash_with_a_tag_is_a_token(tmp_path):
    assert read(write(tmp_path / "a.conll", "#\tO\n# 1\tO\n#tag\tO\n")) == [(1, ["#", "# 1", "#tag"], ["O"] * 3)]
    assert read(write(tmp_path / "b.conll", "# O\n1 O\n\n# O\n")) == [(1, ["#", "1"], ["O", "O"]), (4, ["#"], ["O"])]


def test_tokens_alone_have_no_tags(tmp_path):
    path = write(tmp_path / "a.conll", "Elon\nwon\n\n#\n")
    assert Table(path).columns == ["tokens"]
    assert read(path) == [(1, ["Elon", "won"], None), (4, ["#"], None)]


def test_windows_line_ends_byte_order_mark_and_several_blank_lines(tmp_path):
    path = write(tmp_path / "a.conll", "\ufeff\r\nElon\tB-PER\r\n\r\n \t\r\nParis\tB-LOC")
    assert read(path) == [(2, ["Elon"], ["B-PER"]), (5, ["Paris"], ["B-LOC"])]


def test_separators_of_unicode_do_not_end_a_line_or_a_token(tmp_path):
    assert read(write(tmp_path / "a.conll", "a\u2028b\u0085c\u00a0d O\n")) == [(1, ["a\u2028b\u0085c\u00a0d"], ["O"])]


def test_bioes_and_bilou_are_tags(tmp_path):
    tags = ["B-work-of-art", "I-X", "E-X", "S-X", "L-X", "U-X", "O"]
    path = write(tmp_path / "a.conll", "".join(f"word\t{tag}\n" for tag in tags))
    assert read(path)[0][2] == tags


def test_the_place_of_a_word_is_its_line(tmp_path):
    table = Table(write(tmp_path / "a.conll", TWO))
    rows = list(table)
    assert table.where_word(rows[0], 2) == f"{tmp_path / 'a.conll'}, line 3"
    assert table.share_read() == 1.0


def test_reading_keeps_one_sentence_in_memory(tmp_path):
    import tracemalloc

    path = write(tmp_path / "a.conll", "".join(f"word{number}\tO\n\n" for number in range(100_000)))
    table = Table(path)
    tracemalloc.start()
    assert sum(1 for _ in table) == 100_000
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_what_is_written_reads_back(tmp_path):
    rows = [{"tokens": ["New York", "", "#"], "tags": ["B-LOC", "O", "O"]}, {"tokens": ["a"], "tags": ["O"]}]
    with TableWriter(tmp_path / "a.conll") as writer:
        writer.write(rows[:1])
        writer.write(rows[1:])
    assert [row.values for row in Table(tmp_path / "a.conll")] == rows


def test_tags_are_written_last(tmp_path):
    with TableWriter(tmp_path / "a.conll") as writer:
        writer.write([{"tags": ["B-LOC"], "input_tags": ["O"], "tokens": ["Paris"]}])
    assert (tmp_path / "a.conll").read_text() == "Paris\tO\tB-LOC\n\n"


# What is refused


def refused(tmp_path, content, message, **options):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "a.conll", content), **options)


def test_a_line_without_tag_is_refused(tmp_path):
    refused(tmp_path, "Elon\tB-PER\nMusk\nwon\tO\n", r"a\.conll, line 2: the token 'Musk' has no tag$")
    refused(tmp_path, "Elon\tB-PER\nMusk\t\nwon\tO\n", r"a\.conll, line 2: the token 'Musk' has no tag$")
    refused(tmp_path, "Elon B-PER\nMusk\nwon O\n", r"a\.conll, line 2: the token 'Musk' has no tag$")


def test_a_first_line_without_tag_is_refused_at_the_next_one(tmp_path):
    refused(tmp_path, "Elon\nMusk B-PER\n", "line 2: 2 columns; line 1 has a token alone, without tag")


def test_a_line_with_another_number_of_columns_is_refused(tmp_path):
    refused(tmp_path, "EU NNP B-NP B-ORG\nrejects VBZ O\n", "line 2: 3 columns; line 1 has 4, the token first")


@pytest.mark.parametrize("tag", ["PER", "B-", "b-PER", "X-PER", "-", "B_PER", "NOUN"])
def test_a_tag_of_no_scheme_is_refused(tmp_path, tag):
    refused(tmp_path, f"won\tO\nElon\t{tag}\n", f"line 2: the token 'Elon' has the tag '{tag}'; a tag is O, or one of")


def test_a_file_that_ends_in_the_middle_is_refused(tmp_path):
    for end in ("Par", "Paris\t", "Paris\tB", "Paris\tB-"):
        refused(tmp_path, f"won\tO\n\n{end}", r"line 3: the token .*\(the file ends in the middle of this line\)")
    refused(tmp_path, "won\tO\nZ\u00fc".encode()[:-1], "line 2: not UTF-8")


def test_an_empty_file_is_refused(tmp_path):
    for content in ("", "\n\n", "-DOCSTART- -X- O O\n\n", "# nothing\n"):
        refused(tmp_path, content, r"a\.conll holds no sentences")


def test_a_file_without_blank_lines_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("ferrobert.tables.conll.MOST_TOKENS", 3)
    refused(tmp_path, "a O\n" * 4, "line 4: no blank line between sentences in 3 lines")


def test_names_of_columns_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="columns= names the columns of CSV and TSV files"):
        Table(write(tmp_path / "a.conll", TWO), columns=["tokens", "tags"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "Paris"}, "sentence 1: a CoNLL file holds tokens, the row has none; its columns are text"),
        ({"tokens": ["a"], "id": 3}, "no place for column 'id'"),
        ({"tokens": ["a"], "tags": ["O", "O"]}, "2 tags for 1 tokens"),
        ({"tokens": [], "tags": []}, "cannot hold a sentence without tokens"),
        ({"tokens": ["a\tb"], "tags": ["O"]}, r"cannot hold 'a\\tb'"),
        ({"tokens": ["-DOCSTART-"], "tags": ["O"]}, "cannot hold '-DOCSTART-'"),
        ({"tokens": ["a"], "tags": ["PER"]}, "tags holds 'PER', which is no tag"),
        ({"tokens": ["a", 1], "tags": ["O", "O"]}, "column 'tokens' must hold strings, holds 1 at word 1"),
    ],
    ids=["no tokens", "another column", "lengths", "empty", "tab", "docstart", "no tag", "a number"],
)
def test_a_row_that_would_not_read_back_is_not_written(tmp_path, row, message):
    with pytest.raises(DataError, match=message), TableWriter(tmp_path / "a.conll") as writer:
        writer.write([row])
    assert list(tmp_path.iterdir()) == []


def test_the_real_files_are_read(data):
    for path in sorted((data / "ner").glob("*.conll")):
        lines = path.read_text("utf-8").split("\n")
        tokens = [token for row in Table(path) for token in row.values["tokens"]]
        assert tokens == [line.split("\t")[0] for line in lines if "\t" in line and not line.startswith("-DOCSTART-")]
