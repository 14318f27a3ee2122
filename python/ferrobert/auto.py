"""The right tokenizer for any checkpoint."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferrobert.errors import ConfigError, VocabError
from ferrobert.hub import tokenizer_files
from ferrobert.wordpiece.files import load_checkpoint, read_json
from ferrobert.wordpiece.tokenizer import BertTokenizer

if TYPE_CHECKING:
    from ferrobert.tokenizer import Tokenizer

__all__ = ["AutoTokenizer"]

# transformers' classes that are BertTokenizer with other defaults.
_BERT_CLASSES: Mapping[str, Mapping[str, Any]] = {
    "BertTokenizer": {},
    "ConvBertTokenizer": {},
    "DistilBertTokenizer": {"model_input_names": ("input_ids", "attention_mask")},
    "ElectraTokenizer": {},
    "LayoutLMTokenizer": {},
    "LxmertTokenizer": {},
    "MobileBertTokenizer": {},
    "RetriBertTokenizer": {},
    "SqueezeBertTokenizer": {},
}
_GENERIC_CLASSES = {"PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend"}

# Model types of config.json whose tokenizer transformers 5.24 builds from the vocabulary.
_CLASS_OF_MODEL_TYPE = {
    **dict.fromkeys(
        (
            "bert",
            "convbert",
            "distilbert",
            "electra",
            "ernie",
            "layoutlm",
            "lxmert",
            "megatron-bert",
            "mobilebert",
            "nezha",
            "qdqbert",
            "realm",
            "retribert",
            "squeezebert",
            "visual_bert",
        ),
        "BertTokenizer",
    ),
    **dict.fromkeys(
        ("bart", "data2vec-text", "ibert", "lilt", "longformer", "mega", "mra", "roberta", "roberta-prelayernorm"),
        "RobertaTokenizer",
    ),
    **dict.fromkeys(("albert", "yoso"), "AlbertTokenizer"),
    "deberta": "DebertaTokenizer",
    # They have a vocab.txt too, but other special tokens and pairs.
    "funnel": "FunnelTokenizer",
    "mpnet": "MPNetTokenizer",
    **dict.fromkeys(("gpt2", "gpt_neo", "gptj", "opt"), "GPT2Tokenizer"),
}


class AutoTokenizer:
    """Loads the tokenizer of a checkpoint, whatever its family: :meth:`from_pretrained`."""

    def __init__(self) -> None:
        raise ConfigError("AutoTokenizer is not built itself: use AutoTokenizer.from_pretrained(name)")

    @staticmethod
    def from_pretrained(
        name: str | os.PathLike[str],
        *,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        subfolder: str = "",
        use_fast: bool = True,
        **options: Any,
    ) -> Tokenizer:
        """Load a tokenizer.

        WordPiece checkpoints (BERT, DistilBERT, ELECTRA, MobileBERT, ...) get :class:`ferrobert.BertTokenizer` in Rust;
        byte-level BPE (RoBERTa, BART, GPT-2), Unigram (ALBERT) and WordPiece with a normalizer that BERT does not have
        get the same interface over the tokenizers package.

        Args:
            name: A checkpoint folder; a vocab.txt, tokenizer.json or spiece.model; or the id of a model on the hub.
            revision: Branch, tag or commit on the hub.
            cache_dir: Where downloads are kept.
            token: Access token of the hub.
            local_files_only: Use only what was downloaded before.
            force_download: Download again.
            subfolder: Folder inside the checkpoint.
            use_fast: Ignored; accepted because callers of transformers pass it.
            **options: Arguments of the tokenizer, over those of the checkpoint: ``do_lower_case``,
                ``add_prefix_space``, ``model_max_length``, ``pad_token``, ...

        Raises:
            CheckpointError: there is no tokenizer under this name; says where it looked.
            VocabError: a file is broken, or the family needs one that is missing.

        Example:
            >>> import tempfile, pathlib
            >>> folder = pathlib.Path(tempfile.mkdtemp())
            >>> _ = (folder / "vocab.txt").write_text("[PAD]\\n[UNK]\\n[CLS]\\n[SEP]\\n[MASK]\\nhello\\n", "utf-8")
            >>> AutoTokenizer.from_pretrained(folder)("Hello")["input_ids"]
            [2, 5, 3]
        """
        files = tokenizer_files(
            name,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
            subfolder=subfolder,
        )
        options = {"name_or_path": str(name), **options}
        config = read_json(files["tokenizer_config.json"]) if "tokenizer_config.json" in files else {}
        declared = _declared_class(files, config)
        if _is_bert(files, declared):
            if config.get("word_tokenizer_type", "basic") != "basic":
                warnings.warn(
                    f"{name} was made for words split by {config['word_tokenizer_type']}; here they are split as BERT "
                    "splits them. Split the text yourself and pass words with is_split_into_words=True",
                    stacklevel=2,
                )
            return BertTokenizer(**{**_BERT_CLASSES.get(declared, {}), **load_checkpoint(files), **options})
        from ferrobert.subword.files import load_subword

        return load_subword(files, declared, config, options)


def _declared_class(files: Mapping[str, Path], config: Mapping[str, Any]) -> str:
    """transformers' class for the tokenizer, without `Fast`; empty where the checkpoint does not say."""
    model = read_json(files["config.json"]) if "config.json" in files else {}
    of_model_type = _CLASS_OF_MODEL_TYPE.get(str(model.get("model_type")), "")
    declared = config.get("tokenizer_class") or model.get("tokenizer_class") or of_model_type
    return "" if declared in _GENERIC_CLASSES else str(declared).removesuffix("Fast")


def _is_bert(files: Mapping[str, Path], declared: str) -> bool:
    """Whether the Rust core tokenizes as this checkpoint wants it."""
    if declared and declared not in _BERT_CLASSES and declared != "BertJapaneseTokenizer":
        return False
    if "tokenizer.json" not in files:
        return "vocab.txt" in files
    tokenizer = read_json(files["tokenizer.json"])

    def kind(part: str) -> Any:
        return (tokenizer.get(part) or {}).get("type")

    model = tokenizer.get("model")
    if not isinstance(model, dict):
        raise VocabError(f"{files['tokenizer.json']} has no model")
    # Files of tokenizers before 0.10 do not name the model; of the four kinds only WordPiece has this key.
    is_wordpiece = model.get("type") == "WordPiece" or "max_input_chars_per_word" in model
    return (
        is_wordpiece
        and kind("normalizer") == "BertNormalizer"
        and kind("pre_tokenizer") == "BertPreTokenizer"
        and kind("post_processor") in (None, "BertProcessing", "TemplateProcessing")
        and kind("decoder") in (None, "WordPiece")
    )
