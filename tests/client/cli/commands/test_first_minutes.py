"""What a person meets in the first minutes: a wrong folder of packs, no base, a daemon that is still to come."""

import json
import re
import threading
from pathlib import Path

import pytest

from kilnmark.client.cli.commands.serve import NO_BASE
from kilnmark.client.packs.scaffold import begin_packs
from kilnmark.client.sync import Client
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker
from tests.client.here import run_here

THIS_IS_A_GENRE = "this is a genre; give the folder that it lies in"


@pytest.mark.parametrize(
    "command",
    [
        ("batch", "poi", "--dry-run"),
        ("batch", "creature", "--dry-run", "--genre", "ink"),
        ("style", "compose", "--genre", "ink", "--tier", "scene"),
        ("serve",),
        ("service", "install", "--print"),
    ],
)
def test_a_genre_that_is_given_as_the_folder_of_packs_is_told_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    begin_packs(tmp_path, "ink", "mire", "mini")
    done = run_here(*command, "--packs", tmp_path / "ink")
    assert (done.returncode, THIS_IS_A_GENRE in " ".join(done.stderr.split())) == (2, True)


def test_a_folder_of_packs_may_have_a_style_lying_about(tmp_path: Path) -> None:
    begin_packs(tmp_path, "ink", "mire", "mini")
    (tmp_path / "visual_style.yaml").write_text("loras: []\n")
    assert run_here("batch", "poi", "--packs", tmp_path, "--dry-run").returncode == 0


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_packs_without_anything_end_with_a_reason(tmp_path: Path, more: tuple[str, ...]) -> None:
    done = run_here("batch", "poi", "--packs", tmp_path, "--dry-run", *more)
    assert (done.returncode, "there is no genre here" in done.stderr) == (1, True)
    if more:
        assert "there is no genre here" in json.loads(done.stdout)["problems"][0]["message"]


def test_a_daemon_that_is_still_to_come_is_waited_for(tmp_path: Path) -> None:
    """It comes once it was looked for: the first look ends at a socket that is not there."""
    socket = tmp_path / "d.sock"
    assert run_here("warm-up", "--socket", socket).returncode == 69
    assert run_here("warm-up", "--socket", socket, "--wait", "0.01").returncode == 69
    found: list[str] = []

    def wait() -> None:
        with Client(socket, start_timeout=60) as client:
            found.append(client.warm_up().base.variant)

    waiting = threading.Thread(target=wait)
    waiting.start()
    with InProcessDaemon(socket=socket):
        waiting.join(60)
        assert found == ["standin"]
        assert run_here("warm-up", "--socket", socket, "--wait").returncode == 0
        assert run_here("warm-up", "--socket", socket, "--wait", "5", "--json").returncode == 0


def test_status_ends_with_1_where_the_base_could_not_be_held() -> None:
    worker = FakeWorker()
    worker.script.unheld["standin"] = "no such directory"
    with InProcessDaemon(worker) as daemon, Client(daemon.socket) as client:
        while client.status().state != "degraded":
            pass
        for more in ((), ("--json",)):
            done = run_here("status", "--socket", daemon.socket, *more)
            assert (done.returncode, "no such directory" in done.stdout) == (1, True)


def test_who_names_no_base_is_told_what_a_real_one_needs(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="would have become another"):
        run_here("serve", "--socket", tmp_path / "s", "--journal", tmp_path / "j")
    assert max(map(len, NO_BASE.splitlines())) <= 82
    page = re.search(r"docs/[\w-]+\.md", NO_BASE)
    assert page is not None
    assert (Path(__file__).parents[4] / page[0]).is_file()


def test_a_wrong_folder_of_packs_is_told_by_who_said_it(tmp_path: Path) -> None:
    begin_packs(tmp_path, "ink", "mire", "mini")
    done = run_here("serve", env={"KILNMARK_PACKS": str(tmp_path / "ink")})
    assert (done.returncode, "$KILNMARK_PACKS" in done.stderr) == (2, True)


def test_packs_that_are_still_to_come_are_told_of_and_waited_for(tmp_path: Path) -> None:
    done = run_here("serve", "--packs", tmp_path, "--only-settings")
    assert (done.returncode, "there is no genre in" in done.stderr) == (0, True)
    assert json.loads(done.stdout)["packs"] == str(tmp_path)
