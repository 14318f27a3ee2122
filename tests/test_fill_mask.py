import random
import warnings

import numpy as np
import pytest
from tests.conftest import write_tokenizer
from tests.made_checkpoints import albert_folder, gpt2_folder, made_model, roberta_folder

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DecodeError, TextTypeError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

KINDS = {
    "bert": "BertForMaskedLM",
    "distilbert": "DistilBertForMaskedLM",
    "roberta": "RobertaForMaskedLM",
    "albert": "AlbertForMaskedLM",
}
# MASK stands for the family's mask token.
TEXTS = [
    "the film was MASK!",
    "MASK",
    "it is not MASK , but the food was unbelievably nice and the MASK very dull . " * 2,
    "MASK MASK hello world",
    "Who wrote the MASK?",
    "hello MASK. the world",
]


def write_family(folder, family, kind=None, **config):
    """A folder with a tokenizer of the family and a random model that fits it."""
    folder.mkdir(parents=True, exist_ok=True)
    limit = 64
    if family in ("roberta", "albert"):
        limit = 160  # their small vocabularies spell most words letter by letter
        write = roberta_folder if family == "roberta" else albert_folder
        # As transformers reads it: with a tokenizer.json.
        fb.AutoTokenizer.from_pretrained(write(folder, model_max_length=limit)).save_pretrained(folder)
    else:
        write_tokenizer(folder)
    tokenizer = fb.AutoTokenizer.from_pretrained(folder)
    settings = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "max_position_embeddings": limit + 2 * (family == "roberta"),
        **config,
    }
    made_model(kind or KINDS[family], **settings).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=list(KINDS))
def folder(request, tmp_path_factory):
    return write_family(tmp_path_factory.mktemp(request.param) / request.param, request.param)


@pytest.fixture(scope="module")
def ours(folder):
    return fb.pipeline("fill-mask", folder, device="cpu")


@pytest.fixture(scope="module")
def theirs(folder):
    return transformers.pipeline("fill-mask", str(folder), device="cpu")


@pytest.fixture(scope="module")
def texts(ours):
    return [text.replace("MASK", ours.tokenizer.mask_token) for text in TEXTS]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return write_family(tmp_path_factory.mktemp("bert"), "bert")


@pytest.fixture(scope="module")
def fill(bert):
    return fb.pipeline("fill-mask", bert, device="cpu")


