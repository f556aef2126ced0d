"""What a person sees of a run."""

_SHOWN = {"n_labeled": "labels", "cost": "cost"}
_UNSHOWN = {
    "round",
    "indices",
    "fit_time",
    "query_time",
    "sampling_bias",
    "class_counts",
}


class RoundProgress:
    """A progress bar over the rounds; nothing at all while `verbose` is 0.

    Parameters
    ----------
    total : int
        Number of rounds, the initial batch included.
    verbose : int
    """

    def __init__(self, total, verbose):
        self.bar = None
        if verbose:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, unit="round")

    def __enter__(self):
        return self

    def advance(self, row):
        """Show the row of the history that came last."""
        if self.bar is not None:
            shown = {
                _SHOWN.get(name, name): value
                for name, value in row.items()
                if name not in _UNSHOWN
            }
            self.bar.set_postfix(shown)
            self.bar.update()

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
