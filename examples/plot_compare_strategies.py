"""
Compare strategies
==================

Four strategies on handwritten digits. All start from the same random 50 labels and buy
20 more in each of ten rounds, eight times over with other random starts: who learns
more from the same labels, and how sure is that?
"""

# %%
# One call
# --------
# Each repeat holds out another quarter of the digits, the same for all strategies. The
# table has one row a strategy, repeat and round. With ``path="runs"``, finished runs
# would be kept in that folder, and a comparison that was stopped would go on.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skal.evaluation import compare_strategies, compare_with_baseline, summary
from skal.metrics import area_under_budget_curve, labels_saved
from skal.plotting import BudgetCurveDisplay, PenaltyMatrixDisplay
from skal.strategies import CoreSet, EntropySampling, MarginSampling, RandomSampling

X, y = load_digits(return_X_y=True)
results = compare_strategies(
    LogisticRegression(max_iter=500),
    {
        "Margin": MarginSampling(),
        "Core-set": CoreSet(),
        "Entropy": EntropySampling(),
        "Random": RandomSampling(),
    },
    X / 16,
    y,
    n_initial=50,
    query_size=20,
    n_rounds=10,
    n_repeats=8,
    random_state=0,
)
columns = ["strategy", "repeat", "round", "n_labeled", "sampling_bias", "accuracy"]
print(results[columns].head())

# %%
# The curves
# ----------
# Lines are means over the repeats, bands their standard errors.

BudgetCurveDisplay.from_results(results)
plt.show()

# %%
# In words
# --------
# The baseline is the strategy named "Random". A repeat counts once, by the area under
# its curve.

print(summary(results))

# %%
# The same as tables: the tests, the mean accuracy on the way, and the labels that a
# strategy saves over random sampling on the way to 92 %.

tests = compare_with_baseline(results)
print(tests[["difference", "ahead", "n_repeats", "p_holm", "verdict"]].round(3))

# %%
print(area_under_budget_curve(results).round(3))

# %%
print(labels_saved(results, "Random", level=0.92).round(3))

# %%
# Who beats whom
# --------------
# The share of rounds in which the strategy of the row is significantly better than that
# of the column.

PenaltyMatrixDisplay.from_results(results)
plt.show()
