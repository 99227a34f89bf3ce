"""The mark on every recursive loop of this package.

In: a function over arrays and floats. Out: the same function, untouched.
Refuses to know: numba. Whoever wants the loops compiled imports this package a second time under another
name, with a module in the place of this one whose `kernel` compiles.
"""

from collections.abc import Callable
from typing import TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Return the function as it is: marked loops stay in the part of Python that numba compiles."""
    return function
