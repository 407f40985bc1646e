"""Accepted pictures in a place: exactly they, under names that stay, whoever is killed meanwhile."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.errors import CannotPublish
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.published.document import PublishedManifest
from kilnmark.client.batch.published.publish import COMING, Publication, publish
from kilnmark.client.batch.run.decisions import decide_picture, file_hash
from kilnmark.client.batch.run.manifest import Manifest, read_manifest, write_manifest
from kilnmark.client.batch.run.picture import Picture
from tests.client.batch.samples import picture

ROOT = Path(__file__).resolve().parents[4]
NAMES = ("alder", "birch", "cedar")


def entry(name: str, **changes: object) -> Picture:
    return picture(file=f"ash/mire/poi/{name}.png", name=name, **changes)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Three pictures of one seed each, none of them decided about."""
    folder = tmp_path / "out"
    folder.mkdir()
    fill(folder, [entry(name) for name in NAMES])
    return folder


def fill(folder: Path, pictures: list[Picture]) -> None:
    write_manifest(folder, Manifest(pictures=pictures))
    for each in pictures:
        (folder / each.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / each.file).write_text(f"{each.name} {each.seed}")


def accept(folder: Path, *names: str) -> None:
    for name in names:
        decide_picture(folder, f"ash/mire/poi/{name}.png", PickWord.ACCEPTED, by="Ada", reason="moody")


def published(folder: Path, to: Path | str) -> Publication:
    return publish(folder, str(to), PicksFiles.of(folder).read())


def there(to: Path) -> dict[str, str]:
    return {str(path.relative_to(to / "ash/mire/poi")): path.read_text() for path in sorted(to.rglob("*.png"))}


def manifest(to: Path) -> PublishedManifest:
    return msgspec.json.decode((to / "manifest.json").read_bytes(), type=PublishedManifest)


def test_accepted_pictures_are_there_with_what_they_are_made_of_and_who_accepted_them(
    out: Path, tmp_path: Path
) -> None:
    accept(out, "alder", "birch")
    decide_picture(out, "ash/mire/poi/cedar.png", PickWord.REJECTED)
    done = published(out, tmp_path / "game")
    assert done.added == ("ash/mire/poi/alder.png", "ash/mire/poi/birch.png")
    assert there(tmp_path / "game") == {"alder.png": "alder 7", "birch.png": "birch 7"}
    first = manifest(tmp_path / "game").pictures[0]
    assert (first.name, first.seed, first.accepted_by, first.reason) == ("alder", 7, "Ada", "moody")
    assert (first.prompt, first.sha256) == ("a stair of glass", file_hash(out / "ash/mire/poi/alder.png"))


def test_what_is_no_longer_accepted_goes_and_nothing_of_anybody_else(out: Path, tmp_path: Path) -> None:
    accept(out, "alder", "birch")
    published(out, tmp_path / "game")
    (tmp_path / "game/ash/mire/poi/ours.png").write_text("drawn by hand")
    decide_picture(out, "ash/mire/poi/birch.png", PickWord.OPEN, by="Ada")
    done = published(out, tmp_path / "game")
    assert (done.removed, done.kept) == (("ash/mire/poi/birch.png",), ("ash/mire/poi/alder.png",))
    assert sorted(there(tmp_path / "game")) == ["alder.png", "ours.png"]


def test_a_draft_is_not_published_though_its_bytes_were_accepted(out: Path, tmp_path: Path) -> None:
    accept(out, "alder", "birch")
    known = read_manifest(out)
    drafts = [msgspec.structs.replace(each, draft=each.name == "alder") for each in known.pictures]
    write_manifest(out, msgspec.structs.replace(known, pictures=drafts))
    assert published(out, tmp_path / "game").added == ("ash/mire/poi/birch.png",)


