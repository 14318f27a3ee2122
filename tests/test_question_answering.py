"""The question-answering pipeline: transformers 4's call and dictionaries, on tiny checkpoints of four families."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.answer_peers import pipeline_decode
from tests.made_checkpoints import albert_folder, roberta_folder

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DecodeError, TextTypeError
from ferrobert.pipelines.question_answering import QuestionAnsweringPipeline

QUESTION = "hello world ?"
CONTEXT = "Elon Musk founded Tesla in California . It was a lazy afternoon , hello !"
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
}


def model_of(vocab: int, kind: str = "Bert", **config: Any) -> Any:
    torch.manual_seed(1)
    sizes = {**SIZES, "vocab_size": vocab, **config}
    if kind == "DistilBert":
        sizes |= {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 16}
    model = getattr(transformers, f"{kind}ForQuestionAnswering")(getattr(transformers, f"{kind}Config")(**sizes))
    torch.nn.init.normal_(model.qa_outputs.weight, std=2)
    return model.eval()


@pytest.fixture(scope="module")
def qa(tokenizer: fb.BertTokenizer) -> QuestionAnsweringPipeline:
    made = fb.pipeline(
        "question-answering", model_of(len(tokenizer)), tokenizer.replace(model_max_length=64), device="cpu"
    )
    assert isinstance(made, QuestionAnsweringPipeline)
    return made


def by_hand(qa: QuestionAnsweringPipeline, question: str, context: str, top_k: int = 1, **options: Any) -> Any:
    """The way of transformers 4, with transformers' own tokenizer, one window at a time."""
    theirs = qa.tokenizer.as_transformers()
    window = options.get("max_seq_len", 64)
    encoding = theirs(
        question,
        context,
        truncation="only_second",
        max_length=window,
        stride=options.get("doc_stride", window // 2),
        return_overflowing_tokens=True,
    )
    starts, ends = (np.zeros((len(encoding["input_ids"]), window), np.float32) for _ in range(2))
    for row, _ in enumerate(encoding["input_ids"]):
        names = [name for name in theirs.model_input_names if name in encoding]
        with torch.inference_mode():
            output = qa.model(**{name: torch.tensor([encoding[name][row]]) for name in names})
        starts[row, : output.start_logits.shape[1]] = output.start_logits[0].numpy()
        ends[row, : output.end_logits.shape[1]] = output.end_logits[0].numpy()
    samples = [0] * len(starts)
    [found] = pipeline_decode(
        [context],
        samples,
        encoding.encodings,
        starts,
        ends,
        top_k=top_k,
        max_answer_length=options.get("max_answer_len", 15),
        align_to_words=options.get("align_to_words", True),
        with_null=options.get("handle_impossible_answer", False),
    )
    return found


def same(ours: Any, theirs: Any) -> None:
    assert list(ours) == ["score", "start", "end", "answer"]
    assert {**ours, "score": 0} == {**theirs, "score": 0}
    assert ours["score"] == pytest.approx(theirs["score"], abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_answer_len": 2},
        {"align_to_words": False},
        {"max_seq_len": 16, "doc_stride": 4},
        {"handle_impossible_answer": True},
        {"max_seq_len": 14},
    ],
)
def test_one_question_gives_what_transformers_4_gives(qa: QuestionAnsweringPipeline, options: dict[str, Any]) -> None:
    ours = qa(question=QUESTION, context=CONTEXT, **options)
    same(ours, by_hand(qa, QUESTION, CONTEXT, **options)[0])
    assert ours == qa({"question": QUESTION, "context": CONTEXT}, **options)
    assert json.loads(json.dumps(ours)) == ours


def test_several_answers(qa: QuestionAnsweringPipeline) -> None:
    for name in ("top_k", "topk"):
        ours = qa(question=QUESTION, context=CONTEXT, align_to_words=False, **{name: 5})
        for one, other in zip(ours, by_hand(qa, QUESTION, CONTEXT, top_k=5, align_to_words=False), strict=True):
            same(one, other)


