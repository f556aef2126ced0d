"""Which balancing factor? A grid search over BAL, on images, a table and texts.

BAL orders the pool from hard to easy, once, and chooses in another part of that order
each round; the balancing factor is how long a part is. For three budgets, GridSearchCV
plays each factor on each fold, and the figure shows accuracy, calibration error and
sampling bias of what was labeled. The pretext net is trained once a fold, not once a
factor: ``memory`` keeps it.

SKAL_DATA names a folder with ``fashion_mnist.npz`` and ``ag_news_train.csv.gz``:

    SKAL_DATA=data python examples/search_the_balancing_factor.py
    SKAL_DATA=data python examples/search_the_balancing_factor.py --quick
"""

import argparse
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.datasets import load_images, load_texts
from skal.estimators import NetClassifier, RotationPretext
from skal.metrics import neg_calibration_error, neg_sampling_bias
from skal.strategies import BAL

SHARES = [0.02, 0.05, 0.10]  # of the pool, bought in each of five rounds
FACTORS = [0.5, 1.0, 1.5, 2.0, 2.5]
SCORES = {
    "accuracy": "Accuracy",
    "calibration": "Calibration error",
    "bias": "Sampling bias",
}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def images(n, epochs):
    """Fashion-MNIST, a small convolutional net, features of a rotation pretext."""
    data = load_images("fashion_mnist")
    net = NetClassifier(max_epochs=epochs, device=DEVICE)
    pretext = RotationPretext(max_epochs=max(2, epochs // 2), device=DEVICE)
    return net, pretext, data.X_train[:n], data.y_train[:n]


def table(n, epochs):  # noqa: ARG001
    """Digits as a table, a logistic regression, principal components."""
    X, y = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model, make_pipeline(StandardScaler(), PCA(20)), X[:n], y[:n]


def texts(n, epochs):  # noqa: ARG001
    """AG News, a logistic regression over words, fewer dimensions of the same."""
    data = load_texts("ag_news")
    chosen = np.random.default_rng(0).permutation(len(data.y_train))[:n]
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    model = make_pipeline(words, LogisticRegression(C=10, max_iter=1000))
    representation = make_pipeline(words, TruncatedSVD(50))
    X = [data.X_train[row] for row in chosen]
    return model, representation, X, data.y_train[chosen]


def search(model, representation, X, y, factors, memory):
    """Return the table of a grid search: a row a budget and factor."""
    learner = ActiveLearner(
        model,
        BAL(representation=representation),
        initial="strategy",
        n_rounds=4,
        memory=memory,
        random_state=0,
    )
    grid = [
        {"n_initial": [share], "query_size": [share], "strategy__balance": factors}
        for share in SHARES
    ]
    found = GridSearchCV(
        learner,
        grid,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        scoring={
            "accuracy": "accuracy",
            "calibration": neg_calibration_error,
            "bias": neg_sampling_bias,
        },
        refit=False,
        verbose=1,
    ).fit(X, y)
    results = pd.DataFrame(found.cv_results_)
    rows = pd.DataFrame(
        {
            "budget": 5 * results["param_query_size"].astype(float),
            "balance": results["param_strategy__balance"].astype(float),
        }
    )
    for name in SCORES:
        sign = 1 if name == "accuracy" else -1  # the others are negated errors
        rows[name] = sign * results[f"mean_test_{name}"]
        rows[f"{name}_sd"] = results[f"std_test_{name}"]
    return rows


def draw(results):
    """Draw each criterion against the factor: a row of axes for each kind of data."""
    kinds = list(results["data"].unique())
    size = (11, 2.9 * len(kinds) + 0.5)
    figure, axes = plt.subplots(
        len(kinds), 3, figsize=size, layout="constrained", squeeze=False, sharex=True
    )
    looks = zip(sorted(results["budget"].unique()), "osD", strict=True)
    colors = plt.get_cmap("viridis_r")(np.linspace(0.2, 1, 3))
    for color, (budget, marker) in zip(colors, looks, strict=True):
        for row, kind in zip(axes, kinds, strict=True):
            wanted = (results["data"] == kind) & (results["budget"] == budget)
            of = results[wanted].sort_values("balance")
            for ax, name in zip(row, SCORES, strict=True):
                spread = of[f"{name}_sd"] / np.sqrt(3)
                label = f"{budget:.0%} of the pool"
                look = {"marker": marker, "color": color, "capsize": 3, "label": label}
                ax.errorbar(of["balance"], of[name], spread, **look)
    for row, kind in zip(axes, kinds, strict=True):
        for ax, title in zip(row, SCORES.values(), strict=True):
            ax.set(title=f"{kind}: {title.lower()}")
            ax.grid(alpha=0.3)
    for ax in axes[-1]:
        ax.set(xlabel="Balancing factor")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="balancing_factor.png")
    parser.add_argument("--table", help="where a CSV of the results goes")
    parser.add_argument("--memory", help="a folder that keeps the pretext nets")
    parser.add_argument("--n", type=int, default=3000, help="rows of each data set")
    parser.add_argument("--quick", action="store_true", help="under a minute")
    arguments = parser.parse_args()
    n, epochs, factors = (arguments.n, 20, FACTORS)
    if arguments.quick:
        n, epochs, factors = (300, 5, [0.5, 2.0])
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in {"Images": images, "Table": table, "Texts": texts}.items():
            print(f"\n{name}. {make.__doc__}", flush=True)
            found = search(*make(n, epochs), factors, arguments.memory or folder)
            tables.append(found.assign(data=name))
            best = found.loc[found.groupby("budget")["accuracy"].idxmax()]
            shown = best[["budget", "balance", *SCORES]]
            print(shown.to_string(index=False, float_format="{:.3f}".format))
    results = pd.concat(tables, ignore_index=True)
    draw(results).savefig(arguments.output, dpi=150)
    if arguments.table:
        results.to_csv(arguments.table, index=False)
