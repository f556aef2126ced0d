"""
Is the model right as often as it says?
=======================================

A strategy chooses hard rows, and a model trained on hard rows may be less sure than it
should be, or more. The score alone doesn't tell. Two figures do: reliability, on rows
that nobody chose and on those that the strategy chose, and the balance of what was
bought.
"""

# %%
# Two learners
# ------------
# Both buy 200 of the digits; the test digits are a random third.

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skal import ActiveLearner
from skal.metrics import expected_calibration_error
from skal.plotting import ReliabilityDisplay, SamplingBiasDisplay
from skal.strategies import EntropySampling, MarginSampling, RandomSampling

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(
    X / 16, y, test_size=1 / 3, stratify=y, random_state=0
)


def learn(strategy):
    learner = ActiveLearner(
        LogisticRegression(max_iter=500),
        strategy,
        n_initial=50,
        query_size=25,
        n_rounds=6,
        random_state=0,
    )
    return learner.fit(X, y)


margin, random = learn(MarginSampling()), learn(RandomSampling())

# %%
# On rows that nobody chose
# -------------------------
# The test digits are a random sample, so this is what users of the model will see.
# Where the bars are above the diagonal, the model is right more often than it says, and
# both models are: the regularization holds their confidence down. The one that was
# trained on hard digits is the more modest of the two.

figure, axes = plt.subplots(1, 2, figsize=(12.5, 5), layout="constrained")
for ax, learner in zip(axes, [margin, random], strict=True):
    name = type(learner.strategy).__name__
    display = ReliabilityDisplay.from_estimator(
        learner, X_test, y_test, n_bins=10, name=name, ax=ax
    )
plt.show()

# %%
# On what it chose
# ----------------
# In each round, what did the last model say about the rows that it asked for, before it
# saw their labels? Replay the run: train on the first labels, and predict the next.

proba, truth = [], []
for row in margin.history_[1:]:
    bought = margin.labeled_indices_[: row["cost"] - len(row["indices"])]
    model = LogisticRegression(max_iter=500).fit(X[bought], y[bought])
    proba += list(model.predict_proba(X[row["indices"]]))
    truth += list(y[row["indices"]])

ReliabilityDisplay.from_predictions(truth, proba, n_bins=10, name="Picks of margin")
plt.show()

# %%
# The same as numbers. The picks are hard by choice: accuracy among them says nothing
# about the pool, and neither does their calibration. Measure on a random sample.

print(
    pd.Series(
        {
            "margin, test digits": expected_calibration_error(
                y_test, margin.predict_proba(X_test), n_bins=10
            ),
            "random, test digits": expected_calibration_error(
                y_test, random.predict_proba(X_test), n_bins=10
            ),
            "margin, its picks": expected_calibration_error(truth, proba, n_bins=10),
        },
        name="expected calibration error",
    ).round(3)
)

# %%
# What was bought
# ---------------
# The digits are about equally common, so random sampling stays near 0. Margin and
# entropy sampling go for the digits that are hard to tell apart.

display = SamplingBiasDisplay.from_estimator(random)
for learner in [margin, learn(EntropySampling())]:
    SamplingBiasDisplay.from_estimator(learner, ax=display.ax_)
plt.show()
