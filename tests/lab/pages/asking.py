"""A site asked in this process: one request in, one answer out, by ASGI alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlencode

from kilnmark.client.web.guard import Guard
from kilnmark.lab.pages.app import site_application
from kilnmark.lab.pages.watch import FolderWatch

__all__ = ["HOST", "PORT", "TOKEN", "Answer", "Asker"]

PORT: Final = 8421
HOST: Final = f"127.0.0.1:{PORT}"
TOKEN: Final = "a-token-of-a-test"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Asker:
    """Somebody who was let in."""

    def __init__(self, root: Path) -> None:
        watch = FolderWatch(root)
        self.guard: Guard = site_application(root, str(root), token=TOKEN, port=PORT, person="ada", watch=watch)
        self.known = {"host": HOST, "cookie": f"kilnmark_lab_{PORT}={TOKEN}", "origin": f"http://{HOST}"}

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, self.known | headers)

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> Answer:
        body = urlencode({"csrf": self.guard.form_token, **form}).encode()
        return self.ask("POST", path, self.known | headers, body)

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        return asyncio.run(self._ask(method, path, headers, body))

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        bare, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(bare),
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "server": ("127.0.0.1", PORT),
            "client": ("127.0.0.1", 1),
        }
        sent: list[Any] = []

        asked = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in asked:
                return message
            await asyncio.Event().wait()  # nobody hangs up
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        await self.guard(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        whole = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return Answer(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, whole)
