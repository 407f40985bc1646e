"""Who may ask for a page: whoever has the address that was printed, on this machine, from the site itself.

Every request names a host of ours, carries the token as a cookie that the printed address sets, and, where it changes
something, comes from a page of the site and says so twice. All of it is plain ASGI; what is on the pages is not known
here.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

__all__ = ["POLICY", "REPORT_POLICY", "App", "Gate", "Guard"]

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY: Final = (
    "sandbox allow-same-origin; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""For pages that other programs left behind: nothing in them runs, and they are nobody's."""

_HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"private, no-cache"),
)


@dataclass(frozen=True)
class Gate:
    """What a site is called, and what it tells whom it does not let in.

    Attributes:
        name: A part of its cookie's name.
        command: What printed its address.
        sorry: From a title and a sentence to a page with nothing on it that a stranger may not see.
        assets: Paths that everybody may have, without their first slash: what those pages look like.
    """

    name: str
    command: str
    sorry: Callable[[str, str], str]
    assets: Collection[str] = ()


class Guard:
    """Lets through to an application only who may.

    Args:
        app: Behind it.
        token: That the printed address carries; long enough not to be guessed.
        port: The one that is listened on.
        gate: The site's.
    """

    def __init__(self, app: App, token: str, port: int, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._token = token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._cookie = f"kilnmark_{gate.name}_{port}"

    @property
    def form_token(self) -> str:
        """What a form has to send along; it says nothing of the token."""
        return hmac.new(self._token.encode(), b"form", hashlib.sha256).hexdigest()

    def is_form_token(self, given: str) -> bool:
        """Whether a form sent it along."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.form_token.encode())

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request, or let it through."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if host not in self._hosts:
            await self._refuse(
                send, 421, "Not here", "This server answers under the address that it printed, and no other."
            )
        elif token := _given_token(scope):
            await self._admit(send, token)
        elif scope["path"].lstrip("/") not in self._gate.assets and not self._is_known(headers):
            await self._refuse(send, 401, "Who are you?", f"Open the address that {self._gate.command} printed.")
        elif scope["method"] not in {"GET", "HEAD", "POST"}:
            await self._refuse(send, 405, "Not so", "Pages are read, and forms are posted; nothing else is done here.")
        elif scope["method"] == "POST" and headers.get(b"origin") != f"http://{host}":
            await self._refuse(send, 403, "Not from there", "A form of another site cannot change anything here.")
        else:
            await self._app(scope, receive, _with_headers(send))

    def _is_known(self, headers: MutableMapping[bytes, str]) -> bool:
        try:
            found = SimpleCookie(headers.get(b"cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._token.encode())

    async def _admit(self, send: _Send, token: str) -> None:
        """The token goes from the address into a cookie, so that it stands in no history and no link."""
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self._token.encode()):
            await self._refuse(send, 401, "Who are you?", "That address is of an earlier start; open this one's.")
            return
        cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, b"", [(b"location", b"/"), (b"set-cookie", cookie.encode())])

    async def _refuse(self, send: _Send, status: int, title: str, sentence: str) -> None:
        page = self._gate.sorry(title, sentence).encode()
        await _answer(send, status, page, [(b"content-type", b"text/html; charset=utf-8")])


def _given_token(scope: _Scope) -> str | None:
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return query["token"][0] if scope["method"] == "GET" and "token" in query else None


def _with_headers(send: _Send) -> _Send:
    async def sent(message: _Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(pair for pair in _HEADERS if pair[0] not in given)]
        await send(message)

    return sent


async def _answer(send: _Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    send = _with_headers(send)
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
