import math
import random
import shutil

import numpy as np
import pytest

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DecodeError, TextTypeError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TEXTS = [
    "the film was great!",
    "bad",
    "",
    "it is not good , but the food was unbelievably nice and the room very dull . " * 2,
    "a book one two three",
    "unbelievable",
    "who wrote this?",
]


@pytest.fixture(scope="module")
def ours(tiny_classifier):
    return fb.pipeline("text-classification", tiny_classifier, device="cpu")


@pytest.fixture(scope="module")
def theirs(tiny_classifier):
    return transformers.pipeline("text-classification", str(tiny_classifier), device="cpu")


def assert_same(ours, theirs):
    """Same shape, same labels, scores within 1e-5."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        assert ours["label"] == theirs["label"]
        assert type(ours["score"]) is float
        assert ours["score"] == pytest.approx(theirs["score"], abs=1e-5)


@pytest.mark.parametrize(
    "inputs",
    [
        "the film was great!",
        TEXTS,
        {"text": "who wrote this?"},
        {"text": "who wrote this?", "text_pair": "it was bad"},
        [{"text": one, "text_pair": "not bad"} for one in TEXTS],
        [{"text": "good"}, {"text": "good", "text_pair": "bad"}, {"text": "awful film"}],
        ["good", {"text": "good", "text_pair": "bad"}, "bad", {"text": "a", "text_pair": "the"}],
    ],
    ids=["text", "list", "dict", "pair", "pairs", "pairs-and-singles", "mixed"],
)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": None},
        {"top_k": 1},
        {"top_k": 2},
        {"top_k": 99},
        {"function_to_apply": "sigmoid"},
        {"function_to_apply": "none", "top_k": None},
        {"function_to_apply": "softmax"},
        {"truncation": True, "max_length": 8},
        {"padding": "max_length", "max_length": 60, "truncation": True},
    ],
    ids=str,
)
def test_results_equal_those_of_transformers(ours, theirs, inputs, options):
    assert_same(ours(inputs, **options), theirs(inputs, **options))


def test_options_given_to_the_pipeline_hold_for_each_call(tiny_classifier):
    options = {"top_k": None, "function_to_apply": "none", "truncation": True, "max_length": 6}
    mine = fb.pipeline("text-classification", tiny_classifier, device="cpu", **options)
    reference = transformers.pipeline("text-classification", str(tiny_classifier), device="cpu", **options)
    assert_same(mine("the film was great and nice"), reference("the film was great and nice"))
    assert_same(mine(TEXTS), reference(TEXTS))
    assert_same(mine("good", top_k=2), reference("good", top_k=2))


@pytest.mark.parametrize(
    "config",
    [
        {"problem_type": "multi_label_classification"},
        {"problem_type": "regression"},
        {"problem_type": "single_label_classification"},
    ],
    ids=lambda config: config["problem_type"],
)
def test_the_problem_type_chooses_the_function(make_checkpoint, config):
    folder = make_checkpoint(["x", "y", "z"], **config)
    mine = fb.pipeline("text-classification", folder, device="cpu")(TEXTS, top_k=None)
    assert_same(mine, transformers.pipeline("text-classification", str(folder), device="cpu")(TEXTS, top_k=None))


def test_a_model_of_one_label_gets_the_sigmoid(make_checkpoint):
    folder = make_checkpoint(["toxic"])
    mine = fb.pipeline("text-classification", folder, device="cpu")(TEXTS)
    assert_same(mine, transformers.pipeline("text-classification", str(folder), device="cpu")(TEXTS))


def test_a_model_without_label_names_answers_with_numbers(make_checkpoint):
    folder = make_checkpoint(["LABEL_0", "LABEL_1"])
    assert {one["label"] for one in fb.pipeline("text-classification", folder)(TEXTS)} <= {"LABEL_0", "LABEL_1"}


def test_results_come_back_in_the_order_of_the_input(ours, theirs):
    texts = [" ".join(random.Random(seed).choices(["good", "bad", "film", "not"], k=seed % 40)) for seed in range(150)]
    alone = [theirs(text)[0] for text in texts]
    assert_same(ours(texts), alone)
    assert_same(ours(texts, batch_size=7), alone)


@pytest.mark.parametrize("batch_tokens", [1, 70, 100_000])
def test_any_token_budget_gives_the_same_results(tiny_classifier, ours, batch_tokens):
    other = fb.pipeline("text-classification", tiny_classifier, device="cpu", batch_tokens=batch_tokens)
    assert_same(other(TEXTS, top_k=None), ours(TEXTS, top_k=None))


def test_an_empty_list_gives_an_empty_list(ours):
    assert ours([]) == []


def test_a_generator_is_read_as_results_are_taken(ours, theirs):
    taken = []

    def stream():
        for text in TEXTS * 3:
            taken.append(text)
            yield text

    results = ours(stream(), batch_size=4)
    assert not isinstance(results, list)
    first = next(results)
    assert len(taken) == 4
    assert_same([first, *results], theirs(TEXTS * 3))


def test_a_dataset_column_gives_an_iterator(ours, theirs):
    datasets = pytest.importorskip("datasets")
    from transformers.pipelines.pt_utils import KeyDataset

    rows = datasets.Dataset.from_dict({"text": TEXTS, "label": [0] * len(TEXTS)})
    results = ours(KeyDataset(rows, "text"), top_k=None)
    assert not isinstance(results, list)
    assert_same(list(results), list(theirs(KeyDataset(rows, "text"), top_k=None)))


def test_tuples_and_arrays_are_lists(ours):
    assert_same(ours(tuple(TEXTS)), ours(TEXTS))
    assert_same(ours(np.array(TEXTS, dtype=object)), ours(TEXTS))


def test_sentiment_analysis_is_an_alias(tiny_classifier):
    assert fb.pipeline("sentiment-analysis", tiny_classifier).task == "text-classification"


def test_a_loaded_model_with_a_tokenizer_of_transformers(tiny_classifier, ours):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_classifier)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_classifier)
    mine = fb.pipeline("text-classification", model, tokenizer, device="cpu")
    pairs = [{"text": one, "text_pair": "not bad"} for one in TEXTS]
    assert_same(mine(pairs), ours(pairs))


def test_our_tokenizer_serves_the_pipeline_of_transformers(tiny_classifier, ours):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_classifier)
    tokenizer = fb.AutoTokenizer.from_pretrained(tiny_classifier).as_transformers()
    reference = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    assert_same(ours(TEXTS), reference(TEXTS))


def test_half_precision_gives_scores_near_those_of_the_checkpoint(tiny_classifier, ours):
    half = fb.pipeline("text-classification", tiny_classifier, device="cpu", dtype="bfloat16")
    assert half.dtype == torch.bfloat16
    for rough, exact in zip(half(TEXTS, top_k=None), ours(TEXTS, top_k=None), strict=True):
        exact_scores = {one["label"]: one["score"] for one in exact}
        assert all(math.isclose(one["score"], exact_scores[one["label"]], abs_tol=0.1) for one in rough)


def test_a_saved_pipeline_loads_again(ours, tmp_path):
    ours.save_pretrained(tmp_path / "saved")
    assert_same(fb.pipeline("text-classification", tmp_path / "saved", device="cpu")(TEXTS), ours(TEXTS))
    assert_same(transformers.pipeline("text-classification", str(tmp_path / "saved"), device="cpu")(TEXTS), ours(TEXTS))


# Texts longer than the model reads


def window_logits(tiny_classifier, text, pair=None):
    """Logits of the windows, ``(windows, labels)``, by transformers alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_classifier)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_classifier).eval()
    taken = 2 if pair is None else 3 + len(tokenizer.tokenize(pair))
    options = {"truncation": "only_first", "max_length": 64, "stride": (64 - taken) // 4}
    rows = tokenizer(text, pair, return_overflowing_tokens=True, padding=True, return_tensors="pt", **options)
    del rows["overflow_to_sample_mapping"]
    with torch.inference_mode():
        return model(**rows).logits.numpy()


LONG = " ".join(["the film was great!", "bad", "unbelievably dull"] * 40)


@pytest.mark.parametrize("pair", [None, "it was good " * 9])
def test_a_long_text_is_read_in_windows(ours, tiny_classifier, pair):
    windows = window_logits(tiny_classifier, LONG, pair)
    assert len(windows) > 3
    inputs = [{"text": "good"}, {"text": LONG, **({} if pair is None else {"text_pair": pair})}, {"text": "bad"}]
    options = {"top_k": None, "function_to_apply": "none"}
    found = {merge: ours(inputs, **options, merge=merge) for merge in ("mean", "max", "first")}
    for merge, expected in (("mean", windows.mean(0)), ("max", windows.max(0)), ("first", windows[0])):
        scores = {one["label"]: one["score"] for one in found[merge][1]}
        assert [scores[label] for label in ours.labels] == pytest.approx(expected.tolist(), abs=1e-5)
        assert_same([found[merge][0], found[merge][2]], ours(["good", "bad"], **options))
    assert_same(ours(inputs, **options), found["mean"])
    assert_same(ours(inputs[:2], merge="first")[1], ours(inputs[1], truncation="only_first"))


def test_long_texts_of_a_stream(ours):
    texts = ["good", LONG, "bad", LONG + " bad", "x"]
    assert_same(list(ours((text for text in texts), batch_size=2)), ours(texts))


# What is refused


def test_a_text_longer_than_the_model_reads_and_not_to_be_cut_names_row_tokens_and_limit(ours):
    with pytest.raises(ConfigError, match=r"row 2 has 92 tokens, the model reads at most 64.*truncation=True"):
        ours(["good", "bad", "good " * 90], truncation=False)


def test_a_long_text_in_a_stream_is_named_by_its_place_in_the_stream(ours):
    with pytest.raises(ConfigError, match="row 5 has 92 tokens"):
        list(ours((one for one in ["good"] * 5 + ["good " * 90]), batch_size=2, truncation=False))


def test_a_second_text_that_leaves_no_room_is_refused(ours):
    pair = {"text": "good", "text_pair": "bad " * 61}
    with pytest.raises(
        ConfigError, match="row 3: its second text takes 64 tokens with the special ones and leaves no room"
    ):
        ours(["a", "b", "c", pair])


def test_another_merge_is_refused(ours):
    with pytest.raises(ConfigError, match="merge must be one of 'mean', 'max', 'first', got 'sum'"):
        ours("good", merge="sum")


def test_truncation_without_a_length_cuts_at_what_the_model_reads(tiny_classifier, ours):
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_classifier, model_max_length=10**30)
    mine = fb.pipeline("text-classification", tiny_classifier, tokenizer, device="cpu")
    assert_same(mine("good " * 90, truncation=True), ours("good " * 62))


