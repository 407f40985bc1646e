"""What becomes of edits of packs while a daemon holds them: the next request sees them, a broken one costs little."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.asked.packs import SHOWN_PROBLEMS, Packs
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams
from tests.daemon.asked.packs import GENRE, WORLD, asked, write_packs
from tests.daemon.conftest import FakeDaemon


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_packs(tmp_path / "packs")


def settings(root: Path) -> Settings:
    return Settings(socket=root / "d.sock", output_dir=root, packs=root)


def edit(path: Path, text: str) -> None:
    """As editors save: a new file in the place of the old."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)  # noqa: PTH105 - the call that is meant


def test_a_changed_document_counts_at_once(own: Path) -> None:
    async def script() -> list[tuple[str, ...]]:
        held, names = Packs(settings(own)), []
        for text in (WORLD, "loras: {exclude: [wash]}", "a: 1", WORLD):
            edit(own / "ink" / "worlds" / "mire" / "visual_style.yaml", text)
            names.append((await held.compose("ink", "mire", "portrait")).style.stack.names)
        return names

    assert asyncio.run(script()) == [("wash", "moss"), ("line",), ("wash", "line"), ("wash", "moss")]


def test_a_change_in_place_of_the_same_length_counts_too(own: Path) -> None:
    path = own / "ink" / "visual_style.yaml"

    async def script() -> set[float]:
        held, scales = Packs(settings(own)), set()
        for scale in range(1, 9):
            path.write_text(GENRE.replace("0.8", f"0.{scale}"))
            styled = await held.compose("ink", None, "scene")
            scales.add(styled.style.stack.adapters[0].entry.scale)
        return scales

    assert asyncio.run(script()) == {scale / 10 for scale in range(1, 9)}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("loras: [", "ink/worlds/mire/visual_style.yaml:1: is not YAML"),
        ("loras: {exclude: [smoke]}", "ink/worlds/mire/visual_style.yaml:1: loras.exclude[0]: 'smoke' is no adapter"),
    ],
)
def test_a_broken_edit_keeps_the_old_one_and_says_so_until_it_is_mended(own: Path, broken: str, words: str) -> None:
    path = own / "ink" / "worlds" / "mire" / "visual_style.yaml"

    async def script() -> None:
        held = Packs(settings(own))
        await held.info()
        edit(path, broken)
        styled = await held.compose("ink", "mire", "portrait")
        assert styled.style.stack.names == ("wash", "moss")
        assert "ink/mire is the one before an edit that broke it" in styled.warnings[0]
        info = await held.info()
        assert info is not None
        assert (info.kept, info.problem_count, str(info.problems[0]).startswith(words)) == (["ink/mire"], 1, True)
        edit(path, WORLD.replace("-0.4", "0.9"))
        mended = await held.compose("ink", "mire", "portrait")
        assert (mended.style.stack.adapters[1].entry.scale, mended.warnings) == (0.9, ())
        info = await held.info()
        assert info is not None
        assert (info.kept, info.problems) == ([], [])

    asyncio.run(script())


NEARLY = GENRE.replace("ferry: {positive_suffix", "ferry: {positive_sufix").replace("base_seed: 77", "base_seed: x")


def test_a_pack_that_never_was_sound_is_used_as_far_as_it_goes(own: Path) -> None:
    edit(own / "ink" / "visual_style.yaml", NEARLY)

    async def script() -> None:
        held = Packs(settings(own))
        styled = await held.compose("ink", None, "portrait", "Old Town", ["base_seed"])
        assert (styled.style.words, styled.warnings) == ("wet cobbles", ())
        with pytest.raises(InvalidParams) as refused:
            await held.compose("ink", None, "portrait", "The Ferry")
        detail: Any = refused.value.detail
        assert [(problem.line, problem.entry) for problem in detail["problems"]] == [
            (3, "base_seed"),
            (4, "visual_tag_overrides.ferry.positive_sufix"),
        ]
        info = await held.info()
        assert info is not None
        assert ([problem.line for problem in info.problems], info.kept) == ([3, 4], [])
        edit(own / "ink" / "visual_style.yaml", NEARLY.replace("wet", "dry"))
        assert (await held.compose("ink", None, "portrait", "Old Town", ["base_seed"])).style.words == "dry cobbles"

    asyncio.run(script())


