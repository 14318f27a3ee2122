"""Pretraining: what comes out, and that it comes out the same however the run goes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ferrobert as fb
from ferrobert.errors import CheckpointError, ConfigError, DataError, MissingDependencyError, UnsafeCheckpointError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.command_line import refused, run  # noqa: E402
from tests.made_checkpoints import roberta_folder  # noqa: E402
from tests.pretraining_runs import (  # noqa: E402
    CONFIG,
    assert_equal_weights,
    compare_two_processes,
    log_of,
    masks_by_step,
    pretrain,
    recorded_masks,
    run_and_die,
    weights_of,
    write_corpus,
)

ROOT = Path(__file__).resolve().parent.parent
SHORT = {"max_steps": 12, "save_every": 5, "evaluate_every": 6, "log_every": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.txt", documents=200)


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    """An unbroken short run over more than one epoch of a few steps."""
    folder = tmp_path_factory.mktemp("whole")
    small = write_corpus(folder / "small.txt", documents=24)
    return small, pretrain(small, folder / "model", **SHORT)


@pytest.fixture(scope="module")
def learned(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned")
    config = {**CONFIG, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    settings = {
        "config": config,
        "vocab_size": 300,
        "epochs": 12,
        "learning_rate": 5e-3,
        "curve": None,
        "log_every": 20,
    }
    return pretrain(corpus, folder, **settings)


# What comes out


def test_the_held_out_loss_falls_below_that_of_token_frequencies(learned):
    assert learned.metrics["held_out_mlm_loss"] < learned.metrics["unigram_loss"] - 0.1
    assert 0.5 <= learned.metrics["majority_nsp_accuracy"] < 1.0
    evaluations = [record for record in log_of(learned.model_dir) if "held_out_mlm_loss" in record]
    assert evaluations[0]["step"] == 0
    assert evaluations[-1]["step"] == learned.steps
    assert evaluations[-1]["held_out_mlm_loss"] < evaluations[0]["held_out_mlm_loss"] - 1


def test_the_folder_is_a_model_of_transformers(learned):
    model = transformers.AutoModelForPreTraining.from_pretrained(learned.model_dir)
    assert type(model).__name__ == "BertForPreTraining"
    fill = transformers.pipeline("fill-mask", str(learned.model_dir), device="cpu")
    assert len(fill("the cat [MASK] on a mat.")) == 5


def test_the_folder_holds_the_model_its_log_and_its_data_and_no_pickle(learned):
    names = {path.name for path in learned.model_dir.iterdir()}
    assert names == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
        "pretraining_report.json", "pretraining_log.jsonl", "loss_curve.png", "data", "tokenizer",
    }  # fmt: skip


def test_the_special_tokens_come_first(learned):
    lines = (learned.model_dir / "vocab.txt").read_text("utf-8").splitlines()
    assert lines[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def test_the_curve_is_a_png(learned):
    assert learned.curve.read_bytes().startswith(b"\x89PNG")


def test_the_curve_needs_matplotlib_only_where_it_is_asked_for(corpus, tmp_path, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "matplotlib" else found(name, *a))
    with pytest.raises(MissingDependencyError, match=r"ferrobert\[plot\]"):
        pretrain(corpus, tmp_path, curve=True)
    assert pretrain(corpus, tmp_path, curve=None, max_steps=1).curve is None


def test_the_report_counts_what_was_read(learned):
    report = json.loads(learned.report.read_text())
    assert report["documents"]["train"] + report["documents"]["held_out"] == 200
    assert report["tokens"]["train"] == learned.tokens
    assert report["metrics"] == dict(learned.metrics)
    assert report["steps"] == learned.steps


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(whole, tmp_path):
    corpus, result = whole
    pretrain(corpus, tmp_path / "same", **SHORT)
    assert_equal_weights(result.model_dir, tmp_path / "same")
    pretrain(corpus, tmp_path / "other", seed=1, **SHORT)
    name = "bert.pooler.dense.weight"
    assert not torch.equal(weights_of(result.model_dir)[name], weights_of(tmp_path / "other")[name])


def test_dropout_takes_the_place_of_the_models_own(whole, tmp_path):
    corpus, result = whole
    config = {**CONFIG, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    pretrain(corpus, tmp_path / "config", config=config, **SHORT)
    pretrain(corpus, tmp_path / "dropout", dropout=0.0, **SHORT)
    assert_equal_weights(tmp_path / "config", tmp_path / "dropout")
    name = "bert.pooler.dense.weight"
    assert not torch.equal(weights_of(result.model_dir)[name], weights_of(tmp_path / "dropout")[name])


def test_held_out_documents_are_the_same_for_every_seed(whole, tmp_path):
    corpus, result = whole
    other = pretrain(corpus, tmp_path, seed=7, **SHORT)
    first = [(folder / "data" / "held_out-00000.arrow").read_bytes() for folder in (result.model_dir, other.model_dir)]
    assert first[0] == first[1]


def test_without_held_out_documents_there_are_no_metrics(whole, tmp_path):
    corpus, _ = whole
    result = pretrain(corpus, tmp_path, held_out=0, max_steps=2)
    assert result.metrics == {}
    assert not (tmp_path / "data" / "held_out-00000.arrow").exists()


def test_masked_tokens_alone(whole, tmp_path):
    corpus, _ = whole
    result = pretrain(corpus, tmp_path, objective="mlm", batch_size=2, max_steps=2)
    assert set(result.metrics) == {"held_out_mlm_loss", "held_out_mlm_accuracy", "unigram_loss"}
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["BertForMaskedLM"]


def test_sentence_order_of_albert(whole, tmp_path):
    corpus, _ = whole
    config = {**CONFIG, "model_type": "albert", "embedding_size": 16}
    pretrain(corpus, tmp_path, config=config, objective="mlm+sop", max_steps=2)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["AlbertForPreTraining"]


# However the run goes


@pytest.mark.parametrize(
    ("function", "call"),
    [
        ("training_step", 8),  # between two checkpoints
        ("_save_rng_state", 2),  # while the second checkpoint is written
        ("_drop_old", 2),  # when it has just been renamed
        ("_save_checkpoint", 1),  # before there is any checkpoint
    ],
)
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(whole, tmp_path, function, call):
    corpus, result = whole
    run_and_die(corpus, tmp_path, function, call, **SHORT)
    assert not (tmp_path / "config.json").exists()
    pretrain(corpus, tmp_path, resume=True, **SHORT)
    assert_equal_weights(result.model_dir, tmp_path)
    assert log_of(result.model_dir) == log_of(tmp_path)


def test_a_run_killed_before_its_model_was_saved_only_saves_it(whole, tmp_path):
    corpus, result = whole
    settings = {**SHORT, "save_every": 12}
    run_and_die(corpus, tmp_path, "plain_model", 2, **settings)
    assert (tmp_path / "checkpoints" / "checkpoint-12").is_dir()
    pretrain(corpus, tmp_path, resume=True, **settings)
    assert_equal_weights(result.model_dir, tmp_path)


def test_a_killed_run_with_accumulated_batches_ends_the_same(whole, tmp_path):
    corpus, _ = whole
    settings = {**SHORT, "batch_size": 3, "gradient_accumulation_steps": 2}
    pretrain(corpus, tmp_path / "whole", **settings)
    run_and_die(corpus, tmp_path / "broken", "training_step", 15, **settings)
    pretrain(corpus, tmp_path / "broken", resume=True, **settings)
    assert_equal_weights(tmp_path / "whole", tmp_path / "broken")


def test_resume_of_a_finished_run_returns_its_result(whole):
    corpus, result = whole
    before = (result.model_dir / "model.safetensors").stat().st_mtime_ns
    assert pretrain(corpus, result.model_dir, resume=True, **SHORT) == result
    assert (result.model_dir / "model.safetensors").stat().st_mtime_ns == before


def test_masks_do_not_depend_on_the_workers_and_survive_a_kill(whole, tmp_path):
    corpus, _ = whole
    found = []
    for workers in (0, 2):
        with recorded_masks(tmp_path / f"workers{workers}"):
            pretrain(corpus, tmp_path / f"run{workers}", workers=workers, **SHORT)
        found.append(masks_by_step(tmp_path / f"workers{workers}.0"))
    assert found[0] == found[1]
    assert_equal_weights(tmp_path / "run0", tmp_path / "run2")
    assert len({digest for digests in found[0].values() for digest in digests}) == SHORT["max_steps"]
    with recorded_masks(tmp_path / "resumed"):
        run_and_die(corpus, tmp_path / "run", "training_step", 8, **SHORT)
        pretrain(corpus, tmp_path / "run", resume=True, **SHORT)
    for step, digests in masks_by_step(tmp_path / "resumed.0").items():
        assert set(digests) == set(found[0][step])


def test_accumulated_batches_lose_what_one_batch_loses(whole, tmp_path):
    corpus, _ = whole
    config = {**CONFIG, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    losses = []
    for name, settings in (("one", {}), ("four", {"batch_size": 2, "gradient_accumulation_steps": 4})):
        pretrain(corpus, tmp_path / name, config=config, max_steps=5, log_every=1, **settings)
        losses.append([record["loss"] for record in log_of(tmp_path / name) if "loss" in record])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_two_processes_lose_what_one_loses_with_twice_the_batch(whole, tmp_path):
    corpus, _ = whole
    config = {**CONFIG, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    settings = {"config": config, "max_steps": 5, "log_every": 1, "evaluate_every": 5}
    one = compare_two_processes(corpus, tmp_path, 1e-5, **settings)
    report = json.loads((tmp_path / "two" / "pretraining_report.json").read_text())
    assert report["processes"] == 2
    assert report["metrics"] == pytest.approx(dict(one.metrics), rel=1e-5)


# Going on from a checkpoint


@pytest.fixture
def pretrained(learned, tmp_path):
    folder = tmp_path / "pretrained"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json", "tokenizer.json"):
        shutil.copy(learned.model_dir / name, folder)
    return folder


ADAPT = {"config": None, "max_steps": 2}


def test_a_checkpoint_is_where_training_goes_on(corpus, pretrained, learned, tmp_path, recwarn):
    pretrain(corpus, tmp_path / "out", model=pretrained, **ADAPT)
    first = log_of(tmp_path / "out")[0]
    assert first["held_out_mlm_loss"] == pytest.approx(learned.metrics["held_out_mlm_loss"], abs=0.2)
    assert not [warning for warning in recwarn if "start at random" in str(warning.message)]


def test_a_missing_head_starts_at_random_with_a_warning(corpus, tiny_encoder, tmp_path):
    with pytest.warns(UserWarning, match=r"has no cls\.predictions.*start at random"):
        pretrain(corpus, tmp_path, model=tiny_encoder, **ADAPT)


def test_an_incomplete_encoder_is_refused(corpus, pretrained, tmp_path):
    from safetensors.torch import save_file

    weights = {name: value for name, value in weights_of(pretrained).items() if "layer.1.attention" not in name}
    save_file(weights, pretrained / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="lacks 10 parameters of the bert encoder"):
        pretrain(corpus, tmp_path / "out", model=pretrained, **ADAPT)


def test_a_pickle_is_refused(corpus, pretrained, tmp_path):
    (pretrained / "model.safetensors").rename(pretrained / "pytorch_model.bin")
    with pytest.raises(UnsafeCheckpointError, match="is a pickle"):
        pretrain(corpus, tmp_path / "out", model=pretrained, **ADAPT)


def test_rows_longer_than_the_positions_are_refused(corpus, pretrained, tmp_path):
    with pytest.raises(ConfigError, match="max_length 65 is more than the 64 tokens that the model can read"):
        pretrain(corpus, tmp_path / "out", model=pretrained, max_length=65, **ADAPT)


def test_rows_longer_than_the_positions_of_a_new_model_are_refused_before_any_work(corpus, tmp_path):
    with pytest.raises(ConfigError, match="max_length 513 is more than the 512 tokens that the model can read"):
        pretrain(corpus, tmp_path / "out", config="mini", max_length=513)
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_does_not_fit_the_model_is_refused(corpus, pretrained, tokenizer, tmp_path):
    with pytest.raises(ConfigError, match="tokens, the model has embeddings for"):
        pretrain(corpus, tmp_path / "out", model=pretrained, tokenizer=tokenizer, **ADAPT)


def test_model_and_config_together_are_refused(corpus, pretrained, tmp_path):
    with pytest.raises(ConfigError, match="give one of the two"):
        pretrain(corpus, tmp_path / "out", model=pretrained, config="tiny")


@pytest.mark.parametrize("family", ["distilbert", "electra", "roberta"])
def test_other_families_learn_masked_tokens(whole, learned, tmp_path, family):
    corpus, _ = whole
    config = {**CONFIG, "model_type": family, "dim": 32, "n_layers": 2, "n_heads": 2, "embedding_size": 16}
    config |= {"max_position_embeddings": 66}
    result = pretrain(
        corpus, tmp_path, config=config, tokenizer=str(learned.model_dir / "vocab.txt"), batch_size=2, max_steps=2
    )
    assert "held_out_nsp_loss" not in result.metrics


ROBERTA = {
    "config": {**CONFIG, "model_type": "roberta", "max_position_embeddings": 66},
    "max_steps": 2,
    "batch_size": 2,
}


def test_a_roberta_with_its_own_tokenizer(whole, tmp_path):
    corpus, _ = whole
    tokenizer = fb.AutoTokenizer.from_pretrained(roberta_folder(tmp_path))
    pretrain(corpus, tmp_path / "out", tokenizer=tokenizer, **ROBERTA)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["pad_token_id"] == tokenizer.pad_token_id
    fill = transformers.pipeline("fill-mask", str(tmp_path / "out"), device="cpu")
    assert len(fill("hello <mask> world")) == 5


def test_masking_that_does_not_fit_the_tokenizer_is_refused_before_anything_is_encoded(whole, tmp_path):
    corpus, _ = whole
    tokenizer = fb.AutoTokenizer.from_pretrained(roberta_folder(tmp_path))
    with pytest.raises(ConfigError, match="word"):
        pretrain(corpus, tmp_path / "out", tokenizer=tokenizer, whole_word_mask=True, **ROBERTA)
    assert not (tmp_path / "out" / "data" / "manifest.json").exists()


def test_a_next_sentence_head_is_bert_s_alone(corpus, tmp_path):
    with pytest.raises(ConfigError, match="needs a head that roberta models do not have"):
        pretrain(corpus, tmp_path, config={**CONFIG, "model_type": "roberta"}, objective="mlm+nsp")


# The loss


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "electra", "mobilebert"])
def test_the_head_at_masked_positions_gives_the_loss_of_the_whole_head(family):
    from ferrobert.training.pretraining.objective import PretrainingLoss

    settings = {**CONFIG, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "embedding_size": 16}
    if family == "mobilebert":
        settings = {**CONFIG, "embedding_size": 16, "true_hidden_size": 32, "intra_bottleneck_size": 32}
    config = transformers.AutoConfig.for_model(family, vocab_size=90, pad_token_id=0, **settings)
    torch.manual_seed(0)
    model = transformers.AutoModelForMaskedLM.from_config(config).eval()
    ids = torch.randint(5, 90, (3, 12))
    labels = torch.where(torch.rand(3, 12) < 0.3, ids, -100)
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    with torch.no_grad():
        sums = PretrainingLoss(model).eval()(ids, mask, labels)
        logits = model(input_ids=ids, attention_mask=mask).logits
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    assert sums["mlm_sum"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert sums["mlm_count"].item() == (labels != -100).sum().item()
    correct = (logits.argmax(-1) == labels)[labels != -100].sum()
    assert sums["mlm_correct"].item() == correct.item()


def test_the_two_losses_of_bert_are_those_of_its_own_class():
    from ferrobert.training.pretraining.objective import PretrainingLoss

    torch.manual_seed(0)
    model = transformers.BertForPreTraining(transformers.BertConfig(vocab_size=90, **CONFIG)).eval()
    ids = torch.randint(5, 90, (4, 10))
    labels = torch.where(torch.rand(4, 10) < 0.3, ids, -100)
    types = torch.zeros_like(ids)
    types[:, 5:] = 1
    pairs = torch.tensor([0, 1, 1, 0])
    mask = torch.ones_like(ids)
    with torch.no_grad():
        sums = PretrainingLoss(model).eval()(ids, mask, labels, types, pairs)
        theirs = model(
            input_ids=ids, attention_mask=mask, token_type_ids=types, labels=labels, next_sentence_label=pairs
        ).loss
    ours = sums["mlm_sum"] / sums["mlm_count"] + sums["nsp_sum"] / sums["nsp_count"]
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


# What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mlm_probability": 0.0}, "mlm_probability must lie in"),
        ({"held_out": 1.0}, "held_out must lie in"),
        ({"max_length": 4}, "max_length must be an integer of at least 5"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1"),
        ({"learning_rate": 0}, "learning_rate must lie between 0 and 1"),
        ({"learning_rate": "1e-4"}, "learning_rate must be a number, got '1e-4'"),
        ({"held_out": None}, "held_out must be a number, got None"),
        ({"warmup_ratio": 1.0}, "warmup_ratio must lie in"),
        ({"dropout": 1.0}, r"dropout must be None or lie in \[0, 1\), got 1.0"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"objective": "nsp"}, "objective must be one of 'mlm\\+nsp', 'mlm\\+sop', 'mlm', got 'nsp'"),
        ({"config": "huge"}, "config 'huge' is neither a size"),
        ({"config": {"hidden_size": 30, "num_attention_heads": 4}}, "config is refused by transformers"),
        ({"config": {**CONFIG, "vocab_size": 10}}, "config has vocab_size 10, the tokenizer has"),
        ({"document_format": "xml"}, "document_format must be one of"),
        ({"device": "tpu"}, "device must be None, 'cpu' or 'cuda'"),
        ({"batch_size": 100000}, "fewer than one batch of 100000"),
        ({"tokenizer": 5}, "tokenizer must be a tokenizer or the name of one, got int"),
        ({"vocab_size": 5}, "vocab_size must be an integer of at least 6"),
        ({"workers": -1}, "workers must be an integer of at least 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_setting_that_is_not_allowed_is_an_error(corpus, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        pretrain(corpus, tmp_path, **settings)


def test_a_share_that_sets_no_document_aside_is_an_error(tmp_path):
    corpus = write_corpus(tmp_path / "few.txt", documents=3)
    with pytest.raises(DataError, match="no document of it was set aside by held_out=0.0001"):
        pretrain(corpus, tmp_path / "out", held_out=0.0001)


def test_a_folder_with_a_model_is_not_overwritten_by_accident(whole):
    corpus, result = whole
    with pytest.raises(ConfigError, match="holds a model already; overwrite=True replaces it"):
        pretrain(corpus, result.model_dir, **SHORT)


def test_an_unfinished_run_is_not_overwritten_by_accident(whole, tmp_path):
    corpus, _ = whole
    run_and_die(corpus, tmp_path, "training_step", 7, **SHORT)
    with pytest.raises(ConfigError, match="unfinished run; resume=True goes on"):
        pretrain(corpus, tmp_path, **SHORT)
    with pytest.raises(ConfigError, match=r"other settings \(learning_rate 0\.001 -> 0\.01\)"):
        pretrain(corpus, tmp_path, resume=True, **{**SHORT, "learning_rate": 0.01})
    assert pretrain(corpus, tmp_path, overwrite=True, **SHORT).steps == 12


def test_another_corpus_in_the_same_folder_is_refused(whole, tmp_path):
    corpus, _ = whole
    run_and_die(corpus, tmp_path, "training_step", 7, **SHORT)
    other = write_corpus(tmp_path / "other.txt", documents=30, seed=1)
    with pytest.raises(ConfigError, match="trained with another corpus"):
        pretrain(other, tmp_path, resume=True, **SHORT)
    assert pretrain(other, tmp_path, overwrite=True, max_steps=2).steps == 2


def test_another_length_in_the_same_folder_is_refused(whole, tmp_path):
    corpus, _ = whole
    run_and_die(corpus, tmp_path, "training_step", 1, **SHORT)
    with pytest.raises(ConfigError, match="was encoded with another max_length"):
        pretrain(corpus, tmp_path, **{**SHORT, "max_length": 30})


def test_the_function_is_public_and_documented():
    assert fb.pretrain.__module__ == "ferrobert.training.pretraining"
    assert "Example:" in fb.pretrain.__doc__


# The command line

OPTIONS = ["--config", "tiny", "--vocab-size", "120", "--max-length", "24", "--device", "cpu", "--held-out", "0.1"]


def test_the_command_trains_and_says_where(whole, tmp_path):
    corpus, _ = whole
    result = run("pretrain", corpus, "--output", tmp_path / "out", "--max-steps", 2, "--batch-size", 4, *OPTIONS)
    assert f"model saved in {tmp_path / 'out'} after 2 steps" in result.stdout
    assert "held-out MLM loss" in result.stdout
    assert "token frequencies alone" in result.stdout


def test_a_corpus_that_is_not_there_is_one_line(tmp_path):
    assert refused("pretrain", tmp_path / "none.txt", "-o", tmp_path / "out") == (
        f"corpus: no such file or folder: {tmp_path / 'none.txt'}"
    )


def test_an_unknown_size_is_one_line(corpus, tmp_path):
    assert refused("pretrain", corpus, "-o", tmp_path, "--config", "huge").startswith("config 'huge' is neither a size")


def test_python_m_ferrobert_is_the_command():
    done = subprocess.run([sys.executable, "-m", "ferrobert", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"ferrobert {fb.__version__}\n"
