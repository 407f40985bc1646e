"""One tree of errors: every class is in it, it is drawn as it is, and every boundary's table is whole."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from kilnmark.client.cli import exits
from kilnmark.daemon import main as daemon_main
from kilnmark.daemon.asked import refusals
from kilnmark.engine import ends
from kilnmark.protocol import errors
from kilnmark.protocol.errors import KilnmarkError, nearest
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.wire.errors import BY_CODE, RequestError

ROOT = Path(__file__).parents[2]
TOP = {"Exception", "BaseException", "RuntimeError", "ValueError", "OSError"}


DERIVED = re.compile(r"^ *class \w+.*\(", re.MULTILINE)
"""Where a class with bases begins; most modules have none, and need not be parsed."""


def classes() -> Iterator[tuple[str, str, list[str]]]:
    """Name, dotted module and names of bases of every class that may leave its module, where that derives any."""
    for folder in sorted(ROOT.glob("*/kilnmark")):
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text()
            if not DERIVED.search(text):
                continue  # what is no child of anything is no error
            module = "kilnmark." + path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
            for node in statements(ast.parse(text)):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield node.name, module, [ast.unparse(base) for base in node.bases]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All below it but expressions, which no statement is in and most nodes are."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from statements(child)


@cache
def all_errors() -> Mapping[str, tuple[str, str]]:
    """Module and parent of every error, by its name, which no other class has; read once they are asked for."""
    parents = {name: (module, bases[0]) for name, module, bases in classes() if bases}

    def is_error(name: str) -> bool:
        return name in TOP or (name in parents and is_error(parents[name][1]))

    return {name: found for name, found in parents.items() if is_error(name)}


def loaded(name: str) -> type[KilnmarkError]:
    found: type[KilnmarkError] = getattr(import_module(all_errors()[name][0]), name)
    assert issubclass(found, KilnmarkError)
    return found


def under(name: str, root: str) -> bool:
    return name == root or (name in all_errors() and under(all_errors()[name][1], root))


def drawn(text: str) -> dict[str, tuple[str, str]]:
    """Parent and room of every class in a drawing, a room standing until the next one is named."""
    found: dict[str, tuple[str, str]] = {}
    above: list[str] = []
    room = ""
    for line in text.splitlines():
        if match := re.fullmatch(r"    ([│ ├└─]*)(\w+)(?: {2,}(.*))?", line):
            depth = len(match[1]) // 4
            above = [*above[:depth], match[2]]
            room = match[3].rpartition(": ")[2] if match[3] and "/" in match[3] else room
            found[match[2]] = (above[depth - 1] if depth else "Exception", room)
    return found


def test_every_error_of_the_product_is_in_the_tree() -> None:
    assert len(all_errors()) > 40
    assert [name for name in all_errors() if not under(name, "KilnmarkError")] == []


def test_the_tree_is_drawn_as_it_is() -> None:
    assert errors.__doc__ is not None
    sketch = drawn(errors.__doc__)
    assert {name: parent for name, (parent, _) in sketch.items()} == {
        n: parent for n, (_, parent) in all_errors().items()
    }
    rooms = {
        name: f"kilnmark.{room.replace('/', '.')}" for name, (_, room) in sketch.items() if name != "KilnmarkError"
    }
    assert rooms == {name: module for name, (module, _) in all_errors().items() if name != "KilnmarkError"}


def test_the_wires_table_has_every_error_of_a_request() -> None:
    known = {name for name in all_errors() if under(name, "RequestError")} - {"RequestError"}
    assert {cls.__name__ for cls in BY_CODE.values()} == known


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        (exits.EXITS, ("protocol", "keymaps", "otel", "client")),
        (daemon_main.EXITS, ("protocol", "otel", "daemon")),
        (ends.ENDS, ("protocol", "keymaps", "engine")),
    ],
    ids=["command line", "daemon's process", "engine to wire"],
)
def test_a_boundarys_table_has_a_row_for_whatever_can_reach_it(
    table: Mapping[type[KilnmarkError], object], parts: tuple[str, ...]
) -> None:
    for name, (module, _) in all_errors().items():
        if module.split(".")[1] in parts:
            assert nearest(table, loaded(name)) is not None


def test_what_is_wrong_with_a_requests_files_and_documents_becomes_an_error_of_the_request() -> None:
    for root in ("UnusableContent", "RefusedFile"):
        for name in all_errors():
            if under(name, root):
                assert callable(nearest(refusals.ASKED, loaded(name)))


CODES = {
    ExitCode.USAGE: (
        "InvalidParams JobIdTaken UnusableContent UnknownName UnusableGoal TracingMisconfigured "
        "UnreadableConfig SettingsRefused SocketUnfit UnfitForService NothingToFetch RefusedPicture PictureRefused "
        "ServerNotInstalled"
    ),
    ExitCode.NOT_ENGAGED: (
        "AdapterRefused AdapterNotAllowed AdapterNotEngaged RefusedFile MissingFile OutsideRoots ExchangedFile "
        "UnsafeFile UnfitAdapter"
    ),
    ExitCode.NO_DAEMON: "DaemonUnavailable ConnectTimeout",
    ExitCode.TRY_AGAIN: (
        "QueueFull Draining JournalFailed NoWorker FolderInUse PicksHeld SocketInUse HubFailed FetchedElsewhere "
        "ModelInUse PortTaken"
    ),
}
DAEMON_CODES = {
    ExitCode.USAGE: "SettingsError UnfitSocketPath TracingMisconfigured JournalUnusable JournalReplaced NewerJournal",
    ExitCode.TRY_AGAIN: "SocketHeld JournalHeld",
}


@pytest.mark.parametrize(
    ("table", "codes"), [(exits.EXITS, CODES), (daemon_main.EXITS, DAEMON_CODES)], ids=["command line", "daemon"]
)
def test_every_class_ends_a_process_with_its_code_and_the_rest_with_1(
    table: Mapping[type[KilnmarkError], ExitCode], codes: Mapping[ExitCode, str]
) -> None:
    of = {name: code for code, names in codes.items() for name in names.split()}
    got = {name: nearest(table, loaded(name)) for name in all_errors()}
    assert got == {name: of.get(name, ExitCode.FAILED) for name in all_errors()}


def test_the_nearest_row_above_a_class_counts() -> None:
    table: Mapping[type[KilnmarkError], int] = {KilnmarkError: 0, RequestError: 1}
    assert [nearest(table, cls) for cls in (KilnmarkError, RequestError, BY_CODE[-32001])] == [0, 1, 1]
    with pytest.raises(KeyError):
        nearest({RequestError: 1}, KilnmarkError)
