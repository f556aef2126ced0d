"""Rows of torch datasets. Imported once a torch ``Dataset`` is there."""

from skorch.helper import SliceDataset


class InputSlice(SliceDataset):
    """The inputs of a dataset whose items are tuples, or the items where they are not.

    An item that is a bare tensor is an input; its first element is not.
    """

    def _select_item(self, Xn):
        return super()._select_item(Xn) if isinstance(Xn, (tuple, list)) else Xn
