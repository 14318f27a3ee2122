"""What could run the model on the CPU: speed, and how many labels each way keeps of float32's.

    pip install openvino nncf torchao        # what is not there is listed as absent
    python benches/bench_backends.py --model FOLDER [--train] [--ways NAME ...] [--rounds N] [--reviews N]

``--train`` fine-tunes MiniLM on phrases of SST-2 into FOLDER, unless it is there. All ways get the same batches of
rows of similar length, 2,048 tokens each, and are compared before anything is timed: labels and logits beside
`ferrobert`'s own float32, on all 872 sentences of SST-2's development set and on IMDb reviews, cut at 512 tokens.
They are timed in turns, model and head alone, on some of the texts. A ratio is to float32, of the same turn. What
takes four times as long as float32 on a few sentences is left out (bfloat16 where the processor has none).

onnxruntime and OpenVINO run the graph of ``backend="onnx"``. Int8 has a scale for each row of the weights, leaves
attention's own products in floating point, and is calibrated on phrases that the model was trained on where it is
calibrated. Graphs are kept in FOLDER/graphs: remove one whose making was interrupted.
"""

from __future__ import annotations

import argparse
import copy
import logging
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

import ferrobert as fb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benches.bench_pipelines import texts_of
from benches.bench_training import FOLDER, rows_of

from ferrobert.batching import token_batches
from ferrobert.models.onnx import OnnxModel, _Layers, session_options
from ferrobert.models.unpadded import Read, UnpaddedModel
from ferrobert.pipelines.device import has_bfloat16
from ferrobert.pipelines.rows import TokenRows, token_rows

BATCH_TOKENS = 2_048
PHRASES = 10_000
CALIBRATED = 512
SLOWEST = 4  # times as long as float32: what takes longer is not measured
CPU = torch.device("cpu")

Batch = NDArray[np.int64]
Run = Callable[[TokenRows, Batch], torch.Tensor]


