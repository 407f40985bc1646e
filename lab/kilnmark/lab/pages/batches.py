"""A batch's pictures with what people decided about each: facts for its page, no markup."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kilnmark.client.batch.run.decisions import DecisionWord, PictureDecision, decisions_of
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
        word: `approved`, `rejected` or `open`.
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
        BrokenManifest: The decisions cannot be read.
    """
    decisions = decisions_of(batch.folder)
    pictures = batch.manifest.pictures if batch.manifest else []
    shown = [_shown(batch.folder, picture, decisions.get(picture.file)) for picture in pictures]
    return sorted(shown, key=lambda one: one.word != DecisionWord.OPEN)


def count_line(shown: list[ShownDecision]) -> str:
    """How far it is decided, the rest first."""
    there = [one for one in shown if one.address]
    counts = {word: sum(one.word == word for one in there) for word in DecisionWord}
    line = f"{counts[DecisionWord.OPEN]} undecided, {counts[DecisionWord.APPROVED]} approved"
    line += f", {counts[DecisionWord.REJECTED]} rejected"
    lost = len(shown) - len(there)
    return f"{line}, {lost} not there" if lost else line


def seen_mark(path: Path) -> str:
    """What tells one state of a file from another without reading it; empty where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns}-{status.st_size}"


def _shown(folder: Path, picture: Picture, decision: PictureDecision | None) -> ShownDecision:
    path = inside(folder, picture.file) if picture.status == "done" else None
    stale = decision is not None and path is not None and _sha256(path) != decision.sha256
    word = DecisionWord.OPEN if decision is None or stale else decision.word
    at = quoted(picture.file)
    return ShownDecision(
        file=picture.file,
        anchor=hashlib.sha256(picture.file.encode("utf-8", "backslashreplace")).hexdigest()[:12],
        name=picture.name,
        where=" / ".join(filter(None, (picture.genre, picture.world, picture.kind))),
        seed=picture.seed,
        word=word,
        decided=_sentence(decision, stale=stale),
        address=f"{FILES}/{at}" if path else None,
        small=f"{SMALL}/{at}" if path else None,
        seen=seen_mark(path) if path else "",
        message=picture.message,
    )


def _sentence(decision: PictureDecision | None, *, stale: bool) -> str:
    if decision is None:
        return "undecided"
    by, why = f" by {decision.by}" if decision.by else "", f": {decision.reason}" if decision.reason else ""
    said = f"{decision.word}{by}, {moment(decision.at)}{why}"
    return f"painted again since it was {said}" if stale else said


def _sha256(path: Path) -> str:
    status = path.stat()
    return _hashed(os.fspath(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _hashed(path: str, _changed: int, _size: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
