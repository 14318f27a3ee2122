"""The layers of an encoder in onnxruntime: exported once, compared with torch each time they are loaded.

Embeddings and heads stay the torch model's. What is exported is the way through the layers, as `unpadded` knows it: one
graph serves all families and all tasks, the linear layers see no padding, and the last layer computes only the
positions that are read.

    ids (tokens,) -> embeddings (tokens, hidden) -> layers, by onnxruntime -> (positions read, hidden) -> head

Graphs are kept in `cache_folder`, under the SHA-256 of what they are made of.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ferrobert.errors import CheckpointError, ConfigError
from ferrobert.files import partial_file, publish
from ferrobert.models.attention import flat_rows
from ferrobert.models.checkpoint import position_limit, require
from ferrobert.models.layers import Layer
from ferrobert.models.unpadded import LORA, Read, UnpaddedModel, obstacle

__all__ = ["OnnxModel", "cache_folder", "require_onnx"]

logger = logging.getLogger(__name__)

PACKAGES = ("onnxruntime", "onnx", "onnxscript")
# What makes a graph, beside weights and config.
MAKERS = ("ferrobert", "torch", "transformers", "onnx", "onnxscript")
# What a LoRA layer computes with, beside weights.
LORA_STATE = ("scaling", "active_adapters", "disable_adapters", "merged_adapters")
INPUTS = ("embedded", "slots", "padding", "places", "read")
# The most that logits may differ from torch's.
TOLERANCE = 1e-4
# Tokens of the rows that are compared, which are padded to one more than the longest.
COMPARED = (2, 7, 7, 19, 43)
_exporting = threading.Lock()  # torch exports one model at a time: of two at once both fail


def cache_folder() -> Path:
    """Where exported graphs are kept: ``$FERROBERT_HOME/onnx``, by default ``~/.cache/ferrobert/onnx``.

    As of HF_HOME, ``$XDG_CACHE_HOME`` takes the place of ``~/.cache``.

    Raises:
        ConfigError: it is in the home folder of a user who has none, as in some containers.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = os.environ.get("FERROBERT_HOME") or Path(caches, "ferrobert")
    try:
        return Path(folder).expanduser() / "onnx"
    except RuntimeError as error:
        raise ConfigError(
            f'backend="onnx" has no place for its cache {folder}: this user has no home folder; '
            "set FERROBERT_HOME to a folder that can be written to"
        ) from error


def require_onnx() -> None:
    """Raise `MissingDependencyError`, naming the extra to install, where onnxruntime, onnx or onnxscript is missing."""
    require('backend="onnx"', PACKAGES, "onnx")


