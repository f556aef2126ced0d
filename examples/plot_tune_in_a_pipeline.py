"""
Tune strategy and model in a pipeline
=====================================

The learner is the last step of an ordinary pipeline. A grid search asks which strategy
and which regularization give the best accuracy for the same 210 labels, and what they
do to calibration and to the balance of what is bought.
"""

# %%
# The pipeline
# ------------
# A candidate of the search is a whole simulated run: 50 random labels, then 20 in each
# of eight rounds.

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.metrics import neg_calibration_error, neg_sampling_bias
from skal.strategies import CoreSet, EntropySampling, MarginSampling, RandomSampling

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)

pipeline = make_pipeline(
    StandardScaler(),
    ActiveLearner(
        LogisticRegression(max_iter=500),
        n_initial=50,
        query_size=20,
        n_rounds=8,
        random_state=0,
    ),
)

# %%
# The search
# ----------
# Strategies are parameters like any other. The search scores three criteria at once
# and keeps the candidate with the best accuracy.

strategies = [RandomSampling(), EntropySampling(), MarginSampling(), CoreSet()]
search = GridSearchCV(
    pipeline,
    {
        "activelearner__strategy": strategies,
        "activelearner__estimator__C": [0.01, 0.1, 1.0],
    },
    scoring={
        "accuracy": "accuracy",
        "calibration": neg_calibration_error,
        "bias": neg_sampling_bias,
    },
    refit="accuracy",
    cv=3,
).fit(X, y)

results = search.cv_results_
table = pd.DataFrame(
    {
        "strategy": [
            type(strategy).__name__
            for strategy in results["param_activelearner__strategy"]
        ],
        "C": results["param_activelearner__estimator__C"].astype(float),
        "accuracy": results["mean_test_accuracy"],
        "calibration error": -results["mean_test_calibration"],
        "sampling bias": -results["mean_test_bias"],
    }
)
table = table.sort_values("accuracy", ascending=False)
print(table.to_string(index=False, float_format="{:.3f}".format))

best = search.best_estimator_[-1]
print(
    f"\nBest: {best.strategy}, C={best.estimator.C}; "
    f"{search.score(X_test, y_test):.1%} on held-out digits after {best.cost_} labels."
)

# %%
# The picture
# -----------
# Both move the accuracy. How far the model's confidence can be trusted is nearly all a
# matter of the regularization, and what is bought nearly all one of the strategy.

figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), sharey=True, layout="constrained")
heights = range(len(strategies))
names = [type(strategy).__name__ for strategy in strategies]
for ax, criterion in zip(axes, table.columns[2:], strict=True):
    values = table.pivot_table(criterion, "C", "strategy")[names]
    for (C, row), look in zip(values.iterrows(), ["o", "s", "D"], strict=True):
        ax.plot(row, heights, look, label=f"C={C:g}")
    ax.set(xlabel=criterion, yticks=heights, yticklabels=names)
    ax.grid(alpha=0.25, lw=0.6)
    ax.spines[["top", "right"]].set_visible(False)
handles, labels = axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
figure.suptitle("210 labels of 1,347 digits, mean over three folds")
plt.show()
