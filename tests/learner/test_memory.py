"""Features that are learnt from a pool, kept for a whole search."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from torch.utils.data import TensorDataset

from skal.strategies import CoreSet


class Logged(PCA):
    """Writes a line a fit, so that fits in other processes count too."""

    def __init__(self, n_components=None, log=None, random_state=None):
        super().__init__(n_components, random_state=random_state)
        self.log = log

    def fit(self, X, y=None):
        with open(self.log, "a") as log:  # noqa: PTH123
            log.write("fit\n")
        return super().fit(X)

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_learns_once_a_fold(make, digits, tmp_path, n_jobs):
    X, y = digits
    log = tmp_path / "log"
    strategy = CoreSet(representation=Logged(8, log=str(log)))
    learner = make(strategy, n_rounds=1, memory=tmp_path / "memory")
    search = GridSearchCV(
        learner, {"query_size": [5, 10, 20]}, cv=3, n_jobs=n_jobs, error_score="raise"
    ).fit(X, y)
    assert log.read_text().count("fit") == 4
    without = make(strategy, n_rounds=1, **search.best_params_).fit(X, y)
    assert np.array_equal(
        without.labeled_indices_, search.best_estimator_.labeled_indices_
    )


def test_other_features_are_not_mistaken(make, digits, tmp_path):
    X, y = digits
    log = tmp_path / "log"
    params = {"memory": tmp_path / "memory", "n_rounds": 1}
    for n_components in (4, 8, 4):
        representation = Logged(n_components, log=str(log))
        make(CoreSet(representation=representation), **params).fit(X, y)
    assert log.read_text().count("fit") == 2
    make(CoreSet(representation=representation), **params).fit(X[:-1], y[:-1])
    assert log.read_text().count("fit") == 3


def test_a_dataset_cannot_be_found_again(make, digits, tmp_path):
    X, y = digits
    dataset = TensorDataset(torch.tensor(X))
    strategy = CoreSet(representation=PCA(4))
    with pytest.raises(ValueError, match="memory=None"):
        make(strategy, memory=tmp_path).fit(dataset, y)
