"""Other people's JSON-RPC clients, unchanged, ask a daemon: web3.py, jayson, socat. `make test-peers` fetches them."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.peers import JAYSON, PYTHON
from tests.daemon.conftest import PATIENCE
from tests.daemon.fakeds import faked
from tests.peers.asked import assert_answered, calls

pytestmark = pytest.mark.peers

HERE = Path(__file__).parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@contextmanager
def speaking(*command: str) -> Iterator["subprocess.Popen[str]"]:
    """A client whose lines are read one by one; it has ended well when the block has."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=ENVIRONMENT) as process:
        try:
            yield process
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_web3_asks_one_by_one_and_in_a_batch_and_again_after_a_restart(home: Path, flavour: str) -> None:
    with speaking(str(PYTHON), str(HERE / "speak_web3.py"), str(home / "daemon.sock"), flavour) as peer:
        assert peer.stdin is not None
        assert said(peer) == "ready"
        with faked(home) as daemon:
            peer.stdin.write("\n")
            peer.stdin.flush()
            assert_answered(said(peer), flavour)
            assert_answered(said(peer), f"{flavour}-batch")
            assert said(peer) == "restart"
            daemon.process.kill()
            daemon.ended()
        with faked(home):
            peer.stdin.write("\n")
            peer.stdin.flush()
            assert_answered(said(peer), f"{flavour}-again")


def test_jayson_asks_by_the_path_of_the_socket(home: Path) -> None:
    with faked(home) as daemon:
        command = ["node", str(HERE / "speak_jayson.js"), str(JAYSON), str(daemon.socket), json.dumps(calls("jayson"))]
        with speaking(*command) as peer:
            answers, together = said(peer)
    assert_answered(answers, "jayson")
    assert_answered(together, "jayson")


@pytest.mark.parametrize("end", ["\n", ""])
def test_socat_hears_all_replies_after_its_input_has_ended(home: Path, end: str) -> None:
    asked = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls("socat"))]
    with faked(home) as daemon:
        command = ["socat", "-t60", "-", f"UNIX-CONNECT:{daemon.socket}"]
        text = "\n".join(map(json.dumps, asked)) + end
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE, check=True)
    answers = sorted(map(json.loads, done.stdout.splitlines()), key=lambda answer: int(answer["id"]))
    assert_answered(answers, "socat")
