"""A fake of a Replicate-style remote trainer, over real HTTP on loopback, in a process of its own.

It keeps a ledger of what it was paid for on disk, so that nothing a client does, or dies of, is forgotten. What it is
told to do wrong, and whom to kill, it is told through `/-/` paths, which no real remote has. Run as
`python -m tests.lab.faults.fake_remote FOLDER`; it says its port in a line.
"""

import hashlib
import io
import itertools
import json
import os
import re
import signal
import sys
import tarfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = "r8_this-is-the-key-that-nobody-may-see"
"""What it takes for a key."""

PRICE_SECONDS = 100.0
"""Charged seconds of a training that runs to its end."""

Answer = tuple[int, dict[str, str], bytes]


class Account:
    """What the remote knows: uploads, trainings, and the ledger.

    Args:
        folder: Where the ledger lies, and `result.safetensors`, what every training comes to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.trainings: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.calls: list[str] = []
        self.faults: list[dict[str, Any]] = []
        self.client: int | None = None
        self.ends = "succeeded"
        self.looks_until_over = 2
        self._numbers = itertools.count(1)

    def write(self, entry: dict[str, Any]) -> None:
        """Into the ledger, synced."""
        with (self.folder / "ledger.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def upload(self, body: bytes) -> Answer:
        name = f"file-{next(self._numbers)}"
        address = f"https://files.example/{name}"
        self.write({"what": "upload", "url": address, "sha256": hashlib.sha256(body).hexdigest()})
        told = {"id": name, "name": name, "content_type": "application/zip", "size": len(body), "etag": "e"}
        more = {"checksums": {}, "metadata": {}, "created_at": now(0), "urls": {"get": address}}
        return 201, {}, json.dumps({**told, **more}).encode()

    def start(self, path: str, body: bytes, key: str) -> Answer:
        """A paid start."""
        asked = json.loads(body)
        training = f"t{next(self._numbers)}"
        self.trainings[training] = {
            "id": training,
            "model": re.sub(r"/v1/models/(.*)/versions/.*", r"\1", path),
            "version": "v1",
            "input": asked["input"],
            "status": "starting",
            "created_at": now(0),
            "started_at": None,
            "completed_at": None,
            "logs": "",
            "error": None,
            "output": None,
            "urls": {"get": "", "cancel": ""},
        }
        self.write({"what": "start", "id": training, "key": key, "input": asked["input"]})
        return 201, {}, json.dumps(self.trainings[training]).encode()

    def look(self, training: str, base: str) -> Answer:
        """Each look takes it a piece further."""
        known = self.trainings.get(training)
        if known is None:
            return 404, {}, json.dumps({"detail": "there is no such training"}).encode()
        looks = self.looks[training] = self.looks.get(training, 0) + 1
        if known["status"] in {"starting", "processing"}:
            known["status"] = "processing"
            known["started_at"] = known["started_at"] or now(-PRICE_SECONDS / 4)
            known["logs"] = f"key {KEY}\n 40%|####      | 400/1000 [00:10<00:15, 40.0it/s]"
            if looks > self.looks_until_over:
                self._end(known, base, self.ends)
        return 200, {}, json.dumps(known).encode()

    def cancel(self, training: str, base: str) -> Answer:
        known = self.trainings[training]
        if known["status"] in {"starting", "processing"}:
            self._end(known, base, "canceled")
        return 200, {}, json.dumps(known).encode()

    def listed(self) -> Answer:
        newest = [dict(known, logs="") for known in reversed(self.trainings.values())]
        return 200, {}, json.dumps({"previous": None, "next": None, "results": newest}).encode()

    def output(self) -> Answer:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name in sorted(self.folder.glob("result*.safetensors")):
                archive.add(name, f"output/flux_train/{name.name.replace('result', 'lora')}")
        return 200, {"Content-Type": "application/x-tar"}, packed.getvalue()

    def _end(self, known: dict[str, Any], base: str, status: str) -> None:
        seconds = PRICE_SECONDS if status == "succeeded" else PRICE_SECONDS / 4
        known["status"] = status
        known["completed_at"] = now(0)
        known["metrics"] = {"predict_time": seconds}
        if status == "succeeded":
            known["output"] = {"version": "us/ink:abc", "weights": f"{base}/out/trained_model.tar"}
        elif status == "failed":
            known["error"] = f"CUDA out of memory (key {KEY})"
        self.write({"what": "charge", "id": known["id"], "seconds": seconds})


def _refusal(fault: dict[str, Any]) -> Answer:
    """An answer that is no success; it repeats the key, as some remotes do."""
    detail = json.dumps({"detail": fault.get("detail", f"no ({KEY})")}).encode()
    return fault.get("status", 500), fault.get("headers", {}), detail


def now(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart, and the second would wait for 40 ms
    account: Account

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's
        """Quiet."""

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/-/"):
            self._send(self._told(body))
            return
        with self.account.lock:
            self.account.calls.append(f"{method} {self.path}")
            fault = self._fault(f"{method} {self.path}", len(self.account.calls))
            do = fault["do"] if fault else ""
            if do == "kill before":
                self._kill()
                return
            answer = _refusal(fault) if fault and do in {"answer", "hang", "drop"} else self._right(method, body)
            if fault and fault.get("acts"):
                self._right(method, body)
        if do == "hang":
            time.sleep(fault["seconds"] if fault else 0)
        if do == "drop":
            self.close_connection = True
            return
        if do == "kill unanswered":
            self._kill()
            return
        self._send(answer, short=do == "truncate", lost=do == "lose the answer")
        if do == "kill after":
            self._kill()

    def _right(self, method: str, body: bytes) -> Answer:
        """What a remote that does everything right would say."""
        account, base = self.account, f"http://{self.headers['Host']}"
        if self.path.startswith("/out/"):
            return account.output()
        sent = self.headers.get("Authorization", "")
        if sent != f"Bearer {KEY}":
            return 401, {}, json.dumps({"title": "Unauthenticated", "detail": f"no such key: {sent}"}).encode()
        if method == "POST" and self.path == "/v1/files":
            return account.upload(body)
        if method == "POST" and self.path.endswith("/versions/v1/trainings"):
            return account.start(self.path, body, self.headers.get("Idempotency-Key", ""))
        if method == "GET" and self.path == "/v1/trainings":
            return account.listed()
        found = re.fullmatch(r"/v1/trainings/(\w+)(/cancel)?", self.path)
        if found is None:
            return 404, {}, b'{"detail": "not found"}'
        return account.cancel(found[1], base) if found[2] else account.look(found[1], base)

    def _fault(self, call: str, number: int) -> dict[str, Any] | None:
        """The first fault that is meant for this call; each is used as often as it says."""
        for fault in self.account.faults:
            meant = fault.get("call") == number or ("like" in fault and re.search(fault["like"], call))
            if meant and fault.get("times", 1) > 0:
                fault["times"] = fault.get("times", 1) - 1
                return fault
        return None

    def _kill(self) -> None:
        if self.account.client is not None:
            os.kill(self.account.client, signal.SIGKILL)
            self.account.client = None
        self.close_connection = True

    def _told(self, body: bytes) -> Answer:
        """What a test tells it, or wants to know."""
        account = self.account
        if self.path == "/-/anew":
            Handler.account = account = Account(Path(json.loads(body)["folder"]))
        if self.path == "/-/set":
            for name, value in json.loads(body).items():
                setattr(account, name, value)
        return 200, {}, json.dumps({"calls": account.calls}).encode()

    def _send(self, answer: Answer, *, short: bool = False, lost: bool = False) -> None:
        status, headers, body = answer
        if lost:
            self.close_connection = True
            return
        try:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if short else body)
            self.wfile.flush()
        except OSError:  # the client is dead
            self.close_connection = True
        if short:
            self.close_connection = True


def main() -> None:
    """Serve until killed."""
    folder = Path(sys.argv[1])
    Handler.account = Account(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)  # noqa: T201 - whoever started it waits for this line
    server.serve_forever()


if __name__ == "__main__":
    main()
