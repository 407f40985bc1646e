"""The name of a node, which one process has at a time: whoever comes second under a living name leaves, with words.

What counts is the revision of the node's key at the broker: it is written over what was read there, or not at all.
"""

import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.errors import NameTaken
from kilnmark.farm.names import NODES, token_of
from kilnmark.farm.submit.nodes import LOST_AFTER

if TYPE_CHECKING:
    from nats.js.kv import KeyValue

__all__ = ["NodeName"]

_logger = logging.getLogger(__name__)

_WHAT = "tell of this node"

_HELD = "a node %s was here just now; where it says nothing more, its name is free in %.0f s"

_PATIENCE = 5.0
"""Seconds for which it is waited to hear who was first."""


class _Holder(msgspec.Struct):
    """What a key has of whoever wrote it, of whatever version that is."""

    instance: str = ""
    state: str = ""


class NodeName:
    """One node's.

    Args:
        link: To the broker.
        name: It.
        instance: Of this process, told in each of its words.
    """

    def __init__(self, link: FarmLink, name: str, instance: str) -> None:
        self._link = link
        self._name = name
        self._instance = instance
        self._revision = 0

    async def claim(self, word: Callable[[], bytes]) -> None:
        """Have it, before anything is done under it. One under which nothing is said any more is free after a while.

        Args:
            word: Gives the first word of this node.

        Raises:
            NameTaken: Another process goes on saying something under it.
            FarmError: The broker does not answer, or does not let this node write.
        """
        with self._link.telling(_WHAT):
            watcher = await (await self._bucket()).watch(token_of(self._name))
        try:
            seen, is_told = await self._hear(watcher, _PATIENCE), False
            while True:
                seconds = await self._held_for(seen)
                if not seconds and await self._wrote(word(), seen.revision or 0 if seen else 0):
                    return
                if seconds and not is_told:
                    is_told = True
                    _logger.warning(_HELD, self._name, seconds)
                heard = await self._hear(watcher, seconds or _PATIENCE)
                if heard and seen and seconds and _is_of_one(heard, seen):
                    raise NameTaken(self._name)
                seen = heard or seen
        finally:
            with contextlib.suppress(Exception):
                await watcher.stop()  # type: ignore[no-untyped-call]

    async def say(self, word: bytes) -> None:
        """Tell how the node is.

        Raises:
            NameTaken: Another process has the name by now: this one was silent for too long.
            FarmError: The broker does not answer.
        """
        from nats.js.errors import KeyNotFoundError

        while not await self._wrote(word, self._revision):
            with self._link.telling(_WHAT):
                try:
                    entry = await (await self._bucket()).get(token_of(self._name))
                except KeyNotFoundError:  # the broker began anew
                    self._revision = 0
                    continue
            if _said(entry).instance != self._instance:
                raise NameTaken(self._name)
            self._revision = entry.revision or 0  # the word before was written, though that was not heard

    async def _bucket(self) -> "KeyValue":
        return await self._link.js.key_value(NODES)

    async def _wrote(self, word: bytes, last: int) -> bool:
        from nats.js.errors import KeyWrongLastSequenceError

        with self._link.telling(_WHAT):
            try:
                self._revision = await (await self._bucket()).update(token_of(self._name), word, last=last)
            except KeyWrongLastSequenceError:
                return False
        return True

    async def _held_for(self, seen: "KeyValue.Entry | None") -> float:
        """Seconds for which the name is another's though nothing more is said under it; 0: it is free."""
        if seen is None or seen.operation or _said(seen).state == "left":
            return 0.0
        at = cast("datetime | None", seen.created) or datetime.now(UTC)
        return max(0.0, LOST_AFTER - (await self._link.broker_time() - at).total_seconds())

    async def _hear(self, watcher: "KeyValue.KeyWatcher", seconds: float) -> "KeyValue.Entry | None":
        """What is said under the name; None: nothing for so long, or nothing yet."""
        import nats.errors

        with contextlib.suppress(nats.errors.TimeoutError):
            return cast("KeyValue.Entry | None", await watcher.updates(seconds))  # type: ignore[no-untyped-call]
        return None


def _is_of_one(later: "KeyValue.Entry", before: "KeyValue.Entry") -> bool:
    """Whether the same node said both, and goes on."""
    said = _said(later)
    is_later = (later.revision or 0) > (before.revision or 0)
    return is_later and said.state != "left" and said.instance == _said(before).instance


def _said(entry: "KeyValue.Entry") -> _Holder:
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(entry.value or b"{}", type=_Holder)
    return _Holder()