class OnnxModel(UnpaddedModel):
    """A transformers model whose layers run in onnxruntime. They stay as they are now; embeddings and head do not.

    Args:
        model: a model of a family that `unpadded` knows: float32, on the CPU, in evaluation mode.
        device: where the layers run; by default on CUDA where torch and onnxruntime have it, else on the CPU.

    Attributes:
        device: where the layers run: "cpu" or a CUDA device.
        path: the file of the graph.

    Raises:
        ConfigError: a model that cannot run without padding; a CUDA device that onnxruntime does not run on; the graph
            cannot be written to the cache.
        CheckpointError: the export fails, or gives logits that differ from torch's by more than 1e-4.
        MissingDependencyError: onnxruntime, onnx or onnxscript is not installed.
    """

    def __init__(self, model: Any, device: torch.device | None = None) -> None:
        require_onnx()
        reason = obstacle(model)
        if reason is not None:
            raise ConfigError(f'{type(model).__name__} cannot run with backend="onnx": {reason}')
        super().__init__(model)
        self.device = _device(device)
        self.path = cache_folder() / f"{_digest(self)}.onnx"
        if not (self.path.is_file() and self._opens()):
            self._make()

    def hidden(
        self, ids: Tensor, type_ids: Tensor | None, lengths: Sequence[int], read: Read | Tensor = Read.ALL
    ) -> Tensor:
        """Hidden states of the last layer at the positions read, ``(positions, hidden)``. Arguments as for a call.

        Raises:
            MemoryError: onnxruntime does not get the memory it asks for.
        """
        counts = np.array([length for length in lengths if length])
        starts = np.cumsum(counts) - counts
        whole = {Read.ALL: np.arange(len(ids)), Read.FIRST: starts}
        positions = whole[read] if isinstance(read, Read) else read.numpy()
        embedded = self._embedded(ids, type_ids, flat_rows(counts.tolist(), ids.device)).numpy()
        feed = dict(zip(INPUTS, (embedded, *_padding(counts, starts), positions), strict=True))
        try:
            [found] = self._session.run(None, feed)
        except Exception as error:
            if "Failed to allocate memory" in str(error):
                raise MemoryError(str(error)) from error
            raise
        return torch.from_numpy(found)

    def _opens(self) -> bool:
        """Open the graph of the cache; false where it is broken."""
        try:
            self._open(self.path)
        except Exception as error:  # noqa: BLE001  onnxruntime's errors have no class in common
            logger.warning("%s is made again: %s", self.path, error)
            return False
        return True

    def _make(self) -> None:
        """Export the graph beside its place, open it, and put it there."""
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file, partial = partial_file(self.path)
        except OSError as error:
            raise ConfigError(
                f'backend="onnx" cannot write to its cache {folder} ({error.strerror or error}); '
                "set FERROBERT_HOME to a folder that can be written to"
            ) from error
        file.close()
        try:
            _export(self, partial)
            self._open(partial)
            publish(partial, self.path)
        finally:
            partial.unlink(missing_ok=True)
        logger.info("%s is exported to %s", type(self.model).__name__, self.path)

    def _open(self, path: Path) -> None:
        """Make the session of a graph, and compare it with torch."""
        import onnxruntime

        providers: list[Any] = ["CPUExecutionProvider"]
        if self.device.type == "cuda":
            # Not in TF32, which has 10 of a number's 23 bits.
            settings = {"device_id": self.device.index or 0, "use_tf32": 0}
            providers.insert(0, ("CUDAExecutionProvider", settings))
        self._session = onnxruntime.InferenceSession(os.fspath(path), session_options(), providers=providers)
        difference = self._difference()
        if not difference <= TOLERANCE:
            raise CheckpointError(
                f"the ONNX graph of {type(self.model).__name__} gives logits that differ from torch's by "
                f"{difference:.1e}; at most {TOLERANCE:.0e} is allowed"
            )
        logger.info("logits of %s differ from torch's by %.1e", self.path.name, difference)

    @torch.inference_mode()
    def _difference(self) -> float:
        """The largest difference of the head's outputs between the graph and transformers' own forward, padded."""
        config, base = self.model.config, self.model.base_model
        limit = position_limit(self.model) or max(COMPARED) + 1
        lengths = torch.tensor([min(length, limit - 1) for length in COMPARED])
        at = torch.arange(int(lengths.max()) + 1) < lengths[:, None]  # (rows, longest + 1): each row has padding
        random = torch.Generator().manual_seed(0)
        ids = torch.randint(config.vocab_size, at.shape, generator=random)
        inputs = {"input_ids": ids, "attention_mask": at.long()}
        types = None
        if self.family.takes_types:
            inputs["token_type_ids"] = torch.randint(config.type_vocab_size, at.shape, generator=random)
            types = inputs["token_type_ids"][at]
        expected = base(**inputs, return_dict=True).last_hidden_state[at]
        found = self.hidden(ids[at], types, lengths.tolist())
        # Each token is a row of its own: heads of rows and heads of tokens read them all.
        ours, theirs = (self._head(inputs_embeds=states[:, None], return_dict=True) for states in (found, expected))
        return max(float((ours[name] - theirs[name]).abs().max()) for name in theirs)


