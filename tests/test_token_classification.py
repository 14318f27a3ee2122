"""The token-classification pipeline: transformers' arguments and results, long texts to their end."""

from __future__ import annotations

import tracemalloc
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import SPECIAL
from tests.test_fill_mask import write_family

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DecodeError, TextTypeError
from ferrobert.pipelines.token_classification import TokenClassificationPipeline

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
STRATEGIES = ("none", "simple", "first", "average", "max")
KINDS = {
    "bert": "BertForTokenClassification",
    "distilbert": "DistilBertForTokenClassification",
    "roberta": "RobertaForTokenClassification",
    "albert": "AlbertForTokenClassification",
}
TEXTS = ["the film was awful!", "", "it is hello world, the unbelievable food", "great", "Who wrote the hello world?"]
CONFIG = {"id2label": dict(enumerate(LABELS)), "label2id": {label: id for id, label in enumerate(LABELS)}}


@pytest.fixture(scope="module", params=list(KINDS))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_family(tmp_path_factory.mktemp("ner") / request.param, request.param, KINDS[request.param], **CONFIG)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_family(tmp_path_factory.mktemp("bert"), "bert", KINDS["bert"], **CONFIG)


@pytest.fixture(scope="module")
def ner(bert: Path) -> TokenClassificationPipeline:
    return fb.pipeline("ner", str(bert), device="cpu")


@pytest.fixture(scope="module")
def theirs(bert: Path) -> Any:
    return transformers.pipeline("token-classification", model=str(bert), device="cpu")


