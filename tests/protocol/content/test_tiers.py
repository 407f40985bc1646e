"""Tiers as data: those of every genre, and what a genre's own file changes."""

import pytest

from kilnmark.protocol.content.parsed import Broken, asked
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.content.tiers import Tier, load_tiers, parse_tiers
from tests.protocol.content.made import document

SHIPPED = {
    "scene": (1024, 768, 12, 3.5, "dev"),
    "portrait": (768, 1024, 12, 3.5, "dev"),
    "portrait_square": (1024, 1024, 12, 3.5, "dev"),
    "landscape": (1024, 768, 12, 3.5, "dev"),
    "cartography": (1024, 1024, 20, 3.5, "dev"),
    "tactical_map": (1024, 1024, 12, 3.5, "dev"),
    "text_overlay": (768, 512, 4, 0.0, "schnell"),
    "encounter": (1024, 768, 12, 3.5, "dev"),
    "creature": (1024, 1024, 12, 3.5, "dev"),
}


def test_the_shipped_tiers_are_the_promised_ones() -> None:
    found = {
        name: (tier.width, tier.height, tier.steps, tier.guidance, tier.variant) for name, tier in load_tiers().items()
    }
    assert found == SHIPPED
    assert [tier.name for tier in load_tiers().values()] == list(SHIPPED)


def test_a_genre_changes_what_it_names_and_adds_its_own() -> None:
    tiers = parse_tiers(document("portrait: {steps: 20}\nbanner: {width: 1536, height: 512}"), load_tiers())
    assert tiers["portrait"] == Tier(name="portrait", width=768, height=1024, steps=20)
    assert tiers["banner"] == Tier(name="banner", width=1536, height=512, steps=12, guidance=3.5, variant="dev")
    assert tiers["scene"] is load_tiers()["scene"]
    assert "banner" not in load_tiers()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("banner: {width: 512}", "1: banner.height: is missing; add `height: ...`"),
        ("a: {width: 64, height: 64}\nscene: {width: 1000}", "2: scene.width: is 1000; input should be a multiple of"),
        ("scene: {steps: 0}", "1: scene.steps: is 0; input should be greater than or equal to 1"),
        ("scene: {variant: sdxl}", "1: scene.variant: 'sdxl' is no variant; write one of standin, dev"),
        ("scene: {width: 4096, height: 4096}", "1: scene.width: 4096x4096 is more than"),
        ("scene: {setps: 3}", "1: scene.setps: is no field here; remove it"),
        ("scene: big", '1: scene: must be a mapping, but is "big"; write `field: value` lines'),
        ("- scene", "1: holds a list where a mapping is expected"),
    ],
)
def test_a_wrong_tier_is_refused_by_line_entry_and_mend(text: str, problem: str) -> None:
    with pytest.raises(UnusableContent) as refused:
        list(map(asked, parse_tiers(document(text, "g/tiers.yaml"), load_tiers()).values()))
    [found] = map(str, refused.value.problems)
    assert found.startswith(f"g/tiers.yaml:{problem}")


def test_a_wrong_tier_costs_itself_alone() -> None:
    tiers = parse_tiers(document("scene: {steps: 0}\nportrait: {steps: 20}\nbanner: {width: 64}"), load_tiers())
    assert [name for name, tier in tiers.items() if isinstance(tier, Broken)] == ["scene", "banner"]
    assert asked(tiers["portrait"]).steps == 20
