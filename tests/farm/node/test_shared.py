"""A folder that nodes and submitters share: pictures go there as they would at the broker."""

import asyncio
import os
from pathlib import Path

import pytest

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.content.local import local_file
from kilnmark.farm.documents import FarmJob, FarmNeeds, FarmResult
from kilnmark.farm.node import shared
from kilnmark.farm.node.commit import Commits
from kilnmark.farm.node.shared import clear_shared, share, shared_place
from kilnmark.protocol.wire.requests import RenderParams

DAY = 86400.0
NEEDS = FarmNeeds(variant="mini", version="1", keymaps="k")


def picture(folder: Path, words: str) -> Path:
    path = folder / f"{words}.png"
    path.write_text(words)
    return path


def test_a_picture_goes_a_day_after_its_result_and_one_that_is_put_again_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = local_file(picture(tmp_path, "old"))
    place = shared_place(tmp_path / "shared", "ann", old.content.sha256)
    share(old, place)
    begun = place.stat().st_ctime
    monkeypatch.setattr(shared, "_now", lambda _: begun + 14.9 * DAY)
    assert clear_shared(tmp_path / "shared", "ann", 14 * DAY) == 0
    monkeypatch.setattr(shared, "_now", lambda _: begun + 15.1 * DAY)
    is_old = shared._is_old

    def put_again(path: Path, before: float) -> bool:
        """Between the look and the hand, another node paints the same."""
        found = is_old(path, before)
        os.utime(old.path, (begun + 15 * DAY, begun + 15 * DAY))
        share(old, place)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(shared, "_is_old", put_again)
        assert clear_shared(tmp_path / "shared", "ann", 14 * DAY) == 0
    assert place.read_text() == "old"
    monkeypatch.setattr(shared, "_now", lambda _: begun + 31 * DAY)
    assert clear_shared(tmp_path / "shared", "ann", 14 * DAY) == 1
    assert not list(place.parent.iterdir())


def test_a_node_clears_the_folder_by_the_days_of_its_farm(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, new = local_file(picture(tmp_path, "lost")), local_file(picture(tmp_path, "new"))
    lain = shared_place(tmp_path / "shared", "ann", lost.content.sha256)
    share(lost, lain)
    begun = lain.stat().st_ctime
    os.utime(new.path, (begun + 16 * DAY, begun + 16 * DAY))
    monkeypatch.setattr(shared, "_now", lambda _: begun + 16 * DAY)
    asked = RenderParams(prompt="a hill", seed=1)
    job = FarmJob(job_id="new", submitter="ann", submission="s", needs=NEEDS, asked=asked)
    done = FarmResult(job_id="new", submitter="ann", submission="s", state="done", picture=new.content)

    async def ask() -> None:
        async with farm_link(broker) as link:
            assert await Commits(link, tmp_path / "shared").commit(job, done, new)

    asyncio.run(ask())
    assert [path.name for path in lain.parent.iterdir()] == [f"{new.content.sha256}.png"]
