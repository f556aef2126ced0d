"""The README's code runs, block after block, as it is printed."""

import pathlib
import re

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skal import ActiveLearner, strategies

README = pathlib.Path(__file__).parent.parent / "README.md"


def test_every_block_runs():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    visits = iter([True, True, False])
    names = {
        "ActiveLearner": ActiveLearner,
        "np": np,
        "model": LogisticRegression(max_iter=500),
        "fitted_model": LogisticRegression(max_iter=500).fit(X_train, y_train),
        "embeddings": X_train,
        "X": X_train,
        "y": y_train,
        "X_train": X_train,
        "y_train": y_train,
        "X_test": X_test,
        "y_test": y_test,
        "budget_left": lambda: next(visits),
        "ask_a_person": lambda rows: [
            y_train[(X_train == row).all(axis=1).argmax()] for row in rows
        ],
    } | {name: getattr(strategies, name) for name in strategies.__all__}
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(blocks) == 7
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    plt.close("all")
    assert names["results"]["n_labeled"].max() == 150
    assert names["learner"].cost_ > 20
    assert names["search"].best_score_ > 0.8
    proba = names["fitted_model"].predict_proba(X_train)
    own = names["UnsureOfOneClass"](column=3).fit(X_train, proba=proba)
    assert abs(proba[own.query(1)[0], 3] - 0.5) == abs(proba[:, 3] - 0.5).min()
