"""The files of picks: merged when read, changed by many at once, whole whenever a writer is killed."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kilnmark.client.batch.errors import FolderUnusable, PicksHeld
from kilnmark.client.batch.picks.file import PicksFiles, read_picks
from kilnmark.client.batch.picks.said import EntryName, Picks
from kilnmark.client.batch.picks.saying import moment_now, pinned
from kilnmark.client.packs.editors import editor_line, write_schemas
from kilnmark.protocol.content.problems import UnusableContent

ROOT = Path(__file__).resolve().parents[4]
MILL, ROAD = (EntryName.of("ash", None, "poi", name, "landscape") for name in ("Mill", "Road"))


ANOTHER = """
import os, pathlib, sys
sys.path.insert(0, os.getcwd())
from tests.client.batch.picks import test_file as mine
files = mine.PicksFiles.of(pathlib.Path(sys.argv[1]))
files.read()  # so that all is imported
os.setuid(12345)
mine._pin(files, mine.ROAD, 2)
"""


def _pin(files: PicksFiles, entry: EntryName, seed: int) -> Picks:
    return files.change(
        lambda picks: picks.with_entry(pinned(picks.of_entry(entry), [seed], by="Ada", now=moment_now()))
    )


def test_what_is_decided_goes_beside_the_pictures_and_what_lies_beside_the_pack_counts_too(tmp_path: Path) -> None:
    out, packs = tmp_path / "out", tmp_path / "packs"
    _pin(PicksFiles.of(packs), MILL, 1)
    before = (packs / "picks.yaml").read_bytes()
    files = PicksFiles.of(out, packs)
    assert files.read().of_entry(MILL).pinned == (1,)
    assert _pin(files, ROAD, 2).of_entry(MILL).pinned == (1,)
    assert [each.entry for each in read_picks(out / "picks.yaml").entries] == [ROAD]
    _pin(files, MILL, 3)
    assert files.read().of_entry(MILL).pinned == (3,)
    assert (packs / "picks.yaml").read_bytes() == before


def test_what_was_written_is_read_as_what_stands_there(tmp_path: Path) -> None:
    files = PicksFiles.of(tmp_path)
    after = _pin(files, MILL, 1)
    data = (tmp_path / "picks.yaml").read_bytes()
    assert read_picks(tmp_path / "picks.yaml") == after
    (tmp_path / "picks.yaml").write_bytes(data + b"# and a remark\n")  # which nobody has read before
    assert read_picks(tmp_path / "picks.yaml") == after


def test_another_file_can_be_named_and_a_link_is_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "ours.yaml").write_text("picks: []\n")
    (tmp_path / "link.yaml").symlink_to(kept / "ours.yaml")
    _pin(PicksFiles.of(tmp_path / "out", named=tmp_path / "link.yaml"), MILL, 4)
    assert (tmp_path / "link.yaml").is_symlink()
    assert read_picks(kept / "ours.yaml").of_entry(MILL).pinned == (4,)


def test_a_file_that_cannot_be_read_is_told_and_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "picks.yaml").write_text("picks: [")
    with pytest.raises(UnusableContent, match=r"picks\.yaml"):
        _pin(PicksFiles.of(tmp_path), MILL, 1)
    assert (tmp_path / "picks.yaml").read_text() == "picks: ["
    with pytest.raises(UnusableContent, match="cannot be read"):
        read_picks(tmp_path)


def test_seeds_by_hand_that_later_ones_overrule_are_told(tmp_path: Path) -> None:
    out, packs = tmp_path / "out", tmp_path / "packs"
    packs.mkdir()
    (packs / "picks.yaml").write_text("picks:\n- {genre: ash, kind: poi, name: Mill, seed: 5}\n")
    files = PicksFiles.of(out, packs)
    assert (files.read().of_entry(MILL).pinned, list(files.overruled())) == ((5,), [])
    _pin(files, MILL, 6)
    (told,) = files.overruled()
    assert "seeds 5 do not count, since 6 were said later" in told
    _pin(PicksFiles.of(packs), MILL, 7)
    assert (files.read().of_entry(MILL).pinned, list(files.overruled())) == ((7,), [])


def test_the_schema_beside_it_is_named_for_editors(tmp_path: Path) -> None:
    _pin(PicksFiles.of(tmp_path), MILL, 1)
    assert "yaml-language-server" not in (tmp_path / "picks.yaml").read_text()
    write_schemas(tmp_path)
    _pin(PicksFiles.of(tmp_path), MILL, 2)
    assert (tmp_path / "picks.yaml").read_text().startswith(editor_line("picks.yaml"))


def test_a_pipe_and_a_device_are_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "picks.yaml")
    with pytest.raises(UnusableContent, match="is no regular file"):
        read_picks(tmp_path / "picks.yaml")
    (tmp_path / "endless.yaml").symlink_to("/dev/zero")
    with pytest.raises(UnusableContent, match="is no regular file"):
        read_picks(tmp_path / "endless.yaml")


def test_a_pipe_that_somebody_named_is_read_to_its_end(tmp_path: Path) -> None:
    _pin(PicksFiles.of(tmp_path), MILL, 1)
    reading, writing = os.pipe()
    os.write(writing, (tmp_path / "picks.yaml").read_bytes())
    os.close(writing)
    assert read_picks(Path(f"/dev/fd/{reading}"), waits=True).of_entry(MILL).pinned == (1,)
    os.close(reading)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    files = PicksFiles.of(tmp_path)
    _pin(files, MILL, 1)
    before = (tmp_path / "picks.yaml").read_bytes()
    with pytest.raises(UnusableContent, match="seeds"):
        files.change(lambda picks: picks.with_entry(pinned(picks.of_entry(ROAD), range(1001), by="", now=moment_now())))
    nameless = EntryName.of("ash", None, "poi", "n" * 1001, "landscape")
    with pytest.raises(UnusableContent, match="name"):
        _pin(files, nameless, 1)
    assert (tmp_path / "picks.yaml").read_bytes() == before


def test_a_change_of_nothing_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "picks.yaml").write_text("# ours\npicks: []\n")
    PicksFiles.of(tmp_path).change(lambda picks: picks)
    assert (tmp_path / "picks.yaml").read_text() == "# ours\npicks: []\n"


def test_a_writer_that_does_not_end_is_told(tmp_path: Path) -> None:
    with (tmp_path / ".picks.yaml.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(PicksHeld, match="nothing was decided"):
            _pin(PicksFiles.of(tmp_path, patience=0), MILL, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_several_users_decide_in_a_folder_that_they_share(tmp_path: Path) -> None:
    with TemporaryDirectory() as shared:
        Path(shared).chmod(0o777)
        _pin(PicksFiles.of(Path(shared)), MILL, 1)
        script = tmp_path / "another.py"
        script.write_text(ANOTHER)
        subprocess.run([sys.executable, script, shared], check=True, timeout=60, cwd=ROOT)
        decided = PicksFiles.of(Path(shared)).read()
        assert [decided.of_entry(each).pinned for each in (MILL, ROAD)] == [(1,), (2,)]


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(FolderUnusable):
        _pin(PicksFiles.of(tmp_path / "out" / "deep"), MILL, 1)


def test_a_killed_writer_loses_nothing_and_none_of_many_at_once_is_lost(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.client.batch.picks.killed", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] >= 6
    assert told["old"] + told["new"] == told["kills"] + 1
    assert told["old"] >= 3
    assert told["new"] >= 2
    assert told["crowd"] == [f"{i:02}" for i in range(12)]