def assert_same(ours, theirs):
    """Same nesting, tokens and sequences, scores within 1e-5."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
        return
    assert list(ours) == list(theirs)
    assert [type(value) for value in ours.values()] == [type(value) for value in theirs.values()]
    assert ours["score"] == pytest.approx(theirs["score"], abs=1e-5)
    assert {**ours, "score": 0} == {**theirs, "score": 0}


# Equal to transformers


@pytest.mark.parametrize("position", range(len(TEXTS)))
def test_one_text_gives_what_transformers_gives(ours, theirs, texts, position):
    assert_same(ours(texts[position]), theirs(texts[position]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 1},
        {"top_k": 17},
        {"top_k": None},
        {"targets": "the"},
        {"targets": ["e", "the", "h", "the"]},
        {"targets": ["e", "h", "the"], "top_k": 2},
        {"targets": ["e", "h", "the"], "top_k": 99},
        {"tokenizer_kwargs": {"truncation": True}},
        {"tokenizer_kwargs": {"truncation": True, "max_length": 40}},
        {"tokenizer_kwargs": {"padding": "max_length", "max_length": 60, "truncation": True}},
    ],
    ids=str,
)
def test_texts_of_mixed_length_and_masks_give_what_transformers_gives(ours, theirs, texts, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same(ours(texts, **options), theirs(texts, **options))
        assert_same(ours(texts * 3, batch_size=4, **options), theirs(texts * 3, **options))


def test_a_list_of_one_text_gives_what_that_text_gives(ours, theirs, texts):
    assert_same(ours(texts[:1]), theirs(texts[:1]))
    assert_same(ours(texts[3:4]), theirs(texts[3:4]))
    assert_same(ours(texts[:1]), ours(texts[0]))


def test_a_long_text_is_truncated_as_by_transformers(ours, theirs, texts):
    long = texts[0] + " the hello world" * 90
    assert_same(ours(long, tokenizer_kwargs={"truncation": True}), theirs(long, tokenizer_kwargs={"truncation": True}))


def test_options_given_to_the_pipeline_hold_for_each_call(folder, texts):
    options = {"top_k": 2, "targets": ["e", "h", "the"], "tokenizer_kwargs": {"truncation": True, "max_length": 40}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = fb.pipeline("fill-mask", folder, device="cpu", **options)
        reference = transformers.pipeline("fill-mask", str(folder), device="cpu", **options)
        for call in ({}, {"top_k": 3}, {"targets": "o"}, {"targets": None, "top_k": None}):
            assert_same(mine(texts, **call), reference(texts, **call))


def test_targets_outside_the_vocabulary_become_their_first_subword(ours, theirs, texts):
    for targets in (["hellothe", "e"], "thehh", ["the hello", "o"]):
        with pytest.warns(UserWarning, match="is not in the vocabulary; its first subword '"):
            mine = ours(texts, targets=targets)
        assert_same(mine, theirs(texts, targets=targets))


def test_a_target_without_tokens_is_ignored_with_a_warning(ours, theirs, texts):
    with pytest.warns(UserWarning, match="the target '' has no token in the vocabulary and is ignored"):
        mine = ours(texts[0], targets=["", "e"])
    assert_same(mine, theirs(texts[0], targets=["", "e"]))


def test_padding_tokens_in_a_text_stay_out_of_the_sequence(ours, theirs):
    pad, mask = ours.tokenizer.pad_token, ours.tokenizer.mask_token
    text = f"the {pad} {mask} hello {mask} {pad}"
    assert_same(ours(text), theirs(text))


def test_a_predicted_special_token_is_shown_as_by_transformers(ours, theirs, texts):
    everything = len(ours.tokenizer)
    for text in (texts[0], texts[3]):
        mine, reference = ours(text, top_k=everything), theirs(text, top_k=everything)
        if not isinstance(mine[0], list):
            mine, reference = [mine], [reference]
        # Scores that are equal to the last bit have no order.
        for one, other in zip(mine, reference, strict=True):
            assert_same(sorted(one, key=lambda row: row["token"]), sorted(other, key=lambda row: row["token"]))


def test_a_model_with_more_rows_than_the_vocabulary(tmp_path):
    folder = write_family(tmp_path / "wide", "bert", vocab_size=160)
    text = "the film was [MASK]!"
    mine = fb.pipeline("fill-mask", folder, device="cpu")(text, top_k=60)
    assert any(row["token_str"] == "" for row in mine)
    assert_same(mine, transformers.pipeline("fill-mask", str(folder), device="cpu")(text, top_k=60))


def test_a_checkpoint_of_pretraining_fills_masks(tmp_path):
    folder = write_family(tmp_path / "both", "bert", kind="BertForPreTraining")
    text = "the film was [MASK]!"
    mine, reference = (
        make("fill-mask", str(folder), device="cpu")(text) for make in (fb.pipeline, transformers.pipeline)
    )
    assert_same(mine, reference)


def test_a_loaded_model_with_a_tokenizer_of_transformers(folder, ours, texts):
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert_same(fb.pipeline("fill-mask", model, tokenizer, device="cpu")(texts), ours(texts))


# The head at the masks alone


@pytest.mark.parametrize(
    "kind", [*KINDS.values(), "ElectraForMaskedLM", "XLMRobertaForMaskedLM", "CamembertForMaskedLM", "MPNetForMaskedLM"]
)
def test_logits_at_some_positions_are_those_of_the_full_forward(kind, monkeypatch):
    from ferrobert.models import masked_lm

    monkeypatch.setattr(masked_lm, "HEAD_ROWS", 3)
    model = made_model(kind, vocab_size=50)
    tensors = {"input_ids": torch.randint(5, 50, (4, 9)), "attention_mask": torch.ones(4, 9, dtype=torch.int64)}
    tensors["attention_mask"][1:, 6:] = 0
    at = torch.zeros(4, 9, dtype=torch.bool)
    at[0, 0] = at[0, 8] = at[2, 3] = at[2, 4] = at[3, 5] = True
    with torch.inference_mode():
        parts = list(masked_lm.masked_logits(model, tensors, at))
        expected = model(**tensors).logits[at]
    assert [len(part) for part in parts] == [3, 2]
    torch.testing.assert_close(torch.cat(parts), expected, rtol=1e-5, atol=1e-5)


def test_every_family_with_a_head_of_its_own_is_compared():
    from ferrobert.models.masked_lm import HEADS

    assert set(HEADS) == {*KINDS, "electra", "xlm-roberta", "camembert"}


def test_the_vocabulary_is_scored_at_the_masks_alone(fill):
    scored = []
    decoder = fill.model.get_output_embeddings()
    with torch.no_grad():
        hook = decoder.register_forward_hook(lambda module, inputs, output: scored.append(tuple(output.shape)))
        fill(["the film was [MASK] and the book was [MASK] .", "[MASK] film"])
        hook.remove()
    assert sum(shape[0] for shape in scored) == 3


# Order, batches, streams


def test_results_come_back_in_the_order_of_the_input(fill):
    words = ["good", "bad", "film", "not", "[MASK]"]
    texts = [" ".join(["[MASK]", *random.Random(seed).choices(words, k=seed % 40)]) for seed in range(120)]
    alone = [fill(text) for text in texts]
    assert_same(fill(texts), alone)
    assert_same(fill(texts, batch_size=7), alone)


@pytest.mark.parametrize("batch_tokens", [1, 70, 100_000])
def test_any_token_budget_gives_the_same_results(bert, fill, batch_tokens):
    texts = [text.replace("MASK", "[MASK]") for text in TEXTS]
    assert_same(fb.pipeline("fill-mask", bert, device="cpu", batch_tokens=batch_tokens)(texts), fill(texts))


def test_an_empty_list_gives_an_empty_list(fill):
    assert fill([]) == []


def test_a_generator_is_read_as_results_are_taken(fill):
    taken = []

    def stream():
        for text in ["[MASK] film", "the [MASK]", "a [MASK] [MASK]"] * 2:
            taken.append(text)
            yield text

    results = fill(stream(), batch_size=2)
    first = next(results)
    assert len(taken) == 2
    assert_same([first, *results], fill(taken))


def test_tuples_and_arrays_are_lists_and_one_text_in_them_stays_one_of_a_list(fill):
    texts = ["[MASK] film", "the [MASK]"]
    assert_same(fill(tuple(texts)), fill(texts))
    assert_same(fill(np.array(texts, dtype=object)), fill(texts))
    assert_same(fill(tuple(texts[:1])), [fill(texts[0])])


def test_options_for_the_tokenizer_may_be_given_directly(fill):
    long = "the [MASK] " + "good " * 90
    assert_same(fill(long, truncation=True), fill(long, tokenizer_kwargs={"truncation": True}))


def test_a_saved_pipeline_loads_again(fill, tmp_path):
    fill.save_pretrained(tmp_path / "saved")
    assert_same(fb.pipeline("fill-mask", tmp_path / "saved", device="cpu")("a [MASK]"), fill("a [MASK]"))


def test_half_precision_gives_float_scores(bert):
    half = fb.pipeline("fill-mask", bert, device="cpu", dtype="bfloat16")
    assert all(0 < row["score"] < 1 for row in half("a [MASK] film"))


# What is refused


def test_a_text_without_a_mask_is_named(fill):
    with pytest.raises(ConfigError, match=r"row 1 has no mask: '\[MASK\]' is not in its text"):
        fill(["a [MASK]", "good"])


def test_a_text_without_a_mask_in_a_stream_is_named_by_its_place(fill):
    with pytest.raises(ConfigError, match="row 3 has no mask"):
        list(fill(iter(["a [MASK]"] * 3 + ["good"]), batch_size=2))


def test_a_mask_that_truncation_cuts_off_is_named(fill):
    with pytest.raises(ConfigError, match=r"row 0 has no mask: '\[MASK\]' is cut off by truncation"):
        fill("good " * 90 + "[MASK]", tokenizer_kwargs={"truncation": True})


def test_a_tokenizer_without_a_mask_token_is_refused(bert, tmp_path):
    with pytest.raises(ConfigError, match="fill-mask needs a mask token, and .* has none"):
        fb.pipeline("fill-mask", bert, gpt2_folder(tmp_path))


def test_targets_of_which_none_has_a_token_are_refused(fill):
    with pytest.warns(UserWarning, match="ignored"), pytest.raises(ConfigError, match="targets holds no token"):
        fill("a [MASK]", targets=[""])


def test_no_targets_are_refused(fill):
    with pytest.raises(ConfigError, match="targets holds no token"):
        fill("a [MASK]", targets=[])


@pytest.mark.parametrize("targets", [[3], ["good", None], 3])
def test_a_target_that_is_not_a_string_is_refused(fill, targets):
    with pytest.raises(TextTypeError, match="targets must be str or a list of str, got (int|NoneType)"):
        fill("a [MASK]", targets=targets)


def test_a_target_that_the_model_has_no_row_for_is_refused(tmp_path):
    folder = write_family(tmp_path / "narrow", "bert", vocab_size=40)
    with pytest.raises(ConfigError, match="a target has the token id 73, the model's vocabulary has 40 tokens"):
        fb.pipeline("fill-mask", folder, device="cpu")("[MASK]", targets="##e")


@pytest.mark.parametrize("top_k", [0, -1, "all", 1.5, True])
def test_a_top_k_that_is_not_a_number_of_tokens_is_refused(fill, top_k):
    with pytest.raises(ConfigError, match="top_k"):
        fill("a [MASK]", top_k=top_k)


def test_a_top_k_above_the_vocabulary_is_refused(fill):
    with pytest.raises(ConfigError, match=r"top_k is 9999, the model's vocabulary has \d+ tokens"):
        fill("a [MASK]", top_k=9999)


def test_tokenizer_kwargs_that_are_no_dict_are_refused(fill):
    with pytest.raises(ConfigError, match="tokenizer_kwargs must be a dict of options, got bool"):
        fill("a [MASK]", tokenizer_kwargs=True)


def test_an_unknown_option_lists_the_options(fill):
    with pytest.raises(ConfigError, match="unknown option 'topk'; the options are top_k, targets, tokenizer_kwargs"):
        fill("a [MASK]", topk=2)


@pytest.mark.parametrize("inputs", [None, 3, b"a [MASK]", ["a [MASK]", None], {"text": "a [MASK]"}, [("a", "[MASK]")]])
def test_a_text_that_is_not_a_string_is_refused(fill, inputs):
    with pytest.raises(TextTypeError, match=r"NoneType|int|bytes|dict|tuple"):
        fill(inputs)


def test_a_model_whose_logits_are_nan_is_refused(bert):
    broken = fb.pipeline("fill-mask", bert, device="cpu")
    broken.model.cls.predictions.bias.data[7] = float("nan")
    for options in ({}, {"targets": ["good", "bad"]}):
        with pytest.raises(DecodeError, match=r"logits for row 0 are NaN \(2 of 2 rows\)"):
            broken(["a [MASK]", "[MASK] [MASK]"], **options)


def test_the_row_of_a_stream_whose_logits_are_nan_is_named(bert):
    broken = fb.pipeline("fill-mask", bert, device="cpu")
    broken.model.bert.embeddings.position_embeddings.weight.data[12] = float("nan")
    texts = ["a [MASK]"] * 5 + ["a [MASK]" + " the" * 20] + ["[MASK]"]
    with pytest.raises(DecodeError, match=r"logits for row 5 are NaN \(1 of 2 rows\)"):
        list(broken(iter(texts), batch_size=2))


@pytest.mark.parametrize(
    ("family", "kind", "part"),
    [
        ("bert", "BertModel", "cls.predictions"),
        ("bert", "BertForNextSentencePrediction", "cls.predictions"),
        ("distilbert", "DistilBertModel", "vocab_"),
        ("roberta", "RobertaModel", "lm_head"),
        ("albert", "AlbertModel", "predictions"),
    ],
)
def test_a_checkpoint_without_the_head_is_refused(tmp_path, family, kind, part):
    folder = write_family(tmp_path / "headless", family, kind)
    with pytest.raises(CheckpointError, match=rf"has no masked-language-model head \(.*{part}.*would be random"):
        fb.pipeline("fill-mask", folder)


def test_a_loaded_model_without_the_head_is_refused(bert):
    model = transformers.AutoModel.from_pretrained(bert)
    with pytest.raises(CheckpointError, match="BertModel has no masked-language-model head"):
        fb.pipeline("fill-mask", model, bert, device="cpu")("a [MASK]")


class Negated(transformers.BertForMaskedLM):
    """A class of one's own, with other logits."""

    def forward(self, *args, **options):
        output = super().forward(*args, **options)
        output.logits = -output.logits
        return output


