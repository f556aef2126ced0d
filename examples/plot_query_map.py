"""
What a strategy picks
=====================

Three strategies look for labels in the same pool of two dimensions. Random sampling
goes where the rows are, margin sampling where the classes meet, and core-set where
nobody has looked yet, far corners included. BAL, at the end, looks in another part of
the pool each round.
"""

# %%
# The pool
# --------
# Three classes that overlap, and a few rows far away from all others.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, make_blobs
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.plotting import QueryMapDisplay
from skal.strategies import BAL, CoreSet, MarginSampling, RandomSampling

centers = [[-3, 0], [3, 0], [0, 4]]
X, y = make_blobs([250, 250, 90], centers=centers, cluster_std=1.3, random_state=0)
far = np.random.default_rng(0).uniform([-9, -6], [9, 10], size=(10, 2))
X, y = np.vstack([X, far]), np.append(y, np.zeros(10, dtype=int))

# %%
# Three learners, the same start
# ------------------------------
# The same ``random_state`` gives all three the same first batch. Pale points are the
# pool, by class; dark points the picks, the later the darker.

strategies = [RandomSampling(), MarginSampling(), CoreSet()]
figure, axes = plt.subplots(
    1, 3, figsize=(12, 4.6), sharex=True, sharey=True, layout="constrained"
)
for ax, strategy in zip(axes, strategies, strict=True):
    learner = ActiveLearner(
        LogisticRegression(),
        strategy,
        n_initial=10,
        query_size=10,
        n_rounds=3,
        random_state=0,
    ).fit(X, y)
    display = QueryMapDisplay.from_estimator(learner, X, y=y, ax=ax)
    display.legend_.remove()
    ax.set_title(type(strategy).__name__)
handles, labels = axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=8, frameon=False)
plt.show()

# %%
# More than two dimensions
# ------------------------
# A pool with more columns is projected, by principal components unless you give a
# ``transformer``. Much of what the model sees is lost on the way.

digits = load_digits()
learner = ActiveLearner(
    LogisticRegression(max_iter=500),
    MarginSampling(),
    n_initial=30,
    query_size=30,
    n_rounds=4,
    random_state=0,
).fit(digits.data / 16, digits.target)
QueryMapDisplay.from_estimator(learner, digits.data / 16)
plt.show()

# %%
# Another part of the pool each round
# -----------------------------------
# BAL orders the pool once, without labels: first what lies between two clusters. Each
# round it chooses in a part of that order, from hard to easy, what the model is least
# sure of. Of such a strategy the same display shows the order, with a lane for each
# round: the part as a band, and the picks in it. ``balance`` is the length of a band:
# below 1 there are gaps, above 1 bands overlap. The first batch, of which no model
# knows anything, is the hardest of all.

figure, axes = plt.subplots(
    1, 3, figsize=(12, 3.6), sharex=True, sharey=True, layout="constrained"
)
for ax, balance in zip(axes, [0.5, 1.0, 2.0], strict=True):
    learner = ActiveLearner(
        LogisticRegression(max_iter=500),
        BAL(balance=balance),
        initial="strategy",
        n_initial=60,
        query_size=60,
        n_rounds=4,
        random_state=0,
    ).fit(digits.data / 16, digits.target)
    QueryMapDisplay.from_estimator(learner, digits.data / 16, ax=ax)
    ax.set_title(f"balance={balance}")
plt.show()
