"""How badly a net does a task on an image whose answer needs no label."""

from typing import Any

import numpy as np

from ._arrays import as_array, as_floating, namespace

_FLOOR = 1e-12


def pretext_score(
    rotation_proba: Any,
    proba: Any,
    *,
    rotation_weight: float = 1.0,
    class_weight: float = 1.0,
) -> Any:
    """Score images that a net neither sets upright nor classifies with assurance.

    ``-w_r sum_r P(r | image turned by r) - w_c KL(uniform || p)``: high where the net,
    trained on the labeled images to tell how an image is turned and which class it is
    of, misses the turns and spreads its class probabilities. Images of a kind that has
    no upright, such as seen from above, score high however familiar they are.

    O(n (R + C)) time, O(n C) memory.

    Parameters
    ----------
    rotation_proba : array-like or tensor of shape (n, R)
        Probability of the right rotation, for each image under each of R rotations.
    proba : array-like or tensor of shape (n, C)
        Class probabilities of the images, rows summing to one. Not checked. Below 1e-12
        they count as 1e-12: the divergence of the uniform distribution from one with a
        zero is infinite.
    rotation_weight : float, default=1.0
        The weight ``w_r`` of the first term, which is between -R and 0.
    class_weight : float, default=1.0
        The weight ``w_c`` of the second term, in bits, 0 for uniform probabilities.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Larger = more wanted. In the wider precision of the two (float16 gives float32,
        integers give float64).

    Raises
    ------
    ValueError
        If the arrays have not two dimensions, or different numbers of rows.

    Notes
    -----
    The divergence has no upper limit, and the first term has: one class of which the
    net is sure outweighs all rotations. The authors weigh both by one.

    References
    ----------
    .. [1] S. Bhatnagar, S. Goyal, D. Tank and A. Sethi, "PAL: Pretext-based active
       learning", BMVC 2021.

    Examples
    --------
    >>> from skal.functional import pretext_score
    >>> rotation_proba = [[0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6]]
    >>> pretext_score(rotation_proba, [[0.5, 0.5], [0.9, 0.1]]).round(6)
    array([-3.      , -3.736966])
    """
    xp = namespace(rotation_proba, proba)
    rotations = as_floating(as_array(rotation_proba, xp, like=proba))
    classes = as_floating(as_array(proba, xp, like=rotation_proba))
    for name, array in (("rotation_proba", rotations), ("proba", classes)):
        if array.ndim != 2:
            raise ValueError(f"{name} must have 2 dimensions, got {array.ndim}.")
    if len(rotations) != len(classes):
        raise ValueError(
            f"rotation_proba has {len(rotations)} rows and proba {len(classes)}."
        )
    bits = -xp.mean(xp.log2(xp.clip(classes, _FLOOR, None)), axis=1)
    divergence = bits - float(np.log2(classes.shape[1]))
    return -rotation_weight * xp.sum(rotations, axis=1) - class_weight * divergence
