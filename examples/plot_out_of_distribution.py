"""
Out-of-distribution rows
========================

What a strategy wants to have labeled because it is unlike everything, may belong to no
class at all. The scores of strategies, taken of new rows, detect that: a model that
knows the digits 0 to 6 is shown the digits 7, 8 and 9.
"""

# %%
# A learner that has seen seven digits
# ------------------------------------

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skal.metrics import ood_auroc
from skal.strategies import DDU, DFM, SCAL, CoreSet, EntropySampling, MarginSampling

X, y = load_digits(return_X_y=True)
X = X / 16
known = y < 7
X_train, X_known, y_train, _ = train_test_split(X[known], y[known], random_state=0)
X_foreign = X[~known]

labels = np.where(np.arange(len(y_train)) < 300, y_train, -1)  # 300 are labeled
bought = labels != -1
model = LogisticRegression(max_iter=500).fit(X_train[bought], y_train[bought])

# %%
# Scores of rows that nobody has seen
# -----------------------------------
# Higher = more wanted, and more foreign. The area under the ROC curve is the chance
# that a foreign digit scores higher than a known one.

strategies = {
    "Core-set": CoreSet(),
    "DDU": DDU(jitter=0.1),  # some 40 labels a class for 64 pixels: see below
    "DFM": DFM(),
    "SCAL": SCAL(),
    "Entropy": EntropySampling(),
    "Margin": MarginSampling(),
}
scores = {}
for name, strategy in strategies.items():
    strategy.fit(X_train, labels, estimator=model)
    scores[name] = strategy.score_samples(X_known), strategy.score_samples(X_foreign)
auroc = pd.Series({name: ood_auroc(*both) for name, both in scores.items()})
print(auroc.sort_values(ascending=False).round(3).to_string())

# %%
# Strategies that measure how far a row is from what is labeled tell them apart; doubt
# alone does worse: a model may be sure of what it has never seen. DDU fits a Gaussian
# to each class, and with fewer labels than features its `jitter` decides: with the
# default of 1e-6 the chance is 0.69 only.

figure, axes = plt.subplots(2, 3, figsize=(9, 5), layout="constrained")
for ax, (name, (inside, outside)) in zip(axes.flat, scores.items(), strict=True):
    low, high = np.percentile(np.concatenate([inside, outside]), [1, 99])
    bins = np.linspace(low, high, 30)
    looks = {"density": True, "histtype": "step", "linewidth": 1.8}
    ax.hist(inside, bins, **looks, color="#222222", label="digits 0 to 6")
    ax.hist(outside, bins, **looks, color="#D55E00", ls="--", label="digits 7 to 9")
    ax.set(title=f"{name}: {auroc[name]:.2f}", yticks=[])
    ax.spines[["top", "right", "left"]].set_visible(False)
figure.supxlabel("Score")
figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper", frameon=False)
plt.show()
