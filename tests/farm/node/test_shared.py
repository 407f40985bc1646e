"""A folder that nodes and submitters share: pictures go there as they would at the broker."""

import asyncio
import os
from pathlib import Path

import pytest

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.content.local import local_file
from kilnmark.farm.documents import FarmJob, FarmNeeds, FarmResult
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable
from kilnmark.farm.node import shared
from kilnmark.farm.node.commit import Commits
from kilnmark.farm.node.shared import clear_shared, share, shared_place
from kilnmark.farm.submit.pictures import Pictures
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


def test_a_node_clears_the_folder_by_the_days_of_its_farm_and_who_does_not_name_it_is_told(
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
    done = FarmResult(job_id="new", submitter="ann", submission="s", state="done", node="mac", picture=new.content)

    async def ask() -> None:
        async with farm_link(broker) as link:
            commits = Commits(link, tmp_path / "shared")
            assert await commits.commit(job, done, new)
            ended = await commits.existing(job)
            assert ended is not None
            with pytest.raises(FarmNotUsable, match="--shared: the node mac puts its pictures into a folder"):
                await Pictures(link, "ann", tmp_path / "way").fetch(ended)
            fetched = await Pictures(link, "ann", tmp_path / "way", tmp_path / "shared").fetch(ended)
            assert fetched.read_bytes() == new.path.read_bytes()
            with pytest.raises(ContentUnusable, match="does not lie in"):
                await Pictures(link, "ann", tmp_path / "way", tmp_path / "other").fetch(ended)

    asyncio.run(ask())
    assert [path.name for path in lain.parent.iterdir()] == [f"{new.content.sha256}.png"]
