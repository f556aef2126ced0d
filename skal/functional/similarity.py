"""How much a row resembles the labeled rows of a class."""

from typing import Any, Literal

from ._arrays import as_array, device_of, namespace, row_chunks
from ._tables import (
    as_table,
    cast,
    groups,
    inner_products,
    squared_norms,
    unit_rows,
    working_dtype,
)

_CHUNK_ROWS = 512
_CHUNK_LABELED = 4096
_BELOW_EVERY_COSINE = 2


def class_similarity(
    X: Any,
    classes: Any,
    X_labeled: Any,
    y_labeled: Any,
    *,
    normalize: Literal["cosine", "literal"] = "cosine",
) -> Any:
    """Largest similarity of each row to the labeled rows of one class.

    Near 1 where a row looks like something that was labeled as this class, low where
    it does not, whatever the other classes look like. Where features have lengths that
    mean something, a cosine is the wrong tool.

    O(n m d / C) time in matrix products for C classes of equal size; O(n + m d) memory
    besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows. Sparse input is never densified whole.
    classes : array-like or tensor of int of shape (n,)
        With which class each row is compared, as a rule the predicted one.
    X_labeled : array-like, sparse matrix or tensor of shape (m, d)
        The labeled rows, at least one; sparse only if ``X`` is.
    y_labeled : array-like or tensor of int of shape (m,)
        Their classes.
    normalize : {"cosine", "literal"}, default="cosine"
        Whether the rows of ``X`` are divided by their lengths too, or the labeled ones
        alone.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Similarities in the precision of ``X`` (float16 gives float32, integers give
        float64). A row of zeros has the cosine 0. In a class without labeled rows: 2
        less than the similarity to any labeled row, which is below every cosine.

    Raises
    ------
    ValueError
        If ``X`` or ``X_labeled`` has not two dimensions, or their columns differ.

    Notes
    -----
    The paper prints "literal" and writes of a cosine; for rows of unit length they
    are the same.

    References
    ----------
    .. [1] R. Krishnan, A. Sinha, N. Ahuja, M. Subedar, O. Tickoo and R. Iyer,
       "Mitigating sampling bias and improving robustness in active learning", 2021.
    .. [2] J. Tack, S. Mo, J. Jeong and J. Shin, "CSI: Novelty detection via contrastive
       learning on distributionally shifted instances", NeurIPS 2020.

    Examples
    --------
    >>> from skal.functional import class_similarity
    >>> X_labeled, y_labeled = [[2.0, 0.0], [0.0, 1.0]], [0, 1]
    >>> class_similarity([[3.0, 4.0], [3.0, 4.0]], [0, 1], X_labeled, y_labeled)
    array([0.6, 0.8])
    """
    X = as_table(X, "X")
    xp, dtype = namespace(X), working_dtype(X)
    labeled = unit_rows(cast(as_table(X_labeled, "X_labeled", like=X), dtype))
    of_class = dict(groups(y_labeled))
    result = xp.empty((X.shape[0],), dtype=dtype, device=device_of(X))
    for code, rows in groups(classes):
        known = code in of_class
        members = labeled[of_class[code]] if known else labeled
        for part in row_chunks(len(rows), _CHUNK_ROWS):
            block = cast(X[rows[part]], dtype)
            similarity = _largest_product(block, members)
            if normalize == "cosine":
                lengths = xp.sqrt(squared_norms(block))
                similarity = similarity / xp.where(lengths > 0, lengths, 1)
            positions = as_array(rows[part], xp, like=X)
            result[positions] = similarity - (0 if known else _BELOW_EVERY_COSINE)
    return result


def _largest_product(block: Any, members: Any) -> Any:
    xp = namespace(block)
    best = None
    for part in row_chunks(members.shape[0], _CHUNK_LABELED):
        largest = xp.max(inner_products(block, members[part]), axis=1)
        best = largest if best is None else xp.maximum(best, largest)
    return best
