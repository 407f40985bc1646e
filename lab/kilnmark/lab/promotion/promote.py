"""Adapters promoted and demoted: what a manifest becomes, and what its history says of it.

What shows that an adapter may be trusted is `candidate`'s part, and how a manifest is written `manifest`'s. Both ways
are safe to repeat: what is so already stays, and is told.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from kilnmark.lab.promotion.candidate import Candidate
from kilnmark.lab.promotion.errors import NotPromotable
from kilnmark.lab.promotion.manifest import PATIENCE, held_manifest
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.state import Promotion
from kilnmark.protocol.content.promoted import PromotedAdapter, PromotedManifest, PromotionEvent

__all__ = ["Promoted", "demote", "note_in_run", "promote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """What became of a manifest.

    Attributes:
        manifest: Where it lies.
        adapter: The one that was promoted, or demoted.
        replaced: The hash that had its name before; None: none had.
        changed: False: it was so already.
    """

    manifest: Path
    adapter: PromotedAdapter
    replaced: str | None = None
    changed: bool = True


def promote(
    candidate: Candidate, packs: Path, genre: str, *, signed_by: str, why: str = "", patience: float = PATIENCE
) -> Promoted:
    """Let an adapter be trusted in a genre. One that had its name before is demoted with it.

    Of the same bytes that were verified anew, as at another scale, the manifest has the last report.

    Args:
        candidate: What is promoted.
        packs: The folder of packs.
        genre: Its folder's name.
        signed_by: Who answers for it.
        why: What the history is to say.
        patience: Seconds that another promotion in the genre is waited for.

    Raises:
        NotPromotable: Its bytes are promoted under another name.
        UnusableContent, PromotionHeld, ManifestLost: As `held_manifest` does.
    """
    with held_manifest(packs, genre, patience=patience) as held:
        before, at = held.manifest, now()
        same, named = before.adapter_of(candidate.sha256), before.adapter_named(candidate.name)
        if same is not None and same.name != candidate.name:
            mend = f"demote {same.name!r} first, or leave it as it is"
            raise NotPromotable(str(candidate.path), f"is promoted already, as {same.name!r}", mend)
        if same is not None and same.verification.sha256 == candidate.verification.sha256:
            return Promoted(manifest=held.path, adapter=same, changed=False)
        adapter = _entry(candidate, packs / genre, packs, signed_by, at)
        lost = named if same is None else None
        events = [] if lost is None else [_event("demote", lost, signed_by, at, f"replaced by {adapter.sha256}")]
        held.write(_with(before, adapter, [*events, _event("promote", adapter, signed_by, at, why)]))
        return Promoted(manifest=held.path, adapter=adapter, replaced=None if lost is None else lost.sha256)


def demote(packs: Path, genre: str, name: str, *, by: str, why: str, patience: float = PATIENCE) -> Promoted:
    """Trust an adapter of a genre no longer.

    Args:
        packs: The folder of packs.
        genre: Its folder's name.
        name: What the manifest calls it.
        by: Who says so.
        why: The reason.
        patience: Seconds that another promotion in the genre is waited for.

    Raises:
        NotPromotable: None is promoted under that name.
        UnusableContent, PromotionHeld, ManifestLost: As `held_manifest` does.
    """
    with held_manifest(packs, genre, patience=patience) as held:
        adapter = held.manifest.adapter_named(name)
        if adapter is None:
            known = ", ".join(repr(each.name) for each in held.manifest.promoted) or "none"
            raise NotPromotable(repr(name), f"is not promoted in {genre}", f"promoted there: {known}")
        rest = tuple(each for each in held.manifest.promoted if each is not adapter)
        events = (*held.manifest.history, _event("demote", adapter, by, now(), why))
        held.write(PromotedManifest(promoted=rest, history=events))
        return Promoted(manifest=held.path, adapter=adapter)


def note_in_run(run: Run, genre: str, adapter: PromotedAdapter, *, by: str, demoted: bool = False) -> None:
    """Let a run's state say what became of its adapter, unless it does already: a command may have been killed before.

    Raises:
        RunUnusable: It cannot be written.
    """
    last = next((one for one in reversed(run.state.promotions) if (one.genre, one.name) == (genre, adapter.name)), None)
    if last is not None and (last.sha256, last.demoted) == (adapter.sha256, demoted):
        return
    told = Promotion(at=now(), genre=genre, name=adapter.name, sha256=adapter.sha256, by=by, demoted=demoted)
    run.change(promotions=(*run.state.promotions, told))


def _entry(candidate: Candidate, folder: Path, packs: Path, signed_by: str, at: str) -> PromotedAdapter:
    path, root = os.path.realpath(candidate.path), os.path.realpath(packs)
    inside = Path(path).is_relative_to(root)
    return PromotedAdapter(
        name=candidate.name,
        file=os.path.relpath(path, os.path.realpath(folder)) if inside else path,
        sha256=candidate.sha256,
        trigger=candidate.trigger,
        kind=candidate.kind,
        base=candidate.base,
        trained_on=candidate.trained_on,
        steps=candidate.steps,
        rank=candidate.rank,
        verification=candidate.verification,
        signed_by=signed_by,
        when=at,
    )


def _with(before: PromotedManifest, adapter: PromotedAdapter, events: list[PromotionEvent]) -> PromotedManifest:
    others = tuple(each for each in before.promoted if each.name != adapter.name)
    return PromotedManifest(promoted=(*others, adapter), history=(*before.history, *events))


def _event(event: str, adapter: PromotedAdapter, by: str, when: str, why: str) -> PromotionEvent:
    return PromotionEvent.model_validate(
        {"event": event, "name": adapter.name, "sha256": adapter.sha256, "by": by, "when": when, "why": why or None}
    )
