"""Entries painted again while their pictures are reviewed: planned as their batch was, with the seeds that count now,
by the daemon, one entry at a time.

What a seed is decided by is for `picks`, what is painted and kept for `run`; pages are told through the bell.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from kilnmark.client.aio import AsyncClient
from kilnmark.client.batch.errors import FolderInUse, NotPaintedAgain
from kilnmark.client.batch.page.page import write_page
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import EntryName
from kilnmark.client.batch.picks.saying import moment_now
from kilnmark.client.batch.plan.plan import Plan, Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.review.bell import Bell
from kilnmark.client.batch.run.asked import AskedBatch, asked_for
from kilnmark.client.batch.run.ledger import open_ledger
from kilnmark.client.batch.run.manifest import Manifest, read_manifest
from kilnmark.client.batch.run.marks import mark
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.rolling import rolled_entries
from kilnmark.client.batch.run.run import Painter
from kilnmark.client.batch.run.tally import Became, Tally
from kilnmark.client.errors import DaemonUnavailable
from kilnmark.protocol.content.packs import UnknownName
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.errors import KilnmarkError

__all__ = ["PaintsAgain"]

_LOOK = 1.0
"""Seconds between looks whether a batch that holds the folder has ended."""

_AS_MANY = 0


@dataclass(frozen=True)
class _Planned:
    plan: Plan
    wishes: Wishes
    asked: AskedBatch


class PaintsAgain:
    """Paints entries of one folder again, in the order in which they were asked for.

    Args:
        folder: Of the batch.
        files: Where decisions lie.
        packs: The folder of packs; None: that of the batch.
        socket: The daemon's; None: the usual one.
        bell: Told of what goes on.

    Attributes:
        pending: What is being done, by entry, in a sentence.
    """

    def __init__(self, folder: Path, files: PicksFiles, packs: Path | None, socket: str | None, bell: Bell) -> None:
        self.pending: dict[EntryName, str] = {}
        self._folder = folder
        self._files = files
        self._packs = packs
        self._socket = socket
        self._bell = bell
        self._wanted: dict[EntryName, None] = {}
        self._task: asyncio.Task[None] | None = None

    async def roll(self, entry: EntryName, by: str) -> tuple[int, ...]:
        """Draw other seeds for an entry, and have it painted with them.

        Returns:
            The seeds.

        Raises:
            NotPaintedAgain: It cannot be; nothing was drawn then.
            KilnmarkError: Decisions cannot be read or written, or no daemon answers.
        """
        await self._check_daemon()
        planned = await asyncio.to_thread(self._planned, entry)
        after = await asyncio.to_thread(
            self._files.change,
            lambda picks: rolled_entries(planned.plan, picks, self._folder, _AS_MANY, by=by, now=moment_now()),
        )
        seeds = after.of_entry(entry).pinned
        self._want(entry, f"Being painted with seed {', '.join(map(str, seeds))}")
        return seeds

    async def paint(self, entry: EntryName) -> None:
        """Have an entry painted as it was decided, where that is not what is there. Raises as `roll`."""
        await self._check_daemon()
        await asyncio.to_thread(self._planned, entry)
        self._want(entry, "Being painted with the seed that counts now")

    async def _check_daemon(self) -> None:
        try:
            async with AsyncClient(self._socket, away_timeout=0.0) as client:
                await client.ping()
        except DaemonUnavailable as error:
            raise NotPaintedAgain(f"{error}; start one, and try again") from error

    def _want(self, entry: EntryName, sentence: str) -> None:
        self._wanted[entry] = None
        self._tell(entry, sentence)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._wanted:
            entry = next(iter(self._wanted))
            del self._wanted[entry]
            try:
                said = await self._painted(entry)
            except (KilnmarkError, OSError) as error:
                said = f"{entry.name} was not painted again: {error}"
            if entry not in self._wanted:
                self._tell(entry, "")
            self._bell.ring("said", said)

    async def _painted(self, entry: EntryName) -> str:
        """What became of it, in a sentence."""
        while True:
            planned = await asyncio.to_thread(self._planned, entry)
            try:
                return await self._painted_as(planned, entry)
            except FolderInUse:
                self._tell(entry, "To be painted again: waits for the batch that writes into this folder")
                await asyncio.sleep(_LOOK)

    async def _painted_as(self, planned: _Planned, entry: EntryName) -> str:
        items = planned.plan.items
        tally, picks = Tally(len(items)), planned.wishes.picks
        with open_ledger(self._folder) as ledger:
            async with AsyncClient(self._socket) as client:
                painter = Painter(client, ledger, tally, _nothing, force=False, picks=picks, decided=self._files.read)
                await painter.paint(items, compare_base=planned.asked.compare_base)
            mark(ledger, planned.plan, planned.wishes, picks)
            ledger.publish()
            await asyncio.to_thread(write_page, self._folder, ledger.manifest, self._files)
        failed = [each.message for each in tally.endings.values() if each.became is Became.FAILED]
        if failed:
            return f"{entry.name} could not be painted: {failed[0]}"
        painted = tally.count(Became.PAINTED)
        return f"{entry.name} has its new picture" if painted else f"{entry.name} has the picture of that seed already"

    def _planned(self, entry: EntryName) -> _Planned:
        """The plan of an entry, as the batch had it that painted it.

        Raises:
            NotPaintedAgain: No batch is known, or its documents have the entry no more.
        """
        manifest = read_manifest(self._folder)
        picture = next((each for each in manifest.pictures if each.entry == entry), None)
        if picture is None:
            raise NotPaintedAgain(f"the manifest has no picture of {entry.name} any more; look at the page again")
        why = ""
        for asked in self._batches(manifest, picture):
            wishes = self._wishes(asked, entry)
            try:
                plan = make_plan(wishes, TokenCounter(None))
            except (UnusableContent, UnknownName) as error:  # which another batch's packs may have
                why = why or str(error)
                continue
            plan.items = [item for item in plan.items if item.entry == entry]  # others may have its name
            if plan.items:
                return _Planned(plan, wishes, asked)
            why = why or "; ".join(str(each) for each in plan.problems[:1])
        raise NotPaintedAgain(why or f"its documents have no entry {entry.name!r} at tier {entry.tier!r} any more")

    def _batches(self, manifest: Manifest, picture: Picture) -> list[AskedBatch]:
        found = asked_for(manifest.asked, picture)
        if not found and self._packs is not None:
            found = [AskedBatch(kind=picture.kind, packs=str(self._packs))]
        if not found:
            raise NotPaintedAgain(
                "this folder does not say which packs it was painted from; name them with --packs DIR"
            )
        return found

    def _wishes(self, asked: AskedBatch, entry: EntryName) -> Wishes:
        return Wishes(
            kind=asked.kind,
            packs=self._packs or Path(asked.packs),
            genre=entry.genre,
            world=entry.world,
            tier=asked.tier,
            steps=asked.steps,
            takes=asked.takes,
            draft=asked.draft,
            lora_roots=tuple(map(Path, asked.lora_roots)),
            only=(entry.name,),
            picks=self._files.read(),
        )

    def _tell(self, entry: EntryName, sentence: str) -> None:
        if sentence:
            self.pending[entry] = sentence
        else:
            self.pending.pop(entry, None)
        self._bell.ring("picks")


def _nothing() -> None:
    """Endings are told when all have ended."""
