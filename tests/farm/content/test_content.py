"""Files by their hashes: handed in once, fetched whole and verified, kept under a budget, never with other bytes."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.content import moving
from kilnmark.farm.content.cache import ContentCache
from kilnmark.farm.content.local import keymaps_digest, local_adapter, local_file
from kilnmark.farm.content.store import ContentStore, open_content
from kilnmark.farm.content.unneeded import clear_content
from kilnmark.farm.documents import ContentFile, FarmAdapter, FarmJob, FarmNeeds
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable
from kilnmark.farm.names import CONTENT, WORK, anew_subject, file_subject, work_subject
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.protocol.wire.requests import RenderParams

NEEDS = FarmNeeds(variant="mini", version="1", keymaps="k")


def at(broker: str, work: Callable[[ContentStore], Coroutine[Any, Any, None]]) -> None:
    async def ask() -> None:
        async with farm_link(broker) as link:
            await work(await open_content(link))

    asyncio.run(ask())


def job(*adapters: FarmAdapter) -> FarmJob:
    asked = RenderParams(prompt="a hill", seed=1)
    return FarmJob(job_id="j", submitter="ann", submission="s", needs=NEEDS, asked=asked, adapters=adapters)


def adapter(folder: Path, name: str, text: str, config: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    if config:
        (folder / "adapter_config.json").write_text(config)
    return path


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("ink.safetensors", ""),
        ("ink.safetensors", "{}"),
        ("adapter_model.safetensors", "{}"),
        ("ink-00001-of-00002.safetensors", ""),
    ],
)
def test_an_adapter_has_the_hash_of_its_reports_here_and_where_it_is_fetched(
    broker: str, tmp_path: Path, name: str, config: str
) -> None:
    path = adapter(tmp_path / "own", name, f"weights of {name} {config}", config)
    local = local_adapter(path)
    assert local.sha256 == content_hash(path)

    async def carry(store: ContentStore) -> None:
        for each in local.files:
            await store.put(each)
        cache = ContentCache(tmp_path / "node", tmp_path / "pictures", 1 << 20)
        async with cache.holding(store, job(local.at(0.5))) as held:
            assert content_hash(held.adapters[0]) == local.sha256
            assert held.adapters[0].name == name

    at(broker, carry)


def test_a_file_is_sent_once_and_fetched_once(broker: str, tmp_path: Path) -> None:
    local = local_adapter(adapter(tmp_path / "own", "once.safetensors", "once"))

    async def carry(store: ContentStore) -> None:
        assert await store.put(local.files[0])
        assert not await store.put(local.files[0])
        assert await store.put(local.files[0], anew=True)
        cache = ContentCache(tmp_path / "node", tmp_path / "pictures", 1 << 20)
        fetched = []
        for _ in range(2):
            async with cache.holding(store, job(local.at(1.0))) as held:
                fetched.append(held.fetched_bytes)
        assert fetched == [4, 0]
        held.adapters[0].write_text("other")
        async with cache.holding(store, job(local.at(1.0))) as held:
            assert held.fetched_bytes == 4, "what somebody wrote to is fetched again"
            assert held.adapters[0].read_text() == "once"

    at(broker, carry)


def test_what_is_not_there_or_has_other_bytes_is_never_used(broker: str, tmp_path: Path) -> None:
    good = local_file(adapter(tmp_path / "own", "good.safetensors", "good"))
    lost = ContentFile(name="lost.safetensors", sha256="0" * 64, size=4)

    async def carry(store: ContentStore) -> None:
        cache = ContentCache(tmp_path / "node", tmp_path / "pictures", 1 << 20)
        with pytest.raises(ContentUnusable, match=r"lost\.safetensors .* does not lie there.*--content-anew"):
            async with cache.holding(store, job(FarmAdapter(sha256="1" * 64, files=(lost,), scale=1))):
                pass
        await store._bucket.put(good.content.sha256, b"evil")  # as somebody would who has the rights
        with pytest.raises(ContentUnusable, match="holds other bytes"):
            async with cache.holding(store, job(FarmAdapter(sha256="2" * 64, files=(good.content,), scale=1))):
                pass
        assert not [path for path in (tmp_path / "node").rglob("*") if path.is_file()]
        assert await store.put(good, anew=True)
        async with cache.holding(store, job(FarmAdapter(sha256="2" * 64, files=(good.content,), scale=1))) as held:
            assert held.adapters[0].read_text() == "good"

    at(broker, carry)


def test_a_file_that_is_written_to_while_it_is_sent_takes_nothing_away(broker: str, tmp_path: Path) -> None:
    path = adapter(tmp_path / "own", "torn.safetensors", "whole")
    good = local_file(path)

    async def carry(store: ContentStore) -> None:
        await store.put(good)
        before = (await store._bucket.status()).stream_info.state.messages
        path.write_text("other")
        with pytest.raises(FarmNotUsable, match=r"torn\.safetensors: was written to while it was handed in"):
            await store.put(good, anew=True)
        await store.fetch(good.content, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_text() == "whole"
        after = (await store._bucket.status()).stream_info.state.messages
        assert after == before, "nothing of the other is left"

    at(broker, carry)


def test_a_file_is_given_up_when_nothing_of_it_moves_and_not_for_being_slow(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = local_file(adapter(tmp_path, "slow.safetensors", "slow" * 200_000))
    monkeypatch.setattr(moving, "_QUIET", 0.15)
    read = moving.SentFile.readinto

    def read_late(sent: moving.SentFile, buffer: bytearray) -> int:
        time.sleep(0.04)
        return read(sent, buffer)

    monkeypatch.setattr(moving.SentFile, "readinto", read_late)

    async def carry(store: ContentStore) -> None:
        began = time.monotonic()
        await store.put(slow)
        assert time.monotonic() - began > 0.25
        await store.fetch(slow.content, tmp_path / "fetched")
        chunks = await store._link.js.stream_info(f"OBJ_{CONTENT}", subjects_filter=f"$O.{CONTENT}.C.>")
        for subject in chunks.state.subjects or {}:
            await store._link.js.purge_stream(f"OBJ_{CONTENT}", subject=subject)
        with pytest.raises(ContentUnusable, match="some of its bytes are not there"):
            await store.fetch(slow.content, tmp_path / "fetched")

    at(broker, carry)


def test_files_go_that_nobody_needed_for_long_and_those_of_work_that_waits_stay(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, waits = timedelta(days=14), job()

    async def carry(store: ContentStore) -> None:
        link, gone = store._link, local_file(adapter(tmp_path, "gone.safetensors", "gone"))
        await store.put(gone)
        await store._bucket._js.publish(f"$O.{CONTENT}.C.torn", b"of a submitter that was killed")
        now = await link.broker_time()
        later = partial(clear_content, link, kept)
        assert await later(now + timedelta(days=13)) == 0
        subject = work_subject(waits.partition, "ann", "j")
        word = await link.js.publish(subject, msgspec.json.encode(waits), stream=WORK)
        assert await later(now + timedelta(days=99)) == 0
        await link.js.delete_msg(WORK, word.seq)
        word = await link.js.publish(anew_subject(subject), msgspec.json.encode(waits), stream=WORK)
        monkeypatch.setattr("kilnmark.farm.content.unneeded.SAID_AGAIN", timedelta(days=-98))
        assert await later(now + timedelta(days=99)) == 0, "nobody knows when it was handed in"
        monkeypatch.undo()
        await link.js.delete_msg(WORK, word.seq)
        assert await store.has(gone.content)
        assert await later(now + timedelta(days=15)) >= 1
        assert not await store.need(gone.content)
        left = await link.js.stream_info(f"OBJ_{CONTENT}", subjects_filter="$O.>")
        assert not left.state.subjects, "nor do its bytes lie there, nor what a submitter left unfinished"
        assert await store.put(gone)

    at(broker, carry)


def test_who_needs_a_file_and_who_takes_it_away_are_never_both_right(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = local_file(adapter(tmp_path, "wanted.safetensors", "wanted"))

    async def carry(store: ContentStore) -> None:
        await store.put(file)
        await store.need(file.content)
        now = await store._link.broker_time()
        read = store._link.js.get_last_msg

        async def read_late(stream: str, subject: str, **more: Any) -> Any:
            """It is said that the file is needed between the keeper's look and its hand."""
            message = await read(stream, subject, **more)
            if subject == file_subject(CONTENT, file.content.sha256):
                monkeypatch.setattr("kilnmark.farm.content.store.SAID_AGAIN", timedelta(0))
                monkeypatch.setattr(store._link.js, "get_last_msg", read)
                assert await store.need(file.content)
            return message

        monkeypatch.setattr(store._link.js, "get_last_msg", read_late)
        await clear_content(store._link, timedelta(days=14), now + timedelta(days=15))
        assert await store.has(file.content)
        await store.fetch(file.content, tmp_path / "fetched")

    at(broker, carry)


