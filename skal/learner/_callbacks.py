"""scikit-learn's callback protocol, where scikit-learn has it (1.9 and later)."""

import contextlib

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn 1.8

    class CallbackSupportMixin:
        """Stands in where there are no callbacks."""


class RoundCallbacks:
    """Tells the callbacks of a learner when its rounds begin and end.

    Parameters
    ----------
    learner : ActiveLearner
    max_rounds : int
    **data : X and y of the whole run
    """

    def __init__(self, learner, max_rounds, **data):
        self.learner = learner
        self.data = data
        self.root = None
        if hasattr(learner, "_init_callback_context"):
            self.root = learner._init_callback_context(max_subtasks=max_rounds)
            self.root.call_on_fit_task_begin(estimator=learner, **data)

    @contextlib.contextmanager
    def around(self, estimator, **data):
        """Announce a round, in which `estimator` is fitted on X and y."""
        if self.root is None:
            yield
            return
        self.round, self.round_data = self.root.subcontext(task_name="round"), data
        inside = contextlib.nullcontext()
        if hasattr(estimator, "set_callbacks"):
            inside = self.round.propagate_callback_context(estimator)
        with inside:
            self.round.call_on_fit_task_begin(estimator=self.learner, **data)
            yield

    def end_round(self, fitted_attributes):
        """Announce the end of a round; True where a callback wants to stop.

        `fitted_attributes`, called when a callback asks, are those of the learner.
        """
        return self.root is not None and self.round.call_on_fit_task_end(
            estimator=self.learner,
            reconstruction_attributes=fitted_attributes,
            **self.round_data,
        )

    def end(self, fitted_attributes):
        """Announce the end of the run."""
        if self.root is not None:
            self.root.call_on_fit_task_end(
                estimator=self.learner,
                reconstruction_attributes=fitted_attributes,
                **self.data,
            )
