"""`kilnmark lab serve` as a process: on loopback, by its printed address alone, until Ctrl-C."""

import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kilnmark.client.web.errors import PortTaken, ServerNotInstalled
from kilnmark.lab.pages.serve import serve_site
from tests.lab.runs import make_run


def nobody(address: str) -> None:
    raise AssertionError(address)


def test_it_serves_whoever_has_the_printed_address_until_ctrl_c(tmp_path: Path) -> None:
    make_run(tmp_path, "checked")
    words = [sys.executable, "-u", "-m", "kilnmark.client.cli", "lab", "serve", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        address = urlsplit(server.stdout.readline().removeprefix("open ").strip())
        assert address.hostname == "127.0.0.1"
        link = HTTPConnection("127.0.0.1", address.port or 0, timeout=20)
        link.request("GET", "/")
        stranger = link.getresponse()
        assert (stranger.status, b"checked" in stranger.read()) == (401, False)
        link.request("GET", f"/?{address.query}")
        let_in = link.getresponse()
        let_in.read()
        cookie = str(let_in.getheader("set-cookie")).partition(";")[0]
        link.request("GET", "/", headers={"cookie": cookie})
        page = link.getresponse()
        assert (page.status, b"runs/checked/index.html" in page.read()) == (200, True)
        link.close()
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 130
        token = address.query.partition("=")[2]
        assert token not in server.stderr.read()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} cannot be listened on"):
            serve_site(tmp_path, port=port, person="", tell=nobody)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ServerNotInstalled, match=r"install kilnmark\[lab\]"):
        serve_site(tmp_path, port=0, person="", tell=nobody)
