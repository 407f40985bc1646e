"""The verbs of the review page in a real browser, opened as a file: what a person decides, takes back and takes along.
Run by `make test-browser`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.client.batch.page.page import BatchAtWork, write_page
from kilnmark.client.batch.picks.document import picks_of
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.run.asked import AskedBatch
from kilnmark.client.batch.run.decisions import file_hash
from kilnmark.client.batch.run.manifest import Manifest
from tests.client.batch.browser import AXE, Browser, open_browser
from tests.client.batch.gallery import EVIL_NAME, make_gallery

pytestmark = pytest.mark.browser

DESKTOP, PHONE = (1280, 900), (390, 844)
COUNT = 12
UNDECIDED = "return document.querySelector('#undecided').textContent"
TOAST = "const part = document.querySelector('#toast'); return part.hidden ? '' : part.firstChild.textContent"
WORDS = "return Object.fromEntries([...document.querySelectorAll('.card')].map(c => [c.dataset.place, c.dataset.word]))"
AT = "return document.activeElement.closest('.card')?.dataset.place ?? null"
GO = "document.querySelector(`.card[data-place='${arguments[0]}'] .shot`).focus()"
NOTE = "return document.querySelector(`.card[data-place='${arguments[0]}'] .pick`).textContent"
SAVED = (
    "const before = URL.createObjectURL; let taken = null;"
    "URL.createObjectURL = (blob) => { taken = blob; return before.call(URL, blob); };"
    "document.querySelector('#export-save').click(); URL.createObjectURL = before; return taken.text()"
)


def make_folder(folder: Path) -> Manifest:
    """Pictures, one that lay there before, and the batch that painted them."""
    manifest = make_gallery(folder, COUNT)
    first = manifest.pictures[0]
    before = "_earlier/pictures/000.7-00000000.png"
    (folder / before).parent.mkdir(parents=True)
    (folder / before).write_bytes((folder / manifest.pictures[1].file).read_bytes())
    lain = msgspec.structs.replace(first, file=before, seed=7, sha256=file_hash(folder / before), bare_file=None)
    asked = AskedBatch(kind="poi", packs="/packs of mine")
    manifest = msgspec.structs.replace(manifest, earlier=[lain], asked=[asked])
    write_page(folder, manifest)
    return manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verbs")


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    return make_folder(folder)


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def browser(window: Browser, folder: Path, manifest: Manifest) -> Iterator[Browser]:
    """The page as nobody has decided anything on it yet, in the order of the plan."""
    assert manifest.pictures
    window.size(*DESKTOP)
    window.media(prefers_color_scheme="light")
    window.open(folder / "index.html", "#order=place")
    window.run("localStorage.clear(); sessionStorage.clear()")
    window.open(folder / "index.html", "#order=place")
    window.complaints()
    yield window
    assert window.complaints() == []


def go(browser: Browser, place: int) -> None:
    browser.run(GO, place)


def words(browser: Browser) -> dict[str, str]:
    found: dict[str, str] = browser.run(WORDS)
    return {place: word for place, word in found.items() if word not in {"open", "none"}}


def test_what_is_undecided_is_counted_first_and_one_key_accepts_and_goes_on(browser: Browser) -> None:
    assert browser.run(UNDECIDED) == "10 undecided"
    go(browser, 0)
    browser.press("a", "a")
    assert (browser.run(UNDECIDED), words(browser)) == ("8 undecided", {"0": "accepted", "1": "accepted"})
    assert browser.run(AT) == "2"
    assert browser.run("return document.querySelector('#decided').textContent") == " \u00b7 2 accepted, 0 rejected"


def test_a_rejection_asks_why_and_both_are_taken_back_in_their_order(browser: Browser) -> None:
    go(browser, 0)
    browser.press("a", "x", *"too dark", "Enter")
    assert words(browser) == {"0": "accepted", "1": "rejected"}
    assert browser.run(NOTE, 1) == "Rejected: too dark"
    browser.press("u")
    assert words(browser) == {"0": "accepted"}
    browser.press("u")
    assert (words(browser), browser.run(UNDECIDED)) == ({}, "10 undecided")


def test_a_rejection_that_is_called_off_decides_nothing(browser: Browser) -> None:
    go(browser, 0)
    browser.press("x", *"no", "Escape")
    assert words(browser) == {}
    browser.press("x")
    browser.click("#why button[value='']")
    assert words(browser) == {}


def test_letters_of_a_reason_are_no_commands(browser: Browser) -> None:
    go(browser, 0)
    browser.press("x", *"au?t/", "Enter")
    assert browser.run(NOTE, 0) == "Rejected: au?t/"


def test_decisions_outlive_the_page(browser: Browser, folder: Path) -> None:
    go(browser, 0)
    browser.press("a", "p")
    browser.open(folder / "index.html", "#order=place")
    assert words(browser) == {"0": "accepted"}
    assert browser.run(NOTE, 1) == "Seed pinned"


def test_what_was_decided_before_the_page_was_loaded_anew_is_taken_back_too(browser: Browser, folder: Path) -> None:
    go(browser, 0)
    browser.press("a", "p")
    browser.go((folder / "index.html").as_uri() + "?anew#order=place")
    browser.press("u")
    assert (words(browser), browser.run(NOTE, 1)) == ({"0": "accepted"}, "")
    browser.press("u")
    assert words(browser) == {}


def test_a_failed_picture_cannot_be_decided_about(browser: Browser) -> None:
    go(browser, 9)
    browser.press("a")
    assert browser.run(TOAST) == "There is no picture to decide about"
    assert words(browser) == {}


def test_the_decisions_can_be_chosen_and_are_counted(browser: Browser) -> None:
    go(browser, 0)
    browser.press("a")
    browser.click(".chip.accepted")
    shown = browser.run("return [...document.querySelectorAll('.card:not([hidden])')].map(c => c.dataset.place)")
    assert shown == ["0"]
    assert browser.run("return document.querySelector('.chip.accepted b').textContent") == "1"


def test_in_the_viewer_the_next_picture_follows_a_word(browser: Browser) -> None:
    go(browser, 0)
    browser.press("Enter", "a", "x", *"flat", "Enter")
    assert words(browser) == {"0": "accepted", "1": "rejected"}
    assert browser.run("return document.querySelector('#position').textContent") == f"3 of {COUNT}"
    browser.press("ArrowLeft")
    assert browser.run("return document.querySelector('#pick').textContent") == "Rejected: flat"


def test_a_pinned_seed_is_told_on_every_picture_of_its_entry_and_let_go_by_the_same_key(browser: Browser) -> None:
    go(browser, 10)
    browser.press("p")
    assert browser.run(NOTE, 10) == "Seed pinned"
    assert browser.run(NOTE, 0) != "Seed pinned"
    browser.press("p")
    assert browser.run(NOTE, 10) == ""


def test_the_seeds_of_an_entry_are_compared_with_those_that_lay_there_before(browser: Browser) -> None:
    go(browser, 0)
    browser.press("c")
    lines = browser.run("return [...document.querySelectorAll('#seeds-list .where')].map(p => p.textContent)")
    assert lines[-1] == "seed 7 \u00b7 before \u00b7 undecided"
    assert len(lines) == 3
    browser.click("#seeds-list li:last-child [data-verb=accept]")
    browser.click("#seeds-list li:last-child [data-verb=pin]")
    lines = browser.run("return [...document.querySelectorAll('#seeds-list .where')].map(p => p.textContent)")
    assert lines[-1] == "seed 7 \u00b7 before \u00b7 accepted"
    browser.press("Escape")
    assert browser.run(NOTE, 0) == "Another seed is pinned: 7"
    browser.press("u", "u")
    assert browser.run(NOTE, 0) == ""


def test_a_file_paints_nothing_and_says_which_command_does(browser: Browser, folder: Path) -> None:
    go(browser, 0)
    browser.press("r")
    command = browser.run("return document.querySelector('#again-command').textContent")
    name = "'The Shearing Steps'"
    where = "--packs '/packs of mine' --genre weatherwright --world carding_moor"
    assert command == f"kilnmark batch poi {where} --only {name} --out {folder} --reroll"
    browser.press("Escape")


def test_what_was_decided_leaves_as_picks_that_merge(browser: Browser, manifest: Manifest, folder: Path) -> None:
    go(browser, 11)
    browser.press("x", *'"dull": #1 \\ \u00ad{\U0001f311', "Enter")
    go(browser, 0)
    browser.press("a", "p", "e", *"Ada")
    picks = picks_of(browser.run(SAVED).encode(), "picks.yaml")
    by_file = {each.file: (pick, each) for pick in picks.entries for each in pick.pictures}
    evil, accepted = manifest.pictures[11], manifest.pictures[0]
    pick, rejected = by_file[evil.file]
    assert pick.entry == evil.entry
    assert pick.entry.name == EVIL_NAME
    assert (rejected.sha256, rejected.word) == (file_hash(folder / evil.file), PickWord.REJECTED)
    assert [(said.by, said.reason) for said in rejected.said] == [("Ada", '"dull": #1 \\ \u00ad{\U0001f311')]
    pick, one = by_file[accepted.file]
    assert (one.word, one.seed, one.inputs) == (PickWord.ACCEPTED, accepted.seed, accepted.inputs)
    assert [pick.pinned for pick in picks.entries if pick.pinned] == [(manifest.pictures[1].seed,)]


def test_nothing_is_exported_without_a_name(browser: Browser) -> None:
    go(browser, 0)
    browser.press("a", "e")
    assert browser.run("return document.querySelector('#export-save').disabled") is True


def test_prompt_seed_and_command_are_copied(browser: Browser, manifest: Manifest) -> None:
    go(browser, 0)
    browser.press("Enter")
    browser.run("navigator.clipboard.writeText = (words) => { window.taken = words; return Promise.resolve(); }")
    for what, wanted in (("prompt", manifest.pictures[0].prompt), ("seed", str(manifest.pictures[0].seed))):
        browser.click(f"[data-copies={what}]")
        assert browser.run("return window.taken") == wanted


def test_a_flip_in_slider_mode_tells_what_is_shown(browser: Browser) -> None:
    go(browser, 0)
    browser.press("Enter", "b")
    hidden = "return ['tag-with', 'tag-without'].map(id => document.getElementById(id).hidden)"
    assert browser.run(hidden) == [False, True]
    browser.press("b")
    assert browser.run(hidden) == [True, False]


@pytest.mark.parametrize(("size", "across"), [(DESKTOP, (4, 8, 2)), (PHONE, (2, 4, 1))], ids=["desktop", "phone"])
def test_rows_of_two_four_or_eight_are_remembered(
    browser: Browser, folder: Path, size: tuple[int, int], across: tuple[int, ...]
) -> None:
    browser.size(*size)
    columns = "return getComputedStyle(document.querySelector('#pictures')).gridTemplateColumns.split(' ').length"
    for count in across:
        assert browser.run(columns) == count
        browser.press("z")
    browser.press("z")
    browser.open(folder / "index.html")
    assert browser.run(columns) == across[1]


def test_pictures_are_grouped_by_place(browser: Browser) -> None:
    browser.run("document.forms.filters.elements.order.value = 'where'")
    browser.run("document.forms.filters.dispatchEvent(new Event('input', {bubbles: true}))")
    heads = "return [...document.querySelectorAll('.group:not([hidden])')].map(head => head.textContent)"
    assert browser.run(heads) == ["weatherwright", "weatherwright / brine exchange", "weatherwright / carding moor"]
    browser.press("/", *"quill")
    assert browser.run(heads) == ["weatherwright / brine exchange"]


def test_a_cause_leads_to_its_pictures(browser: Browser) -> None:
    told = browser.run("return [...document.querySelectorAll('.trouble')].map(one => one.textContent)")
    assert "history.yaml:31" in told[0]
    assert "glasslight refused" in told[1]
    browser.click(".trouble.refused button")
    names = "return [...document.querySelectorAll('.card:not([hidden]) h3')].map(name => name.textContent)"
    assert browser.run(names) == ["Low Tide Cellars"]


def test_an_empty_page_says_why_and_complains_of_nothing(window: Browser, tmp_path: Path) -> None:
    window.complaints()
    window.open(write_page(tmp_path, Manifest()))
    assert "Nothing has been painted here yet" in window.run("return document.querySelector('.empty').textContent")
    window.press("ArrowRight", "a", "End", "z", "u")
    assert window.complaints() == []


def test_a_page_that_grows_is_loaded_anew_and_keeps_its_place(window: Browser, tmp_path: Path) -> None:
    manifest = make_gallery(tmp_path, 40)
    write_page(tmp_path, manifest, painting=BatchAtWork(40, 60))
    window.size(*DESKTOP)
    window.open(tmp_path / "index.html", "#order=place&kind=poi")
    assert "40 of 60 ended" in window.run("return document.querySelector('#running').textContent")
    window.run(GO, 20)
    window.run("scrollBy(0, 900); document.title = 'before'")
    above = (  # once the page is laid out as it stays: what comes into view gets its true height two frames later
        "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => "
        "done(document.querySelector(`.card[data-place='20']`).getBoundingClientRect().top))))"
    )
    before = window.run(above)
    write_page(tmp_path, manifest, painting=BatchAtWork(41, 60))
    assert window.until("return document.querySelector('#running')?.textContent.includes('41 of 60') ?? false", True)
    assert window.until(AT, "20")
    assert window.run("return location.hash") == "#order=place&kind=poi"
    assert window.run(above) == pytest.approx(before, abs=4)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("state", ["decided", "viewer", "seeds", "why", "again", "export", "small"])
def test_axe_finds_nothing(browser: Browser, size: tuple[int, int], scheme: str, state: str) -> None:
    assert AXE.is_file(), "axe-core is missing; `make test-browser` fetches it"
    browser.size(*size)
    browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    go(browser, 0)
    browser.press("a", "x", *"no", "Enter", "p")
    go(browser, 0)
    for key in {"viewer": ["Enter"], "seeds": ["c"], "why": ["x"], "again": ["r"], "export": ["e"], "small": ["z"]}.get(
        state, []
    ):
        browser.press(key)
    browser.run(AXE.read_text(encoding="utf-8"))
    result: Any = browser.run("return axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    assert [(found["id"], [node["target"] for node in found["nodes"]][:5]) for found in result["violations"]] == []
    assert browser.run("return document.documentElement.scrollWidth") == size[0]
