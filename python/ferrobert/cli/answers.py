"""What the tasks answer to a row of a file: the columns that ``ferrobert predict`` adds."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ferrobert.answers.encoding import LONGEST_QUESTION, question_lengths
from ferrobert.cli.fill_mask import lists_of
from ferrobert.errors import DataError

if TYPE_CHECKING:
    from ferrobert.pipelines.progress import RowBar
    from ferrobert.tables import Row, Table


#: How answers of files are ranked: as in training, and in run_qa.py.
RANKED = {"rank_by": "logits", "max_answer_len": 30, "align_to_words": False}


class Answers(ABC):
    """The answers of one task.

    Args:
        pipe: its pipeline.
        column: where the input is.

    Attributes:
        columns: the columns that a row gets.
        examples: values that show the types of columns which can be empty lists.
    """

    columns: ClassVar[tuple[str, ...]]

    def __init__(self, pipe: Any, column: str) -> None:
        self.pipe = pipe
        self.column = column
        self.examples: Mapping[str, Any] = {}

    def read(self, table: Table, row: Row) -> Any:
        """The input that a row holds."""
        return table.text_of(row, self.column)

    @abstractmethod
    def __call__(
        self, inputs: list[Any], places: list[str], progress: RowBar, **options: Any
    ) -> Iterable[dict[str, Any]]:
        """The new columns of each row."""

    def report(self) -> None:
        """Say on stderr what happened to the inputs."""
        return


class Labels(Answers):
    """Answers of the tasks that give labels: the columns label and score, and scores where they are asked for."""

    columns = ("label", "score")

    def __init__(self, pipe: Any, text_column: str, pair_column: str | None, all_scores: bool) -> None:
        super().__init__(pipe, text_column)
        self.pair_column = pair_column
        self.all_scores = all_scores

    def read(self, table: Table, row: Row) -> str | dict[str, str]:
        """The text of a row, or its pair of texts."""
        text = table.text_of(row, self.column)
        return text if self.pair_column is None else {"text": text, "text_pair": table.text_of(row, self.pair_column)}

    def __call__(
        self, inputs: list[Any], places: list[str], progress: RowBar, **options: Any
    ) -> Iterable[dict[str, Any]]:
        """The new columns of each row."""
        for labels in self.pipe(inputs, top_k=None, progress=progress, **options):
            yield self._answer(*([one[name] for one in labels] for name in ("label", "score")))

    def _answer(self, labels: list[str], scores: list[float]) -> dict[str, Any]:
        """The new columns of a row, of its labels and their scores, the best first."""
        answer = {"label": labels[0], "score": scores[0]}
        return {**answer, "scores": dict(zip(labels, scores, strict=True))} if self.all_scores else answer


class ZeroShotLabels(Labels):
    """Answers of zero-shot classification: the same columns."""

    def __init__(
        self, pipe: Any, text_column: str, labels: str, template: str | None, multi_label: bool, all_scores: bool
    ) -> None:
        super().__init__(pipe, text_column, None, all_scores)
        self.chosen = {"candidate_labels": labels, "hypothesis_template": template, "multi_label": multi_label}

    def __call__(
        self, inputs: list[str], places: list[str], progress: RowBar, **options: Any
    ) -> Iterable[dict[str, Any]]:
        """The new columns of each row."""
        for found in self.pipe(inputs, progress=progress, **self.chosen, **options):
            yield self._answer(found["labels"], found["scores"])


class Vectors(Answers):
    """Answers of feature extraction: the column vector, of length 1."""

    columns = ("vector",)

    def __init__(self, pipe: Any, text_column: str, pooling: str) -> None:
        super().__init__(pipe, text_column)
        self.pooling = pooling

    def __call__(
        self, inputs: list[str], places: list[str], progress: RowBar, **options: Any
    ) -> Iterable[dict[str, Any]]:
        """The new column of each row."""
        for vector in self.pipe(inputs, pooling=self.pooling, normalize=True, progress=progress, **options):
            yield {"vector": vector}


class Fills(Answers):
    """Answers of fill-mask: the column predictions, for each mask of the text a list of tokens, best first."""

    columns = ("predictions",)

    def __init__(self, pipe: Any, text_column: str, top_k: int | None, targets: list[str] | None) -> None:
        super().__init__(pipe, text_column)
        self.chosen = {"top_k": top_k, "targets": targets}

    def __call__(
        self, inputs: list[str], places: list[str], progress: RowBar, **options: Any
    ) -> Iterable[dict[str, Any]]:
        """The new column of each row.

        Raises:
            DataError: a row without a mask, or whose masks are cut off.
        """
        for place, masks in zip(places, self.pipe.mask_counts(inputs, **options), strict=True):
            if not masks:
                mask = self.pipe.tokenizer.mask_token
                raise DataError(f"{place}: the text has no {mask}, or it is cut off with the end of the text")
        for result in self.pipe(tuple(inputs), progress=progress, **self.chosen, **options):
            yield {"predictions": lists_of(result)}


class TextEntities(Answers):
    """Entities of texts, of any length: the column entities, with characters of the text."""

    columns = ("entities",)

    def __init__(self, pipe: Any, text_column: str, strategy: str, constrained: bool) -> None:
        super().__init__(pipe, text_column)
        self.chosen = {"aggregation_strategy": strategy, "constrained": constrained}
        kind = {"entity": "", "score": 0.0, "index": 0} if strategy == "none" else {"entity_group": "", "score": 0.0}
        self.examples = {"entities": [{**kind, "word": "", "start": 0, "end": 0}]}

    def __call__(
        self, inputs: list[Any], places: list[str], progress: RowBar, **options: Any
    ) -> Iterable[dict[str, Any]]:
        """The entities of each text."""
        for entities in self.pipe(inputs, progress=progress, **self.chosen, **options):
            yield {"entities": list(entities)}


class SpanAnswers(Answers):
    """Answers of questions, from contexts of any length: their text, score, and characters in the context.

    Ranked by logits, of up to 30 tokens, as in training and in ``run_qa.py`` of transformers. With ``n_best`` the lists
    of the best answers are kept in ``n_best_lists``, in the form of SQuAD's n-best files.
    """

    columns = ("answer", "score", "start", "end")

    def __init__(
        self,
        pipe: Any,
        question_column: str,
        context_column: str,
        handle_impossible_answer: bool,
        null_threshold: float = 0.0,
        n_best: int | None = None,
    ) -> None:
        super().__init__(pipe, question_column)
        self.context_column = context_column
        self.n_best = n_best
        self.n_best_lists: list[list[dict[str, Any]]] = []
        self.cut = self.asked = 0
        self.chosen = {
            "handle_impossible_answer": handle_impossible_answer,
            "null_score_diff_threshold": null_threshold,
            **RANKED,
        }

    def read(self, table: Table, row: Row) -> dict[str, str]:
        """The question of a row and its context."""
        question, context = (table.text_of(row, name) for name in (self.column, self.context_column))
        for name, text in ((self.column, question), (self.context_column, context)):
            if not text or text.isspace():
                raise DataError(f"{table.where(row)}: column {name!r} is empty")
        return {"question": question, "context": context}

    def __call__(
        self, inputs: list[Any], places: list[str], progress: RowBar, **options: Any
    ) -> Iterable[dict[str, Any]]:
        """The answer of each question."""
        self.count_long(inputs)
        if self.n_best is not None:
            options = {**options, "top_k": self.n_best, "details": True}
        for found in self.pipe(inputs, progress=progress, **self.chosen, **options):
            best = found
            if isinstance(found, list):
                best = found[0] if found else {"answer": "", "score": 0.0, "start": 0, "end": 0}
                self.n_best_lists.append([_listed(answer) for answer in found])
            yield {name: best[name] for name in self.columns}

    def count_long(self, inputs: list[dict[str, str]]) -> None:
        """Count the questions of which only the first `LONGEST_QUESTION` tokens are read."""
        lengths = question_lengths([one["question"] for one in inputs], self.pipe.tokenizer)
        self.cut += int((lengths > LONGEST_QUESTION).sum())
        self.asked += len(inputs)

    def report(self) -> None:
        """Say on stderr how many questions were cut."""
        if self.cut:
            cut = f"{self.cut:,} of {self.asked:,} questions had more than {LONGEST_QUESTION} tokens and were cut"
            print(cut, file=sys.stderr)


def _listed(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as n-best files have it."""
    logits = {name: answer[name] for name in ("start_logit", "end_logit")}
    return {"text": answer["answer"], "probability": answer["n_best_probability"], **logits}


class WordTags(Answers):
    """Tags of words, of sentences of any length: the column tags, one a word."""

    columns = ("tags",)

    def __init__(self, pipe: Any, tokens_column: str, constrained: bool) -> None:
        super().__init__(pipe, tokens_column)
        self.constrained = constrained
        self.examples = {"tags": ["O"]}

    def read(self, table: Table, row: Row) -> list[str]:
        """The words of a row."""
        return table.words_of(row, self.column)

    def __call__(
        self, inputs: list[Any], places: list[str], progress: RowBar, **options: Any
    ) -> Iterable[dict[str, Any]]:
        """The tags of each sentence."""
        found = self.pipe.word_labels(inputs, constrained=self.constrained, progress=progress)
        return ({"tags": tags} for tags in found)
