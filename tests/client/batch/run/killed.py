"""`python -m tests.client.batch.run.killed FOLDER`: pictures put aside and taken back, killed at every call of a disk.

Each is a process of its own, forked from one that has no other thread. What came of them is printed as JSON.
"""

import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import Picks, PickWord
from kilnmark.client.batch.picks.saying import moment_now, pinned
from kilnmark.client.batch.plan.plan import Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run.arranging import arrange, is_settled
from kilnmark.client.batch.run.decisions import decide_picture, file_hash
from kilnmark.client.batch.run.ledger import open_ledger
from kilnmark.client.batch.run.pinned import PinnedItem, pin_items
from tests.client.batch.packs import make_packs
from tests.client.batch.run.test_ledger import NOW, painted, record_of
from tests.killed import Place, kills

PLACES: tuple[Place, ...] = (
    (os, "fsync"),
    (os, "link"),
    (Path, "replace"),
    (Path, "unlink"),
    (Path, "mkdir"),
    (Path, "rmdir"),
)

OLD, NEW = 12, 99


def item_of(packs: Path, picks: Picks) -> PinnedItem:
    plan = make_plan(Wishes(kind="poi", packs=packs, limit=1, picks=picks), TokenCounter(env={}))
    return pin_items(plan.items, ["standin"], "standin", lambda _: "a" * 64, compare_base=False)[0]


def want(packs: Path, out: Path, seed: int) -> PinnedItem:
    """Pin a seed of the one entry there is."""
    files = PicksFiles.of(out)
    entry = item_of(packs, files.read()).planned.entry
    after = files.change(
        lambda picks: picks.with_entry(pinned(picks.of_entry(entry), [seed], by="Ada", now=moment_now()))
    )
    return item_of(packs, after)


def paint(packs: Path, out: Path) -> bool:
    """What a batch does with one picture; whether it had to be painted."""
    picks = PicksFiles.of(out).read()
    item = item_of(packs, picks)
    with open_ledger(out) as ledger:
        arrange(ledger, [item], NOW, picks, force=False)
        if is_settled(ledger, item, NOW, picks, force=False):
            return False
        made = painted(out.parent / f"made-{item.spec.seed}.png", record_of(item))
        ledger.write_done(item, ledger.take_in(item, made), [])
        return True


def killed_in(packs: Path, start: Path, root: Path, *, repaints: bool) -> int:
    """The batch that is due in a folder, killed at each place in turn, and then run again; how often it was killed."""
    hashes = {file_hash(path) for path in start.rglob("*.png")}

    def begun(count: int) -> partial[bool]:
        return partial(paint, packs, shutil.copytree(start, root / f"{repaints}-{count}"))

    times = 0
    for count, killed in kills(PLACES, begun):
        out = root / f"{repaints}-{count}"
        if not hashes <= {file_hash(path) for path in out.rglob("*.png")}:
            raise AssertionError(count, "a picture is lost")
        if paint(packs, out) and not repaints:
            raise AssertionError(count, "a picture was painted twice")
        with open_ledger(out) as ledger:
            item = item_of(packs, PicksFiles.of(out).read())
            if not ledger.has(item, NOW) or not hashes <= {file_hash(path) for path in out.rglob("*.png")}:
                raise AssertionError(count, "it did not come to its end")
            known = {each.sha256: each.seed for each in (*ledger.manifest.pictures, *ledger.earlier) if each.inputs}
            if any(file_hash(out / each.file) != each.sha256 for each in ledger.earlier):
                raise AssertionError(count, "one that lies aside is another")
            if len(known) != len(set(known.values())):
                raise AssertionError(count, known)
        times += killed
    return times


def main(root: Path) -> dict[str, int]:
    """A picture drawn anew, and the one before it taken back."""
    packs, out = make_packs(root / "packs", base_seed=7).root, root / "out"
    item = want(packs, out, OLD)
    paint(packs, out)
    decide_picture(out, item.output, PickWord.ACCEPTED, by="Ada")
    want(packs, out, NEW)
    rolled = killed_in(packs, out, root, repaints=True)
    paint(packs, out)
    want(packs, out, OLD)
    return {"rolled": rolled, "taken back": killed_in(packs, out, root, repaints=False)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
