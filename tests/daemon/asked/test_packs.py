"""Packs through the whole daemon: renders by genre, world and tier, and what becomes of edits."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.asked.packs import SHOWN_PROBLEMS, Packs
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams
from tests.daemon.conftest import FakeDaemon, Wire

GENRE = """\
positive_suffix: ink on paper
negative_prompt: photo
base_seed: 77
visual_tag_overrides: {old_town: wet cobbles, ferry: {positive_suffix: tarred rope, style_note: no bridge}}
loras:
  - {name: wash, file: loras/wash.safetensors, scale: 0.8, applies_to: [portrait, scene], trigger: inkwash}
  - {name: line, file: loras/line.safetensors, scale: 0.5, applies_to: [portrait]}
"""

WORLD = """\
loras:
  exclude: [line]
  add:
    - {name: moss, file: moss.safetensors, scale: -0.4, applies_to: [portrait], trigger: mossy}
"""

PICTURE = {"width": 64, "height": 64, "steps": 1}


def write_packs(root: Path) -> Path:
    """One genre with a world that changes it, and a world that does not."""
    for folder in ("ink/loras", "ink/worlds/mire", "ink/worlds/bare"):
        (root / folder).mkdir(parents=True)
    (root / "ink" / "visual_style.yaml").write_text(GENRE)
    (root / "ink" / "worlds" / "mire" / "visual_style.yaml").write_text(WORLD)
    for name in ("loras/wash", "loras/line", "worlds/mire/moss"):
        make_adapter(root / "ink" / f"{name}.safetensors", blocks=1, rank=1)
    return root


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_packs(tmp_path_factory.mktemp("packs"))


@pytest.fixture(scope="module")
def painting(packs: Path) -> Iterator[FakeDaemon]:
    """A daemon with those packs."""
    with FakeDaemon(packs=packs) as running:
        yield running.warm()


@pytest.fixture
def ink(painting: FakeDaemon) -> Iterator[Wire]:
    with painting.wire() as wire:
        yield wire


def asked(**more: object) -> dict[str, Any]:
    return {"prompt": "a ferry", "genre": "ink", "tier": "portrait", **PICTURE, **more}


def test_every_adapter_of_a_style_and_behind_it_has_a_report_in_stack_order(ink: Wire, packs: Path) -> None:
    moss, line = "ink/worlds/mire/moss.safetensors", str(packs / "ink/loras/line.safetensors")
    extras = [{"path": moss, "scale": 0.3}, {"path": line}]
    result = ink.result("render", asked(lora_paths=[], extra_loras=extras))
    assert [(each["name"], each["scale"], each["verdict"]) for each in result["loras"]] == [
        ("wash", 0.8, "engaged"),
        ("line", 0.5, "engaged"),
        ("moss", 0.3, "engaged"),
        ("line", 1.0, "engaged"),
    ]
    composition = ink.result("style.compose", {"genre": "ink", "tier": "portrait", "extra_loras": extras})
    assert [(each["name"], each["level"]) for each in composition["loras"]] == [
        ("wash", "genre"),
        ("line", "genre"),
        ("moss", "request"),
        ("line", "request"),
    ]
    assert composition["stack"] == result["stack"]


def test_one_behind_a_style_that_is_not_there_is_refused_by_its_path(ink: Wire) -> None:
    error = ink.error("render", asked(extra_loras=[{"path": "gone.safetensors"}]))
    assert (error["code"], "gone.safetensors" in error["message"]) == (-32007, True)
    composition = ink.result(
        "style.compose", {"genre": "ink", "tier": "portrait", "extra_loras": [{"path": "gone.safetensors"}]}
    )
    assert composition["loras"][-1]["inspection"]["verdict"] == "refused"


def test_one_behind_a_style_at_scale_0_is_a_problem_of_the_composition(ink: Wire) -> None:
    moss = "ink/worlds/mire/moss.safetensors"
    silent = {"path": moss, "block_scales": {"double": 0, "single": 0}}
    asked_for = {
        "genre": "ink",
        "tier": "portrait",
        "extra_loras": [{"path": moss}, {"path": moss, "scale": 0}, silent],
    }
    problems = ink.result("style.compose", asked_for)["problems"]
    assert [each["message"].partition(", which")[0] for each in problems] == [
        "is asked for at scale 0 on all that it changes"
    ] * 2


def test_a_render_by_genre_and_world_gets_the_composed_stack(ink: Wire, packs: Path) -> None:
    result = ink.result("render", asked(world="mire", place="Ferry Stairs"))
    assert result["stack"] == {
        "source": "style",
        "genre": "ink",
        "world": "mire",
        "tier": "portrait",
        "names": ["wash", "moss"],
        "excluded": ["line"],
        "triggers": ["inkwash", "mossy"],
    }
    assert [(lora["name"], lora["scale"], lora["verdict"]) for lora in result["loras"]] == [
        ("wash", 0.8, "engaged"),
        ("moss", -0.4, "engaged"),
    ]
    assert result["loras"][1]["path"] == str(packs / "ink" / "worlds" / "mire" / "moss.safetensors")
    assert (result["prompt"], result["seed"]) == ("inkwash, mossy, a ferry, tarred rope, ink on paper", 77)
    assert "FLUX.1 has no negative prompt; it was not used" in result["warnings"]


def test_two_renders_with_the_styles_own_seed_are_one(ink: Wire, painting: FakeDaemon) -> None:
    before = painting.status()["queue"]["shared"]
    painting.worker.hold("denoise")
    ids = [ink.send("render", asked(world="bare", prompt="a weir")) for _ in range(2)]
    ink.status_once(lambda status: status["queue"]["shared"] > before)
    painting.worker.hold()
    replies = {message["id"]: message["result"] for message in (ink.read(), ink.read())}
    first, second = (replies[sent] for sent in ids)
    assert first["job_id"] != second["job_id"]
    assert (first["seed"], first["image_path"]) == (77, second["image_path"])


def test_a_render_by_genre_is_that_by_its_paths(ink: Wire, painting: FakeDaemon, packs: Path) -> None:
    styled = ink.result("render", asked(tier="scene", seed=5))
    path = str(packs / "ink" / "loras" / "wash.safetensors")
    same = {
        "prompt": styled["prompt"],
        "negative_prompt": "photo",
        "seed": 5,
        "lora_paths": [path],
        "lora_scales": [0.8],
        **PICTURE,
    }
    bare = ink.result("render", same)
    assert styled["loras"][0]["delta_ratio"] == bare["loras"][0]["delta_ratio"]
    assert pixels(styled["image_path"]) == pixels(bare["image_path"])


def pixels(path: str) -> bytes:
    from PIL import Image

    with Image.open(path) as image:
        return image.tobytes()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"genre": "inc"}, "'inc' is no genre here - at `$.params.genre`; there is ink"),
        ({"world": "mir"}, "'mir' is no world here - at `$.params.world`; did you mean 'mire'?"),
        ({"tier": "portrat"}, "'portrat' is no tier here - at `$.params.tier`; did you mean 'portrait'?"),
        ({"tier": None}, "genre needs a tier - at `$.params.tier`"),
        ({"genre": None, "tier": None, "place": "mire"}, "place needs a genre - at `$.params.place`; name the genre"),
        ({"genre": "../ink"}, "is no genre here"),
        ({"lora_paths": ["a"], "lora_scales": [1]}, "are two ways to say the stack - at `$.params.genre`"),
    ],
)
def test_wrong_names_are_refused_by_their_path(ink: Wire, wrong: dict[str, Any], words: str) -> None:
    error = ink.error("render", asked(**wrong))
    assert (error["code"], words in error["message"]) == (-32602, True)


def test_a_composition_shows_a_render_without_rendering(ink: Wire, painting: FakeDaemon) -> None:
    before = painting.status()["rendered"]
    params = {"genre": "ink", "world": "mire", "tier": "portrait", "place": "OLD-TOWN", "prompt": "a tavern"}
    shown = ink.result("style.compose", params)
    assert painting.status()["rendered"] == before
    assert (shown["prompt"], shown["seed"]) == ("inkwash, mossy, a tavern, wet cobbles, ink on paper", 77)
    assert (shown["place"], shown["tag"], shown["other_problems"]) == ("OLD-TOWN", "old_town", [])
    assert (shown["width"], shown["height"], shown["steps"], shown["variant"]) == (768, 1024, 12, "standin")
    assert [(lora["name"], lora["level"], lora["file"]) for lora in shown["loras"]] == [
        ("wash", "genre", "loras/wash.safetensors"),
        ("moss", "world", "moss.safetensors"),
    ]
    counts = [
        (lora["inspection"]["matched_key_count"], lora["inspection"]["total_key_count"]) for lora in shown["loras"]
    ]
    assert counts == [(40, 40), (40, 40)]
    assert (shown["stack"]["excluded"], shown["problems"]) == (["line"], [])
    assert "tier 'portrait' was tuned for 'dev'; this picture was rendered on 'standin'" in shown["warnings"]


def test_a_composition_needs_no_prompt(ink: Wire) -> None:
    shown = ink.result("style.compose", {"genre": "ink", "tier": "scene"})
    assert (shown["prompt"], shown["place"], shown["tag"]) == ("inkwash, ink on paper", None, None)


def test_status_tells_of_the_packs(painting: FakeDaemon, packs: Path) -> None:
    assert painting.status()["packs"] == {
        "folder": str(packs),
        "genres": 1,
        "worlds": 2,
        "problem_count": 0,
        "problems": [],
        "kept": [],
    }


def test_a_daemon_without_packs_says_how_to_give_it_some(tmp_path: Path) -> None:
    async def script() -> None:
        none = Packs(Settings(socket=tmp_path / "d.sock", output_dir=tmp_path))
        with pytest.raises(InvalidParams, match=r"no genre packs - at .*kilnmark serve --packs DIR.*lora_paths"):
            await none.compose("ink", None, "scene")
        assert await none.info() is None

    asyncio.run(script())


# Edits: one daemon, its own packs.


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


def test_a_file_that_is_gone_or_no_adapter_is_refused_where_it_is_named(painting: FakeDaemon, own: Path) -> None:
    (own / "ink" / "loras" / "line.safetensors").unlink()
    (own / "ink" / "loras" / "wash.safetensors").write_text("<html>log in</html>")
    with FakeDaemon(packs=own) as broken, broken.wire() as wire:
        error = wire.error("render", asked(on_mismatch="warn"))
        shown = wire.result("style.compose", {"genre": "ink", "tier": "portrait"})
    assert error["code"] == -32007
    assert [lora["verdict"] for lora in error["data"]["detail"]["loras"]] == ["refused", "refused"]
    for problems in (error["data"]["detail"]["problems"], shown["problems"]):
        assert [(problem["line"], problem["entry"]) for problem in problems] == [
            (6, "loras[0].file"),
            (7, "loras[1].file"),
        ]
    assert "web page" in shown["problems"][0]["message"]
    assert [lora["inspection"]["verdict"] for lora in shown["loras"]] == ["refused", "refused"]


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
