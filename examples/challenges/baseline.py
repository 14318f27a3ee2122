"""Challenge 2: an encoder fine-tuned for 3 epochs against TF-IDF and logistic regression, on the same rows.

usage: python examples/challenges/baseline.py [--train FILE] [--test FILE] [--rows N] [--folds N] [--model ENCODER]
           [--epochs N] [--learning-rate X]

A file has a column "label" and one of texts; without --test the rows of --train (by default the 600 reviews that ship)
are cross-validated. --rows draws that many of them at random.
"""

from argparse import ArgumentParser
from importlib.resources import files
from time import perf_counter

import numpy as np
from scipy.stats import binomtest, bootstrap
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline

import ferrobert.training.text_classification  # noqa: F401  loads torch, which the seconds below leave out
from ferrobert.models.encoder import encoder_folder
from ferrobert.sklearn import BertClassifier
from ferrobert.tables import Table

REVIEWS = [str(files("ferrobert") / "data" / f"reviews_{part}.tsv") for part in ("train", "test")]
parser = ArgumentParser()
for name, default in (("train", None), ("test", None), ("rows", 0), ("folds", 5), ("epochs", 3)):
    parser.add_argument(f"--{name}", default=default, type=str if default is None else int)
parser.add_argument("--model", default=str(encoder_folder()))
parser.add_argument("--learning-rate", type=float, default=1e-4)  # 2e-5 is made for more rows, or a larger encoder
given = parser.parse_args()


def examples(*paths):
    rows = [row.values for path in paths for row in Table(path)]
    texts = [next(value for name, value in row.items() if name != "label") for row in rows]
    return np.array(texts, dtype=object), np.array([row["label"] for row in rows])


texts, labels = examples(*([given.train] if given.train else REVIEWS))
drawn = np.random.default_rng(0).permutation(len(texts))[: given.rows or None]
texts, labels = texts[drawn], labels[drawn]
folds = [] if given.test else StratifiedKFold(given.folds, shuffle=True, random_state=0).split(texts, labels)
splits = [(texts[a], labels[a], texts[b], labels[b]) for a, b in folds] or [(texts, labels, *examples(given.test))]
words = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000))
encoder = BertClassifier(given.model, epochs=given.epochs, learning_rate=given.learning_rate)
right = []
for name, side in (("TF-IDF", GridSearchCV(words, {"logisticregression__C": [1, 10, 100]})), ("encoder", encoder)):
    start = perf_counter()
    right.append(np.concatenate([side.fit(*seen).predict(new) == true for *seen, new, true in splits]))
    low, high = binomtest(int(right[-1].sum()), len(right[-1])).proportion_ci(method="wilson")
    share = f"{right[-1].sum()} of {len(right[-1])} right, {right[-1].mean():.1%} ({low:.1%} to {high:.1%})"
    print(f"{name:<8} {share}, {perf_counter() - start:.1f} s")
gain = right[1].astype(float) - right[0]
better, worse = int((gain > 0).sum()), int((gain < 0).sum())
low, high = bootstrap([gain], np.mean, method="percentile", rng=0).confidence_interval
print(f"gain     {100 * gain.mean():+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})")
p = binomtest(better, max(better + worse, 1)).pvalue
print(f"only the encoder right: {better}, only TF-IDF right: {worse}, McNemar p = {p:.2g}")
