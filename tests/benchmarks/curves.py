"""Budget curves of all strategies on real data, against random sampling.

    python tests/benchmarks/curves.py digits OUTPUT
    SKAL_DATA=data python tests/benchmarks/curves.py fashion_mnist OUTPUT

Writes ``rounds.csv``, ``summary.txt`` and ``curves.png`` into the folder OUTPUT; runs
that are finished are kept in ``OUTPUT/runs``, so that a second call goes on with them.
Fashion-MNIST is 10,000 images of the training set and the test set, both reduced to 50
principal components of those 10,000; the models are logistic regressions.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner, strategies
from skal.datasets import load_images
from skal.evaluation import compare_strategies, summary
from skal.plotting import BudgetCurveDisplay

# What cannot be made bare, needs images, or has no business in a comparison of its own.
OTHERWISE = {
    "QueryStrategy": None,
    "RandomSampling": None,
    "PAL": None,
    "LearningLoss": None,  # those that need nets: net_curves.py
    "NormalizedConfidenceSampling": None,
    "PT4AL": None,  # needs a pretext net: bal.py
    "VAAL": None,
    "Partitioned": lambda: {
        "BADGE in 5 parts": strategies.Partitioned(strategies.BADGE(), n_partitions=5)
    },
    "ClassBalanced": lambda: {
        "Margin, balanced": strategies.ClassBalanced(strategies.MarginSampling())
    },
}
OF_A_COMMITTEE = ["BALD", "BatchBALD"]
COLD = ["TypiClust", "ProbCover", "KMeansSampling", "CoreSet", "BAL", "ActiveFT"]
SIZE = {
    "digits": {"n_initial": 50, "query_size": 20, "n_rounds": 10},
    "fashion_mnist": {"n_initial": 50, "query_size": 50, "n_rounds": 9},
}


def digits():
    X, y = load_digits(return_X_y=True)
    return {"X": X / 16, "y": y}


def fashion_mnist():
    data = load_images("fashion_mnist")
    chosen = np.random.default_rng(0).permutation(len(data.X_train))[:10_000]
    X, X_test = (
        images.reshape(len(images), -1) / 255
        for images in (data.X_train[chosen], data.X_test)
    )
    pca = PCA(50, random_state=0).fit(X)
    scale = pca.transform(X).std()
    return {
        "X": pca.transform(X) / scale,
        "y": data.y_train[chosen],
        "X_test": pca.transform(X_test) / scale,
        "y_test": data.y_test,
    }


def rows(model, size):
    """Every strategy with its defaults; those of committees with a random of theirs."""
    found = {"Random": strategies.RandomSampling()}
    committee = BaggingClassifier(model, 10)
    for name in strategies.__all__:
        if name in OTHERWISE:
            found |= OTHERWISE[name]() if OTHERWISE[name] else {}
        elif name in OF_A_COMMITTEE:
            strategy = getattr(strategies, name)()
            found[name] = ActiveLearner(committee, strategy, **size)
        else:
            found[name] = getattr(strategies, name)()
    found["Random, committee"] = ActiveLearner(committee, None, **size)
    for name in COLD:
        strategy = getattr(strategies, name)()
        label = f"{name} from the start"
        found[label] = ActiveLearner(model, strategy, initial="strategy", **size)
    return found


def publish(results, folder, title, name=None, score=None):
    """Write the table, what it says, and the curves, under a name of their own."""
    table, said, curves = (
        ("rounds.csv", "summary.txt", "curves.png")
        if name is None
        else (f"{name}.csv", f"{name}.txt", f"{name}.png")
    )
    results.round(6).to_csv(folder / table, index=False)
    text = summary(results, score=score)
    (folder / said).write_text(text + "\n")
    print(text)
    display = BudgetCurveDisplay.from_results(results, score=score, spread=None)
    display.figure_.set_size_inches(11, 7)
    display.ax_.set(title=title)
    display.figure_.savefig(folder / curves, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=SIZE)
    parser.add_argument("output", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of strategies")
    options = parser.parse_args()
    model, size = LogisticRegression(max_iter=1000), SIZE[options.data]
    chosen = rows(model, size)
    if options.only:
        chosen = {k: v for k, v in chosen.items() if k in (*options.only, "Random")}
    results = compare_strategies(
        model,
        chosen,
        **globals()[options.data](),
        **size,
        n_repeats=options.repeats,
        n_jobs=options.jobs,
        random_state=0,
        path=options.output / "runs",
        verbose=1,
    )
    publish(results, options.output, f"{options.data}, logistic regression")


if __name__ == "__main__":
    main()
