"""The first batch: what to label before there is a model."""

import numpy as np

from skal._seeding import generator
from skal.functional import largest_remainder
from skal.labels import as_positions, encode
from skal.learner._campaign import FOR_INITIAL
from skal.learner._checks import check_n_initial
from skal.strategies import QueryStrategy


def is_named(initial, name):
    """Tell whether the parameter `initial` is this name."""
    return isinstance(initial, str) and initial == name


def check_initial(initial, n, by_hand):
    """Check the parameter `initial` of a learner before any work on n rows."""
    names = ("random", "stratified", "strategy")
    if isinstance(initial, str) and initial not in names:
        raise ValueError(
            f"initial is {initial!r}: give one of {names}, an array of positions, or a "
            f"strategy."
        )
    if not isinstance(initial, (str, QueryStrategy)):
        as_positions(initial, n, "initial")
    if by_hand and is_named(initial, "stratified"):
        raise ValueError(
            "initial='stratified' needs to know every label, and `teach` does not: "
            "give 'random', an array of positions, or a strategy that needs no labels."
        )


def initial_order(initial, n, key, truth=None, n_initial=None):
    """Order in which rows are labeled until there is a model.

    `truth` are the class codes of a simulation; a stratified batch comes first.
    """
    rng = generator(*key)
    chance = rng.permutation(n)
    if not isinstance(initial, str):
        chosen = as_positions(initial, n, "initial")
        return chosen if truth is not None else _first(chosen, chance)
    if initial == "stratified":
        return _first(_stratified(truth, n_initial, chance), chance)
    return chance


def _first(chosen, order):
    return np.concatenate([chosen, order[~np.isin(order, chosen)]])


def _stratified(truth, n_initial, order):
    """Take a share of each class in proportion to its size, in the given order."""
    sizes = np.bincount(truth[truth >= 0])
    shares = largest_remainder(min(n_initial, int(sizes.sum())), sizes)
    codes = truth[order]
    parts = [order[codes == c][:share] for c, share in enumerate(shares)]
    chosen = np.concatenate(parts)
    return order[np.isin(order, chosen)]


def enough(codes, n_initial):
    """Count the labels of an order that it takes to have `n_initial` and two classes.

    `codes` are the class codes along the order; out-of-distribution ones count as
    labels paid for and as nothing else.
    """
    useful = np.flatnonzero(codes >= 0)
    if len(useful) == 0:
        return len(codes)
    other = useful[codes[useful] != codes[useful[0]]]
    nth = useful[min(n_initial, len(useful)) - 1]
    return 1 + int(max(nth, other[0] if len(other) else len(codes) - 1))


def random_start_size(learner, y):
    """Count the in-distribution labels that a learner would start from at random.

    `learner` has an integer `random_state`, `y` all labels of a simulation.
    """
    truth, _ = encode(y, missing_label=None, ood_label=learner.ood_label)
    n_initial = check_n_initial(learner.n_initial, len(truth))
    key = (learner.random_state, FOR_INITIAL)
    order = initial_order("random", len(truth), key)
    first = order[: enough(truth[order], n_initial)]
    return int((truth[first] >= 0).sum())
