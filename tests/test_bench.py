"""``ferrobert bench``: who takes part, what is compared, what is written; never how long something takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from tests import command_line

from ferrobert import BertTokenizer, files
from ferrobert.bench import job as job_module
from ferrobert.bench import output, peers, subject, table, texts
from ferrobert.bench.job import Job, Kind
from ferrobert.bench.peers import tokenizers_1
from ferrobert.bench.peers.ferrobert import Ferrobert, Twin
from ferrobert.bench.process import ProcessError, ProcessRunner, thread_environment
from ferrobert.bench.results import equal_rows, row_digests
from ferrobert.bench.run import FEW_TEXTS, measured_job
from ferrobert.bench.subject import Library, Setting
from ferrobert.bench.suites import chosen_jobs
from ferrobert.bench.texts import Corpus, read_corpus
from ferrobert.bench.timing import Ratio, Timing, in_turns
from ferrobert.bench.wordpiece import JOBS
from ferrobert.errors import ConfigError, MissingDependencyError

TEXTS = ["The cat sat on the mat.", "unaffable cats, 中国!", "it was a lazy afternoon", "hello world"] * 12
IDS, ARRAYS = JOBS[0], JOBS[1]


class Differs(Library):
    """Gives another id in one row of the texts."""

    name = "differs"
    package = "numpy"
    module = "numpy"
    can = (Kind.IDS,)

    def load(self, setting):
        return BertTokenizer.from_pretrained(setting.folder, model_max_length=10**9)

    def call(self, tokenizer, job, work, setting):
        [given] = work.arguments
        return lambda: [
            [*row[:-1], 0] if index == 1 else row for index, row in enumerate(tokenizer(given)["input_ids"])
        ]

    def named(self, result, tokenizer, job):
        return {"input_ids": result}


class Fails(Differs):
    """Raises when it is called."""

    name = "fails"

    def call(self, tokenizer, job, work, setting):
        def call():
            raise ValueError("not on\nmy watch")

        return call


class Absent(Differs):
    """Is not installed."""

    name = "absent"
    package = "no-such-package"
    module = "no_such_package"


@pytest.fixture(autouse=True)
def restored_environment(monkeypatch):
    """The command sets these for its own process; here that is the tests'."""
    for name, value in thread_environment(1).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def no_time_for_figures(monkeypatch):
    """Nobody reads the figures here: few calls, and no garbage collected for their sake."""
    monkeypatch.setattr(job_module, "SHORT_CALLS", 2)
    monkeypatch.setattr(subject.gc, "collect", lambda: 0)
    monkeypatch.setattr(subject, "REPEATS", 1)


