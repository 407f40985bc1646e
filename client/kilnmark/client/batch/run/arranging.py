"""Before anything is painted: pictures that others are to take the place of are put aside where they are worth it, and
those that lie aside and are wanted again are taken back.

What is worth keeping is decided here; how a picture moves, and how that is written down, is for `earlier` and `ledger`.
"""

from collections.abc import Callable, Iterator, Sequence

from kilnmark.client.batch.picks.said import EntryName, EntryPick, Picks, PickWord
from kilnmark.client.batch.plan.seeds import seed_of
from kilnmark.client.batch.run.base import BaseNow
from kilnmark.client.batch.run.decisions import file_hash
from kilnmark.client.batch.run.earlier import drop, put_aside, take_back
from kilnmark.client.batch.run.ledger import Ledger
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.pinned import PinnedItem
from kilnmark.protocol.content.problems import UnusableContent

__all__ = ["arrange", "gives_way", "is_settled"]


def is_settled(ledger: Ledger, item: PinnedItem, base: BaseNow, picks: Picks, *, force: bool) -> bool:
    """Whether the picture of an item stays: it is the one, and is not to be painted nevertheless.

    Args:
        force: Paint what is there, too; what was accepted stays even then.
    """
    return ledger.has(item, base) and (not force or _is_accepted(ledger, item, picks))


def arrange(ledger: Ledger, items: Sequence[PinnedItem], base: BaseNow, picks: Picks, *, force: bool) -> None:
    """Make room for those that are to be painted, and take back those that are there.

    Args:
        items: All of one base.
        base: The one that there is now.
        force: As of `is_settled`.

    Raises:
        FolderUnusable: A picture cannot be moved.
    """
    own = [item for item in items if not item.bare]
    lacking = [item for item in own if not is_settled(ledger, item, base, picks, force=force)]
    surplus = list(_surplus(ledger, own, picks))
    replaced = (_worth_keeping(ledger, item, picks) for item in lacking)
    put_aside(ledger, [*surplus, *(each for each in replaced if each is not None)])
    take_back(ledger, [item for item in lacking if not force or _was_accepted(item, picks)], base)
    drop(ledger, surplus)


def gives_way(ledger: Ledger, item: PinnedItem, decided: Callable[[], Picks]) -> bool:
    """Whether what lies in an item's place gives way to its new picture: not where it is the very one, and was accepted
    since `arrange` looked. Anything else that somebody decided about since then is put aside.

    Args:
        decided: Reads what was decided by now.

    Raises:
        FolderUnusable: A picture cannot be put aside.
    """
    picture = None if item.bare else ledger.picture_at(item.file)
    if picture is None or picture.status != "done":
        return True
    sha256 = file_hash(ledger.folder / picture.file)
    try:
        said = decided().of_entry(picture.entry).picture(sha256)
    except UnusableContent:  # somebody may be writing it by hand, and have decided about this one
        put_aside(ledger, [picture])
        return True
    if said is not None and said.word is PickWord.ACCEPTED and picture.inputs == item.digest:
        return False
    if said is not None and not any(each.sha256 == sha256 for each in ledger.earlier):
        put_aside(ledger, [picture])
    return True


def _is_accepted(ledger: Ledger, item: PinnedItem, picks: Picks) -> bool:
    picked = _pick(item, picks).picture(file_hash(ledger.folder / item.output))
    return picked is not None and picked.word is PickWord.ACCEPTED


def _was_accepted(item: PinnedItem, picks: Picks) -> bool:
    return any(each.inputs == item.digest for each in _pick(item, picks).that_are(PickWord.ACCEPTED))


def _pick(item: PinnedItem, picks: Picks) -> EntryPick:
    return picks.of_entry(item.planned.entry)


def _worth_keeping(ledger: Ledger, item: PinnedItem, picks: Picks) -> Picture | None:
    """What lies in an item's place, if it has another seed or somebody said something of it."""
    picture = ledger.picture_at(item.file)
    if picture is None or picture.status != "done":
        return None
    said = picks.of_entry(picture.entry).picture(file_hash(ledger.folder / picture.file))
    return picture if said is not None or picture.seed != item.spec.seed else None


def _surplus(ledger: Ledger, items: Sequence[PinnedItem], picks: Picks) -> Iterator[Picture]:
    """Pictures of these entries that are more than the seeds which were chosen for them, or of seeds chosen before."""
    outputs = {item.file for item in items}
    of_entry: dict[EntryName, PinnedItem] = {item.planned.entry: item for item in items}
    for picture in ledger.manifest.pictures:
        item = of_entry.get(picture.entry)
        if item is None or picture.file in outputs or picture.status != "done":
            continue
        if picture.draft != item.spec.draft:  # neither takes the other's place
            continue
        if _pick(item, picks).pinned or item.planned.subject.fields.seed or picture.seed != _computed(item, picture):
            yield picture


def _computed(item: PinnedItem, picture: Picture) -> int:
    """The seed that this take would have if nobody had chosen any."""
    style, entry = item.planned.style, picture.entry
    base_seed = style.fields.base_seed
    return seed_of(entry.genre, entry.world, entry.name, entry.tier, base_seed=base_seed, take=picture.take)
