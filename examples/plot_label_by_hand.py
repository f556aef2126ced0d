"""
Label by hand
=============

One array of labels, -1 where nobody has looked yet. The learner says what to label
next, somebody labels it, and so on. Here the data set answers for you; in a terminal,
``--interactive`` asks you, one digit at a time::

    python examples/plot_label_by_hand.py --interactive --budget 30
"""

# %%
# Who answers
# -----------

import argparse

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.strategies import MarginSampling

digits = load_digits()
shades = np.array(list(" .:-=+*#%@"))


def ask_a_person(position):
    """Show a digit in the terminal and read its label."""
    for line in digits.images[position]:
        print("   ", "".join(shades[(line / 16 * 9).astype(int)].repeat(2)))
    while not (answer := input("Which digit is it? ").strip()).isdigit():
        print("A digit, 0 to 9.")
    return int(answer)


def ask_the_data(position):
    """Answer as a person would who makes no mistakes."""
    return digits.target[position]


parser = argparse.ArgumentParser(description="Label digits by hand.")
parser.add_argument("--interactive", action="store_true", help="you label")
parser.add_argument("--budget", type=int, default=120, help="labels in all")
arguments = parser.parse_args()
ask = ask_a_person if arguments.interactive else ask_the_data

# %%
# The loop
# --------
# ``query`` returns positions in ``X``, most wanted first. While nothing is labeled, it
# returns the first batch, which is random. ``teach`` takes the labels so far and trains
# on them once two classes are known.

X = digits.data / 16
y = np.full(len(X), -1)
learner = ActiveLearner(
    LogisticRegression(max_iter=500),
    MarginSampling(),
    n_initial=20,
    query_size=20,
    random_state=0,
)
learner.teach(X, y)
batches, scores = [], []
while (left := arguments.budget - (y != -1).sum()) > 0:
    picked = learner.query(min(20, left))
    y[picked] = [ask(position) for position in picked]
    learner.teach(X, y)
    batches.append(picked)
    scores.append(learner.score(X, digits.target))
    print(f"{(y != -1).sum():4d} labels: {scores[-1]:.1%} of all digits right")

# %%
# What was asked
# --------------
# The first batch is random; the last one holds the digits that the model could least
# tell apart.

chosen = {"First batch": batches[0], "Last batch": batches[-1]}
figure, axes = plt.subplots(2, 10, figsize=(9, 2.6))
for row, (title, picked) in zip(axes, chosen.items(), strict=True):
    for ax, position in zip(row, picked, strict=False):
        ax.imshow(digits.images[position], cmap="gray_r")
        ax.set_title(y[position], fontsize=9)
    for ax in row:
        ax.set_axis_off()
    row[0].text(-1.5, 3.5, title, ha="right", va="center")
figure.subplots_adjust(left=0.13, right=0.99, top=0.9, bottom=0.02)
plt.show()