def test_lists_give_lists_in_their_order(qa: QuestionAnsweringPipeline) -> None:
    questions = [QUESTION, "the cat ?", "un ?"]
    contexts = [CONTEXT, "the cat sat on the mat .", CONTEXT * 5]
    expected = [qa(question=one, context=other) for one, other in zip(questions, contexts, strict=True)]
    rows = [{"question": one, "context": other} for one, other in zip(questions, contexts, strict=True)]
    for found in (
        qa(question=questions, context=contexts),
        qa(rows),
        list(qa(row for row in rows)),
        list(qa((row for row in rows), batch_size=2)),
    ):
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    assert qa(question=questions[:1], context=CONTEXT) == qa([rows[0]])
    assert isinstance(qa([rows[0]]), list)
    assert [len(found) for found in qa(question=questions, context=CONTEXT, top_k=3)] == [3, 3, 3]
    assert qa([]) == []


def test_a_long_context_is_read_to_its_end(qa: QuestionAnsweringPipeline) -> None:
    context = "the cat sat on the mat . " * 40 + CONTEXT
    found = qa(question=QUESTION, context=context, top_k=100_000, rank_by="logits")
    assert found[0]["answer"] == context[found[0]["start"] : found[0]["end"]]
    assert max(answer["end"] for answer in found) == len(context)
    assert len({(answer["start"], answer["end"]) for answer in found}) == len(found)


def test_details(qa: QuestionAnsweringPipeline) -> None:
    found = qa(question=QUESTION, context=CONTEXT, details=True)
    assert {"probability", "start_logit", "end_logit", "feature"} < set(found)


def test_defaults_of_the_pipeline(tokenizer: fb.BertTokenizer, qa: QuestionAnsweringPipeline) -> None:
    other = fb.pipeline("question-answering", qa.model, qa.tokenizer, device="cpu", top_k=2, max_answer_len=3)
    assert other(question=QUESTION, context=CONTEXT) == qa(
        question=QUESTION, context=CONTEXT, top_k=2, max_answer_len=3
    )


def test_a_checkpoint_folder(tmp_path: Path, qa: QuestionAnsweringPipeline) -> None:
    qa.save_pretrained(tmp_path)
    other = fb.pipeline("question-answering", tmp_path, device="cpu")
    assert other(question=QUESTION, context=CONTEXT) == qa(question=QUESTION, context=CONTEXT)


@pytest.mark.parametrize(("kind", "folder"), [("Roberta", roberta_folder), ("Albert", albert_folder)])
def test_other_families(tmp_path: Path, kind: str, folder: Callable[..., Path]) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(str(folder(tmp_path, model_max_length=40)))
    config = {"embedding_size": 8} if kind == "Albert" else {"pad_token_id": tokenizer.pad_token_id}
    model = model_of(len(tokenizer), kind, type_vocab_size=1 if kind == "Roberta" else 2, **config)
    qa = fb.pipeline("question-answering", model, tokenizer, device="cpu")
    assert isinstance(qa, QuestionAnsweringPipeline)
    context = "hello world, hello the world. " * 6
    ours = qa(question="hello the", context=context, align_to_words=False, max_seq_len=40)
    same(ours, by_hand(qa, "hello the", context, align_to_words=False, max_seq_len=40)[0])
    assert ours["answer"] == context[ours["start"] : ours["end"]]


