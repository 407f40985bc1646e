"""`kilnmark render` with pictures, against a daemon whose worker is a fake."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from kilnmark.client.cli.chosen import RenderedPictures
from kilnmark.client.cli.commands.render import render
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.wire.replies import RenderResult
from tests.keymaps.pictures.shown import colours, put


def test_a_picture_goes_by_its_path_or_within_the_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, image=colours(64, 64))
    monkeypatch.chdir(tmp_path)
    size = ["--width", "64", "--height", "64", "--seed", "7"]
    with InProcessDaemon() as daemon:
        asked = ["a mill", "--init-image", "a.png", "--strength", "0.5", *size, "--socket", str(daemon.socket)]
        inline = CliRunner().invoke(render, [*asked, "--inline", "--json"])
        shown = CliRunner().invoke(render, [*asked, "--inline"])
        outside = CliRunner().invoke(render, asked)
    result = msgspec.json.decode(inline.stdout)
    assert (result["start"], result["strength"]) == (hashlib.sha256(path.read_bytes()).hexdigest(), 0.5)
    assert "from a picture at strength 0.5" in " ".join(shown.stdout.split())
    assert outside.exit_code != ExitCode.DONE
    assert "outside the image roots" in str(outside.exception)


@pytest.fixture(scope="module")
def rendering() -> Iterator[Callable[..., Result]]:
    """Asks one daemon for small pictures."""
    with InProcessDaemon() as daemon:
        size = ["a mill", "--width", "64", "--height", "64", "--socket", str(daemon.socket)]
        yield lambda *arguments: CliRunner().invoke(render, [*size, *arguments])


def test_a_picture_goes_to_the_path_that_was_asked_for_and_stays_in_the_daemons_folder(
    rendering: Callable[..., Result], tmp_path: Path
) -> None:
    goal = tmp_path / "out.png"
    document = msgspec.json.decode(rendering("-o", str(goal), "--seed", "5", "--json").stdout, type=RenderResult)
    assert document.image_path == str(goal)
    assert hashlib.sha256(goal.read_bytes()).hexdigest() == document.image_sha256
    assert rendering("-o", str(goal), "--seed", "6").exit_code == ExitCode.DONE  # its own picture may be replaced
    assert hashlib.sha256(goal.read_bytes()).hexdigest() != document.image_sha256


def test_several_pictures_have_the_seeds_that_follow_and_bear_them_in_their_names(
    rendering: Callable[..., Result], tmp_path: Path
) -> None:
    document = rendering("-n", "3", "--seed", "5", "-o", str(tmp_path / "out.png"), "--json").stdout
    results = msgspec.json.decode(document, type=RenderedPictures).results
    assert [result.seed for result in results] == [5, 6, 7]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-5.png", "out-6.png", "out-7.png"]
    drawn = msgspec.json.decode(rendering("-n", "2", "--json").stdout, type=RenderedPictures).results
    assert drawn[1].seed == drawn[0].seed + 1


def test_a_drafts_name_says_that_it_is_one_wherever_it_is_put(rendering: Callable[..., Result], tmp_path: Path) -> None:
    made = rendering("--draft", "-o", str(tmp_path / "out.png"), "--json").stdout
    assert msgspec.json.decode(made, type=RenderResult).image_path == str(tmp_path / "out.draft.png")
    (tmp_path / "mine.draft.png").write_bytes(b"mine")
    ended = rendering("--draft", "-o", str(tmp_path / "mine.png"))
    assert (ended.exit_code, (tmp_path / "mine.draft.png").read_bytes()) == (ExitCode.USAGE, b"mine")


def test_a_name_without_the_ending_of_a_picture_gets_it(rendering: Callable[..., Result], tmp_path: Path) -> None:
    made = rendering("--no-draft", "-o", str(tmp_path / "kiln v1.2"), "--json").stdout
    assert msgspec.json.decode(made, type=RenderResult).image_path == str(tmp_path / "kiln v1.2.png")


def test_seeds_may_be_named_and_a_folder_gets_the_pictures_as_they_are(
    rendering: Callable[..., Result], tmp_path: Path
) -> None:
    shown = rendering("--seeds", "9, 3", "-o", f"{tmp_path}/new/")
    assert shown.exit_code == ExitCode.DONE
    assert [line.split()[1] for line in shown.stdout.splitlines() if line.startswith("seed ")] == ["9", "3"]
    assert len(list((tmp_path / "new").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "1,2", "--seed", "3"], "leave --seed and -n out"),
        (["--seeds", "1,x"], "'x' is no whole number"),
        (["--seeds", "1,1", "-o", "{}/a.png"], "stands twice"),
        (["-n", "2", "--job-id", "j"], "--job-id names one render"),
        (["-n", "0"], "0 is not in the range"),
        (["-n", "2", "--seed", str(2**53 - 1)], "begin lower"),
        (["-o", "{}/none/a.png"], "make it first"),
        (["-o", "{}/mine.png"], "no picture of kilnmark"),
        (["-o", "{}/out.JPG"], "pictures are PNG files, and 'out.JPG' is none; name it 'out.png'"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_painted(
    rendering: Callable[..., Result], tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "mine.png").write_bytes(b"mine")
    ended = rendering(*(argument.format(tmp_path) for argument in arguments))
    assert ended.exit_code == ExitCode.USAGE
    assert told in " ".join(ended.stderr.split())
    assert (tmp_path / "mine.png").read_bytes() == b"mine"
