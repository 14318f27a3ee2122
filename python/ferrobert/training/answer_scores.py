"""How good the answers of validation are, after each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ferrobert.answers import QuestionFeatures, decode_answers
from ferrobert.pipelines.rows import token_rows
from ferrobert.training.metrics import squad
from ferrobert.training.questions import Questions
from ferrobert.training.rows import LabelledRows


class AnswerScores:
    """Trainer's metrics: exact match and F1 as SQuAD's scripts count them, and the loss.

    Args:
        questions: the validation examples.
        features: the same, encoded with their answers.
    """

    def __init__(self, questions: Questions, features: QuestionFeatures) -> None:
        self.questions = questions
        self.features = features
        # By length, as the scores do not depend on the order, but the padding does.
        self.order = np.argsort(-token_rows(features).lengths, kind="stable")

    def rows(self, pad_id: int) -> LabelledRows:
        """The rows to evaluate on."""
        rows = token_rows(self.features).in_order(self.order)
        return LabelledRows(rows, positions_of(self.features)[self.order], pad_id)

    def __call__(self, evaluation: Any) -> dict[str, float]:
        """The scores of what `AnswerTrainer` predicts: batches of start and end logits, and of losses."""
        lengths = token_rows(self.features).lengths
        starts, ends = ([np.zeros(0, np.float32)] * len(lengths) for _ in range(2))
        loss = 0.0
        place = 0
        for of_start, of_end, losses in evaluation.predictions:
            loss += float(losses.sum(dtype=np.float64))
            for start, end in zip(of_start, of_end, strict=True):
                row = int(self.order[place])
                starts[row], ends[row] = start[: lengths[row]], end[: lengths[row]]
                place += 1
        found = decode_answers(starts, ends, self.features, handle_impossible_answer=self.questions.with_null)
        ids = [str(place) for place in range(len(self.questions))]  # those of the rows may be there twice
        references = [{"id": id, "answers": answers} for id, answers in zip(ids, self.questions.answers, strict=True)]
        scores = squad({id: answer["answer"] for id, answer in zip(ids, found, strict=True)}, references)
        return {"loss": loss / max(1, place), "f1": scores["f1"], "exact": scores["exact"]}


def positions_of(features: QuestionFeatures) -> Any:
    """First and last token of the answer in each row, int64 ``(rows, 2)``."""
    return np.stack([features["start_positions"], features["end_positions"]], axis=1).astype(np.int64)
