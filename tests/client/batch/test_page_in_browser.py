"""The review page in a real browser: what a person sees, presses and hears. Run by `make test-browser`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.batch.browser import AXE, Browser, open_browser
from tests.client.batch.gallery import EVIL_NAME, make_gallery

pytestmark = pytest.mark.browser

DESKTOP, PHONE = (1280, 900), (390, 844)
COUNT = 26
NAMES = (
    "return [...document.querySelectorAll('.card')].filter(c => !c.hidden).map(c => c.querySelector('h3').textContent)"
)
FOCUSED = "return document.activeElement.closest('.card')?.querySelector('h3').textContent ?? null"
OPEN = "return document.querySelector('#viewer').open ? document.querySelector('#viewer-name').textContent : null"
COUNTS = (
    "const counts = [...document.querySelectorAll('[data-counts=standing]')];"
    "return Object.fromEntries(counts.map(count => [count.dataset.count, Number(count.textContent)]))"
)
INSIDE = (
    "const one = document.activeElement;return one === document.body || document.querySelector('#viewer').contains(one)"
)
BOXES = (
    "return ['with', 'without'].map(id => document.getElementById(id).getBoundingClientRect())"
    ".map(box => [box.left, box.right, box.width, box.height])"
)
TOP = "return document.activeElement.getBoundingClientRect().top + scrollY"
SETTLED = (
    "return Promise.all(['with', 'without'].map(id => document.getElementById(id)).filter(image => !image.hidden)"
    ".map(image => image.decode())).then(() => true)"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    make_gallery(folder, COUNT)
    return folder / "index.html"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def browser(window: Browser, page: Path) -> Iterator[Browser]:
    """The page, opened anew on a desktop in the light; whatever it did, it did without a complaint."""
    window.size(*DESKTOP)
    window.media(prefers_color_scheme="light")
    window.open(page)
    window.complaints()
    yield window
    assert window.complaints() == []


def choose(browser: Browser, name: str, value: str) -> None:
    browser.run(
        "const field = document.forms.filters.elements[arguments[0]]; field.value = arguments[1];"
        "(field.dispatchEvent ? field : [...field].find(one => one.checked))"
        ".dispatchEvent(new Event('input', {bubbles: true}))",
        name,
        value,
    )


def said(browser: Browser) -> str:
    told: str = browser.run("return document.querySelector('#found').textContent")
    return told


def test_nothing_is_asked_for_but_files_beside_the_page(window: Browser, page: Path) -> None:
    window.requests()
    window.open(page)
    window.run("scrollTo(0, document.body.scrollHeight)")
    window.press("ArrowRight", "Enter", "ArrowRight")
    window.run(SETTLED)
    asked = [address for address in window.requests() if address != "about:blank"]
    assert sum(address.endswith(".png") for address in asked) > 2
    assert all(address.startswith(page.parent.as_uri()) for address in asked), asked
    assert window.complaints() == []


def test_dead_adapters_are_first_and_everything_is_shown(browser: Browser) -> None:
    first = browser.run("return document.querySelector('.card').dataset.standing")
    assert first.startswith("dead")
    assert len(browser.run(NAMES)) == COUNT
    assert said(browser) == f"{COUNT} of {COUNT} shown"


def test_a_click_on_dead_adapters_leaves_only_those(browser: Browser) -> None:
    browser.click(".chip.dead")
    standings = browser.run("return [...document.querySelectorAll('.card:not([hidden])')].map(c => c.dataset.standing)")
    assert len(standings) == 4
    assert all("dead" in standing.split() for standing in standings)
    assert said(browser) == f"4 of {COUNT} shown"


def test_one_that_failed_for_a_dead_adapter_is_found_under_failed_too(browser: Browser) -> None:
    browser.click(".chip.failed")
    assert browser.run(NAMES) == ["Low Tide Cellars", "Barometer heron"]


def test_genre_world_kind_and_tier_go_together(browser: Browser) -> None:
    choose(browser, "world", "weatherwright/carding_moor")
    choose(browser, "kind", "portrait")
    choose(browser, "tier", "portrait")
    choose(browser, "genre", "weatherwright")
    assert {"Ottoline Fleet", "Bram Understairs"} <= set(browser.run(NAMES))
    shown = browser.run("return [...document.querySelectorAll('.card:not([hidden])')].map(c => ({...c.dataset}))")
    assert {(one["world"], one["tier"]) for one in shown} == {("weatherwright/carding_moor", "portrait")}


def test_search_finds_words_of_names_prompts_adapters_and_seeds(browser: Browser) -> None:
    browser.press("/", *"quill")
    assert set(browser.run(NAMES)) == {"Quill"}
    browser.press("Escape", *"lantern")
    assert set(browser.run(NAMES)) == {"Low Tide Cellars"}
    browser.press("Escape", *"1887")
    assert browser.run(NAMES) == ["The Shearing Steps"]


def test_the_counts_on_the_standings_follow_the_other_filters(browser: Browser) -> None:
    browser.press("/", *"quill")
    counts = browser.run(COUNTS)
    assert counts[""] == len(browser.run(NAMES))
    assert counts[""] == sum(number for standing, number in counts.items() if standing)


def test_nothing_found_says_so_and_one_press_brings_everything_back(browser: Browser) -> None:
    browser.press("/", *"zzzz")
    assert said(browser) == "No picture matches"
    browser.click("#clear")
    assert said(browser) == f"{COUNT} of {COUNT} shown"


def test_what_is_chosen_stands_in_the_address_and_is_there_again(browser: Browser, page: Path) -> None:
    browser.click(".chip.partial")
    fragment = browser.run("return location.hash")
    before = browser.run(NAMES)
    browser.open(page, fragment)
    assert browser.run(NAMES) == before != []


@pytest.mark.parametrize(
    ("order", "read"),
    [
        ("name", "c.querySelector('h3').textContent.toLowerCase()"),
        ("place", "+c.dataset.place"),
        ("change", "c.dataset.change === '' ? 2 : +c.dataset.change"),
    ],
)
def test_the_order_can_be_chosen(browser: Browser, order: str, read: str) -> None:
    choose(browser, "order", order)
    values = browser.run(f"return [...document.querySelectorAll('.card')].map(c => {read})")
    if order == "name":
        values = browser.run(
            "return arguments[0].map((v, i, all) => i === 0 || new Intl.Collator().compare(all[i - 1], v) <= 0)", values
        )
        assert all(values)
    else:
        assert values == sorted(values)


def test_arrows_walk_along_and_between_the_rows(browser: Browser) -> None:
    names = browser.run(NAMES)
    browser.press("ArrowRight")
    assert browser.run(FOCUSED) == names[0]
    browser.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert browser.run(FOCUSED) == names[1]
    above = browser.run(TOP)
    browser.press("ArrowDown")
    assert browser.run(TOP) > above
    browser.press("ArrowUp")
    assert browser.run(TOP) == above
    browser.press("End")
    assert browser.run(FOCUSED) == names[-1]
    browser.press("Home")
    assert browser.run(FOCUSED) == names[0]


def test_enter_opens_arrows_go_on_and_escape_comes_back_to_the_picture_last_seen(browser: Browser) -> None:
    names = browser.run(NAMES)
    browser.press("ArrowRight", "Enter")
    assert browser.run(OPEN) == names[0]
    browser.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert browser.run(OPEN) == names[1]
    browser.press("Escape")
    assert browser.run(OPEN) is None
    assert browser.until(FOCUSED, names[1])


def test_the_ends_of_the_viewer_do_not_lose_the_focus(browser: Browser) -> None:
    browser.press("ArrowRight", "Enter", "ArrowRight")
    browser.click("#previous")
    assert browser.run("return document.querySelector('#previous').disabled") is True
    assert browser.run("return document.activeElement.id") == "details"


def test_tab_stays_inside_the_viewer(browser: Browser) -> None:
    browser.press("ArrowRight", "Enter")
    for _ in range(12):
        browser.press("Tab")
        assert browser.run(INSIDE)


def test_a_question_mark_opens_the_keys_and_escape_closes_them(browser: Browser) -> None:
    browser.press("?")
    assert browser.run("return document.querySelector('#help').open") is True
    browser.press("Escape")
    assert browser.run("return document.querySelector('#help').open") is False


def test_letters_typed_into_the_search_are_no_commands(browser: Browser) -> None:
    browser.press("/", "t", "?", "/", "b")
    assert browser.run("return document.querySelector('#text').value") == "t?/b"
    assert browser.run("return document.documentElement.dataset.theme ?? null") is None


def ground(browser: Browser) -> Any:
    return browser.run("return getComputedStyle(document.body).backgroundColor")


def test_light_and_dark_follow_the_system_until_a_person_says_otherwise(browser: Browser) -> None:
    light = ground(browser)
    browser.media(prefers_color_scheme="dark")
    dark = ground(browser)
    assert dark != light
    browser.press("t")
    assert ground(browser) == light
    browser.click("#theme")
    assert ground(browser) == dark
    assert browser.run("return document.querySelector('#theme').getAttribute('aria-pressed')") == "true"


def open_pair(browser: Browser) -> None:
    browser.run("document.querySelector('.card:not(.failed) .shot[data-bare]').click()")
    browser.run(SETTLED)


def clip(browser: Browser) -> Any:
    return browser.run("return getComputedStyle(document.querySelector('#without')).clipPath")


def test_a_pair_opens_with_a_slider_that_keys_move(browser: Browser) -> None:
    open_pair(browser)
    assert clip(browser) == "inset(0px 0px 0px 50%)"
    browser.run("document.querySelector('#wipe').focus()")
    browser.press("ArrowLeft")
    assert clip(browser) == "inset(0px 0px 0px 49%)"
    assert browser.run("return document.querySelector('#without').naturalWidth") > 0


def test_b_flips_between_with_and_without(browser: Browser) -> None:
    open_pair(browser)
    browser.press("b")
    assert clip(browser) == "inset(0px 0px 0px 100%)"
    browser.press("b")
    assert clip(browser) == "inset(0px)" or clip(browser) == "inset(0px 0px 0px 0%)"


def test_a_pair_side_by_side_shows_both_whole(browser: Browser) -> None:
    open_pair(browser)
    browser.click("#modes [data-mode=side]")
    boxes = browser.run(BOXES)
    assert boxes[0][1] <= boxes[1][0]
    assert boxes[0][2:] == boxes[1][2:]
    assert clip(browser) == "none"


def test_a_wide_pair_on_a_narrow_window_lies_one_above_the_other(browser: Browser) -> None:
    browser.size(*PHONE)
    browser.run("document.querySelector('.card[data-tier=landscape] .shot[data-bare]').click()")
    browser.click("#modes [data-mode=side]")
    boxes = browser.run(BOXES)
    assert boxes[0][:2] == boxes[1][:2]
    assert boxes[0][2] > PHONE[0] / 2


def test_a_phone_shows_the_picture_before_the_words(browser: Browser) -> None:
    browser.size(*PHONE)
    open_pair(browser)
    assert browser.run(BOXES)[0][3] > PHONE[1] / 3
    assert browser.run("return document.querySelector('#with').getBoundingClientRect().top") == pytest.approx(0, abs=40)


def test_one_without_a_partner_offers_nothing_to_compare(browser: Browser) -> None:
    browser.run("[...document.querySelectorAll('.shot[href$=png]')].find(shot => !shot.dataset.bare).click()")
    assert browser.run("return document.querySelector('#modes').hidden") is True
    assert browser.run("return getComputedStyle(document.querySelector('#without')).display") == "none"


def test_a_failed_one_opens_too_and_says_why(browser: Browser) -> None:
    browser.click(".chip.failed")
    browser.run("document.querySelector('.card[data-place=\"9\"] .shot').click()")
    assert "worker was lost" in browser.run("return document.querySelector('#details').textContent")


def test_what_yaml_says_is_shown_as_it_stands_and_does_nothing(browser: Browser) -> None:
    assert EVIL_NAME in browser.run(NAMES)
    browser.run("document.querySelector('.card[data-place=\"11\"] .shot').click()")
    assert browser.run(OPEN) == EVIL_NAME
    assert browser.run("return document.title").endswith("kilnmark review")


def test_motion_is_only_for_those_who_want_it(browser: Browser) -> None:
    moving = "return getComputedStyle(document.querySelector('button')).transitionDuration"
    assert "0.15s" in browser.run(moving)
    browser.media(prefers_reduced_motion="reduce")
    assert browser.run(moving) == "0s"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_window(browser: Browser, size: tuple[int, int]) -> None:
    browser.size(*size)
    assert browser.run("return document.documentElement.scrollWidth") == size[0]
    open_pair(browser)
    assert browser.run("return document.querySelector('#viewer').scrollWidth") == size[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("state", ["list", "pair", "help"])
def test_axe_finds_nothing(browser: Browser, size: tuple[int, int], scheme: str, state: str) -> None:
    assert AXE.is_file(), "axe-core is missing; `make test-browser` fetches it"
    browser.size(*size)
    browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    if state == "pair":
        open_pair(browser)
    if state == "help":
        browser.press("?")
    browser.run(AXE.read_text(encoding="utf-8"))
    result = browser.run("return axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    assert [(found["id"], [node["target"] for node in found["nodes"]][:5]) for found in result["violations"]] == []
    assert len(result["passes"]) > 15


def test_of_a_thousand_pictures_only_those_near_the_window_cost_anything(browser: Browser, tmp_path: Path) -> None:
    make_gallery(tmp_path, 1000)
    browser.open(tmp_path / "index.html")
    shown = (
        "return [...document.querySelectorAll('.card h3')]"
        ".filter(name => name.checkVisibility({contentVisibilityAuto: true})).length"
    )
    loaded = "return [...document.querySelectorAll('.shot img')].filter(image => image.complete).length"
    assert 4 < browser.run(shown) < 50, "cards far from the window are painted"
    assert browser.run(loaded) < 100, "pictures far from the window are loaded"
    display = "return getComputedStyle(document.querySelector('.card')).display"
    assert browser.run(display) == "block", "items of a list are numbered anew for each that is hidden"
