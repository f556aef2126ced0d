"""Label by hand: one array of labels, -1 where nobody has looked yet.

The learner says what to label next, somebody labels it, and so on. By default the data
set answers for you; ``--interactive`` asks you, one digit at a time:

    python examples/label_by_hand.py
    python examples/label_by_hand.py --interactive --budget 30
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.strategies import MarginSampling

DIGITS = load_digits()
SHADES = np.array(list(" .:-=+*#%@"))


def ask_a_person(position):
    """Show a digit in the terminal and read its label."""
    for line in DIGITS.images[position]:
        print("   ", "".join(SHADES[(line / 16 * 9).astype(int)].repeat(2)))
    while not (answer := input("Which digit is it? ").strip()).isdigit():
        print("A digit, 0 to 9.")
    return int(answer)


def ask_the_data(position):
    """Answer as a person would who makes no mistakes."""
    return DIGITS.target[position]


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--interactive", action="store_true", help="you label")
parser.add_argument("--budget", type=int, default=120, help="labels in all")
arguments = parser.parse_args()
ask = ask_a_person if arguments.interactive else ask_the_data

X = DIGITS.data / 16
y = np.full(len(X), -1)
learner = ActiveLearner(
    LogisticRegression(max_iter=500),
    MarginSampling(),
    n_initial=20,
    query_size=20,
    random_state=0,
)
learner.teach(X, y)
while (left := arguments.budget - (y != -1).sum()) > 0:
    picked = learner.query(min(20, left))
    y[picked] = [ask(position) for position in picked]
    learner.teach(X, y)
    n_labeled = (y != -1).sum()
    score = learner.score(X, DIGITS.target)
    print(f"{n_labeled:4d} labels: {score:.1%} of all digits right")