def session_options() -> Any:
    """How onnxruntime runs a graph: as many threads as torch, which sleep where they have no work."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Else they wait for the next batch at full speed while torch works: a fifth more of the processor's time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # one would be kept for each shape of a batch
    options.log_severity_level = 3
    return options


def _device(device: torch.device | None) -> torch.device:
    """The device, where onnxruntime runs on it.

    Raises:
        ConfigError: it does not.
    """
    import onnxruntime

    available = onnxruntime.get_available_providers()
    has_cuda = "CUDAExecutionProvider" in available
    if device is None:
        return torch.device("cuda:0" if has_cuda and torch.cuda.is_available() else "cpu")
    if device.type != "cpu" and not (device.type == "cuda" and has_cuda):
        raise ConfigError(
            f'backend="onnx" cannot run on {str(device)!r}: onnxruntime has {", ".join(available)} '
            '(onnxruntime-gpu brings CUDA); choose device="cpu"'
        )
    return device


class _Layers(nn.Module):
    """The graph: the layers of an encoder, one after the other."""

    def __init__(self, model: UnpaddedModel) -> None:
        super().__init__()
        self.base = model.model.base_model  # its parameters are the graph's
        self.layers = model.layers
        self.heads = model.heads

    def forward(self, embedded: Tensor, slots: Tensor, padding: Tensor, places: Tensor, read: Tensor) -> Tensor:
        """``(tokens, hidden)`` to ``(positions read, hidden)``; see `_padding` for what lies between."""
        hidden = embedded
        for layer in self.layers[:-1]:
            hidden = self._through(layer, hidden, slots, padding, places)
        return self._through(self.layers[-1], hidden, slots, padding, places, read)

    def _through(self, layer: Layer, hidden: Tensor, slots: Tensor, padding: Tensor, *taken: Tensor) -> Tensor:
        query, key, value = (
            part(hidden)[slots].unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (rows, heads, longest, head size)
            for part in (layer.query, layer.key, layer.value)
        )
        scores = query @ key.transpose(-1, -2) * layer.scaling + padding[:, None, None, :]
        mixed = (torch.softmax(scores, dim=-1) @ value).transpose(1, 2).flatten(2).flatten(0, 1)
        places, *read = taken
        for positions in read:
            places, hidden = places[positions], hidden[positions]
        attended = layer.attention_norm(hidden + layer.output(mixed[places]))
        found: Tensor = layer.norm(attended + layer.down(layer.activation(layer.up(attended))))
        return found


def _padding(lengths: NDArray[np.int64], starts: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Where tokens are in padded rows, for attention alone.

    Returns:
        For each slot of the rows the token in it, ``(rows, longest)``, any one for padding; what is added to scores of
        attention, float32 ``(rows, longest)``, -inf for padding; for each token its slot, ``(tokens,)``.
    """
    places = np.arange(lengths.max(initial=0))
    filled = places < lengths[:, None]
    slots = np.where(filled, starts[:, None] + places, 0)
    return slots, np.where(filled, 0.0, -np.inf).astype(np.float32), np.flatnonzero(filled)


def _digest(model: UnpaddedModel) -> str:
    """SHA-256 of the layers and their weights, of the config, and of the versions of what makes the graph."""
    digest = hashlib.sha256(model.model.config.to_json_string().encode())
    digest.update(repr([(name, import_module(name).__version__) for name in MAKERS]).encode())
    parts = [
        part
        for layer in model.layers
        for part in (*layer.linears, layer.attention_norm, layer.norm, layer.activation)
        if isinstance(part, nn.Module)
    ]
    for part in dict.fromkeys(parts):  # ALBERT's layers are one
        digest.update(repr(part).encode())
        if type(part).__module__.startswith(LORA):
            digest.update(repr([getattr(part, name) for name in LORA_STATE]).encode())
        for name, weights in part.state_dict().items():
            array = np.ascontiguousarray(weights.numpy())
            digest.update(f"{name} {array.shape}".encode())
            digest.update(array.data)
    return digest.hexdigest()


@torch.no_grad()
def _export(model: OnnxModel, path: Path) -> None:
    """Write the graph of a model's layers.

    Raises:
        CheckpointError: torch cannot export it.
    """
    lengths = np.array(COMPARED)
    slots, padding, places = map(torch.from_numpy, _padding(lengths, np.cumsum(lengths) - lengths))
    embedded = torch.zeros(len(places), model.model.config.hidden_size)
    any_size = torch.export.Dim.DYNAMIC
    sizes = [{0: any_size}, {0: any_size, 1: any_size}, {0: any_size, 1: any_size}, {0: any_size}, {0: any_size}]
    try:
        with _exporting, _quiet_export():
            torch.onnx.export(
                _Layers(model).eval(),
                (embedded, slots, padding, places, places[:3]),
                path,
                dynamo=True,
                external_data=False,
                input_names=INPUTS,
                output_names=["hidden"],
                dynamic_shapes=sizes,
                verbose=False,
            )
    except Exception as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{type(model.model).__name__} cannot be exported to ONNX: {reason[:400]}") from error


@contextmanager
def _quiet_export() -> Iterator[None]:
    """Keep what torch logs about packages that it does not need off the screen."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        yield
    finally:
        exporter.setLevel(level)
