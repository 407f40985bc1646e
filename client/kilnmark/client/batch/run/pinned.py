"""From planned items to what a daemon is asked: adapters pinned by content, in an order that changes stacks rarely.

A pinned item knows everything that decides its pixels, so that it can be told whether a picture is the one. What is
there already and what is not is for `ledger` and `run` to find out.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import msgspec

from kilnmark.client.batch.plan.adapters import PlannedAdapter
from kilnmark.client.batch.plan.outputs import bare_of
from kilnmark.client.batch.plan.pictures import unfit_for
from kilnmark.client.batch.plan.plan import Item
from kilnmark.client.batch.run.base import BaseNow
from kilnmark.keymaps.files.contents import check_unchanged
from kilnmark.protocol.content.tiers import load_tiers
from kilnmark.protocol.picture.block_scales import StackBlocks
from kilnmark.protocol.picture.catalog import Priority, row_of
from kilnmark.protocol.picture.decide import base_for
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.spec import AdapterContent, PinnedSpec, asked_again
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.stacks import asked_by_paths

if TYPE_CHECKING:
    from kilnmark.client.request import RenderRequest

__all__ = ["PRIORITY", "PinnedItem", "meant_for_another", "pin_items"]

PRIORITY: Priority = "low"
"""Of every picture of a batch, which leaves the way to those who wait for a single one."""


@dataclass(frozen=True)
class PinnedItem:
    """One picture to have.

    Attributes:
        planned: What was planned; with `--compare-base` two are pinned from it.
        bare: It is to be painted without its adapters.
        file: The place of the picture with its adapters, from the batch's folder, with forward slashes: the key of its
            entry in the manifest.
        spec: What decides it; `variant` is the base that this daemon paints it on.
        row: What is known of that base.
    """

    planned: Item
    bare: bool
    file: str
    spec: PinnedSpec
    row: Variant

    @property
    def output(self) -> str:
        """Its own place."""
        return bare_of(self.file) if self.bare else self.file

    @cached_property
    def digest(self) -> str:
        """Of its spec."""
        return self.spec.digest

    @property
    def paths(self) -> tuple[str, ...]:
        """Its adapter files, in stack order."""
        return () if self.bare else tuple(adapter.path for adapter in self.planned.adapters)

    @property
    def stack(self) -> tuple[str, tuple[AdapterContent, ...], StackBlocks]:
        """What has to be on which base for it."""
        return self.spec.variant, self.spec.adapters, self.spec.block_scales

    def is_shown_by(self, record: PictureRecord, base: BaseNow) -> bool:
        """Whether a finished picture is the one.

        Args:
            record: What the picture says of itself.
            base: The one that there is now.
        """
        engaged = all(report.verdict is Verdict.ENGAGED for report in record.loras)
        return engaged and base.made(record.base.fingerprint, record.base.numerics) and record.spec == self.spec

    def check_promoted(self, reports: Iterable[AdapterReport]) -> None:
        """See whether it was painted with the adapters that were found to be promoted.

        Raises:
            ExchangedFile: With another; a file was exchanged after it was looked at.
        """
        if not self.bare:
            for report, adapter in zip(reports, self.planned.adapters, strict=True):
                check_unchanged(report.path, report.sha256, adapter.pinned)

    def job_id(self, base: BaseNow) -> str:
        """The name under which the daemon paints it: the same in every run, as long as nothing has changed."""
        whole = [self.digest, base.fingerprint, self.paths, self.planned.tier]
        if base.numerics != "exact":  # ids of those are older than the choice
            whole.append(base.numerics)
        pictures = self.planned.pictures
        if pictures.start is not None:
            whole.append(pictures.start.path)
        if pictures.references:
            whole.append([each.path for each in pictures.references])
        return f"batch-{hashlib.sha256(msgspec.json.encode(whole)).hexdigest()[:40]}"

    def request(self, base: BaseNow, *, anew: bool) -> "RenderRequest":
        """What the daemon is asked.

        Args:
            base: As of `job_id`.
            anew: Paint it even if the daemon has it.
        """
        request: dict[str, Any] = {
            **asked_again(self.spec, self.row),
            **asked_by_paths(self.paths, [each.scale for each in self.spec.adapters], self._block_scales),
            "tier": self._tier,
            "priority": PRIORITY,
        }
        pictures = self.planned.pictures
        if pictures.start is not None:
            request["init_image"] = pictures.start.path
        if pictures.references:
            request["reference_images"] = [each.path for each in pictures.references]
        if anew:
            request["cache"] = False
        else:
            request |= {"job_id": self.job_id(base), "attached": True}
        return cast("RenderRequest", request)

    @property
    def _block_scales(self) -> list[dict[str, float]]:
        return [dict(each) for each in self.spec.block_scales]

    @property
    def _tier(self) -> str | None:
        """Its name, where every genre has such a tier, for the same base: of another the daemon would warn."""
        style, every_genres = self.planned.style, load_tiers().get(self.planned.tier)
        return self.planned.tier if every_genres and every_genres.variant == style.variant else None


def pin_items(
    planned: Iterable[Item],
    served: Collection[str],
    default: str,
    sha256_of: Callable[[str], str],
    *,
    compare_base: bool,
    counts_as: Mapping[str, str] = MappingProxyType({}),
    drafts: Collection[str] = (),
) -> list[PinnedItem]:
    """Pin these, those of one stack together; the bare ones of a variant follow all its others.

    Args:
        planned: In the order of the plan.
        served: The variants that the daemon may hold.
        default: The one it was started with, which stands in for one that it may not hold.
        sha256_of: The content hash of an adapter file, in hex.
        compare_base: Paint each item that has adapters without them, too.
        counts_as: The variant that each of those is whose own name is none.
        drafts: Those on which drafts are painted where nobody says.

    Raises:
        InvalidParams: One is made of pictures that the base which stands in for its own takes none of.
        KilnmarkError: An adapter file cannot be read any more, or is not the one that was found to be promoted, or
            nothing is known of a base.
    """
    pinned = []
    for item in planned:
        base = base_for(None, item.style, None, served=served, default=default)
        row = row_of(base, counts_as)
        if unfit := unfit_for(row, item.pictures):
            raise InvalidParams(meant_for_another(item, unfit))
        spec = item.on(base, row, drafts=base in drafts)
        file = item.place_of(spec)
        adapters = [(_hash_of(adapter, sha256_of), adapter.scale) for adapter in item.adapters]
        whole = spec.pinned(adapters, [dict(adapter.scales) for adapter in item.adapters])
        pinned.append(PinnedItem(item, bare=False, file=file, spec=whole, row=row))
        if compare_base and adapters:
            pinned.append(PinnedItem(item, bare=True, file=file, spec=spec.pinned(()), row=row))
    first_of = {one.stack: place for place, one in reversed(list(enumerate(pinned)))}
    return sorted(pinned, key=lambda one: (one.spec.variant, one.bare, first_of[one.stack]))


def _hash_of(adapter: PlannedAdapter, sha256_of: Callable[[str], str]) -> str:
    sha256 = sha256_of(adapter.path)
    check_unchanged(adapter.path, sha256, adapter.pinned)
    return sha256


def meant_for_another(item: Item, unfit: str) -> str:
    """Why an item cannot be painted on a base that stands in for its own, in a sentence."""
    subject, variant = item.subject, item.spec.variant
    return (
        f"{subject.name} ({subject.file}:{subject.line}) is meant for {variant!r}, which is not served, "
        f"and {unfit}; or start a daemon with `--variant {variant}`"
    )
