"""Writes the tables of `docs/protocol.md` from the Structs, the errors and the limits of the code.

What stands between its marks is made here: `.venv/bin/python -m scripts.make_protocol_page`. The rest of the page is
written by people.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from kilnmark.client.cli.exits import exit_code_of
from kilnmark.daemon.methods import Methods
from kilnmark.keymaps.pictures.decoded import PIXEL_LIMIT
from kilnmark.keymaps.pictures.file import SIZE_LIMIT
from kilnmark.protocol.content.problems import PROBLEM_LIMIT
from kilnmark.protocol.picture.catalog import MAX_PIXELS
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.address import MAX_SOCKET_PATH
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.decoding import DEPTH_LIMIT
from kilnmark.protocol.wire.errors import BY_CODE
from kilnmark.protocol.wire.framing import FRAME_LIMIT
from kilnmark.protocol.wire.jsonrpc import BATCH_LIMIT, ID_LIMIT, REPLIES_LIMIT
from kilnmark.protocol.wire.methods import METHODS, WireMethod
from kilnmark.protocol.wire.replies import Heartbeat, Progress
from kilnmark.protocol.wire.watching import JobChange, Preview
from scripts.protocol_types import fields_of, lead_of, structs_in

__all__ = ["PAGE", "made"]

PAGE = Path(__file__).parent.parent / "docs" / "protocol.md"

AnyMethod = WireMethod[msgspec.Struct, msgspec.Struct]


def made(page: str) -> str:
    """The page with everything between its marks written anew."""
    for name, write in PARTS.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{write()}\n{end}{rest.partition(end)[2]}"
    return page


def limits() -> str:
    """What a daemon with the settings it is shipped with refuses, and how."""

    def of(setting: str) -> int:
        return int(Settings.model_fields[setting].default)

    rows = [
        ("bytes of a line (`line_bytes`)", FRAME_LIMIT, "-32600; the line is thrown away, the connection stays"),
        ("arrays and objects inside one another", DEPTH_LIMIT, "-32700"),
        ("requests of a batch", BATCH_LIMIT, "-32600"),
        ("bytes of the replies of a batch; small ones always go", REPLIES_LIMIT, "-32600 for what does not fit"),
        ("bytes of an id", ID_LIMIT, "-32600"),
        ("pixels of a picture", MAX_PIXELS, "-32602"),
        ("bytes of a picture within a request (`inline_bytes`)", of("inline_bytes"), "-32602"),
        ("bytes of the file of a picture to start from", SIZE_LIMIT, "-32012"),
        ("pixels of one", PIXEL_LIMIT, "-32012"),
        ("renders that wait (`queue_limit`)", of("queue_limit"), "-32001"),
        (
            "seconds for a whole line (`line_timeout`)",
            of("line_timeout"),
            "-32600, then the connection is closed",
        ),
        ("connections (`connection_limit`)", of("connection_limit"), "-32001 with the id null, then it is closed"),
        ("requests under way on a connection (`request_limit`)", of("request_limit"), "-32001"),
        ("bytes that a client leaves unread (`unread_bytes`)", of("unread_bytes"), "its next requests wait"),
        ("seconds without reading any of them (`unread_timeout`)", of("unread_timeout"), "the connection is closed"),
        ("problems that one refusal tells", PROBLEM_LIMIT, "the first are told"),
        ("bytes of the socket's path", MAX_SOCKET_PATH, "the daemon does not start"),
    ]
    return _table(("limit", "value", "beyond it"), ((what, f"{value:,}", then) for what, value, then in rows))


def methods() -> str:
    """Every method: its parameters, and what it is answered with."""
    return "\n".join(_method(method) for method in METHODS)


def _method(method: AnyMethod) -> str:
    table = Methods.__new__(Methods).table  # which handler it is; none is called
    parts = [f"### `{method.name}`", inspect.cleandoc(table[method.name].run.__doc__ or "")]
    if method.lasting:
        parts.append("It lasts until work is done: progress and heartbeats can be asked for.")
    parts += [lead_of(method.params), _parameters(method.params).rstrip()]
    parts.append(f"Answered with [{method.result.__name__}](#{method.result.__name__.lower()}).")
    return "\n\n".join(part for part in parts if part) + "\n"


def meta() -> str:
    """What rides beside the parameters of any method."""
    return f"{lead_of(CallMeta)}\n\n{_parameters(CallMeta)}"


def notifications() -> str:
    """What a daemon says unasked, once it was asked to."""
    return "\n".join(f"{lead_of(cls)}\n\n{_fields(cls)}" for cls in (Progress, Heartbeat, JobChange, Preview))


def shapes() -> str:
    """Every Struct that a reply is, or that a reply or a call is made of, by name."""
    found = {
        cls for method in METHODS for cls in (method.result, *structs_in(method.result), *structs_in(method.params))
    }
    return "\n".join(_shape(cls) for cls in sorted(found, key=lambda cls: cls.__name__))


def _shape(cls: type[msgspec.Struct]) -> str:
    return f"### {cls.__name__}\n\n{lead_of(cls)}\n\n{_fields(cls)}"


def errors() -> str:
    """Every error: its numbers and words, and what a command that meets it ends with."""
    head = ("code", "`kind`", "when", "`retryable`", "exit code", "in Python")
    return _table(head, (_error(code) for code in BY_CODE))


def _error(code: int) -> Iterator[str]:
    cls = BY_CODE[code]
    yield f"{code}"
    yield f"`{cls.kind}`"
    yield lead_of(cls)
    yield "true" if cls.retryable else "false"
    yield f"{exit_code_of(cls(''))}"
    yield f"`{cls.__name__}`"


def _parameters(cls: type[msgspec.Struct]) -> str:
    """A table of what a caller sends; empty where that is nothing."""
    rows = [(f"`{name}`", type_, default, meaning) for name, type_, default, meaning in fields_of(cls)]
    return _table(("parameter", "type", "default", "meaning"), rows) if rows else ""


def _fields(cls: type[msgspec.Struct]) -> str:
    """A table of what a daemon sends: every field, always, save those that may be left out."""
    rows = [
        (f"`{name}`", f"{type_}, or left out" if default == "left out" else type_, meaning)
        for name, type_, default, meaning in fields_of(cls)
    ]
    return _table(("field", "type", "meaning"), rows)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = tuple(head)
    lines = [f"| {' | '.join(titles)} |\n", f"|{'---|' * len(titles)}\n"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows]
    return "".join(lines)


PARTS: Mapping[str, Callable[[], str]] = {
    "limits": limits,
    "meta": meta,
    "methods": methods,
    "notifications": notifications,
    "errors": errors,
    "shapes": shapes,
}
"""What the page has marks for."""


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
