"""Exact match and F1 of answers: `squad`, equal to the evaluation scripts of SQuAD 1.1 and 2.0."""

from __future__ import annotations

import os
import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ferrobert.errors import ConfigError, DataError
from ferrobert.inputs import check_number
from ferrobert.tables.squad import squad_document, squad_rows

__all__ = ["normalize_answer", "squad", "squad_breakdown"]

VERSIONS = ("1.1", "2.0")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
#: Words that a question may turn on, as they are looked for; how is told apart by the word behind it.
QUESTION_WORDS = ("what", "who", "whom", "whose", "which", "when", "where", "why", "how")
LENGTHS = ((0, "0"), (1, "1"), (2, "2"), (4, "3-4"), (9, "5-9"), (1 << 60, "10 or more"))


class Reference(NamedTuple):
    """A question and its true answers; none where it has no answer."""

    id: str
    answers: list[str]
    question: str


class Scores(NamedTuple):
    """What a prediction is worth."""

    exact: float
    f1: float


def squad(
    predictions: Any,
    references: Any,
    *,
    no_answer_probabilities: Mapping[str, float] | None = None,
    no_answer_threshold: float = 1.0,
    version: str | None = None,
) -> dict[str, Any]:
    """Exact match and F1 of answers, in percent, to the digit of the official scripts.

    Answers are compared without case, punctuation, articles and extra white space; F1 is that of their words, and of
    several true answers the best counts. In version 2.0 a question without an answer is right where the prediction is
    empty.

    Args:
        predictions: ``{id: text}`` (SQuAD's predictions file), or a list of ``{"id", "prediction_text"}`` with or
            without ``"no_answer_probability"``.
        references: a file of SQuAD, its document (``{"data": [...]}``), or a list of ``{"id", "answers": {"text":
            [...]}}`` (rows of `ferrobert.tables.Table`, of the data sets of the hub).
        no_answer_probabilities: Version 2.0: how likely each question has no answer, ``{id: number}``; a difference of
            logits (``null_score_diff``) does too. Gives the best thresholds.
        no_answer_threshold: Version 2.0: above this the answer counts as empty.
        version: "1.1" or "2.0"; by default 2.0 where a question has no answer.

    Returns:
        ``"exact"``, ``"f1"``, ``"total"`` and ``"missing"`` (ids without a prediction: wrong in 1.1, left out in 2.0,
        as in the scripts). In 2.0 also ``"HasAns_exact"``, ``"HasAns_f1"``, ``"HasAns_total"`` and the same of
        ``"NoAns_"``, where there are such questions; with probabilities ``"best_exact"``, ``"best_exact_thresh"``,
        ``"best_f1"`` and ``"best_f1_thresh"``.

    Raises:
        ConfigError: (a ValueError) another version; a form that is not one of these; probabilities for version 1.1.
        DataError: (a ValueError) no questions, an id twice, predictions of ids that there are not, a broken file.

    Example:
        >>> references = [{"id": "1", "answers": {"text": ["the Eiffel Tower", "Eiffel Tower"]}}]
        >>> squad({"1": "Eiffel tower!"}, references)
        {'exact': 100.0, 'f1': 100.0, 'total': 1, 'missing': []}
        >>> squad({"1": "a tower"}, references)["f1"]
        66.66666666666666
    """
    if version not in (None, *VERSIONS):
        raise ConfigError(f'version must be "1.1" or "2.0", got {version!r}')
    rows = references_of(references)
    texts, given = predictions_of(predictions)
    probabilities = _numbers(given if no_answer_probabilities is None else no_answer_probabilities)
    of_two = any(not row.answers for row in rows) if version is None else version == "2.0"
    if not of_two and probabilities:
        raise ConfigError("no_answer_probabilities belong to version 2.0; these are questions of version 1.1")
    _check_ids(texts, rows)
    missing = [row.id for row in rows if row.id not in texts]
    if not of_two:
        scores = [_scores(texts[row.id], row, _plain_f1) if row.id in texts else Scores(0, 0) for row in rows]
        return {**_means(scores), "missing": missing}
    raw = {row.id: _scores_of_two(texts[row.id], row) for row in rows if row.id in texts}
    # The scripts tell by the list of answers itself which questions have one.
    has_answer = {row.id: bool(row.answers) for row in rows}
    # The order in which they were given, as the scripts go through equal ones.
    likely = {id: value for id, value in (probabilities or dict.fromkeys(raw, 0.0)).items() if id in raw}
    unknown = [id for id in raw if id not in likely]
    if unknown:
        raise DataError(f"no_answer_probabilities have none for question {unknown[0]!r}")
    scores_of = {
        id: Scores(*[float(not has_answer[id])] * 2) if likely[id] > no_answer_threshold else score
        for id, score in raw.items()
    }
    made: dict[str, Any] = {**_means(list(scores_of.values())), "missing": missing}
    for name, wanted in (("HasAns", True), ("NoAns", False)):
        of_kind = [score for id, score in scores_of.items() if has_answer[id] is wanted]
        if of_kind:
            made |= {f"{name}_{key}": value for key, value in _means(of_kind).items()}
    if probabilities:
        for which, key in enumerate(("exact", "f1")):
            of_key = {id: score[which] for id, score in raw.items()}
            made[f"best_{key}"], made[f"best_{key}_thresh"] = _best_threshold(texts, of_key, likely, has_answer)
    return made


