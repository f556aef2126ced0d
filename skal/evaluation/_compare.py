"""Several strategies, the same random starts, one table."""

import functools
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import pandas as pd
from sklearn.utils import check_scalar
from sklearn.utils.parallel import Parallel, delayed

from skal._seeding import derive, draw_seed
from skal.containers import as_pool, n_rows
from skal.evaluation._learners import as_learners, check_initial_positions
from skal.evaluation._run import Run, play
from skal.evaluation._sharing import shared_memory
from skal.evaluation._splits import Splitter
from skal.evaluation._store import Busy, RunFolder
from skal.labels import check_complete
from skal.metrics._results import FACTS

_FOR_REPEAT, _FOR_SPLIT = range(2)


def compare_strategies(
    estimator: Any,
    strategies: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    cv: Any = None,
    n_repeats: int = 5,
    scoring: Any = "accuracy",
    n_jobs: int | None = None,
    random_state: Any = None,
    path: Any = None,
    verbose: int = 0,
    **learner_params: Any,
) -> pd.DataFrame:
    """Simulate each strategy several times and put the learning curves in a table.

    All strategies of a repeat see the same split, start from the same random labels
    and share every seed, so that their differences are differences of the choice.

    It trains ``n_strategies * n_repeats * (n_rounds + 1)`` models, that many times more
    with `cv`.

    Parameters
    ----------
    estimator : classifier or None
        Trained in each round; preprocessing goes into it, in a ``Pipeline``. None if
        every row brings a learner of its own.
    strategies : mapping of str to QueryStrategy, ActiveLearner or None
        The rows to compare; None is :class:`~skal.strategies.RandomSampling`. An
        unfitted :class:`~skal.ActiveLearner` brings its own estimator and parameters,
        `learner_params` are not for it; its `random_state` and `scoring` are set here.
    X : container of n rows
        The pool, as :meth:`skal.ActiveLearner.fit` takes it.
    y : array-like of shape (n,)
        All labels of the pool.
    X_test, y_test : container and array-like, default=None
        What every round is scored on; all of X is then the pool.
    cv : int, splitter or iterable, default=None
        Instead: each repeat plays once on the training part of every fold and is scored
        on the rest; scores, counts and times are averaged over the folds. An int makes
        stratified folds, shuffled anew each repeat; a splitter is told y and no X and
        no groups. With neither, a stratified quarter of the rows is held out, anew each
        repeat.
    n_repeats : int, default=5
        Runs of each strategy, each with a random start and seeds of its own.
    scoring : str, callable, list, tuple or dict, default="accuracy"
        What rounds are scored by: names or scorers, as scikit-learn takes them.
    n_jobs : int or None, default=None
        Runs at the same time, each in a process; None is one. Starting the processes
        takes a second or two, which short comparisons do not win back.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the whole comparison. The same integer gives the same table, whatever
        `n_jobs`.
    path : str or Path, default=None
        A folder of one CSV a finished run. A comparison that was killed goes on where
        it stopped; more repeats or strategies are added to what is there; two
        processes on one folder share the work. Data or parameters other than those of
        the runs in the folder are refused.
    verbose : int, default=0
        1 shows one progress bar over all runs.
    **learner_params : dict
        Parameters of the :class:`~skal.ActiveLearner` around each strategy:
        ``n_initial``, ``query_size``, ``n_rounds``, ``pool_size`` ...

    Returns
    -------
    results : DataFrame
        One row a strategy, repeat and round: ``strategy``, ``repeat``, ``round``,
        ``initial`` (what chose the first batch), ``n_labeled``, ``cost``, ``fit_time``
        and ``query_time`` in seconds, ``sampling_bias``, and a column for each score.

    Raises
    ------
    TypeError
        If a row of `strategies` is neither a strategy nor a learner, or
        `learner_params` has a name that a learner does not know.
    ValueError
        If a parameter is not as described, or `path` holds runs of other data or
        parameters; the message names them.

    See Also
    --------
    summary : What the table says, in one sentence a strategy.
    compare_with_baseline : Tests against one of the strategies.
    skal.plotting.BudgetCurveDisplay : The learning curves.
    skal.metrics.penalty_matrix : All pairs, round by round.

    Notes
    -----
    A row that chooses its own first batch (``initial="strategy"``) chooses as many
    labels as the random start of the repeat has, and then plays the same rounds: its
    strategy makes one acquisition more than the others, and the budgets line up.
    Learners with an `n_initial` of their own start from more or fewer labels of the
    same random order.

    What a `representation` learns of a pool is learnt once for all strategies and
    repeats that share it, and kept in a temporary folder until the table is done; name
    a folder by ``memory=`` to keep it for the next call.

    With ``random_state=None`` and a `path`, the seed drawn first is kept in the folder.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.evaluation import compare_strategies
    >>> from skal.strategies import MarginSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> results = compare_strategies(
    ...     LogisticRegression(), {"Margin": MarginSampling(), "Random": None}, X, y,
    ...     n_initial=6, query_size=6, n_rounds=3, n_repeats=2, random_state=0)
    >>> results.groupby("strategy")["n_labeled"].max().to_dict()
    {'Margin': 24, 'Random': 24}
    """
    check_scalar(n_repeats, "n_repeats", Integral, min_val=1)
    learners = as_learners(estimator, strategies, learner_params)
    check_scoring_names(scoring)
    X = as_pool(X)
    y = check_complete(y, n_rows(X), "compare_strategies")
    splitter = Splitter(X, y, X_test, y_test, cv)
    check_initial_positions(learners, splitter.cuts)
    seed = draw_seed(random_state)
    folder = None
    if path is not None:
        tests = {"X_test": splitter.X_test, "y_test": y_test, "cv": splitter.cv}
        known = {"X": X, "y": y, **tests, "scoring": scoring}
        folder = RunFolder(path, learners, known)
        seed = folder.agree(seed, may_differ=random_state is None)
    seeds = [derive(seed, _FOR_REPEAT, repeat) for repeat in range(n_repeats)]
    runs = [Run(name, *both) for both in enumerate(seeds) for name in learners]
    with shared_memory(learners, X):
        play_one = functools.partial(
            _play, learners=learners, splitter=splitter, scoring=scoring, folder=folder
        )
        tables = _play_all(runs, play_one, folder, n_jobs, verbose)
    ordered = [tables[name, repeat] for name in learners for repeat in range(n_repeats)]
    return pd.concat(ordered, ignore_index=True)


