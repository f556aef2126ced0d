"""Search strategy and model together, inside a pipeline, on three criteria.

The learner is the last step of an ordinary pipeline. The search asks which strategy
and which regularization give the best accuracy for the same 210 labels, and what they
do to calibration and to the balance of what is bought:

    python examples/tune_in_a_pipeline.py
"""

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
search = GridSearchCV(
    pipeline,
    {
        "activelearner__strategy": [
            RandomSampling(),
            EntropySampling(),
            MarginSampling(),
            CoreSet(),
        ],
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
        "C": results["param_activelearner__estimator__C"],
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
