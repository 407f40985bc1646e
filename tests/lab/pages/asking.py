"""A site asked in this process: one request in, one answer out, by ASGI alone."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from kilnmark.client.web.guard import Guard
from kilnmark.lab.pages.app import site_application
from kilnmark.lab.pages.watch import FolderWatch
from tests.client.web.asking import Answer, ask

__all__ = ["HOST", "PORT", "TOKEN", "Answer", "Asker"]

PORT: Final = 8421
HOST: Final = f"127.0.0.1:{PORT}"
TOKEN: Final = "a-token-of-a-test"


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
        return asyncio.run(ask(self.guard, method, path, headers, body, PORT))
