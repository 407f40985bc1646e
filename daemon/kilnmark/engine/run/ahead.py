"""What is done for the render after this one: its adapters read in another thread, its prompt encoded on the device.

While a picture is decoded, the next one's words are made into tokens and their encoding is put together; once the
picture is handed over to be saved, the device encodes, and the worker listens again. So no picture waits for the prompt
of another. What goes wrong is no news yet: the render that needs it will meet it again and say so.
"""

import logging
from collections.abc import Callable

from kilnmark.engine.families.base import Base
from kilnmark.engine.run.prefetch import Prefetcher
from kilnmark.engine.stack.member import Member, member_of
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.protocol.wire.work import Prefetch

__all__ = ["Ahead"]

log = logging.getLogger(__name__)


class Ahead:
    """Works ahead for one render at a time, the one that was announced last.

    Args:
        store: Where adapters are read and held.
        find: Gives the base of a variant from any thread; None while it is not held, and nothing is done for it then.
    """

    def __init__(self, store: AdapterStore, find: Callable[[str], Base | None]) -> None:
        self._store = store
        self._find = find
        self._prefetcher = Prefetcher(store, lambda variant: base.shapes if (base := find(variant)) else None)
        self._needed: Prefetch | None = None
        self._expecting: Base | None = None

    def start(self) -> None:
        """Begin to read what is announced."""
        self._prefetcher.start()

    def announce(self, needed: Prefetch) -> None:
        """This is what comes next. Returns at once; may be called from any thread."""
        self._needed = needed
        self._prefetcher.fetch(needed)

    def prepare(self) -> None:
        """Put the next prompt's encoding together, without computing anything; never raises.

        Nothing is done while an adapter of its stack is still to be read, because it may change the text encoders.
        """
        needed = self._needed
        if needed is None or needed.prompt is None or (base := self._find(needed.variant)) is None:
            return
        try:
            members = self._members(needed, base)
            if members is not None:
                base.expect(needed.prompt, needed.negative_prompt, members)
                self._expecting = base
        except Exception:
            log.exception("the next prompt could not be prepared")

    def begin(self) -> None:
        """Have the device encode what was prepared, if anything was; never raises, and a GPU is not waited for."""
        base, self._expecting = self._expecting, None
        if base is None:
            return
        try:
            base.prompts.begin()
        except Exception:
            log.exception("the next prompt could not be encoded ahead")

    def _members(self, needed: Prefetch, base: Base) -> list[Member] | None:
        """Its stack, if all of it is held."""
        members = []
        asked = needed.lora_block_scales or [{} for _ in needed.lora_paths]
        for path, scale, blocks in zip(needed.lora_paths, needed.lora_scales, asked, strict=True):
            try:
                adapter = self._store.known(path, base.shapes)
                if adapter is None:
                    return None
                members.append(member_of(adapter, scale, blocks, base.blocks))
            except RefusedFile:
                return None
        return members
