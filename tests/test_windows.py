"""Long texts in windows: what a window holds, and from which of them a token is read; beside plain loops."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.command_line import refused, run
from tests.conftest import write_tokenizer
from tests.made_checkpoints import made_model, roberta_folder

import ferrobert as fb
from ferrobert.errors import ConfigError
from ferrobert.pipelines.rows import token_rows
from ferrobert.pipelines.windows import Layout, windows_of

LIMIT = 64
WORDS = "good bad film book the a was not un ##s ##ed".replace("##", "").split()


def text_of(words: int, seed: int = 0, masks: tuple[int, ...] = ()) -> str:
    drawn = random.Random(seed).choices(WORDS, k=words)
    return " ".join("[MASK]" if place in masks else word for place, word in enumerate(drawn))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    write_tokenizer(folder)
    made_model("BertForMaskedLM", vocab_size=94, max_position_embeddings=LIMIT).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def fill(bert: Path) -> Any:
    return fb.pipeline("fill-mask", bert, device="cpu")


@pytest.fixture(scope="module")
def embed(bert: Path) -> Any:
    return fb.pipeline("feature-extraction", bert, device="cpu")


def window_of_each(tokens: int, room: int, stride: int) -> list[tuple[int, int]]:
    """For each token of a text the window it is read from and its place in that, by trying all."""
    firsts = [0]
    while firsts[-1] + room < tokens:
        firsts.append(firsts[-1] + room - stride)
    chosen = []
    for token in range(tokens):
        best = (-1, 0, 0)
        for number, first in enumerate(firsts):
            last = min(first + room, tokens) - 1
            if first <= token <= last:
                context = min(token - first, last - token)
                if context > best[0]:
                    best = (context, number, token - first)
        chosen.append(best[1:])
    return chosen


# What windows hold


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", ["bert", "roberta"])
@pytest.mark.parametrize("pair", [None, "good film"])
def test_windows_are_those_of_the_tokenizer(tmp_path: Path, side: str, family: str, pair: str | None) -> None:
    if family == "bert":
        write_tokenizer(tmp_path)
    else:
        roberta_folder(tmp_path)
    tokenizer = fb.AutoTokenizer.from_pretrained(tmp_path, truncation_side=side)
    kind = {"bert": "BertForSequenceClassification", "roberta": "RobertaForSequenceClassification"}[family]
    pipe = fb.pipeline("text-classification", made_model(kind, vocab_size=len(tokenizer)), tokenizer, device="cpu")
    texts = [[text_of(300)], *([] if pair is None else [[pair]])]
    for stride in (0, 1, 7, 20):
        options = {"truncation": "only_first", "max_length": LIMIT, "stride": stride, "return_overflowing_tokens": True}
        expected = token_rows(tokenizer(*texts, **options))
        inputs = [texts[0][0] if pair is None else {"text": texts[0][0], "text_pair": pair}]
        found = pipe._windows(inputs, pipe._call_options({"stride": stride}), [0]).rows
        assert len(expected) > 4
        np.testing.assert_array_equal(found.row_splits, expected.row_splits)
        np.testing.assert_array_equal(found.ids, expected.ids)
        if family == "bert":
            np.testing.assert_array_equal(found.type_ids, expected.type_ids)


@pytest.mark.parametrize("from_end", [False, True])
def test_every_token_is_read_from_the_window_of_its_most_context(from_end: bool) -> None:
    draw = random.Random(5)
    for _ in range(400):
        before, behind, room = draw.randint(0, 2), draw.randint(0, 5), draw.randint(1, 12)
        stride, tokens = draw.randrange(room), draw.randint(room + 1, 60)
        limit = before + room + behind
        lengths = [3, before + tokens + behind, 1, before + tokens + behind][: draw.randint(2, 4)]
        lengths = [min(length, limit) if length < 5 else length for length in lengths]
        splits = np.cumsum([0, *lengths])
        whole = token_rows({"input_ids": [list(range(start, end)) for start, end in pairwise(splits)]})
        layouts = {row: Layout(before, behind, stride) for row in (1, 3) if row < len(lengths)}
        windows, inputs_of = windows_of(whole, limit, layouts, from_end=from_end)

        assert (windows.rows.lengths <= max(limit, 3)).all()
        assert windows.places is not None
        assert windows.read is not None
        np.testing.assert_array_equal(windows.rows.ids, windows.places)  # ids are their places here
        np.testing.assert_array_equal(np.sort(windows.places[windows.read]), np.arange(splits[-1]))
        np.testing.assert_array_equal(whole.ids, windows.rows.ids[windows.where(np.arange(splits[-1]))])
        assert np.add.reduceat(windows.read, windows.rows.row_splits[:-1], dtype=int).min() >= 1
        np.testing.assert_array_equal(windows.starts, np.searchsorted(inputs_of, np.arange(len(whole))))
        if from_end:
            continue
        at = windows.where(np.arange(splits[1], splits[2]))
        row_of = np.searchsorted(windows.rows.row_splits, at, side="right") - 1 - windows.starts[1]
        count = int((inputs_of == 1).sum())
        expected = [number for number, _ in window_of_each(tokens, room, stride)]
        assert row_of.tolist() == [0] * before + expected + [count - 1] * behind


def test_a_stride_that_leaves_no_room_is_refused(fill: Any) -> None:
    with pytest.raises(
        ConfigError, match="row 1: stride 62 must be less than 62, the tokens of the text that a window"
    ):
        fill(["a [MASK]", text_of(90, masks=(3,))], stride=62)


# fill-mask


def alone(pipe: Any, text: str) -> tuple[list[torch.Tensor], list[int], list[tuple[int, int]]]:
    """Windows of a text, run one by one by transformers' model; ids of the whole text; where its tokens are read."""
    ids = pipe.tokenizer(text, verbose=False)["input_ids"]
    encoding = pipe.tokenizer([text], truncation=True, max_length=LIMIT, stride=15, return_overflowing_tokens=True)
    with torch.inference_mode():
        rows = [pipe.model(torch.tensor([row]))[0][0] for row in encoding["input_ids"]]
    return rows, ids, window_of_each(len(ids) - 2, LIMIT - 2, 15)


