"""Everything that writes decisions and pictures, killed at random moments of its work.

What was acknowledged is looked for after each kill, and what was cut short is done again, as a person would.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from itertools import cycle

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.batch.run.picture import Picture
from scripts.pack_trial.house import House, Server
from scripts.pack_trial.session import Told, batch_words, hashes, painted_twice, published_hashes

__all__ = ["Killer"]

_MOST_TRIES = 4
"""How often one work is begun, for each kill that is wanted: one may be done before it comes."""

_PERSON = "Ada"

_USUAL = 2.0
"""Seconds that a command is thought to take, until one took less."""


class Killer:
    """Kills, and keeps its own account of what was acknowledged.

    Args:
        house: With pictures, and a daemon that paints.
        seed: Of the moments.
    """

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._random = random.Random(seed)  # noqa: S311 - reproducible, and no secret
        self._standing: dict[str, frozenset[PickWord | None]] = {}
        self._usual: dict[str, float] = {}
        self._turn = 0
        self.lost: set[str] = set()

    def kill(self, count: int, told: Told) -> None:
        """So many times, the kinds of work in turn."""
        self.note()
        works: Iterator[Callable[[], bool]] = cycle((self._batch, self._decision, self._review, self._publishing))
        kills = tries = 0
        while kills < count and tries < count * _MOST_TRIES:
            tries += 1
            kills += next(works)()
            self.look()
        told.figures |= {"kills": kills, "decisions_lost": len(self.lost), "decisions": len(self._standing)}
        told.promise(kills == count, f"{kills} kills came while there was work, of {tries} tries")
        told.promise(not self.lost, f"no decision is lost of {len(self._standing)}: {sorted(self.lost)}")
        self._end_all(told)

    def _end_all(self, told: Told) -> None:
        """Whatever was cut short comes to its end, and everything is as it is said to be."""
        done = [self._house.run(*batch_words(self._house, kind)) for kind in ("poi", "portrait")]
        told.promise([each.code for each in done] == [0, 0], "batches after the kills end with 0")
        published = self._house.run(*self._publish_words)
        told.promise(published.code == 0, f"publishing after the kills ends with 0: {published.err}")
        accepted = {
            each.sha256
            for pick in PicksFiles.of(self._house.pictures).read().entries
            for each in pick.that_are(PickWord.ACCEPTED)
        }
        there = published_hashes(self._house)
        lying = accepted & set(hashes(self._house).values())
        told.promise(lying <= set(there.values()) <= accepted, "after the kills what is published is what is accepted")
        manifest = read_manifest(self._house.pictures)
        told.promise(
            all(hashes(self._house)[each.file] == each.sha256 for each in manifest.pictures),
            "after the kills every picture's bytes are what the manifest says",
        )
        told.figures["painted_twice"] = painted_twice(self._house, self._house.rendered())
        told.figures["published_after_kills"] = len(there)

    def _batch(self) -> bool:
        """Re-roll an entry; then the batch goes on where it was."""
        picture = self._next()
        words = (*batch_words(self._house, picture.kind), "--only", picture.name)
        killed = self._killed(*words, "--reroll")
        done = self._house.run(*words)
        if done.code:
            raise RuntimeError(f"a batch did not go on: {done.err}")
        return killed

    def _decision(self) -> bool:
        """A word from the terminal; it counts as said once the command has ended well."""
        picture = self._next()
        word = self._random.choice((PickWord.ACCEPTED, PickWord.REJECTED))
        verb = "accept" if word is PickWord.ACCEPTED else "reject"
        words = ("picks", verb, str(self._house.pictures), picture.file, "--by", _PERSON)
        self._asked(picture, word)
        killed = self._killed(*words)
        if killed:
            self.look()
            if self._house.run(*words).code:
                raise RuntimeError(f"{picture.file} could not be decided about again")
        self._acknowledged(picture, word)
        return killed

    def _review(self) -> bool:
        """Words through the page's server, which dies between or within them."""
        killed = False
        with self._house.review(self._house.pictures, _PERSON) as server:
            csrf = server.form_token()
            for number in range(self._random.randint(1, 4)):
                self._decide(server, csrf, number)
            picture = self._next()
            self._asked(picture, PickWord.ACCEPTED)
            delay = self._random.uniform(0.0, 0.05)
            with _killing(server, delay):
                try:
                    if server.decide(csrf, picture.file, "accepted", "the light"):
                        self._acknowledged(picture, PickWord.ACCEPTED)
                except (OSError, HTTPException):
                    killed = True
            killed = killed or server.process.returncode is not None
        print(f"killed  review after {delay:.3f} s", flush=True)
        return killed

    def _decide(self, server: Server, csrf: str, number: int) -> None:
        picture = self._next()
        word = PickWord.REJECTED if number % 2 else PickWord.ACCEPTED
        if not server.decide(csrf, picture.file, word, "seen again"):
            raise RuntimeError(f"the review did not take {word} of {picture.file}")
        self._acknowledged(picture, word)

    def _publishing(self) -> bool:
        killed = self._killed(*self._publish_words)
        if self._house.run(*self._publish_words).code:
            raise RuntimeError("publishing did not complete what was begun")
        published_hashes(self._house)
        return killed

    def _killed(self, *words: str) -> bool:
        """Within the time that such a command takes; the first of a kind is timed."""
        kind = " ".join(words[:2])
        usual = self._usual.get(kind, _USUAL)
        after = self._random.uniform(0.3, 1.0) * usual
        began = time.monotonic()
        killed = self._house.killed(after, *words)
        if not killed:
            self._usual[kind] = min(usual, time.monotonic() - began)
        print(f"{'killed' if killed else 'ended '}  {kind} after {after:.3f} s", flush=True)
        return killed

    def look(self) -> None:
        """Whether all that was acknowledged stands; what does not is lost."""
        found = {
            picture.sha256: {said.by: said.word for said in picture.said}
            for pick in PicksFiles.of(self._house.pictures).read().entries
            for picture in pick.pictures
        }
        for sha256, words in self._standing.items():
            if found.get(sha256, {}).get(_PERSON) not in words:
                self.lost.add(sha256)

    def _asked(self, picture: Picture, word: PickWord) -> None:
        """From now until it is acknowledged, what stood before may stand, or this."""
        sha256 = self._sha(picture)
        self._standing[sha256] = self._standing.get(sha256, frozenset((None,))) | {word}

    def _acknowledged(self, picture: Picture, word: PickWord) -> None:
        self._standing[self._sha(picture)] = frozenset((word,))

    def note(self) -> None:
        """What was decided before the first kill."""
        for pick in PicksFiles.of(self._house.pictures).read().entries:
            for picture in pick.pictures:
                for said in picture.said:
                    if said.by == _PERSON:
                        self._standing[picture.sha256] = frozenset((said.word,))

    def _next(self) -> Picture:
        """Each picture in its turn."""
        pictures = read_manifest(self._house.pictures).pictures
        self._turn += 7
        return pictures[self._turn % len(pictures)]

    def _sha(self, picture: Picture) -> str:
        return hashes(self._house)[picture.file]

    @property
    def _publish_words(self) -> tuple[str, ...]:
        return "picks", "publish", str(self._house.pictures), str(self._house.published)


class _killing:  # noqa: N801 - reads as what it does
    """Kill a server after so long, by its own process; it is gone when this ends."""

    def __init__(self, server: Server, delay: float) -> None:
        self._server = server
        self._timer = threading.Timer(delay, server.process.kill)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.join()
        self._server.process.wait()
