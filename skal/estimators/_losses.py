"""Losses of the training schemes: tensors in, one number with its graph out."""

import torch


def supcon_loss(z, y, *, temperature=0.07, reduction="mean"):
    """Supervised contrastive loss: rows of a label close together, all others apart.

    Each row is an anchor in turn. It is a softmax classifier over all other rows, with
    the cosines as logits, and its term is the mean cross-entropy over its positives,
    the other rows of its label. It is the wrong tool for batches in which most labels
    stand once: give two views of every row. O(n² d) time, O(n²) memory.

    Parameters
    ----------
    z : Tensor of shape (n, d)
        Projections of the rows, of any length: they are brought to length one here
        (zeros stay zeros). All views of an image are rows of their own.
    y : Tensor of shape (n,)
        Labels. Equal values are positives, whatever they are.
    temperature : float, default=0.07
        Divides the cosines. Smaller: the nearest rows of other labels count more.
    reduction : {"mean", "sum"}, default="mean"
        The mean over the anchors that have a positive, or the sum over anchors. Zero,
        with its graph, where no anchor has one.

    Returns
    -------
    Tensor of shape ()
        In nats; in float32, or in float64 for a `z` in float64.

    Raises
    ------
    ValueError
        If the shapes do not fit, `temperature` is not above zero, or `reduction` is
        none of the two.

    Notes
    -----
    The paper's Eq. 1 is the sum. The authors' code takes the mean over all anchors,
    those without a positive included: here these do not thin out the others' gradient.
    It also multiplies by ``temperature / 0.07``, which is 1 at the default.

    Half precision is computed in float32, under autocast too.

    References
    ----------
    .. [1] P. Khosla, P. Teterwak, C. Wang, A. Sarna, Y. Tian, P. Isola, A. Maschinot,
       C. Liu and D. Krishnan, "Supervised contrastive learning", NeurIPS 2020.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import supcon_loss
    >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> supcon_loss(z, torch.tensor([0, 0, 1]), temperature=1.0)
    tensor(0.3133)
    """
    if z.ndim != 2 or y.shape != z.shape[:1]:
        raise ValueError(
            f"z and y have shapes {tuple(z.shape)} and {tuple(y.shape)}; they need "
            f"(n, d) and (n,), every view as a row with its own label."
        )
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature!r}: give a number > 0.")
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}: give 'mean' or 'sum'.")
    with torch.autocast(z.device.type, enabled=False):
        z = _unit_rows(_precise(z))
        logits = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = (y[:, None] == y) & ~itself
    count = positive.sum(1)
    attraction = (logits * positive).sum(1) / count.clamp(min=1)
    repulsion = logits.masked_fill(itself, -torch.inf).logsumexp(1)
    total = torch.where(count > 0, repulsion - attraction, 0).sum()
    return total if reduction == "sum" else total / (count > 0).sum().clamp(min=1)


def nt_xent_loss(z1, z2, *, temperature=0.07):
    """Contrastive loss without labels (SimCLR): two views of a row find each other.

    This is `supcon_loss` with the row itself as the label: among all other views of the
    batch, the one positive of a view is its partner. It is the wrong tool for small
    batches, which have few negatives, and where many rows are alike, since they are
    pushed apart all the same. O(n² d) time, O(n²) memory.

    Parameters
    ----------
    z1, z2 : Tensor of shape (n, d)
        Projections of the two views, row by row; brought to length one here.
    temperature : float, default=0.07
        Divides the cosines. SimCLR itself takes 0.5 for small images.

    Returns
    -------
    Tensor of shape ()
        Mean over all 2n views, in nats; in float32, or in float64 for such views.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `temperature` is not above zero.

    References
    ----------
    .. [1] T. Chen, S. Kornblith, M. Norouzi and G. Hinton, "A simple framework for
       contrastive learning of visual representations", ICML 2020.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import nt_xent_loss
    >>> nt_xent_loss(torch.eye(2), torch.eye(2), temperature=1.0)
    tensor(0.5514)
    """
    if z1.ndim != 2 or z1.shape != z2.shape:
        raise ValueError(
            f"z1 and z2 have shapes {tuple(z1.shape)} and {tuple(z2.shape)}; they need "
            f"the same shape (n, d), the two views of a row at the same place."
        )
    rows = torch.arange(len(z1), device=z1.device)
    return supcon_loss(torch.cat([z1, z2]), rows.repeat(2), temperature=temperature)


def loss_prediction_loss(predicted, loss, *, margin=1.0):
    """Ranking loss of a head that predicts losses: of two rows, which has the larger.

    The scale of the losses shrinks as a net learns, so only their order within a pair
    is taught: a pair costs nothing once the predictions are in the right order and
    `margin` apart. It is the wrong tool where the predicted losses themselves are
    wanted. O(n) time and memory.

    Parameters
    ----------
    predicted : Tensor of shape (n,)
        Predicted losses.
    loss : Tensor of shape (n,)
        Losses of the same rows. A target only: no gradient goes into it.
    margin : float, default=1.0
        Distance of two predictions from which on a pair costs nothing.

    Returns
    -------
    Tensor of shape ()
        Mean over the pairs, zero with its graph where there is none; in float32, or in
        float64 for `predicted` in float64.

    Raises
    ------
    ValueError
        If the two are not of one shape (n,).

    Notes
    -----
    A row is paired with its mirror position, the first with the last. In a batch of odd
    size the middle row has no partner and is left out; the authors' code refuses such
    a batch. Of two equal losses the second counts as the larger, as there.

    References
    ----------
    .. [1] D. Yoo and I. S. Kweon, "Learning loss for active learning", CVPR 2019.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import loss_prediction_loss
    >>> predicted = torch.tensor([0.3, 0.1, 0.6, 0.2])
    >>> loss_prediction_loss(predicted, torch.tensor([1.0, 0.2, 0.5, 0.9]))
    tensor(0.7000)
    """
    if predicted.ndim != 1 or predicted.shape != loss.shape:
        raise ValueError(
            f"predicted and loss have shapes {tuple(predicted.shape)} and "
            f"{tuple(loss.shape)}; they need the same shape (n,)."
        )
    pairs = len(loss) // 2
    predicted = _precise(predicted)
    larger = loss[:pairs] > loss.flip(0)[:pairs]
    lead = predicted[:pairs] - predicted.flip(0)[:pairs]
    terms = torch.relu(margin - torch.where(larger, lead, -lead))
    return terms.sum() / max(pairs, 1)


def _unit_rows(z):
    """Bring the rows (n, d) to length one; zeros stay zeros, with a gradient."""
    length = torch.linalg.vector_norm(z, dim=1, keepdim=True)
    return z / length.masked_fill(length == 0, 1)


def _precise(values):
    """Return the values in float32 at least."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
