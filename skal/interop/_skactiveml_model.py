"""scikit-activeml: a classifier of its kind that answers from a reading of skal."""

import functools

import numpy as np
from sklearn.base import clone

from skal.interop._shared import PoolModel
from skal.readout import align_columns, column_labels


class FeatureModel(PoolModel):
    """The model of a pool, asked by rows of features instead of positions."""

    def __init__(self, reader, name, rows, last_step):
        super().__init__(reader, name)
        self.features, self.candidates = rows
        self.last_step = last_step

    def __deepcopy__(self, memo):  # clones of a classifier share it
        return self

    @functools.cached_property
    def _position(self):
        return {row.tobytes(): at for at, row in enumerate(self.features)}

    def proba(self, X):
        """Probabilities of rows of features, read where they are rows of the pool."""
        X = np.ascontiguousarray(X, dtype=self.features.dtype)
        if np.array_equal(X, self.features[self.candidates]):
            return self.proba_at(self.candidates)
        found = [self._position.get(row.tobytes(), -1) for row in X]
        if min(found, default=0) >= 0:
            return self.proba_at(np.array(found, dtype=np.intp))
        return self.proba_of(X, self.reader.of(self._own_model("asks about new rows")))

    def fitted(self, X, y, sample_weight):
        """Return a clone of the model's last step, fitted on rows of features."""
        model = clone(self._own_model("fits the classifier again"))
        if sample_weight is None:
            return model.fit(X, y)
        return model.fit(X, y, sample_weight=sample_weight)

    def _own_model(self, what):
        if self.last_step is None:
            raise TypeError(
                f"{self.name} {what}, which takes a model whose input is the features "
                f"(`embedding`): give `fit` a fitted `estimator` of scikit-learn, and "
                f"FromSkactiveml no representation."
            )
        return self.last_step


@functools.cache
def read_classifier():
    """Make the class of classifiers of scikit-activeml that answer from a reading."""
    from skactiveml.base import SkactivemlClassifier

    class ReadClassifier(SkactivemlClassifier):
        def __init__(
            self,
            model,
            classes=None,
            missing_label=np.nan,
            cost_matrix=None,
            random_state=0,
        ):
            super().__init__(classes, missing_label, cost_matrix, random_state)
            self.model = model

        def begin(self):
            """Be fitted without a fit: what the model says is known."""
            self._validate_data(self.model.features[:1], np.array([np.nan]))
            return self

        def fit(self, X, y, sample_weight=None):
            X, y, sample_weight = self._validate_data(X, y, sample_weight)
            labeled = y >= 0
            if sample_weight is not None:
                sample_weight = sample_weight[labeled]
            y = self.classes_[y[labeled].astype(np.intp)]
            self.estimator_ = self.model.fitted(X[labeled], y, sample_weight)
            return self

        def predict_proba(self, X):
            if not hasattr(self, "estimator_"):
                return self.model.proba(X)
            proba = self.estimator_.predict_proba(X)
            return align_columns(proba, column_labels(self.estimator_), self.classes_)

        def __sklearn_is_fitted__(self):
            return hasattr(self, "classes_")

    return ReadClassifier
