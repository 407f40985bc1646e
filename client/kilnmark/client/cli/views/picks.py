"""What was decided, as documents for programs and lines for people."""

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.text import Text

from kilnmark.client.batch.picks.said import EntryName, EntryPick, PickWord, Said
from kilnmark.client.batch.published.publish import Publication
from kilnmark.client.batch.run.decisions import ShownPick
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.cli.views.tables import plain

__all__ = ["PickedEntry", "PickedFile", "PicksDocument", "picks_document", "publication_words", "show_picks"]


class PickedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a folder, and what was decided about it.

    Attributes:
        word: What counts.
        said: What each person said last.
        stale: Why what was accepted is not what is there; empty: it is, or nothing was.
        gone: No document has its entry any more.
        failed: It could not be painted, and nothing is there to be decided about.
        draft: It cannot be accepted.
    """

    file: str
    entry: EntryName
    seed: int
    word: PickWord
    said: tuple[Said, ...] = ()
    stale: str = ""
    gone: bool = False
    failed: bool = False
    draft: bool = False


class PickedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry whose seeds somebody pinned: `rolls` counts how often they were drawn anew."""

    entry: EntryName
    seeds: tuple[int, ...]
    by: str
    at: str
    rolls: int


class PicksDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`kilnmark picks show`.

    Attributes:
        undecided: Pictures that wait for somebody's word, as the review page counts them: neither those that failed,
            nor drafts, nor those whose entry is gone.
        accepted, rejected, stale, gone, failed: Pictures that are so.
        pictures: Each, the undecided ones first.
        pinned: Entries with seeds of their own.
    """

    undecided: int
    accepted: int
    rejected: int
    stale: int
    gone: int
    failed: int
    pictures: tuple[PickedFile, ...]
    pinned: tuple[PickedEntry, ...]


_ORDER = (PickWord.OPEN, PickWord.REJECTED, PickWord.ACCEPTED)


def picks_document(pictures: Sequence[tuple[Picture, ShownPick]], picks: Sequence[EntryPick]) -> PicksDocument:
    """Of a folder.

    Args:
        pictures: Each of its manifest with what was decided.
        picks: Of all entries.
    """
    rows = sorted((_picked(*each) for each in pictures), key=lambda each: (not each.stale, _ORDER.index(each.word)))
    counts = {word: sum(each.word is word for each in rows) for word in PickWord}
    pinned = [(each, each.seeds) for each in picks]
    return PicksDocument(
        undecided=sum(each.word is PickWord.OPEN and not (each.failed or each.draft or each.gone) for each in rows),
        accepted=counts[PickWord.ACCEPTED],
        rejected=counts[PickWord.REJECTED],
        stale=sum(bool(each.stale) for each in rows),
        gone=sum(each.gone for each in rows),
        failed=sum(each.failed for each in rows),
        pictures=tuple(rows),
        pinned=tuple(
            PickedEntry(entry=each.entry, seeds=seeds.values, by=seeds.by, at=seeds.at, rolls=each.rolls)
            for each, seeds in pinned
            if seeds is not None and seeds.values
        ),
    )


def _picked(picture: Picture, shown: ShownPick) -> PickedFile:
    return PickedFile(
        file=picture.file,
        entry=picture.entry,
        seed=picture.seed,
        word=shown.word,
        said=shown.said,
        stale=shown.stale,
        gone=picture.gone,
        failed=picture.status == "failed",
        draft=picture.draft,
    )


def show_picks(out: Console, document: PicksDocument, *, stale_only: bool = False) -> None:
    """The count of what is undecided, then each picture in a line; why one is stale stands below it."""
    for each in document.pictures:
        if stale_only and not each.stale:
            continue
        line = Text.assemble((f"{_marks(each):<20}", _STYLES[each.word]), plain(each.file))
        out.print(line, plain(f"seed {each.seed}"), soft_wrap=True)
        for said in each.said:
            out.print(plain(f"  {_said(said)}"), soft_wrap=True, style="dim")
        if each.stale:
            out.print(plain(f"  {each.stale}"), soft_wrap=True, style="yellow")
    if not stale_only:
        for pin in document.pinned:
            seeds, by = ", ".join(map(str, pin.seeds)), f" by {pin.by}" if pin.by else ""
            out.print(plain(f"{'pinned':<20}{pin.entry}: {seeds}{by}"), soft_wrap=True)
    counts = f"{document.undecided} undecided, {document.accepted} accepted, {document.rejected} rejected"
    others = (("failed", document.failed), ("stale", document.stale), ("gone", document.gone))
    more = [f"{count} {word}" for word, count in others if count]
    nothing = ["nothing is stale"] if stale_only and not document.stale else []
    out.print(plain(", ".join([*nothing, counts, *more])), soft_wrap=True, style="bold")


def _marks(each: PickedFile) -> str:
    """What counts of a picture, and what else is to be known of it."""
    undecided = "failed" if each.failed else "draft" if each.draft else "undecided"
    word = undecided if each.word is PickWord.OPEN else each.word.value
    return ", ".join([word, *(mark for mark, holds in (("stale", each.stale), ("gone", each.gone)) if holds)])


_STYLES = {PickWord.OPEN: "", PickWord.ACCEPTED: "green", PickWord.REJECTED: "red"}


def _said(said: Said) -> str:
    word = "took it back" if said.word is PickWord.OPEN else said.word.value
    by, why = f" by {said.by}" if said.by and said.word is not PickWord.OPEN else "", said.reason
    who = f"{said.by} " if said.by and said.word is PickWord.OPEN else ""
    when = f", {said.at[:16].replace('T', ' ')} UTC" if said.at else ""
    return f"{who}{word}{by}{when}{f': {why}' if why else ''}"


def publication_words(done: Publication) -> str:
    """What came of publishing, in a line."""
    counts = [
        f"{len(files)} {word}"
        for files, word in (
            (done.added, "new"),
            (done.replaced, "replaced"),
            (done.kept, "as they were"),
            (done.removed, "removed"),
            (done.stale, "of these stale, as accepted before"),
        )
        if files
    ]
    return f"{', '.join(counts) or 'nothing is accepted'}: {done.where}"
