"""Copies in the daemon's folders: made where they are needed, and taken away again with nothing else."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.sweep.copies import COPIES, AdapterCopies
from kilnmark.lab.sweep.errors import NoRoot, NothingToSweep
from tests.lab.sweep.swept import make_swept_run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "loras"
    place.mkdir()
    (place / "theirs.safetensors").write_bytes(b"theirs")
    return place


@pytest.fixture
def run(tmp_path: Path, root: Path) -> Iterator[Run]:
    with open_run(make_swept_run(tmp_path / "run", root=str(root))) as held:
        yield held


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_copies_are_made_once_and_all_go_and_nothing_else(run: Run, root: Path) -> None:
    first = AdapterCopies(run).place(run.state.checkpoints, [str(root)])
    assert AdapterCopies(run).place(run.state.checkpoints, [str(root)]) == first
    for one in run.state.checkpoints:
        assert first[one.sha256].read_bytes() == (run.folder / one.file).read_bytes()
        assert one.sha256[:16] in str(first[one.sha256])
    removal = AdapterCopies(run).remove()
    assert set(removal.removed) == set(map(str, first.values()))
    assert (removal.left, files_below(root)) == ((), ["theirs.safetensors"])
    assert AdapterCopies(run).remove().removed == ()


def test_none_is_made_where_the_daemon_reads_the_run_itself(run: Run, root: Path) -> None:
    found = AdapterCopies(run).place(run.state.checkpoints, [str(run.folder)])
    assert set(found.values()) == {(run.folder / one.file).resolve() for one in run.state.checkpoints}
    assert files_below(root) == ["theirs.safetensors"]
    assert not (run.folder / COPIES).exists()


def test_a_copy_that_became_another_file_stays_and_is_told(run: Run, root: Path) -> None:
    one, other = AdapterCopies(run).place(run.state.checkpoints, [str(root)]).values()
    one.write_bytes(b"somebody else's")
    removal = AdapterCopies(run).remove()
    assert removal.removed == (str(other),)
    assert removal.left == (f"{one} is another file by now, and stays",)
    assert one.read_bytes() == b"somebody else's"


def test_a_link_in_the_place_of_a_copy_stays(run: Run, root: Path) -> None:
    one, _ = AdapterCopies(run).place(run.state.checkpoints, [str(root)]).values()
    kept = root / "kept.safetensors"
    one.rename(kept)
    one.symlink_to(kept)
    assert len(AdapterCopies(run).remove().left) == 1
    assert one.is_symlink()
    assert kept.exists()


def test_what_a_crash_left_half_written_goes_with_the_copies(run: Run, root: Path) -> None:
    one, _ = AdapterCopies(run).place(run.state.checkpoints, [str(root)]).values()
    one.rename(one.with_name(f".{one.name}.partial"))
    AdapterCopies(run).remove()
    assert files_below(root) == ["theirs.safetensors"]


def test_copies_on_another_machine_stay_in_the_list(run: Run, root: Path) -> None:
    AdapterCopies(run).place(run.state.checkpoints, [str(root)])
    shutil.move(root, root.with_name("elsewhere"))
    removal = AdapterCopies(run).remove()
    assert removal.removed == ()
    assert all("cannot be reached from here" in why for why in removal.left)
    shutil.move(root.with_name("elsewhere"), root)
    assert len(AdapterCopies(run).remove().removed) == 2


def test_a_config_goes_with_its_file(run: Run, root: Path) -> None:
    (run.checkpoints / CONFIG).write_text('{"lora_alpha": 8}')
    found = AdapterCopies(run).place(run.state.checkpoints, [str(root)])
    assert all((place.parent / CONFIG).read_text() == '{"lora_alpha": 8}' for place in found.values())
    assert len(AdapterCopies(run).remove().removed) == 4
    assert files_below(root) == ["theirs.safetensors"]


def test_the_daemons_folders_are_named_where_none_can_be_used(run: Run, tmp_path: Path) -> None:
    with pytest.raises(NoRoot, match=r"name one of its folders \(/elsewhere\)"):
        AdapterCopies(run).place(run.state.checkpoints, ["/elsewhere"])
    with pytest.raises(NoRoot, match="nor from anywhere; start it with --lora-root"):
        AdapterCopies(run).place(run.state.checkpoints, [])


def test_a_checkpoint_that_is_another_by_now_is_not_painted(run: Run, root: Path) -> None:
    (run.folder / run.state.checkpoints[0].file).write_bytes(b"other")
    with pytest.raises(NothingToSweep, match="not the checkpoint that was written down"):
        AdapterCopies(run).place(run.state.checkpoints, [str(root)])


def test_a_list_that_cannot_be_read_is_told(run: Run) -> None:
    (run.folder / COPIES).write_text("{")
    with pytest.raises(RunUnusable, match=COPIES):
        AdapterCopies(run)
