"""What the person of a trial does with sixty places and twenty portraits, and what came of it, as figures and promises.
Nothing is killed here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kilnmark.client.batch.page.page import PAGE
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.published.document import PublishedManifest
from kilnmark.client.batch.run.decisions import file_hash
from kilnmark.client.batch.run.manifest import MANIFEST, read_manifest
from kilnmark.protocol.exits import ExitCode
from scripts.pack_trial.house import Done, House
from scripts.pack_trial.pack import DEAD_GENRE, GENRE, Entries, begin, give_adapter, write_dead_genre

import msgspec  # isort: skip - the only one that is not ours

__all__ = [
    "Told",
    "batch_words",
    "hashes",
    "painted_twice",
    "published_hashes",
    "session",
    "tell_of_a_dead_adapter",
]

_REASONS = ("too dark", "no bridge to be seen", "two moons", "a hand too many", "not this traveller")
_PINNED_SEED = 4242
_COLUMNS = 80
_DEAD_PLACES = 2
"""Which `pack init` begins a world with."""


@dataclass
class Told:
    """What a trial came to.

    Attributes:
        figures: By their names.
        broken: Promises that were not kept, each in a sentence.
    """

    figures: dict[str, float | int | None] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def promise(self, kept: bool, sentence: str) -> None:  # noqa: FBT001 - the promise itself
        """Note a promise that was not kept."""
        print(f"{'kept  ' if kept else 'BROKEN'}  {sentence}", flush=True)
        if not kept:
            self.broken.append(sentence)


def hashes(house: House) -> Mapping[str, str]:
    """The bytes of every picture that the manifest names, by its file."""
    manifest = read_manifest(house.pictures)
    return {each.file: file_hash(house.pictures / each.file) for each in manifest.pictures if each.status == "done"}


def published_hashes(house: House) -> Mapping[str, str]:
    """What lies where a game would look, by its name there; as its manifest says, and as its bytes are."""
    named = msgspec.json.decode((house.published / MANIFEST).read_bytes(), type=PublishedManifest)
    there = {path.relative_to(house.published).as_posix(): file_hash(path) for path in house.published.rglob("*.png")}
    if there != {each.file: each.sha256 for each in named.pictures}:
        raise AssertionError("what is published is not what its manifest says")
    return there


def painted_twice(house: House, rendered: int) -> int:
    """Pictures that the daemon painted beyond those that are there or lie aside."""
    manifest = read_manifest(house.pictures)
    return rendered - len({each.job_id for each in (*manifest.pictures, *manifest.earlier) if each.job_id})


def batch(house: House, kind: str, *more: str, genre: str = GENRE) -> Done:
    """A batch of one kind: pictures, no drafts."""
    return house.run(*batch_words(house, kind, genre), *more)


def batch_words(house: House, kind: str, genre: str = GENRE) -> tuple[str, ...]:
    """Its command; a later `--out` counts."""
    words = ("batch", kind, "--packs", str(house.packs), "--genre", genre, "--out", str(house.pictures), "--no-draft")
    return (*words, "--by", "Ada", "--socket", str(house.socket))


def picks(house: House, verb: str, *words: str) -> Done:
    """A decision by Ada from the terminal."""
    return house.run("picks", verb, str(house.pictures), *words, "--by", "Ada")


def session(house: House, entries: Entries, told: Told) -> None:
    """From painting to published pictures; the daemon is there."""
    count = entries.places + entries.people
    begin(house, entries)
    checked = house.run("pack", "check", str(house.packs), "--strict")
    told.promise(checked.code == ExitCode.DONE, "`pack check --strict` has nothing to say of the pack")
    done = [batch(house, kind, "--json") for kind in ("poi", "portrait")]
    told.promise([each.code for each in done] == [0, 0], f"both batches end with 0: {[each.err for each in done][-1:]}")
    told.promise(house.rendered() == len(hashes(house)) == count, f"{count} pictures are painted, each once")
    told.figures |= {"pictures": count, "painting_seconds": round(sum(each.seconds for each in done), 1)}
    before, others = hashes(house), _decide(house, entries, told)
    changed = _again(house, entries, told, before)
    published = set(published_hashes(house).values())
    told.promise(published == {before[file] for file in others}, "exactly the accepted pictures are published")
    _accept_new(house, told, changed)


def _bad(entries: Entries) -> list[str]:
    """The entries whose pictures are rejected: three places, two portraits."""
    places, people = entries.place_names, entries.people_names
    return [places[1], places[len(places) // 2], places[-1], people[0], people[-1]]


def _decide(house: House, entries: Entries, told: Told) -> Sequence[str]:
    """Reject five with reasons, accept all others; the files of those."""
    bad = _bad(entries)
    for name, reason in zip(bad, _REASONS, strict=True):
        told.promise(picks(house, "reject", name, "--reason", reason).code == 0, f"{name} is rejected: {reason}")
    good = [each.file for each in read_manifest(house.pictures).pictures if each.name not in bad]
    told.promise(picks(house, "accept", *good).code == 0, f"{len(good)} are accepted")
    told.figures |= {"rejected": len(bad), "accepted": len(good)}
    return good


def _again(house: House, entries: Entries, told: Told, before: Mapping[str, str]) -> Sequence[str]:
    """Three re-rolled, one pinned, one given its own adapter, and everything painted again; the files that changed."""
    bad = _bad(entries)
    rendered = house.rendered()
    rolled = [bad[0], bad[1]], [bad[3]]
    for kind, names in zip(("poi", "portrait"), rolled, strict=True):
        only = [word for name in names for word in ("--only", name)]
        told.promise(batch(house, kind, *only, "--reroll").code == 0, f"{' and '.join(names)} re-rolled")
    told.promise(picks(house, "pin", bad[4], str(_PINNED_SEED)).code == 0, f"{bad[4]} pinned to {_PINNED_SEED}")
    give_adapter(house, bad[2])
    told.promise(batch(house, "poi").code == 0, f"{bad[2]} is painted with an adapter of its own")
    done = batch(house, "portrait", "--accepted-to", str(house.published))
    told.promise(done.code == 0, "the last batch publishes")
    after = hashes(house)
    changed = sorted(file for file in after if after[file] != before.get(file))
    names = sorted(each.name for each in read_manifest(house.pictures).pictures if each.file in changed)
    asked = house.rendered() - rendered
    told.promise(names == sorted(bad) and after.keys() == before.keys(), f"exactly these changed: {', '.join(names)}")
    told.promise(asked == len(bad), f"the daemon was asked for {asked} pictures, no more")
    told.figures |= {"changed": len(changed), "renders_again": asked}
    return changed


def _accept_new(house: House, told: Told, changed: Sequence[str]) -> None:
    """All new ones but the last, which is rejected again; published by the command of its own."""
    told.promise(picks(house, "accept", *changed[:-1]).code == 0, f"{len(changed) - 1} of the new ones are accepted")
    told.promise(picks(house, "reject", changed[-1], "--reason", _REASONS[0]).code == 0, "the last is rejected again")
    told.promise(house.run("picks", "publish", str(house.pictures), str(house.published)).code == 0, "all is published")
    accepted = {
        each.sha256
        for pick in PicksFiles.of(house.pictures).read().entries
        for each in pick.that_are(PickWord.ACCEPTED)
    }
    there = published_hashes(house)
    told.promise(set(there.values()) == accepted, f"{len(there)} are published: exactly what was accepted")
    told.figures["published"] = len(there)


def tell_of_a_dead_adapter(house: House, told: Told) -> None:
    """A genre one of whose adapters is all zeros: before the night, at 80 columns, on the page, and in the log."""
    dead = write_dead_genre(house)
    out = house.root / "dead"
    place = ("--out", str(out))
    dry = batch(house, "poi", *place, "--dry-run", genre=DEAD_GENRE)
    line = re.search(rf"{DEAD_GENRE}/visual_style\.yaml:\d+: ", dry.out + dry.err)
    told.promise(dry.code == ExitCode.NOT_ENGAGED and line is not None, f"the dry run finds {dead.name} dead, exit 3")
    done = house.seen(*batch_words(house, "poi", DEAD_GENRE), *place)
    first = done.out.splitlines()
    told.promise(done.code == ExitCode.NOT_ENGAGED, "the batch ends with 3")
    seen = first[0][:_COLUMNS]
    at_once = seen.startswith("dead    wash is noop: ") and "exactly zero" in seen
    told.promise(at_once, f"what a terminal of {_COLUMNS} columns shows first: {seen}")
    told.promise(
        first[1].startswith(f"        {_DEAD_PLACES} pictures failed by it: "), "then the pictures that failed"
    )
    told.promise(done.err.count("adapters: wash is noop: ") == _DEAD_PLACES, "the batch's log has a line a picture")
    page = (out / PAGE).read_text()
    headline = " ".join(re.sub("<[^>]*>", " ", page[page.index("<h1") : page.index("<article")]).split())
    is_told = f"{_DEAD_PLACES} failed" in headline or f"{_DEAD_PLACES} pictures failed" in headline
    told.promise(is_told and "exactly zero" in headline, "the page says above its pictures how many failed, and why")
    told.promise("adapters: wash noop" in house.log.read_text(), "the daemon's log names it")
