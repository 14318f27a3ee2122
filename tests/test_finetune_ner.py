import json

import numpy as np
import pytest
from tests.test_finetune import StopAfter, assert_equal_weights, report_of, weights_of

import ferrobert as fb
from ferrobert.errors import AlignmentError, ConfigError, DataError
from ferrobert.tables import TableWriter

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PEOPLE = [["one", "two"], ["three"], ["good"]]
PLACES = [["film"], ["book", "room"]]
# A sentence: who wrote a <place> and <person> was good.
TRAIN = [
    (
        ["who", "wrote", *place, "and", *person, "was", "!"],
        ["O", "O", "B-LOC", *["I-LOC"] * (len(place) - 1), "O", "B-PER", *["I-PER"] * (len(person) - 1), "O", "O"],
    )
    for person in PEOPLE
    for place in PLACES
] * 4
CHECK = TRAIN[:6]
NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
FAST = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 8, "device": "cpu", "progress": False}
LONGER = {**FAST, "epochs": 8, "learning_rate": 5e-3}
SPANS = [
    {"text": "Elon Musk wrote this.", "spans": [{"start": 0, "end": 9, "label": "PER"}]},
    {"text": "a film in Oslo", "spans": [{"start": 10, "end": 14, "label": "LOC"}]},
] * 8


def finetune(model, train=TRAIN, validation=None, **settings):
    return fb.finetune("ner", model, train, validation, **{**FAST, **settings})


