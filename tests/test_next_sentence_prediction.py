import pytest
from tests.conftest import write_tokenizer
from tests.made_checkpoints import made_model

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DecodeError, TextTypeError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PAIRS = [
    ("the film was great!", "it was not a dull book ."),
    ("who wrote this?", "bad"),
    ("a", "the room and the food was unbelievably nice , but the film very dull . " * 2),
    ("good", "awful"),
    ("one two three", "love hate"),
    ("hate", "love"),
]


def write_model(folder, kind="BertForNextSentencePrediction", **config):
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    made_model(kind, vocab_size=128, **config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("nsp"), seed=3)


@pytest.fixture(scope="module")
def follows(folder):
    return fb.pipeline("next-sentence-prediction", folder, device="cpu")


def probabilities(folder, pairs):
    """P(IsNext) of each pair by transformers: index 0 of the softmax."""
    model = transformers.BertForNextSentencePrediction.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = [model(**tokenizer(*pair, return_tensors="pt")).logits[0] for pair in pairs]
    return [row.softmax(-1)[0].item() for row in logits]


def is_next(result):
    return result["score"] if result["label"] == "IsNext" else 1 - result["score"]


def test_label_0_of_transformers_is_is_next(folder, follows):
    expected = probabilities(folder, PAIRS)
    assert any(p > 0.5 for p in expected)
    assert any(p < 0.5 for p in expected)
    for result, p in zip(follows(PAIRS), expected, strict=True):
        assert result["label"] == ("IsNext" if p > 0.5 else "NotNext")
        assert is_next(result) == pytest.approx(p, abs=1e-5)


def test_a_checkpoint_of_pretraining_has_the_head(tmp_path):
    folder = write_model(tmp_path / "both", "BertForPreTraining")
    results = fb.pipeline("next-sentence-prediction", folder, device="cpu")(PAIRS)
    assert [is_next(result) for result in results] == pytest.approx(probabilities(folder, PAIRS), abs=1e-5)


def test_top_k_gives_both_labels_best_first(follows):
    for result, both in zip(follows(PAIRS), follows(PAIRS, top_k=None), strict=True):
        assert both[0] == result
        assert {one["label"] for one in both} == {"IsNext", "NotNext"}
        assert sum(one["score"] for one in both) == pytest.approx(1.0, abs=1e-6)


def test_a_pair_may_come_in_four_forms(follows):
    [first, second, *_] = follows(PAIRS)
    a, b = PAIRS[0]
    assert follows((a, b)) == pytest.approx(first)
    assert follows({"text": a, "text_pair": b}) == pytest.approx(first)
    assert follows([[a, b]]) == [pytest.approx(first)]
    assert follows([(a, b), {"text": PAIRS[1][0], "text_pair": PAIRS[1][1]}]) == [
        pytest.approx(first),
        pytest.approx(second),
    ]
    assert follows(tuple(PAIRS[:2])) == [pytest.approx(first), pytest.approx(second)]


def test_one_pair_with_top_k_gives_a_list(follows):
    assert [one["label"] for one in follows(PAIRS[1], top_k=1)] == [follows(PAIRS[1])["label"]]


def test_a_stream_gives_an_iterator(follows):
    results = follows(iter(PAIRS), batch_size=2)
    assert not isinstance(results, list)
    assert [is_next(one) for one in results] == pytest.approx([is_next(one) for one in follows(PAIRS)], abs=1e-5)


def test_an_empty_list_gives_an_empty_list(follows):
    assert follows([]) == []


def test_a_long_pair_is_truncated_where_that_is_asked_for(follows):
    [result] = follows([("good " * 90, "bad " * 90)], truncation=True)
    assert result["label"] in ("IsNext", "NotNext")


def test_the_labels_are_those_of_the_task_whatever_the_config_calls_them(tmp_path):
    folder = write_model(tmp_path / "named", id2label={0: "x", 1: "y"}, label2id={"x": 0, "y": 1})
    assert fb.pipeline("next-sentence-prediction", folder).labels == ["IsNext", "NotNext"]


# What is refused


def test_one_text_alone_is_refused_and_told_how(follows):
    with pytest.raises(ConfigError, match=r'needs two texts, got one str; a pair is \("first", "second"\)'):
        follows("good")


def test_a_list_of_texts_is_refused(follows):
    with pytest.raises(ConfigError, match="row 0: next-sentence prediction needs two texts, got one str"):
        follows(["good", "bad"])


def test_three_texts_are_refused(follows):
    with pytest.raises(ConfigError, match="row 1: next-sentence prediction needs two texts, got 3 texts"):
        follows([("a", "b"), ("a", "b", "c")])


def test_a_tuple_of_three_texts_is_refused(follows):
    with pytest.raises(ConfigError, match="row 0: next-sentence prediction needs two texts, got 3 texts"):
        follows(("a", "b", "c"))


def test_a_dict_without_a_second_text_is_refused(follows):
    with pytest.raises(ConfigError, match="row 0: next-sentence prediction needs two texts, 'text_pair' is missing"):
        follows({"text": "good"})


def test_a_text_that_is_not_a_string_is_refused(follows):
    with pytest.raises(TextTypeError, match="row 1: a text must be a str, got NoneType"):
        follows([("a", "b"), ("a", None)])


def test_a_pair_longer_than_the_model_reads_is_refused(follows):
    with pytest.raises(ConfigError, match="row 0 has 94 tokens, the model reads at most 64"):
        follows(("good " * 90, "bad"))


def test_a_model_whose_logits_are_nan_is_refused(folder):
    broken = fb.pipeline("next-sentence-prediction", folder, device="cpu")
    broken.model.cls.seq_relationship.bias.data[1] = float("nan")
    with pytest.raises(DecodeError, match="logits for row 0 are NaN"):
        broken(PAIRS)


@pytest.mark.parametrize("kind", ["BertModel", "BertForMaskedLM", "BertForSequenceClassification"])
def test_a_bert_checkpoint_without_the_head_is_refused(tmp_path, kind):
    folder = write_model(tmp_path / "headless", kind)
    with pytest.raises(CheckpointError, match=r"has no next-sentence head \(.*cls\.seq_relationship.*would be random"):
        fb.pipeline("next-sentence-prediction", folder)


@pytest.mark.parametrize("kind", ["RobertaForMaskedLM", "DistilBertForMaskedLM", "AlbertForPreTraining"])
def test_a_family_without_the_head_is_refused(tmp_path, kind):
    folder = write_model(tmp_path / "family", kind)
    family = kind.split("For")[0]
    with pytest.raises(CheckpointError, match=f"has no next-sentence head: transformers has none for {family} models"):
        fb.pipeline("next-sentence-prediction", folder)


def test_a_loaded_model_without_the_head_is_refused(folder):
    model = transformers.AutoModel.from_pretrained(folder)
    with pytest.raises(CheckpointError, match="BertModel has no next-sentence head"):
        fb.pipeline("next-sentence-prediction", model, folder, device="cpu")(PAIRS)


def test_a_merge_of_windows_is_refused(follows):
    with pytest.raises(ConfigError, match="unknown option 'merge'"):
        follows(("the cat", "sat"), merge="mean")
