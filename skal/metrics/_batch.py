"""What a batch is like: the words it holds, and how sure a model is of it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skal.functional import entropy
from skal.metrics._checks import as_probabilities


def input_diversity(
    tokens_queried: Iterable[Any],
    tokens_rest: Iterable[Any],
    *,
    special: Iterable[Any] | None = None,
) -> float:
    r"""Measure how much the vocabulary of a batch has in common with that of the rest.

    The Jaccard index of two sets of tokens: those that occur in the batch, and those
    that occur in the rest of the pool. High = the batch covers the words of the pool.
    It grows with the size of the batch: compare batches of one size only. It says
    nothing about how often a token occurs.

    Takes one pass over all tokens, and memory for the two vocabularies.

    Parameters
    ----------
    tokens_queried : iterable of sequences of tokens, or sparse matrix
        The texts of the batch, each as its tokens (ids or strings). An array (n,
        length) has one text a row; a sparse matrix (n, n_tokens) of counts, as a
        ``CountVectorizer`` makes it, has a token wherever it is not zero.
    tokens_rest : iterable of sequences of tokens, or sparse matrix
        The texts of the pool that are not in the batch.
    special : iterable of tokens, default=None
        Tokens that do not count: padding, beginning and end of a text.

    Returns
    -------
    diversity : float
        From 0 (no token in common) to 1 (the same vocabulary).

    Raises
    ------
    TypeError
        If the texts are strings and not sequences of tokens, or only one is sparse.
    ValueError
        If there is no token at all.

    Notes
    -----
    The authors' code counts padding and special tokens, which are in every batch; they
    do so here unless `special` names them.

    References
    ----------
    .. [1] K. Margatina, G. Vernikos, L. Barrault, N. Aletras (2021). Active Learning by
       Acquiring Contrastive Examples. Section 6.

    Examples
    --------
    >>> from skal.metrics import input_diversity
    >>> input_diversity([["a", "b"], ["c"]], [["b", "c", "d"], ["e", "b"]])
    0.4
    """
    if sp.issparse(tokens_queried) != sp.issparse(tokens_rest):
        raise TypeError(
            "tokens_queried or tokens_rest is a sparse matrix of counts and the other "
            "is not: give both as one kind."
        )
    left_out = set() if special is None else set(special)
    queried = _vocabulary(tokens_queried, "tokens_queried") - left_out
    rest = _vocabulary(tokens_rest, "tokens_rest") - left_out
    if not queried | rest:
        raise ValueError(
            "tokens_queried and tokens_rest hold no token, or special names them all: "
            "give at least one text that has one."
        )
    return len(queried & rest) / len(queried | rest)


def batch_uncertainty(proba: ArrayLike) -> float:
    """Return the mean entropy of the predictions for a batch, in nats.

    High = the model is unsure of the batch. In the analysis that it comes from the
    model is one that was trained on all data, so that it says how hard the batch is
    and not what one round's model did not know yet.

    Takes one pass over `proba`.

    Parameters
    ----------
    proba : array-like of shape (n_queried, n_classes)
        What a model predicts for the rows of the batch.

    Returns
    -------
    uncertainty : float
        From 0 to ln n_classes.

    Raises
    ------
    ValueError
        If `proba` has no rows, or a row is no probability distribution.

    References
    ----------
    .. [1] K. Margatina, G. Vernikos, L. Barrault, N. Aletras (2021). Active Learning by
       Acquiring Contrastive Examples. Section 6.

    Examples
    --------
    >>> from skal.metrics import batch_uncertainty
    >>> round(batch_uncertainty([[0.5, 0.5], [1.0, 0.0]]), 6)
    0.346574
    """
    checked = as_probabilities(proba, name="proba")
    if len(checked) == 0:
        raise ValueError("proba has no rows: give at least one.")
    return float(entropy(checked).mean())


def _vocabulary(texts: Any, name: str) -> set[Any]:
    """Collect the distinct tokens of texts."""
    if sp.issparse(texts):
        return set(np.unique(texts.tocoo().nonzero()[1]).tolist())
    if hasattr(texts, "dtype") and getattr(texts, "ndim", 0) == 2:
        return set(np.unique(np.asarray(texts)).tolist())
    tokens: set[Any] = set()
    for number, text in enumerate(texts):
        if isinstance(text, (str, bytes)) or not isinstance(text, Iterable):
            raise TypeError(
                f"{name}[{number}] is {text!r}: give each text as the sequence of its "
                f"tokens, as text.split() or a tokenizer makes it."
            )
        tokens.update(np.asarray(text).tolist() if hasattr(text, "dtype") else text)
    return tokens