@pytest.mark.parametrize("change", ["class", "hook", "forward"])
def test_a_forward_of_ones_own_is_what_fills(change):
    plain = made_model("BertForMaskedLM", vocab_size=40)
    model = made_model("BertForMaskedLM", vocab_size=40)
    if change == "class":
        model = Negated(plain.config).eval()
        model.load_state_dict(plain.state_dict())
    elif change == "hook":

        def negate(module, inputs, output):
            output.logits = -output.logits

        model.register_forward_hook(negate)
    else:
        own = model.forward

        def forward(*args, **options):
            output = own(*args, **options)
            output.logits = -output.logits
            return output

        model.forward = forward
    tokenizer = fb.BertTokenizer(
        {
            token: id
            for id, token in enumerate(
                "[PAD] [UNK] [CLS] [SEP] [MASK]".split() + list("abcdefghijklmnopqrstuvwxyzABCDEFGHI")
            )
        },
        do_lower_case=False,
    )
    found, as_it_was = (
        fb.pipeline("fill-mask", one, tokenizer, device="cpu")("a [MASK] b", top_k=40) for one in (model, plain)
    )
    assert [one["token"] for one in found] == [one["token"] for one in as_it_was][::-1]


def test_logits_that_do_not_fit_into_memory_halve_the_budget():
    class Small(torch.nn.Module):
        """Room for two masks."""

        def __init__(self, head):
            super().__init__()
            self.head = head

        def forward(self, hidden):
            if len(hidden) > 2:
                raise torch.OutOfMemoryError("out of memory")
            return self.head(hidden)

    tokenizer = fb.BertTokenizer({token: id for id, token in enumerate("[PAD] [UNK] [CLS] [SEP] [MASK] a b c".split())})
    model = made_model("BertForMaskedLM", vocab_size=8)
    texts = ["a [MASK]"] * 8
    expected = fb.pipeline("fill-mask", model, tokenizer, device="cpu")(texts)
    model.cls.predictions = Small(model.cls.predictions)
    fill = fb.pipeline("fill-mask", model, tokenizer, device="cpu")
    assert [[one["token"] for one in row] for row in fill(texts)] == [[one["token"] for one in row] for row in expected]
    assert fill.batch_tokens < 16