def test_publishing_again_writes_nothing(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    published(out, tmp_path / "game")
    before = (tmp_path / "game/manifest.json").stat().st_mtime_ns
    done = published(out, tmp_path / "game")
    assert (done.added, done.replaced, done.removed, done.kept) == ((), (), (), ("ash/mire/poi/alder.png",))
    assert (tmp_path / "game/manifest.json").stat().st_mtime_ns == before


def test_a_published_file_that_was_spoilt_is_put_there_again(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    published(out, tmp_path / "game")
    (tmp_path / "game/ash/mire/poi/alder.png").write_text("scribbled on")
    assert published(out, tmp_path / "game").replaced == ("ash/mire/poi/alder.png",)
    assert there(tmp_path / "game") == {"alder.png": "alder 7"}


def test_what_is_stale_stays_as_it_was_accepted_and_says_so_until_somebody_decides(out: Path, tmp_path: Path) -> None:
    accept(out, "alder", "birch")
    published(out, tmp_path / "game")
    fill(out, [entry("alder", prompt="another", seed=8, inputs="1" * 64), entry("birch", status="failed", message="x")])
    done = published(out, tmp_path / "game")
    assert done.stale == done.kept == ("ash/mire/poi/alder.png", "ash/mire/poi/birch.png")
    assert there(tmp_path / "game")["alder.png"] == "alder 7"
    assert all(each.stale for each in manifest(tmp_path / "game").pictures)
    accept(out, "alder")
    assert published(out, tmp_path / "game").replaced == ("ash/mire/poi/alder.png",)
    assert there(tmp_path / "game")["alder.png"] == "alder 8"


def test_what_is_stale_and_lost_there_is_put_there_again_or_is_not_told_of(out: Path, tmp_path: Path) -> None:
    accept(out, "alder", "birch")
    published(out, tmp_path / "game")
    old = read_manifest(out).pictures[0]
    fill(out, [entry(name, prompt="another", seed=8, inputs="1" * 64) for name in ("alder", "birch")])
    aside = msgspec.structs.replace(
        old, file="_earlier/alder.png", sha256=manifest(tmp_path / "game").pictures[0].sha256
    )
    (out / "_earlier").mkdir()
    (out / "_earlier/alder.png").write_text("alder 7")
    write_manifest(out, msgspec.structs.replace(read_manifest(out), earlier=[aside]))
    for path in (tmp_path / "game").rglob("*.png"):
        path.unlink()
    done = published(out, tmp_path / "game")
    assert (done.replaced, done.removed) == (("ash/mire/poi/alder.png",), ("ash/mire/poi/birch.png",))
    assert there(tmp_path / "game") == {"alder.png": "alder 7"}
    assert [each.name for each in manifest(tmp_path / "game").pictures] == ["alder"]


def test_a_draft_that_was_accepted_by_hand_takes_no_published_picture_away(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    published(out, tmp_path / "game")
    fill(out, [entry("alder", prompt="another", seed=8, inputs="1" * 64)])
    draft = picture(file="ash/mire/poi/alder.draft.png", name="alder", seed=9)
    (out / draft.file).write_text("a draft")
    known = read_manifest(out)
    write_manifest(out, msgspec.structs.replace(known, pictures=[*known.pictures, draft]))
    decide_picture(out, draft.file, PickWord.ACCEPTED, by="Ada")
    drafts = [*known.pictures, msgspec.structs.replace(draft, draft=True)]
    write_manifest(out, msgspec.structs.replace(known, pictures=drafts))
    assert published(out, tmp_path / "game").kept == ("ash/mire/poi/alder.png",)


def test_what_is_stale_and_was_never_published_is_not(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    fill(out, [entry("alder", prompt="another", seed=8, inputs="1" * 64)])
    assert published(out, tmp_path / "game").added == ()


def test_what_is_stale_and_rejected_goes(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    published(out, tmp_path / "game")
    fill(out, [entry("alder", prompt="another", seed=8, inputs="1" * 64)])
    decide_picture(out, "ash/mire/poi/alder.png", PickWord.REJECTED, by="Ada")
    assert published(out, tmp_path / "game").removed == ("ash/mire/poi/alder.png",)


def test_of_several_pictures_of_an_entry_the_first_accepted_has_its_name(out: Path, tmp_path: Path) -> None:
    takes = [entry("alder"), picture(file="ash/mire/poi/alder.s2.png", name="alder", take=2, seed=8)]
    takes.append(picture(file="ash/mire/poi/alder.s3.png", name="alder", take=3, seed=9))
    fill(out, takes)
    accept(out, "alder.s2", "alder.s3")
    published(out, tmp_path / "game")
    assert there(tmp_path / "game") == {"alder.png": "alder 8", "alder.s2.png": "alder 9"}


def test_an_entry_that_is_gone_is_published_no_more(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    published(out, tmp_path / "game")
    fill(out, [entry("alder", gone=True)])
    assert published(out, tmp_path / "game").removed == ("ash/mire/poi/alder.png",)
    assert there(tmp_path / "game") == {}


def test_a_file_of_somebody_else_is_not_written_over(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    place = tmp_path / "game/ash/mire/poi/alder.png"
    place.parent.mkdir(parents=True)
    place.write_text("drawn by hand")
    with pytest.raises(CannotPublish, match="not published by kilnmark"):
        published(out, tmp_path / "game")
    assert place.read_text() == "drawn by hand"
    assert not (tmp_path / "game/manifest.json").exists()


def test_a_batchs_own_folder_is_no_place(out: Path) -> None:
    accept(out, "alder")
    with pytest.raises(CannotPublish, match="none of published pictures"):
        published(out, out)
    assert len(read_manifest(out).pictures) == 3


def test_a_folder_without_a_batch_empties_no_place(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    published(out, tmp_path / "game")
    with pytest.raises(CannotPublish, match="no batch has written there"):
        published(tmp_path, tmp_path / "game")
    assert there(tmp_path / "game")


@pytest.mark.parametrize("name", ["../../victim.png", "/etc/victim.png", "a\\b.png", "ash/notes.txt"])
def test_a_manifest_that_names_files_elsewhere_removes_none(out: Path, tmp_path: Path, name: str) -> None:
    accept(out, "alder")
    published(out, tmp_path / "game")
    text = (tmp_path / "game/manifest.json").read_text().replace("ash/mire/poi/alder.png", json.dumps(name)[1:-1])
    (tmp_path / "game/manifest.json").write_text(text)
    with pytest.raises(CannotPublish, match="name of no picture"):
        published(out, tmp_path / "game")


def test_a_batchs_manifest_that_leads_out_of_its_folder_publishes_nothing(out: Path, tmp_path: Path) -> None:
    fill(out, [picture(file="../secret/alder.png", name="alder")])
    decide_picture(out, "../secret/alder.png", PickWord.ACCEPTED, by="Ada")
    with pytest.raises(CannotPublish, match="leads out of it"):
        published(out, tmp_path / "there/game")
    assert [path.name for path in (tmp_path / "there").rglob("*")] == ["game"]


def test_a_link_that_leads_out_is_not_followed(out: Path, tmp_path: Path) -> None:
    accept(out, "alder")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "game").mkdir()
    (tmp_path / "game/ash").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotPublish, match="leads out"):
        published(out, tmp_path / "game")
    assert not list((tmp_path / "elsewhere").rglob("*.png"))


def test_an_address_is_published_to_and_emptied_again(out: Path) -> None:
    import fsspec

    accept(out, "alder", "birch")
    published(out, "memory://game/pictures")
    store = fsspec.filesystem("memory")
    assert store.cat_file("/game/pictures/ash/mire/poi/alder.png") == b"alder 7"
    decide_picture(out, "ash/mire/poi/alder.png", PickWord.REJECTED, by="Ada")
    done = published(out, "memory://game/pictures")
    assert (done.removed, done.kept) == (("ash/mire/poi/alder.png",), ("ash/mire/poi/birch.png",))
    assert not store.exists("/game/pictures/ash/mire/poi/alder.png")
    assert not store.exists(f"/game/pictures/{COMING}")


def test_an_address_that_nothing_is_known_of_is_told(out: Path) -> None:
    with pytest.raises(CannotPublish, match="nowhere://x"):
        published(out, "nowhere://x")


@pytest.mark.slow
def test_killed_anywhere_each_file_is_the_old_or_the_new_and_the_next_run_completes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.client.batch.published.killed", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] >= 20
    assert told["old"] + told["new"] == told["kills"] + 1
    assert told["new"] >= 3