def test_a_file_that_went_while_it_was_said_to_be_needed_is_sent_anew(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = local_file(adapter(tmp_path, "late.safetensors", "late"))
    monkeypatch.setattr("kilnmark.farm.content.store.SAID_AGAIN", timedelta(0))

    async def carry(store: ContentStore) -> None:
        await store.put(file)
        now, say_again = await store._link.broker_time(), store._say_again

        async def say_late(*said: Any) -> bool:
            """It is taken away between the submitter's look and its word."""
            monkeypatch.setattr(store, "_say_again", say_again)
            assert await clear_content(store._link, timedelta(days=14), now + timedelta(days=15)) >= 1
            return await say_again(*said)

        monkeypatch.setattr(store, "_say_again", say_late)
        assert await store.put(file), "it was sent"
        await store.fetch(file.content, tmp_path / "fetched")

    at(broker, carry)


def test_the_longest_unused_leave_and_never_what_is_in_use(broker: str, tmp_path: Path) -> None:
    locals_ = [local_adapter(adapter(tmp_path / "own", f"{i}.safetensors", f"{i}" * 100)) for i in range(3)]

    async def carry(store: ContentStore) -> None:
        for local in locals_:
            await store.put(local.files[0])
        cache = ContentCache(tmp_path / "node", tmp_path / "pictures", 150)
        async with cache.holding(store, job(locals_[0].at(1.0))) as first:
            for local in locals_[1:]:
                async with cache.holding(store, job(local.at(1.0))):
                    pass
            assert first.adapters[0].read_text() == "0" * 100
        left = sorted(path.parent.name for path in (tmp_path / "node").rglob("*.safetensors"))
        assert len(left) == 1

    at(broker, carry)


def test_a_folder_that_cannot_be_written_is_told(broker: str, tmp_path: Path) -> None:
    local = local_file(adapter(tmp_path / "own", "room.safetensors", "room"))
    (tmp_path / "node").write_text("a file, where a folder should be")

    async def carry(store: ContentStore) -> None:
        await store.put(local)
        cache = ContentCache(tmp_path / "node", tmp_path / "pictures", 1 << 20)
        with pytest.raises(FarmNotUsable, match="cannot be written"):
            async with cache.holding(store, job(FarmAdapter(sha256="3" * 64, files=(local.content,), scale=1))):
                pass

    at(broker, carry)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\\b", "/etc/passwd", "", "a\0b", "n" * 256])
def test_no_name_of_a_file_leads_elsewhere(name: str) -> None:
    said = msgspec.json.encode({"name": name, "sha256": "0" * 64, "size": 1})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(said, type=ContentFile)


def test_the_program_is_told_apart_by_its_keymaps() -> None:
    assert len(keymaps_digest()) == 16
    assert keymaps_digest() == keymaps_digest()
