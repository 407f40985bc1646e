"""Seeds: the same everywhere, and another for everything that makes another picture."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from kilnmark.client.batch.plan.seeds import SEED_LIMIT, seed_of

WORDS = st.text(max_size=20)


def test_seeds_are_what_they_always_were() -> None:
    assert seed_of("ash", "mire", "Glass Stair", "landscape") == 2497122706
    assert seed_of("ash", None, "Glass Stair", "landscape", base_seed=7, take=2) == 1910258408


@given(WORDS, WORDS, WORDS, WORDS, st.integers(0, 2**53 - 1), st.integers(1, 100))
def test_a_seed_is_within_the_bound(genre: str, world: str, name: str, tier: str, base: int, take: int) -> None:
    assert 0 <= seed_of(genre, world, name, tier, base_seed=base, take=take) < SEED_LIMIT


def test_everything_that_makes_another_picture_makes_another_seed() -> None:
    seeds = [
        seed_of("ash", "mire", "Stair", "landscape"),
        seed_of("oak", "mire", "Stair", "landscape"),
        seed_of("ash", "fen", "Stair", "landscape"),
        seed_of("ash", None, "Stair", "landscape"),
        seed_of("ash", "mire", "Tower", "landscape"),
        seed_of("ash", "mire", "Stair", "scene"),
        seed_of("ash", "mire", "Stair", "landscape", base_seed=1),
        seed_of("ash", "mire", "Stair", "landscape", take=2),
        seed_of("ash", "mire", "Stair", "landscape", take=3),
    ]
    assert len(set(seeds)) == len(seeds)


def test_how_an_accent_is_spelt_does_not_matter() -> None:
    names = [unicodedata.normalize(form, "Žďár") for form in ("NFC", "NFD")]
    assert names[0] != names[1]
    assert seed_of("ash", "mire", names[0], "scene") == seed_of("ash", "mire", names[1], "scene")
