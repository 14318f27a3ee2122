"""Every family through every job, with its real vocabulary: what holds for ``##`` holds for ``Ġ`` and ``▁`` as well.

Models are random, with the real table of words; texts are real. Without the data this file is skipped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.made_checkpoints import albert_of_transformers, made_model

import ferrobert as fb
from ferrobert.models.unpadded import unpadded

# Family -> folder of its vocabulary, class of its tokenizer, prefix of its models' classes.
FAMILIES = {
    "bert-uncased": ("bert-base-uncased", "BertTokenizer", "Bert"),
    "bert-cased": ("bert-base-cased", "BertTokenizer", "Bert"),
    "bert-multilingual": ("bert-base-multilingual-cased", "BertTokenizer", "Bert"),
    "distilbert": ("bert-base-uncased", "DistilBertTokenizer", "DistilBert"),
    "roberta": ("roberta-base", "RobertaTokenizer", "Roberta"),
    "albert": ("albert-base", "AlbertTokenizer", "Albert"),
}
TEXTS = [
    "Elon Musk founded Tesla in California.",
    "Café Zürich's naïve approach — 50% off, e.g. state-of-the-art!",
    "BERT: Pre-training of Deep Bidirectional Transformers (2018), arXiv:1810.04805v2.",
    "Ελληνικά, русский и 日本語 in one line \U0001f600 end",
    "x",
]
NLI = {0: "contradiction", 1: "neutral", 2: "entailment"}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Family:
    vocabulary, tokenizer, prefix = FAMILIES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    for file in (data / "vocab" / vocabulary).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**settings, "tokenizer_class": tokenizer, "model_max_length": 62}), "utf-8")
    return Family(request.param, prefix, folder)


class Family:
    """A family: its tokenizers, and random models of it."""

    def __init__(self, name: str, prefix: str, folder: Path) -> None:
        self.name = name
        self.prefix = prefix
        self.folder = folder
        self.tokenizer = fb.AutoTokenizer.from_pretrained(str(folder))
        if name == "albert":
            self.theirs = albert_of_transformers(folder, model_max_length=62)
        else:
            self.theirs = transformers.AutoTokenizer.from_pretrained(folder)

    def model(self, head: str, **config: Any) -> Any:
        settings = {"roberta": {"type_vocab_size": 1}}.get(self.name, {})
        pad = self.tokenizer.pad_token_id
        return made_model(
            f"{self.prefix}{head}", vocab_size=len(self.tokenizer), pad_token_id=pad, **settings, **config
        )

    def both(self, task: str, head: str, **config: Any) -> tuple[Any, Any]:
        """Our pipeline and transformers', on one model."""
        model = self.model(head, **config)
        ours = fb.pipeline(task, model, self.tokenizer, device="cpu")
        return ours, transformers.pipeline(task, model=model, tokenizer=self.theirs, device="cpu")


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_same(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, (float, np.floating)):
        assert ours == pytest.approx(float(theirs), abs=1e-5)
    else:
        assert ours == theirs


def corpus(data: Path, lines: int = 300) -> list[str]:
    """The first lines of both corpora."""
    texts = []
    for name in ("english", "multilingual"):
        with (data / "corpus" / f"{name}.txt").open(encoding="utf-8") as file:
            texts += [next(file).rstrip("\n") for _ in range(lines)]
    return texts


def test_tokens_are_those_of_transformers(family: Family, data: Path) -> None:
    texts = corpus(data)
    options: dict[str, Any] = {"return_offsets_mapping": True, "truncation": True, "max_length": 62}
    ours, theirs = family.tokenizer(texts, **options), family.theirs(texts, **options)
    assert ours["input_ids"] == theirs["input_ids"]
    assert [list(map(tuple, row)) for row in theirs["offset_mapping"]] == ours["offset_mapping"]
    assert [ours.word_ids(row) for row in range(len(texts))] == [theirs.word_ids(row) for row in range(len(texts))]


