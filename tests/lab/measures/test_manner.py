"""A style that is learnt lies on the way to its pictures, another one beside it."""

import pytest

from kilnmark.lab.measures.manner import Manners, manner
from kilnmark.lab.measures.measure import Picture
from tests.lab.measures.scenes import blurred, hatched, scene

BARE = [scene(seed, 64) for seed in range(8)]
TAUGHT = [hatched(scene(100 + seed, 64)) for seed in range(8)]


@pytest.fixture(scope="module")
def way() -> Manners:
    return Manners([manner(each) for each in BARE], [manner(each) for each in TAUGHT])


def halfway(one: Picture) -> Picture:
    return (one // 2 + hatched(one) // 2).astype("uint8")


def test_the_way_begins_at_the_base_and_ends_at_the_training_pictures(way: Manners) -> None:
    begun, ended = (way.come([manner(each) for each in pictures]) for pictures in (BARE, TAUGHT))
    assert [begun.learnt, begun.astray] == pytest.approx([0, 0], abs=1e-6)
    assert [ended.learnt, ended.astray] == pytest.approx([1, 0], abs=1e-6)


def test_more_of_the_style_is_further_on_the_way_whatever_is_shown(way: Manners) -> None:
    new = [scene(200 + seed, 64) for seed in range(8)]
    found = [way.come([manner(done(each)) for each in new]) for done in (lambda each: each, halfway, hatched)]
    learnt = [each.learnt for each in found]
    assert learnt == sorted(learnt)
    assert abs(learnt[0]) < 0.2
    assert learnt[2] == pytest.approx(1, abs=0.25)
    assert max(each.astray for each in found) < 0.5


def test_another_style_is_not_taken_for_it(way: Manners) -> None:
    assert way.come([manner(blurred(each, 9)) for each in BARE]).learnt < 0.1


def test_pictures_like_the_bases_own_lie_near() -> None:
    same = Manners([manner(each) for each in BARE], [manner(scene(300 + seed, 64)) for seed in range(8)])
    far = Manners([manner(each) for each in BARE], [manner(each) for each in TAUGHT])
    assert same.length < far.length / 2


def test_one_picture_is_no_manner() -> None:
    with pytest.raises(ValueError, match="two of each"):
        Manners([manner(BARE[0])], [manner(each) for each in TAUGHT])
    with pytest.raises(ValueError, match="from nowhere"):
        Manners([manner(each) for each in BARE], [manner(each) for each in TAUGHT]).come([])