def test_an_edit_that_breaks_one_field_keeps_the_sound_pack_and_says_so(own: Path) -> None:
    async def script() -> None:
        held = Packs(settings(own))
        await held.info()
        edit(own / "ink" / "visual_style.yaml", NEARLY.replace("wet", "dry"))
        styled = await held.compose("ink", None, "portrait", "Old Town")
        assert (styled.style.words, styled.style.fields.base_seed) == ("wet cobbles", 77)
        assert "ink is the one before an edit that broke it: ink/visual_style.yaml:3: base_seed" in styled.warnings[0]
        info = await held.info()
        assert info is not None
        assert (info.kept, info.problem_count) == (["ink", "ink/bare", "ink/mire"], 2)
        edit(own / "ink" / "visual_style.yaml", "loras: [")
        edit(own / "ink" / "visual_style.yaml", GENRE.replace("wet", "dry"))
        assert (await held.compose("ink", None, "portrait", "Old Town")).style.words == "dry cobbles"

    asyncio.run(script())


def test_a_request_needs_nothing_of_the_style_that_it_says_itself(own: Path) -> None:
    edit(own / "ink" / "visual_style.yaml", "base_seed: x\nnegative_prompt: 3\npreferred_model: sdxl\n")
    with FakeDaemon(packs=own) as broken, broken.wire() as wire:
        result = wire.result("render", asked(seed=3, negative_prompt="", variant="standin"))
        error = wire.error("render", asked(seed=3, variant="standin"))
    assert result["seed"] == 3
    assert (error["code"], [each["line"] for each in error["data"]["detail"]["problems"]]) == (-32602, [2])


def test_a_pack_that_never_was_usable_is_refused_with_every_problem(own: Path) -> None:
    edit(own / "ink" / "visual_style.yaml", "base_seed: x\nloras: 3\n")

    async def script() -> None:
        held = Packs(settings(own))
        with pytest.raises(InvalidParams) as refused:
            await held.compose("ink", None, "scene")
        assert "ink/visual_style.yaml:1: base_seed: must be a whole number" in refused.value.message
        assert [problem.line for problem in refused.value.detail["problems"]] == [1, 2]  # type: ignore[index]
        info = await held.info()
        assert info is not None
        assert (info.problem_count, info.kept) == (2, [])

    asyncio.run(script())


def test_a_folder_that_cannot_be_listed_is_a_problem_of_status(own: Path) -> None:
    (own / "oil").mkdir()
    (own / "oil" / "worlds").symlink_to("worlds")

    async def script() -> None:
        info = await Packs(settings(own)).info()
        assert info is not None
        assert [problem.file for problem in info.problems] == ["oil/worlds"]
        with pytest.raises(InvalidParams, match="oil/worlds: cannot be listed"):
            await Packs(settings(own)).compose("oil", "sea", "scene")

    asyncio.run(script())


def test_a_slow_disk_does_not_hold_up_status(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr("kilnmark.daemon.asked.packs.STATUS_PATIENCE", 0.01)

    async def script() -> None:
        held = Packs(settings(own))
        first = await asyncio.wrap_future(held._thread.submit(held._info, own))
        held._thread.submit(let_go.wait, 60)
        assert await held.info() == first

    try:
        asyncio.run(script())
    finally:
        let_go.set()


def test_new_and_removed_folders_are_seen(own: Path) -> None:
    async def script() -> None:
        held = Packs(settings(own))
        await held.compose("ink", "bare", "scene")
        (own / "ink" / "worlds" / "bare").rmdir()
        with pytest.raises(InvalidParams, match="'bare' is no world here"):
            await held.compose("ink", "bare", "scene")
        (own / "ink" / "worlds" / "new").mkdir()
        assert (await held.compose("ink", "new", "scene")).style.pack.world == "new"
        info = await held.info()
        assert info is not None
        assert (info.genres, info.worlds) == (1, 2)

    asyncio.run(script())


def test_documents_that_did_not_change_are_not_read_again(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def script() -> tuple[object, object]:
        held = Packs(settings(own))
        first = await held.compose("ink", "mire", "portrait")
        settled(monkeypatch)
        second = await held.compose("ink", "mire", "portrait")
        third = await held.compose("ink", "mire", "portrait")
        assert first.style.stack == second.style.stack
        return second.style.pack, third.style.pack

    second, third = asyncio.run(script())
    assert second is third


def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every file was changed long enough ago."""
    monkeypatch.setattr("kilnmark.keymaps.files.identity._TICK_NS", -(10**12))
    monkeypatch.setattr("kilnmark.keymaps.files.identity._COARSE_TICK_NS", -(10**12))


def test_status_tells_the_first_of_many_problems_and_their_number(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.daemon.asked.packs.STATUS_PATIENCE", 60.0)  # a busy machine is no slow disk
    for i in range(SHOWN_PROBLEMS + 5):
        (own / f"g{i:03}").mkdir()
        (own / f"g{i:03}" / "visual_style.yaml").touch()

    async def script() -> tuple[int, int]:
        info = await Packs(settings(own)).info()
        assert info is not None
        return info.problem_count, len(info.problems)

    assert asyncio.run(script()) == (SHOWN_PROBLEMS + 5, SHOWN_PROBLEMS)
