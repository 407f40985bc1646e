"""The arithmetic that a picture's noise is predicted in: the words for it, and for whether blocks are compiled.

Which of them a base computes in is decided by the worker, which knows the back end and the family; it is told in
`BaseInfo`, and everybody else goes by that.
"""

from collections.abc import Collection
from typing import Literal

__all__ = ["AskedCompiling", "AskedNumerics", "Numerics", "settled_numerics"]

Numerics = Literal["exact", "fast"]
"""`exact`: as the family's own library computes, bit for bit. `fast`: every product of the stream in the base's compute
type, as the model is published to run."""

AskedNumerics = Literal["auto", "exact", "fast"]
"""What can be asked for: `auto` is `fast` on a GPU, where the family has it, and `exact` on a CPU."""

AskedCompiling = Literal["auto", "on", "off"]
"""Whether the blocks of `fast` are to be compiled; `auto` leaves it to a measurement when a base is loaded."""


def settled_numerics(asked: AskedNumerics, offered: Collection[Numerics], backend: str) -> Numerics | None:
    """What a base computes in.

    Args:
        asked: By the settings.
        offered: Those that its family has; the first is what it does where `auto` has no better.
        backend: `cpu`, `metal` or `cuda`.

    Returns:
        None when one was asked for that the family does not have.
    """
    if asked != "auto":
        return asked if asked in offered else None
    wished: Numerics = "exact" if backend == "cpu" else "fast"
    return wished if wished in offered else next(iter(offered))