@pytest.mark.parametrize("inputs", [None, 3, b"good", ["good", None], ["good", 3], ["good", b"bad"], {"text": None}])
def test_a_text_that_is_not_a_string_is_refused(ours, inputs):
    with pytest.raises(TextTypeError, match=r"NoneType|int|bytes"):
        ours(inputs)


def test_a_pair_as_a_tuple_is_refused_and_told_how(ours):
    with pytest.raises(ConfigError, match=r'row 1 is a tuple.*\{"text": "first", "text_pair": "second"\}'):
        ours(["good", ("good", "bad")])


def test_a_dict_without_text_is_refused(ours):
    with pytest.raises(ConfigError, match=r"must have the key 'text'.*has 'sentence'"):
        ours([{"sentence": "good"}])


def test_a_lone_surrogate_is_a_unicode_error(ours):
    with pytest.raises(UnicodeEncodeError):
        ours(["good", "b\ud800d"])


@pytest.mark.parametrize("top_k", [0, -1, "all", 1.5, True])
def test_a_top_k_that_is_not_a_number_of_labels_is_refused(ours, top_k):
    with pytest.raises(ConfigError, match="top_k"):
        ours("good", top_k=top_k)


def test_an_unknown_function_to_apply_is_refused(ours):
    with pytest.raises(ConfigError, match="'sigmoid', 'softmax', 'none', got 'relu'"):
        ours("good", function_to_apply="relu")


