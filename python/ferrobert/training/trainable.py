"""Which parameters learn: all of them, the head alone, or a low-rank addition (LoRA); and what is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import nn

from ferrobert.errors import ConfigError, MissingDependencyError
from ferrobert.models.adapters import quiet_peft
from ferrobert.models.checkpoint import LoadedModel

# The rank, scale and dropout of LoRA's paper for text classification (Hu et al. 2021, GLUE).
LORA_DEFAULTS: dict[str, Any] = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.1}
# The projections of the attention that peft adds to by default, in the families that it does not know.
ATTENTION = {
    "albert": ["query", "value"],
    "camembert": ["query", "value"],
    "distilbert": ["q_lin", "v_lin"],
    "modernbert": ["Wqkv"],
    "mpnet": ["q", "v"],
}


def set_dropout(model: nn.Module, share: float) -> None:
    """Let every dropout of a model drop this share; that of attention reads its share from such a module too."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share


def freeze_encoder(loaded: LoadedModel) -> None:
    """Let only the head learn, and what the checkpoint did not hold (a pooler that is still random)."""
    base = f"{loaded.model.base_model_prefix}."
    for name, parameter in loaded.model.named_parameters():
        parameter.requires_grad = not name.startswith(base) or name in loaded.fresh


def add_lora(
    loaded: LoadedModel,
    lora: bool | int | Mapping[str, Any] | Any,
    task_type: str | None = "SEQ_CLS",
    dropout: float | None = None,
) -> Any:
    """Put a low-rank addition on the attention's projections; they, the head and fresh parameters learn.

    A matrix of the head that is the encoder's as well, as the decoder of a masked-language model is its word
    embeddings, stays as it is.

    Args:
        loaded: the model, whose layers are replaced in place.
        lora: ``True`` for rank 8; the rank; settings of ``peft.LoraConfig``; or a ``LoraConfig``.
        task_type: peft's name of the task, ``None`` where it has none.
        dropout: of the low-rank addition, where ``lora`` does not say it; by default 0.1.

    Returns:
        The peft model around it; `ferrobert.models.adapters.merged` gives back a plain one.

    Raises:
        ConfigError: settings that peft refuses; a layer that the model does not have; a matrix that encoder and head
            share.
        MissingDependencyError: peft is not installed.
    """
    try:
        import peft
        from peft.tuners.tuners_utils import BaseTunerLayer
    except ImportError:
        raise MissingDependencyError('lora= needs peft: pip install "ferrobert[torch]"') from None
    settings = LORA_DEFAULTS | ({} if dropout is None else {"lora_dropout": dropout}) | _settings(lora)
    settings.setdefault("task_type", task_type)
    model = loaded.model
    if model.config.model_type in ATTENTION and "target_parameters" not in settings:
        settings.setdefault("target_modules", ATTENTION[model.config.model_type])
    _check_targets(model, settings.get("target_modules"))
    head = head_parts(model)
    parameters: list[nn.Parameter] = []
    if "modules_to_save" not in settings:
        base = f"{model.base_model_prefix}."
        fresh = {name.rsplit(".", 1)[0] for name in loaded.fresh if name.startswith(base)}
        settings["modules_to_save"] = sorted(fresh.union(head.modules))
        parameters = head.parameters
    try:
        config = peft.LoraConfig(**settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"lora: {error}") from None
    try:
        with quiet_peft():
            wrapped = peft.get_peft_model(model, config)
    except ValueError as error:
        if "Please specify `target_modules`" in str(error):
            layers = ", ".join(_linear_layers(model))
            raise ConfigError(
                f"lora: no layers are known to add to in {type(model).__name__}; name them as target_modules "
                f"(--lora-target), of {layers}, or all-linear for all"
            ) from None
        raise ConfigError(f"lora does not fit {type(model).__name__}: {error}") from None
    for name, module in model.named_modules():
        if isinstance(module, BaseTunerLayer) and not head.shared.isdisjoint(map(id, module.parameters())):
            raise ConfigError(
                f"lora cannot be added to {name}: encoder and head of {type(model).__name__} share its matrix"
            )
    for parameter in parameters:
        parameter.requires_grad_(True)
    return wrapped


def _settings(lora: Any) -> dict[str, Any]:
    """What ``lora`` says of the settings of ``peft.LoraConfig``; ``None`` says nothing."""
    if hasattr(lora, "to_dict"):
        lora = lora.to_dict()
    if isinstance(lora, Mapping):
        return {name: value for name, value in lora.items() if value is not None}
    if lora is True:
        return {}
    if not isinstance(lora, int) or lora < 1:
        raise ConfigError(f"lora must be True, a rank from 1, a dict or a LoraConfig, got {lora!r}")
    return {"r": lora, "lora_alpha": 2 * lora}


def _check_targets(model: Any, targets: Any) -> None:
    """Raise ConfigError where a name stands for no layer; peft overlooks it beside others that do."""
    if targets is None or isinstance(targets, str):
        return
    names = [f".{name}" for name, _ in model.named_modules()]
    for target in targets:
        if not any(name.endswith(f".{target}") for name in names):
            allowed = ", ".join(_linear_layers(model))
            raise ConfigError(f"lora: {type(model).__name__} has no layer {target!r}; it has {allowed}")


def _linear_layers(model: Any) -> list[str]:
    """Names of an encoder's linear layers, without where they stand."""
    layers = model.base_model.named_modules()
    return sorted({name.rpartition(".")[2] for name, one in layers if isinstance(one, nn.Linear)})


class HeadParts(NamedTuple):
    """What of a head can learn while the encoder does not.

    Attributes:
        modules: names of the modules that have nothing of the encoder.
        parameters: the others' own parameters.
        shared: ids of the parameters that are the encoder's.
    """

    modules: list[str]
    parameters: list[nn.Parameter]
    shared: set[int]


def head_parts(model: Any) -> HeadParts:
    """Take apart what a model of transformers has besides its encoder.

    Example:
        >>> from transformers import BertConfig, BertForMaskedLM
        >>> config = BertConfig(vocab_size=9, hidden_size=8, num_attention_heads=2, intermediate_size=8)
        >>> parts = head_parts(BertForMaskedLM(config))  # the decoder's matrix is that of the word embeddings
        >>> parts.modules, [len(parameter) for parameter in parts.parameters]
        (['cls.predictions.transform'], [9])
    """
    encoder = model.base_model
    of_encoder = set(map(id, encoder.parameters()))
    modules: list[str] = []
    parameters: dict[int, nn.Parameter] = {}  # a bias may be in two modules
    shared: set[int] = set()

    def visit(name: str, module: nn.Module) -> None:
        ids = set(map(id, module.parameters()))
        if ids.isdisjoint(of_encoder):
            if ids:
                modules.append(name)
            return
        shared.update(ids & of_encoder)
        parameters.update((id(one), one) for one in module.parameters(recurse=False) if id(one) not in of_encoder)
        for child, part in module.named_children():
            visit(f"{name}.{child}", part)

    for name, child in model.named_children():
        if child is not encoder:
            visit(name, child)
    return HeadParts(modules, list(parameters.values()), shared)


def learning(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that learn, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
