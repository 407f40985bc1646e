"""The arrows between the rooms, read from every import statement of the product.

An import inside a function counts like one at the top, save where a light room looks for a package that only the
daemon's extra installs.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = {
    "protocol": "msgspec pydantic pydantic_core yaml",
    "otel": "msgspec opentelemetry",
    "keymaps": "msgspec numpy opentelemetry pydantic safetensors yaml",
    "client": "click msgspec numpy opentelemetry pydantic pydantic_core rich safetensors yaml",
    "lab": "PIL click msgspec numpy opentelemetry pydantic pydantic_core rich safetensors yaml",
    "web": "click msgspec opentelemetry",
    "farm": "click msgspec opentelemetry",
}
"""Top-level packages that a light room may need when it is imported."""
ON_DEMAND = {
    "otel": "google opentelemetry prometheus_client requests",
    "keymaps": "PIL",
    "client": "PIL fsspec httpx huggingface_hub jinja2 markupsafe starlette tokenizers uvicorn",
    "web": "PIL jinja2 mcp markupsafe starlette uvicorn",
    "farm": "cryptography nacl nats nkeys rich zeroconf",
    "lab": "anthropic fsspec httpx jinja2 markdown_it markupsafe openai replicate skimage starlette uvicorn",
}
"""Further packages that a light room may look for inside a function."""
EXTRA_ONLY = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto", "opentelemetry.instrumentation")
ARROWS = {
    "protocol": "protocol",
    "otel": "otel protocol.errors protocol.printable protocol.picture.report protocol.picture.block_scales"
    " protocol.wire.work",
    "keymaps": (
        "keymaps protocol.errors protocol.printable protocol.wire.inspection protocol.picture.report"
        " protocol.picture.evidence protocol.picture.verdict protocol.picture.block_scales"
        " protocol.picture.catalog protocol.picture.family protocol.picture.given"
    ),
    "client": "client protocol otel keymaps",
    "daemon": "daemon protocol otel keymaps",
    "engine": "engine protocol otel keymaps",
    "lab": "lab client protocol otel keymaps",
    "web": "web client protocol otel keymaps",
    "farm": "farm client protocol otel keymaps",
}
MFLUX_ROOMS = ("engine/families/*/*.py", "engine/families/*/*/*.py")
"""A room for each family, and one for what those by its classes have in common."""
LIBRARY = "library"
_BEFORE_BASES = ("compute", "kernels", "noted", "stack", "trail", "ends", "families", "proof", "run")
ENGINE = (*_BEFORE_BASES, "bases", "measuring", "link", "tied", "main", "examine", "__main__")
"""Rooms and modules of the engine: each imports only itself and what stands before it."""
EXCEPTIONS = {
    # Whoever tests a program that uses the daemon gets one within the test's process; nothing else of the client does.
    ("client/testing/__init__.py", "kilnmark.daemon.in_process.InProcessDaemon"),
    # It is imported by pytest alone.
    ("client/testing/fixtures.py", "pytest"),
}
"""A file and what it may import in spite of its room: of ours only inside a function."""


@dataclass(frozen=True)
class Import:
    """One imported module, who imports it, and whether that waits for a call."""

    room: str
    file: str
    line: int
    module: str
    on_demand: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def imports_of(path: Path) -> Iterator[Import]:
    file = path.as_posix().rpartition("/kilnmark/")[2]
    room = file.partition("/")[0]
    tree = ast.parse(path.read_text())
    for node, on_demand in walk(tree, on_demand=False):
        for module in modules_of(node):
            yield Import(room, file, node.lineno, module, on_demand)


def walk(node: ast.AST, *, on_demand: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            continue  # no statement is in one
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, on_demand
        inside = on_demand or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from walk(child, on_demand=inside)


def modules_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, "relative imports hide their arrow"
    return [f"{node.module}.{alias.name}" for alias in node.names]


@cache
def product_imports() -> list[Import]:
    """All of them, read once they are asked for: whoever runs other tests does not wait for it."""
    files = [path for folder in sorted(ROOT.glob("*/kilnmark")) for path in sorted(folder.rglob("*.py"))]
    return [found for path in files for found in imports_of(path)]


def starts_with(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def imported_by(room: str) -> list[Import]:
    return [found for found in product_imports() if found.room == room]


def is_exception(found: Import) -> bool:
    is_ours = starts_with(found.module, "kilnmark")
    return (found.file, found.module) in EXCEPTIONS and (found.on_demand or not is_ours)


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_imports_only_the_rooms_its_arrows_point_to(room: str) -> None:
    allowed = [f"kilnmark.{target}" for target in ARROWS[room].split()]
    ours = [found for found in imported_by(room) if starts_with(found.module, "kilnmark") and not is_exception(found)]
    assert ours, f"{room} imports nothing of ours: is it still where this test looks?"
    assert [str(found) for found in ours if not any(starts_with(found.module, prefix) for prefix in allowed)] == []


def test_no_module_of_the_library_looks_into_the_command_line() -> None:
    library = [found for found in imported_by("client") if not found.file.startswith("client/cli/")]
    assert len({found.file for found in library}) > 20
    assert [str(found) for found in library if starts_with(found.module, "kilnmark.client.cli")] == []


def test_every_room_has_its_arrows_here() -> None:
    assert {found.room for found in product_imports()} == set(ARROWS)


def test_only_the_engine_imports_mlx() -> None:
    assert [
        str(found) for found in product_imports() if starts_with(found.module, "mlx") and found.room != "engine"
    ] == []


def test_only_the_rooms_of_a_family_know_mflux() -> None:
    users = {found.file for found in product_imports() if starts_with(found.module, "mflux")}
    assert users
    assert [user for user in users if not any(map(Path(user).match, MFLUX_ROOMS))] == []


def place_in_engine(module: str) -> int:
    """Of a module's path or dotted name, below the engine."""
    return ENGINE.index(module.removeprefix("kilnmark.engine.").replace("/", ".").removesuffix(".py").split(".")[0])


