"""The toolkit for BERT-family encoders: text in, answers out.

Names are loaded when they are first used, so that ``import ferrobert`` takes neither torch nor transformers.
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from ferrobert._core import DEBUG_BUILD, __version__

if TYPE_CHECKING:
    from ferrobert import errors, reference
    from ferrobert.answers import QuestionFeatures, decode_answers, encode_questions
    from ferrobert.auto import AutoTokenizer
    from ferrobert.encoding import BatchEncoding, CharSpan, Columns, Ragged, TokenSpan
    from ferrobert.entities import Entities, decode_entities
    from ferrobert.labels import (
        DataCollatorForTokenClassification,
        align_labels,
        align_spans,
        convert_scheme,
        label_list,
        word_labels,
    )
    from ferrobert.masking import DataCollatorForLanguageModeling, mask_tokens
    from ferrobert.pairs import pack_sentences, sentence_pairs
    from ferrobert.pipelines import pipeline
    from ferrobert.render import render_entities
    from ferrobert.render.answer import render_answer
    from ferrobert.tokenizer import AddedToken
    from ferrobert.training import finetune, metrics, pretrain
    from ferrobert.wordpiece import BertTokenizer, BertTokenizerFast

_HOMES = {
    "AddedToken": "ferrobert.tokenizer",
    "AutoTokenizer": "ferrobert.auto",
    "BatchEncoding": "ferrobert.encoding",
    "BertTokenizer": "ferrobert.wordpiece",
    "BertTokenizerFast": "ferrobert.wordpiece",
    "CharSpan": "ferrobert.encoding",
    "Columns": "ferrobert.encoding",
    "DataCollatorForLanguageModeling": "ferrobert.masking",
    "DataCollatorForTokenClassification": "ferrobert.labels",
    "Entities": "ferrobert.entities",
    "QuestionFeatures": "ferrobert.answers",
    "Ragged": "ferrobert.encoding",
    "TokenSpan": "ferrobert.encoding",
    "align_labels": "ferrobert.labels",
    "align_spans": "ferrobert.labels",
    "convert_scheme": "ferrobert.labels",
    "decode_answers": "ferrobert.answers",
    "decode_entities": "ferrobert.entities",
    "encode_questions": "ferrobert.answers",
    "finetune": "ferrobert.training",
    "label_list": "ferrobert.labels",
    "mask_tokens": "ferrobert.masking",
    "pack_sentences": "ferrobert.pairs",
    "pipeline": "ferrobert.pipelines",
    "pretrain": "ferrobert.training",
    "render_answer": "ferrobert.render.answer",
    "render_entities": "ferrobert.render",
    "sentence_pairs": "ferrobert.pairs",
    "word_labels": "ferrobert.labels",
}
_MODULES = {"errors": "ferrobert.errors", "metrics": "ferrobert.training.metrics", "reference": "ferrobert.reference"}

__all__ = [
    "AddedToken",
    "AutoTokenizer",
    "BatchEncoding",
    "BertTokenizer",
    "BertTokenizerFast",
    "CharSpan",
    "Columns",
    "DataCollatorForLanguageModeling",
    "DataCollatorForTokenClassification",
    "Entities",
    "QuestionFeatures",
    "Ragged",
    "TokenSpan",
    "__version__",
    "align_labels",
    "align_spans",
    "convert_scheme",
    "decode_answers",
    "decode_entities",
    "encode_questions",
    "errors",
    "finetune",
    "label_list",
    "mask_tokens",
    "metrics",
    "pack_sentences",
    "pipeline",
    "pretrain",
    "reference",
    "render_answer",
    "render_entities",
    "sentence_pairs",
    "word_labels",
]

if DEBUG_BUILD:
    warnings.warn(
        "this is a debug build of ferrobert, many times slower than a release: build with maturin develop --release",
        RuntimeWarning,
        stacklevel=2,
    )


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'ferrobert' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
