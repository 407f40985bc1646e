"""`picks.yaml` as bytes, both ways: read by its model, written a field a line with every text in double quotes, so that
it is text to every reader of YAML, whatever it looks like.

No file is opened here.
"""

import json
from collections.abc import Iterator
from threading import Lock
from typing import Final

from kilnmark.client.batch.picks.merged import merged_picks
from kilnmark.client.batch.picks.said import EntryName, EntryPick, PickedPicture, Picks, PickWord, PinnedSeeds, Said
from kilnmark.client.batch.plan.outputs import OWN_TIERS
from kilnmark.protocol.content.picked import PinStamp, WrittenPick, WrittenPicture, WrittenWord, parse_picks
from kilnmark.protocol.printable import encodable

__all__ = ["HEAD", "SCHEMA_FILE", "picks_bytes", "picks_of", "remember"]

SCHEMA_FILE: Final = "picks.schema.json"
"""What `kilnmark pack schemas` puts into a folder."""

HEAD = """\
# What people decided about the pictures of a pack: accepted, rejected and why, pinned seeds. `kilnmark picks`, `batch
# --reroll` and the review page write it. It may be written by hand too, as `seed: 12` or `seeds: [12, 99]` of an entry;
# comments are not kept. Two copies are merged with `kilnmark picks merge`.
"""


_REMEMBERED: Final = 8
"""Documents whose meaning is remembered, the longest known forgotten first."""


class _Remembered:
    """What documents were found to say, or were written to say."""

    def __init__(self) -> None:
        self._known: dict[bytes, Picks] = {}
        self._lock = Lock()

    def get(self, data: bytes) -> Picks | None:
        return self._known.get(data)

    def keep(self, data: bytes, picks: Picks) -> None:
        with self._lock:
            self._known[data] = picks
            while len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]


_remembered = _Remembered()


def remember(data: bytes, picks: Picks) -> None:
    """Spare the reading of a document that was just written: who decides often reads what they wrote themselves.

    Args:
        data: What `picks_bytes` made.
        picks: Of what; merged, so that reading it would come to the very same.
    """
    _remembered.keep(data, picks)


def picks_of(data: bytes, file: str) -> Picks:
    """What a document says; that of one entry which stands twice is merged.

    Args:
        data: The file's bytes.
        file: What problems are to call it.

    Raises:
        UnusableContent: It cannot be used as it stands; with every problem.
    """
    known = _remembered.get(data)
    if known is None:
        known = merged_picks(_entry_read(each) for each in parse_picks(data, file).picks)
        _remembered.keep(data, known)
    return known


def _entry_read(each: WrittenPick) -> EntryPick:
    values, stamp = each.pinned_seeds, each.pinned or PinStamp()
    seeds = None
    if values is not None:
        seeds = PinnedSeeds(values=values, by=stamp.by, at=stamp.at or "", before=stamp.before)
    return EntryPick(
        entry=EntryName.of(each.genre, each.world, each.kind, each.name, each.tier or OWN_TIERS[each.kind]),
        seeds=seeds,
        pictures=tuple(map(_picture_read, each.pictures)),
        rolls=each.rolls,
    )


def _picture_read(each: WrittenPicture) -> PickedPicture:
    said = tuple(map(_word_read, each.said))
    return PickedPicture(sha256=each.sha256, seed=each.seed, inputs=each.inputs, file=each.file, said=said)


def _word_read(each: WrittenWord) -> Said:
    return Said(word=PickWord(each.word), by=each.by, at=each.at or "", reason=each.reason)


def picks_bytes(picks: Picks, *, names_schema: bool = False) -> bytes:
    """As a document; the same picks are the same bytes.

    Args:
        names_schema: Let its first line name the schema that lies beside it, for editors.
    """
    first = f"# yaml-language-server: $schema={SCHEMA_FILE}\n" if names_schema else ""
    lines = [f"{first}{HEAD}schema: 1", "picks:" if picks.entries else "picks: []"]
    for pick in picks.entries:
        lines += _entry_lines(pick)
    return ("\n".join(lines) + "\n").encode()


def _entry_lines(pick: EntryPick) -> Iterator[str]:
    entry, seeds = pick.entry, pick.seeds
    yield f"- genre: {_text(entry.genre)}"
    if entry.world is not None:
        yield f"  world: {_text(entry.world)}"
    yield f"  kind: {entry.kind}"
    yield f"  name: {_text(entry.name)}"
    yield f"  tier: {_text(entry.tier)}"
    if seeds is not None:
        yield f"  seeds: {json.dumps(seeds.values)}"
        before = f", before: {json.dumps(seeds.before)}" if seeds.before else ""
        yield f"  pinned: {{{_stamp(seeds.by, seeds.at)}{before}}}"
    if pick.rolls:
        yield f"  rolls: {pick.rolls}"
    if pick.pictures:
        yield "  pictures:"
    for picture in pick.pictures:
        yield from _picture_lines(picture)


def _picture_lines(picture: PickedPicture) -> Iterator[str]:
    yield f"  - sha256: {_text(picture.sha256)}"
    if picture.seed is not None:
        yield f"    seed: {picture.seed}"
    if picture.inputs:
        yield f"    inputs: {_text(picture.inputs)}"
    if picture.file:
        yield f"    file: {_text(picture.file)}"
    if picture.said:
        yield "    said:"
    for each in picture.said:
        reason = f", reason: {_text(each.reason)}" if each.reason else ""
        yield f"    - {{word: {each.word}, {_stamp(each.by, each.at)}{reason}}}"


def _stamp(by: str, at: str) -> str:
    return f"by: {_text(by)}, at: {_text(at)}" if at else f"by: {_text(by)}"


def _text(text: str) -> str:
    """In double quotes, with everything spelled that is none to look at."""
    quoted = json.dumps(encodable(text), ensure_ascii=False)
    return quoted if quoted.isprintable() else "".join(c if c.isprintable() else _spelled(c) for c in quoted)


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"
