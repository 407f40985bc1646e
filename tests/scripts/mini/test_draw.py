"""Pictures drawn by code: each shows what its motif says, and the same one is the same everywhere."""

from itertools import combinations
from random import Random

import numpy as np
import numpy.typing as npt
import pytest

from scripts.mini.draw.captions import caption, plain, vocabulary
from scripts.mini.draw.scene import picture, scene
from scripts.mini.draw.words import (
    ATTRIBUTES,
    CREATURES,
    PAIRS_NEVER_DRAWN,
    PLACES,
    STYLES,
    TIMES,
    WEATHERS,
    Motif,
    every_motif,
    is_held_out,
)

HERE = Motif("tower", "clear", "day", "fox")


def changed(motif: Motif, attribute: str, value: str) -> Motif:
    values = {name: getattr(motif, name) for name in ATTRIBUTES} | {attribute: value}
    return Motif(values["place"], values["weather"], values["time"], values["creature"])


def pixels(motif: Motif, seed: int = 1, style: str = "neutral") -> npt.NDArray[np.float64]:
    return np.asarray(picture(motif, seed, 32, style), np.float64) / 255


def test_the_same_motif_and_seed_give_the_same_picture() -> None:
    assert np.array_equal(pixels(HERE), pixels(HERE))
    assert np.abs(pixels(HERE) - pixels(HERE, seed=2)).mean() > 0.01


@pytest.mark.parametrize("place", PLACES)
def test_every_place_can_be_drawn_in_every_weather_at_any_time(place: str) -> None:
    for number, weather in enumerate(WEATHERS):
        drawn = pixels(Motif(place, weather, TIMES[number % 4], CREATURES[number]))
        assert drawn.shape == (32, 32, 3)
        assert drawn.std() > 0.03


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_each_value_of_an_attribute_is_another_picture(attribute: str) -> None:
    drawn = [scene(changed(HERE, attribute, value), 1) for value in ATTRIBUTES[attribute]]
    assert all(one != other for one, other in combinations(drawn, 2))


def test_night_is_darker_than_day_and_snow_lighter_than_storm() -> None:
    by_time = {time: pixels(Motif("castle", "clear", time)).mean() for time in ("day", "night")}
    by_weather = {weather: pixels(Motif("castle", weather, "day")).mean() for weather in ("snow", "storm")}
    assert by_time["night"] < 0.5 * by_time["day"]
    assert by_weather["storm"] < 0.7 * by_weather["snow"]


@pytest.mark.parametrize("style", STYLES[1:])
def test_a_style_keeps_the_scene_and_changes_the_picture(style: str) -> None:
    neutral, styled = pixels(HERE), pixels(HERE, style=style)
    assert np.abs(neutral - styled).mean() > 0.06


def test_woodcut_is_ink_on_paper_and_gouache_leaves_the_paper_white_at_its_edge() -> None:
    cut = np.asarray(picture(HERE, 1, 128, "woodcut"), np.float64) / 255
    assert ((cut.max(axis=2) < 0.3) | (cut.min(axis=2) > 0.55)).mean() > 0.7
    wet = np.asarray(picture(HERE, 1, 128, "gouache"), np.float64) / 255
    assert wet[:3].min() > 0.85
    assert wet[40:90, 40:90].min() < 0.6


def test_the_subject_is_in_the_picture_only_when_asked_for() -> None:
    with_it = scene(Motif("tower", "clear", "day", subject=True), 1)
    assert len(with_it.shapes) > len(scene(Motif("tower", "clear", "day"), 1).shapes)


def test_one_in_five_combinations_is_held_out_and_every_value_is_still_drawn() -> None:
    held = [motif for motif in every_motif() if is_held_out(motif)]
    drawn = [motif for motif in every_motif() if not is_held_out(motif)]
    assert 0.12 < len(held) / len(every_motif()) < 0.3
    for attribute, values in ATTRIBUTES.items():
        assert {getattr(motif, attribute) for motif in drawn} == set(values)
    pairs = {(motif.place, motif.weather) for motif in drawn} | {(motif.place, motif.creature) for motif in drawn}
    assert pairs.isdisjoint(PAIRS_NEVER_DRAWN)


def test_a_plain_sentence_says_everything_and_no_two_motifs_share_one() -> None:
    assert plain(HERE) == "a fox by a tower by day under a clear sky"
    assert len({plain(motif) for motif in every_motif()}) == len(every_motif())


def test_sentences_are_of_the_grammars_words_and_short_enough() -> None:
    random, known = Random(1), set(vocabulary())
    for motif in random.sample(every_motif(), 100):
        words = caption(motif, random).replace(",", " ,").split()
        assert len(words) <= 30
        assert len([word for word in words if word not in known]) <= 1
