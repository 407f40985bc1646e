"""The in-process daemon as users get it: every example of its page runs, and it is light and says that it is a fake."""

import os
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from kilnmark.client import Client, RenderFailed
from kilnmark.client.testing import fake_daemon
from kilnmark.client.testing.fixtures import kilnmark_daemon
from kilnmark.daemon.wire.socket import UnfitSocketPath
from kilnmark.daemon.worker.fake_picture import FAKE_NOTICE
from kilnmark.protocol.picture.record import find_record

if TYPE_CHECKING:
    from kilnmark.daemon.in_process import InProcessDaemon

__all__ = ["kilnmark_daemon"]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "testing.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
HEAVY = ("mflux", "mlx", "uvloop", "PIL", "opentelemetry.sdk", "pytest")


def defined_by(example: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(example, names)
    return names


def test_the_page_names_the_plugin() -> None:
    assert defined_by(EXAMPLES[0])["pytest_plugins"] == [kilnmark_daemon.__module__]


@pytest.mark.parametrize("name", ["test_a_portrait_names_its_adapter", "test_a_dead_adapter_is_not_swallowed"])
def test_the_pages_tests_pass(kilnmark_daemon: "InProcessDaemon", name: str) -> None:
    defined_by(EXAMPLES[1])[name](kilnmark_daemon)


def test_the_pages_context_manager_runs() -> None:
    assert defined_by(EXAMPLES[2])["picture"].seed == 7


def test_a_picture_is_a_png_of_the_size_asked_for_that_says_it_is_a_fake() -> None:
    from PIL import Image

    with fake_daemon() as daemon, Client(daemon.socket) as client:
        made = client.render("a mill", width=128, height=64)
        with Image.open(made.image_path) as image:
            image.load()
            assert image.size == (128, 64)
        with Path(made.image_path).open("rb") as file:
            record = find_record(file)
    assert record is not None
    assert (record.notice, record.prompt) == (FAKE_NOTICE, "a mill")


def test_a_render_fails_as_its_script_has_it_and_the_next_succeeds() -> None:
    with fake_daemon() as daemon, Client(daemon.socket) as client:
        daemon.worker.script.failures["a mill"] = RenderFailed("out of memory")
        with pytest.raises(RenderFailed, match="out of memory"):
            client.render("a mill")
        assert client.render("a river").prompt == "a river"


def test_nothing_of_it_stays() -> None:
    with fake_daemon() as daemon:
        assert daemon.socket.exists()
    assert daemon.has_ended
    assert not daemon.home.exists()


def _daemons() -> set[threading.Thread]:
    """The daemons of this process; other tests may have one."""
    return {thread for thread in threading.enumerate() if thread.name == "kilnmark-daemon"}


def test_one_that_cannot_be_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ValidationError):
        fake_daemon(queue_limit=0)
    with pytest.raises(UnfitSocketPath), fake_daemon(socket=tmp_path / ("x" * 200)):
        pass
    assert list(tmp_path.iterdir()) == []
    assert _daemons() <= before


def test_many_at_once_leave_no_thread_and_no_descriptor() -> None:
    threads = set(threading.enumerate())
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(3):
        with ExitStack() as stack:
            daemons = [stack.enter_context(fake_daemon()) for _ in range(4)]
            for daemon in daemons:
                with Client(daemon.socket) as client:
                    client.render("a mill", lora_paths=[])
                    client.shutdown()
    assert not any(daemon.home.exists() for daemon in daemons)
    assert _daemons() <= threads
    assert len(list(Path("/dev/fd").iterdir())) <= before


def test_its_places_are_those_of_its_settings(tmp_path: Path) -> None:
    with fake_daemon(socket=tmp_path / "s", output_dir=tmp_path / "p") as daemon, Client(tmp_path / "s") as client:
        assert (daemon.socket, daemon.pictures) == (tmp_path / "s", tmp_path / "p")
        assert Path(client.render("a mill").image_path).parent == daemon.pictures


def test_its_worker_may_be_told_something_when_all_has_ended() -> None:
    with fake_daemon() as daemon:
        worker = daemon.worker
    worker.hold("encode")
    worker.die()


def test_the_light_installation_is_enough() -> None:
    code = (
        f"import sys\nfor name in {HEAVY!r}:\n    sys.modules[name] = None\n"
        "from kilnmark.client import Client\nfrom kilnmark.client.testing import fake_daemon\n"
        "with fake_daemon() as daemon, Client(daemon.socket) as client:\n"
        "    print(client.render('a mill').prompt)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=os.environ
    )
    assert (done.stdout, done.stderr) == ("a mill\n", "")
