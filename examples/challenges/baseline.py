"""Challenge 2: an encoder fine-tuned for 3 epochs against TF-IDF and logistic regression, on the same rows.

usage: python examples/challenges/baseline.py [--train FILE ...] [--test FILE] [--rows N] [--model NAME]
           [--learning-rate X]

A file has a column "label" and one of texts. --rows draws that many of --train, by default the 600 reviews that ship;
without --test they are cross-validated.
"""

from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import binomtest, bootstrap
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline

import ferrobert.training.text_classification  # loads torch, which the seconds below leave out
from ferrobert.models.encoder import encoder_folder
from ferrobert.sklearn import BertClassifier
from ferrobert.tables import Table

REVIEWS = sorted(Path(ferrobert.__file__).with_name("data").glob("reviews_*.tsv"))
parser = ArgumentParser()
parser.add_argument("--train", nargs="+", default=REVIEWS)
parser.add_argument("--test")
parser.add_argument("--rows", type=int)
parser.add_argument("--model", default=str(encoder_folder()))
parser.add_argument("--learning-rate", type=float, default=1e-4)  # 2e-5 is made for more rows, or a larger encoder
given = parser.parse_args()


def examples(*paths):
    rows = [row.values for path in paths for row in Table(path)]
    return np.array([(next(row[name] for name in row if name != "label"), row["label"]) for row in rows], dtype=object)


rows = np.random.default_rng(0).permutation(examples(*given.train))[: given.rows]  # (rows, text and label)
folds = [] if given.test else StratifiedKFold(5, shuffle=True, random_state=0).split(rows, rows[:, 1])
splits = [(rows[seen], rows[new]) for seen, new in folds] or [(rows, examples(given.test))]
words = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000))
encoder = BertClassifier(given.model, epochs=3, learning_rate=given.learning_rate)
right = []
for name, side in (("TF-IDF", GridSearchCV(words, {"logisticregression__C": [1, 10, 100]})), ("encoder", encoder)):
    start = perf_counter()
    hits = np.concatenate([side.fit(*seen.T).predict(new[:, 0]) == new[:, 1] for seen, new in splits])
    seconds = perf_counter() - start
    low, high = binomtest(hits.sum(), len(hits)).proportion_ci(method="wilson")
    print(f"{name:<8} {hits.sum()} of {len(hits)} right, {hits.mean():.1%} ({low:.1%} to {high:.1%}), {seconds:.1f} s")
    right.append(hits)
gain = 100.0 * right[1] - 100.0 * right[0]
low, high = bootstrap([gain], np.mean, method="percentile", rng=0).confidence_interval
print(f"gain     {gain.mean():+.1f} points ({low:+.1f} to {high:+.1f})")
better, worse = (gain > 0).sum(), (gain < 0).sum()
p = binomtest(better, max(better + worse, 1)).pvalue
print(f"only the encoder right: {better}, only TF-IDF right: {worse}, McNemar p = {p:.2g}")
