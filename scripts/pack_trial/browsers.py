"""Two browsers that decide at once through two review servers of one folder: half of its pictures each."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord
from scripts.pack_trial.house import House, Server
from scripts.pack_trial.session import Told
from tests.client.batch.browser import Browser, open_browser

__all__ = ["decide_at_once"]

_GO: Final = "document.querySelectorAll('.card .shot')[arguments[0]].focus()"
_LEFT: Final = "return document.querySelectorAll('.card[data-word=open]').length"
_PEOPLE: Final = ("Ada", "Ben")


def decide_at_once(house: House, told: Told) -> None:
    """Every picture of a copy, which nobody has decided about, is accepted by one of two; all words are there after."""
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        print("left out: two browsers; chromium and chromedriver are not on PATH", flush=True)
        told.figures |= {"browser_decisions": None, "browser_decisions_lost": None}
        return
    folder = house.root / "browsers"
    shutil.copytree(house.pictures, folder, ignore=shutil.ignore_patterns("picks.yaml", "_earlier"))
    with house.review(folder, "Ada") as one, house.review(folder, "Ben") as other:
        decided = _in_windows((one, other), told)
    _count(folder, decided, told)


def _in_windows(servers: Sequence[Server], told: Told) -> int:
    """Both pages open, and every key pressed; how many were."""
    with open_browser() as ada, open_browser() as ben:
        windows = (ada, ben)
        for window, server in zip(windows, servers, strict=True):
            window.go(server.address)
        decided = _press(windows)
        told.promise(all(window.until(_LEFT, 0) for window in windows), "both pages show that nothing is undecided")
    return decided


def _press(windows: Sequence[Browser]) -> int:
    """Turn about, one key each; how many were pressed."""
    count = int(windows[0].run("return document.querySelectorAll('.card').length"))
    for number in range(count):
        window = windows[number % 2]
        window.run(_GO, number)
        window.press("a")
    return count


def _count(folder: Path, decided: int, told: Told) -> None:
    words = [
        said.by
        for pick in PicksFiles.of(folder).read().entries
        for picture in pick.pictures
        for said in picture.said
        if said.word is PickWord.ACCEPTED
    ]
    told.promise(
        sorted(set(words)) == list(_PEOPLE) and len(words) == decided,
        f"of {decided} decisions in two browsers {len(words)} stand",
    )
    told.figures |= {"browser_decisions": decided, "browser_decisions_lost": decided - len(words)}