def assert_same(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert list(one) == list(other)
        assert one["score"] == pytest.approx(float(other["score"]), abs=1e-5)
        assert {**one, "score": 0} == {**other, "score": 0}


# --- results are transformers' ------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_family_gives_what_transformers_gives(folder: Path, strategy: str) -> None:
    ner = fb.pipeline("token-classification", str(folder), device="cpu", aggregation_strategy=strategy)
    theirs = transformers.pipeline("ner", model=str(folder), device="cpu", aggregation_strategy=strategy)
    words = strategy not in ("none", "simple")
    if words and folder.name in ("roberta", "albert"):
        return  # their words are guessed by spaces: tests/entities_check.py compares with the true ones
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(TEXTS, ignore_labels=[])
    found = ner(TEXTS, compat=True, ignore_labels=[])
    for text, one, other in zip(TEXTS, found, expected, strict=True):
        if folder.name == "albert":  # spans without the space before a word
            for entity in other:
                slice = text[entity["start"] : entity["end"]]
                entity["start"] += (len(slice) - len(slice.lstrip())) * bool(slice.strip())
        assert_same(one, other)
    for text, entities in zip(TEXTS, ner(TEXTS), strict=True):
        assert entities.text == text
        assert all(one["word"] == text[one["start"] : one["end"]] for one in entities)


def test_a_text_a_list_and_a_stream(ner: TokenClassificationPipeline, theirs: Any) -> None:
    assert_same(ner(TEXTS[0], compat=True), theirs(TEXTS[0]))
    assert isinstance(ner(TEXTS[0]), fb.Entities)
    assert ner([TEXTS[0]]) == [ner(TEXTS[0])]
    assert ner([]) == []
    assert ner("") == []
    stream = ner(text for text in TEXTS)
    assert isinstance(stream, Iterator)
    assert list(stream) == ner(TEXTS) == ner(tuple(TEXTS)) == ner(np.array(TEXTS))
    assert list(ner(iter(TEXTS), batch_size=2)) == ner(TEXTS, batch_size=1)
    assert ner.predict(TEXTS) == ner.transform(TEXTS) == ner(TEXTS)


def test_more_texts_than_are_read_at_once(ner: TokenClassificationPipeline) -> None:
    found = ner(TEXTS * 210, aggregation_strategy="simple")
    assert [shape(one) for one in found] == [shape(one) for one in ner(TEXTS, aggregation_strategy="simple")] * 210


def shape(entities: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Without scores, which batches round."""
    return [(one.get("entity_group"), one["word"], one["start"], one["end"]) for one in entities]


def test_the_default_is_a_result_a_token(ner: TokenClassificationPipeline, theirs: Any) -> None:
    ours = ner(TEXTS[2], compat=True, ignore_labels=[])
    assert_same(ours, theirs(TEXTS[2], ignore_labels=[]))
    assert "entity" in ours[0]


def test_grouped_entities_are_still_understood(ner: TokenClassificationPipeline) -> None:
    assert ner(TEXTS, grouped_entities=True) == ner(TEXTS, aggregation_strategy="simple")
    assert ner(TEXTS, grouped_entities=True, ignore_subwords=True) == ner(TEXTS, aggregation_strategy="first")
    assert ner(TEXTS, grouped_entities=False) == ner(TEXTS)
    assert ner(TEXTS, grouped_entities=True, aggregation_strategy="max") == ner(TEXTS, aggregation_strategy="max")


def test_strategies_may_be_transformers_own(ner: TokenClassificationPipeline) -> None:
    strategy = transformers.pipelines.token_classification.AggregationStrategy.FIRST
    assert ner(TEXTS, aggregation_strategy=strategy) == ner(TEXTS, aggregation_strategy="FIRST")


@pytest.mark.parametrize("ignored", [[], ["O"], ["PER", "O"], ["B-PER"]])
@pytest.mark.parametrize("strategy", ["none", "simple"])
def test_ignored_labels(ner: TokenClassificationPipeline, theirs: Any, ignored: list[str], strategy: str) -> None:
    options = {"ignore_labels": ignored, "aggregation_strategy": strategy}
    for one, other in zip(ner(TEXTS, compat=True, **options), theirs(TEXTS, **options), strict=True):
        assert_same(one, other)


def test_options_may_be_given_to_the_pipeline(bert: Path) -> None:
    ner = fb.pipeline("ner", str(bert), device="cpu", aggregation_strategy="simple", constrained=True)
    plain = fb.pipeline("ner", str(bert), device="cpu")
    assert ner(TEXTS) == plain(TEXTS, aggregation_strategy="simple", constrained=True)
    assert ner(TEXTS, constrained=False) == plain(TEXTS, aggregation_strategy="simple")


def test_a_loaded_model_and_a_tokenizer_of_transformers(bert: Path, ner: TokenClassificationPipeline) -> None:
    theirs = transformers.AutoTokenizer.from_pretrained(bert)
    mixed = fb.pipeline("ner", ner.model, theirs, device="cpu")
    for options in ({}, {"aggregation_strategy": "first"}, {"aggregation_strategy": "simple", "compat": True}):
        assert list(map(shape, mixed(TEXTS, **options))) == list(map(shape, ner(TEXTS, **options)))
    long = " ".join(TEXTS * 20)
    assert shape(mixed(long)) == shape(ner(long))
    assert mixed.word_labels(WORDS) == ner.word_labels(WORDS)
    words = mixed(WORDS, is_split_into_words=True, aggregation_strategy="simple")
    assert list(map(shape, words)) == list(
        map(shape, ner(WORDS, is_split_into_words=True, aggregation_strategy="simple"))
    )


def test_labels_are_those_of_the_model(ner: TokenClassificationPipeline) -> None:
    assert ner.labels == LABELS


# --- words --------------------------------------------------------------------------------------------------------

WORDS = [["the", "film", "un", "hello", "", "was"], [], ["great"]]


def test_words_are_read_as_words(ner: TokenClassificationPipeline, theirs: Any) -> None:
    options = {"is_split_into_words": True, "aggregation_strategy": "simple"}
    for delimiter in (" ", "__"):
        ours = ner([WORDS[0], WORDS[2]], compat=True, delimiter=delimiter, **options)
        expected = theirs([WORDS[0], WORDS[2]], delimiter=delimiter, **options)
        for one, other in zip(ours, expected, strict=True):
            assert_same(one, other)
        assert ours[0].text == delimiter.join(WORDS[0])
    # A flat list is one text; its result is a list of one, as in transformers.
    assert ner(WORDS[0], **options) == ner([WORDS[0]], **options)
    assert_same(ner(WORDS[0], compat=True, **options)[0], theirs(WORDS[0], **options)[0])
    assert list(ner(iter(WORDS), **options)) == ner(WORDS, **options)


def test_every_word_has_a_label(ner: TokenClassificationPipeline) -> None:
    words = [*WORDS, ["the", "hello"] * 150]
    for constrained in (False, True):
        labels = ner.word_labels(words, constrained=constrained)
        assert list(map(len, labels)) == list(map(len, words))
        assert {label for row in labels for label in row} <= set(LABELS)
        assert labels[0][4] == "O"
        if constrained:
            pairs = [pair for row in labels for pair in zip(["O", *row], row, strict=False)]
            assert all(not later.startswith("I-") or earlier[2:] == later[2:] for earlier, later in pairs)
    assert ner.word_labels([]) == []
    assert ner.word_labels([[], []]) == [[], []]


def test_labels_of_words_are_those_of_first_tokens(ner: TokenClassificationPipeline) -> None:
    found = ner(WORDS, is_split_into_words=True, ignore_labels=[])
    for words, entities, labels in zip(WORDS, found, ner.word_labels(WORDS), strict=True):
        starts = {sum(len(word) + 1 for word in words[:place]): place for place in range(len(words))}
        first = {starts[one["start"]]: one["entity"] for one in entities if one["start"] in starts}
        assert [first.get(place, "O") for place in range(len(words))] == labels


# --- long texts ---------------------------------------------------------------------------------------------------


class StandIn(torch.nn.Module):
    """A model whose logits follow the token ids, and nothing else: so that the truth is known."""

    def __init__(self, vocab: dict[str, int], labels: dict[str, int], limit: int = 512, context: int = 0) -> None:
        super().__init__()
        self.position_embeddings = torch.nn.Embedding(limit, 1)
        table = torch.zeros(len(vocab), len(LABELS))
        table[:, 0] = 4.0
        for token, label in labels.items():
            table[vocab[token], label] = 8.0
        self.table = table
        self.context = context
        self.config = types.SimpleNamespace(id2label=dict(enumerate(LABELS)), num_labels=len(LABELS))
        self.dtype = torch.float32
        self.rows: list[int] = []

    def forward(self, input_ids: Any, attention_mask: Any, **_: Any) -> Any:
        self.rows.append(input_ids.shape[0] * input_ids.shape[1])
        logits = self.table[input_ids].clone()
        for row, length in zip(logits, attention_mask.sum(dim=1).tolist(), strict=True):
            if self.context:  # what is near the end of a window is not found
                row[: self.context + 1, 1:] = 0
                row[length - self.context - 1 :, 1:] = 0
        return types.SimpleNamespace(logits=logits)


VOCAB = {token: id for id, token in enumerate([*SPECIAL, "word", "other", "el", "##on", "mu", "##sk", "tesla", ","])}
TRUTH = {"el": 1, "##on": 2, "mu": 2, "##sk": 2, "tesla": 3}


def long_text(entities: int) -> str:
    """An entity every 50 tokens, PER of four tokens and ORG of one in turns."""
    filler = " ".join(["word", "other,"] * 16)  # 48 tokens
    parts = [f"{'Elon Musk' if number % 2 else 'Tesla'} {filler}" for number in range(entities)]
    return " ".join(parts)


@pytest.mark.parametrize("strategy", ["simple", "first", "average", "max"])
def test_a_text_of_20000_tokens_is_covered_completely(strategy: str) -> None:
    tokenizer = fb.BertTokenizer(VOCAB, model_max_length=512)
    text = long_text(400)
    assert 19_900 < len(tokenizer(text, verbose=False)["input_ids"]) < 20_700
    ner = fb.pipeline("ner", StandIn(VOCAB, TRUTH), tokenizer, device="cpu")
    for options in ({}, {"constrained": True}, {"stride": 0}, {"stride": 300}, {"max_length": 40, "stride": 13}):
        found = ner(text, aggregation_strategy=strategy, **options)
        assert [one["entity_group"] for one in found] == ["ORG", "PER"] * 200
        assert {one["word"] for one in found} == {"Tesla", "Elon Musk"}
        starts = [one["start"] for one in found]
        assert starts == sorted(set(starts)), "none twice"
        assert all(text[one["start"] : one["end"]] == one["word"] for one in found)


def test_what_a_window_finds_in_its_middle_is_found() -> None:
    tokenizer = fb.BertTokenizer(VOCAB, model_max_length=512)
    text = long_text(400)
    # The first and the last tokens of the text have no 60 tokens beside them in any window.
    expected = fb.pipeline("ner", StandIn(VOCAB, TRUTH), tokenizer, device="cpu")(text, aggregation_strategy="simple")
    blind = fb.pipeline("ner", StandIn(VOCAB, TRUTH, context=60), tokenizer, device="cpu")
    found = blind(text, aggregation_strategy="simple")
    assert shape(found) == shape(expected)[2:-1]


def test_the_memory_of_a_long_text_is_bounded() -> None:
    tokenizer = fb.BertTokenizer(VOCAB, model_max_length=512)
    model = StandIn(VOCAB, TRUTH)
    ner = fb.pipeline("ner", model, tokenizer, device="cpu")
    text = long_text(400)
    ner(text, aggregation_strategy="simple")
    tracemalloc.start()
    ner(text, aggregation_strategy="simple")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000, f"{peak} bytes of Python and numpy for 20,000 tokens"
    assert max(model.rows) <= ner.batch_tokens, "tokens of a batch"


def test_windows_of_several_texts_stay_apart() -> None:
    tokenizer = fb.BertTokenizer(VOCAB, model_max_length=64)
    ner = fb.pipeline("ner", StandIn(VOCAB, TRUTH, limit=64), tokenizer, device="cpu", aggregation_strategy="simple")
    texts = [long_text(entities) for entities in (1, 0, 9, 2, 30)]
    assert [len(found) for found in ner(texts)] == [1, 0, 9, 2, 30]
    assert [found.text for found in ner(texts)] == texts


def test_long_lists_of_words_have_all_their_labels() -> None:
    tokenizer = fb.BertTokenizer(VOCAB, model_max_length=64)
    ner = fb.pipeline("ner", StandIn(VOCAB, TRUTH, limit=64), tokenizer, device="cpu")
    words = long_text(40).split()
    [labels] = ner.word_labels([words])
    truth = {"Tesla": "B-ORG", "Elon": "B-PER", "Musk": "I-PER"}
    assert labels == [truth.get(word, "O") for word in words]


def test_truncation_cuts_where_it_is_asked_for() -> None:
    tokenizer = fb.BertTokenizer(VOCAB, model_max_length=64)
    ner = fb.pipeline("ner", StandIn(VOCAB, TRUTH, limit=64), tokenizer, device="cpu", aggregation_strategy="simple")
    assert len(ner(long_text(30), truncation=True)) == 2
    with pytest.raises(ConfigError, match=r"row 1 has \d+ tokens, the model reads at most 64"):
        ner(["Tesla", long_text(30)], truncation=False)


def test_a_model_without_limit_reads_the_whole_text() -> None:
    model = StandIn(VOCAB, TRUTH)
    del model.position_embeddings
    ner = fb.pipeline("ner", model, fb.BertTokenizer(VOCAB), device="cpu", aggregation_strategy="simple")
    assert len(ner(long_text(60))) == 60
    assert len(model.rows) == 1


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aggregation_strategy": "last"}, "aggregation_strategy must be one of 'none', 'simple'"),
        ({"strategy": "simple"}, "unknown option 'strategy'; the options are aggregation_strategy, ignore_labels"),
        ({"offset_mapping": [(0, 1)]}, "offset_mapping is not taken"),
        ({"ignore_labels": 3}, "ignore_labels must be a list of labels, got 3"),
        ({"constrained": "yes"}, "constrained must be True or False, got 'yes'"),
        ({"compat": 1}, "compat must be True or False, got 1"),
        ({"is_split_into_words": "no"}, "is_split_into_words must be True or False"),
        ({"delimiter": 3}, "delimiter must be a str, got 3"),
        ({"stride": -1}, "stride must be an integer of at least 0, got -1"),
        ({"stride": 62}, "stride 62 must be less than 62"),
        ({"max_length": 65}, "the model reads at most 64"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1"),
    ],
)
def test_options_that_are_not_allowed(ner: TokenClassificationPipeline, options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ner(" ".join(TEXTS * 20), **options)


def test_constraints_for_labels_of_no_scheme(ner: TokenClassificationPipeline, bert: Path) -> None:
    model = transformers.AutoModelForTokenClassification.from_pretrained(bert)
    model.config.id2label = dict(enumerate(["NOUN", "VERB", "ADJ", "X", "O"]))
    tagger = fb.pipeline("ner", model, ner.tokenizer, device="cpu")
    assert tagger(TEXTS[0])
    with pytest.raises(ConfigError, match='"NOUN" is none'):
        tagger(TEXTS[0], constrained=True)


@pytest.mark.parametrize("inputs", [None, 3, b"text", {"text": "a"}, [3], [None], [["a"]], ["a", {"text": "b"}]])
def test_inputs_that_are_no_texts(ner: TokenClassificationPipeline, inputs: Any) -> None:
    with pytest.raises(TextTypeError):
        ner(inputs)


@pytest.mark.parametrize("inputs", ["a text", [["a", 3]], [["a"], "b c"], [[["a"]]], {"a": 1}])
def test_inputs_that_are_no_words(ner: TokenClassificationPipeline, inputs: Any) -> None:
    with pytest.raises(TextTypeError):
        ner(inputs, is_split_into_words=True)


def test_words_that_are_one_text(ner: TokenClassificationPipeline) -> None:
    with pytest.raises(TextTypeError, match="lists of words"):
        ner.word_labels("a text")
    with pytest.raises(TextTypeError, match="row 1: is_split_into_words=True needs a list of words, got str"):
        ner.word_labels([["a"], "text"])


def test_a_lone_surrogate(ner: TokenClassificationPipeline) -> None:
    with pytest.raises(UnicodeEncodeError):
        ner(["fine", "\ud800"])


def test_a_model_that_gives_nan_names_the_row() -> None:
    model = StandIn(VOCAB, TRUTH, limit=64)
    model.table[VOCAB["tesla"]] = float("nan")
    ner = fb.pipeline("ner", model, fb.BertTokenizer(VOCAB, model_max_length=64), device="cpu")
    texts = [" ".join(["word"] * 200), "other", "word Tesla"]
    with pytest.raises(DecodeError, match=r"logits for row 2 are NaN \(token 2 of its window\)"):
        ner(texts)


def test_a_checkpoint_without_the_head(tmp_path: Path) -> None:
    folder = write_family(tmp_path, "bert", "BertModel")
    with pytest.raises(CheckpointError, match="has no token-classification head"):
        fb.pipeline("ner", str(folder), device="cpu")


def test_a_loaded_model_without_logits(ner: TokenClassificationPipeline, tmp_path: Path) -> None:
    folder = write_family(tmp_path, "bert", "BertModel")
    encoder = transformers.AutoModel.from_pretrained(folder)
    with pytest.raises(CheckpointError, match="BertModel has no token-classification head"):
        fb.pipeline("ner", encoder, ner.tokenizer, device="cpu")(TEXTS[0])