def test_an_unknown_option_is_refused(ours):
    with pytest.raises(ConfigError, match="unknown option 'topk'; the options are top_k"):
        ours("good", topk=2)


def test_return_all_scores_says_what_replaced_it(ours):
    with pytest.raises(ConfigError, match="top_k=None"):
        ours("good", return_all_scores=True)


def test_an_unknown_task_lists_the_tasks():
    with pytest.raises(ConfigError, match="unknown task 'summarization'; the tasks are 'text-classification'"):
        fb.pipeline("summarization")


def test_an_unknown_backend_lists_the_backends(tiny_classifier):
    with pytest.raises(ConfigError, match="backend must be 'torch' or 'onnx', got 'tpu'"):
        fb.pipeline("text-classification", tiny_classifier, backend="tpu")


@pytest.mark.parametrize("device", ["gpu0", "cuda:99", 99, "xpu", "hpu:3"])
def test_a_device_that_is_not_there_is_refused(tiny_classifier, device):
    with pytest.raises(ConfigError, match="device"):
        fb.pipeline("text-classification", tiny_classifier, device=device)


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused_where_one_of_them_comes(tiny_classifier, tmp_path):
    folder = shutil.copytree(tiny_classifier, tmp_path / "more")
    whole = fb.pipeline("text-classification", folder, device="cpu")
    rows = whole.model.get_input_embeddings().num_embeddings
    with (folder / "vocab.txt").open("a", encoding="utf-8") as vocab:
        vocab.writelines(f"more{number}\n" for number in range(rows - len(whole.tokenizer)))
        vocab.write("zzz\n")
    classify = fb.pipeline("text-classification", folder, device="cpu")
    assert len(classify(["good", "bad"])) == 2
    said = f"the tokenizer gives id {len(classify.tokenizer) - 1}, the model has embeddings for ids below {rows}"
    for at_hand in (["good", "zzz"], ["zzz"]):
        with pytest.raises(ConfigError, match=said):
            classify(at_hand)
    with pytest.raises(ConfigError, match=said):
        fb.finetune("text-classification", folder, [("good", "up"), ("zzz", "down")], output_dir=tmp_path / "trained")