def check_scoring_names(scoring):
    """Refuse scores with the name of another column, before any work."""
    names = [scoring] if isinstance(scoring, str) or callable(scoring) else scoring
    taken = [name for name in names or () if name in FACTS]
    if taken:
        raise ValueError(
            f"scoring names a score {taken[0]!r}, which is a column of the table "
            f"already: rename it."
        )


def _play(run, learners, splitter, scoring, folder, wait):
    """Play one run; with a folder, under its lock and once only."""
    splits = functools.partial(splitter.splits, derive(run.seed, _FOR_SPLIT))
    work = functools.partial(play, run, learners[run.strategy], splits, scoring)
    return run, work() if folder is None else folder.once(run, work, wait)


def _play_all(runs, play_one, folder, n_jobs, verbose):
    """Return the table of each run, by strategy and repeat."""
    tables = {}
    if folder is not None:
        tables = {run.key: folder.load(run) for run in runs if folder.has(run)}
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    with _Progress(len(runs), len(tables), verbose) as progress:
        for wait in (False, True):  # what another process is at, last
            open_ = [run for run in runs if run.key not in tables]
            for run, table in parallel(delayed(play_one)(r, wait=wait) for r in open_):
                if table is not Busy:
                    tables[run.key] = table
                    progress.advance(run)
    return tables


class _Progress:
    """One bar over all runs; nothing at all while `verbose` is 0."""

    def __init__(self, total, done, verbose):
        self.bar = None
        if verbose:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, initial=done, unit="run")

    def __enter__(self):
        return self

    def advance(self, run):
        if self.bar is not None:
            self.bar.set_postfix_str(f"{run.strategy}, repeat {run.repeat}")
            self.bar.update()

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
