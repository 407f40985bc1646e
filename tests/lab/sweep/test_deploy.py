"""The picked adapter in its place: whole, the one that was picked, and nobody else's overwritten."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.lab.run.folder import Run, open_run, read_state
from kilnmark.lab.sweep.copies import AdapterCopies
from kilnmark.lab.sweep.deploy import deploy
from kilnmark.lab.sweep.errors import CannotDeploy
from kilnmark.lab.sweep.sweep import pick_by_hand
from tests.lab.sweep.swept import make_swept_run

NAME = "inkwash.safetensors"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "ComfyUI" / "models" / "loras"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "root").mkdir()
    with open_run(make_swept_run(tmp_path / "run", root="../root")) as held:
        pick_by_hand(held, 400, "it is good", "mira")
        yield held


def bytes_of(run: Run, step: int) -> bytes:
    return next((run.folder / one.file).read_bytes() for one in run.state.checkpoints if one.step == step)


def test_it_lies_there_under_its_name_and_is_written_down(run: Run, place: Path) -> None:
    done = deploy(run, str(place))
    assert (place / NAME).read_bytes() == bytes_of(run, 400)
    assert (done.slot, done.step, done.was_there, done.replaced) == ("ComfyUI's loras", 400, False, None)
    assert done.notes == ("the gate has not looked at it yet: `kilnmark lab verify` does",)
    state = read_state(run.folder)
    assert state is not None
    assert [(one.where, one.sha256) for one in state.deployments] == [(str(place / NAME), done.sha256)]


def test_again_is_the_same_and_is_said_to_be_there(run: Run, place: Path) -> None:
    deploy(run, str(place))
    before = (place / NAME).stat().st_ino
    assert deploy(run, str(place)).was_there
    assert (place / NAME).stat().st_ino == before
    assert len(run.state.deployments) == 1


def test_somebody_elses_adapter_of_that_name_stays_unless_it_is_to_be_replaced(run: Run, place: Path) -> None:
    (place / NAME).write_bytes(b"theirs")
    with pytest.raises(CannotDeploy, match=r"another adapter is there .* give --replace"):
        deploy(run, str(place))
    assert (place / NAME).read_bytes() == b"theirs"
    assert deploy(run, str(place), replace=True).replaced is not None
    assert (place / NAME).read_bytes() == bytes_of(run, 400)


def test_another_pick_takes_the_place_of_what_the_run_itself_put_there(run: Run, place: Path) -> None:
    deploy(run, str(place))
    pick_by_hand(run, 200, "it is better", "mira")
    assert deploy(run, str(place)).replaced is not None
    assert (place / NAME).read_bytes() == bytes_of(run, 200)


def test_copies_of_the_evaluation_go_and_nothing_else(run: Run, place: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    made = AdapterCopies(run).place(run.state.checkpoints, [str(root)])
    (root / "theirs.safetensors").write_bytes(b"theirs")
    done = deploy(run, str(place))
    assert set(done.removed) == set(map(str, made.values()))
    assert [path.name for path in root.iterdir()] == ["theirs.safetensors"]
    assert sorted(path.name for path in place.iterdir()) == [NAME]


def test_an_object_store_is_read_back(run: Run) -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    store.rm("/", recursive=True) if store.exists("/") and store.ls("/") else None
    done = deploy(run, "memory://bucket/loras")
    assert (done.slot, done.where) == ("object store (memory)", f"memory://bucket/loras/{NAME}")
    assert store.cat_file(f"/bucket/loras/{NAME}") == bytes_of(run, 400)
    assert deploy(run, "memory://bucket/loras").was_there
    store.pipe_file(f"/bucket/loras/{NAME}", b"theirs")
    pick_by_hand(run, 200, "it is better", "mira")
    with pytest.raises(CannotDeploy, match="another adapter is there"):
        deploy(run, "memory://bucket/loras")


def test_an_address_that_nobody_knows_is_told(run: Run) -> None:
    with pytest.raises(CannotDeploy, match="check the address"):
        deploy(run, "nowhere://bucket/loras")


def test_a_folder_that_is_not_there_is_not_made(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CannotDeploy, match="there is no such folder"):
        deploy(run, str(tmp_path / "typo"))
    assert not (tmp_path / "typo").exists()


def test_a_checkpoint_that_became_another_is_not_deployed(run: Run, place: Path) -> None:
    (run.folder / run.state.checkpoints[1].file).write_bytes(b"other")
    with pytest.raises(CannotDeploy, match="not the checkpoint that was picked"):
        deploy(run, str(place))
    assert list(place.iterdir()) == []


def test_a_file_whose_strength_stands_beside_it_does_not_go_without(run: Run, place: Path) -> None:
    (run.checkpoints / CONFIG).write_text("{}")
    with pytest.raises(CannotDeploy, match="kilnmark lora remap"):
        deploy(run, str(place))
    assert list(place.iterdir()) == []


def test_nothing_is_deployed_before_one_is_picked(tmp_path: Path, place: Path) -> None:
    with (
        open_run(make_swept_run(tmp_path / "new")) as held,
        pytest.raises(CannotDeploy, match=r"new: no checkpoint is picked; .*kilnmark lab sweep \S+/new --pick STEP"),
    ):
        deploy(held, str(place))


def test_a_full_disk_leaves_what_was_there(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / NAME).write_bytes(b"theirs")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(CannotDeploy, match="No space left"):
        deploy(run, str(place), replace=True)
    assert [(path.name, path.read_bytes()) for path in place.iterdir()] == [(NAME, b"theirs")]
