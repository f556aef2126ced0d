"""Strategies of other libraries in skal, and skal's strategies in them.

:func:`as_modal` and :func:`as_skactiveml` make what modAL and scikit-activeml call;
:class:`FromModal` and :class:`FromSkactiveml` are strategies of skal that ask theirs.
Neither library is a dependency, and neither is imported here.
"""

from skal.interop._modal import as_modal
from skal.interop._modal_query import FromModal
from skal.interop._skactiveml import as_skactiveml
from skal.interop._skactiveml_query import FromSkactiveml

__all__ = ["FromModal", "FromSkactiveml", "as_modal", "as_skactiveml"]
