"""The active learner."""

import dataclasses
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    _fit_context,
    clone,
)
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import available_if

from skal._seeding import derive, draw_seed, seed_params, torch_seeded
from skal.containers import as_pool
from skal.labels import (
    Pool,
    resolve_count,
)
from skal.learner._by_hand import HandCampaign
from skal.learner._callbacks import CallbackSupportMixin, RoundCallbacks
from skal.learner._campaign import FOR_STRATEGY, Campaign
from skal.learner._checks import (
    check_n_initial,
    check_oracle,
    check_parts,
    check_pool_size,
)
from skal.learner._initial import check_initial, is_named
from skal.learner._params import nested_params, same_params
from skal.learner._progress import RoundProgress
from skal.learner._scoring import round_scorer
from skal.learner._simulation import Simulation
from skal.learner._training import Trainer
from skal.readout import Reader, align_columns, column_labels, read_rows
from skal.strategies import QueryStrategy, RandomSampling


def _estimator_has(method):
    def check(learner):
        estimator = getattr(learner, "estimator_", learner.estimator)
        return hasattr(estimator, method)

    return check


def _strategy_scores(learner):
    return hasattr(learner.strategy or RandomSampling(), "score_samples")


class ActiveLearner(
    MetaEstimatorMixin, ClassifierMixin, CallbackSupportMixin, BaseEstimator
):
    """A classifier that decides which labels it is trained on.

    To simulate, give :meth:`fit` a pool with all its labels: they are revealed as they
    are bought, round by round. To label by hand, give :meth:`teach` the pool and the
    labels so far, and :meth:`query` says what to label next. Either way it is an
    estimator like any other: it predicts, it goes into a ``Pipeline``, and a
    ``GridSearchCV`` searches the parameters of its strategy and of its model.

    A simulation trains ``n_rounds + 1`` models and reads each of them once.

    Parameters
    ----------
    estimator : classifier
        Fitted on the labeled rows in each round.
    strategy : QueryStrategy or None, default=None
        Chooses what to label; None is :class:`~skal.strategies.RandomSampling`.
    n_initial : int or float, default=0.01
        Labels before the first round; a float in (0, 1] is a share of the pool.
    query_size : int or float, default=0.01
        Labels in each round.
    n_rounds : int, default=10
        Rounds of a simulation, after the initial batch.
    initial : {"random", "stratified", "strategy"}, array-like or QueryStrategy, \
default="random"
        The first batch. ``"random"`` goes on, label by label, until two classes have
        been seen; ``"stratified"`` takes of each class in proportion to its size;
        ``"strategy"`` asks the learner's own strategy; positions are taken as they are;
        another strategy, one that needs no labels, is asked.
    pool_size : int or None, default=None
        Each round chooses from a fresh random subset of that many unlabeled rows.
    warm_start : bool, default=False
        Whether a round goes on from the last weights and not from scratch: by one
        ``partial_fit`` over all labeled rows (one epoch for most of scikit-learn's
        estimators) where there is one, else by the estimator's own ``warm_start``. A
        class that is new starts it afresh. Wrong for estimators that count what they
        see (naive Bayes): they would count early rows again.
    use_unlabeled : bool, default=False
        Whether the estimator is given the whole pool, with -1 for the unlabeled, as
        scikit-learn's semi-supervised estimators take it.
    scoring : str, callable, list, tuple or dict, default=None
        What each round is scored by on ``X_val, y_val``; None is accuracy, as `score`.
    missing_label : object, default=-1
        The mark of a missing label in the y of :meth:`teach`; NaN, None and pandas.NA
        are always missing.
    ood_label : object, default=None
        The label that an annotator gives to what belongs to no class. It costs like any
        other and is never predicted. With it set, a round of a simulation ends when
        `query_size` labels of classes are in hand; by hand, ask again for what lacks.
        ``n_labeled`` and ``class_counts`` leave such labels out, `cost_` and
        `labeled_indices_` count them.
    memory : path or joblib.Memory, default=None
        A folder where features that are learnt from the pool (`representation` of a
        strategy) are kept, for a whole grid search. Files there are unpickled: name a
        folder that only you write to.
    verbose : int, default=0
        1 shows a progress bar over the rounds.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the initial batch, the subsets of the pool, the strategy, and whatever in
        the estimator was left at ``random_state=None``.

    Attributes
    ----------
    estimator_ : classifier
        The model of the last round.
    strategy_ : QueryStrategy
        The strategy of the run.
    classes_ : ndarray of shape (n_classes,)
        All classes of y; while labeling by hand, those seen so far. A class that was
        not bought has the probability 0.
    labeled_indices_ : ndarray of int
        Positions of what was bought, in the order of purchase.
    history_ : list of dict
        One a round: ``round``, ``n_labeled``, ``cost``, ``indices``, ``fit_time`` and
        ``query_time`` in seconds, ``sampling_bias``, ``class_counts``, and each score.
    sampling_bias_ : float
        Of all labels bought (:func:`skal.metrics.sampling_bias`).
    cost_ : int
        Labels paid for, those out of distribution included.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.strategies import MarginSampling
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), MarginSampling(),
    ...                         n_initial=50, query_size=50, n_rounds=3, random_state=0)
    >>> learner.fit(X / 16, y).cost_
    200
    >>> [row["n_labeled"] for row in learner.history_]
    [50, 100, 150, 200]

    Label by hand; -1 marks what nobody has labeled yet. A pickle carries no pool: after
    loading, `teach` again with the same X and y, and the run goes on as it was.

    >>> import numpy as np
    >>> labels = np.full(len(X), -1)
    >>> for _ in range(3):
    ...     picked = learner.teach(X / 16, labels).query(40)
    ...     labels[picked] = y[picked]        # ask a person
    >>> int((labels != -1).sum())
    120
    """

    _parameter_constraints: ClassVar = {
        "estimator": [HasMethods(["fit"])],
        "n_rounds": [Interval(Integral, 0, None, closed="left")],
        "pool_size": [Interval(Integral, 1, None, closed="left"), None],
        "warm_start": ["boolean"],
        "use_unlabeled": ["boolean"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator,
        strategy=None,
        *,
        n_initial=0.01,
        query_size=0.01,
        n_rounds=10,
        initial="random",
        pool_size=None,
        warm_start=False,
        use_unlabeled=False,
        scoring=None,
        missing_label=-1,
        ood_label=None,
        memory=None,
        verbose=0,
        random_state=None,
    ):
        self.estimator = estimator
        self.strategy = strategy
        self.n_initial = n_initial
        self.query_size = query_size
        self.n_rounds = n_rounds
        self.initial = initial
        self.pool_size = pool_size
        self.warm_start = warm_start
        self.use_unlabeled = use_unlabeled
        self.scoring = scoring
        self.missing_label = missing_label
        self.ood_label = ood_label
        self.memory = memory
        self.verbose = verbose
        self.random_state = random_state

    # Simulate ------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, *, X_val=None, y_val=None, **fit_params):
        """Simulate a run: y is the oracle, asked for labels as they are bought.

        Parameters
        ----------
        X : container of n rows
            ndarray of any rank, memmap, sparse matrix, DataFrame, list of texts, torch
            tensor or torch ``Dataset``.
        y : array-like of shape (n,)
            All labels. None may be missing: then use :meth:`teach`.
        X_val, y_val : container and array-like, default=None
            Each round is scored on them (`scoring`), without the rows labeled
            `ood_label`. As the last step of a ``Pipeline``, the learner gets them as
            they are, not transformed, unless ``Pipeline(transform_input=["X_val"])``
            and metadata routing say otherwise: put the pipeline inside the learner.
        **fit_params : dict
            Passed to the estimator's ``fit``, with the rows where they have one value a
            row (``sample_weight``), or by metadata routing where that is enabled.

        Returns
        -------
        self : ActiveLearner
        """
        check_parts(self)
        X = as_pool(X)
        truth, classes = check_oracle(self, X, y)
        n_initial = check_n_initial(self.n_initial, len(truth))
        query_size = resolve_count(self.query_size, len(truth), "query_size")
        check_pool_size(self.pool_size, query_size)
        score = round_scorer(self, X_val, y_val)
        callbacks = RoundCallbacks(self, self.n_rounds + 1, X=X, y=y)
        trainer = Trainer(self, self._routed(fit_params), callbacks.around)
        pool = self._empty_pool(X, classes)
        campaign = self._campaign(Campaign, pool, draw_seed(self.random_state))
        chooser = self._chooser(campaign, by_hand=False)
        simulation = Simulation(campaign, truth, trainer, score)
        with RoundProgress(self.n_rounds + 1, self.verbose) as progress:
            simulation.start(self.initial, n_initial, chooser)
            progress.advance(campaign.history[-1])
            for _ in range(self.n_rounds):
                if callbacks.end_round(campaign.attributes) or simulation.exhausted:
                    break
                simulation.play_round(query_size)
                progress.advance(campaign.history[-1])
            else:
                callbacks.end_round(campaign.attributes)
        callbacks.end(campaign.attributes)
        campaign.strategy._begin(campaign.pool, campaign.reader())._forget_pool()
        self._by_hand = None
        self.__dict__.update(campaign.attributes())
        return self

    # Label by hand -------------------------------------------------------------------

    def teach(self, X, y, **fit_params):
        """Take in a pool and the labels that are known so far; train on them.

        Parameters
        ----------
        X : container of n rows
            The whole pool, as in :meth:`fit`.
        y : array-like of shape (n,)
            Labels, with `missing_label` where there is none yet. Labels may be
            corrected. A pool of another length, or one in which a known label is
            missing again, starts anew.
        **fit_params : dict
            Passed to the estimator's ``fit``.

        Returns
        -------
        self : ActiveLearner
            Trained, once two classes are known.
        """
        self._validate_params()
        check_parts(self)
        old = self.__dict__.get("_by_hand")
        same_source = old is not None and X is old.source
        rows = old.pool.X if same_source else as_pool(X)
        pool = Pool.from_labels(
            rows, y, missing_label=self.missing_label, ood_label=self.ood_label
        )
        n_initial = check_n_initial(self.n_initial, len(pool.codes))
        trainer = Trainer(self, self._routed(fit_params))
        campaign = None if old is None else old.continued(pool, X)
        if campaign is None:
            empty = self._empty_pool(rows, pool.classes)
            seed = draw_seed(self.random_state)
            campaign = self._campaign(HandCampaign, empty, seed, source=X)
            campaign.take_labels(pool)
        self._set_up(campaign, n_initial)
        if len(np.unique(pool.codes[pool.labeled])) > 1:
            campaign.train_and_record(trainer)
            self.__dict__.update(campaign.attributes())
        else:
            campaign.model = None
            for name in campaign.attributes():
                self.__dict__.pop(name, None)
        self._by_hand = campaign
        return self

    def _set_up(self, campaign, n_initial):
        """Tell a campaign the learner's parameters, which may be others than before."""
        made_for = nested_params(self.strategy)
        if not same_params(campaign.made_for or made_for, made_for):
            strategy = self.strategy or RandomSampling()
            campaign.strategy = self._seeded(strategy, campaign.seed)
        campaign.made_for = made_for
        campaign.pool_size, campaign.memory = self.pool_size, self._memory
        campaign.pool = dataclasses.replace(campaign.pool, n_rounds=self._n_rounds)
        campaign.n_initial = n_initial
        if campaign.initial is not self.initial:
            campaign.initial, campaign.chooser = self.initial, None
        if campaign.chooser is None or is_named(self.initial, "strategy"):
            campaign.chooser = self._chooser(campaign, by_hand=True)

    def query(self, query_size=None):
        """Choose what to label next.

        Parameters
        ----------
        query_size : int, float or None, default=None
            How many rows; None takes the learner's `query_size`, or what is missing to
            `n_initial` labels while there is no model.

        Returns
        -------
        positions : ndarray of shape (query_size,), dtype intp
            Positions in the X of :meth:`teach`, distinct, most wanted first.
        """
        campaign = self.__dict__.get("_by_hand")
        if campaign is None or not campaign.has_pool:
            raise NotFittedError(
                "This ActiveLearner has no pool to choose from. Call teach(X, y) with "
                "the labels so far before `query`; a simulation by `fit` drops its "
                "pool, and a pickle does not carry it."
            )
        if query_size is None and campaign.model is not None:
            query_size = self.query_size
        if query_size is not None:
            n = campaign.pool.n_rows
            query_size = resolve_count(query_size, n, "query_size")
        return campaign.ask(query_size, campaign.n_initial)

    # What both share -----------------------------------------------------------------

    def _empty_pool(self, X, classes):
        nothing = Pool.from_labels(X, None, name_classes=lambda _: classes)
        return dataclasses.replace(nothing, n_rounds=self._n_rounds)

    @property
    def _n_rounds(self):
        return self.n_rounds + is_named(self.initial, "strategy")

    @property
    def _memory(self):
        return getattr(self.memory, "location", self.memory)

    def _campaign(self, kind, pool, seed, **options):
        options |= {"pool_size": self.pool_size, "memory": self._memory}
        strategy = self._seeded(self.strategy or RandomSampling(), seed)
        return kind(pool, strategy, seed, **options)

    def _seeded(self, strategy, seed):
        seed = derive(seed, FOR_STRATEGY)
        return seed_params(clone(strategy), seed, leave=["representation"])

    def _chooser(self, campaign, by_hand):
        """Return the strategy that picks the first batch, or None."""
        check_initial(self.initial, len(campaign.pool.codes), by_hand)
        if is_named(self.initial, "strategy"):
            chooser = campaign.strategy
        elif isinstance(self.initial, QueryStrategy):
            chooser = self._seeded(self.initial, campaign.seed)
        else:
            return None
        lacking = chooser._lacks(Reader(campaign.pool.X))
        if lacking:
            raise ValueError(
                f"initial={self.initial!r}: {type(chooser).__name__} reads "
                f"`{lacking[0]}`, and there is no model before the first batch. Use "
                f"initial='random', a strategy that needs no model, or one with a "
                f"`representation`."
            )
        return chooser

    def _routed(self, fit_params):
        if not _routing_enabled():
            return fit_params
        routed = process_routing(self, "fit", **fit_params).estimator
        return routed[self._training_method]

    @property
    def _training_method(self):
        partial = self.warm_start and hasattr(self.estimator, "partial_fit")
        return "partial_fit" if partial else "fit"

    # Predict -------------------------------------------------------------------------

    def _check_trained(self):
        if hasattr(self, "estimator_"):
            return
        campaign = self.__dict__.get("_by_hand")
        if campaign is None:
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call fit(X, y)"
                f" to simulate, or teach(X, y) to label by hand."
            )
        raise NotFittedError(
            f"This {type(self).__name__} has seen the classes "
            f"{campaign.pool.classes.tolist()} and needs two to train: label more. "
            f"Labels equal to missing_label={self.missing_label!r} count as missing; "
            f"if it is a class of yours, choose another missing_label."
        )

    def predict(self, X):
        """Predict the class of each row.

        Returns an array of shape (n_samples,).
        """
        self._check_trained()
        if self.use_unlabeled and self.ood_label is not None:
            return self.classes_[self.predict_proba(X).argmax(axis=1)]
        labels = np.asarray(self._ask_estimator("predict", X))
        return labels.astype(bool) if self.classes_.dtype == bool else labels

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probabilities of the classes, (n_samples, n_classes)."""
        self._check_trained()
        return self._aligned(self._ask_estimator("predict_proba", X), 0.0)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X):
        """Evaluate the decision function, (n_samples,) or (n_samples, n_classes).

        A class that was not bought has -inf.
        """
        self._check_trained()
        return self._aligned(self._ask_estimator("decision_function", X), -np.inf)

    @available_if(_strategy_scores)
    def score_samples(self, X):
        """Score rows by the strategy, higher = more wanted, (n_samples,)."""
        self._check_trained()
        return self.strategy_.score_samples(X)

    def _ask_estimator(self, method, X):
        with torch_seeded(
            0
        ):  # a DataLoader draws, even where nothing is left to chance
            return getattr(self.estimator_, method)(as_pool(X))

    def _aligned(self, values, fill):
        names = column_labels(self.estimator_)
        if names is None or np.array_equal(names, self.classes_):
            return values
        return align_columns(values, names, self.classes_, fill)

    # scikit-learn --------------------------------------------------------------------

    @property
    def n_features_in_(self):
        """Number of features of X, where the estimator counts them."""
        return self._of_estimator("n_features_in_")

    @property
    def feature_names_in_(self):
        """Names of the features of X, where it had names."""
        return self._of_estimator("feature_names_in_")

    def _of_estimator(self, attribute):
        if "estimator_" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no {attribute} yet.")
        return getattr(self.estimator_, attribute)

    def get_metadata_routing(self):
        """Say which metadata goes where: X_val and y_val here, the rest inwards."""
        inwards = MethodMapping().add(caller="fit", callee=self._training_method)
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(estimator=self.estimator, method_mapping=inwards)
        )

    def __sklearn_is_fitted__(self):
        return "estimator_" in self.__dict__

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        if self.strategy is not None:
            reads_sparse = get_tags(self.strategy).input_tags.sparse
            tags.input_tags.sparse = tags.input_tags.sparse and reads_sparse
        return tags


@read_rows.register(ActiveLearner)
def _read_learner(learner, X, what, *, n_draws, seed):
    """Read the learner's model, with a column for every class of the learner."""
    learner._check_trained()
    out = read_rows(learner.estimator_, X, what, n_draws=n_draws, seed=seed)
    if "proba" in out:
        out["proba"] = learner._aligned(out["proba"], 0.0)
    if "proba_draws" in out:
        draws = [learner._aligned(draw, 0.0) for draw in out["proba_draws"]]
        out["proba_draws"] = np.stack(draws)
    return out
