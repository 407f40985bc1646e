"""`python -m tests.client.batch.published.killed FOLDER`: publishing that is killed at every call the disk hears of.

Each is a process of its own, forked from one that has no other thread. What came of them is printed as JSON.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path

import msgspec

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.published.document import PublishedManifest
from kilnmark.client.batch.published.publish import publish
from kilnmark.client.batch.run.decisions import decide_picture
from kilnmark.client.batch.run.manifest import Manifest, write_manifest
from tests.client.batch.samples import picture
from tests.killed import Place, kills

PLACES: tuple[Place, ...] = (
    (os, "fsync"),
    (Path, "replace"),
    (Path, "open"),
    (os, "open"),
    (Path, "unlink"),
    (Path, "mkdir"),
)

BEFORE, AFTER = ("kept", "changed", "gone"), ("kept", "changed", "new")


def begin(folder: Path, names: tuple[str, ...], state: str) -> None:
    """A folder with these pictures accepted, one of which has other bytes in each state."""
    folder.mkdir()
    write_manifest(folder, Manifest(pictures=[picture(file=f"ash/{name}.png", name=name) for name in names]))
    (folder / "ash").mkdir(exist_ok=True)
    for name in names:
        (folder / f"ash/{name}.png").write_text(f"changed {state}" if name == "changed" else name)
        decide_picture(folder, f"ash/{name}.png", PickWord.ACCEPTED)


def publish_all(out: Path, to: Path) -> None:
    publish(out, str(to), PicksFiles.of(out).read())


def there(to: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in sorted((to / "ash").glob("*.png"))}


def main(root: Path) -> dict[str, object]:
    """Killed at each place in turn, and then published again."""
    old, out = root / "old", root / "out"
    begin(old, BEFORE, "before")
    begin(out, AFTER, "after")

    def begun(count: int) -> partial[None]:
        publish_all(old, root / f"to-{count}")
        return partial(publish_all, out, root / f"to-{count}")

    came = []
    for count, _ in kills(PLACES, begun):
        to = root / f"to-{count}"
        found = there(to)
        named = {Path(each.file).stem for each in decoded(to).pictures}
        if not named <= set(found) or found["changed"] not in {"changed before", "changed after"}:
            raise AssertionError(count, found)
        if any(found.get(name, name) != name for name in ("kept", "new", "gone")):
            raise AssertionError(count, found)
        came.append(sorted(named))
        publish_all(out, to)
        if there(to) != {"kept": "kept", "changed": "changed after", "new": "new"} or stray(to):
            raise AssertionError(count, there(to), stray(to))
    return {"kills": len(came) - 1, "old": came.count(sorted(BEFORE)), "new": came.count(sorted(AFTER))}


def decoded(to: Path) -> PublishedManifest:
    return msgspec.json.decode((to / "manifest.json").read_bytes(), type=PublishedManifest)


def stray(to: Path) -> list[str]:
    """Files that are neither pictures nor the manifest."""
    return [path.name for path in to.rglob("*") if path.is_file() and path.suffix != ".png" and path.name[0] == "."]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