def squad_breakdown(predictions: Any, references: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """Exact match and F1 by what is asked for, and by how long the true answer is.

    Args:
        predictions, references: as of `squad`; references need their questions.

    Returns:
        ``"question_word"``: the first of what, who, which, when, where, why, how (with "how many" and "how much" apart)
        in the question, else "other"; ``"answer_length"``: words of the shortest true answer, "0" for none. Each a
        dictionary of ``{"exact", "f1", "total"}``, the largest group first (lengths in their order).

    Raises:
        ConfigError, DataError: as `squad`.

    Example:
        >>> rows = [{"id": "1", "question": "Who wrote it?", "answers": {"text": ["Ada Lovelace"]}}]
        >>> squad_breakdown({"1": "Ada"}, rows)["question_word"]
        {'who': {'exact': 0.0, 'f1': 66.66666666666666, 'total': 1}}
    """
    rows = references_of(references)
    texts, _ = predictions_of(predictions)
    _check_ids(texts, rows)
    words: dict[str, list[Scores]] = defaultdict(list)
    lengths: dict[str, list[Scores]] = defaultdict(list)
    for row in rows:
        score = _scores_of_two(texts[row.id], row) if row.id in texts else Scores(0, 0)
        words[question_word(row.question)].append(score)
        length = min((len(answer.split()) for answer in row.answers), default=0)
        lengths[next(name for most, name in LENGTHS if length <= most)].append(score)
    by_size = sorted(words, key=lambda word: (-len(words[word]), word))
    in_order = [name for _, name in LENGTHS if name in lengths]
    return {
        "question_word": {word: _means(words[word]) for word in by_size},
        "answer_length": {name: _means(lengths[name]) for name in in_order},
    }


def normalize_answer(text: str) -> str:
    """An answer as the scripts compare it: lower case, without punctuation, articles and extra white space.

    Example:
        >>> normalize_answer("The  Eiffel-Tower, a tower!")
        'eiffeltower tower'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def question_word(question: str) -> str:
    """What a question turns on."""
    words = re.findall(r"\w+", question.lower())
    for place, word in enumerate(words):
        if word in QUESTION_WORDS:
            following = words[place + 1] if place + 1 < len(words) else ""
            if word == "how" and following in ("many", "much"):
                return f"how {following}"
            return "who" if word in ("whom", "whose") else word
    return "other"


def references_of(references: Any) -> list[Reference]:
    """Questions with their true answers, of any form that `squad` takes."""
    name = "references"
    if isinstance(references, (str, os.PathLike)):
        name = os.fspath(references)
        references = squad_document(references)
    if isinstance(references, Mapping):
        if "data" not in references:
            raise ConfigError('references must be a file of SQuAD, its document with "data", or a list of rows')
        references = squad_rows(references, name)
    rows = []
    seen: set[str] = set()
    for number, row in enumerate(references):
        if not isinstance(row, Mapping) or "id" not in row or "answers" not in row:
            raise ConfigError(f'references[{number}] must have "id" and "answers", got {row!r:.80}')
        texts = _texts_of(row["answers"])
        if texts is None:
            raise ConfigError(
                f'references[{number}]: answers must be {{"text": [str]}} or a list of {{"text": str}}, empty for '
                f"none, got {row['answers']!r:.80}"
            )
        id = str(row["id"])
        if id in seen:
            raise DataError(f"references[{number}]: question {id!r} is there twice")
        seen.add(id)
        rows.append(Reference(id, texts, str(row.get("question", ""))))
    if not rows:
        raise DataError("there are no questions to evaluate")
    return rows


def _texts_of(answers: Any) -> list[str] | None:
    """The texts of a question's answers; ``None`` where they have another form."""
    if isinstance(answers, Mapping):
        if answers and "text" not in answers:
            return None
        texts = answers.get("text", [])
        texts = texts.tolist() if hasattr(texts, "tolist") else texts
    elif isinstance(answers, (list, tuple, np.ndarray)):
        texts = [answer.get("text") if isinstance(answer, Mapping) else None for answer in answers]
    else:
        return None
    if isinstance(texts, str):
        return [texts]
    return list(texts) if isinstance(texts, (list, tuple)) and all(isinstance(one, str) for one in texts) else None


def predictions_of(predictions: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Texts by id, and probabilities of no answer where they are given."""
    texts: dict[str, Any] = {}
    likely: dict[str, Any] = {}
    if isinstance(predictions, Mapping):
        texts = {str(id): text for id, text in predictions.items()}
    elif isinstance(predictions, Sequence) and not isinstance(predictions, str):
        for number, one in enumerate(predictions):
            if not isinstance(one, Mapping) or "id" not in one or "prediction_text" not in one:
                raise ConfigError(f'predictions[{number}] must have "id" and "prediction_text", got {one!r:.80}')
            if str(one["id"]) in texts:
                raise DataError(f"predictions[{number}]: question {str(one['id'])!r} is there twice")
            texts[str(one["id"])] = one["prediction_text"]
            if "no_answer_probability" in one:
                likely[str(one["id"])] = one["no_answer_probability"]
    else:
        raise ConfigError(f"predictions must be {{id: text}} or a list, got {type(predictions).__name__}")
    for id, text in texts.items():
        if not isinstance(text, str):
            raise ConfigError(f"the prediction of question {id!r} must be a str, got {type(text).__name__}")
    return texts, likely


def _numbers(probabilities: Any) -> dict[str, float]:
    """Probabilities by id, checked."""
    if not isinstance(probabilities, Mapping):
        raise ConfigError(f"no_answer_probabilities must be {{id: number}}, got {type(probabilities).__name__}")
    return {
        str(id): check_number(f"no_answer_probabilities: that of question {id!r}", value)
        for id, value in probabilities.items()
    }


def _check_ids(texts: Mapping[str, str], rows: Sequence[Reference]) -> None:
    unknown = set(texts) - {row.id for row in rows}
    if unknown:
        raise DataError(f"{len(unknown)} predictions are of no question of the references, such as {min(unknown)!r}")


def _scores(text: str, row: Reference, f1: Callable[[str, str], float]) -> Scores:
    answers = row.answers or [""]
    exact = max(float(normalize_answer(text) == normalize_answer(answer)) for answer in answers)
    return Scores(exact, max(f1(text, answer) for answer in answers))


def _scores_of_two(text: str, row: Reference) -> Scores:
    """Version 2.0: answers of nothing but articles and punctuation are none."""
    answers = [answer for answer in row.answers if normalize_answer(answer)]
    return _scores(text, row._replace(answers=answers), _f1)


def _f1(text: str, answer: str) -> float:
    """F1 of words; where one has none, whether both have."""
    predicted, true = normalize_answer(text).split(), normalize_answer(answer).split()
    if not predicted or not true:
        return float(predicted == true)
    return _plain_f1(text, answer)


def _plain_f1(text: str, answer: str) -> float:
    predicted, true = normalize_answer(text).split(), normalize_answer(answer).split()
    same = sum((Counter(predicted) & Counter(true)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(predicted), same / len(true)
    return (2 * precision * recall) / (precision + recall)


def _means(scores: Sequence[Scores]) -> dict[str, Any]:
    total = len(scores)
    if not total:
        return {"exact": 0.0, "f1": 0.0, "total": 0}
    return {
        "exact": 100.0 * sum(score.exact for score in scores) / total,
        "f1": 100.0 * sum(score.f1 for score in scores) / total,
        "total": total,
    }


def _best_threshold(
    texts: Mapping[str, str], scores: Mapping[str, float], likely: Mapping[str, float], has_answer: Mapping[str, bool]
) -> tuple[float, float]:
    """The best score that a threshold reaches, and the threshold: each question counts as unanswered above it."""
    current = best = float(sum(not has for has in has_answer.values()))
    threshold = 0.0
    for id in sorted(likely, key=lambda id: likely[id]):
        if has_answer[id]:
            current += scores[id]
        elif texts[id]:
            current -= 1
        if current > best:
            best, threshold = current, likely[id]
    return 100.0 * best / len(scores), threshold
