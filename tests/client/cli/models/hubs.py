"""A hub on loopback: one repository, served as the real one serves it, with the faults that a test gives it."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from kilnmark.client.cli.models.site import HubSite
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.directories import write_directory, write_tokenizers

__all__ = ["DEV", "LARGE", "Fault", "Hub", "serving"]

DEV = VARIANTS["dev"]
LARGE = "vae/0.safetensors"


@dataclass(frozen=True)
class Fault:
    """What becomes of one request for a file.

    Attributes:
        status: It is answered with this alone; 0: with bytes.
        headers: Beside others.
        sends: Only so many bytes come, then the connection ends. None: all.
        promises: How long it says that its answer is; None: the truth.
        deaf: It gives everything, whatever it was asked for.
        instead: These bytes come.
        holds: Then nothing happens until the test says so.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    sends: int | None = None
    promises: int | None = None
    deaf: bool = False
    instead: bytes | None = None
    holds: bool = False


@dataclass
class Hub:
    """What it has, what it does, and what it was asked.

    Attributes:
        folder: The files of its one repository.
        faults: For each file, or `api`, one a request; the last stays.
        listed: What its list says of a file instead.
        asked: Path, range and token of every request.
        pauses: Seconds that its site would have let pass.
        held: A fault holds a request.
        go_on: That may end.
    """

    folder: Path
    address: str = ""
    sha: str = DEV.revision
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def site(self, token: str | None = None) -> HubSite:
        return HubSite(self.address, token, token and "$HF_TOKEN", self.pauses.append)

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}

    def ranges(self, file: str) -> list[str | None]:
        return [byte_range for path, byte_range, _ in self.asked if path.endswith(f"/{self.sha}/{file}")]

    def fault(self, key: str) -> Fault:
        left = self.faults.get(key, [Fault()])
        return left.pop(0) if len(left) > 1 else left[0]

    def listing(self) -> dict[str, Any]:
        return {
            "id": DEV.repository,
            "sha": self.sha,
            "gated": "auto",
            "cardData": {"license": "other", "license_name": "the-licence"},
            "siblings": [self.listed.get(name) or self._sibling(name, data) for name, data in self.files().items()],
        }

    @staticmethod
    def _sibling(name: str, data: bytes) -> dict[str, Any]:
        git = hashlib.sha1(b"blob %d\0%b" % (len(data), data)).hexdigest()
        said: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": git}
        if name.endswith(".safetensors"):
            said["lfs"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 134}
        return said


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: Hub

    def do_GET(self) -> None:
        hub, path = self.hub, self.path.partition("?")[0]
        hub.asked.append((path, self.headers["Range"], self.headers["Authorization"]))
        if path.startswith("/api/"):
            self._give(json.dumps(hub.listing()).encode(), hub.fault("api"))
            return
        name = path.partition(f"/resolve/{hub.sha}/")[2] or path.partition("/elsewhere/")[2]
        self._give(hub.files()[name], hub.fault(name if "/resolve/" in path else f"elsewhere {name}"))

    def _give(self, data: bytes, fault: Fault) -> None:
        asked = self.headers["Range"]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and not fault.deaf else 0
        data = data if fault.instead is None else fault.instead
        status = fault.status or (416 if start >= len(data) > 0 and start else 206 if start else 200)
        rest = b"" if fault.status or status == 416 else data[start:]
        self.send_response(status)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(rest) if fault.promises is None else fault.promises))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(rest[: fault.sends])
        if fault.holds:
            self.hub.held.set()
            self.hub.go_on.wait(30)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """One that has a whole dev, with files beside it that nobody asks for."""
    write_directory(folder, guided=True)
    write_tokenizers(folder, DEV)
    (folder / "flux1-dev.safetensors").write_bytes(b"for other programs")
    save_file({"decoder.conv_in.weight": np.arange(3 << 20, dtype=np.uint8).view(np.float16)}, folder / LARGE)
    hub = Hub(folder)
    handler = type("Handler", (_Handler,), {"hub": hub})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join(30)
