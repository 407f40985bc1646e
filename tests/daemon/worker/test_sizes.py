"""For which sizes bases are to be warm: what was painted first, by how often; then what tiers have; then their own."""

import asyncio
from pathlib import Path
from typing import Any

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.packs import Packs
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.worker.sizes import WarmSizes, WishedTier
from kilnmark.protocol.content.tiers import Tier
from kilnmark.protocol.picture.spec import PictureSize
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand

SQUARE, WIDE, TALL, SMALL = ((1024, 1024), (1024, 768), (768, 1024), (768, 512))


def settings(**more: Any) -> Settings:
    return Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/nowhere"), **more)


def sizes(chosen: Settings, *of_packs: WishedTier) -> WarmSizes:
    async def told() -> list[WishedTier]:
        return list(of_packs)

    return WarmSizes(Served(chosen), told)


def of(kiln: WarmSizes, variant: str) -> list[PictureSize]:
    return asyncio.run(kiln.all())[variant]


def painted(chosen: Settings, width: int, height: int) -> RenderCommand:
    return accept(RenderParams(prompt="a mill", width=width, height=height), Served(chosen), "a").command


def test_its_own_size_is_the_first_then_the_one_that_most_tiers_have() -> None:
    assert of(sizes(settings(variant="dev")), "dev") == [SQUARE, WIDE, TALL]
    assert of(sizes(settings(variant="standin")), "standin")[:3] == [(128, 128), SQUARE, WIDE]


def test_a_variant_has_the_tiers_that_ask_for_it_and_its_own_size() -> None:
    assert of(sizes(settings(variant="dev")), "schnell") == [SQUARE, SMALL]


def test_tiers_of_what_is_not_served_are_painted_on_the_default_and_warm_there() -> None:
    found = of(sizes(settings(variant="standin")), "standin")
    assert set(found) == {(128, 128), SQUARE, WIDE, TALL, SMALL}


def test_what_was_painted_most_goes_before_all_tiers() -> None:
    chosen = settings(variant="dev")
    kiln = sizes(chosen)
    for size in ((640, 640), TALL, TALL):
        kiln.count(painted(chosen, *size))
    assert of(kiln, "dev") == [TALL, (640, 640), SQUARE, WIDE]
    assert of(kiln, "schnell") == [SQUARE, SMALL]


def test_tiers_of_packs_count_for_the_variant_that_their_style_wishes() -> None:
    tier = Tier(name="chip", width=64, height=64, variant="dev")
    found = of(sizes(settings(variant="dev"), *[("schnell", tier)] * 3), "schnell")
    assert found == [SQUARE, (64, 64), SMALL]


def test_a_directory_that_is_no_base_has_none(tmp_path: Path) -> None:
    kiln = sizes(settings(variant="dev", bases={"mine": str(tmp_path)}))
    assert of(kiln, "mine") == []
    assert of(kiln, "dev")


def test_packs_tell_the_tiers_of_every_genre_and_world_that_can_be_used(tmp_path: Path) -> None:
    for genre, style in (("ink", "preferred_model: flux-schnell\n"), ("ash", "loras: [1]\n")):
        (tmp_path / genre).mkdir()
        (tmp_path / genre / "visual_style.yaml").write_text(style)
        (tmp_path / genre / "tiers.yaml").write_text("chip: {width: 64, height: 96, variant: dev}\n")
    found = asyncio.run(Packs(settings(variant="dev", packs=tmp_path)).tiers())
    chips = [(variant, tier.height) for variant, tier in found if tier.name == "chip"]
    assert chips == [("schnell", 96)]
    assert len(found) == 10


def test_without_packs_there_are_none_of_theirs() -> None:
    assert asyncio.run(Packs(settings()).tiers()) == []
