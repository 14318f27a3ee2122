"""The order of rows in training."""

import random

import numpy as np
import pytest
from tests.finetune_cases import FAST, TRAIN

import ferrobert as fb


def test_each_epoch_has_another_order_and_every_row():
    from ferrobert.training.trainer import LengthGroups

    lengths = np.array([random.Random(seed).randint(3, 60) for seed in range(403)])
    groups = LengthGroups(lengths, 16, seed=0)
    first = list(groups)
    groups.set_epoch(1)
    second = list(groups)
    assert sorted(first) == sorted(second) == list(range(403))
    assert first != second

    def padding(order):
        return sum(16 * max(lengths[order[at : at + 16]]) for at in range(0, 403, 16)) / lengths.sum() - 1

    assert padding(first) < 0.3 * padding(range(403))
    plain = list(LengthGroups(lengths, 16, seed=0, sort=False))
    assert sorted(plain) == list(range(403))
    assert padding(plain) > 0.7 * padding(range(403))


@pytest.mark.parametrize("task", ["text-classification", "ner"])
def test_rows_are_grouped_by_length_as_asked(task, tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    sorted_or_not = []
    original = trainer.LengthGroups.__init__

    def made(self, *arguments, sort):
        sorted_or_not.append(sort)
        original(self, *arguments, sort=sort)

    monkeypatch.setattr(trainer.LengthGroups, "__init__", made)
    train = TRAIN if task != "ner" else [(["good", "film"], ["B-X", "O"]), (["bad"], ["O"])] * 8
    for number, settings in enumerate(({}, {"group_by_length": True}, {"group_by_length": False})):
        fb.finetune(task, tiny_encoder, train, output_dir=tmp_path / str(number), **{**FAST, **settings})
    assert sorted_or_not == [task != "ner", True, False]


def test_trainer_moves_on_to_the_order_of_the_next_epoch(tiny_encoder, tmp_path, monkeypatch):
    from ferrobert.training import trainer

    orders = []
    original = trainer.LengthGroups.__iter__
    monkeypatch.setattr(trainer.LengthGroups, "__iter__", lambda self: orders.append(self.epoch) or original(self))
    fb.finetune("text-classification", tiny_encoder, TRAIN, output_dir=tmp_path, **FAST)
    assert orders == [0, 1]
