"""The web process asked in this process, by ASGI alone; its daemon is a real one in a thread, or none."""

import asyncio
from collections.abc import Mapping
from typing import Final

from kilnmark.client.web.guard import Guard
from kilnmark.web.app import web_application
from kilnmark.web.link import DaemonLink
from kilnmark.web.site import WebSite
from kilnmark.web.tokens import WebTokens
from tests.client.web.asking import Answer, ask

__all__ = ["HOST", "PORT", "TOKENS", "Answer", "Asker"]

PORT: Final = 7341
HOST: Final = f"127.0.0.1:{PORT}"
SECRET: Final = "whsec_" + "c2VjcmV0" * 6
TOKENS: Final = WebTokens(
    read="a-reader-of-a-test-0123456789", write="a-writer-of-a-test-0123456789", secret="whsec_" + "c2VjcmV0" * 6
)


class Asker:
    """Somebody who asks, with the token that may change things unless they say otherwise."""

    def __init__(self, socket: str | None, hosts: tuple[str, ...] = ()) -> None:
        self.site = WebSite(DaemonLink(socket), TOKENS, f"http://{HOST}", hosts)
        self.guard: Guard = web_application(self.site)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers)

    def post(self, path: str, body: bytes, **headers: str) -> Answer:
        return self.ask("POST", path, headers, body)

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        return asyncio.run(self._ask(method, path, {"host": HOST, **headers}, body))

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        await self.site.link.begin()
        try:
            return await ask(self.guard, method, path, headers, body, PORT)
        finally:
            await self.site.link.end()
