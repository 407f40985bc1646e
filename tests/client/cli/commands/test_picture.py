"""`kilnmark show` and `kilnmark replay` on pictures of a daemon whose worker is a fake."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kilnmark.client import Client
from kilnmark.client.replays.recorded import RecordedPicture
from kilnmark.client.replays.replay import Replay
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.wire.replies import RenderResult
from tests.client.conftest import FakeDaemon
from tests.keymaps.pictures.shown import colours, put

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = {"width": 64, "height": 64, "steps": 2, "seed": 11}


@pytest.fixture
def own(daemon: FakeDaemon, healthy: Path, tmp_path: Path) -> Path:
    """An adapter of the test's own, below the daemon's root."""
    copy = daemon.folder / f"{tmp_path.name}.safetensors"
    shutil.copy(healthy, copy)
    return copy


@pytest.fixture
def made(daemon: FakeDaemon, own: Path) -> RenderResult:
    with Client(daemon.socket) as client:
        scales = [{"double.0": 0.25}]
        return client.render("a kiln", lora_paths=[own], lora_scales=[0.5], lora_block_scales=scales, **SMALL)  # type: ignore[arg-type]


def replayed(run: Run, *arguments: str) -> tuple[int, Replay]:
    done = run("replay", *arguments, "--json")
    return done.returncode, msgspec.json.decode(done.stdout, type=Replay)


def test_a_picture_says_what_it_was_made_of_without_a_daemon(run: Run, made: RenderResult) -> None:
    found = msgspec.json.decode(run("show", made.image_path, "--json").stdout, type=RecordedPicture)
    assert (found.file, found.sha256, found.whole) == (made.image_path, made.image_sha256, True)
    assert (found.record.seed, found.record.loras[0].scale) == (11, 0.5)
    shown = " ".join(run("show", made.image_path).stdout.split())
    assert all(text in shown for text in ("prompt a kiln", "size 64 x 64, 2 steps", "seed 11", "engaged"))


def test_what_says_nothing_of_itself_ends_with_2(run: Run, tmp_path: Path) -> None:
    plain = put(tmp_path, image=colours(64, 64))
    for arguments in (["show", str(plain)], ["replay", str(plain)], ["show", str(tmp_path / "none.png")]):
        done = run(*arguments)
        assert done.returncode == ExitCode.USAGE
        assert str(tmp_path) in done.stderr


def test_the_same_is_made_again_pixel_for_pixel(run: Run, made: RenderResult) -> None:
    code, found = replayed(run, made.image_path)
    assert (code, found.same, found.pixels_moved, found.differences) == (ExitCode.DONE, True, 0.0, [])
    assert found.result is not None
    assert found.result.image_path != made.image_path
    assert found.result.loras[0].asked_blocks == {"double.0": 0.25}


def test_a_draft_is_made_again_as_the_draft_that_it_was(run: Run, daemon: FakeDaemon) -> None:
    with Client(daemon.socket) as client:
        made = client.render("a kiln", draft=True, seed=3)
    code, found = replayed(run, made.image_path)
    assert (code, found.same) == (ExitCode.DONE, True)
    assert found.result is not None
    assert (found.result.draft, found.result.steps) == (True, made.steps)


def test_an_adapter_that_holds_something_else_is_named_and_nothing_is_painted(
    run: Run, made: RenderResult, own: Path, dead: Path
) -> None:
    shutil.copy(dead, own)
    code, found = replayed(run, made.image_path)
    assert (code, found.result) == (ExitCode.NOT_ENGAGED, None)
    assert [(each.about, each.name) for each in found.differences] == [("adapter", own.stem)]
    assert "holds something else" in run("replay", made.image_path).stdout
    own.unlink()
    assert replayed(run, made.image_path)[0] == ExitCode.NOT_ENGAGED


def test_a_check_compares_and_paints_nothing(run: Run, daemon: FakeDaemon, made: RenderResult) -> None:
    with Client(daemon.socket) as client:
        before = client.status().rendered
        code, found = replayed(run, made.image_path, "--check")
        assert client.status().rendered == before
    assert (code, found.result, found.same) == (ExitCode.DONE, None, None)


def test_a_picture_that_started_from_another_wants_that_very_file(run: Run, daemon: FakeDaemon, tmp_path: Path) -> None:
    start = put(tmp_path, image=colours(64, 64))
    other = put(tmp_path, "other.png", image=colours(80, 64))
    with Client(daemon.socket) as client:
        made = client.render("a kiln", init_image=start.read_bytes(), strength=0.5, **SMALL)  # type: ignore[arg-type]
    assert "--init-image FILE" in run("replay", "--check", made.image_path).stdout
    code, found = replayed(run, "--check", made.image_path, "--init-image", str(other))
    assert (code, [each.about for each in found.differences]) == (ExitCode.FAILED, ["picture"])
    assert replayed(run, "--check", made.image_path, "--init-image", str(start))[0] == ExitCode.DONE
