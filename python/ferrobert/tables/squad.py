"""Files of SQuAD, versions 1.1 and 2.0: articles of paragraphs of questions, in one JSON document."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ferrobert.errors import DataError

__all__ = ["COLUMNS", "squad_document", "squad_rows"]

COLUMNS = ("id", "title", "question", "context", "answers", "is_impossible")


def squad_document(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The document of a file.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it is not UTF-8, not JSON, or no object with ``"data"``.
    """
    content = Path(path).read_bytes()
    try:
        document = json.loads(content.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 (byte 0x{content[error.start]:02x} at position {error.start})") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise DataError(f'{path}: no file of SQuAD, which is an object with a list "data"')
    return document


def squad_rows(document: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """The questions of a document, in its order.

    Args:
        document: the document.
        name: what errors call it.

    Yields:
        `COLUMNS`: ``answers`` is ``{"text": [...], "answer_start": [...]}``, as in the data sets of the hub: those of
        the file, which tell whether a question has an answer, as in SQuAD's script; ``is_impossible`` decides nothing.

    Raises:
        DataError: a field that is missing or of another type; its path is named
            (``data[3].paragraphs[0].qas[2].answers[0].answer_start``).

    Example:
        >>> question = {"id": "1", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}
        >>> document = {"data": [{"title": "Ada", "paragraphs": [{"context": "Ada wrote.", "qas": [question]}]}]}
        >>> next(squad_rows(document, "it"))["answers"]
        {'text': ['Ada'], 'answer_start': [0]}
    """
    for article_number, article in enumerate(_field(document, "data", list, name, "")):
        of_article = f"data[{article_number}]"
        title = article.get("title", "") if isinstance(article, dict) else ""
        for paragraph_number, paragraph in enumerate(_field(article, "paragraphs", list, name, of_article)):
            of_paragraph = f"{of_article}.paragraphs[{paragraph_number}]"
            context = _field(paragraph, "context", str, name, of_paragraph)
            for number, question in enumerate(_field(paragraph, "qas", list, name, of_paragraph)):
                of_question = f"{of_paragraph}.qas[{number}]"
                texts, starts = [], []
                # Files of questions without answers, to be predicted on, have no such field.
                given = question.get("answers", []) if isinstance(question, dict) else []
                if not isinstance(given, list):
                    raise _wrong(name, f"{of_question}.answers", "a list", given)
                for place, answer in enumerate(given):
                    of_answer = f"{of_question}.answers[{place}]"
                    texts.append(_field(answer, "text", str, name, of_answer))
                    starts.append(_field(answer, "answer_start", int, name, of_answer))
                impossible = question.get("is_impossible", False) if isinstance(question, dict) else False
                if not isinstance(impossible, bool):
                    raise _wrong(name, f"{of_question}.is_impossible", "true or false", impossible)
                yield {
                    "id": str(_field(question, "id", (str, int), name, of_question)),
                    "title": title,
                    "question": _field(question, "question", str, name, of_question),
                    "context": context,
                    "answers": {"text": texts, "answer_start": starts},
                    "is_impossible": impossible,
                }


def _field(holder: Any, name: str, kind: Any, file: str, place: str) -> Any:
    path = f"{place}.{name}" if place else name
    if not isinstance(holder, dict):
        raise _wrong(file, place, "an object", holder)
    if name not in holder:
        raise DataError(f"{file}: {path} is missing; {place or 'the document'} has {', '.join(holder) or 'nothing'}")
    value = holder[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        words = {list: "a list", str: "a string", int: "an int"}
        raise _wrong(file, path, words.get(kind, "a string"), value)
    return value


def _wrong(file: str, path: str, wanted: str, given: Any) -> DataError:
    return DataError(f"{file}: {path} must be {wanted}, got {type(given).__name__} ({given!r:.60})")
