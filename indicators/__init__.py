"""Indicators: columns of closed bars in, columns out.

In: float64 arrays of shape (n,), oldest bar first. Out: a tuple of float64 arrays (n,), NaN where nothing is
known.
Refuses to know: bots, files, exchanges, the clock. Importing this package does not import numpy.
Numbers come from: the source that each indicator's docstring names; `ta` fixes what a name means where `ta`
is right.

One rule for missing rows: a NaN in any input makes that row missing, and the history begins anew on the next
row.
"""

from .registry import INPUTS, REGISTRY, Indicator, Output, Parameter, compute

__all__ = ["INPUTS", "REGISTRY", "Indicator", "Output", "Parameter", "compute"]