def test_the_engines_rooms_import_only_what_stands_before_them() -> None:
    inner = [found for found in imported_by("engine") if found.module.startswith("kilnmark.engine.")]
    inner = [found for found in inner if found.file != "engine/__init__.py"]
    assert {place_in_engine(found.file.removeprefix("engine/")) for found in inner} >= {1, 3, 6, 7, 8, 9, 13}
    up = [
        str(found)
        for found in inner
        if place_in_engine(found.module) > place_in_engine(found.file.removeprefix("engine/"))
    ]
    assert up == []


def test_no_room_of_a_family_is_known_outside_it() -> None:
    """It is found by the name in its row, so that another one needs no import."""
    families = [path.name for path in (ROOT / "daemon/kilnmark/engine/families").iterdir() if path.is_dir()]
    rooms = [f"kilnmark.engine.families.{name}" for name in families if name not in {"__pycache__", LIBRARY}]
    known = [
        str(found)
        for found in product_imports()
        for room in rooms
        if starts_with(found.module, room) and not found.file.startswith(f"engine/families/{room.rpartition('.')[2]}/")
    ]
    assert rooms
    assert known == []


@pytest.mark.parametrize("room", OUTSIDE)
def test_a_light_room_needs_only_light_packages(room: str) -> None:
    def is_light(found: Import) -> bool:
        top = found.module.split(".")[0]
        if top == "kilnmark" or is_exception(found) or top in sys.stdlib_module_names:
            return True
        if found.on_demand and top in ON_DEMAND.get(room, "").split():
            return True
        return top in OUTSIDE[room].split() and not any(starts_with(found.module, heavy) for heavy in EXTRA_ONLY)

    assert [str(found) for found in imported_by(room) if not is_light(found)] == []


def test_a_forbidden_arrow_is_seen(tmp_path: Path) -> None:
    module = tmp_path / "kilnmark" / "client" / "bad.py"
    module.parent.mkdir(parents=True)
    module.write_text("def f():\n    from kilnmark import engine\n    import mlx.core\n")
    assert [(found.room, found.module, found.on_demand) for found in imports_of(module)] == [
        ("client", "kilnmark.engine", True),
        ("client", "mlx.core", True),
    ]