@pytest.fixture(scope="module")
def setting(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("everybodys")
    BertTokenizer.from_pretrained(checkpoint).save_pretrained(folder)
    return Setting(folder)


@pytest.fixture
def corpus_file(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(TEXTS) + "\n\n", "utf-8")
    return path


def run(*arguments, exit_code=0):
    return command_line.run("bench", *arguments, exit_code=exit_code)


def refused(*arguments):
    return command_line.refused("bench", *arguments)


def small_run(corpus_file, checkpoint, *more):
    base = ("--corpus", corpus_file, "--vocab", checkpoint, "--rounds", 2, "--job", "ids", "--job", "single")
    return run(*base, *more)


# Results


@pytest.mark.parametrize("job", [job for job in JOBS if not job.threads], ids=lambda job: job.name)
def test_ferrobert_the_twin_and_transformers_do_every_job_with_equal_results(setting, job):
    pytest.importorskip("transformers")
    if job.kind is Kind.TENSORS:
        pytest.importorskip("torch")
    reference, *others = (
        who.runner(job, job.work(TEXTS[:8]), setting) for who in (peers.PEERS[0], Ferrobert(), Twin())
    )
    expected = reference.first(compare=True)[1]
    assert len(expected) == (1 if job.is_single else 4 if job.kind is Kind.PAIRS else 8)
    for other in others:
        assert other.first(compare=True)[1] == expected


@pytest.mark.parametrize(
    "peer", [peer for peer in peers.PEERS if isinstance(peer, Library)], ids=lambda peer: peer.name
)
@pytest.mark.parametrize("kind", list(Kind))
def test_an_installed_peer_answers_every_kind_of_job_that_it_says_it_can_do(setting, peer, kind):
    [job, *_] = [job for job in JOBS if job.kind is kind]
    if not peer.version() or peer.cannot(job, setting):
        pytest.skip("not installed, or cannot")
    runner = peer.runner(job, job.work(TEXTS[:8]), setting)
    rows = runner.first(compare=True)[1]
    expected = Ferrobert().runner(job, job.work(TEXTS[:8]), setting).first(compare=True)[1]
    assert equal_rows(rows, expected) == (len(expected), len(expected))


def test_a_peer_that_differs_is_shown_with_its_share(setting):
    report = measured_job(IDS, TEXTS, Ferrobert(), [Twin(), Differs()], setting, rounds=1)
    by_name = {result.subject: result for result in report.results}
    assert (by_name["differs"].equal, by_name["differs"].rows) == (FEW_TEXTS - 1, FEW_TEXTS)
    assert by_name["ferrobert"].equal == by_name["ferrobert"].rows == FEW_TEXTS


def test_without_transformers_the_twin_is_the_reference_on_its_texts(setting):
    report = measured_job(ARRAYS, TEXTS, Ferrobert(), [Twin()], setting, rounds=1)
    assert {result.compared_with for result in report.results + report.few} == {"twin"}
    assert [result.docs for result in report.results + report.few] == [len(TEXTS), FEW_TEXTS, FEW_TEXTS]
    assert all(result.equal == result.rows for result in report.results + report.few)


def test_a_peer_that_fails_is_shown_with_its_error(setting):
    report = measured_job(IDS, TEXTS, Ferrobert(), [Fails()], setting, rounds=2)
    assert report.failed == {"fails": "ValueError: not on my watch"}
    assert [result.subject for result in report.results] == ["ferrobert"]


def test_a_peer_without_the_call_is_listed(setting):
    assert measured_job(ARRAYS, TEXTS, Ferrobert(), [Differs()], setting, rounds=1).cannot == {
        "differs": "no such call"
    }


def test_blingfire_takes_part_with_its_own_vocabularies_alone(setting):
    blingfire = next(peer for peer in peers.PEERS if peer.name == "blingfire")
    assert blingfire.cannot(IDS, setting) == "it has no such vocabulary"


def test_digests_tell_rows_apart_that_differ_in_any_value():
    rows = row_digests({"a": [[1, 2], [1, 2], [1, 2]], "b": [[3], [4], [3]]})
    assert rows[0] == rows[2] != rows[1]


def test_rows_that_one_side_lacks_are_not_equal():
    assert equal_rows(["a", "b"], ["a", "b", "c"]) == (2, 3)


def test_the_script_for_tokenizers_1_makes_the_same_digests():
    from ferrobert.bench.tokenizers_1_process import digests

    rows = [[1, 2, 3], [4]]
    assert digests(rows) == row_digests({"input_ids": rows})


# Turns


class Counted:
    """A runner that writes down its turns."""

    def __init__(self, name, turns):
        self.name, self.turns, self.closed = name, turns, False

    def first(self, compare):
        return 1.0, ["row"] if compare else []

    def warm(self):
        self.turns.append(self.name)
        return 2.0

    def close(self):
        self.closed = True


def test_everybody_has_one_turn_a_round_and_another_one_begins_each_time():
    turns = []
    runners = {name: Counted(name, turns) for name in "abc"}
    measured, failed = in_turns(runners, 4, required="a")
    assert "".join(turns) == "abcbcacababc"
    assert not failed
    assert all(len(one.first.seconds) == 3 and len(one.warm.seconds) == 4 for one in measured.values())
    assert all(one.rows == ["row"] for one in measured.values())
    assert all(runner.closed for runner in runners.values())


def test_an_error_of_the_required_runner_is_the_callers(setting):
    work = IDS.work(TEXTS)
    with pytest.raises(ValueError, match="not on"):
        in_turns({"fails": Fails().runner(IDS, work, setting)}, 1, required="fails")


def test_a_ratio_is_taken_round_by_round():
    ratio = Timing((10.0, 40.0, 30.0)).over(Timing((1.0, 2.0, 10.0)))
    assert (ratio.median, ratio.low, ratio.high) == (10.0, 3.0, 20.0)


# Processes


def test_two_threads_are_measured_against_one_in_processes_of_their_own(setting):
    [job] = chosen_jobs("wordpiece", ["threads-2"])
    report = measured_job(job, TEXTS, Ferrobert(), [], setting, rounds=1)
    assert [result.subject for result in report.results] == ["2 threads", "1 thread"]
    assert all(result.equal == result.rows == len(TEXTS) for result in report.results)


def test_a_process_that_ends_is_an_error_with_its_last_words(setting):
    command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with pytest.raises(ProcessError, match="no such thing"):
        ProcessRunner(command, {}, IDS.work(TEXTS), setting)


def test_an_environment_that_cannot_be_made_leaves_nothing_behind(monkeypatch, tmp_path):
    def install(folder):
        folder.mkdir(parents=True)
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(tokenizers_1, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(tokenizers_1, "install", install)
    assert tokenizers_1.Tokenizers1().version() is None
    assert list(tmp_path.iterdir()) == []


# Texts


def test_a_sample_is_taken_evenly():
    assert Corpus("numbers", [str(number) for number in range(10)]).sample(4).texts == ["0", "2", "5", "7"]


def test_no_lines_are_all_lines():
    assert Corpus("numbers", ["a", "b"]).sample(0).texts == ["a", "b"]


def test_empty_lines_are_no_paragraphs(tmp_path):
    (tmp_path / "a.txt").write_bytes("a\r\n\n \nä\u2028b\n".encode())
    assert read_corpus(tmp_path / "a.txt").texts == ["a", "ä\u2028b"]


def test_the_default_text_comes_along():
    corpus = read_corpus(None)
    assert corpus.name == "the Python language reference"
    assert corpus.bytes > 100_000


# The command


def test_the_tables_name_texts_subjects_and_jobs(corpus_file, checkpoint):
    printed = small_run(corpus_file, checkpoint, "--peer", "twin").stdout
    for words in (
        f"{len(TEXTS)} paragraphs",
        "ids: text -> flat ids",
        "single: one short text",
        "same, 40 docs",
        "twin",
    ):
        assert words in printed


def test_a_table_fits_80_columns(corpus_file, checkpoint, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    printed = small_run(corpus_file, checkpoint).stdout
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed


def test_a_long_range_takes_a_line_of_its_own(corpus_file, checkpoint, monkeypatch):
    cells = ["tensorflow-text", "10.9", "46.5", "2,323,836", "0.632x (0.483-0.786)", "0.422x", "33.33 %"]
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(table, "_cells", lambda result, report, single: cells)
    printed = small_run(corpus_file, checkpoint, "--peer", "twin").stdout
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    assert re.search(r"2,323,836 +0\.632x +0\.422x +33\.33 % *\n +\(0\.483-0\.786\) *\n", printed)


def test_what_took_part_stands_a_line_each(corpus_file, checkpoint, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Twin, "version", lambda self: "1.0 " + "(with a long version) " * 2)
    monkeypatch.setattr(peers, "PEERS", (Differs(), Twin()))
    lines = small_run(corpus_file, checkpoint).stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["ferrobert", "differs", "twin"]
    assert lines[2].rstrip().endswith("(with a long version)")


def test_a_single_round_has_no_range(corpus_file, checkpoint):
    printed = small_run(corpus_file, checkpoint, "--peer", "twin", "--rounds", 1).stdout
    assert "1 round\n" in printed
    assert re.search(r"twin .*\dx +\d", printed)
    assert not re.search(r"x \([\d.]+-", printed)


def test_the_range_of_more_rounds_is_shown():
    assert table.ratio_text(Ratio(3.0, 2.0, 4.0)) == "3.00x (2.00-4.00)"


def test_the_speed_on_a_tiny_corpus_is_not_zero(tmp_path, checkpoint):
    (tmp_path / "corpus.txt").write_text("a\nb\n", "utf-8")
    printed = small_run(tmp_path / "corpus.txt", checkpoint, "--peer", "twin").stdout
    assert "2 paragraphs, 2 bytes" in printed
    assert not re.search(r" 0(\.0+)? ", printed)


def test_a_chart_of_a_single_round_is_a_picture(corpus_file, checkpoint, tmp_path):
    pytest.importorskip("matplotlib")
    small_run(corpus_file, checkpoint, "--peer", "twin", "--rounds", 1, "--plot", tmp_path / "a.svg")
    assert "One round." in (tmp_path / "a.svg").read_text("utf-8")


def test_a_peer_that_is_not_installed_is_named_with_its_command(corpus_file, checkpoint, monkeypatch):
    monkeypatch.setattr(peers, "PEERS", (Twin(), Absent()))
    printed = small_run(corpus_file, checkpoint).stdout
    assert "not measured: absent is not installed: pip install no-such-package" in printed


def test_the_json_holds_every_round_and_what_it_was_measured_with(corpus_file, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "PEERS", (Twin(), Differs(), Absent()))
    small_run(corpus_file, checkpoint, "--json", tmp_path / "speed.json")
    report = json.loads((tmp_path / "speed.json").read_text("utf-8"))
    assert report["schema"] == 1
    assert set(report) == {
        "schema", "date", "machine", "versions", "corpus", "corpus_sha256", "paragraphs", "bytes", "vocabulary",
        "threads", "rounds", "subjects", "absent", "notes", "jobs",
    }  # fmt: skip
    assert set(report["machine"]) == {"processor", "cores", "system", "architecture", "python"}
    assert (report["corpus"], report["paragraphs"], report["threads"]) == ("corpus.txt", len(TEXTS), 1)
    assert report["absent"] == {"absent": "pip install no-such-package"}
    ids, single = report["jobs"]
    assert (ids["name"], single["name"]) == ("ids", "single")
    assert [result["subject"] for result in ids["results"]] == ["ferrobert", "differs"]
    assert [result["subject"] for result in ids["few"]] == ["ferrobert", "twin"]
    assert single["cannot"] == {"differs": "no such call"}
    differs = ids["results"][1]
    assert (differs["equal"], differs["rows"], differs["compared_with"]) == (FEW_TEXTS - 1, FEW_TEXTS, "twin")
    assert len(differs["first"]) == len(differs["warm"]) == 2
    assert set(differs["behind_warm"]) == {"median", "low", "high"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "speed.json"]


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
@pytest.mark.parametrize("theme", ["both", "light", "dark"])
def test_the_chart_is_a_picture_of_its_kind(corpus_file, checkpoint, tmp_path, name, begins, theme):
    pytest.importorskip("matplotlib")
    pytest.importorskip("transformers")
    small_run(corpus_file, checkpoint, "--peer", "twin", "--plot", tmp_path / name, "--theme", theme)
    data = (tmp_path / name).read_bytes()
    assert data.startswith(begins)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["corpus.txt", name])


def test_a_chart_without_the_reference_is_a_picture_too(corpus_file, checkpoint, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(peers, "PEERS", (Twin(),))
    small_run(corpus_file, checkpoint, "--plot", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


def test_named_peers_come_with_the_reference():
    names = [peer.name for peer in peers.chosen_peers(["tokie"], None)]
    assert names in (["transformers", "tokie"], ["tokie", "twin"])


def test_an_environment_of_its_own_is_only_made_when_asked_for():
    assert "tokenizers-1.0" not in [peer.name for peer in peers.chosen_peers([], None)]
    assert "tokenizers-1.0" in [peer.name for peer in peers.chosen_peers([], "all")]
    assert "tokenizers-1.0" in [peer.name for peer in peers.chosen_peers(["tokenizers-1.0"], None)]


def test_its_modules_import_neither_torch_nor_transformers():
    code = (
        "import sys; import ferrobert.bench.run, ferrobert.bench.suites, ferrobert.bench.table, ferrobert.bench.plot\n"
        "sys.exit(str({'torch', 'transformers', 'matplotlib', 'tensorflow'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert not done.stderr.strip()


# Bad input


def test_a_missing_corpus_is_refused(tmp_path):
    assert refused("--corpus", tmp_path / "none.txt") == f"No such file or directory: {tmp_path / 'none.txt'}"


def test_an_empty_corpus_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("\n \n")
    assert "a.txt has no text" in refused("--corpus", tmp_path / "a.txt")


def test_a_corpus_that_is_no_utf_8_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"fine\nna\xefve\n")
    assert "a.txt, line 2: not UTF-8" in refused("--corpus", tmp_path / "a.txt")


def test_a_compressed_corpus_is_refused(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(b"\x1f\x8b\x08\x00")
    assert "a.txt.gz is compressed" in refused("--corpus", tmp_path / "a.txt.gz")


def test_a_negative_number_of_lines_is_refused():
    assert refused("--lines", -1) == "--lines must be at least 0, got -1"


def test_no_rounds_are_refused():
    assert refused("--rounds", 0) == "--rounds must be at least 1, got 0"


def test_no_threads_are_refused():
    assert refused("--threads", 0) == "--threads must be at least 1, got 0"


def test_an_unknown_suite_is_refused_with_those_there_are():
    assert refused("translation") == "no suite 'translation'; there are wordpiece"


def test_an_unknown_job_is_refused_with_those_there_are():
    message = refused("--job", "arrays")
    assert message.startswith("no job 'arrays'; there are ids, arrays-128, arrays-512")


def test_an_unknown_peer_is_refused_with_those_there_are():
    assert refused("--peer", "spacy").startswith("no peer 'spacy'; there are transformers, tokenizers-1.0, nanotoken")


def test_another_word_for_peers_is_refused():
    assert refused("--peers", "some") == "--peers must be installed or all, got 'some'"


def test_peer_and_peers_together_are_refused():
    assert refused("--peer", "tokie", "--peers", "all") == "give --peer or --peers, one of the two"


def test_a_vocabulary_that_is_not_there_is_refused(corpus_file, tmp_path):
    assert "none" in refused("--corpus", corpus_file, "--vocab", tmp_path / "none")


def test_without_a_default_vocabulary_the_error_says_what_to_pass(monkeypatch):
    monkeypatch.setattr("ferrobert.hub.PACKAGE", "no_such_package")
    with pytest.raises(ConfigError, match="pass --vocab FOLDER or --vocab vocab.txt, or install"):
        texts.vocabulary(None)


def test_json_in_a_folder_that_is_not_there_is_refused_before_the_run(tmp_path):
    assert "there is no folder" in refused("--json", tmp_path / "none" / "speed.json")


def test_json_that_is_a_folder_is_refused(tmp_path):
    assert refused("--json", tmp_path) == f"--json {tmp_path} is a folder; it must be a file"


def test_json_that_cannot_be_made_is_refused_before_the_run_with_the_path_given(tmp_path, monkeypatch):
    def mkstemp(dir, prefix, suffix):
        raise PermissionError(13, "Permission denied", f"{dir}/{prefix}x1y2z3")

    monkeypatch.setattr(files.tempfile, "mkstemp", mkstemp)
    path = tmp_path / "speed.json"
    assert refused("--json", path) == f"--json {path} cannot be written: Permission denied"


def test_a_chart_with_a_name_that_is_too_long_is_refused_before_the_run(tmp_path):
    path = tmp_path / ("a" * 300 + ".svg")
    with pytest.raises(ConfigError, match="cannot be written: File name too long"):
        output.check_output(None, path, "both")


def test_json_that_is_a_device_is_refused():
    assert refused("--json", "/dev/null") == "--json /dev/null is a device or a pipe; it must be a file"


def test_one_file_for_json_and_chart_is_refused(tmp_path):
    path = tmp_path / "a.svg"
    assert refused("--json", path, "--plot", path) == f"--json and --plot are the same file {path}"


def test_the_check_leaves_nothing_behind(tmp_path):
    output.check_output(tmp_path / "speed.json", None, "both")
    assert list(tmp_path.iterdir()) == []


def test_a_chart_of_another_kind_is_refused(tmp_path):
    assert "--plot must end with .png or .svg" in refused("--plot", tmp_path / "a.pdf")


def test_an_unknown_theme_is_refused():
    assert refused("--theme", "blue") == "--theme must be both, light or dark, got 'blue'"


def test_a_chart_without_matplotlib_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setattr(output.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r'pip install "ferrobert\[bench\]"'):
        output.check_output(None, tmp_path / "a.png", "both")


def test_a_job_says_what_one_call_of_it_takes():
    pairs = Job("pairs", "pairs", Kind.PAIRS, max_length=8).work(["a", "bb", "ccc"])
    assert (pairs.arguments, pairs.docs, pairs.bytes) == ((["a"], ["bb"]), 1, 3)
    words = Job("words", "words", Kind.WORDS, max_length=8).work(["a bb"])
    assert (words.arguments, words.docs) == (([["a", "bb"]],), 1)