def test_distilbert(tokenizer: fb.BertTokenizer) -> None:
    model = model_of(len(tokenizer), "DistilBert")
    tokens = tokenizer.replace(model_max_length=64, model_input_names=["input_ids", "attention_mask"])
    qa = fb.pipeline("question-answering", model, tokens, device="cpu")
    assert isinstance(qa, QuestionAnsweringPipeline)
    same(qa(question=QUESTION, context=CONTEXT), by_hand(qa, QUESTION, CONTEXT)[0])


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({}, ConfigError, "give question= and context="),
        ({"question": "who"}, ConfigError, "context= is missing"),
        ({"context": "who"}, ConfigError, "question= is missing"),
        ({"inputs": "who"}, TextTypeError, "a question needs its context"),
        ({"inputs": {"question": "who"}}, ConfigError, "row 0 has no 'context'; its keys are 'question'"),
        ({"inputs": {"question": "who", "context": "a"}, "question": "b"}, ConfigError, "not both"),
        ({"inputs": ["who"]}, TextTypeError, "row 0 must be .*, got str"),
        ({"question": ["who", "it"], "context": ["a"]}, ConfigError, "there are 2 questions and 1 contexts"),
        ({"question": "who", "context": ["a"]}, ConfigError, "context must be a str, as question is one, got list"),
        ({"question": "who", "context": ""}, ConfigError, "row 0: context is empty"),
        ({"question": ["who", " "], "context": "a"}, ConfigError, "row 1: question is empty"),
        ({"question": ["who", 7], "context": "a"}, TextTypeError, "row 1: question must be a str, got int"),
        ({"question": "who", "context": "a", "max_length": 3}, ConfigError, "unknown option 'max_length'"),
        ({"question": "who", "context": "a", "top_k": 0}, ConfigError, "top_k must be an integer of at least 1"),
        ({"question": "who", "context": "a", "max_answer_len": 0}, ConfigError, "max_answer_len must be an integer"),
        ({"question": "who", "context": "a", "max_seq_len": 4}, ConfigError, "row 0: .* leaves 0 of a window of 4"),
        ({"question": "who", "context": "a", "rank_by": "x"}, ConfigError, "rank_by must be"),
        ({"question": "the cat sat", "context": CONTEXT, "max_seq_len": 7}, ConfigError, "row 0: .* leaves 1 of"),
        ({"question": "who", "context": "a", "top_k": 2**70}, ConfigError, "top_k must be at most 2,147,483,647"),
        ({"question": "\u200b", "context": "a"}, ConfigError, r"row 0: the question '\\u200b' has no tokens"),
        (
            {"question": "who", "context": "a", "handle_impossible_answer": "no"},
            ConfigError,
            "handle_impossible_answer must be True or False, got 'no'",
        ),
    ],
)
def test_what_cannot_be_answered(qa: QuestionAnsweringPipeline, call: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        qa(**call)


def test_logits_of_a_model_that_are_no_numbers(tokenizer: fb.BertTokenizer) -> None:
    model = model_of(len(tokenizer))
    torch.nn.init.constant_(model.qa_outputs.bias, float("nan"))
    qa = fb.pipeline("question-answering", model, tokenizer.replace(model_max_length=64), device="cpu")
    with pytest.raises(DecodeError, match=r"the model's logits for row 0 are NaN \(token 0 of its window\)"):
        qa(question=QUESTION, context=CONTEXT)


def test_a_checkpoint_without_the_head(tmp_path: Path, tokenizer: fb.BertTokenizer) -> None:
    config = transformers.BertConfig(vocab_size=len(tokenizer), **SIZES)
    transformers.BertModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="has no question-answering head .* its answers would be random"):
        fb.pipeline("question-answering", tmp_path, device="cpu")
    loaded = fb.pipeline("question-answering", transformers.BertModel(config), tokenizer, device="cpu")
    with pytest.raises(CheckpointError, match="BertModel has no question-answering head"):
        loaded(question="who", context="cat", max_seq_len=16)


def test_a_tokenizer_of_transformers_is_taken(tmp_path: Path) -> None:
    tokenizer = fb.AutoTokenizer.from_pretrained(str(roberta_folder(tmp_path, model_max_length=40)))
    model = model_of(len(tokenizer), "Roberta", type_vocab_size=1, pad_token_id=tokenizer.pad_token_id)
    calls = {"question": "hello the", "context": "hello world, hello the world. " * 6}
    ours = fb.pipeline("question-answering", model, tokenizer, device="cpu")(**calls)
    assert fb.pipeline("question-answering", model, tokenizer.as_transformers(), device="cpu")(**calls) == ours
    with pytest.raises(ConfigError, match="or a fast one of transformers, got builtins.object"):
        fb.pipeline("question-answering", model, object(), device="cpu")