def test_it_runs_without_padding_and_gives_the_logits_of_its_forward(family: Family) -> None:
    model = family.model("ForTokenClassification")
    assert unpadded(model) is not None
    [logits] = fb.pipeline("token-classification", model, family.tokenizer, device="cpu")._token_logits(
        *rows_of(family)
    )
    encoded = family.theirs(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = model(**encoded).logits[encoded["attention_mask"].bool()]
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-5)


def rows_of(family: Family) -> tuple[Any, ...]:
    from ferrobert.pipelines.options import CallOptions
    from ferrobert.pipelines.rows import token_rows

    return token_rows(family.tokenizer(TEXTS)), CallOptions(), ("logits",), np.arange(len(TEXTS))


def test_text_classification(family: Family) -> None:
    ours, theirs = family.both("text-classification", "ForSequenceClassification", num_labels=3)
    assert_same(ours(TEXTS, top_k=None), theirs(TEXTS, top_k=None))


def test_zero_shot_classification(family: Family) -> None:
    labels = {label: id for id, label in NLI.items()}
    ours, theirs = family.both("zero-shot-classification", "ForSequenceClassification", id2label=NLI, label2id=labels)
    for several in (False, True):
        options = {"candidate_labels": ["naïve", "travel to Zürich", "x"], "multi_label": several}
        assert_same(ours(TEXTS, **options), theirs(TEXTS, **options))


def test_fill_mask(family: Family) -> None:
    ours, theirs = family.both("fill-mask", "ForMaskedLM")
    mask = family.tokenizer.mask_token
    texts = [f"Elon Musk founded {mask} in California.", f"{mask} naïve {mask}!"]
    assert_same(ours(tuple(texts)), theirs(texts))
    assert_same(ours(texts[0], targets=["Tesla", "x"]), theirs(texts[0], targets=["Tesla", "x"]))