@dataclass
class Made:
    """What the ways are made from."""

    folder: Path
    model: Any
    phrases: TokenRows  # of the training set

    def own_model(self, **options: Any) -> Any:
        auto = transformers.AutoModelForSequenceClassification
        return auto.from_pretrained(self.folder, **{"dtype": torch.float32, **options}).eval()

    def onnx(self) -> OnnxModel:
        return OnnxModel(self.model, CPU)

    def graph(self, name: str, make: Callable[[Path, Path], None]) -> tuple[OnnxModel, Path]:
        """A file that is made from the graph of the layers, once."""
        onnx = self.onnx()
        path = self.folder / "graphs" / f"{onnx.path.stem[:16]}-{name}"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            make(onnx.path, path)
        return onnx, path

    def feeds(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Inputs of the graph, of phrases of the training set."""
        kept: list[dict[str, NDArray[Any]]] = []

        class Kept:
            def run(self, names: Any, feed: dict[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
                kept.append(feed)
                return [feed["embedded"][feed["read"]]]

        listening = with_session(self.onnx(), Kept())
        for batch in batches_of(self.phrases):
            with torch.inference_mode():
                listening(*self.phrases.together(batch), Read.FIRST)
            yield kept.pop()


def with_session(onnx: OnnxModel, session: Any) -> OnnxModel:
    other = copy.copy(onnx)
    other._session = session
    return other


def flat(model: UnpaddedModel) -> Run:
    return lambda rows, batch: model(*rows.together(batch), Read.FIRST).logits


def padded(model: Any) -> Run:
    return lambda rows, batch: model(**rows.padded(batch, 0)).logits


# torch


def ours(made: Made, dtype: torch.dtype) -> Run:
    return flat(UnpaddedModel(made.own_model(dtype=dtype)))


def compiled(made: Made) -> Run:
    return padded(torch.compile(made.own_model(), dynamic=True))


class Compiled:
    """The layers with attention on padded rows, as one graph: a walk over rows by length is another one each time."""

    def __init__(self, model: UnpaddedModel) -> None:
        layers = _Layers(model)
        self.layers = torch.compile(layers.eval(), dynamic=True)

    def run(self, names: Any, feed: dict[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        return [self.layers(*map(torch.from_numpy, feed.values())).numpy()]


def compiled_layers(made: Made) -> Run:
    return flat(with_session(made.onnx(), Compiled(UnpaddedModel(made.own_model()))))


def own_int8(made: Made, skipped: str = "") -> Run:
    """Our layers with torch's own int8 products: weights by row, activations by their range in the batch."""
    from torch.ao import quantization

    model = made.own_model()
    layers = UnpaddedModel(model).layers
    chosen = {
        id(part)
        for place, layer in enumerate(layers)
        for part in set(layer.linears) - set(skipped_of(layer.linears, place, len(layers), skipped))
    }
    names = [name for name, part in model.named_modules() if id(part) in chosen]
    settings = dict.fromkeys(names, quantization.per_channel_dynamic_qconfig)
    return flat(UnpaddedModel(quantization.quantize_dynamic(model, settings)))


def by_torchao(made: Made, config: str) -> Run:
    import torchao.quantization as ao

    model = made.own_model()
    ao.quantize_(model.base_model.encoder, getattr(ao, config)())
    return padded(torch.compile(model, dynamic=True))


def skipped_of(linears: Sequence[Any], place: int, layers: int, skipped: str) -> Sequence[Any]:
    """Of the six linear layers of a layer those that stay in floating point: "first", "last", "down", joined by "+"."""
    if ("first" in skipped and place == 0) or ("last" in skipped and place == layers - 1):
        return linears
    return linears[5:] if "down" in skipped else []


# onnxruntime


def session_of(path: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(os.fspath(path), session_options(), providers=["CPUExecutionProvider"])


def by_onnxruntime(made: Made, make: Callable[..., None], skipped: str = "") -> Run:
    onnx, path = made.graph(f"{make.__name__}{skipped}.onnx", partial(make, made, skipped=skipped))
    return flat(with_session(onnx, session_of(path)))


def dynamic_int8(made: Made, source: Path, target: Path, *, skipped: str = "") -> None:
    """Weights by channel, activations by their range in the batch."""
    from onnxruntime.quantization import quantize_dynamic

    left = [f"{name}_MatMul" for name in linears(source, skipped)]  # it makes a MatMul and an Add of each Gemm
    quantize_dynamic(source, target, per_channel=True, nodes_to_exclude=left)


def static_int8(made: Made, source: Path, target: Path, *, skipped: str = "") -> None:
    """Weights by channel, activations by their range in the phrases."""
    from onnxruntime import quantization as ort

    class Feeds(ort.CalibrationDataReader):
        feeds = made.feeds()

        def get_next(self) -> Any:
            return next(self.feeds, None)

    ort.quantize_static(
        source,
        target,
        Feeds(),
        quant_format=ort.QuantFormat.QDQ,
        op_types_to_quantize=["Gemm"],
        per_channel=True,
        nodes_to_exclude=linears(source, skipped),
        extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
    )


def nodes_of(path: Path) -> Sequence[Any]:
    import onnx

    nodes: Sequence[Any] = onnx.load(path).graph.node
    return nodes


def linears(path: Path, skipped: str) -> list[str]:
    """Names of the linear layers that stay in floating point, see `skipped_of`."""
    names = [node.name for node in nodes_of(path) if node.op_type == "Gemm"]
    layers = len(names) // 6  # query, key, value, output, up, down
    return [
        name for place in range(layers) for name in skipped_of(names[6 * place : 6 * place + 6], place, layers, skipped)
    ]


# OpenVINO


class OpenVino:
    """A graph in OpenVINO, as a session."""

    def __init__(self, path: Path, precision: str) -> None:
        import openvino

        settings = {
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
        }
        self.request = openvino.Core().compile_model(os.fspath(path), "CPU", settings).create_infer_request()

    def run(self, names: Any, feed: dict[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        return [self.request.infer(feed, share_inputs=True)[0]]


def by_openvino(made: Made, precision: str) -> Run:
    onnx = made.onnx()
    return flat(with_session(onnx, OpenVino(onnx.path, precision)))


def openvino_int8(made: Made, skipped: str = "") -> Run:
    """SmoothQuant, weights by channel, activations by their range in the phrases; the rest in bfloat16 where it is."""
    onnx, path = made.graph(f"openvino{skipped}.xml", partial(by_nncf, made, skipped=skipped))
    return flat(with_session(onnx, OpenVino(path, "bf16" if has_bfloat16(CPU) else "f32")))


def by_nncf(made: Made, source: Path, target: Path, *, skipped: str = "") -> None:
    import nncf
    import openvino

    left = [f"{name}/WithoutBiases" for name in linears(source, skipped)]  # as OpenVINO calls the product
    quantized = nncf.quantize(
        openvino.Core().read_model(os.fspath(source)),
        nncf.Dataset(list(made.feeds())),
        model_type=nncf.ModelType.TRANSFORMER,
        ignored_scope=nncf.IgnoredScope(patterns=["node_matmul.*"], names=left),  # attention's
    )
    openvino.save_model(quantized, target, compress_to_fp16=False)


# What is measured


@dataclass(frozen=True)
class Way:
    """A way to run the model: how it is made, and which packages it takes."""

    make: Callable[[Made], Run]
    packages: tuple[str, ...] = ()


ORT, OV, NNCF, AO = ("onnxruntime", "onnx", "onnxscript"), ("openvino",), ("openvino", "nncf"), ("torchao",)
FLOAT32 = "ferrobert, float32"
WAYS = {
    FLOAT32: Way(lambda made: ours(made, torch.float32)),
    "ferrobert, bfloat16": Way(lambda made: ours(made, torch.bfloat16)),
    'ferrobert, backend="onnx"': Way(lambda made: flat(made.onnx()), ORT),
    "transformers, torch.compile": Way(compiled),
    "our layers, torch.compile": Way(compiled_layers, ORT),
    "our layers, torch int8 dynamic": Way(own_int8),
    "onnxruntime, int8 dynamic": Way(lambda made: by_onnxruntime(made, dynamic_int8), ORT),
    "onnxruntime, int8 static": Way(lambda made: by_onnxruntime(made, static_int8), ORT),
    "OpenVINO, float32": Way(lambda made: by_openvino(made, "f32"), (*ORT, *OV)),
    "OpenVINO, bfloat16": Way(lambda made: by_openvino(made, "bf16"), (*ORT, *OV)),
    "OpenVINO, int8": Way(openvino_int8, (*ORT, *NNCF)),
    "torchao, int8 weights": Way(lambda made: by_torchao(made, "Int8WeightOnlyConfig"), AO),
    "torchao, int8 dynamic": Way(lambda made: by_torchao(made, "Int8DynamicActivationInt8WeightConfig"), AO),
}
# Int8 with some linear layers in float32, see `skipped_of`: slower, for the labels.
PARTLY = {
    f"{name}, not {skipped}": Way(partial(make, skipped=skipped), packages)
    for name, make, packages in (
        ("torch int8", own_int8, ()),
        ("onnxruntime dynamic", partial(by_onnxruntime, make=dynamic_int8), ORT),
        ("OpenVINO int8", openvino_int8, (*ORT, *NNCF)),
    )
    for skipped in ("down", "down+first+last")
}


def missing(way: Way) -> list[str]:
    return [package for package in way.packages if find_spec(package) is None]


def encoded(texts: list[str], folder: Path | str) -> TokenRows:
    return token_rows(fb.AutoTokenizer.from_pretrained(folder)(texts, truncation=True, max_length=512))


def batches_of(rows: TokenRows) -> list[Batch]:
    return token_batches(rows.lengths, BATCH_TOKENS)


@torch.inference_mode()
def logits_of(run: Run, rows: TokenRows) -> NDArray[np.float32]:
    """Logits of each row, ``(rows, labels)``."""
    logits = np.empty((len(rows), 2), np.float32)
    for batch in batches_of(rows):
        logits[batch] = run(rows, batch).float().numpy()
    return logits


def seconds_of(run: Run, rows: TokenRows) -> float:
    began = time.perf_counter()
    logits_of(run, rows)
    return time.perf_counter() - began


def compared(found: NDArray[np.float32], expected: NDArray[np.float32]) -> str:
    """Labels that are float32's, and the largest difference of logits."""
    kept = int((found.argmax(axis=1) == expected.argmax(axis=1)).sum())
    largest = np.abs(found - expected).max()
    return f"labels {kept:4} of {len(found)} ({100 * kept / len(found):6.2f} %)  logits {largest:.1e}"


def measure(runs: dict[str, Run], whole: TokenRows, timed: TokenRows, rounds: int) -> None:
    """Compare, run in turns, and print."""
    expected = logits_of(runs[FLOAT32], whole)
    told = {name: compared(logits_of(run, whole), expected) for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds):
        for name in list(runs)[:: 1 if turn % 2 else -1]:
            seconds[name].append(seconds_of(runs[name], timed))
    for name, of in seconds.items():
        if not rounds:
            print(f"  {name:32} {told[name]}", flush=True)
            continue
        ratios = [first / own for first, own in zip(seconds[FLOAT32], of, strict=True)]
        speed = f"{len(timed) / statistics.median(of):7.1f} texts/s  {statistics.median(ratios):5.2f}x"
        print(f"  {name:32} {speed} ({min(ratios):.2f} to {max(ratios):.2f})  {told[name]}", flush=True)


def train(folder: Path) -> None:
    """MiniLM, fine-tuned on phrases of SST-2."""
    began = time.perf_counter()
    settings = {"epochs": 1, "learning_rate": 1e-4, "batch_size": 32, "checkpoints": False, "progress": False}
    fb.finetune("text-classification", FOLDER, rows_of("train", PHRASES), output_dir=folder, device="cpu", **settings)
    print(f"MiniLM fine-tuned on {PHRASES:,} phrases in {time.perf_counter() - began:.0f} s", flush=True)


def packages() -> str:
    found = []
    for package in ("torch", "transformers", "onnxruntime", "openvino", "nncf", "torchao"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def main() -> None:
    """Each way, on each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="a classifier of SST-2")
    parser.add_argument("--train", action="store_true", help="fine-tune it first, where FOLDER is not there")
    every = WAYS | PARTLY
    parser.add_argument("--ways", nargs="+", choices=every, default=list(WAYS), metavar="NAME", help=", ".join(every))
    parser.add_argument("--rounds", type=int, default=3, help="0: labels and logits alone")
    parser.add_argument("--reviews", type=int, default=40, help="of IMDb, whose labels are compared")
    parser.add_argument("--threads", type=int, help="threads of each way; by default torch's own choice")
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    print(f"{packages()}, {torch.get_num_threads()} threads, ", end="")
    print(f"the processor computes {'' if has_bfloat16(CPU) else 'no '}bfloat16", flush=True)
    if options.train and not (options.model / "config.json").exists():
        train(options.model)
    phrases = [text for text, _ in rows_of("train", PHRASES)]
    made = Made(
        options.model,
        fb.pipeline("text-classification", str(options.model), device="cpu", dtype="float32").model,
        encoded(phrases[:: PHRASES // CALIBRATED], options.model),
    )
    sentences, reviews = [text for text, _ in rows_of("dev")], texts_of("imdb", options.reviews)
    sets = {
        "SST-2 sentences": (encoded(sentences, options.model), encoded(sentences[::4], options.model)),
        "IMDb reviews": (encoded(reviews, options.model), encoded(reviews[:16], options.model)),
    }
    probe = encoded(sentences[::32], options.model)
    runs: dict[str, Run] = {}
    least = 0.0
    for name in dict.fromkeys([FLOAT32, *options.ways]):
        absent = missing(every[name])
        if absent:
            print(f"  {name:32} absent: {', '.join(absent)} not installed", flush=True)
            continue
        began = time.perf_counter()
        run = every[name].make(made)
        logits_of(run, probe)  # what is compiled is compiled here
        ready = time.perf_counter() - began
        seconds = min(seconds_of(run, probe) for _ in range(2))
        least = least or seconds
        print(f"  {name:32} ready after {ready:.0f} s", end="", flush=True)
        if seconds > SLOWEST * least:
            print(f", left out: it takes {seconds / least:.0f} times as long as float32")
            continue
        print()
        runs[name] = run
    for name, (whole, timed) in sets.items():
        print(f"{name}: {len(whole)} compared, {len(timed)} timed, {timed.lengths.mean():.0f} tokens", flush=True)
        measure(runs, whole, timed, options.rounds)


if __name__ == "__main__":
    main()