@pytest.mark.parametrize("masks", [(150,), (0, 30, 46, 47, 48, 61, 62, 100, 140, 199)])
def test_masks_of_a_long_text_are_filled_from_the_window_of_their_most_context(
    fill: Any, masks: tuple[int, ...]
) -> None:
    text = text_of(200, masks=masks)
    rows, ids, window_of = alone(fill, text)
    mask_id = fill.tokenizer.mask_token_id
    places = [place for place, id in enumerate(ids) if id == mask_id]
    assert len(places) == len(masks)
    found = fill(text, top_k=3)
    for place, answers in zip(places, [found] if len(masks) == 1 else found, strict=True):
        window, token = window_of[place - 1]
        best = rows[window][token + 1].softmax(-1).topk(3)
        assert [one["token"] for one in answers] == best.indices.tolist()
        assert [one["score"] for one in answers] == pytest.approx(best.values.tolist(), abs=1e-5)
        for one in answers:
            filled = [*ids[:place], one["token"], *ids[place + 1 :]]
            assert one["sequence"] == fill.tokenizer.decode(filled, skip_special_tokens=len(masks) == 1)


def test_short_texts_beside_long_ones_get_the_same_results(fill: Any) -> None:
    texts = ["a [MASK] film", text_of(200, masks=(70, 71)), "[MASK] and [MASK]", text_of(90, masks=(80,))]
    for one, text in zip(fill(texts), texts, strict=True):
        for answers, others in zip(*(x if isinstance(x[0], list) else [x] for x in (one, fill(text))), strict=True):
            assert [answer["sequence"] for answer in answers] == [other["sequence"] for other in others]
            assert [x["score"] for x in answers] == pytest.approx([x["score"] for x in others], abs=1e-5)
    assert [len(one) for one in fill(iter(texts), batch_size=1)] == [5, 2, 2, 5]


def test_a_long_text_of_masks_that_is_not_to_be_cut_is_refused(fill: Any) -> None:
    with pytest.raises(ConfigError, match=r"row 1 has 93 tokens, the model reads at most 64"):
        fill(["a [MASK]", "[MASK] " + "good " * 90], truncation=False)


