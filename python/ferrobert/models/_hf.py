"""What this package knows of transformers' objects: how to make its tokenizers out of ours."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferrobert.errors import MissingDependencyError

if TYPE_CHECKING:
    from ferrobert.tokenizer import Tokenizer

__all__ = ["as_transformers"]

# What a tokenizer.json says about results; truncation and padding belong to calls.
_STEPS = ("added_tokens", "normalizer", "pre_tokenizer", "model", "post_processor", "decoder")


def as_transformers(tokenizer: Tokenizer) -> Any:
    """An equal tokenizer of transformers, which its Trainer, data collators and pipelines take.

    It is an object of the family's class (``BertTokenizer``, ``RobertaTokenizer``, ...) where that class can express
    the tokenizer, and a ``PreTrainedTokenizerFast`` where it cannot: a template of one's own, other word limits. Later
    changes to it do not reach ours.

    Raises:
        MissingDependencyError: transformers is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingDependencyError('as_transformers needs transformers: pip install "ferrobert[torch]"') from error

    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        wanted = json.loads(Path(folder, "tokenizer.json").read_bytes())
        config = json.loads(Path(folder, "tokenizer_config.json").read_bytes())
        family = getattr(transformers, str(config.get("tokenizer_class")), transformers.PreTrainedTokenizerFast)
        made = family.from_pretrained(folder, local_files_only=True)
        # The family's class rebuilds the steps from a few options and may drop what ours has.
        found = json.loads(made.backend_tokenizer.to_str())
        if any(found[step] != wanted[step] for step in _STEPS):
            made = transformers.PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    made.name_or_path = made.init_kwargs["name_or_path"] = tokenizer.name_or_path
    return made
