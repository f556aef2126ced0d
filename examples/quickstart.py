"""Five strategies on handwritten digits: who learns more from the same labels?

All start from the same random 50 labels and buy 20 more in each of ten rounds, five
times over with other random starts. Prints a table and a sentence a strategy, and saves
the learning curves:

    python examples/quickstart.py --output quickstart.png
"""

import argparse

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skal.evaluation import compare_strategies, summary
from skal.plotting import BudgetCurveDisplay
from skal.strategies import (
    CoreSet,
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    RandomSampling,
)

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--output", default="quickstart.png", help="where the PNG goes")
parser.add_argument("--table", help="where a CSV of all rounds goes")
parser.add_argument("--repeats", type=int, default=5)
arguments = parser.parse_args()

X, y = load_digits(return_X_y=True)
results = compare_strategies(
    LogisticRegression(max_iter=500),
    {
        "Margin": MarginSampling(),
        "Least confidence": LeastConfidenceSampling(),
        "Entropy": EntropySampling(),
        "Core-set": CoreSet(),
        "Random": RandomSampling(),
    },
    X / 16,
    y,
    n_initial=50,
    query_size=20,
    n_rounds=10,
    n_repeats=arguments.repeats,
    random_state=0,
)
accuracy = results.pivot_table("accuracy", "strategy", "n_labeled", sort=False)
print(accuracy[[50, 90, 150, 250]].round(3).to_string())
print(f"\n{summary(results)}")

display = BudgetCurveDisplay.from_results(results)
display.ax_.set(title="What the same number of labels is worth, digits")
display.figure_.savefig(arguments.output, dpi=150)
print(f"\nLearning curves: {arguments.output}")
if arguments.table:
    results.to_csv(arguments.table, index=False)
