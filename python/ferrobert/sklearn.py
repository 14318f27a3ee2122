"""Fine-tuned encoders as scikit-learn estimators: for pipelines, cross-validation and searches of that library."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ferrobert.errors import ConfigError, DataError, MissingDependencyError, TextTypeError
from ferrobert.inputs import check_number

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingDependencyError(
        f'ferrobert.sklearn needs scikit-learn: pip install "ferrobert[torch]" ({error})'
    ) from None

__all__ = ["BertClassifier"]


class BertClassifier(ClassifierMixin, BaseEstimator):
    """Classify texts, or pairs of texts, with an encoder that `fit` fine-tunes.

    `ferrobert.finetune` trains it and `ferrobert.pipeline` runs it; here they have scikit-learn's interface, for
    ``cross_val_score``, ``GridSearchCV``, ``Pipeline`` and ``clone``.

    Args:
        model: the checkpoint to start from: a folder or the id of a model on the hub.
        epochs, learning_rate, batch_size, freeze_encoder, lora, class_weight, max_length, seed: see
            `ferrobert.training.text_classification.finetune`.
        validation_fraction: share of the examples to set aside, on which a temperature is fitted that makes
            probabilities as high as they are right; ``None`` trains on all.
        settings: further settings of `finetune`, by name.
        output_dir: where the trained model goes; ``None`` keeps it in memory alone.
        device: "cpu" to stay off a GPU that is there.
        progress: whether to show a bar and a line for each epoch on stderr.

    Attributes:
        classes_: the labels, sorted, ``(classes,)``.
        pairs_: whether the examples were pairs of texts.
        pipeline_: the trained `TextClassificationPipeline`.

    Example:
        >>> from sklearn.base import clone
        >>> estimator = clone(BertClassifier("path/to/encoder", epochs=2))
        >>> estimator.get_params()["epochs"]
        2
        >>> estimator.fit(["A joy.", "A bore."], ["good", "bad"]).predict(["I loved it."])  # doctest: +SKIP
        array(['good'], dtype='<U4')
    """

    def __init__(
        self,
        model: Any = None,
        *,
        epochs: int = 3,
        learning_rate: float = 2e-5,
        batch_size: int = 16,
        freeze_encoder: bool = False,
        lora: Any = None,
        class_weight: str | Mapping[Any, float] | None = None,
        max_length: int | None = None,
        validation_fraction: float | None = None,
        settings: Mapping[str, Any] | None = None,
        output_dir: Any = None,
        device: str | None = None,
        seed: int = 42,
        progress: bool = False,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.freeze_encoder = freeze_encoder
        self.lora = lora
        self.class_weight = class_weight
        self.max_length = max_length
        self.validation_fraction = validation_fraction
        self.settings = settings
        self.output_dir = output_dir
        self.device = device
        self.seed = seed
        self.progress = progress

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  scikit-learn's names
        """Fine-tune the encoder; what was learned before is forgotten.

        Args:
            X: texts, or pairs of texts: a list, an array, a column, ``(examples,)``; pairs also ``(examples, 2)``.
            y: labels, ``(examples,)``: strings, numbers or booleans.

        Returns:
            The estimator.

        Raises:
            ConfigError: no model, or a setting that is not allowed.
            DataError: another number of labels than texts, an example without one, one label alone.
            TextTypeError: an example that is no text and no pair of texts.
            CheckpointError: the model cannot be loaded.
        """
        from ferrobert.training import finetune
        from ferrobert.training.examples import is_missing

        if self.model is None:
            raise ConfigError("BertClassifier needs model=: a checkpoint folder or the id of a model on the hub")
        examples = _examples(X)
        if not examples:
            raise DataError("X holds no examples")
        labels = np.asarray(y)
        missing = [label for label in labels.ravel().tolist() if is_missing(label)]
        if missing:
            raise DataError(f"y must hold a label for each of the {len(examples)} examples, holds {missing[0]}")
        check_classification_targets(labels)
        if labels.shape != (len(examples),):
            raise DataError(
                f"y must hold a label for each of the {len(examples)} examples, has the shape {labels.shape}"
            )
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise DataError(
                f"y: all {len(examples)} examples have the label {classes.tolist()[0]!r}; a classifier needs two"
            )
        names = [str(label) for label in classes.tolist()]
        if not isinstance(self.settings, Mapping | None):
            raise ConfigError(f"settings must be a dict of settings of finetune, got {self.settings!r:.100}")
        given = dict(self.settings or {})
        own = sorted(set(given) & {*self.get_params(deep=False), "label_names", "text_column", "label_column"})
        if own:
            raise ConfigError(f"settings has {own[0]!r}, which is an argument of its own or decided here")
        columns: dict[str, Any] = {
            "text": [text for text, _ in examples],
            "label": [names[number] for number in numbers],
        }
        if examples and examples[0][1] is not None:
            columns["text_pair"] = [pair for _, pair in examples]
            given["text_pair_column"] = "text_pair"
        if self.validation_fraction is not None:
            check_number("validation_fraction", self.validation_fraction)
        with ExitStack() as until_trained:
            folder = self.output_dir
            if folder is None:
                folder = until_trained.enter_context(tempfile.TemporaryDirectory(prefix="ferrobert-"))
            self.pipeline_ = finetune(
                "text-classification",
                self.model,
                columns,
                None if self.validation_fraction is None else float(self.validation_fraction),
                output_dir=Path(folder),
                epochs=self.epochs,
                learning_rate=self.learning_rate,
                batch_size=self.batch_size,
                freeze_encoder=self.freeze_encoder,
                lora=self.lora,
                class_weight=_by_name(self.class_weight),
                max_length=self.max_length,
                label_names=names,
                seed=self.seed,
                device=self.device,
                progress=self.progress,
                **{"checkpoints": False, "overwrite": True, **given},
            )
        self.classes_ = classes
        self.pairs_ = examples[0][1] is not None
        return self

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The label of each example, ``(examples,)``, of the kind of ``y``. Arguments and errors as for `fit`."""
        scores = self.predict_proba(X)
        best: NDArray[Any] = self.classes_[scores.argmax(axis=1)]
        return best

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Probabilities of the labels, ``(examples, classes)``, in the order of ``classes_``.

        Raises:
            NotFittedError: before `fit`.
            TextTypeError: an example that is no text and no pair of texts; pairs where `fit` had texts, or texts where
                it had pairs.
        """
        check_is_fitted(self, "pipeline_")
        examples = _examples(X)
        if examples and (examples[0][1] is not None) != self.pairs_:
            kinds = ("pairs of texts", "texts") if self.pairs_ else ("texts", "pairs of texts")
            raise TextTypeError(f"the estimator was fitted on {kinds[0]}, X holds {kinds[1]}")
        inputs = [text if pair is None else {"text": text, "text_pair": pair} for text, pair in examples]
        cut = {} if self.max_length is None else {"truncation": True, "max_length": self.max_length}
        found = self.pipeline_(inputs, top_k=None, function_to_apply="softmax", **cut)
        place = {name: number for number, name in enumerate(self.pipeline_.labels)}
        scores = np.empty((len(inputs), len(place)))
        for row, labels in enumerate(found):
            for one in labels:
                scores[row, place[one["label"]]] = one["score"]
        return scores

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = True
        return tags


def _examples(given: Any) -> list[tuple[str, str | None]]:
    """Texts, and the second texts of pairs.

    Raises:
        TextTypeError: an example that is neither a text nor a pair of them, or texts and pairs in one.
    """
    values = given
    if hasattr(values, "to_pylist"):  # of Arrow
        values = values.to_pylist()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise TextTypeError(f"X must hold texts, a list or an array of them, got {type(given).__name__}")
    examples: list[tuple[str, str | None]] = []
    for row, value in enumerate(values):
        if isinstance(value, str):
            examples.append((value, None))
        elif isinstance(value, Sequence) and len(value) == 2 and all(isinstance(text, str) for text in value):
            examples.append((value[0], value[1]))
        elif isinstance(value, Sequence) and len(value) == 1 and isinstance(value[0], str):
            examples.append((value[0], None))  # a table of one column
        else:
            raise TextTypeError(f"row {row} of X must be a text or a pair of texts, got {type(value).__name__}")
        if (examples[-1][1] is None) != (examples[0][1] is None):
            raise TextTypeError(f"row {row} of X must be a {'text' if examples[0][1] is None else 'pair'} as row 0 is")
    return examples


def _by_name(weight: Any) -> Any:
    """Class weights by the names of the labels."""
    return {str(label): value for label, value in weight.items()} if isinstance(weight, Mapping) else weight
