"""What is said of an adapter that changes more than any trained one does, and the scale that is right for it.

How strong that is comes from outside; it is worth a warning, and no verdict rests on it.
"""

__all__ = ["too_strong", "too_strong_in", "too_strong_together", "usual_scale"]


def usual_scale(scale: float, ratio: float, usual_ratio: float) -> float:
    """The scale at which an adapter of a delta ratio at one scale would have the usual one."""
    return scale * usual_ratio / ratio


def too_strong(ratio: float, usual: float, of: str = "the base's weights", *, by_blocks: bool = False) -> str:
    """In words that go on from what else is said of the adapter.

    Args:
        ratio: Its delta ratio.
        usual: The scale at which it would be of usual strength.
        of: Whose weights the ratio is to.
        by_blocks: It has several scales, all of which are to be multiplied by `usual`.
    """
    mend = f"with all its scales multiplied by {usual:.2g}" if by_blocks else f"at scale {usual:.2g}"
    return (
        f"it is far too strong: its change is {ratio:.2g} times the size of {of}, more than that of any trained "
        f"adapter; {mend} it would be of usual strength"
    )


def too_strong_in(target: str) -> str:
    """The same where one layer alone is so: no scale would be right for it and for the others."""
    return (
        f"it is far too strong in one layer: nearly all of its change is in {target!r}; "
        "look at that layer's alpha, or train or export it again"
    )


def too_strong_together(ratio: float, factor: float) -> str:
    """Of a stack, none of whose adapters is so by itself.

    Args:
        ratio: Delta ratio of the whole stack.
        factor: What all scales are to be multiplied by, so that as many adapters of usual strength change as much.
    """
    return (
        f"the adapters together are far too strong: their change is {ratio:.2g} times the size of the base's weights; "
        f"multiply their scales by {factor:.2g}"
    )
