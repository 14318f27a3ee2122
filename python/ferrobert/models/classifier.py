"""The tutorial's own classifier: an encoder's pooled output, dropout, a linear layer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ferrobert.errors import CheckpointError, ConfigError
from ferrobert.inputs import check_count, check_number
from ferrobert.models.checkpoint import ENCODER, load_model
from ferrobert.models.parameters import ParameterCounts, count_parameters

__all__ = ["BertClassifier"]


class BertClassifier(nn.Module):
    """Classify texts by the pooled output of an encoder: pooler -> dropout -> linear layer.

    It has the parameters of ``BertForSequenceClassification``, under the same names but for the encoder's, and learns
    in loops of one's own. `as_transformers` gives that model, with these very weights, for pipelines and checkpoints.

    Args:
        n_classes: number of classes.
        dropout: share of the pooled output that is dropped in training.
        model: the encoder: a checkpoint folder, the id of a model on the hub, or a loaded encoder of transformers. Of a
            checkpoint with a head the encoder alone is taken, also of one that `save_pretrained` wrote.

    Attributes:
        bert: the encoder, whatever its family.
        dropout: ``torch.nn.Dropout``.
        classifier: ``torch.nn.Linear`` of ``(hidden, n_classes)``, new (random), in the precision of the encoder.

    Raises:
        ConfigError: fewer than two classes, a dropout outside of [0, 1), a model that is no encoder.
        CheckpointError: no such encoder, or one without a pooler, such as DistilBERT.

    Example:
        >>> from transformers import BertConfig, BertModel
        >>> config = BertConfig(vocab_size=30, hidden_size=8, num_attention_heads=2, intermediate_size=8)
        >>> model = BertClassifier(2, model=BertModel(config))
        >>> ids = torch.tensor([[2, 7, 8, 3]])
        >>> model(ids, torch.ones_like(ids)).shape
        torch.Size([1, 2])
        >>> model.freeze().parameter_counts()
        ParameterCounts(total=10026, trainable=18)
    """

    def __init__(self, n_classes: int, dropout: float = 0.3, model: Any = "bert-base-uncased") -> None:
        super().__init__()
        check_count("n_classes", n_classes, 2)
        if not 0 <= check_number("dropout", dropout) < 1:
            raise ConfigError(f"dropout must be a share from 0 to below 1, got {dropout!r}")
        name = os.fspath(model) if isinstance(model, (str, os.PathLike)) else type(model).__name__
        loaded = load_model(model, ENCODER) if isinstance(model, (str, os.PathLike)) else None
        encoder: Any = model if loaded is None else loaded.model
        if not hasattr(encoder, "config"):
            raise ConfigError(
                "model must be a checkpoint folder, the id of a model on the hub or a loaded encoder, "
                f"got {model!r:.100}"
            )
        if getattr(encoder, "base_model", encoder) is not encoder:
            raise ConfigError(f"{name} is an encoder with a head; give the encoder alone: {encoder.base_model_prefix}")
        missing = [] if loaded is None else sorted(key for key in loaded.fresh if key.startswith("pooler"))
        if getattr(encoder, "pooler", None) is None or missing:
            raise CheckpointError(
                f"{name} has no pooler, whose output the classifier reads; BERT, RoBERTa and ALBERT have one"
            )
        self.bert = encoder
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(encoder.config.hidden_size, n_classes, device=encoder.device, dtype=encoder.dtype)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Logits ``(batch, n_classes)`` of token ids ``(batch, length)``.

        Args:
            input_ids: token ids, int64 ``(batch, length)``.
            attention_mask: 1 for tokens, 0 for padding, ``(batch, length)``; by default there is no padding.
            token_type_ids: 0 for the first segment, 1 for the second, ``(batch, length)``.
        """
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        outputs = self.bert(input_ids=input_ids, attention_mask=attention_mask, **types)
        logits: Tensor = self.classifier(self.dropout(outputs.pooler_output))  # (batch, hidden) -> (batch, n_classes)
        return logits

    def freeze(self) -> BertClassifier:
        """Let the classifier alone learn; returns the model."""
        self.bert.requires_grad_(False)
        return self

    def unfreeze(self) -> BertClassifier:
        """Let all parameters learn; returns the model."""
        self.bert.requires_grad_(True)
        return self

    def parameter_counts(self) -> ParameterCounts:
        """How many parameters there are, and how many of them learn."""
        return count_parameters(self)

    def as_transformers(self, labels: list[str] | None = None) -> Any:
        """The same model as transformers' ``BertForSequenceClassification``; both hold the same weights.

        Args:
            labels: names of the classes; by default LABEL_0 and so on.

        Raises:
            ConfigError: no list of names, another number of names than classes, a name twice; an encoder whose family
                classifies in another way.
        """
        import transformers

        names: Any = labels
        if labels is None:
            names = [f"LABEL_{number}" for number in range(self.classifier.out_features)]
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise ConfigError(f"labels must be a list of names, got {labels!r:.100}")
        if len(names) != self.classifier.out_features:
            raise ConfigError(f"labels has {len(names)} names, the model {self.classifier.out_features} classes")
        if len(set(names)) < len(names):
            raise ConfigError(f"labels must be different names, got {names}")
        family = type(self.bert).__name__.removesuffix("Model")
        if family not in ("Bert", "Albert"):
            raise ConfigError(f"{family}'s head is another one than this classifier's; it goes with BERT and ALBERT")
        config = type(self.bert.config).from_dict(
            {
                **self.bert.config.to_dict(),
                "classifier_dropout" if family == "Bert" else "classifier_dropout_prob": self.dropout.p,
                "id2label": dict(enumerate(names)),
                "label2id": {name: number for number, name in enumerate(names)},
                "problem_type": "single_label_classification",
            }
        )
        with torch.device("meta"):
            made = getattr(transformers, f"{family}ForSequenceClassification")(config)
        setattr(made, made.base_model_prefix, self.bert)
        made.classifier = self.classifier
        made.dropout = nn.Dropout(self.dropout.p)
        return made.train(self.training)

    def save_pretrained(
        self, directory: str | os.PathLike[str], tokenizer: Any, labels: list[str] | None = None
    ) -> None:
        """Save a folder that `ferrobert.pipeline` and transformers load: this model with its tokenizer.

        Args:
            directory: where to.
            tokenizer: the encoder's tokenizer.
            labels: as for `as_transformers`.

        Raises:
            ConfigError: see `as_transformers`; a tokenizer that cannot be saved.
        """
        from ferrobert.models.saving import save_model

        if not hasattr(tokenizer, "save_pretrained"):
            raise ConfigError(f"tokenizer must be the encoder's tokenizer, got {tokenizer!r:.100}")

        save_model(self.as_transformers(labels), tokenizer, Path(directory))
