"""What counts of what people said, and how one more word changes it."""

from kilnmark.client.batch.picks.said import EntryName, EntryPick, PickedPicture, PickWord
from kilnmark.client.batch.picks.saying import pinned, rolled, said_of, taken_back, unpinned

ENTRY = EntryName.of("ash", "mire", "poi", "The Mill", "landscape")
PICTURE = PickedPicture(sha256="a" * 64, seed=7, inputs="x", file="ash/mire/poi/the-mill.png")
NOTHING = EntryPick(entry=ENTRY)
NOON, ONE, TWO = (f"2026-01-01T1{hour}:00:00.000000+00:00" for hour in (2, 3, 4))


def _word(pick: EntryPick) -> PickWord:
    picture = pick.picture(PICTURE.sha256)
    assert picture is not None
    return picture.word


def test_the_last_word_counts_and_people_who_disagree_stay_visible() -> None:
    pick = said_of(NOTHING, PICTURE, PickWord.ACCEPTED, by="Ada", reason="", now=NOON)
    pick = said_of(pick, PICTURE, PickWord.REJECTED, by="Bo", reason="six fingers", now=ONE)
    [picture] = pick.pictures
    assert (picture.word, picture.disagree) == (PickWord.REJECTED, True)
    assert [each.by for each in picture.said] == ["Ada", "Bo"]
    assert pick.that_are(PickWord.REJECTED) == (picture,)


def test_one_person_has_one_word_of_a_picture() -> None:
    pick = said_of(NOTHING, PICTURE, PickWord.REJECTED, by="Ada", reason="dull", now=NOON)
    pick = said_of(pick, PICTURE, PickWord.ACCEPTED, by="Ada", reason="", now=ONE)
    [picture] = pick.pictures
    assert [(each.word, each.reason) for each in picture.said] == [(PickWord.ACCEPTED, "")]


def test_a_word_taken_back_lets_that_of_the_other_count_again() -> None:
    pick = said_of(NOTHING, PICTURE, PickWord.ACCEPTED, by="Ada", reason="", now=NOON)
    pick = said_of(pick, PICTURE, PickWord.REJECTED, by="Bo", reason="", now=ONE)
    undone = taken_back(pick, by="Bo", now=TWO)
    assert undone is not None
    assert _word(undone) is PickWord.ACCEPTED
    assert taken_back(undone, by="Bo", now=TWO) is None
    again = taken_back(undone, by="Ada", now=TWO)
    assert again is not None
    assert _word(again) is PickWord.OPEN


def test_what_is_said_after_a_clock_that_was_ahead_counts_after_it() -> None:
    pick = said_of(NOTHING, PICTURE, PickWord.ACCEPTED, by="Ada", reason="", now=TWO)
    pick = said_of(pick, PICTURE, PickWord.REJECTED, by="Bo", reason="", now=NOON)
    assert _word(pick) is PickWord.REJECTED
    assert pick.last == "2026-01-01T14:00:00.000001+00:00"


def test_seeds_are_pinned_taken_back_once_and_unpinned() -> None:
    pick = pinned(pinned(NOTHING, [12], by="Ada", now=NOON), [5, 99], by="Ada", now=ONE)
    assert pick.pinned == (5, 99)
    undone = taken_back(pick, by="Ada", now=TWO)
    assert undone is not None
    assert undone.pinned == (12,)
    assert taken_back(undone, by="Ada", now=TWO) is None
    assert taken_back(undone, by="Bo", now=TWO) is None
    assert unpinned(pick, by="Ada", now=TWO).pinned == ()


def test_of_a_word_and_seeds_the_later_is_taken_back_first() -> None:
    pick = pinned(NOTHING, [12], by="Ada", now=NOON)
    pick = said_of(pick, PICTURE, PickWord.ACCEPTED, by="Ada", reason="", now=ONE)
    undone = taken_back(pick, by="Ada", now=TWO)
    assert undone is not None
    assert (_word(undone), undone.pinned) == (PickWord.OPEN, (12,))
    again = taken_back(undone, by="Ada", now=TWO)
    assert again is not None
    assert again.pinned == ()


def test_seeds_drawn_anew_are_the_same_everywhere_and_none_was_tried_before() -> None:
    drawn = rolled(NOTHING, 3, [], by="Ada", now=NOON)
    assert rolled(NOTHING, 3, [], by="Bo", now=ONE).pinned == drawn.pinned
    assert len(set(drawn.pinned)) == 3
    assert all(0 <= seed < 2**32 for seed in drawn.pinned)
    others = rolled(NOTHING, 3, drawn.pinned, by="Ada", now=NOON).pinned
    assert not set(others) & set(drawn.pinned)
    again = rolled(drawn, 3, [], by="Ada", now=ONE)
    assert not set(again.pinned) & set(drawn.pinned)
    assert (drawn.rolls, again.rolls) == (1, 2)
