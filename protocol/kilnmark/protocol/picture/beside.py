"""What an adapter comes to beside the others of its stack: who undoes it, who drowns it, and on which layers.

Only the shapes and their sentences; the engine measures, and `verdict` judges.
"""

import msgspec

__all__ = ["SHOWN_LAYERS", "Cancellation", "LayersBeside"]

SHOWN_LAYERS = 3


class Cancellation(msgspec.Struct, frozen=True):
    """A group of a stack's adapters that add up to nothing.

    Attributes:
        names, scales: Of all its members, in stack order.
        one_file: They are one file, more than once.
        by_blocks: Some have scales of their own on some blocks, which these numbers do not tell.
    """

    names: tuple[str, ...]
    scales: tuple[float, ...]
    one_file: bool
    by_blocks: bool = False

    @property
    def scale_words(self) -> str:
        """Their scales, for people."""
        return "scales by blocks" if self.by_blocks else f"scales {list(self.scales)}"


class LayersBeside(msgspec.Struct, frozen=True):
    """Layers on which others of the stack make nothing of an adapter.

    Attributes:
        count: How many.
        first: The first three, by their module paths, in the order of their names, blocks by number.
        groups: Those groups of layers in which it is so on every layer that the adapter changes.
        names: The others, in stack order.
    """

    count: int = 0
    first: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def undone_words(self, of: int) -> str:
        """What is said of an adapter that is undone there, of so many layers that it changes."""
        return f"on {self.count} of its {of} layers it is undone by {self._who} ({self._where})"

    def drowned_words(self, of: int) -> str:
        """What is said of one that is drowned there."""
        return (
            f"on {self.count} of its {of} layers {self._who} changes so much more that nobody will see it; "
            "raise its scale, or lower the other's"
        )

    @property
    def _where(self) -> str:
        """Which layers, in words: whole groups, or the first of them."""
        whole = f"all of {', '.join(self.groups)}; " if self.groups else ""
        more = ", ..." if self.count > len(self.first) else ""
        return f"{whole}first {', '.join(map(repr, self.first))}{more}"

    @property
    def _who(self) -> str:
        """The others, in words."""
        return " and ".join(filter(None, (", ".join(self.names[:-1]), *self.names[-1:])))
