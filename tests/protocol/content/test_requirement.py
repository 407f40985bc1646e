"""Who asks for promoted adapters: the strictest counts, and nobody takes away what another asks for."""

import pytest

from kilnmark.protocol.content.packs import load_pack
from kilnmark.protocol.content.problems import UnusableContent
from tests.protocol.content.made import Shelf


def requires(genre: str, world: str = "", tier: str = "") -> bool:
    texts = {"g/visual_style.yaml": f"{genre}\nloras: []", "g/worlds/w/visual_style.yaml": f"{world}\nloras: {{}}"}
    texts |= {"g/tiers.yaml": f"scene: {{{tier}}}"} if tier else {}
    return load_pack(Shelf(texts), "g", "w").compose("scene").requires_promoted


@pytest.mark.parametrize(
    ("genre", "world", "tier", "expected"),
    [
        ("", "", "", False),
        ("require_promoted: true", "", "", True),
        ("", "require_promoted: true", "", True),
        ("", "", "require_promoted: true", True),
        ("require_promoted: false", "require_promoted: true", "", True),
        ("require_promoted: false", "", "require_promoted: true", True),
        ("require_promoted: false", "require_promoted: false", "require_promoted: false", False),
    ],
)
def test_the_strictest_counts(genre: str, world: str, tier: str, *, expected: bool) -> None:
    assert requires(genre, world, tier) is expected


@pytest.mark.parametrize(
    ("genre", "world", "tier", "problem"),
    [
        (
            "require_promoted: true",
            "require_promoted: false",
            "",
            "g/worlds/w/visual_style.yaml:1: require_promoted: takes away what the genre asks for; remove this line",
        ),
        (
            "require_promoted: true",
            "",
            "require_promoted: false",
            "g/tiers.yaml: scene.require_promoted: takes away what the genre asks for; remove that line",
        ),
        (
            "",
            "require_promoted: true",
            "require_promoted: false",
            "g/tiers.yaml: scene.require_promoted: takes away what the world asks for; remove that line",
        ),
        ("require_promoted: 1", "", "", "g/visual_style.yaml:1: require_promoted: must be true or false, but is 1"),
        ("require_promotet: true", "", "", "g/visual_style.yaml:1: require_promotet: is no field; write `require_pr"),
        ("", "require_promoted: maybe", "", "g/worlds/w/visual_style.yaml:1: require_promoted: must be true or false"),
    ],
)
def test_a_contradiction_and_what_cannot_be_read_are_refused(genre: str, world: str, tier: str, problem: str) -> None:
    with pytest.raises(UnusableContent) as refused:
        requires(genre, world, tier)
    assert str(refused.value.problems[0]).startswith(problem)
