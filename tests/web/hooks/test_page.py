"""The page about messages: the receiver that it shows takes ours and no other's."""

import re
import threading
import time
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

from kilnmark.web.hooks.message import EndedMessage, signed
from kilnmark.web.hooks.send import NotTaken, post
from tests.web.asking import SECRET

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
OURS = EndedMessage(id="msg_1", url="", body=b'{"type": "job.done"}')


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    shown: dict[str, Any] = {"__name__": "shown"}
    exec(compile(program, "docs/webhooks.md", "exec"), shown)
    with HTTPServer(("127.0.0.1", 0), shown["Told"]) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/told"
        server.shutdown()


def test_it_takes_a_message_of_ours(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    post(address, OURS.body, signed(OURS, SECRET, time.time()))
    with pytest.raises(NotTaken):  # it takes one after the other, and prints behind its answer
        post(address, b"", signed(OURS, SECRET, time.time()))
    assert capfd.readouterr().out == "job.done\n"


@pytest.mark.parametrize(("key", "age"), [("whsec_b3RoZXI=", 0), (SECRET, 3600)])
def test_it_takes_none_of_another_secret_and_none_of_long_ago(address: str, key: str, age: int) -> None:
    with pytest.raises(NotTaken, match="401"):
        post(address, OURS.body, signed(OURS, key, time.time() - age))
