"""A batch gone through without painting: which of its adapters would not engage, what is there already, and what the
rest would come to.

Files are read, nothing is written, and no daemon is needed; one that is there says what it paints on, and how fast.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.client.batch.plan.inspected import InspectedAdapter, inspect_adapters
from kilnmark.client.batch.plan.pictures import unfit_for
from kilnmark.client.batch.plan.plan import Item, Plan
from kilnmark.client.batch.run.expected import Expected, expected, paces_of
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.pinned import meant_for_another
from kilnmark.protocol.picture.catalog import UnknownVariant, row_of
from kilnmark.protocol.picture.decide import base_for
from kilnmark.protocol.picture.spec import PictureSpec
from kilnmark.protocol.wire.pace import PaceInfo
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["MeantItem", "Rehearsal", "rehearse"]


@dataclass(frozen=True, slots=True)
class MeantItem:
    """A picture as it would be painted.

    Attributes:
        spec: What decides it on the base that it would be painted on.
        variant: What that base counts as.
        refused: Why it could not be painted there; empty: it could.
    """

    item: Item
    spec: PictureSpec
    variant: str
    refused: str = ""

    @property
    def file(self) -> str:
        """Where it would lie, from the batch's folder."""
        return self.item.place_of(self.spec)

    @property
    def stack(self) -> tuple[object, ...]:
        """What has to be on which base for it."""
        return self.spec.variant, *((each.path, each.scale, each.scales) for each in self.item.adapters)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a batch would be.

    Attributes:
        items: The pictures that are planned.
        adapters: Each file once for each model that it would be put on.
        there: How many of them lie there, made of the very same, whatever base made them.
        drafts: How many would be drafts.
        switches: How often another stack would be needed than for the picture before.
        takes: What those that are not there would take.
        measured: Where that was measured: `daemon`, `manifest`, or empty where nothing was.
        elsewhere: Of which bases pictures would be that want another, by the one that they want.
        refused: Why some could not be painted on the base that the daemon has for them, a sentence each.
    """

    items: Sequence[MeantItem]
    adapters: Sequence[InspectedAdapter]
    there: int
    drafts: int
    switches: int
    takes: Expected
    measured: str
    elsewhere: Mapping[str, str]
    refused: Sequence[str]

    @property
    def dead(self) -> list[InspectedAdapter]:
        """Those that would not engage wholly, or not somewhere."""
        return [each for each in self.adapters if each.is_dead]


def rehearse(plan: Plan, folder: Path, manifest: Manifest, status: StatusResult | None) -> Rehearsal:
    """Go through a plan.

    Args:
        plan: What is to be painted.
        folder: Where its pictures would lie.
        manifest: What is known of that folder.
        status: Of the daemon that would paint; None: there is none.
    """
    meant = [_meant(item, status) for item in plan.items]
    adapters = inspect_adapters((each.variant, adapter) for each in meant for adapter in each.item.adapters)
    hashes = {each.inspection.path: each.inspection.sha256 for each in adapters}
    missing = [each for each in meant if not _is_there(each, folder, manifest, hashes)]
    measured, paces = next(_paces(status, manifest, {each.spec.variant for each in missing}), ("", []))
    return Rehearsal(
        items=meant,
        adapters=adapters,
        there=len(meant) - len(missing),
        drafts=sum(each.spec.draft for each in meant),
        switches=max(0, len({each.stack for each in missing}) - 1),
        takes=expected((each.spec for each in missing), paces),
        measured=measured,
        elsewhere={
            each.item.spec.variant: each.spec.variant for each in meant if each.spec.variant != each.item.spec.variant
        },
        refused=[each.refused for each in meant if each.refused],
    )


def _meant(item: Item, status: StatusResult | None) -> MeantItem:
    """On the base that it wants, or that a daemon has for it."""
    if status is None:
        return MeantItem(item, item.spec, item.spec.variant)
    base = base_for(None, item.style, None, served=status.variants, default=status.variant)
    try:
        row = row_of(base, status.counts_as)
    except UnknownVariant:  # a directory that nobody could tell; painting will say why
        return MeantItem(item, item.spec, item.spec.variant)
    if unfit := unfit_for(row, item.pictures):
        return MeantItem(item, item.spec, item.spec.variant, meant_for_another(item, unfit))
    return MeantItem(item, item.on(base, row, drafts=base in status.drafts), row.name)


def _is_there(meant: MeantItem, folder: Path, manifest: Manifest, hashes: Mapping[str, str]) -> bool:
    file = meant.file
    stack = meant.item.adapters
    adapters = [(hashes.get(each.path, ""), each.scale) for each in stack]
    digest = meant.spec.pinned(adapters, [dict(each.scales) for each in stack]).digest
    picture = next((each for each in manifest.pictures if each.file == file), None)
    return picture is not None and (picture.status, picture.inputs) == ("done", digest) and (folder / file).is_file()


def _paces(status: StatusResult | None, manifest: Manifest, variants: set[str]) -> Iterator[tuple[str, list[PaceInfo]]]:
    """What was measured of any of these bases, by whom; the daemon's own first."""
    sources = (("daemon", status.worker.paces if status else []), ("manifest", paces_of(manifest.pictures)))
    for where, paces in sources:
        if any(pace.variant in variants for pace in paces):
            yield where, paces
