"""The content packs of a daemon: read once, and read again when their files change.

A pack that an edit has broken, if only in part, stays as it was before, and `status` and every reply that is made of it
say so; one that nobody has seen sound is used as far as it goes. What documents mean is `protocol.content`'s part. The
disk is asked off the event loop, by one thread, which owns what is held.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from kilnmark.daemon.asked.pack_reading import PackReading
from kilnmark.daemon.asked.promotions import Promotions
from kilnmark.daemon.asked.refusals import as_asked
from kilnmark.daemon.asked.stack import StyledStack
from kilnmark.keymaps.files.finder import AdapterFinder
from kilnmark.protocol.content.composed import ComposedStyle, Pack
from kilnmark.protocol.content.composition import stack_files
from kilnmark.protocol.content.packs import UnknownName, load_pack, pack_names
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.content.problems import Problem, UnusableContent
from kilnmark.protocol.content.tiers import Tier
from kilnmark.protocol.content.trust import Trust
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.status import PacksInfo

__all__ = ["SHOWN_PROBLEMS", "STATUS_PATIENCE", "Packs", "given_by"]

SHOWN_PROBLEMS = 100
"""Problems that `status` tells; of more it tells the number."""

STATUS_PATIENCE = 0.5
"""Seconds that `status` waits for a look at the packs."""

_log = logging.getLogger(__name__)

_Key = tuple[str, str | None]
_T = TypeVar("_T")


@dataclass(slots=True)
class _HeldPack:
    """A pack as it is used, who finds its adapters, and what is wrong with it on the disk.

    Attributes:
        pack: As it is there, or was before an edit broke it; None where it never was of any use.
        is_kept: An edit has broken it since.
    """

    reading: PackReading
    finder: AdapterFinder
    pack: Pack | None
    problems: tuple[Problem, ...] = ()
    is_kept: bool = False

    def usable(self) -> Pack:
        """Raises UnusableContent when it never was."""
        if self.pack is None:
            raise UnusableContent(self.problems)
        return self.pack


def given_by(params: RenderParams) -> list[str]:
    """The fields of a style that a request has its own word for, so that they need not be usable."""
    own = {"negative_prompt": params.negative_prompt, "base_seed": params.seed, "preferred_model": params.variant}
    return [field for field, value in own.items() if value is not None]


class Packs:
    """Composes styles from the daemon's folder of packs.

    Args:
        settings: Where the packs and the adapter roots are; without `packs` every name is unknown.
        promotions: What the manifests beside them say; None: a reading of its own.

    Attributes:
        promotions: As given.
    """

    def __init__(self, settings: Settings, promotions: Promotions | None = None) -> None:
        self.promotions = promotions or Promotions(settings)
        self._root = settings.packs
        self._adapter_roots = settings.adapter_roots
        self._variants = tuple(dict.fromkeys([*VARIANTS, *settings.variants]))
        self._held: dict[_Key, _HeldPack] = {}
        self._thread = ThreadPoolExecutor(1, "packs")
        self._last: PacksInfo | None = None
        if self._root is not None:
            # At once, so that there is something to keep when the first edit breaks a pack.
            self._thread.submit(self._read_all, self._root)

    async def compose(
        self, genre: str, world: str | None, tier: str, place: str | None = None, given: Collection[str] = ()
    ) -> StyledStack:
        """What a tier gets for a place, by the documents as they are now, or were before an edit broke them.

        Args:
            genre, world, tier, place: As a request names them.
            given: Names of fields of a style that the request has its own word for.

        Raises:
            InvalidParams: There is no such genre, world or tier, or no usable document.
        """
        root = self._root
        if root is None:
            raise InvalidParams(
                "this daemon has no genre packs - at `$.params.genre`; start it with `kilnmark serve --packs DIR`, or "
                "leave genre, world and place out and name the adapters one by one"
            )
        ask = partial(Pack.compose, tier=tier, place=PicturePlace.called(place), given=given)
        return await self._off_loop(partial(self._compose, root, (genre, world), ask))

    async def trust(self, style: ComposedStyle) -> Trust:
        """What the manifest of a style's genre says, and whether its adapters have to be promoted."""
        return await self._off_loop(partial(self.promotions.trust, style))

    async def info(self) -> PacksInfo | None:
        """What is held, after a look at every file, or before it where a disk is slow; None without packs."""
        root = self._root
        if root is None:
            return None
        look = asyncio.ensure_future(self._off_loop(partial(self._info, root)))
        await asyncio.wait({look}, timeout=STATUS_PATIENCE)
        if look.done():
            return look.result()
        return self._last or PacksInfo(folder=str(root), genres=0, worlds=0)

    async def tiers(self) -> list[tuple[str, Tier]]:
        """Every tier of every pack that can be composed, with the variant that its style or it names.

        None of them where the packs are not read in time: a disk is slow.
        """
        if self._root is None:
            return []
        look = asyncio.ensure_future(self._off_loop(self._tiers))
        await asyncio.wait({look}, timeout=STATUS_PATIENCE)
        if look.done():
            return look.result()
        _log.info("the packs are not read yet, so that nothing is made warm for their tiers until warm_up")
        return []

    async def _off_loop(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _compose(self, root: Path, key: _Key, ask: Callable[[Pack], ComposedStyle]) -> StyledStack:
        with as_asked():
            held = self._current(root, key)
            style = ask(held.usable())
        warnings = (*_staleness(key, held), *style.pack.warnings)
        files = ((file, root / folder) for file, folder in stack_files(style))
        return StyledStack.of_style(style, held.finder.named(files), warnings)

    def _current(self, root: Path, key: _Key) -> _HeldPack:
        """The pack by its files as they are now. Raises UnknownName, which also forgets it."""
        held = self._held.get(key)
        if held is not None and held.reading.is_current():
            return held
        reading, finder = PackReading(root), AdapterFinder(self._adapter_roots)
        try:
            pack = load_pack(reading, *key, self._variants)
            fresh = _HeldPack(reading, finder, pack, pack.problems)
        except UnknownName:
            self._held.pop(key, None)
            raise
        except UnusableContent as error:
            fresh = _HeldPack(reading, finder, None, error.problems)
        self._held[key] = _replacing(held, fresh)
        if self._held[key].is_kept:
            _log.warning("%s stays as it was: %s", _name(key), fresh.problems[0])
        return self._held[key]

    def _info(self, root: Path) -> PacksInfo:
        try:
            keys = pack_names(PackReading(root))
        except UnusableContent as error:
            return self._told(PacksInfo(folder=str(root), genres=0, worlds=0), error.problems, [])
        problems: list[Problem] = []
        kept: list[str] = []
        for key in keys:
            try:
                held = self._current(root, key)
            except UnusableContent as error:
                problems += error.problems
                continue
            problems += held.problems
            kept += [_name(key)] if held.is_kept else []
        for gone in self._held.keys() - keys:
            del self._held[gone]
        problems += self.promotions.problems(genre for genre, world in keys if world is None)
        worlds = sum(world is not None for _, world in keys)
        return self._told(PacksInfo(folder=str(root), genres=len(keys) - worlds, worlds=worlds), problems, kept)

    def _tiers(self) -> list[tuple[str, Tier]]:
        found = []
        for pack in (held.pack for held in self._held.values() if held.pack is not None):
            for name in pack.tiers:
                with suppress(UnusableContent):  # nobody can render it
                    style = pack.compose(name, given=("negative_prompt", "base_seed"))
                    found.append((style.variant, style.tier))
        return found

    def _told(self, info: PacksInfo, problems: Sequence[Problem], kept: list[str]) -> PacksInfo:
        """With each problem once: a genre's are those of all its worlds."""
        each = list(dict.fromkeys(problems))
        self._last = msgspec.structs.replace(info, problem_count=len(each), problems=each[:SHOWN_PROBLEMS], kept=kept)
        return self._last

    def _read_all(self, root: Path) -> None:
        for problem in self._info(root).problems:
            _log.warning("%s", problem)


def _replacing(held: _HeldPack | None, fresh: _HeldPack) -> _HeldPack:
    """What is used from now on: what is there if it is sound, else what last was, else whatever can be read."""
    if held is None or held.pack is None:
        return fresh
    was_sound = not held.pack.problems
    if fresh.pack is None or (was_sound and fresh.problems):
        return replace(fresh, pack=held.pack, is_kept=True)
    return fresh


def _staleness(key: _Key, held: _HeldPack) -> Iterable[str]:
    if held.is_kept:
        yield f"the style of {_name(key)} is the one before an edit that broke it: {held.problems[0]}"


def _name(key: _Key) -> str:
    return "/".join(filter(None, key))
