"""Every page is reached from another, and every link of a page leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"```.*?```", re.DOTALL)


def links(page: Path) -> set[str]:
    """The targets of a page's links that stay in the repository, as they are written."""
    found = re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", page.read_text(encoding="utf-8")))
    return {target for target in found if not target.startswith(("http:", "https:", "mailto:"))}


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for target in links(page):
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        if not place.exists() or (anchor and anchor not in headings(place)):
            lost.append(target)
    assert lost == []


def test_every_page_is_reached() -> None:
    reached = {(page.parent / target.partition("#")[0]).resolve() for page in PAGES for target in links(page)}
    assert [page.name for page in PAGES if page.name != "README.md" and page.resolve() not in reached] == []


def test_a_lost_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` c\n[x](gone.md) [y](#a-b-c) [z](https://example.org)\n```\n[w](code.md)\n```\n")
    assert links(page) == {"gone.md", "#a-b-c"}
    assert headings(page) == {"a-b-c"}


PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/[\w.-]*\.(?:py|yaml|json|jsonl|ndjson|md|html))`")
MODULE = re.compile(r"`(kilnmark(?:\.\w+)+)`")
OTHER_NAMES = re.compile(r"kilnmark\.(client\.render|families|remap\..*|(lab|batch|farm)(\.[a-z_]+){1,2})")
"""Spans, attributes and metrics, a group of entry points, and entries of a file's metadata."""


def is_there(path: str) -> bool:
    """A file by its path from the repository's root, from the import root, or from a part's own folder."""
    places = ["", "*/", "*/kilnmark/", "*/kilnmark/*/", "*/kilnmark/*/*/"]
    return any(next(ROOT.glob(place + path), None) is not None for place in places)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    files = [path for path in PATH.findall(text) if "NAME" not in path]
    assert [path for path in files if not is_there(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_module_that_a_page_names_is_there(page: Path) -> None:
    lost = []
    for dotted in MODULE.findall(page.read_text(encoding="utf-8")):
        if OTHER_NAMES.fullmatch(dotted):
            continue
        *folders, last = dotted.split(".")[1:]
        base = "/".join(["*/kilnmark", *folders])
        if not any(next(ROOT.glob(f"{base}{tail}"), None) for tail in (f"/{last}", f"/{last}.py", ".py")):
            lost.append(dotted)
    assert lost == []
