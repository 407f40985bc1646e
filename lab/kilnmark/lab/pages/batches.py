"""A batch's pictures with what people decided about each: facts for its page, no markup."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.run.decisions import ShownPick, shown_picks
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.web.files import inside
from kilnmark.lab.pages.places import FILES, SMALL, quoted
from kilnmark.lab.pages.words import moment
from kilnmark.lab.run.found import FoundBatch

__all__ = ["ShownDecision", "count_line", "seen_mark", "shown_decisions"]


class ShownDecision(NamedTuple):
    """One picture.

    Attributes:
        file: As the manifest names it.
        anchor: Of its card.
        name, where, seed: What it shows.
        word: `accepted`, `rejected` or `open`.
        decided: The same in a sentence, with who and why.
        address, small: The picture, from the batch's page; None where there is none.
        seen: Which bytes are shown, for a decision about them and no others.
        message: Why there is no picture.
    """

    file: str
    anchor: str
    name: str
    where: str
    seed: int
    word: str
    decided: str
    address: str | None
    small: str | None
    seen: str
    message: str


def shown_decisions(batch: FoundBatch) -> list[ShownDecision]:
    """Every picture of a batch, the undecided ones first, otherwise as planned.

    Raises:
        UnusableContent: The decisions cannot be read.
    """
    manifest = batch.manifest or Manifest()
    picks = shown_picks(batch.folder, manifest, PicksFiles.of(batch.folder).read())
    shown = [_shown(batch.folder, picture, picks[picture.file]) for picture in manifest.pictures]
    return sorted(shown, key=lambda one: one.word != PickWord.OPEN)


def count_line(shown: list[ShownDecision]) -> str:
    """How far it is decided, the rest first."""
    there = [one for one in shown if one.address]
    counts = {word: sum(one.word == word for one in there) for word in PickWord}
    line = f"{counts[PickWord.OPEN]} undecided, {counts[PickWord.ACCEPTED]} accepted"
    line += f", {counts[PickWord.REJECTED]} rejected"
    lost = len(shown) - len(there)
    return f"{line}, {lost} not there" if lost else line


def seen_mark(path: Path) -> str:
    """What tells one state of a file from another without reading it; empty where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns}-{status.st_size}"


def _shown(folder: Path, picture: Picture, pick: ShownPick) -> ShownDecision:
    path = inside(folder, picture.file) if picture.status == "done" else None
    at = quoted(picture.file)
    return ShownDecision(
        file=picture.file,
        anchor=hashlib.sha256(picture.file.encode("utf-8", "backslashreplace")).hexdigest()[:12],
        name=picture.name,
        where=" / ".join(filter(None, (picture.genre, picture.world, picture.kind))),
        seed=picture.seed,
        word=pick.word,
        decided=_sentence(pick),
        address=f"{FILES}/{at}" if path else None,
        small=f"{SMALL}/{at}" if path else None,
        seen=seen_mark(path) if path else "",
        message=picture.message,
    )


def _sentence(pick: ShownPick) -> str:
    decision = pick.standing or pick.before
    if decision is None:
        return "undecided"
    by, why = f" by {decision.by}" if decision.by else "", f": {decision.reason}" if decision.reason else ""
    when = f", {moment(decision.at)}" if decision.at else ""
    said = f"{decision.word}{by}{when}{why}"
    return said if pick.standing else f"painted again since it was {said}"
