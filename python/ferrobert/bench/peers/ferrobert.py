"""ferrobert and its pure-Python twin: one interface, two engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ferrobert import BertTokenizer, __version__, reference
from ferrobert.bench.job import Job, Kind, Work
from ferrobert.bench.results import Flat
from ferrobert.bench.subject import Library, Setting

# Longer than any text: models' own limits are not the subject here.
NO_LIMIT = 10**9


class Ferrobert(Library):
    """ferrobert, as users call it."""

    name = "ferrobert"
    package = "ferrobert"
    module = "ferrobert"
    can = tuple(Kind)
    tokenizer_class: type[BertTokenizer] = BertTokenizer

    def version(self) -> str:
        """The version of this package."""
        return __version__

    def load(self, setting: Setting) -> Any:
        """A tokenizer from the folder."""
        return self.tokenizer_class.from_pretrained(setting.folder, model_max_length=NO_LIMIT)

    def call(self, tokenizer: Any, job: Job, work: Work, setting: Setting) -> Callable[[], Any]:
        """The call, and reading all it returns: values are made when they are asked for."""
        arguments, options = work.arguments, job.options
        if job.kind is Kind.IDS:

            def ids() -> Any:
                columns = tokenizer(*arguments, return_token_type_ids=False, return_attention_mask=False).columns
                return columns.ids, columns.row_splits

            return ids
        if job.kind is Kind.OFFSETS:

            def offsets() -> Any:
                columns = tokenizer(*arguments, **options).columns
                return columns.ids, columns.row_splits, columns.offsets, columns.word_ids

            return offsets
        if job.kind is Kind.SINGLE:
            [text] = arguments
            return lambda: tokenizer(text)
        if job.kind is Kind.SINGLE_READ:
            [text] = arguments
            return lambda: tokenizer(text)["input_ids"]

        def values() -> Any:
            encoding = tokenizer(*arguments, **options)
            return {key: encoding[key] for key in encoding}

        return values

    def named(self, result: Any, tokenizer: Any, job: Job) -> Mapping[str, Any]:
        """Columns by transformers' names."""
        match job.kind:
            case Kind.IDS:
                return {"input_ids": Flat(*result)}
            case Kind.OFFSETS:
                ids, splits, offsets, word_ids = result
                values = {"input_ids": ids, "offset_mapping": offsets, "word_ids": word_ids}
                return {name: Flat(value, splits) for name, value in values.items()}
            case Kind.SINGLE:
                return {"input_ids": [result["input_ids"]]}
            case Kind.SINGLE_READ:
                return {"input_ids": [result]}
            case _:
                named: Mapping[str, Any] = result
                return named


class Twin(Ferrobert):
    """The pure-Python twin: on the first texts only, as it takes about 10 ms a paragraph."""

    name = "twin"
    few = True
    tokenizer_class = reference.BertTokenizer

    @property
    def install(self) -> str:
        """It comes along."""
        return "pip install ferrobert"
