"""Packs through the whole daemon: renders by genre, world and tier; what becomes of edits stands in test_pack_edits."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.asked.packs import Packs
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams
from tests.daemon.asked.packs import PICTURE, asked, write_packs
from tests.daemon.conftest import FakeDaemon, Wire


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
        with pytest.raises(InvalidParams, match=r"no genre packs - at .*kilnmark serve --packs DIR.*one by one"):
            await none.compose("ink", None, "scene")
        assert await none.info() is None

    asyncio.run(script())


def test_a_file_that_is_gone_or_no_adapter_is_refused_where_it_is_named(tmp_path: Path) -> None:
    own = write_packs(tmp_path / "packs")
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