def test_feature_extraction(family: Family) -> None:
    ours, theirs = family.both("feature-extraction", "Model")
    assert_same(ours(TEXTS), theirs(TEXTS))


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max"])
def test_entities_are_slices_of_the_text(family: Family, strategy: str) -> None:
    names = dict(enumerate(["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]))
    model = family.model("ForTokenClassification", id2label=names, label2id={one: id for id, one in names.items()})
    ner = fb.pipeline("ner", model, family.tokenizer, device="cpu", aggregation_strategy=strategy)
    for text, entities in zip(TEXTS, ner(TEXTS), strict=True):
        encoding = family.tokenizer(text, return_offsets_mapping=True)
        words = {word: encoding.word_to_chars(word) for word in set(encoding.word_ids()) - {None}}
        starts = {span.start for span in words.values()}
        for one in entities:
            assert one["word"] == text[one["start"] : one["end"]]
            assert one["word"].strip() == one["word"]
            assert one["word"] or strategy == "none"  # a token may be a space
            if strategy in ("first", "average", "max"):
                assert any(text[start : one["start"]].strip() == "" for start in starts if start <= one["start"])


def test_labels_of_words_reach_their_first_tokens(family: Family) -> None:
    words = ["Elon", "Musk", "founded", "naïvely", "state-of-the-art", "Zürich"]
    labels = ["B-PER", "I-PER", "O", "O", "O", "B-LOC"]
    encoding = family.tokenizer([words], is_split_into_words=True)
    [aligned] = fb.align_labels(encoding, [labels], label2id=["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
    seen: set[int] = set()
    for word, label in zip(encoding.word_ids(0), aligned.tolist(), strict=True):
        if word is None or word in seen:
            assert label == -100
        else:
            seen.add(word)
            assert label == ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"].index(labels[word])
    assert seen == set(range(6))


def test_whole_words_are_masked_whole(family: Family, data: Path) -> None:
    encoding = family.tokenizer(corpus(data, 60), truncation=True, max_length=62)
    _, labels = fb.mask_tokens(encoding, family.tokenizer, whole_word_mask=True, mlm_probability=0.3, seed=1)
    masked = 0
    for row, of_row in enumerate(labels):
        by_word: dict[tuple[int, int], set[bool]] = {}
        part = 0
        for word, token, label in zip(encoding.word_ids(row), encoding.tokens(row), of_row.tolist(), strict=True):
            if word is None:
                continue
            # Unigram's words have their punctuation and ideographs in them; to the masks those are words of their own.
            piece = token.replace("▁", "")
            plain = family.name != "albert" or (piece.isascii() and piece.isalnum())
            part += not plain
            by_word.setdefault((word, part), set()).add(label != -100)
            part += not plain
        assert all(len(states) == 1 for states in by_word.values())
        masked += sum(states == {True} for states in by_word.values())
    assert masked > 200


def test_answers_are_found_where_they_stand(family: Family, data: Path) -> None:
    articles = json.loads((data / "squad" / "dev-v1.1.json").read_text("utf-8"))["data"]
    rows = [
        (one["question"], paragraph["context"], one["answers"][0])
        for article in articles[:2]
        for paragraph in article["paragraphs"][:10]
        for one in paragraph["qas"][:2]
    ]
    questions, contexts, answers = map(list, zip(*rows, strict=True))
    given = [{"text": [one["text"]], "answer_start": [one["answer_start"]]} for one in answers]
    features = fb.encode_questions(questions, contexts, family.tokenizer, answers=given, max_length=384)
    sharp = np.full(len(features.columns.ids), -20.0, np.float32)
    logits = []
    for positions in (features["start_positions"], features["end_positions"]):
        of_all = sharp.copy()
        of_all[features.columns.row_splits[:-1] + np.array(positions)] = 20.0
        logits.append(fb.Ragged(of_all, features.columns.row_splits))
    found = fb.decode_answers(*logits, features)
    for answer, one in zip(answers, found, strict=True):
        start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
        assert one["start"] <= start
        assert one["end"] >= end
        assert len(one["answer"]) <= len(answer["text"]) + 3  # a part of a token is the whole of it


@pytest.mark.parametrize("task", ["text-classification", "ner", "question-answering"])
def test_it_is_fine_tuned_saved_and_loaded(family: Family, tmp_path: Path, task: str) -> None:
    model = family.model("Model", initializer_range=0.02)
    model.save_pretrained(tmp_path / "encoder")
    family.tokenizer.save_pretrained(str(tmp_path / "encoder"))
    rows: list[Any]
    arguments: dict[str, Any] = {"inputs": TEXTS}
    if task == "text-classification":
        rows = [(text, "long" if len(text) > 40 else "short") for text in TEXTS] * 4
    elif task == "ner":
        rows = [(["Elon", "Musk", "founded", "Tesla"], ["B-PER", "I-PER", "O", "B-ORG"])] * 20
    else:
        arguments = {"question": "Who founded Tesla?", "context": TEXTS[0]}
        answers = {"text": ["Elon Musk"], "answer_start": [0]}
        rows = [{"id": str(id), **arguments, "answers": answers} for id in range(20)]
    pipe = fb.finetune(
        task,
        tmp_path / "encoder",
        rows,
        output_dir=tmp_path / "out",
        epochs=4,
        batch_size=4,
        learning_rate=1e-3,
        device="cpu",
        progress=False,
        checkpoints=False,
    )
    again = fb.pipeline(task, tmp_path / "out", device="cpu")
    assert again(**arguments) == pipe(**arguments)
    history = json.loads((tmp_path / "out" / "training_report.json").read_text("utf-8"))["history"]
    assert history[-1]["loss"] < history[0]["loss"]


@pytest.mark.parametrize("prefix", ["Electra", "DebertaV2", "ModernBert", "XLMRoberta", "MPNet"])
def test_other_encoders_of_the_auto_classes(data: Path, prefix: str) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(str(data / "vocab" / "bert-base-uncased"), model_max_length=62)
    model = made_model(f"{prefix}ForSequenceClassification", vocab_size=len(tokenizer), pad_token_id=0)
    ours = fb.pipeline("text-classification", model, tokenizer, device="cpu")
    theirs = transformers.pipeline(
        "text-classification", model=model, tokenizer=tokenizer.as_transformers(), device="cpu"
    )
    assert_same(ours(TEXTS, top_k=None), theirs(TEXTS, top_k=None))
