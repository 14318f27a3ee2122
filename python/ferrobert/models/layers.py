"""The layers of an encoder by what their modules do, for each family whose layers are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from torch import Tensor, nn

__all__ = ["FAMILIES", "Family", "Layer"]


@dataclass(frozen=True, slots=True)
class Layer:
    """The modules of a layer, by what they do. ``norm(x + dropout(part(x)))`` is the form of both its parts."""

    query: nn.Module
    key: nn.Module
    value: nn.Module
    output: nn.Module
    output_dropout: Callable[[Tensor], Tensor]
    attention_norm: nn.LayerNorm
    up: nn.Module
    activation: Callable[[Tensor], Tensor]
    down: nn.Module
    dropout: Callable[[Tensor], Tensor]
    norm: nn.LayerNorm
    attention_dropout: float  # share of attention that is dropped
    scaling: float  # of the products of queries and keys

    @property
    def linears(self) -> tuple[nn.Module, ...]:
        """All its linear layers."""
        return self.query, self.key, self.value, self.output, self.up, self.down


def bert_layers(base: Any) -> Iterator[Layer]:
    """Of BERT and what has its structure."""
    for layer in base.encoder.layer:
        mixed, taken, grown, shrunk = layer.attention.self, layer.attention.output, layer.intermediate, layer.output
        yield Layer(
            *(mixed.query, mixed.key, mixed.value, taken.dense, taken.dropout, taken.LayerNorm),
            *(grown.dense, grown.intermediate_act_fn, shrunk.dense, shrunk.dropout, shrunk.LayerNorm),
            *(_share(mixed, mixed.dropout), mixed.scaling),
        )


def distilbert_layers(base: Any) -> Iterator[Layer]:
    """Of DistilBERT."""
    for layer in base.transformer.layer:
        mixed, ffn = layer.attention, layer.ffn
        yield Layer(
            *(mixed.q_lin, mixed.k_lin, mixed.v_lin, mixed.out_lin, _kept, layer.sa_layer_norm),
            *(ffn.lin1, ffn.activation, ffn.lin2, ffn.dropout, layer.output_layer_norm),
            *(_share(mixed, mixed.dropout), mixed.scaling),
        )


def albert_layers(base: Any) -> Iterator[Layer]:
    """Of ALBERT: a layer comes as often as it is passed."""
    config, groups = base.config, base.encoder.albert_layer_groups
    for number in range(config.num_hidden_layers):
        for layer in groups[int(number / (config.num_hidden_layers / config.num_hidden_groups))].albert_layers:
            mixed = layer.attention
            yield Layer(
                *(mixed.query, mixed.key, mixed.value, mixed.dense, mixed.output_dropout, mixed.LayerNorm),
                *(layer.ffn, layer.activation, layer.ffn_output, _kept, layer.full_layer_layer_norm),
                *(_share(mixed, mixed.attention_dropout), mixed.scaling),
            )


def _share(attention: Any, dropout: Any) -> float:
    """Share of attention that is dropped: as in transformers the attention, not its dropout, says whether it trains."""
    return float(dropout.p) if attention.training else 0.0


def _kept(x: Tensor) -> Tensor:
    """No dropout."""
    return x


class Family(NamedTuple):
    """How the encoders of a family are read."""

    base: str  # name of the encoder's class
    layers: Callable[[Any], Iterator[Layer]]
    heads: str = "num_attention_heads"  # in the config
    takes_types: bool = True
    counts_from_padding: bool = False  # positions begin behind that of the padding
    mapping: Callable[[Any], nn.Module] | None = None  # from the size of the embeddings to that of the hidden states


FAMILIES = {
    "albert": Family("AlbertModel", albert_layers, mapping=attrgetter("encoder.embedding_hidden_mapping_in")),
    "bert": Family("BertModel", bert_layers),
    "camembert": Family("CamembertModel", bert_layers, counts_from_padding=True),
    "distilbert": Family("DistilBertModel", distilbert_layers, heads="n_heads", takes_types=False),
    "roberta": Family("RobertaModel", bert_layers, counts_from_padding=True),
    "xlm-roberta": Family("XLMRobertaModel", bert_layers, counts_from_padding=True),
}