def test_an_array_of_no_dimension_is_refused(tiny_classifier):
    classify = fb.pipeline("text-classification", tiny_classifier, device="cpu")
    with pytest.raises(TextTypeError, match=r"inputs is an array of no dimension; give an array of texts, .* 'good'"):
        classify(np.array("good"))


@pytest.mark.parametrize("dtype", ["int8", "floaty", torch.int64])
def test_a_dtype_that_is_not_a_float_is_refused(tiny_classifier, dtype):
    with pytest.raises(ConfigError, match="dtype"):
        fb.pipeline("text-classification", tiny_classifier, dtype=dtype)


def test_a_batch_budget_below_one_token_is_refused(tiny_classifier):
    with pytest.raises(ConfigError, match="batch_tokens"):
        fb.pipeline("text-classification", tiny_classifier, batch_tokens=0)


def test_a_model_whose_logits_are_nan_is_refused(tiny_classifier):
    broken = fb.pipeline("text-classification", tiny_classifier, device="cpu")
    broken.model.classifier.bias.data[1] = float("nan")
    with pytest.raises(DecodeError, match="logits for row 0 are NaN"):
        broken(["good", "bad"])


@pytest.mark.parametrize("bad", ["\ud800", None, "x" * 3])
def test_a_bad_row_of_a_stream_comes_after_the_results_of_the_rows_before_it(ours, bad):
    rows = ["good"] * 700 + [bad] + ["bad"] * 20
    found = ours(row for row in rows)
    if bad == "xxx":
        assert len(list(found)) == 721
        return
    results = []
    with pytest.raises((UnicodeEncodeError, TextTypeError), match="row 700"):
        results.extend(found)
    assert results == ours(["good"] * 700)


def test_columns_of_arrow(ours):
    pa = pytest.importorskip("pyarrow")
    expected = ours(["good", "bad film"])
    assert ours(pa.array(["good", "bad film"])) == expected
    assert ours(pa.chunked_array([["good"], ["bad film"]])) == expected
    assert list(ours(scalar for scalar in pa.array(["good", "bad film"]))) == expected
    assert ours(pa.array([{"text": "good", "text_pair": "bad"}])) == ours([{"text": "good", "text_pair": "bad"}])


@pytest.mark.parametrize("task", ["text-classification", "feature-extraction"])
def test_a_table_is_refused_with_its_columns(tiny_classifier, task):
    pa, pd = pytest.importorskip("pyarrow"), pytest.importorskip("pandas")
    pipe = fb.pipeline(task, tiny_classifier, device="cpu")
    columns = {"text": ["good", "bad"], "label": ["x", "y"]}
    for table in (pd.DataFrame(columns), pa.table(columns)):
        with pytest.raises(TextTypeError, match="with the columns 'text', 'label'; give one column of texts"):
            pipe(table)
    assert len(pipe(pd.DataFrame(columns)["text"])) == 2


def test_a_model_with_another_head_is_refused(tiny_classifier):
    for kind in ("TokenClassification", "MaskedLM"):
        model = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(tiny_classifier)
        with pytest.raises(CheckpointError, match="has no classification head"):
            fb.pipeline("text-classification", model, str(tiny_classifier), device="cpu")("good")
    classifier = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_classifier)
    with pytest.raises(CheckpointError, match="has no token-classification head"):
        fb.pipeline("ner", classifier, str(tiny_classifier), device="cpu")(["good film", "bad"])


def test_a_model_that_is_none_is_refused(tiny_classifier):
    with pytest.raises(ConfigError, match="model must be a checkpoint folder, .* got 5"):
        fb.pipeline("text-classification", 5, str(tiny_classifier))


def test_a_cut_at_more_than_the_model_reads_is_refused(ours):
    with pytest.raises(
        ConfigError, match="row 0 has 92 tokens, the model reads at most 64; max_length must not be more"
    ):
        ours("good " * 90, truncation=True, max_length=100)


@pytest.mark.parametrize("native", [True, False])
def test_auto_takes_bfloat16_where_the_processor_has_it_and_the_task_keeps_its_labels(
    tiny_classifier, monkeypatch, native
):
    monkeypatch.setattr("ferrobert.pipelines.device.has_bfloat16", lambda device: native)
    pipe = fb.pipeline("text-classification", tiny_classifier, device="cpu", dtype="auto")
    assert pipe.dtype == (torch.bfloat16 if native else torch.float32)
    assert fb.pipeline("feature-extraction", tiny_classifier, device="cpu", dtype="auto").dtype == torch.float32
