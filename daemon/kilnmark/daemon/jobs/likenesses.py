"""The open renders that equal jobs may join, by what makes them equal.

What that is, is `jobs.likeness_of`; who joins whom is decided elsewhere.
"""

from collections.abc import ItemsView

from kilnmark.daemon.jobs.jobs import OpenRender

__all__ = ["Likenesses"]


class Likenesses:
    """At most one render of each likeness: the latest that became ready."""

    def __init__(self) -> None:
        self._renders: dict[bytes, OpenRender] = {}

    def items(self) -> ItemsView[bytes, OpenRender]:
        """All of them."""
        return self._renders.items()

    def put(self, render: OpenRender) -> None:
        """Equal jobs may join this one from now on; nothing happens when its picture is to be its own."""
        if render.likeness is not None:
            self._renders[render.likeness] = render

    def drop(self, render: OpenRender) -> None:
        """Nobody joins this one any more."""
        if render.likeness is not None and self._renders.get(render.likeness) is render:
            del self._renders[render.likeness]

    def mate_of(self, likeness: bytes | None) -> OpenRender | None:
        """The render that an equal job may join; one that is being stopped is joined by nobody."""
        mate = None if likeness is None else self._renders.get(likeness)
        return mate if mate is not None and mate.stopping is None else None
