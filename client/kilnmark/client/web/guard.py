"""Who may ask for a page: whoever has the address that was printed, on this machine, from the site itself.

Every request names a host of ours, and carries a token: people's as a cookie that the printed address sets, programs'
as a bearer. Where it changes something its token has the right to, and people's comes from a page of the site and says
so twice. All of it is plain ASGI; what is on the pages is not known here.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final
from urllib.parse import parse_qs

__all__ = ["POLICY", "REPORT_POLICY", "App", "FormSeal", "Gate", "Guard", "Right", "right_of"]

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

_RIGHT: Final = "kilnmark.right"
"""Where the right of a request stands in its scope."""


class Right(IntEnum):
    """What a token lets its bearer do."""

    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Gate:
    """What a site is called, and what it tells whom it does not let in.

    Attributes:
        name: A part of its cookie's name.
        command: What printed its address.
        sorry: From a title and a sentence to a page with nothing on it that a stranger may not see.
        assets: Paths that everybody may have, without their first slash: what those pages look like.
        open_below: What the paths begin with that everybody may ask for, and whose answers look after themselves.
        programs: What the paths begin with that programs ask for: they bear a token, and are told in their own form.
        told: From a status and a sentence to that, in JSON.
        hosts: Names that it answers to beside those of loopback, with their ports.
    """

    name: str
    command: str
    sorry: Callable[[str, str], str]
    assets: Collection[str] = ()
    open_below: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    told: Callable[[int, str], bytes] = lambda _, sentence: sentence.encode()
    hosts: Collection[str] = ()


class FormSeal:
    """What the forms of a site send along, so that no other page can post one.

    Args:
        token: That lets its bearer change something.
    """

    def __init__(self, token: str) -> None:
        self._sealed = hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()

    @property
    def form_token(self) -> str:
        """What a form has to send along; it says nothing of the token."""
        return self._sealed

    def is_form_token(self, given: str) -> bool:
        """Whether a form sent it along."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._sealed.encode())


class Guard(FormSeal):
    """Lets through to an application only who may.

    Args:
        app: Behind it.
        token: That the printed address carries, long enough not to be guessed; or several, with the right of each.
        port: The one that is listened on.
        gate: The site's.
    """

    def __init__(self, app: App, token: str | Mapping[str, Right], port: int, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._rights = {token: Right.WRITE} if isinstance(token, str) else dict(token)
        super().__init__(next(token for token, right in self._rights.items() if right is Right.WRITE))
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")} | set(gate.hosts)
        self._cookie = f"kilnmark_{gate.name}_{port}"

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request, or let it through."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"host", "") not in self._hosts:
            sentence = "This server answers under the address that it printed, and no other."
            await self._refuse(scope, send, 421, "Not here", sentence)
        elif scope["path"].lstrip("/") in self._gate.assets or scope["path"].startswith(self._gate.open_below):
            await self._app(scope, receive, _with_headers(send))
        elif (token := _given_token(scope)) and not self._is_programs(scope):
            await self._admit(scope, send, token)
        elif refused := self._refusal(scope, headers):
            await self._refuse(scope, send, *refused)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: _Scope, headers: Mapping[bytes, str]) -> tuple[int, str, str] | None:
        """Why somebody is not let in: a status, a title and a sentence; None: they are, with the right they have."""
        bearer = _borne(headers)
        given = self._cookie_of(headers) if bearer is None else bearer
        right = None if given is None else self._right_of(given)
        origin, host = headers.get(b"origin"), headers[b"host"]
        if right is None:
            if self._is_programs(scope):
                sentence = f"Send `Authorization: Bearer TOKEN`; `{self._gate.command} token` prints one."
                return 401, "Who are you?", sentence
            return 401, "Who are you?", f"Open the address that {self._gate.command} printed."
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return 405, "Not so", "Pages are read, and forms are posted; nothing else is done here."
        from_elsewhere = origin != f"http://{host}" and (bearer is None or origin is not None)
        if scope["method"] == "POST" and from_elsewhere:
            return 403, "Not from there", "A form of another site cannot change anything here."
        if scope["method"] == "POST" and right < Right.WRITE:
            return 403, "Not with that", "This token lets you look, and change nothing."
        scope[_RIGHT] = right
        return None

    def _right_of(self, given: str) -> Right | None:
        """What a token lets its bearer do; all of them are looked at, however soon one fits."""
        found = [
            right
            for token, right in self._rights.items()
            if hmac.compare_digest(token.encode(), given.encode("utf-8", "replace"))
        ]
        return found[0] if found else None

    def _is_programs(self, scope: _Scope) -> bool:
        return bool(self._gate.programs) and scope["path"].startswith(self._gate.programs)

    def _cookie_of(self, headers: Mapping[bytes, str]) -> str | None:
        """Other servers of this machine set cookies for the same name, of whatever form: each is read by itself."""
        pairs = (pair.partition("=") for pair in headers.get(b"cookie", "").split(";"))
        return next((value.strip().strip('"') for name, _, value in pairs if name.strip() == self._cookie), None)

    async def _admit(self, scope: _Scope, send: _Send, token: str) -> None:
        """The token goes from the address into a cookie, so that it stands in no history and no link."""
        if self._right_of(token) is None:
            sentence = "That address is of an earlier start; open this one's."
            await self._refuse(scope, send, 401, "Who are you?", sentence)
            return
        cookie = f"{self._cookie}={token}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, b"", [(b"location", b"/"), (b"set-cookie", cookie.encode())])

    async def _refuse(self, scope: _Scope, send: _Send, status: int, title: str, sentence: str) -> None:
        if self._is_programs(scope):
            answer, kind = self._gate.told(status, sentence), b"application/json"
        else:
            answer, kind = self._gate.sorry(title, sentence).encode(), b"text/html; charset=utf-8"
        await _answer(send, status, answer, [(b"content-type", kind)])


def right_of(scope: Mapping[str, Any]) -> Right:
    """What the token of a request that was let through lets its bearer do."""
    right: Right = scope.get(_RIGHT, Right.READ)
    return right


def _borne(headers: Mapping[bytes, str]) -> str | None:
    """The token that a program bears; None: it bears none."""
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


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
