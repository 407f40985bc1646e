"""Painting a plan: what is there is kept, what lies finished is taken in, and only the rest is asked of the daemon.

Every picture is in its place and in the manifest before the next ending is looked at, so that whoever stops this, at
whatever moment, loses nothing and has nothing painted twice.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from itertools import groupby
from pathlib import Path

from kilnmark.client.batch.picks.said import Picks
from kilnmark.client.batch.plan.adapters import Hashes
from kilnmark.client.batch.plan.plan import Item
from kilnmark.client.batch.run.arranging import arrange, gives_way, is_settled
from kilnmark.client.batch.run.base import UNKNOWN, BaseNow
from kilnmark.client.batch.run.ledger import Ledger, found_in
from kilnmark.client.batch.run.paints import Paints
from kilnmark.client.batch.run.pinned import PinnedItem, pin_items
from kilnmark.client.batch.run.tally import Became, ItemEnding, Tally
from kilnmark.client.errors import ClientError
from kilnmark.client.reports import reports_of
from kilnmark.keymaps.errors import ExchangedFile
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.wire.errors import Cancelled, Draining, NoWorker, QueueFull, RequestError, UnknownJob, WorkerLost
from kilnmark.protocol.wire.replies import RenderResult, Timings
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["Painter"]

CONCURRENCY = 4
"""Renders that the daemon has at once: enough to read adapters ahead and to join those of one stack."""

ATTEMPTS = 2
"""How often a picture is asked for that is not to blame for its end, as far as can be told."""

_PERHAPS_BLAMELESS = (WorkerLost, Cancelled)
"""The worker may have been lost to another picture; the cancel may have been that of a batch stopped just before this
one, whose last renders the daemon was still giving up."""


class Painter:
    """Paints the items of one plan.

    Args:
        client: Of the daemon, connected or able to, or of a farm.
        ledger: Of the folder that the pictures go into.
        tally: Told of every ending.
        on_change: Called after every ending.
        force: Paint what is there, too, save what was accepted.
        picks: What was decided about entries.
        decided: Reads what was decided by now, since people look on while it paints; None: what `picks` says.
    """

    def __init__(
        self,
        client: Paints,
        ledger: Ledger,
        tally: Tally,
        on_change: Callable[[], None],
        *,
        force: bool,
        picks: Picks | None = None,
        decided: Callable[[], Picks] | None = None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._tally = tally
        self._on_change = on_change
        self._force = force
        self._picks = picks or Picks()
        self._decided = decided or (lambda: self._picks)
        self._made: Mapping[str, Path] = {}

    async def paint(self, planned: Sequence[Item], *, compare_base: bool) -> None:
        """Have the picture of every planned item, and with `compare_base` the same without adapters.

        Raises:
            ClientError: The daemon or the folder cannot be used any more; what has ended stays.
            Draining, NoWorker, QueueFull: The daemon goes down, has no worker, or has been full for long.
            KilnmarkError: An adapter file cannot be read any more.
        """
        status = await self._client.status()
        items = pin_items(
            planned,
            status.variants,
            status.variant,
            Hashes().of,
            compare_base=compare_base,
            counts_as=status.counts_as,
            drafts=status.drafts,
        )
        self._tally.total = len(items)
        planned_at = {id(item): place for place, item in enumerate(planned)}
        self._ledger.expect(each.file for each in sorted(items, key=lambda each: planned_at[id(each.planned)]))
        self._tally.warnings += [*_stand_ins(items), *_drafts(items)]
        self._made = _made_before(status)
        bases = _bases(status)
        for variant, group in groupby(items, key=lambda item: item.spec.variant):
            await self._paint_on(variant, list(group), bases.get(variant, UNKNOWN))

    async def _paint_on(self, variant: str, items: Sequence[PinnedItem], base: BaseNow) -> None:
        """All pictures of one base, which is asked for only where there is something to paint on it."""
        try:
            if base == UNKNOWN and not all(self._is_there(item, base) for item in items):
                base = BaseNow.of((await self._client.warm_up(variant)).base)
        except RequestError as error:
            for item in items:
                self._fail(item, error)
            return
        arrange(self._ledger, items, base, self._picks, force=self._force)
        missing = [item for item in items if not self._keep(item, base)]
        missing = [item for item in missing if not await self._find(item, base)]
        for attempt in range(ATTEMPTS):
            missing = await self._ask_for(missing, base, is_last=attempt + 1 == ATTEMPTS)

    def _is_there(self, item: PinnedItem, base: BaseNow) -> bool:
        return is_settled(self._ledger, item, base, self._picks, force=self._force)

    def _keep(self, item: PinnedItem, base: BaseNow) -> bool:
        if not self._is_there(item, base):
            return False
        self._end(item, ItemEnding(Became.KEPT, loras=self._ledger.reports(item)))
        return True

    async def _find(self, item: PinnedItem, base: BaseNow) -> bool:
        """Take in a finished picture that an earlier batch was not left the time to write down.

        It is known by what it says of itself, and by its hash where the daemon knows that: one that was exchanged or
        damaged meanwhile is painted again.
        """
        if self._force:
            return False
        own, made = self._ledger.folder / item.output, self._made.get(item.job_id(base))
        found = {path: found_in(path, item, base) for path in (own, made) if path is not None}
        if not any(found.values()):
            return False
        known = await self._known_as(item.job_id(base))
        sha256 = "" if known is None else known.image_sha256
        for path, record in found.items():
            if record is not None and is_unspoilt(path, sha256):
                if path != own:
                    gives_way(self._ledger, item, self._decided)
                    self._ledger.take_in(item, path, sha256)
                self._done(item, record, Became.FOUND, record.warnings, node="" if known is None else known.node)
                return True
        return False

    async def _known_as(self, job_id: str) -> RenderResult | None:
        """What the daemon painted under that id; None where it does not know."""
        try:
            return (await self._client.jobs_get(job_id)).result
        except UnknownJob:
            return None

    async def _ask_for(self, items: Sequence[PinnedItem], base: BaseNow, *, is_last: bool) -> list[PinnedItem]:
        """Have these painted. Returns those that are worth another try."""
        again = []
        requests = [item.request(base, anew=self._force) for item in items]
        stream = self._client.render_many(requests, concurrency=CONCURRENCY, ordered=False)
        async with aclosing(stream):
            async for rendered in stream:
                item = items[rendered.index]
                if rendered.result is not None:
                    self._take_in(item, rendered.result)
                elif isinstance(rendered.error, _PERHAPS_BLAMELESS) and not is_last:
                    again.append(item)
                elif rendered.error is not None:
                    self._fail(item, rendered.error)
        return again

    def _take_in(self, item: PinnedItem, result: RenderResult) -> None:
        try:
            item.check_promoted(result.loras)
            if not gives_way(self._ledger, item, self._decided):
                self._end(item, ItemEnding(Became.KEPT, loras=self._ledger.reports(item)))
                return
            record = self._ledger.take_in(item, Path(result.image_path), result.image_sha256)
        except (OSError, ExchangedFile) as error:
            self._fail(item, KilnmarkError(str(error)))
            return
        timings = None if result.cached else result.timings
        self._done(item, record, Became.PAINTED, result.warnings, timings, result.node)

    def _done(
        self,
        item: PinnedItem,
        record: PictureRecord,
        became: Became,
        warnings: Sequence[str],
        timings: Timings | None = None,
        node: str = "",
    ) -> None:
        steps = None if timings is None else (timings.denoise_ms + timings.decode_ms) / 1000
        self._ledger.write_done(item, record, warnings, steps or None, node)
        seconds = None if timings is None else timings.painting_ms / 1000
        self._end(item, ItemEnding(became, loras=self._ledger.reports(item), seconds=seconds))

    def _fail(self, item: PinnedItem, error: KilnmarkError) -> None:
        """Write a failure down; one that every other picture would share ends the batch instead."""
        if isinstance(error, ClientError | Draining | NoWorker | QueueFull):
            raise error
        reports = reports_of(error)
        job_id = error.job_id if isinstance(error, RequestError) else None
        self._ledger.write_failed(item, str(error), reports, job_id or "")
        self._end(item, ItemEnding(Became.FAILED, str(error), tuple(reports)), error)

    def _end(self, item: PinnedItem, ending: ItemEnding, error: KilnmarkError | None = None) -> None:
        self._tally.ended(item, ending, error)
        self._on_change()


def _made_before(status: StatusResult) -> Mapping[str, Path]:
    """The pictures of batches in the daemon's own folder, by their job; the latest of each."""
    found = sorted(Path(status.output_dir).glob("*-batch-*.png"))
    return {path.name.split("-", 1)[1].split(".")[0]: path for path in found}


def _stand_ins(items: Sequence[PinnedItem]) -> list[str]:
    """A sentence for each base that is wanted and not served."""
    pairs = {(item.planned.spec.variant, item.spec.variant) for item in items}
    return [
        f"a style or a tier wants {wanted!r}, which is not served; those pictures are of {painted_on!r}"
        for wanted, painted_on in sorted(pairs)
        if wanted != painted_on
    ]


def _drafts(items: Sequence[PinnedItem]) -> list[str]:
    """A sentence where some are drafts."""
    count = sum(item.spec.draft for item in items)
    if not count:
        return []
    which = "all of them are drafts" if count == len(items) else f"{count} of {len(items)} are drafts"
    return [f"{which}, small and of few steps, and lie at *.draft.png; ask with --no-draft for the pictures"]


def _bases(status: StatusResult) -> Mapping[str, BaseNow]:
    """Those that are held now, by their variants."""
    bases = [held.base for held in status.memory.bases] if status.memory else []
    return {base.variant: BaseNow.of(base) for base in [*bases, *([status.base] if status.base else [])]}
