"""What a person sees of a run."""

from skal.learner._campaign import FACTS

_SHOWN = {"n_labeled": "labels", "cost": "cost"}


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
                if name in _SHOWN or name not in FACTS
            }
            self.bar.set_postfix(shown)
            self.bar.update()

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
