"""Batches that do not fit into memory, and streams that end with an error."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

import ferrobert as fb

TEXTS = ["good " * (1 + row * 7 % 40) for row in range(60)]


class Limited(torch.nn.Module):
    """A model that has memory for so many slots."""

    def __init__(self, model: Any, slots: int, error: BaseException) -> None:
        super().__init__()
        self.model, self.slots, self.error = model, slots, error
        self.config = model.config
        self.dtype = model.dtype
        self.largest = 0

    def forward(self, input_ids: Any, **inputs: Any) -> Any:
        if input_ids.numel() > self.slots:
            raise self.error
        self.largest = max(self.largest, input_ids.numel())
        return self.model(input_ids=input_ids, **inputs)


def limited(folder: Path, slots: int, error: BaseException, **options: Any) -> Any:
    pipe = fb.pipeline("text-classification", folder, device="cpu")
    return fb.pipeline(
        "text-classification", Limited(pipe.model, slots, error), pipe.tokenizer, device="cpu", **options
    )


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
    ids=["gpu", "cpu", "python"],
)
def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(
    tiny_classifier: Path, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    expected = fb.pipeline("text-classification", tiny_classifier, device="cpu")(TEXTS, top_k=None)
    pipe = limited(tiny_classifier, 300, error, batch_tokens=1024)
    with caplog.at_level(logging.WARNING, logger="ferrobert"):
        found = pipe(TEXTS, top_k=None)
    assert [[one["label"] for one in row] for row in found] == [[one["label"] for one in row] for row in expected]
    scores = [one["score"] for row in found for one in row]
    assert scores == pytest.approx([one["score"] for row in expected for one in row], abs=1e-5)
    assert pipe.batch_tokens <= 300
    messages = [record.getMessage() for record in caplog.records]
    assert 1 <= len(messages) <= 2
    assert "did not fit into memory: going on with" in messages[0]
    caplog.clear()
    pipe(TEXTS)
    assert not caplog.records  # the pipeline remembers


def test_a_row_that_does_not_fit_alone_is_an_error(tiny_classifier: Path) -> None:
    pipe = limited(tiny_classifier, 20, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(torch.OutOfMemoryError):
        pipe(TEXTS)


def test_other_errors_of_the_model_are_not_swallowed(tiny_classifier: Path) -> None:
    pipe = limited(tiny_classifier, 20, RuntimeError("a defect"))
    with pytest.raises(RuntimeError, match="a defect"):
        pipe(TEXTS)
    assert pipe.batch_tokens == fb.pipeline("text-classification", tiny_classifier, device="cpu").batch_tokens


@pytest.mark.parametrize("good", [0, 3, 8, 11])
def test_a_stream_that_raises_loses_no_result(tiny_classifier: Path, good: int) -> None:
    pipe = fb.pipeline("text-classification", tiny_classifier, device="cpu")

    def stream() -> Any:
        yield from TEXTS[:good]
        raise OSError("the disk is gone")

    found: list[Any] = []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(pipe(stream(), batch_size=4))  # keeps what came before the error
    assert [one["label"] for one in found] == [one["label"] for one in pipe(TEXTS[:good])]
