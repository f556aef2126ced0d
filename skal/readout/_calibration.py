"""Reading calibrated classifiers. Imported once scikit-learn's module is there."""

from sklearn.calibration import CalibratedClassifierCV

from skal.readout._dispatch import predict_proba, read_rows


@read_rows.register(CalibratedClassifierCV)
def _read_calibrated(estimator, X, what, *, n_draws, seed):
    """Calibrated probabilities; the features are those of the first model inside."""
    first = estimator.calibrated_classifiers_[0].estimator
    rest = [name for name in what if name != "proba"]
    out = read_rows(first, X, rest, n_draws=n_draws, seed=seed) if rest else {}
    if "proba" in what:
        out["proba"] = predict_proba(estimator, X)
    return out
