"""The in-process daemon as users get it: every example of its page runs, and it is light and says that it is a fake."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kilnmark.client import Client, RenderFailed
from kilnmark.client.testing import fake_daemon
from kilnmark.client.testing.fixtures import kilnmark_daemon
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
