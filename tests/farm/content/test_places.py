"""Folders that several nodes of a machine share: never taken from under anybody, given up for want of room."""

import asyncio
import errno
import fcntl
import os
from pathlib import Path

import pytest

from kilnmark.farm.content import cache as cache_module
from kilnmark.farm.content import places
from kilnmark.farm.content.cache import ContentCache
from kilnmark.farm.content.places import held, places_in, removed
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.keymaps.files.outputs import SPARE


def stored(folder: Path, name: str, size: int, age: float) -> Path:
    place = folder / name
    place.mkdir(parents=True)
    (place / "file").write_bytes(b"x" * size)
    os.utime(place, (1e9 - age, 1e9 - age))
    return place


def test_what_one_node_holds_no_other_takes_away_until_it_lets_go(tmp_path: Path) -> None:
    place = stored(tmp_path, "ink", 100, 0)
    other = ContentCache(tmp_path, tmp_path / "pictures", budget=0)

    async def hold() -> None:
        async with held([place]), held([place, tmp_path / "new"]):
            other.tidy()
            assert (place / "file").exists()

    asyncio.run(hold())
    other.tidy()
    assert not list(places_in(tmp_path))


def test_who_comes_while_a_folder_is_taken_away_has_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, lock = stored(tmp_path, "ink", 1, 0), fcntl.flock
    taken: list[bool] = []

    def lock_late(file: int, kind: int) -> None:
        """Between a folder that was opened and its lock, another program takes it away."""
        if not taken:
            taken.append(False)
            taken[0] = removed(place)
        lock(file, kind)

    monkeypatch.setattr(fcntl, "flock", lock_late)

    async def hold() -> None:
        async with held([place]):
            assert taken == [True]
            assert list(place.iterdir()) == []
            assert not removed(place)

    asyncio.run(hold())


def test_a_folder_whose_taking_away_was_ended_halfway_goes(tmp_path: Path) -> None:
    stored(tmp_path, ".0123456789abcdef.going", 1, 0)
    ContentCache(tmp_path, tmp_path / "pictures", budget=1 << 20).tidy()
    assert not list(tmp_path.iterdir())


def test_a_file_that_finds_no_room_has_the_longest_unused_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = 300 + SPARE
    for number in range(3):
        stored(tmp_path, f"{number}", 100, age=-number)

    def free(folder: Path) -> int:
        return disk - sum(places.size_of(place) for place in places_in(folder))

    monkeypatch.setattr(places, "free_bytes", free)
    monkeypatch.setattr(cache_module, "free_bytes", free)
    cache = ContentCache(tmp_path, tmp_path / "pictures", budget=1 << 20)
    cache._have_room(tmp_path, 150)
    assert [place.name for place in places_in(tmp_path)] == ["2"]
    with pytest.raises(FarmNotUsable, match=r"MB are free, and \d+ MB are needed; free some"):
        cache._have_room(tmp_path, 301)
    with pytest.raises(FarmNotUsable, match="are needed"):
        cache.check()
    disk *= 2
    cache.check()


def test_a_disk_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(file: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, f"no locks for {file}, {kind}")

    monkeypatch.setattr(fcntl, "flock", none)

    async def hold() -> None:
        async with held([tmp_path / "ink"]):
            pass

    with pytest.raises(FarmNotUsable, match="give --content on a disk of this machine"):
        asyncio.run(hold())
