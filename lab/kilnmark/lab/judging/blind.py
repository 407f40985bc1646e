"""People who judge blind: a picture of the dataset and a painted one side by side, and which one is real?

Sides and order are shuffled for each person by a seed, so that nobody learns them from another; both pictures are cut
to one shape and carry nothing but pixels. Votes are appended and synced, one a line, and the last one of a person on a
pair counts. How the pages look is not known here.
"""

import fcntl
import hashlib
import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from kilnmark.keymaps.files.atomic import sync_folder
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.judging.axes import IDENTITY, PHOTOGRAPHIC
from kilnmark.lab.judging.errors import VoteRefused
from kilnmark.lab.judging.kappa import Agreement, agreement
from kilnmark.lab.judging.report import JudgedCell, JudgementReport, Score
from kilnmark.lab.run.folder import now

__all__ = ["VOTES", "BlindJudging", "BlindPair", "Choice", "Side", "Vote", "read_votes", "scores_of"]

VOTES: Final = "votes.jsonl"

Side = Literal["left", "right"]
Choice = Literal["left", "right", "unsure"]

_LONGEST_NAME = 60
_LONGEST_SIDE = 1024
"""Pixels of the longer side that a picture is shown at."""


class BlindPair(msgspec.Struct, frozen=True):
    """Two pictures that one person is shown.

    Attributes:
        name: What a vote names; it says nothing of the sides.
        place: Its turn for this person, from 1.
        of: How many there are.
        chosen: What this person said before; None: nothing yet.
    """

    name: str
    place: int
    of: int
    chosen: Choice | None = None


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said of one pair.

    Attributes:
        at: When.
        voter: Who, by the name that they gave.
        pair: Which pair.
        chosen: Which side they take for the real one.
        found: `real`, `painted` or `unsure`: what they took for real, whatever the side.
        same: Whether both show the same subject, or are in the same style; None: they did not say.
    """

    at: str
    voter: Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST_NAME)]
    pair: str
    chosen: Choice
    found: Literal["real", "painted", "unsure"]
    same: bool | None = None


class BlindJudging:
    """One judging, put before people.

    Args:
        run: The run's folder.
        folder: The judging's own.
        report: What it came to so far: its cells, and what each is held beside.
    """

    def __init__(self, run: Path, folder: Path, report: JudgementReport) -> None:
        self._run = run
        self._folder = folder
        self._report = report
        self._cells = {cell.name: cell for cell in report.cells if cell.picture and cell.references}

    @property
    def question(self) -> str:
        """What is asked beside which one is real."""
        return "Do both show the same one?" if self._report.kind == "subject" else "Are both in the same style?"

    def pairs(self, voter: str) -> tuple[BlindPair, ...]:
        """The pairs in this person's order.

        Raises:
            VoteRefused: That is no name.
            RunUnusable: The votes cannot be read.
        """
        voter = _name(voter)
        said = {vote.pair: vote.chosen for vote in read_votes(self._folder) if vote.voter == voter}
        order = sorted(self._cells, key=lambda name: self._drawn("order", voter, name))
        return tuple(BlindPair(name, at, len(order), said.get(name)) for at, name in enumerate(order, 1))

    def picture(self, voter: str, pair: str, side: Side) -> bytes:
        """One side of a pair as a PNG of nothing but pixels, as large as the other side.

        Raises:
            VoteRefused: There is no such pair, or a picture of it cannot be read any more.
        """
        cell = self._cell(pair)
        both = {"painted": self._run / str(cell.picture), "real": self._run / self._beside(cell)}
        wanted = self._what(_name(voter), pair, side)
        return _shown(both[wanted], both["painted" if wanted == "real" else "real"])

    def vote(self, voter: str, pair: str, chosen: Choice, *, same: bool | None = None) -> Vote:
        """Count a vote; it is on disk when this returns.

        Raises:
            VoteRefused: That is no name, or there is no such pair.
            RunUnusable: It cannot be written.
        """
        voter = _name(voter)
        self._cell(pair)
        found: Literal["real", "painted", "unsure"] = (
            "unsure" if chosen == "unsure" else self._what(voter, pair, chosen)
        )
        vote = Vote(at=now(), voter=voter, pair=pair, chosen=chosen, found=found, same=same)
        _append(self._folder / VOTES, vote)
        return vote

    def standing(self) -> Mapping[str, Sequence[Vote]]:
        """The votes that count, by pair."""
        found: dict[str, list[Vote]] = {name: [] for name in self._cells}
        for vote in _counted(read_votes(self._folder)):
            if vote.pair in found:
                found[vote.pair].append(vote)
        return found

    def agreement(self) -> Agreement:
        """How far people agree about which one is real."""
        votes: dict[str, dict[str, str]] = {}
        for pair, cast in self.standing().items():
            for vote in cast:
                votes.setdefault(vote.voter, {})[pair] = vote.found
        return agreement(votes)

    def _cell(self, pair: str) -> JudgedCell:
        if pair not in self._cells:
            raise VoteRefused(f"there is no pair {pair!r} in this judging; open its page again")
        return self._cells[pair]

    def _beside(self, cell: JudgedCell) -> str:
        """The same one for everybody, so that their votes are of the same things."""
        return min(cell.references, key=lambda reference: self._drawn("beside", cell.name, reference))

    def _what(self, voter: str, pair: str, side: Side) -> Literal["real", "painted"]:
        real_side = "left" if self._drawn("side", voter, pair)[0] & 1 else "right"
        return "real" if side == real_side else "painted"

    def _drawn(self, *parts: str) -> bytes:
        """Chance that is the same whenever it is asked for."""
        text = "\0".join((self._report.digest, str(self._report.number), *parts))
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()


def read_votes(folder: Path) -> list[Vote]:
    """Every vote of a judging, in the order that they were cast in; a last line that was cut off was never counted.

    Args:
        folder: The judging's own.

    Raises:
        RunUnusable: A whole line cannot be read.
    """
    path = folder / VOTES
    try:
        *lines, _ = path.read_bytes().split(b"\n")
        return [msgspec.json.decode(line, type=Vote) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunUnusable(str(path), str(error), "take out the line; the others count") from error


def scores_of(votes: Sequence[Vote]) -> tuple[Score, ...]:
    """What people's votes on one pair come to.

    Whoever cannot tell the two apart takes the painted one for real half of the time, which is therefore 1.

    Args:
        votes: Those that count; at least one.
    """
    found = Counter(vote.found for vote in votes)
    taken = (found["painted"] + found["unsure"] / 2) / len(votes)
    sentence = f"{found['painted']} of {len(votes)} took it for real, {found['unsure']} could not tell"
    scores = [Score(PHOTOGRAPHIC, min(1.0, 2 * taken), sentence)]
    said = [vote.same for vote in votes if vote.same is not None]
    if said:
        scores.insert(0, Score(IDENTITY, sum(said) / len(said), f"{sum(said)} of {len(said)} say it is the same"))
    return tuple(scores)


def _counted(votes: Sequence[Vote]) -> list[Vote]:
    return list({(vote.voter, vote.pair): vote for vote in votes}.values())


def _name(voter: str) -> str:
    name = " ".join(voter.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise VoteRefused(
            f"a name has 1 to {_LONGEST_NAME} printable characters; give one, so that votes can be told apart"
        )
    return name


def _append(path: Path, vote: Vote) -> None:
    """Over what is left of a line that was cut off, while nobody else appends."""
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            file.truncate(text.rfind(b"\n") + 1)
            file.write(msgspec.json.encode(vote) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            if not text:
                sync_folder(path.parent)
    except OSError as error:
        raise RunUnusable(str(path), error.strerror or str(error), "make room for it and vote again") from error


def _shown(wanted: Path, other: Path) -> bytes:
    """Cut to the shape and size that both have room for; nothing else of the file goes along."""
    from PIL import Image, ImageOps

    try:
        with Image.open(wanted) as one, Image.open(other) as two:
            sizes = [ImageOps.exif_transpose(each).size for each in (one, two)]
            picture = ImageOps.exif_transpose(one).convert("RGB")
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise VoteRefused(f"a picture of this pair cannot be read any more ({error}); judge the run again") from error
    width, height = min(size[0] for size in sizes), min(size[1] for size in sizes)
    shrunk = min(1.0, _LONGEST_SIDE / max(width, height))
    size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    bare = Image.frombytes("RGB", size, ImageOps.fit(picture, size).tobytes())
    shown = io.BytesIO()
    bare.save(shown, "PNG")
    return shown.getvalue()
