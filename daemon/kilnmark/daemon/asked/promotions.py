"""Which adapters may be painted with where promoted ones alone may: the manifests of the packs, as they are now.

An adapter is its bytes: a name or a place is never compared. A manifest that cannot be read trusts nobody. Every method
may be called from any thread, and asks the disk.
"""

import os
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from kilnmark.daemon.asked.pack_reading import PackReading
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.problems import Problem, UnusableContent
from kilnmark.protocol.content.promoted import GenrePromotions, load_promotions, unpromoted
from kilnmark.protocol.content.trust import Trust
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["Promotions"]

_Read = tuple[PackReading, GenrePromotions | UnusableContent]


class Promotions:
    """Holds what the manifests say for as long as their files stay as they are.

    Args:
        settings: Where the packs are, and whether all renders are held to them.

    Attributes:
        for_all: Every render gets promoted adapters only.
    """

    def __init__(self, settings: Settings) -> None:
        self._root = settings.packs
        self.for_all = settings.require_promoted == "all"
        self._held: dict[str, _Read] = {}
        self._lock = threading.Lock()

    def bind(self, command: RenderCommand) -> bool:
        """Whether a render's adapters have to be promoted."""
        return bool(command.lora_paths) and (self.for_all or command.promoted_only)

    def of(self, genre: str) -> GenrePromotions:
        """What the manifest of a genre says now.

        Raises:
            UnusableContent: It cannot be used as it stands.
        """
        with self._lock:
            found = self._now(self._packs(), genre)
        if isinstance(found, UnusableContent):
            raise found
        return found

    def trust(self, style: ComposedStyle) -> Trust:
        """The same for a stack that is shown, and whether it has to be promoted."""
        required = style.requires_promoted or self.for_all
        return Trust.of(partial(self.of, style.pack.genre), os.path.realpath(self._packs()), required=required)

    def problems(self, genres: Iterable[str]) -> list[Problem]:
        """All that is wrong with the manifests of these."""
        with self._lock:
            found = [self._now(self._packs(), genre) for genre in genres]
        return [problem for each in found if isinstance(each, UnusableContent) for problem in each.problems]

    def refusals(self, stack: StackInfo, paths: Sequence[str], sha256s: Sequence[str]) -> list[str]:
        """Why each adapter of a stack may not be painted with; empty where it may.

        Args:
            stack: Where it comes from: adapters of a genre are held to that genre's manifest, sent ones to any.
            paths, sha256s: Of its files, in its order.
        """
        sound, broken = self._asked(stack)
        return [self._refusal(sound, broken, *file) for file in zip(paths, sha256s, strict=True)]

    def demotions(self, stack: StackInfo, paths: Sequence[str], sha256s: Sequence[str]) -> list[str]:
        """As `refusals`, of a stack that was let in before: a manifest that cannot be read demotes nobody."""
        _, broken = self._asked(stack)
        return ["" for _ in paths] if broken else self.refusals(stack, paths, sha256s)

    def _refusal(self, sound: Sequence[GenrePromotions], broken: Sequence[Problem], path: str, sha256: str) -> str:
        if self._root is None:
            return "is not promoted: this daemon has no packs, whose genres say what is; start it with `--packs DIR`"
        said = unpromoted(sound, path, sha256, os.path.realpath(self._root))
        if said and broken:
            return f"is not known to be promoted, since {'; '.join(map(str, broken))}"
        return said

    def _asked(self, stack: StackInfo) -> tuple[list[GenrePromotions], list[Problem]]:
        """The manifests that a stack is held to, and what is wrong with those that say nothing."""
        if self._root is None:
            return [], []
        try:
            genres = [stack.genre] if stack.genre is not None else PackReading(self._root).folders("")
        except OSError as error:
            message = f"cannot be listed ({error.strerror or error}); make it a folder that this user may read"
            return [], [Problem(file="the folder of packs", line=0, message=message)]
        with self._lock:
            found = [self._now(self._root, genre) for genre in genres]
        broken = [problem for each in found if isinstance(each, UnusableContent) for problem in each.problems]
        return [each for each in found if isinstance(each, GenrePromotions)], broken

    def _now(self, root: Path, genre: str) -> GenrePromotions | UnusableContent:
        reading, found = self._held.get(genre, (None, None))
        if reading is None or found is None or not reading.is_current():
            reading = PackReading(root)
            try:
                found = load_promotions(reading, genre)
            except UnusableContent as error:
                found = error
            self._held[genre] = reading, found
        return found

    def _packs(self) -> Path:
        assert self._root is not None  # noqa: S101 - who names a genre has packs
        return self._root
