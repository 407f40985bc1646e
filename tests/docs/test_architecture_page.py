"""The page of the house: its rooms, its arrows and its journeys are those of the code."""

import ast
import re
from pathlib import Path

from tests.house.test_arrows import ARROWS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MODULES = {path.as_posix().rpartition("/kilnmark/")[2]: path for path in ROOT.glob("*/kilnmark/*/**/*.py")}


def section(title: str) -> str:
    """What stands under a heading, up to the next of its rank or above."""
    mark, _, _ = title.partition(" ")
    return re.split(rf"^#{{1,{len(mark)}}} ", TEXT.partition(f"\n{title}\n")[2], flags=re.MULTILINE)[0]


def rows(title: str) -> dict[str, str]:
    """The table under a heading: its first column in code, and its second."""
    return dict(re.findall(r"^\| `([^`|]+)` \| (.+) \|$", section(title), re.MULTILINE))


def test_every_room_is_named_and_no_other() -> None:
    folders = {file.rpartition("/")[0] for file in MODULES}
    assert set(rows("## Rooms")) == folders


def test_its_arrows_are_those_that_are_held() -> None:
    shown = {part: set(re.findall(r"`([^`]+)`", targets)) for part, targets in rows("## Arrows").items()}
    assert shown == {part: set(targets.split()) - {part} for part, targets in ARROWS.items()}


def journeys() -> list[tuple[str, str]]:
    """Every step of every journey: a module, and a name in it."""
    return re.findall(r"^\d+\. `([\w/]+\.py)` `([\w.]+)`: ", section("## Journeys"), re.MULTILINE)


def test_the_journeys_are_of_steps_alone() -> None:
    lines = re.findall(r"^\d+\. .*$", section("## Journeys"), re.MULTILINE)
    assert len(lines) == len(journeys())
    assert section("## Journeys").count("\n### ") == 6


def test_every_step_of_a_journey_is_there() -> None:
    assert [f"{file} {name}" for file, name in journeys() if name not in names_in(file)] == []


def names_in(file: str) -> set[str]:
    """The functions and classes of a module, and the methods of its classes as `Class.method`."""
    if file not in MODULES:
        return set()
    found = set()
    for node in ast.parse(MODULES[file].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.AsyncFunctionDef)}
    return found
