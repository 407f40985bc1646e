"""Seeds drawn anew for the entries of a plan, none of which any picture of theirs ever had."""

from pathlib import Path

from kilnmark.client.batch.picks.said import EntryName, Picks
from kilnmark.client.batch.picks.saying import rolled
from kilnmark.client.batch.plan.plan import Plan
from kilnmark.client.batch.run.manifest import read_manifest

__all__ = ["rolled_entries"]


def rolled_entries(plan: Plan, picks: Picks, out: Path, count: int, *, by: str, now: str) -> Picks:
    """What was decided, with other seeds for each entry of a plan.

    Args:
        plan: As it would be painted without.
        out: The folder of pictures: what was tried there is not drawn again.
        count: Seeds for each; 0: as many as the entry has pictures.
        by: Who wants them.
        now: When, as picks have it.

    Raises:
        BrokenManifest: The folder's manifest cannot be read.
    """
    manifest = read_manifest(out)
    tried: dict[EntryName, set[int]] = {}
    pictures: dict[EntryName, int] = {}
    for item in plan.items:
        tried.setdefault(item.entry, set()).add(item.spec.seed)
        pictures[item.entry] = pictures.get(item.entry, 0) + 1
    for picture in (*manifest.pictures, *manifest.earlier):
        if picture.entry in tried:
            tried[picture.entry].add(picture.seed)
    for entry, seeds in tried.items():
        pick = picks.of_entry(entry)
        picks = picks.with_entry(rolled(pick, count or pictures[entry], seeds, by=by, now=now))
    return picks
