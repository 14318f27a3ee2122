"""The adapters that ship: their files, the encoder that they belong to, and answers that anyone can judge."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
from safetensors import safe_open

import ferrobert as fb
from ferrobert.hub import ENCODER
from ferrobert.models import shipped
from ferrobert.models.adapters import BASE_SHA256
from ferrobert.models.encoder import ENCODER_SHA256

MAX_BYTES = 3_000_000
FILES = ["README.md", "adapter_config.json", "adapter_model.safetensors", "config.json"]
FOLDERS = sorted(path for path in shipped.FOLDER.glob("*") if path.is_dir())
NEWS = "Apple CEO Tim Cook announced a new product at their Cupertino headquarters."

of_each = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def settings_of(folder: Path, name: str = "config.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return found


def test_each_task_has_its_adapter() -> None:
    missing = sorted(set(shipped.ADAPTERS) - {folder.name for folder in FOLDERS})
    assert not missing, f"{shipped.FOLDER} has no adapters yet for {', '.join(missing)}: train them and put them there"


@of_each
def test_its_folder_is_named_for_a_task_and_holds_its_files_alone(folder: Path) -> None:
    assert folder.name in shipped.ADAPTERS
    assert sorted(path.name for path in folder.iterdir()) == FILES


@of_each
def test_it_is_small(folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size <= MAX_BYTES, f"{size:,} bytes"


@of_each
def test_it_is_a_lora_as_peft_writes_it(folder: Path) -> None:
    assert peft.PeftConfig.from_pretrained(str(folder)).peft_type == peft.PeftType.LORA
    with safe_open(folder / "adapter_model.safetensors", "np") as weights:
        names = list(weights.keys())
    assert any(".lora_A." in name for name in names)
    assert all(name.startswith("base_model.model.") for name in names)


@of_each
def test_it_belongs_to_the_encoder(folder: Path) -> None:
    assert settings_of(folder, "adapter_config.json")["base_model_name_or_path"] == ENCODER
    assert settings_of(folder)[BASE_SHA256] == ENCODER_SHA256


@of_each
def test_it_names_no_place_on_the_machine_that_trained_it(folder: Path) -> None:
    assert settings_of(folder).get("_name_or_path", ENCODER) == ENCODER
    for name in ("adapter_config.json", "config.json"):
        assert '"/' not in (folder / name).read_text(encoding="utf-8")


@of_each
def test_its_model_card_says_data_licence_figures_and_limits(folder: Path) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^#+ +(.+)$", card, re.MULTILINE)).lower()
    for word in ("data", "licence", "figures", "limits"):
        assert re.search(rf"\b{word}\b", headings), word
    assert "Apache-2.0" in card  # what `describe` says of it


def judge_sentiment(pipe: Any) -> None:
    assert pipe.labels == ["NEGATIVE", "POSITIVE"]
    texts = ["I absolutely loved this product!", "Terrible quality, fell apart after a day."]
    assert [one["label"] for one in pipe(texts)] == ["POSITIVE", "NEGATIVE"]


def judge_entities(pipe: Any) -> None:
    found = {(one["entity_group"], one["word"]) for one in pipe(NEWS, aggregation_strategy="first")}
    assert ("PER", "Tim Cook") in found


def judge_answer(pipe: Any) -> None:
    assert pipe(question="Who is the CEO of Apple?", context=NEWS)["answer"] == "Tim Cook"


def judge_topic(pipe: Any) -> None:
    topics = ["politics", "technology", "sports", "entertainment"]
    assert pipe("The government announced new economic policies today.", topics)["labels"][0] == "politics"


def judge_mask(pipe: Any) -> None:
    assert "paris" in [one["token_str"] for one in pipe("The capital of France is [MASK].")]


JUDGED: dict[str, Callable[[Any], None]] = {
    "text-classification": judge_sentiment,
    "token-classification": judge_entities,
    "question-answering": judge_answer,
    "zero-shot-classification": judge_topic,
    "fill-mask": judge_mask,
}


@of_each
def test_it_gives_sane_answers(folder: Path) -> None:
    JUDGED[folder.name](fb.pipeline(folder.name, device="cpu"))