@pytest.fixture(scope="module")
def trained(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return fb.finetune("token-classification", tiny_encoder, TRAIN, CHECK, output_dir=folder, **LONGER), folder


def test_training_learns_the_tags(trained):
    pipe, folder = trained
    assert pipe.task == "token-classification"
    assert pipe.word_labels([words for words, _ in CHECK]) == [tags for _, tags in CHECK]
    assert report_of(folder)["history"][-1]["validation_f1"] == 1.0


def test_transformers_loads_the_folder_as_it_is(trained):
    _, folder = trained
    reference = transformers.pipeline("token-classification", str(folder), device="cpu", aggregation_strategy="simple")
    assert [one["entity_group"] for one in reference("who wrote film and three was !")] == ["LOC", "PER"]
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {str(index): name for index, name in enumerate(NAMES)}
    assert config["architectures"] == ["BertForTokenClassification"]


def test_the_report_says_what_was_trained(trained):
    _, folder = trained
    report = report_of(folder)
    assert report["task"] == "token-classification"
    assert set(report["history"][0]) == {
        "epoch", "loss", "validation_loss", "validation_f1", "validation_precision", "validation_recall"
    }  # fmt: skip
    assert report["rows"]["train"] == 24
    assert report["rows"]["train_by_label"]["B-PER"] == 24
    assert report["tags"]["train"] == {"scheme": "BIO", "converted_from": None, "inconsistent": 0}
    words = sum(len(words) for words, _ in TRAIN)
    assert report["tokens"]["train"] == {
        "labelled": words, "windows": 24, "rows_in_windows": 0, "words_without_tokens": 0
    }  # fmt: skip


def test_the_scores_of_the_report_are_those_of_the_pipeline(tiny_encoder, tmp_path):
    pipe = finetune(tiny_encoder, TRAIN, CHECK, output_dir=tmp_path, epochs=2)
    predicted = pipe.word_labels([words for words, _ in CHECK])
    scores = fb.metrics.entity_f1([tags for _, tags in CHECK], predicted)
    last = report_of(tmp_path)["history"][-1]
    assert {name: last[f"validation_{name}"] for name in ("precision", "recall", "f1")} == {
        name: pytest.approx(scores[name]) for name in ("precision", "recall", "f1")
    }


@pytest.mark.parametrize("part", [{}, {"lora": True}, {"freeze_encoder": True}], ids=["full", "lora", "frozen"])
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(tiny_encoder, tmp_path, monkeypatch, part):
    if "lora" in part:
        pytest.importorskip("peft")
    from ferrobert.training import trainer

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    settings = {"epochs": 2, **part}
    finetune(tiny_encoder, TRAIN, CHECK, output_dir=whole, **settings)
    original = trainer.TokenClassifierTrainer.__init__
    with monkeypatch.context() as patched:

        def interrupted(self, **arguments):
            original(self, **{**arguments, "callbacks": [*arguments["callbacks"], StopAfter(1)]})

        patched.setattr(trainer.TokenClassifierTrainer, "__init__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            finetune(tiny_encoder, TRAIN, CHECK, output_dir=broken, **settings)
    finetune(tiny_encoder, TRAIN, CHECK, output_dir=broken, resume=True, **settings)
    assert_equal_weights(whole, broken)
    assert report_of(broken)["history"] == report_of(whole)["history"]


def test_resume_under_another_scheme_is_refused(tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    original = trainer.TokenClassifierTrainer.__init__
    with monkeypatch.context() as patched:

        def interrupted(self, **arguments):
            original(self, **{**arguments, "callbacks": [*arguments["callbacks"], StopAfter(1)]})

        patched.setattr(trainer.TokenClassifierTrainer, "__init__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            finetune(tiny_encoder, output_dir=tmp_path)
    with pytest.raises(ConfigError, match=r"other settings \(label_all_tokens False -> True\)"):
        finetune(tiny_encoder, output_dir=tmp_path, label_all_tokens=True, resume=True)


# The loss


def loss_trainer(model, class_weight=None, **arguments):
    from ferrobert.training.trainer import TokenClassifierTrainer

    made = transformers.TrainingArguments(output_dir="unused", use_cpu=True, report_to="none", **arguments)
    return TokenClassifierTrainer(model=model, args=made, class_weight=class_weight)


class Fixed(torch.nn.Module):
    """Logits that depend on the ids alone."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(10, 3)

    def forward(self, input_ids):
        return transformers.modeling_outputs.TokenClassifierOutput(logits=self.table(input_ids))


@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 2.0, 3.0])], ids=["plain", "weighted"])
def test_the_loss_of_accumulated_batches_is_the_mean_over_all_their_labelled_tokens(weight):
    torch.manual_seed(0)
    model = Fixed()
    trainer = loss_trainer(model, weight)
    ids = torch.randint(0, 10, (4, 6))
    labels = torch.randint(0, 3, (4, 6))
    labels[0, 1:] = -100
    labels[3, 4:] = -100
    batches = [{"input_ids": ids[part], "labels": labels[part]} for part in (slice(0, 1), slice(1, 4))]
    count = trainer._get_num_items_in_batch(batches, torch.device("cpu"))
    parts = sum(trainer.compute_loss(model, batch, num_items_in_batch=count) for batch in batches)
    whole = torch.nn.functional.cross_entropy(model.table(ids).flatten(0, 1), labels.flatten(), weight=weight)
    assert parts.item() == pytest.approx(whole.item(), rel=1e-6)


def test_one_batch_has_the_loss_of_the_model_itself(tiny_encoder):
    from ferrobert.models.checkpoint import load_token_classifier

    model = load_token_classifier(tiny_encoder, labels=NAMES).model
    ids = torch.tensor([[2, 10, 11, 12, 3], [2, 14, 3, 0, 0]])
    labels = torch.tensor([[-100, 0, 1, -100, -100], [-100, 3, -100, -100, -100]])
    trainer = loss_trainer(model)
    batch = {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}
    count = trainer._get_num_items_in_batch([batch], torch.device("cpu"))
    ours = trainer.compute_loss(model, batch, num_items_in_batch=count)
    assert ours.item() == pytest.approx(model(**batch).loss.item(), rel=1e-6)


def test_accumulated_batches_train_as_one_large_batch_does(tiny_encoder, tmp_path):
    settings = {"checkpoints": False}
    from ferrobert.models.checkpoint import load_token_classifier

    folder = tmp_path / "plain"
    model = load_token_classifier(tiny_encoder, labels=NAMES).model
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
    model.save_pretrained(folder)
    fb.AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder)
    finetune(folder, output_dir=tmp_path / "one", batch_size=8, **settings)
    finetune(folder, output_dir=tmp_path / "two", batch_size=4, gradient_accumulation_steps=2, **settings)
    one, two = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    # AdamW's first steps magnify what the order of additions leaves of gradients near 0.
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-4
    assert report_of(tmp_path / "one")["history"][0]["loss"] == pytest.approx(
        report_of(tmp_path / "two")["history"][0]["loss"], abs=1e-5
    )


def test_the_validation_loss_is_the_mean_over_labelled_tokens(tiny_encoder, tmp_path):
    check = [*CHECK[:1], (["film"] * 9, ["O"] * 9)]
    weights = {"O": 0.5, "B-LOC": 1.0, "I-LOC": 1.0, "B-PER": 2.0, "I-PER": 1.0}
    pipe = finetune(tiny_encoder, TRAIN, check, output_dir=tmp_path, class_weight=weights)
    total = weight = 0.0
    for words, tags in check:
        encoding = pipe.tokenizer([words], is_split_into_words=True, return_tensors="pt")
        labels = torch.from_numpy(fb.align_labels(encoding, [tags], label2id=NAMES).values)
        logits = pipe.model(**encoding).logits[0]
        of_label = torch.tensor([weights[name] for name in NAMES])
        total += torch.nn.functional.cross_entropy(logits, labels, weight=of_label, reduction="sum").item()
        weight += of_label[labels[labels >= 0]].sum().item()
    assert report_of(tmp_path)["history"][-1]["validation_loss"] == pytest.approx(total / weight, rel=1e-4)


def test_a_frozen_encoder_keeps_its_weights(tiny_encoder, tmp_path):
    finetune(tiny_encoder, output_dir=tmp_path, freeze_encoder=True)
    before, after = weights_of(tiny_encoder), weights_of(tmp_path)
    assert all(torch.equal(after[f"bert.{name}"], weight) for name, weight in before.items() if "pooler" not in name)


def test_early_stopping_and_select_best_by_f1(tiny_encoder, tmp_path):
    finetune(tiny_encoder, TRAIN, CHECK, output_dir=tmp_path, epochs=3, select_best="f1", early_stopping_patience=3)
    report = report_of(tmp_path)
    scores = [record["validation_f1"] for record in report["history"]]
    assert report["best_epoch"] == 1 + int(np.argmax(scores))


def test_balanced_weights_are_those_of_the_labelled_tokens(tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    seen = []
    original = trainer.TokenClassifierTrainer.__init__

    def recorded(self, **arguments):
        seen.append(arguments["class_weight"])
        original(self, **arguments)

    monkeypatch.setattr(trainer.TokenClassifierTrainer, "__init__", recorded)
    finetune(tiny_encoder, output_dir=tmp_path, class_weight="balanced")
    tags = [tag for _, tags in TRAIN for tag in tags]
    assert seen[0].tolist() == pytest.approx([len(tags) / (5 * tags.count(name)) for name in NAMES])


# Windows


def test_long_sentences_are_trained_in_windows_and_each_word_once(tiny_encoder, tmp_path):
    long = (["film", "one", "two"] * 50, ["B-LOC", "B-PER", "I-PER"] * 50)
    finetune(tiny_encoder, [*TRAIN, long], [long], output_dir=tmp_path)
    tokens = report_of(tmp_path)["tokens"]
    assert tokens["train"]["labelled"] == sum(len(words) for words, _ in TRAIN) + 150
    assert tokens["train"]["rows_in_windows"] == 1
    assert tokens["train"]["windows"] == len(TRAIN) + tokens["validation"]["windows"]
    assert tokens["validation"]["labelled"] == 150


@pytest.mark.parametrize("label_all_tokens", [False, True])
def test_a_word_is_labelled_in_the_window_where_it_is_read(tiny_encoder, label_all_tokens):
    from ferrobert.training.tagged_examples import read_tagged
    from ferrobert.training.tagged_rows import TagColumns
    from ferrobert.training.token_labels import encode_tagged

    words = [f"{'x' * (1 + number % 5)}" for number in range(60)]
    tags = ["B-PER" if number % 2 else "O" for number in range(60)]
    examples = read_tagged([(words, tags)], TagColumns(), "train")
    tokenizer = fb.AutoTokenizer.from_pretrained(tiny_encoder)
    made = encode_tagged(
        examples, tokenizer, NAMES, scheme="BIO", longest=32, stride=None, label_all_tokens=label_all_tokens
    )
    encoding = tokenizer(
        [words], is_split_into_words=True, truncation=True, max_length=32, stride=7, return_overflowing_tokens=True
    )
    read = fb.word_labels(encoding, fb.Ragged(np.arange(len(made.labels)), encoding.columns.row_splits))[0]
    labelled = np.flatnonzero(made.labels != -100)
    tokens = sum(map(len, words)) if label_all_tokens else 60
    assert len(labelled) == tokens
    assert set(read) <= set(labelled.tolist())
    assert made.words(NAMES, made.labels) == [tags]


def test_spans_of_a_long_text_are_all_trained(tiny_encoder, tmp_path):
    text = "Elon wrote a film. " * 30
    spans = [{"start": 19 * number, "end": 19 * number + 4, "label": "PER"} for number in range(30)]
    finetune(tiny_encoder, [{"text": text, "spans": spans}, *SPANS], output_dir=tmp_path)
    report = report_of(tmp_path)
    assert report["rows"]["train_by_label"] == {"LOC": 8, "PER": 38}
    assert report["tokens"]["train"]["rows_in_windows"] == 1


def test_words_without_tokens_are_counted(tiny_encoder, tmp_path):
    train = [*TRAIN, (["film", "", "\u200b"], ["B-LOC", "O", "B-PER"])]
    pipe = finetune(tiny_encoder, train, train[-1:], output_dir=tmp_path)
    assert report_of(tmp_path)["tokens"]["train"]["words_without_tokens"] == 2
    assert len(pipe.word_labels([train[-1][0]])[0]) == 3


# Data


def data_as(kind, folder):
    columns = {"tokens": [words for words, _ in TRAIN], "tags": [tags for _, tags in TRAIN]}
    rows = [{"tokens": words, "tags": tags} for words, tags in TRAIN]
    if kind == "tuples":
        return TRAIN
    if kind == "dicts":
        return rows
    if kind == "columns":
        return columns
    if kind == "dataset":
        return pytest.importorskip("datasets").Dataset.from_dict(columns)
    if kind == "frame":
        return pytest.importorskip("pandas").DataFrame(columns)
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = folder / f"train.{kind}"
    with TableWriter(path) as writer:
        writer.write(rows)
    return path


@pytest.mark.parametrize("kind", ["tuples", "dicts", "columns", "dataset", "frame", "conll", "jsonl", "parquet"])
def test_examples_of_every_kind_are_read_alike(kind, tmp_path):
    from ferrobert.training.tagged_examples import read_tagged
    from ferrobert.training.tagged_rows import TagColumns

    examples = read_tagged(data_as(kind, tmp_path), TagColumns(), "train")
    assert list(zip(examples.inputs, examples.labels, strict=True)) == TRAIN


@pytest.mark.parametrize("kind", ["dicts", "columns", "dataset", "jsonl", "parquet"])
def test_texts_with_spans_of_every_kind_are_read_alike(kind, tmp_path):
    from ferrobert.training.tagged_examples import read_tagged
    from ferrobert.training.tagged_rows import TagColumns

    columns = {name: [row[name] for row in SPANS] for name in ("text", "spans")}
    source = {"dicts": SPANS, "columns": columns}.get(kind)
    if kind == "dataset":
        source = pytest.importorskip("datasets").Dataset.from_dict(columns)
    elif source is None:
        source = tmp_path / f"train.{kind}"
        with TableWriter(source) as writer:
            writer.write(SPANS)
    examples = read_tagged(source, TagColumns(), "train")
    assert examples.inputs == columns["text"]
    assert examples.labels == [[(0, 9, "PER")], [(10, 14, "LOC")]] * 8


def test_texts_with_spans_are_trained(tiny_encoder, tmp_path):
    pipe = finetune(tiny_encoder, SPANS, SPANS[:2], output_dir=tmp_path, **{**LONGER, "epochs": 12})
    assert pipe.labels == NAMES
    assert report_of(tmp_path)["history"][-1]["validation_f1"] == 1.0
    found = pipe("Elon Musk wrote this.", aggregation_strategy="first")
    assert [(one["entity_group"], one["start"], one["end"]) for one in found] == [("PER", 0, 9)]


def test_a_share_of_the_sentences_is_set_aside_by_the_seed(tiny_encoder, tmp_path):
    from ferrobert.training.tagged_examples import read_tagged, split
    from ferrobert.training.tagged_rows import TagColumns

    finetune(tiny_encoder, TRAIN, 0.25, output_dir=tmp_path)
    rows = report_of(tmp_path)["rows"]
    assert (rows["train"], rows["validation"]) == (18, 6)
    numbered = [([f"w{number}"], ["B-PER"]) for number in range(20)]
    examples = read_tagged(numbered, TagColumns(), "train")
    learn, check = split(examples, 0.2, 1)
    assert sorted(words[0] for words in learn.inputs + check.inputs) == sorted(f"w{number}" for number in range(20))
    assert check.inputs == split(examples, 0.2, 1)[1].inputs != split(examples, 0.2, 2)[1].inputs
    assert check.where(0) == f"train: row {check.inputs[0][0][1:]}"


def test_class_labels_of_a_dataset_name_the_tags(tiny_encoder, tmp_path):
    datasets = pytest.importorskip("datasets")
    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    label = datasets.ClassLabel(names=names)
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(label),
        }
    )
    rows = datasets.Dataset.from_dict(
        {
            "tokens": [words for words, _ in TRAIN],
            "ner_tags": [[names.index(tag) for tag in tags] for _, tags in TRAIN],
        },
        features=features,
    )
    pipe = finetune(tiny_encoder, rows, rows, output_dir=tmp_path, tags_column="ner_tags")
    assert pipe.labels == names


def test_numbers_as_tags_have_the_names_given(tiny_encoder, tmp_path):
    numbered = [(words, [NAMES.index(tag) for tag in tags]) for words, tags in TRAIN]
    assert finetune(tiny_encoder, numbered, output_dir=tmp_path, label_names=NAMES).labels == NAMES


def test_tags_that_do_not_occur_get_a_name_too(tiny_encoder, tmp_path):
    train = [(["film", "three"], ["B-LOC", "B-PER"])] * 4
    assert finetune(tiny_encoder, train, output_dir=tmp_path).labels == NAMES


def test_a_head_for_the_same_tags_keeps_their_order(tmp_path, trained, tiny_encoder):
    from ferrobert.models.checkpoint import load_token_classifier

    names = ["B-PER", "I-PER", "O", "I-LOC", "B-LOC"]
    folder = tmp_path / "model"
    load_token_classifier(tiny_encoder, labels=names).model.save_pretrained(folder)
    fb.AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder)
    pipe = finetune(folder, output_dir=tmp_path / "out", learning_rate=1e-9)
    assert pipe.labels == names
    before, after = weights_of(folder), weights_of(tmp_path / "out")
    assert torch.allclose(before["classifier.weight"], after["classifier.weight"], atol=1e-6)


def test_the_head_of_a_classifier_of_texts_is_not_taken_for_one_of_tokens(make_checkpoint, tmp_path):
    folder = make_checkpoint(NAMES)
    pipe = finetune(folder, output_dir=tmp_path, learning_rate=1e-9)
    before, after = weights_of(folder), weights_of(tmp_path)
    assert before["classifier.weight"].shape == after["classifier.weight"].shape
    assert not torch.allclose(before["classifier.weight"], after["classifier.weight"], atol=1e-3)
    key = "bert.encoder.layer.0.output.dense.weight"
    assert torch.allclose(before[key], after[key], atol=1e-6)
    assert pipe.labels == NAMES


# Schemes


@pytest.mark.parametrize(
    ("rows", "scheme"),
    [
        ([["B-PER", "I-PER", "O"]], "BIO"),
        ([["I-PER", "I-PER", "O"], ["B-LOC"]], "BIO"),
        ([["I-PER", "I-PER", "O"], ["I-LOC", "B-LOC"]], "IOB1"),
        ([["I-PER", "O", "I-LOC"]], "IOB1"),
        ([["B-PER", "E-PER", "O", "S-LOC"]], "BIOES"),
        ([["B-PER", "L-PER", "O", "U-LOC"]], "BILOU"),
        ([["O"]], "BIO"),
    ],
)
def test_the_scheme_is_the_one_that_the_tags_show(rows, scheme):
    from ferrobert.training.tag_schemes import detect_scheme

    assert detect_scheme(rows) == scheme


@pytest.mark.parametrize(
    ("row", "scheme", "count"),
    [
        (["B-PER", "I-PER", "O", "B-PER"], "BIO", 0),
        (["O", "I-PER", "I-PER"], "BIO", 1),
        (["B-LOC", "I-PER", "I-PER"], "BIO", 1),
        (["B-PER", "E-PER", "S-PER", "O"], "BIOES", 0),
        (["B-PER", "O", "E-PER"], "BIOES", 2),
        (["B-PER"], "BIOES", 1),
        (["S-PER", "E-PER"], "BIOES", 1),
        (["B-PER", "I-PER", "L-PER", "U-LOC"], "BILOU", 0),
        (["I-PER", "B-PER"], "IOB1", 0),
    ],
)
def test_tags_that_break_their_scheme_are_counted(row, scheme, count):
    from ferrobert.training.tag_schemes import inconsistent_tags

    assert inconsistent_tags([row], scheme) == count


def test_iob1_becomes_bio_and_the_report_says_so(tiny_encoder, tmp_path):
    iob1 = [(words, [tag.replace("B-", "I-") for tag in tags]) for words, tags in TRAIN]
    assert finetune(tiny_encoder, iob1, CHECK, output_dir=tmp_path).labels == NAMES
    tags = report_of(tmp_path)["tags"]
    assert tags["train"] == {"scheme": "BIO", "converted_from": "IOB1", "inconsistent": 0}
    assert tags["validation"] == {"scheme": "BIO", "converted_from": None, "inconsistent": 0}


def test_bioes_is_kept(tiny_encoder, tmp_path):
    bioes = [(words, fb.convert_scheme(tags, source="BIO", target="BIOES")) for words, tags in TRAIN]
    pipe = finetune(tiny_encoder, bioes, bioes[:6], output_dir=tmp_path)
    assert pipe.labels == fb.label_list(["LOC", "PER"], "BIOES")
    assert report_of(tmp_path)["tags"]["validation"]["scheme"] == "BIOES"


def test_inconsistent_tags_are_trained_and_counted(tiny_encoder, tmp_path):
    finetune(tiny_encoder, [*TRAIN, (["film"], ["I-LOC"])], output_dir=tmp_path)
    report = report_of(tmp_path)
    assert report["tags"]["train"]["inconsistent"] == 1
    assert report["tokens"]["train"]["labelled"] == sum(len(words) for words, _ in TRAIN) + 1


# What is refused


def refused(error, message, model, train=TRAIN, validation=None, **settings):
    with pytest.raises(error, match=message):
        finetune(model, train, validation, **{"output_dir": "unused", **settings})


def test_no_examples_are_refused(tiny_encoder):
    refused(DataError, "train: no examples", tiny_encoder, [])


def test_words_and_tags_of_different_number_are_refused(tiny_encoder):
    refused(AlignmentError, "train: row 1: 2 tokens and 1 tags", tiny_encoder, [*TRAIN[:1], (["a", "b"], ["O"])])


def test_a_tag_of_no_scheme_is_refused(tiny_encoder, tmp_path):
    refused(DataError, "train: row 0, word 1: unknown tag 'PER'", tiny_encoder, [(["a", "b"], ["O", "PER"])])
    (tmp_path / "a.conll").write_text("a O\nb PER\n")
    refused(DataError, r"a\.conll, line 2: the token 'b' has the tag 'PER'", tiny_encoder, tmp_path / "a.conll")


def test_tags_of_two_schemes_are_refused(tiny_encoder):
    refused(DataError, "mix E- and S-", tiny_encoder, [(["a", "b"], ["S-PER", "U-PER"])])


def test_a_tag_of_validation_that_train_lacks_is_refused(tiny_encoder, tmp_path):
    message = "validation: row 1, word 0: unknown tag 'B-ORG'; the tags are 'O', 'B-LOC'"
    refused(DataError, message, tiny_encoder, TRAIN, [*CHECK[:1], (["tesla"], ["B-ORG"])])
    (tmp_path / "dev.conll").write_text("a O\n\nb O\ntesla B-ORG\n")
    refused(DataError, r"dev\.conll, line 4: unknown tag 'B-ORG'", tiny_encoder, TRAIN, tmp_path / "dev.conll")


def test_a_span_of_validation_that_train_lacks_is_refused(tiny_encoder):
    check = [{"text": "a b", "spans": [{"start": 0, "end": 1, "label": "ORG"}]}]
    refused(DataError, "validation: row 0, span 0: label 'ORG' needs the tag 'B-ORG'", tiny_encoder, SPANS, check)


def test_data_without_entities_is_refused(tiny_encoder):
    refused(DataError, "train: no entity in 1 rows", tiny_encoder, [(["a"], ["O"])])


def test_numbers_without_names_are_refused(tiny_encoder):
    refused(DataError, "row 0: column 'tags' holds numbers; label_names=", tiny_encoder, [(["a"], [0])])


def test_a_number_without_a_name_is_refused(tiny_encoder):
    refused(DataError, "row 0, word 0: unknown tag 9", tiny_encoder, [(["a"], [9])], label_names=NAMES)


def test_a_missing_column_lists_the_columns(tiny_encoder, tmp_path):
    rows = {"tokens": [["a"]], "ner_tags": [["O"]]}
    refused(DataError, "no column 'tags'; its columns are 'tokens', 'ner_tags'", tiny_encoder, rows)
    (tmp_path / "a.conll").write_text("a\nb\n")
    refused(DataError, "no column 'tags'; its columns are 'tokens'$", tiny_encoder, tmp_path / "a.conll")


def test_words_that_are_no_list_are_refused(tiny_encoder):
    refused(DataError, "row 0: column 'tokens' must hold a list of strings, holds str", tiny_encoder, [("a b", ["O"])])
    refused(DataError, "row 0: column 'tokens' must hold strings, holds 3 at word 0", tiny_encoder, [([3], ["O"])])


def test_a_row_of_another_kind_is_refused(tiny_encoder):
    refused(DataError, r"row 0 must be \(words, tags\) or a dict", tiny_encoder, ["a text"])


@pytest.mark.parametrize(
    ("spans", "error", "message"),
    [
        ([{"start": 0, "end": 2, "label": "PER"}], AlignmentError, "train: row 1: span 0 .*"),
        ([{"start": 0, "end": 0, "label": "PER"}], AlignmentError, "row 1, span 0: 0 to 0 must lie in the text"),
        ([{"start": 0, "end": 99, "label": "PER"}], AlignmentError, "row 1, span 0: 0 to 99 must lie in the text"),
        ([(0, 4, "PER"), (0, 9, "PER")], AlignmentError, "row 1, span 1 overlaps span 0"),
        ([{"start": 0, "end": 4}], DataError, "span 0: label must be the type of an entity, such as PER, got None"),
        ([{"start": 0, "end": 4, "label": "B-PER"}], DataError, "label must be the type of an entity"),
        ([{"start": 0.5, "end": 4, "label": "PER"}], DataError, "start and end must be whole numbers"),
        ("PER", DataError, "column 'spans' must hold a list of spans, holds str"),
    ],
    ids=["cuts a word", "empty", "outside", "overlap", "no label", "a tag", "a fraction", "no list"],
)
def test_a_span_that_does_not_fit_is_refused(tiny_encoder, tmp_path, spans, error, message):
    rows = [SPANS[0], {"text": "Elon Musk wrote this.", "spans": spans}]
    refused(error, message, tiny_encoder, rows, output_dir=tmp_path)


def test_names_that_lack_a_tag_of_the_data_are_refused(tiny_encoder):
    refused(DataError, "row 0, word 4: unknown tag 'B-PER'", tiny_encoder, label_names=["O", "B-LOC", "I-LOC"])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("scheme", "IO"),
        ("stride", -1),
        ("label_all_tokens", "yes"),
        ("max_length", 2),
        ("label_names", ["only"]),
        ("class_weight", {"O": 1.0}),
        ("select_best", "accuracy"),
        ("select_best", "f1"),
        ("early_stopping_patience", 2),
        ("file_format", "xml"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_allowed_is_refused(tiny_encoder, tmp_path, setting, value):
    train = TRAIN
    if setting == "file_format":
        train = data_as("conll", tmp_path)
        setting_told = "format"
    else:
        setting_told = setting
    refused(ConfigError, setting_told, tiny_encoder, train, output_dir=tmp_path / "out", **{setting: value})


def test_an_unknown_setting_lists_the_settings(tiny_encoder):
    refused(
        ConfigError, "unknown setting 'label_column'; the settings are .*tags_column", tiny_encoder, label_column="x"
    )