# feature-extraction


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
@pytest.mark.parametrize("padded", [False, True])
def test_a_pooled_vector_has_each_token_of_a_long_text_once(
    embed: Any, pooling: str, padded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if padded:
        monkeypatch.setattr("ferrobert.pipelines.forward.unpadded", lambda model: None)
    text = text_of(200, seed=1)
    rows, _, window_of = alone(embed, text)
    states = [rows[window][token + 1] for window, token in window_of]
    states = torch.stack([rows[0][0], *states, rows[-1][-1]])
    expected = {
        "cls": torch.stack([row[0] for row in rows]).mean(0),
        "mean": states.mean(0),
        "max": states.amax(0),
    }[pooling]
    short = embed("a film", pooling=pooling)
    for texts in ([text], ["a film", text, "a film"]):
        vectors = embed(texts, pooling=pooling, return_tensors="np")
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(vectors[len(texts) // 2], expected.numpy(), atol=1e-5)
        if len(texts) > 1:
            np.testing.assert_allclose(vectors[[0, 2]], [short, short], atol=1e-5)
    np.testing.assert_allclose(
        embed(text, pooling=pooling, normalize=True), expected / torch.linalg.vector_norm(expected), atol=1e-5
    )


def test_of_a_long_pair_the_second_text_is_read_beside_the_end_of_the_first(embed: Any) -> None:
    text, pair = text_of(100, seed=2), "bad book"
    options = {"truncation": "only_first", "max_length": LIMIT, "return_overflowing_tokens": True}
    rows = embed.tokenizer([text], [pair], stride=14, **options)
    with torch.inference_mode():
        states = [
            embed.model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types]))[0][0]
            for ids, types in zip(rows["input_ids"], rows["token_type_ids"], strict=True)
        ]
    behind = 4  # [SEP] bad book [SEP]
    tokens = len(embed.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
    read = [states[window][token + 1] for window, token in window_of_each(tokens, LIMIT - 1 - behind, 14)]
    expected = torch.stack([states[0][0], *read, *states[-1][-behind:]]).mean(0)
    np.testing.assert_allclose(embed({"text": text, "text_pair": pair}, pooling="mean"), expected, atol=1e-5)


def test_a_long_text_of_which_every_token_is_wanted_is_refused(embed: Any) -> None:
    for options in ({}, {"pooling": "mean", "truncation": False}):
        with pytest.raises(ConfigError, match=r"row 1 has 92 tokens, the model reads at most 64"):
            embed(["good", "good " * 90], **options)


def test_a_long_text_without_numbers_is_named(bert: Path) -> None:
    from ferrobert.errors import DecodeError

    embed = fb.pipeline("feature-extraction", bert, device="cpu")
    id = embed.tokenizer.get_vocab()["dull"]
    embed.model.base_model.embeddings.word_embeddings.weight.data[id] = float("nan")
    with pytest.raises(DecodeError, match=r"row 1 are NaN \(1 of 3 rows\)"):
        embed(["good", text_of(90) + " dull " + text_of(90), "bad"], pooling="mean")


# The command


def test_predict_cuts_no_long_text(bert: Path, fill: Any, embed: Any, tmp_path: Path) -> None:
    texts = [text_of(200, masks=(150,)), "a [MASK]"]
    file = tmp_path / "in.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    done = run("predict", file, "-m", bert, "--task", "fill-mask", "--device", "cpu")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["predictions"][0][0]["sequence"] for row in rows] == [one[0]["sequence"] for one in fill(texts)]
    vectors = run("predict", file, "-m", bert, "--task", "feature-extraction", "--device", "cpu")
    found = [json.loads(line)["vector"] for line in vectors.stdout.splitlines()]
    np.testing.assert_allclose(found, embed(texts, pooling="mean", normalize=True), atol=1e-5)
    assert done.stderr == vectors.stderr == ""
    cut = run("predict", file, "-m", bert, "--task", "feature-extraction", "--max-length", 10, "--device", "cpu")
    assert cut.stderr == "1 of 2 texts were longer than 10 tokens and were cut\n"
    for task in ("fill-mask", "feature-extraction"):
        message = refused("predict", file, "-m", bert, "--task", task, "--strict", "--device", "cpu")
        assert "line 1: the text has more than the 64 tokens" in message
        assert message.endswith("without --strict it is read in windows")