@pytest.mark.parametrize("unpadded", [True, False])
def test_a_model_whose_config_asks_for_tuples(qa: Any, unpadded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = qa(question=QUESTION, context=CONTEXT)
    if not unpadded:
        monkeypatch.setattr("ferrobert.pipelines.forward.unpadded", lambda model: None)
    monkeypatch.setattr(qa.model.config, "return_dict", False)
    same(qa(question=QUESTION, context=CONTEXT), expected)


def test_the_other_ways_to_ask(qa: Any) -> None:
    one = {"question": QUESTION, "context": CONTEXT}
    expected = qa(one)
    assert qa(QUESTION, CONTEXT) == qa(data=one) == qa(X=one) == expected
    assert qa(one, one) == qa(X=[one, one]) == [expected, expected]
    assert qa({"question": [QUESTION] * 2, "context": CONTEXT}) == [expected, expected]
    with pytest.raises(TextTypeError, match="question must be a str or a list of them, got int"):
        qa(question=5, context=CONTEXT)


def test_messages_count_rows_from_the_first_block_on(
    qa: QuestionAnsweringPipeline, tokenizer: fb.BertTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferrobert.pipelines.base.READ_AHEAD", 2)
    asked = [{"question": QUESTION, "context": CONTEXT}] * 6
    long = {"question": "the cat " * 15, "context": CONTEXT}
    with pytest.raises(ConfigError, match=r"row 5: the question takes 30 tokens and leaves 0 of a window of 20"):
        qa([*asked[:5], long], max_seq_len=20)
    with pytest.raises(UnicodeEncodeError, match="row 3 holds a lone surrogate"):
        qa([*asked[:3], {"question": "a\ud800", "context": CONTEXT}])
    model = model_of(len(tokenizer))
    hello = tokenizer.vocab["hello"]
    model.base_model.embeddings.word_embeddings.weight.data[hello] = torch.inf
    broken = fb.pipeline("question-answering", model, tokenizer.replace(model_max_length=64), device="cpu")
    with pytest.raises(DecodeError, match="the model's logits for row 4 are"):
        broken(
            [*({"question": "cat", "context": "the cat"} for _ in range(4)), {"question": "hello", "context": "cat"}]
        )


def test_infinite_logits_name_their_row(tokenizer: fb.BertTokenizer) -> None:
    model = model_of(len(tokenizer))
    torch.nn.init.constant_(model.qa_outputs.bias, float("inf"))
    qa = fb.pipeline("question-answering", model, tokenizer.replace(model_max_length=64), device="cpu")
    with pytest.raises(DecodeError, match="the model's logits for row 0 are infinite"):
        qa(question=QUESTION, context=CONTEXT)


def test_tables_and_scalars_of_arrow_and_pandas(qa: QuestionAnsweringPipeline) -> None:
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    columns = {"question": [QUESTION, "the cat"], "context": [CONTEXT] * 2}
    expected = qa([{"question": one, "context": CONTEXT} for one in columns["question"]])
    assert qa(pa.table(columns)) == expected
    assert qa(pd.DataFrame(columns)) == expected
    assert qa(question=pa.chunked_array([columns["question"]]), context=pa.scalar(CONTEXT)) == expected
    assert qa(question=pa.scalar(QUESTION), context=pa.scalar(CONTEXT)) == expected[0]


def test_a_threshold_of_numpy(qa: QuestionAnsweringPipeline) -> None:
    options: dict[str, Any] = {"handle_impossible_answer": True, "rank_by": "logits"}
    one = qa(question=QUESTION, context=CONTEXT, null_score_diff_threshold=np.float32(0.5), **options)
    assert one == qa(question=QUESTION, context=CONTEXT, null_score_diff_threshold=0.5, **options)


def test_a_model_that_was_trained_since_answers_without_dropout(qa: QuestionAnsweringPipeline) -> None:
    expected = qa(question=QUESTION, context=CONTEXT)
    qa.model.train()
    assert qa(question=QUESTION, context=CONTEXT) == expected
