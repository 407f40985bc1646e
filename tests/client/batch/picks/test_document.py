"""`picks.yaml` written by hand, and what is wrong with one."""

import pytest

from kilnmark.client.batch.picks.document import picks_bytes, picks_of
from kilnmark.client.batch.picks.said import EntryName, PickWord
from kilnmark.protocol.content.problems import UnusableContent

MILL = EntryName.of("ash", "mire", "poi", "The Mill", "landscape")
BY_HAND = b"""
picks:
- {genre: ash, world: mire, kind: poi, name: The Mill, seed: 12}
- genre: ash
  kind: portrait
  name: no
  seeds: [12, 99]
"""


def _problem(text: str) -> str:
    with pytest.raises(UnusableContent) as caught:
        picks_of(text.encode(), "picks.yaml")
    return str(caught.value)


def test_seeds_are_written_by_hand_and_the_tier_is_that_of_the_kind() -> None:
    picks = picks_of(BY_HAND, "picks.yaml")
    assert picks.of_entry(MILL).pinned == (12,)
    assert picks.of_entry(EntryName.of("ash", None, "portrait", "no", "portrait")).pinned == (12, 99)
    assert picks_of(picks_bytes(picks), "x") == picks


def test_a_time_of_another_zone_is_the_same_time() -> None:
    text = BY_HAND.replace(b"seed: 12", b'seed: 12, pinned: {by: Ada, at: "2026-01-31T12:00:00+02:00"}')
    seeds = picks_of(text, "picks.yaml").of_entry(MILL).seeds
    assert seeds is not None
    assert seeds.at == "2026-01-31T10:00:00.000000+00:00"


def test_an_entry_that_stands_twice_is_one() -> None:
    picks = picks_of(BY_HAND + b"- {genre: ash, world: mire, kind: poi, name: The Mill, rolls: 4}\n", "picks.yaml")
    assert (picks.of_entry(MILL).pinned, picks.of_entry(MILL).rolls) == ((12,), 4)


def test_an_accent_is_the_same_however_it_is_spelled() -> None:
    composed = "picks:\n- {genre: ash, kind: poi, name: Caf\u00e9, seed: 1}\n"
    apart = composed.replace("\u00e9", "e\u0301")
    assert picks_of(composed.encode(), "x") == picks_of(apart.encode(), "x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("picks:\n- {genre: a, kind: poi, name: b, sed: 1}", "picks.yaml:2: picks[0].sed"),
        ("picks:\n- {genre: a, kind: poi, name: b, seed: -1}", "picks[0].seed"),
        ("picks:\n- {genre: a, kind: poi, name: b, seed: 1, seeds: [2]}", "keep one of them"),
        ("picks:\n- {genre: a, kind: poi, name: b, pinned: {by: Ada}}", "add `seeds`"),
        ("picks:\n- {genre: a, kind: hill, name: b}", "picks[0].kind"),
        ("picks:\n- {genre: a, kind: poi, name: b, seed: 1, pinned: {at: yesterday}}", "is no time"),
        ("picks:\n- {genre: a, kind: poi, name: b, seed: 1, pinned: {at: '9999-12-31T23:59:59Z'}}", "is no time"),
        ("picks:\n- {genre: a, kind: poi, name: b, pictures: [{sha256: ff}]}", "is no SHA-256"),
        ("schema: 2", "schema"),
        ("picks: [", "is not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_nothing_is_read(text: str, told: str) -> None:
    assert told in _problem(text)


def test_a_word_is_one_of_three() -> None:
    entry = 'picks:\n- {genre: a, kind: poi, name: b, pictures: [{sha256: "%s", said: [{word: %s}]}]}'
    assert "word" in _problem(entry % ("0" * 64, "approved"))
    assert picks_of((entry % ("0" * 64, "open")).encode(), "x").entries[0].pictures[0].word is PickWord.OPEN
